"""How a brush covers pixels.

A brush is a disc at its first point and a capsule from each point to the next. A pixel's coverage
is the largest that any of them gives at the pixel's centre; a capsule's goes by the distance from
its axis: 255 within hardness * radius, falling smoothly to 0 at the radius, over a pixel at least.

Every pixel's value is found by the same float32 arithmetic, whichever rectangle it is computed in
and with whatever other capsules: that is why a stroke painted point by point on a canvas is equal,
bit for bit, to one drawn whole. Additions, products, quotients and roots are correctly rounded in
IEEE arithmetic and numpy computes them one by one; nothing here sums in an order that depends on
the shape (no dot products).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from studio.masks.capsules import segments
from studio.masks.items import OPACITY
from studio.masks.pixels import Rect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from studio.masks.capsules import Segments
    from studio.masks.items import Brush

    Floats = NDArray[np.float64]
    Single = NDArray[np.float32]
    Plane = NDArray[np.uint8]

_STEPS = 4095
_HALF, _ONE = np.float32(0.5), np.float32(1)
_GROUP = 1 << 16
"""Pixels worked on at a time: some planes of floats of this size fit a core's cache."""
_GROUP_SEGMENTS = 64
_STACK = 1 << 18
"""Pixels of all capsules of a group, up to which these are computed at once."""


