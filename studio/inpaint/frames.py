"""Which part of a picture to sample: the mask with what is around it, at the model's size.

The engine crops by it, and the editor draws its frame by it, so both are the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.inpaint import compose
from studio.values import CropFrame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Box = tuple[int, int, int, int]

MAX_SCALE = 4.0
"""A crop isn't enlarged more; a small mask gets more of its surroundings instead."""


def crop_frame(
    masks: Iterable[Floats],
    *,
    grow: float,
    soften: float,
    feather: float | None,
    context: float | None,
    size: int | None,
) -> CropFrame | None:
    """The frame that Inpaint and CropToMask cut out for masks; None where all are empty.

    Args:
        masks: [H, W] each, of the picture's size, in 0..1; one frame serves all.
        grow: how much farther to repaint, in pixels.
        soften: pixels over which what is repainted fades out beyond that.
        feather: pixels over which the result fades out; None takes the usual number.
        context: as in `frame_around`; None takes the whole picture as it is.
        size: as in `frame_around`.
    """
    box: Box | None = None
    height = width = 0
    for mask in masks:
        height, width = mask.shape
        soft = compose.usual_feather(mask) if feather is None else feather
        # The wider edge reaches as far as the narrower one, and farther.
        box = _union(box, covered(mask, grow, max(soft, soften)))
    if box is None:
        return None
    if context is None:
        return whole_frame(width, height)
    return frame_around(box, width, height, context=context, size=size)


def covered(mask: Floats, grow: float, feather: float) -> Box | None:
    """`compose.bounds` of `compose.blend_mask`, without the time that making it takes.

    Args:
        mask: [H, W] in 0..1.
        grow, feather: as in `compose.blend_mask`, in pixels.

    Returns:
        Left, top, right, bottom, the latter two exclusive; None for nothing.
    """
    box = compose.bounds(mask)
    if box is None:
        return None
    half: Any = mask >= 0.5
    inside = compose.bounds(half)
    if inside is None:
        return box if grow >= 0 else None
    if grow >= 0:
        return _union(box, _widened(inside, _reach(grow, feather), mask))
    # How far in it is drawn depends on its shape; one more pixel shows where that ends.
    left, top, right, bottom = _widened(box, math.ceil(max(feather + grow, 0)) + 1, mask)
    part = compose.bounds(compose.blend_mask(mask[top:bottom, left:right], grow, feather))
    if part is None:
        return None
    return part[0] + left, part[1] + top, part[2] + left, part[3] + top


def own_side(sample_size: object, downscale: int) -> int:
    """Side of the square pictures that a model was trained on, in pixels.

    Args:
        sample_size: of its denoiser's configuration, in cells; taken for 64 where it isn't said.
        downscale: pixels a cell, along a side.
    """
    return (sample_size if isinstance(sample_size, int) else 64) * downscale


def new_area(
    width: int, height: int, beyond: tuple[int, int, int, int], overlap: float
) -> Floats:
    """What PadForOutpaint masks by itself: what is new, fading out into the picture.

    Args:
        width, height: of the picture before.
        beyond: pixels to the left, at the top, to the right, at the bottom.
        overlap: pixels into the picture.

    Returns:
        float32 [H, W] of the larger picture.
    """
    left, top, right, bottom = beyond
    made = np.ones((top + height + bottom, left + width + right), np.float32)
    inner = made[top : top + height, left : left + width]
    inner[:] = 0
    # The nearest new pixel lies straight across or down: how it fades is the same along a side.
    row = np.zeros((1, math.ceil(overlap) + 2), np.float32)
    row[0, 0] = 1
    fade = compose.blend_mask(row, 0, overlap)[0, 1:]
    planes = ((inner, top), (inner[::-1], bottom), (inner.T, left), (inner.T[::-1], right))
    for plane, added in planes:
        if added:
            near = plane[: len(fade)]
            np.maximum(near, fade[: len(near), None], out=near)
    return made


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


def cuts_off(frame: CropFrame, alpha: Floats) -> bool:
    """Whether a blend mask [H, W] of the picture's size goes on outside a frame."""
    box = compose.bounds(alpha)
    if box is None:
        return False
    left, top, right, bottom = box
    across = frame.x <= left and right <= frame.x + frame.width
    down = frame.y <= top and bottom <= frame.y + frame.height
    return not (across and down)


def whole_frame(width: int, height: int) -> CropFrame:
    """All of a picture, as it is."""
    return CropFrame(0, 0, width, height, width, height, width, height)


def _reach(grow: float, feather: float) -> int:
    """How many whole pixels beyond a mask `compose.blend_mask` is still above 0; no `grow` < 0."""
    if not feather:
        return math.floor(grow)
    far = math.ceil(grow + feather)
    # By the arithmetic that decides it there, to the last bit.
    while far > 0 and feather - (far - grow) <= 0:
        far -= 1
    return far


def _widened(box: Box, by: int, mask: Floats) -> Box:
    """A box with so many pixels more on each side, within the mask's plane."""
    height, width = mask.shape
    left, top, right, bottom = box
    return max(left - by, 0), max(top - by, 0), min(right + by, width), min(bottom + by, height)


def _union(one: Box | None, other: Box | None) -> Box | None:
    """The smallest box that holds both."""
    if one is None or other is None:
        return one or other
    left, top = min(one[0], other[0]), min(one[1], other[1])
    return left, top, max(one[2], other[2]), max(one[3], other[3])
