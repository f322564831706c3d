"""Pictures that graphs of both sides start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image as Pil

if TYPE_CHECKING:
    from pathlib import Path


def save_picture(path: Path, width: int, height: int, hole: bool = False) -> torch.Tensor:
    """A picture of coloured noise.

    Args:
        path: a PNG.
        width, height: of it.
        hole: make a part of it transparent, along cells of 8 x 8 pixels (masks are scaled to the
            latent bilinearly here and by the nearest pixel in the library, which is the same then).

    Returns:
        float32 [1, 3, H, W] in 0..1, also under the hole.
    """
    data = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    data[..., 3] = 255
    if hole:
        data[16:72, 24:48, 3] = 0
    Pil.fromarray(data if hole else data[..., :3]).save(path)
    return torch.from_numpy(data[..., :3]).permute(2, 0, 1)[None] / 255


def hole_mask(width: int, height: int) -> torch.Tensor:
    """The hole of `save_picture`: float32 [1, 1, H, W], 1 = repaint."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., 16:72, 24:48] = 1
    return mask
