"""Tiny random first stages, made by the library, and pictures for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from studio.diffusion.checkpoints.parts import space_of
from studio.diffusion.vae import LiveVae
from studio.values import Image, Latent

if TYPE_CHECKING:
    from torch import Tensor

CPU = torch.device("cpu")

KL: dict[str, Any] = {
    "_class_name": "AutoencoderKL",
    "block_out_channels": (8, 8, 8, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "norm_num_groups": 4,
    "sample_size": 64,
    "scaling_factor": 0.3,
}
VQ: dict[str, Any] = {
    "_class_name": "VQModel",
    "block_out_channels": (8, 8, 16),
    "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
    "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"),
    "latent_channels": 3,
    "norm_num_groups": 4,
    "num_vq_embeddings": 64,
    "scaling_factor": 1.0,
}


def make(config: dict[str, Any], seed: int = 0) -> Any:
    """The library's module, random, in evaluation mode."""
    import diffusers

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = getattr(diffusers, config["_class_name"]).from_config(config).eval()
        for part in module.modules():
            if isinstance(part, torch.nn.GroupNorm):
                # Of trained ones no two channels are alike.
                torch.nn.init.normal_(part.weight, 1, 0.3)
                torch.nn.init.normal_(part.bias, 0, 0.3)
        if hasattr(module, "quantize"):
            torch.nn.init.normal_(module.quantize.embedding.weight)
    return module.requires_grad_(False)


def live(module: Any, dtype: torch.dtype = torch.float32) -> LiveVae:
    """It at work on the CPU, its weights in `dtype`."""
    # Not by its own `to`, which warns of nothing.
    module = torch.nn.Module.to(module, dtype)
    return LiveVae(module, space_of(module.config), CPU, dtype)


def latent(stage: LiveVae, width: int, height: int, batch: int = 1, seed: int = 0) -> Latent:
    """Noise, stronger in one corner: no tile's statistics are the picture's."""
    step = stage.space.downscale
    shape = (batch, stage.space.channels, height // step, width // step)
    samples = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    samples[..., : shape[2] // 2, : shape[3] // 3] *= 4
    return Latent(samples, stage.space, width, height, batch)


def picture(width: int, height: int, batch: int = 1) -> Image:
    """A gradient with a noisy corner and an even one."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width).expand(height, width)
    pixels = torch.stack([rows, columns, rows * columns]).repeat(batch, 1, 1, 1)
    corner = pixels[..., : height // 2, : width // 3]
    corner.copy_(torch.rand(corner.shape, generator=generator))
    pixels[..., -height // 4 :, -width // 4 :] = 0.9
    return Image(pixels)


def moments(stage: LiveVae, pixels: Tensor) -> Tensor:
    """What the library's encoder makes of pictures in 0..1."""
    found = stage.module.encode(pixels * 2 - 1)
    if stage.quantised:
        return found.latents  # type: ignore[no-any-return]
    return found.latent_dist.parameters  # type: ignore[no-any-return]


def never() -> None:
    """Nobody cancels."""


class Heard(list[str]):
    """What was warned of."""

    def __call__(self, message: str) -> None:
        self.append(message)
