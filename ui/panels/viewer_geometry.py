"""Where a picture lies in a view: zooming, panning and fitting as plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, QSizeF

MIN_SCALE = 1 / 64
MAX_SCALE = 64.0
NEAREST_ABOVE = 2.0
"""Zoom over which pixels are shown as squares."""

KEPT = 48.0
"""Pixels of the picture, or all of it, that stay in the view however far it is dragged."""


class Compare(Enum):
    """How two pictures are shown."""

    OFF = "off"
    SLIDER = "slider"
    SIDE = "side by side"
    HOVER = "hover"


@dataclass(frozen=True, slots=True)
class Placement:
    """A picture's place.

    Args:
        scale: pixels of the view for one of the picture.
        x: of the picture's left edge in the view.
        y: of its upper edge.
    """

    scale: float
    x: float
    y: float

    def rect(self, size: QSizeF) -> QRectF:
        """The picture in the view."""
        return QRectF(self.x, self.y, size.width() * self.scale, size.height() * self.scale)

    def to_picture(self, point: QPointF) -> QPointF:
        """A point of the view, in pixels of the picture."""
        return QPointF((point.x() - self.x) / self.scale, (point.y() - self.y) / self.scale)

    def zoomed(self, scale: float, anchor: QPointF) -> Placement:
        """Another scale; what is under `anchor` stays there."""
        scale = max(MIN_SCALE, min(MAX_SCALE, scale))
        spot = self.to_picture(anchor)
        return Placement(scale, anchor.x() - spot.x() * scale, anchor.y() - spot.y() * scale)

    def moved(self, dx: float, dy: float) -> Placement:
        """The picture shifted by so many pixels of the view."""
        return Placement(self.scale, self.x + dx, self.y + dy)

    def kept_in(self, size: QSizeF, view: QRectF) -> Placement:
        """As near as can be with some of the picture still in the view."""
        rect = self.rect(size)
        reach_x, reach_y = min(KEPT, rect.width()), min(KEPT, rect.height())
        x = max(view.left() + reach_x - rect.width(), min(self.x, view.right() - reach_x))
        y = max(view.top() + reach_y - rect.height(), min(self.y, view.bottom() - reach_y))
        return Placement(self.scale, x, y)


def centred(size: QSizeF, view: QRectF, scale: float) -> Placement:
    """The picture in the middle of the view."""
    rect = QRectF(0, 0, size.width() * scale, size.height() * scale)
    rect.moveCenter(view.center())
    return Placement(scale, rect.x(), rect.y())


def fitted(size: QSizeF, view: QRectF, most: float) -> Placement:
    """The whole picture, as large as the view allows but no larger than `most`."""
    if size.isEmpty() or view.isEmpty():
        return Placement(1.0, view.x(), view.y())
    scale = min(view.width() / size.width(), view.height() / size.height(), most)
    return centred(size, view, max(MIN_SCALE, scale))


def halves(view: QRectF, gap: float) -> tuple[QRectF, QRectF]:
    """The view cut into a left and a right part."""
    width = (view.width() - gap) / 2
    left = QRectF(view.x(), view.y(), width, view.height())
    return left, left.translated(width + gap, 0)
