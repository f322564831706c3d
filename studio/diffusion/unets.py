"""Making a checkpoint's denoiser live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.diffusion.attention import own_attention
from studio.diffusion.checkpoints import BadCheckpoint, Checkpoint
from studio.diffusion.denoiser import LiveModel
from studio.diffusion.loading import load_module
from studio.diffusion.sigmas import SigmaSpace, UnknownNoiseSchedule

if TYPE_CHECKING:
    import torch
    from torch import nn


def sigma_space(checkpoint: Checkpoint) -> SigmaSpace:
    """The noise levels that a checkpoint's denoiser was trained on. Reads no weights.

    Raises:
        BadCheckpoint: its scheduler's config describes none that are known.
    """
    try:
        return SigmaSpace.from_config(checkpoint.scheduler)
    except UnknownNoiseSchedule as error:
        path = checkpoint.path
        if path.is_dir():
            path = path / "scheduler" / "scheduler_config.json"
        raise BadCheckpoint(checkpoint.name, path, error.what, error.hint) from None


def load_unet(
    checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype
) -> tuple[LiveModel, nn.Module]:
    """The denoiser of a checkpoint, its weights on `device` in `dtype`.

    Raises:
        BadCheckpoint: its files don't fit.
    """
    sigmas = sigma_space(checkpoint)
    part = checkpoint.unet
    config = {key: value for key, value in part.config.items() if key != "_num_heads"}
    heads = part.config.get("_num_heads")

    def build() -> nn.Module:
        if part.class_name == "UNet2DModel":
            from diffusers.models.unets.unet_2d import UNet2DModel

            return _with_heads(UNet2DModel.from_config(config), heads)
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

        module: nn.Module = UNet2DConditionModel.from_config(config)
        return module

    module: Any = load_module(part, build, checkpoint.name, device=device, dtype=dtype)
    live = LiveModel(
        unet=module,
        sigmas=sigmas,
        space=checkpoint.space,
        prediction=checkpoint.prediction,
        device=device,
        dtype=dtype,
        attention=None if part.class_name == "UNet2DModel" else own_attention(module),
    )
    return live, module


def _with_heads(module: Any, heads: int | None) -> nn.Module:
    """Part all attention into `heads`; the library's config knows a width of each head only."""
    if heads:
        from diffusers.models.attention_processor import Attention

        for attention in module.modules():
            if isinstance(attention, Attention):
                attention.scale = (attention.inner_dim // heads) ** -0.5
                attention.heads = heads
                attention.sliceable_head_dim = heads
    result: nn.Module = module
    return result
