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

# Of public models whose files bring none; from pictures in -1..1, so halved where they are used.
# They are the ones ComfyUI shows (comfy/latent_formats.py), so previews look as people know them.
_MEASURED: dict[str, Factors] = {
    "kl-f8-c4-0.18215": (  # Stable Diffusion 1 and 2
        (0.3512, 0.2297, 0.3227), (0.3250, 0.4974, 0.2350), (-0.2829, 0.1762, 0.2721),
        (-0.2120, -0.2616, -0.7177), (0.0, 0.0, 0.0),
    ),
    "kl-f8-c4-0.13025": (  # Stable Diffusion XL
        (0.3651, 0.4232, 0.4341), (-0.2533, -0.0042, 0.1068), (0.1076, 0.1111, -0.0362),
        (-0.3165, -0.2492, -0.2188), (0.1084, -0.0175, -0.0011),
    ),
    "kl-f4-c4-0.08333": (  # the x4 upscaler
        (-0.2340, -0.3863, -0.3257), (0.0994, 0.0885, -0.0908), (-0.2833, -0.2349, -0.3741),
        (0.2523, -0.0055, -0.1651), (0.0, 0.0, 0.0),
    ),
}  # fmt: skip


def latent_to_rgb(samples: Tensor, space: LatentSpace) -> NDArray[np.uint8] | None:
    """A small picture of a latent.

    Args:
        samples: [B, C, h, w], scaled, on any device.
        space: its latent space; its own factors (`space.rgb`) come before those of its kind.

    Returns:
        uint8 [B, h, w, 3], one pixel a latent cell, or None where the space has no factors.
    """
    known = space.rgb or known_factors(space.name)
    if known is None:
        return None
    factors = torch.tensor(known, dtype=torch.float32, device=samples.device)
    colours = samples.float().movedim(1, -1) @ factors[:-1] + factors[-1]
    rounded = (colours.clamp(0, 1) * 255).round().to(torch.uint8)
    picture: NDArray[np.uint8] = rounded.cpu().numpy()
    return picture


def known_factors(space: str) -> Factors | None:
    """The factors of a public latent space by its name, for pictures in 0..1; None for others."""
    measured = _MEASURED.get(space)
    if measured is None:
        return None
    halves = [(0.5 * r, 0.5 * g, 0.5 * b) for r, g, b in measured]
    red, green, blue = halves[-1]
    return (*halves[:-1], (red + 0.5, green + 0.5, blue + 0.5))


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
