"""Factors of a first stage for small pictures of its latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from studio.diffusion.preview import explained, fit_rgb
from studio.training.data import batches

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

    from studio.diffusion.preview import Factors
    from studio.training.world import Mix

FITTED, HELD_OUT = 160, 40
"""Pictures that factors are fitted on, and others that say how well they fit."""

NOTE = (
    "Linear least squares (studio.diffusion.preview.fit_rgb) from the scaled latent's 4 channels "
    "to RGB 0..1 averaged over 8x8 pixels: 4 rows of (r, g, b), then the offsets. Fitted on "
    f"{FITTED} scenes; r2: on {HELD_OUT} others."
)


@torch.no_grad()
def fit(vae: AutoencoderKL, seed: int, mix: Mix) -> tuple[Factors, float]:
    """Factors, and the share of the variance that they explain of other scenes, 0..1.

    Args:
        vae: whose latents.
        seed, mix: of the scenes.
    """
    device = next(vae.parameters()).device
    scale = float(vae.config["scaling_factor"])
    latents, pixels = [], []
    for pictures in batches(seed, mix, 40, (FITTED + HELD_OUT) // 40):
        latents.append(vae.encode(pictures.to(device)).latent_dist.mean.float().cpu() * scale)
        pixels.append((pictures + 1) / 2)
    z, x = torch.cat(latents), torch.cat(pixels)
    factors = fit_rgb(z[:FITTED], x[:FITTED])
    return factors, explained(factors, z[FITTED:], x[FITTED:])
