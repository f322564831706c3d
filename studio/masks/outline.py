"""How outlines cover pixels: polygons by the non-zero rule, rectangles, ellipses.

A pixel's coverage is the share of its area that is enclosed: exact across, and of `_LINES` lines a
pixel down. All sums are of whole numbers, so no order of adding can change them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.masks.pixels import Rect

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Plane = NDArray[np.uint8]

_LINES = 16
_FINE = 256
"""Parts of a pixel across."""
_CROSSINGS = 1 << 20
"""Most places where lines meet the outline that are sorted at a time."""
_ELLIPSE_CORNERS = 2048
"""At 16,384 pixels such a polygon is off by a fiftieth of one."""


def polygon(
    x: Floats, y: Floats, width: int, height: int, check: Callable[[], None] | None = None
) -> tuple[Rect, Plane]:
    """Coverage of what an outline encloses: the rectangle around it and uint8 [h, w].

    Args:
        x, y: corners in pixels; the last is joined to the first.
        width, height: of the picture.
        check: called now and then; may raise to stop.
    """
    if len(x) < 3:
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.uint8)
    left, right = _range(x, width)
    top, bottom = _range(y, height)
    rect = Rect(left, top, right - left, bottom - top)
    cover = np.zeros((rect.height, rect.width), np.uint8)
    if not cover.size:
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.uint8)
    ax, ay = x, y
    bx, by = np.roll(x, -1), np.roll(y, -1)
    down = by > ay
    winding = np.where(down, 1, -1)
    high, low = np.minimum(ay, by), np.maximum(ay, by)
    # Lines lie at (k + 0.5) / _LINES; an edge meets those in [high, low).
    first = np.clip(np.ceil(high * _LINES - 0.5), top * _LINES, bottom * _LINES).astype(np.int64)
    last = np.clip(np.ceil(low * _LINES - 0.5), top * _LINES, bottom * _LINES).astype(np.int64)
    used = last > first
    ax, ay, bx, by = ax[used], ay[used], bx[used], by[used]
    winding, first, last = winding[used], first[used], last[used]
    if not len(first):
        return rect, cover
    slope = (bx - ax) / (by - ay)
    for start, stop in _bands(first, last, top, bottom):
        if check:
            check()
        cover[start - top : stop - top] = _band(
            ax, ay, slope, winding,
            np.clip(first, start * _LINES, stop * _LINES),
            np.clip(last, start * _LINES, stop * _LINES),
            start, stop - start, rect,
        )  # fmt: skip
    return rect, cover


def ellipse(
    x0: float, y0: float, x1: float, y1: float, width: int, height: int
) -> tuple[Rect, Plane]:
    """Coverage of the ellipse in a rectangle, in pixels; as `polygon`."""
    angle = np.arange(_ELLIPSE_CORNERS) * (2 * np.pi / _ELLIPSE_CORNERS)
    x = (x0 + x1) / 2 + (x1 - x0) / 2 * np.cos(angle)
    y = (y0 + y1) / 2 + (y1 - y0) / 2 * np.sin(angle)
    return polygon(x, y, width, height)


def rectangle(
    x0: float, y0: float, x1: float, y1: float, width: int, height: int
) -> tuple[Rect, Plane]:
    """Coverage of a rectangle, in pixels; as `polygon`, but exact both ways."""
    left, right = _range(np.array([x0, x1]), width)
    top, bottom = _range(np.array([y0, y1]), height)
    across, down = _share(x0, x1, left, right), _share(y0, y1, top, bottom)
    cover = (across[None, :] * down[:, None] * 255 + _FINE * _FINE // 2) // (_FINE * _FINE)
    return Rect(left, top, right - left, bottom - top), cover.astype(np.uint8)


def _share(low: float, high: float, first: int, last: int) -> NDArray[np.int64]:
    """How many parts of each pixel lie between two edges."""
    edges = np.arange(first, last) * _FINE
    a, b = round(low * _FINE), round(high * _FINE)
    share: NDArray[np.int64] = np.maximum(np.minimum(edges + _FINE, b) - np.maximum(edges, a), 0)
    return share


def _range(values: Floats, size: int) -> tuple[int, int]:
    low = int(np.clip(np.floor(values.min()), 0, size))
    high = int(np.clip(np.ceil(values.max()), 0, size))
    return low, max(low, high)


def _bands(
    first: NDArray[np.int64], last: NDArray[np.int64], top: int, bottom: int
) -> list[tuple[int, int]]:
    """Rows from and to, such that few enough crossings fall into each."""
    rows = bottom - top
    size = rows * _LINES + 1
    change = np.bincount(first - top * _LINES, minlength=size) - np.bincount(
        last - top * _LINES, minlength=size
    )
    each = change.cumsum()[:-1].reshape(rows, _LINES).sum(axis=1).tolist()
    found = []
    start, sum_ = 0, 0
    for row, count in enumerate(each):
        if row > start and (sum_ + count > _CROSSINGS or row - start >= 1024):
            found.append((top + start, top + row))
            start, sum_ = row, 0
        sum_ += count
    found.append((top + start, bottom))
    return found


def _band(
    ax: Floats, ay: Floats, slope: Floats, winding: NDArray[np.int64],
    first: NDArray[np.int64], last: NDArray[np.int64],
    start: int, rows: int, rect: Rect,
) -> Plane:  # fmt: skip
    """Coverage uint8 [rows, rect.width] of the rows from `start`."""
    counts = last - first
    edges = np.repeat(np.arange(len(first)), counts)
    line = np.arange(len(edges)) - np.repeat(counts.cumsum() - counts, counts) + first[edges]
    at = ax[edges] + ((line + 0.5) / _LINES - ay[edges]) * slope[edges]
    fine = np.floor(np.clip((at - rect.x) * _FINE + 0.5, 0, rect.width * _FINE)).astype(np.int64)
    order = np.lexsort((fine, line))
    fine, line, turn = fine[order], line[order], winding[edges][order]
    # A line's windings sum to 0, so one running sum serves all lines.
    after = turn.cumsum()
    before = after - turn
    sign = ((before == 0) & (after != 0)).astype(np.int64) - ((before != 0) & (after == 0))
    marks = sign != 0
    fine, sign = fine[marks], sign[marks]
    row = line[marks] // _LINES - start
    pixel, part = fine // _FINE, fine % _FINE
    # The running sum along a row is what lies enclosed; an edge inside a pixel counts in part.
    wide = rect.width + 2
    place = row * wide + pixel
    edge = np.bincount(place, sign * (_FINE - part), rows * wide)
    edge += np.bincount(place + 1, sign * part, rows * wide)
    full = _LINES * _FINE
    covered = edge.astype(np.int64).reshape(rows, wide)[:, : rect.width].cumsum(axis=1)
    return ((covered * 255 + full // 2) // full).astype(np.uint8)