def paint(
    mask: Plane,
    brush: Brush,
    since: int = 0,
    check: Callable[[], None] | None = None,
    before: Callable[[Rect], None] | None = None,
) -> list[Rect]:
    """Draw the points of a brush from `since` on into a mask, in place.

    Args:
        mask: uint8 [H, W].
        brush: what to draw.
        since: number of the first point that isn't there yet.
        check: called now and then; may raise to stop.
        before: called with each rectangle before it changes.

    Returns:
        The rectangles that may have changed.
    """
    height, width = mask.shape
    found = segments(brush, width, height, since)
    most = int(_table(brush.opacity)[-1])
    changed = []
    for rect, frames in _groups(found, width, height):
        if check:
            check()
        region = mask[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
        wanted = _open(region, frames, most, brush.erase)
        if not wanted:
            continue  # there is nothing that this brush could add
        if before:
            before(rect)
        cover = (_varying if brush.pressure else _even)(found, wanted, brush, rect)
        if brush.erase:
            np.subtract(255, cover, out=cover)
            np.minimum(region, cover, out=region)
        else:
            np.maximum(region, cover, out=region)
        changed.append(rect)
    return changed


class _Frame(NamedTuple):
    """A capsule and the part of a rectangle in which to look at it."""

    number: int
    left: int
    top: int
    right: int
    bottom: int


def _open(region: Plane, frames: list[_Frame], most: int, erase: bool) -> list[_Frame]:
    """The capsules where a brush can change something: not all is as full as it would make it.

    Args:
        region: the mask in a rectangle.
        frames: capsules in that rectangle.
        most: what the brush covers at most.
        erase: it takes away.
    """
    low, high = int(region.min()), int(region.max())
    limit = 255 - most if erase else most
    if (high <= limit) if erase else (low >= limit):
        return []
    if (low > limit) if erase else (high < limit):
        return frames  # no pixel is full yet
    if erase:
        return [f for f in frames if region[f.top : f.bottom, f.left : f.right].max() > limit]
    return [f for f in frames if region[f.top : f.bottom, f.left : f.right].min() < limit]


def _groups(found: Segments, width: int, height: int) -> Iterator[tuple[Rect, list[_Frame]]]:
    """Rectangles of the picture, and the capsules to look at in each."""
    x0, y0, x1, y1 = (
        np.clip(side, 0, size).astype(np.int64)
        for side, size in zip(found.boxes(), (width, height) * 2, strict=True)
    )
    numbers = np.flatnonzero((x1 > x0) & (y1 > y0)).tolist()
    boxes = list(zip(x0.tolist(), y0.tolist(), x1.tolist(), y1.tolist(), strict=True))
    place = 0
    while place < len(numbers):
        left, top, right, bottom = boxes[numbers[place]]
        own = (right - left) * (bottom - top)
        end = place + 1
        while end < len(numbers):
            a, b, c, d = boxes[numbers[end]]
            own += (c - a) * (d - b)
            # No min and max: this is asked for every point of every stroke.
            a, b = a if a < left else left, b if b < top else top
            c, d = c if c > right else right, d if d > bottom else bottom
            area, count = (c - a) * (d - b), end - place
            if count >= _GROUP_SEGMENTS and area * (count + 1) > _STACK:
                break
            if area > own or (area > _GROUP and area > (right - left) * (bottom - top)):
                break
            left, top, right, bottom = a, b, c, d
            end += 1
        rows = max(16, _GROUP // (right - left))
        for row in range(top, bottom, rows):
            last = min(row + rows, bottom)
            frames = [
                _Frame(n, a - left, max(b, row) - row, c - left, min(d, last) - row)
                for n, (a, b, c, d) in ((n, boxes[n]) for n in numbers[place:end])
                if b < last and d > row
            ]
            if frames:
                yield Rect(left, row, right - left, last - row), frames
        place = end


def _turned(frames: list[_Frame]) -> bool:
    """Whether columns are longer than rows: numpy is fast along long lines of a plane."""
    high = sum(frame.bottom - frame.top for frame in frames)
    return high > sum(frame.right - frame.left for frame in frames)


class _Batch(NamedTuple):
    """Capsules that are computed together, and where their pixels are.

    Args:
        numbers: of the capsule, or of several.
        part: of the rectangle's plane.
        across, along: each pixel's place across and along the axis, from its middle: the part's
            shape, for several capsules with one more dimension in front.
    """

    numbers: int | list[int]
    part: tuple[slice, slice]
    across: Single
    along: Single

    def of(self, values: Floats) -> Any:
        """The capsules' own values, to compute with the planes."""
        found = values[self.numbers]
        several = isinstance(self.numbers, list)
        return found.astype(np.float32)[:, None, None] if several else np.float32(found)


def _batches(
    found: Segments, frames: list[_Frame], rect: Rect, turned: bool
) -> Iterator[_Batch]:
    """Every frame's planes; of many small ones in a small rectangle all together.

    The planes are [h, w], or [w, h] where they are `turned`; the values are the same.
    """
    numbers = [frame.number for frame in frames]
    mx, my, ux, uy = (a[numbers, None] for a in (found.mx, found.my, found.ux, found.uy))
    x = np.arange(rect.x, rect.x + rect.width) + 0.5 - mx
    y = np.arange(rect.y, rect.y + rect.height) + 0.5 - my
    # These are lines, not planes, so float64 costs nothing; each is rounded once.
    across_x, across_y = (x * uy).astype(np.float32), (y * ux).astype(np.float32)
    along_x, along_y = (x * ux).astype(np.float32), (y * uy).astype(np.float32)
    if turned:
        across_x, along_x = across_x[..., None], along_x[..., None]
        across_y, along_y = across_y[:, None], along_y[:, None]
    else:
        across_x, along_x = across_x[:, None], along_x[:, None]
        across_y, along_y = across_y[..., None], along_y[..., None]
    if len(frames) > 8 and _few(rect, len(frames)):
        everything = slice(None), slice(None)
        yield _Batch(numbers, everything, across_x - across_y, along_x + along_y)
        return
    for i, frame in enumerate(frames):
        rows, columns = slice(frame.top, frame.bottom), slice(frame.left, frame.right)
        if turned:
            of_x, of_y, part = (columns, slice(None)), (slice(None), rows), (columns, rows)
        else:
            of_x, of_y, part = (slice(None), columns), (rows, slice(None)), (rows, columns)
        across = np.subtract(across_x[i][of_x], across_y[i][of_y])
        along = np.add(along_x[i][of_x], along_y[i][of_y])
        yield _Batch(frame.number, part, across, along)


def _few(rect: Rect, count: int) -> bool:
    """Whether so many capsules may be looked at in all of a rectangle at once."""
    return rect.width * rect.height * count <= _STACK


def _squared(across: Single, along: Single, half: Any, zeros: Single) -> Single:
    """The squared distance from an axis; both planes are used up.

    Args:
        across, along: of one place in memory each.
        half: half the axis.
        zeros: as many at least; with a plane numpy's maximum is thrice as fast as with a number.
    """
    excess = np.abs(along, out=along)
    np.subtract(excess, half, out=excess)
    np.maximum(excess, zeros[: excess.size].reshape(excess.shape), out=excess)
    np.multiply(excess, excess, out=excess)
    np.multiply(across, across, out=across)
    return np.add(across, excess, out=across)


def _all_of(rect: Rect, frames: list[_Frame], value: int) -> Single:
    """As many of one value as any batch has pixels."""
    size = rect.width * rect.height
    return np.full(size * len(frames) if _few(rect, len(frames)) else size, value, np.float32)


def _even(found: Segments, frames: list[_Frame], brush: Brush, rect: Rect) -> Plane:
    """Coverage times opacity, uint8 [h, w], of capsules of one radius."""
    hardness = brush.hardness / 100
    radius = float(found.r0[frames[0].number])
    wide = max(radius * (1 - hardness), 1.0)
    far = radius * (1 + hardness) / 2 + wide / 2
    turned = _turned(frames)
    zeros = _all_of(rect, frames, 0)
    least = np.full(_shape(rect, turned), np.float32(4 * far * far), np.float32)
    for batch in _batches(found, frames, rect, turned):
        square = _squared(batch.across, batch.along, batch.of(found.half), zeros)
        if square.ndim == 3:
            square = square.min(axis=0)
        part = least[batch.part]
        np.minimum(part, square, out=part)
    np.sqrt(least, out=least)
    np.subtract(np.float32(far), least, out=least)
    np.multiply(least, np.float32(_STEPS / wide), out=least)
    cover = _graded(least, brush.opacity)
    return cover.T if turned else cover


def _shape(rect: Rect, turned: bool) -> tuple[int, int]:
    return (rect.width, rect.height) if turned else (rect.height, rect.width)


def _graded(level: Single, opacity: int) -> Plane:
    """Steps of the slope, -`_STEPS` to far beyond, as coverage; every operation is monotone."""
    np.add(level, np.float32(0.5), out=level)
    return _table(opacity).take(level.astype(np.intp), mode="clip")


@lru_cache(maxsize=128)
def _table(opacity: int) -> Plane:
    """Coverage by the step of the slope, times opacity."""
    t = np.arange(_STEPS + 1) / _STEPS
    cover = np.floor(255 * (t * t * (3 - 2 * t)) + 0.5).astype(np.int64)
    return scaled(cover, opacity).astype(np.uint8)


def scaled(cover: NDArray[np.int64], opacity: int) -> NDArray[np.int64]:
    """Coverage 0-255 times percent, rounded half up."""
    return (cover * opacity + 50) // 100


def _varying(found: Segments, frames: list[_Frame], brush: Brush, rect: Rect) -> Plane:
    """As `_even`, where pressure changes radius or opacity along the way."""
    turned = _turned(frames)
    cover = np.zeros(_shape(rect, turned), np.uint8)
    zeros, ones = _all_of(rect, frames, 0), _all_of(rect, frames, 1)
    hardness = np.float32(brush.hardness / 100)
    per_length = np.divide(0.5, found.half, out=np.zeros_like(found.half), where=found.half > 0)
    for batch in _batches(found, frames, rect, turned):
        # Where along the axis, 0 to 1.
        share = batch.along * batch.of(per_length)
        np.add(share, _HALF, out=share)
        one = ones[: share.size].reshape(share.shape)
        np.maximum(share, zeros[: share.size].reshape(share.shape), out=share)
        np.minimum(share, one, out=share)
        distance = _squared(batch.across, batch.along, batch.of(found.half), zeros)
        np.sqrt(distance, out=distance)
        level = share * batch.of(found.r1 - found.r0)
        np.add(level, batch.of(found.r0), out=level)
        wide = level * (_ONE - hardness)
        np.maximum(wide, one, out=wide)
        np.multiply(level, (_ONE + hardness) * _HALF, out=level)
        np.subtract(level, distance, out=level)
        np.divide(level, wide, out=level)
        np.add(level, _HALF, out=level)
        np.multiply(level, np.float32(_STEPS), out=level)
        if brush.pressure & OPACITY:
            np.multiply(share, batch.of(found.f1 - found.f0), out=share)
            np.add(share, batch.of(found.f0), out=share)
            np.multiply(share, np.float32(brush.opacity / 100), out=share)
            np.multiply(share, _graded(level, 100), out=share)
            np.add(share, _HALF, out=share)
            value = share.astype(np.uint8)
        else:
            value = _graded(level, brush.opacity)
        if value.ndim == 3:
            value = value.max(axis=0)
        part = cover[batch.part]
        np.maximum(part, value, out=part)
    return cover.T if turned else cover
