"""What to put where a picture has nothing: beyond its edge, or under a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from studio.inpaint.marching import march
from studio.inpaint.membrane import membrane

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from studio.inpaint.marching import Way

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]


def fill(
    pixels: Floats,
    hole: Flags,
    how: str,
    tick: Callable[[int, int], None] | None = None,
) -> Floats:
    """A picture with its hole filled.

    Args:
        pixels: [H, W, 3] in 0..1.
        hole: [H, W], what to fill.
        how: one of `studio.inpaint.FILLS`: black; middle grey; the nearest pixel; the
            surroundings, blurred ever more; see `marching` for the last two.
        tick: called with steps done, and of how many; may raise.

    Returns:
        [H, W, 3] in 0..1, equal to `pixels` outside the hole; where all is a hole, it is grey for
        the fills that need something around.
    """
    if not hole.any():
        return pixels
    if how == "none":
        return np.where(hole[..., None], np.float32(0), pixels)
    if how == "neutral" or hole.all():
        return np.where(hole[..., None], np.float32(0.5), pixels)
    if how == "edge":
        return _nearest(pixels, hole)
    if how == "blur":
        return membrane(pixels, ~hole, None if tick is None else lambda: tick(0, 1))
    return march(pixels, hole, cast("Way", how), tick)


def _nearest(pixels: Floats, hole: Flags) -> Floats:
    from scipy import ndimage

    rows, columns = ndimage.distance_transform_edt(
        hole, return_distances=False, return_indices=True
    )
    nearest: Floats = pixels[rows, columns]
    return nearest
