"""Previews without the first stage: colours as a linear function of the latent.

A latent cell's colour is close to linear in its channels (the idea: "Decoding latents to RGB
without upscaling", discuss.huggingface.co 23204); one small matrix a latent space is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import adaptive_avg_pool2d

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from studio.values import LatentSpace

Factors = tuple[tuple[float, float, float], ...]


def latent_to_rgb(samples: Tensor, space: LatentSpace) -> NDArray[np.uint8] | None:
    """A small picture of a latent.

    Args:
        samples: [B, C, h, w], scaled, on any device.
        space: its latent space, which has the factors (`space.rgb`).

    Returns:
        uint8 [B, h, w, 3], one pixel a latent cell, or None where the space has no factors.
    """
    if space.rgb is None:
        return None
    factors = torch.tensor(space.rgb, dtype=torch.float32, device=samples.device)
    colours = samples.float().movedim(1, -1) @ factors[:-1] + factors[-1]
    rounded = (colours.clamp(0, 1) * 255).round().to(torch.uint8)
    picture: NDArray[np.uint8] = rounded.cpu().numpy()
    return picture


def fit_rgb(latents: Tensor, pixels: Tensor) -> Factors:
    """The factors that fit best, by least squares.

    Args:
        latents: [N, C, h, w], scaled.
        pixels: [N, 3, H, W] in 0..1, the pictures they encode; averaged down to [h, w].

    Returns:
        C rows of (r, g, b) and a row of offsets, as in `LatentSpace.rgb`.
    """
    inputs, targets = _table(latents, pixels)
    solution = torch.linalg.lstsq(inputs, targets, driver="gelsd").solution
    return tuple((r, g, b) for r, g, b in solution.tolist())


def explained(factors: Factors, latents: Tensor, pixels: Tensor) -> float:
    """R^2 of factors on pictures: 1 = exact, 0 = no better than the mean colour."""
    inputs, targets = _table(latents, pixels)
    residual = targets - inputs @ torch.tensor(factors, dtype=inputs.dtype)
    return float(1 - residual.square().sum() / (targets - targets.mean(0)).square().sum())


def _table(latents: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """A row a cell: float64 [N * h * w, C + 1] (a last column of ones) and [N * h * w, 3]."""
    channels, height, width = latents.shape[1:]
    inputs = latents.double().movedim(1, -1).reshape(-1, channels)
    targets = adaptive_avg_pool2d(pixels.double(), (height, width)).movedim(1, -1).reshape(-1, 3)
    return torch.cat([inputs, torch.ones(len(inputs), 1).double()], dim=1), targets
