"""Where a dragged box comes to rest: in line with others near it, else on the grid. Pure sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QLineF, QRectF

from ui.theme.metrics import GRID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MIDDLE = 1
"""Of the three stops of a box: its first edge, its middle, its last edge."""


class Snap(NamedTuple):
    """Args:
    dx: to add to the box's left.
    dy: to add to its top.
    guides: lines to show, in canvas coordinates.
    """

    dx: float
    dy: float
    guides: tuple[QLineF, ...]


def to_grid(value: float, step: int = GRID) -> float:
    """The nearest multiple of `step`."""
    return float(round(value / step) * step)


def snap(box: QRectF, others: Sequence[QRectF], reach: float) -> Snap:
    """How to shift `box` so that an edge or its middle is in line with one of `others`.

    Args:
        box: where the mouse would have it.
        others: boxes that stand still.
        reach: the farthest shift, in canvas pixels.
    """
    dx, uprights = _nearest(_stops_x(box), ((_stops_x(o), o) for o in others), reach)
    dy, levels = _nearest(_stops_y(box), ((_stops_y(o), o) for o in others), reach)
    upright, level = _gathered(uprights), _gathered(levels)
    shift_x = to_grid(box.left()) - box.left() if dx is None else dx
    shift_y = to_grid(box.top()) - box.top() if dy is None else dy
    placed = box.translated(shift_x, shift_y)
    across = [_upright(x, *_span(placed, boxes, QRectF.top, QRectF.bottom)) for x, boxes in upright]
    down = [_level(y, *_span(placed, boxes, QRectF.left, QRectF.right)) for y, boxes in level]
    return Snap(shift_x, shift_y, (*across, *down))


def _stops_x(box: QRectF) -> tuple[float, float, float]:
    return box.left(), box.center().x(), box.right()


def _stops_y(box: QRectF) -> tuple[float, float, float]:
    return box.top(), box.center().y(), box.bottom()


def _nearest(
    own: tuple[float, float, float],
    others: Iterable[tuple[tuple[float, float, float], QRectF]],
    reach: float,
) -> tuple[float | None, list[tuple[int, float, QRectF]]]:
    """The least shift that puts like on like, and which stops it puts where."""
    best: float | None = None
    found: list[tuple[int, float, QRectF]] = []
    for stops, other in others:
        for stop, (mine, theirs) in enumerate(zip(own, stops, strict=True)):
            shift = theirs - mine
            if abs(shift) > reach:
                continue
            if best is None or abs(shift) < abs(best) - 0.01:
                best, found = shift, [(stop, theirs, other)]
            elif abs(shift - best) < 0.01:
                found.append((stop, theirs, other))
    return best, found


def _gathered(found: list[tuple[int, float, QRectF]]) -> list[tuple[float, list[QRectF]]]:
    """One line for each edge, with all boxes on it; the middle's only where no edge is in line."""
    if any(stop != MIDDLE for stop, _, _ in found):
        found = [match for match in found if match[0] != MIDDLE]
    lines: dict[float, list[QRectF]] = {}
    for _, at, other in found:
        lines.setdefault(round(at, 2), []).append(other)
    return sorted(lines.items(), key=lambda line: line[0])


def _span(
    box: QRectF,
    others: list[QRectF],
    start: Callable[[QRectF], float],
    end: Callable[[QRectF], float],
) -> tuple[float, float]:
    """From the first to the last of all these boxes."""
    boxes = [box, *others]
    return min(start(one) for one in boxes), max(end(one) for one in boxes)


def _upright(x: float, top: float, bottom: float) -> QLineF:
    return QLineF(x, top, x, bottom)


def _level(y: float, left: float, right: float) -> QLineF:
    return QLineF(left, y, right, y)
