"""What is done to masks: grow and shrink, feather, threshold, fill holes, combine, pick by colour.

Masks are float32 [H, W] in 0..1, 1 = repaint; nothing is changed in place. Every function says how
far it reaches, because what lies beyond has to keep its bits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.masks.names import MAX_GROW, WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Mask = NDArray[np.float32]
    Check = Callable[[], None]

_TAIL = 3.0
"""A feathered edge ends after so many deviations of its Gaussian."""


def grow(mask: Mask, pixels: float, check: Check | None = None) -> Mask:
    """A mask made larger by a disc, or smaller.

    A pixel takes the largest value within `pixels` of it, between centres. Between two whole
    numbers of pixels the results for these are mixed. Reaches ceil(pixels) far. Shrinking is its
    mirror: what isn't masked grows; the picture's edge takes nothing away.

    Args:
        mask: [H, W].
        pixels: -`MAX_GROW` to `MAX_GROW`; below 0 the mask shrinks.
        check: called now and then; may raise to stop.
    """
    if not math.isfinite(pixels) or abs(pixels) > MAX_GROW:
        raise ValueError(f"pixels is {pixels}; it must be {-MAX_GROW} to {MAX_GROW}")
    result = mask.copy()
    if not pixels or not mask.size:
        return result
    top, bottom, left, right = _around(mask, math.ceil(abs(pixels)))
    if top == bottom:
        return result
    part = mask[top:bottom, left:right]
    if pixels < 0:
        part = -part
    whole, rest = divmod(abs(pixels), 1)
    grown = _dilated(part, int(whole), check)
    if rest:
        more = _dilated(part, int(whole) + 1, check)
        grown += np.float32(rest) * (more - grown)
    # From 0, so that no zero comes out negative.
    result[top:bottom, left:right] = grown if pixels > 0 else 0 - grown
    return result


def feather(mask: Mask, pixels: float) -> Mask:
    """A mask with a soft edge, as wide to either side as `pixels` or so.

    A Gaussian of deviation pixels / 2, cut off (and its weights made to sum to 1) at three
    deviations: it reaches `feather_reach(pixels)` far. Beyond the picture it goes on as at its
    edge.

    Args:
        mask: [H, W].
        pixels: 0 to `MAX_GROW`.
    """
    if not 0 <= pixels <= MAX_GROW:
        raise ValueError(f"pixels is {pixels}; it must be 0 to {MAX_GROW}")
    reach = feather_reach(pixels)
    if not reach or not mask.size:
        return mask.copy()
    from scipy.ndimage import gaussian_filter

    top, bottom, left, right = _around(mask, reach)
    result = mask.copy()
    if top == bottom:
        return result
    # Twice as far, so that the cut changes nothing within reach.
    outer = _around(mask, 2 * reach)
    part = mask[outer[0] : outer[1], outer[2] : outer[3]]
    soft = gaussian_filter(part, pixels / 2, mode="nearest", radius=reach)
    inner = soft[top - outer[0] : bottom - outer[0], left - outer[2] : right - outer[2]]
    result[top:bottom, left:right] = np.clip(inner, 0, 1)
    return result


def feather_reach(pixels: float) -> int:
    """How many pixels from a mask its feathered edge is still above 0."""
    return math.ceil(_TAIL * pixels / 2)


def threshold(mask: Mask, at: float) -> Mask:
    """1 where a mask is `at` or more, else 0."""
    return (mask >= np.float32(at)).astype(np.float32)


def invert(mask: Mask) -> Mask:
    """What was out is in."""
    return np.float32(1) - mask


def fill_holes(mask: Mask, check: Check | None = None) -> Mask:
    """A mask without holes: what it encloses is filled up to its rim.

    Of soft masks a hole is filled as high as the lowest place of the rim around it: the value of a
    pixel becomes the least maximum that a path from it to the picture's edge has, by steps across
    and down.

    Args:
        mask: [H, W].
        check: called now and then; may raise to stop.
    """
    if not mask.size:
        return mask.copy()
    # Water that stands everywhere runs off over the edge, sweep by sweep, until none moves.
    level = np.ones_like(mask)
    for side in (0, -1):
        level[side], level[:, side] = mask[side], mask[:, side]
    while True:
        before = level.copy()
        for plane, floor in ((level, mask), (level.T, mask.T)):
            if check:
                check()
            _run_off(plane, floor)
        if np.array_equal(before, level):
            return level


def combine(one: Mask, other: Mask, how: str) -> Mask:
    """Two masks of one size (or batches of them) as one, by one of `WAYS`.

    "union" takes the larger value, "intersect" the smaller, "subtract" the smaller of the first
    and what the second leaves, "exclude" their difference.
    """
    if how == "union":
        return np.maximum(one, other)
    if how == "intersect":
        return np.minimum(one, other)
    if how == "subtract":
        return np.minimum(one, invert(other))
    if how == "exclude":
        apart: Mask = np.abs(one - other)
        return apart
    raise ValueError(f"how must be one of {', '.join(WAYS)}, not {how!r}")


def from_colour(
    picture: NDArray[np.float32], colour: tuple[int, int, int], tolerance: float, soft: float
) -> Mask:
    """Where a picture has a colour.

    Args:
        picture: [H, W, 3] in 0..1.
        colour: 0-255 a channel.
        tolerance: 0-255: how far the channel that differs most may be off.
        soft: 0-255: from the tolerance on the mask falls to 0 over so much.
    """
    wanted = np.asarray(colour, np.float32) / np.float32(255)
    off: Mask = np.abs(picture - wanted).max(axis=-1) * np.float32(255)
    # A picture of 8 bits has its k / 255 to a last bit: half a step is no difference.
    beyond = off - np.float32(tolerance)
    if soft <= 0:
        return (beyond < 0.5).astype(np.float32)
    falling: Mask = np.clip(1 - np.maximum(beyond, 0) / np.float32(soft), 0, 1)
    return falling


def luminance(red: Any, green: Any, blue: Any) -> Any:
    """The luminance of arrays or tensors of colours as they are stored, by Rec. 709's weights.

    Of a grey it is the grey itself, to the last bit.
    """
    return green + 0.2126 * (red - green) + 0.0722 * (blue - green)


def like_colour(
    picture: NDArray[np.uint8], colour: tuple[int, int, int], tolerance: int
) -> NDArray[np.bool_]:
    """Where no channel of uint8 [H, W, 3] differs from a colour by more than a tolerance."""
    like = np.ones(picture.shape[:2], bool)
    for channel, value in enumerate(colour):
        low, high = max(value - tolerance, 0), min(value + tolerance, 255)
        plane = picture[..., channel]
        like &= (plane >= low) & (plane <= high)
    return like


def _around(mask: Mask, reach: int) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of all that lies within `reach` of anything masked."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    height, width = mask.shape
    return (
        max(int(rows[0]) - reach, 0), min(int(rows[-1]) + 1 + reach, height),
        max(int(columns[0]) - reach, 0), min(int(columns[-1]) + 1 + reach, width),
    )  # fmt: skip


def _dilated(mask: Mask, radius: int, check: Check | None) -> Mask:
    """The largest value within a disc of a whole radius around each pixel.

    A disc is a row for each step down. From its rim inwards its rows grow wider, so that each is
    made of the one before by a shift to either side.
    """
    result = mask.copy()
    row, half = mask, 0
    for down in range(radius, -1, -1):
        if check:
            check()
        wanted = math.isqrt(radius * radius - down * down)
        while half < wanted:
            # No farther: what is shifted in from beyond the picture's edge would leave a gap.
            step = min(wanted - half, half + 1)
            wider = row.copy()
            np.maximum(wider[:, step:], row[:, :-step], out=wider[:, step:])
            np.maximum(wider[:, :-step], row[:, step:], out=wider[:, :-step])
            row, half = wider, half + step
        if down < mask.shape[0]:
            np.maximum(result[down:], row[: len(row) - down], out=result[down:])
            np.maximum(result[: len(row) - down], row[down:], out=result[: len(row) - down])
    return result


def _run_off(level: Mask, floor: Mask) -> None:
    """Let water run down and up the rows, in place; never below the floor."""
    for order in (range(1, len(level)), range(len(level) - 2, -1, -1)):
        step = order.step
        for row in order:
            lower = np.minimum(level[row], level[row - step])
            np.maximum(lower, floor[row], out=level[row])
