"""A first stage from its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from studio.diffusion.loading import load_module
from studio.diffusion.vae.live import LiveVae

if TYPE_CHECKING:
    from studio.diffusion.checkpoints import Part
    from studio.values import LatentSpace


def load_vae(
    part: Part, space: LatentSpace, name: str, device: torch.device, dtype: torch.dtype
) -> tuple[LiveVae, Any]:
    """A first stage on its device, and its module.

    Args:
        part: an AutoencoderKL or a VQModel, a checkpoint's or one of its own.
        space: of its latents.
        name: of the checkpoint, for messages.
        device: where it goes.
        dtype: to compute in; float32 is taken in place of float16 where the config says that its
            activations overflow (`force_upcast`, as of SDXL).

    Raises:
        BadCheckpoint: config and weights don't fit each other.
    """
    if dtype is torch.float16 and part.config.get("force_upcast"):
        dtype = torch.float32
    module = load_module(part, lambda: _build(part), name, device=device, dtype=dtype)
    return LiveVae(module, space, device, dtype), module


def _build(part: Part) -> Any:
    if part.class_name == "VQModel":
        from diffusers.models.autoencoders.vq_model import VQModel

        return VQModel.from_config(dict(part.config))
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    return AutoencoderKL.from_config(dict(part.config))
