"""Which part of a picture to sample: the mask with what is around it, at the model's size."""

from __future__ import annotations

import math

from studio.values import CropFrame

MAX_SCALE = 4.0
"""A crop isn't enlarged more; a small mask gets more of its surroundings instead."""


def frame_around(
    box: tuple[int, int, int, int],
    width: int,
    height: int,
    *,
    context: float,
    size: int | None,
) -> CropFrame:
    """The frame around a mask.

    A square where the picture has room for one. At the picture's edge it is shifted, never beyond.

    Args:
        box: left, top, right, bottom of the mask, the latter two exclusive.
        width, height: of the picture.
        context: how much around the mask to show at least, as a share of its longer side.
        size: side of the square that the model works at: the frame is scaled to its area; None
            leaves it as it is.
    """
    left, top, right, bottom = box
    longer = max(right - left, bottom - top)
    side = math.ceil(longer * (1 + 2 * context))
    if size is not None:
        side = max(side, math.ceil(size / MAX_SCALE))
    wide, high = min(max(side, right - left), width), min(max(side, bottom - top), height)
    x = min(max((left + right - wide) // 2, 0), width - wide)
    y = min(max((top + bottom - high) // 2, 0), height - high)
    scale = 1.0 if size is None else min(size / math.sqrt(wide * high), MAX_SCALE)
    scaled = max(round(wide * scale), 1), max(round(high * scale), 1)
    return CropFrame(x, y, wide, high, *scaled, width, height)


def whole_frame(width: int, height: int) -> CropFrame:
    """All of a picture, as it is."""
    return CropFrame(0, 0, width, height, width, height, width, height)
