"""Putting what was repainted back into its picture.

Where the blend mask is 0 a picture keeps its bits. The mask reaches a little beyond what was
masked, and is 0 from a known distance on: see `blend_mask`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from studio.inpaint.membrane import membrane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

TRUSTED = 0.15
"""Differences up to this are a drift of colours; larger ones are another content."""
MARGIN = 24
"""Pixels around a mask whose colours are compared."""
_THIN = 1e-3
"""Pixels; an edge softer than this can't be told from a hard one."""
_SMOOTHING = 2.0
"""Deviation of the blur, in pixels, that keeps grain out of the comparison."""


def blend_mask(mask: Floats, grow: float, feather: float) -> Floats:
    """A mask made larger, with a soft edge.

    It is 1 as far as `grow` around what is masked by half or more, falls smoothly over the next
    `feather` pixels, and is exactly 0 farther out. A soft mask is never made less.

    Args:
        mask: [H, W] in 0..1.
        grow: pixels; negative ones make it smaller.
        feather: pixels.

    Returns:
        float32 [H, W] in 0..1.
    """
    from scipy import ndimage

    inside = mask >= 0.5
    if not inside.any():
        return mask if grow >= 0 else np.zeros_like(mask)
    if feather < _THIN:
        feather = 0.0
    if not grow and not feather:
        return mask
    distance = ndimage.distance_transform_edt(~inside)
    if grow < 0:
        # Beyond the picture it goes on: a mask at the edge isn't drawn back from there.
        padded = np.pad(inside, 1, mode="edge")
        distance = distance - np.maximum(ndimage.distance_transform_edt(padded)[1:-1, 1:-1] - 1, 0)
        mask = np.where(distance + grow * -1 <= 0, mask, np.float32(0))
    away = distance - grow
    soft = ((feather - away) / feather).clip(0, 1) if feather else (away <= 0).astype(np.float64)
    smooth = soft * soft * (3 - 2 * soft)
    larger: Floats = np.maximum(mask, smooth.astype(np.float32))
    return larger


def usual_feather(mask: Floats) -> float:
    """A tenth of the diagonal around what is masked, 4 to 64 pixels."""
    box = bounds(mask)
    if box is None:
        return 4.0
    left, top, right, bottom = box
    return float(np.clip(round(math.hypot(right - left, bottom - top) / 10), 4, 64))


def bounds(mask: Floats) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what a mask covers, the latter two exclusive; None for nothing.

    Args:
        mask: [H, W].
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def blend(base: Floats, over: Floats, alpha: Floats, *, match: bool = True) -> Floats:
    """`over` on `base` through a mask.

    Args:
        base: [H, W, 3] in 0..1.
        over: [H, W, 3] in 0..1, of the same scene: what isn't masked is much alike.
        alpha: [H, W] in 0..1.
        match: take out the drift of colours that is seen around the mask, smoothly into it. First
            stages and denoisers don't give a plain wall back to the last step of its colour, and
            the eye finds an edge of one part in a hundred.

    Returns:
        [H, W, 3] in 0..1; where alpha is 0, `base` to the bit.
    """
    box = bounds(alpha)
    if box is None:
        return base
    height, width = alpha.shape
    left, top, right, bottom = box
    rows = slice(max(top - MARGIN, 0), min(bottom + MARGIN, height))
    columns = slice(max(left - MARGIN, 0), min(right + MARGIN, width))
    part = alpha[rows, columns, None]
    below, above = base[rows, columns], over[rows, columns]
    if match:
        above = (above + drift(below, above, part[..., 0])).clip(0, 1)
    mixed = below + part * (above - below)
    mixed = np.where(part >= 1, above, mixed)
    result = base.copy()
    result[rows, columns] = np.where(part > 0, mixed.clip(0, 1), below)
    return result


def drift(base: Floats, over: Floats, alpha: Floats) -> Floats:
    """What to add to `over` so that it agrees with `base` around the mask, [H, W, 3].

    Around the mask it is their difference, blurred a little; under the mask a skin is stretched
    over it. Differences beyond `TRUSTED` say that something else was painted there, and where
    they lie there is a skin too.
    """
    from scipy import ndimage

    difference = base - over
    trusted = (alpha <= 0) & (np.abs(difference).max(-1) <= TRUSTED)
    weight = ndimage.gaussian_filter(trusted.astype(np.float32), _SMOOTHING)
    known = trusted & (weight > 1e-3)
    counted = np.where(trusted[..., None], difference, np.float32(0))
    blurred = ndimage.gaussian_filter(counted, (_SMOOTHING, _SMOOTHING, 0))
    smooth = (blurred / np.maximum(weight, 1e-3)[..., None]).astype(np.float32)
    return membrane(smooth, known)
