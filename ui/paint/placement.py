"""Where the picture lies in the view: zooming, panning and fitting as plain arithmetic.

Picture pixels are floats, x right and y down, (0, 0) the picture's upper left corner; pixel (i, j)
covers [i, i + 1). View pixels are those of the widget (logical ones); a screen pixel is a view
pixel divided by the device pixel ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

MIN_ZOOM = 1 / 64
MAX_ZOOM = 64.0
"""Screen pixels that a picture pixel takes at most; of `MIN_ZOOM`, at least."""

KEPT = 48.0
"""View pixels of the picture, or all of it, that stay in the view however far it is moved."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A picture's place in the view.

    Args:
        zoom: view pixels for one of the picture; over 0.
        x, y: of the picture's upper left corner, in view pixels.
    """

    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0

    def to_view(self, x: float, y: float) -> QPointF:
        """A place on the picture, in view pixels."""
        return QPointF(self.x + x * self.zoom, self.y + y * self.zoom)

    def to_picture(self, point: QPointF) -> QPointF:
        """A point of the view, in picture pixels; may lie outside of the picture."""
        return QPointF((point.x() - self.x) / self.zoom, (point.y() - self.y) / self.zoom)

    def rect(self, rect: QRectF) -> QRectF:
        """A rectangle of the picture, in view pixels."""
        return QRectF(
            self.x + rect.x() * self.zoom,
            self.y + rect.y() * self.zoom,
            rect.width() * self.zoom,
            rect.height() * self.zoom,
        )

    def zoomed(self, zoom: float, at: QPointF) -> Placement:
        """Another zoom; what is at `at` (view pixels) stays there."""
        spot = self.to_picture(at)
        return Placement(zoom, at.x() - spot.x() * zoom, at.y() - spot.y() * zoom)

    def moved(self, dx: float, dy: float) -> Placement:
        """The picture moved by so many view pixels."""
        return Placement(self.zoom, self.x + dx, self.y + dy)

    def kept_in(self, content: QRectF, view: QRectF) -> Placement:
        """As near as can be with some of `content` (picture pixels) still in the view."""
        rect = self.rect(content)
        reach_x, reach_y = min(KEPT, rect.width()), min(KEPT, rect.height())
        left = max(view.left() + reach_x - rect.width(), min(rect.x(), view.right() - reach_x))
        top = max(view.top() + reach_y - rect.height(), min(rect.y(), view.bottom() - reach_y))
        return self.moved(left - rect.x(), top - rect.y())

    def snapped(self, ratio: float) -> Placement:
        """With the picture's corner on a corner of the screen's pixels.

        Args:
            ratio: the device pixel ratio.
        """
        return Placement(self.zoom, round(self.x * ratio) / ratio, round(self.y * ratio) / ratio)


def centred(content: QRectF, view: QRectF, zoom: float) -> Placement:
    """`content` (picture pixels) in the middle of the view."""
    middle, of = view.center(), content.center()
    return Placement(zoom, middle.x() - of.x() * zoom, middle.y() - of.y() * zoom)


def fitted(content: QRectF, view: QRectF, least: float, most: float) -> Placement:
    """All of `content` (picture pixels), as large as the view allows, within `least` and `most`."""
    if content.isEmpty() or view.isEmpty():
        return Placement()
    zoom = min(view.width() / content.width(), view.height() / content.height())
    return centred(content, view, max(least, min(most, zoom)))
