"""Lasso and polygon: an outline drawn freehand, or by its corners."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainterPath

from studio.errors import sentence
from studio.masks.items import Polygon, StrokesFault
from ui.paint.tools.base import CTRL
from ui.paint.tools.marks import (
    bounds_of,
    distance,
    draw_closing,
    draw_corners,
    draw_path,
)
from ui.paint.tools.outline import ItemTool, outline_of

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QPainter

    from ui.paint.placement import Placement
    from ui.paint.tools.base import Stage, Touch

CLOSE = 9.0
"""View pixels around the first corner in which a click closes the outline."""
STEP = 1.0
"""View pixels between two points of a lasso."""
Corner = tuple[float, float]


class OutlineTool(ItemTool):
    """Collects corners, in picture pixels."""

    label = "outline"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._corners: list[Corner] = []
        self._next: Corner | None = None
        self._erases = False
        self._seen = QRectF()

    @property
    def busy(self) -> bool:
        return bool(self._corners)

    def leave(self) -> None:
        self._next = None
        self._show()

    def cancel(self) -> None:
        self._corners.clear()
        self._next = None
        self._show()

    def close(self) -> None:
        """Put what the corners enclose on."""
        corners, erases = list(self._corners), self._erases
        self.cancel()
        painting = self.stage.painting
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        if min(xs) >= painting.width or min(ys) >= painting.height:
            return  # nothing of it is on the picture
        if max(xs) <= 0 or max(ys) <= 0:
            return
        units = [painting.to_units(x, y) for x, y in corners]
        if len(set(units)) < 3:
            return
        try:
            points = outline_of(units).points
        except StrokesFault as fault:
            self.stage.say(sentence(fault))
            return
        label = f"Erase {self.label}" if erases else self.label.capitalize()
        self.put(Polygon, erases=erases, label=label, points=points)

    def draw(self, painter: QPainter, placement: Placement) -> None:
        points = self._points()
        if len(points) < 2:
            return
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        draw_closing(painter, points[-1], points[0])
        draw_path(painter, path)

    def bounds(self) -> QRectF:
        return bounds_of(self._points())

    def _points(self) -> list[QPointF]:
        """All corners in view pixels, the one the next click would make among them."""
        if not self._corners:
            return []
        corners = [*self._corners, *([self._next] if self._next else [])]
        return [self.stage.placement.to_view(x, y) for x, y in corners]

    def _show(self) -> None:
        """Paint what was seen and what is to be seen."""
        covered, self._seen = self._seen, self.bounds()
        covered = covered.united(self._seen)
        if not covered.isEmpty():
            self.stage.refresh(covered)


class LassoTool(OutlineTool):
    """An outline drawn freehand."""

    name = "lasso"
    label = "lasso"

    def press(self, touch: Touch) -> None:
        self._erases = self.erases(touch)
        self._corners = [(touch.x, touch.y)]

    def move(self, touch: Touch) -> None:
        if not self._corners:
            return
        x, y = self._corners[-1]
        if math.hypot(touch.x - x, touch.y - y) * self.stage.placement.zoom >= STEP:
            self._corners.append((touch.x, touch.y))
            self._show()

    def release(self, touch: Touch) -> None:
        self.move(touch)
        if len(self._corners) > 2:
            self.close()
        else:
            self.cancel()


class PolygonTool(OutlineTool):
    """An outline by its corners. Enter, a double click or a click on the first corner closes it,
    Backspace takes the last corner back, Esc gives it up."""

    name = "polygon"
    label = "polygon"

    def press(self, touch: Touch) -> None:
        if not self._corners:
            self._erases = self.erases(touch)
        elif len(self._corners) > 2 and self._at_first(touch):
            self.close()
            return
        self._corners.append(self._straight(touch))
        self._next = None
        self._show()

    def move(self, touch: Touch) -> None:
        """The corner just made goes along until the button comes up."""
        if self._corners:
            self._corners.pop()
            self._corners.append(self._straight(touch))
            self._show()

    def hover(self, touch: Touch) -> None:
        if self._corners:
            self._next = self._straight(touch)
            self._show()

    def double(self, touch: Touch) -> None:
        # The first of both clicks has made the corner already, or closed the outline.
        if len(self._corners) > 2:
            self.close()
        elif self._corners:
            self.stage.say("An outline needs three corners at least; click two more.")

    def key(self, event: QKeyEvent) -> bool:
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & CTRL:
            if len(self._corners) > 2:
                self.close()
            else:
                self.stage.say("An outline needs three corners at least.")
            return True
        undo = key == Qt.Key.Key_Z and event.modifiers() & CTRL
        if key == Qt.Key.Key_Backspace or undo:
            self._corners.pop()
            self._show()
            return True
        return False

    def draw(self, painter: QPainter, placement: Placement) -> None:
        super().draw(painter, placement)
        made = [placement.to_view(x, y) for x, y in self._corners]
        draw_corners(painter, made, closes=len(made) > 2)

    def _at_first(self, touch: Touch) -> bool:
        first = self.stage.placement.to_view(*self._corners[0])
        return distance(first, touch.view) <= CLOSE

    def _straight(self, touch: Touch) -> Corner:
        """The touch's place; with Shift on one of eight directions from the corner before."""
        if not touch.shift or not self._corners:
            return touch.x, touch.y
        x, y = self._corners[-1]
        dx, dy = touch.x - x, touch.y - y
        turn = round(math.atan2(dy, dx) / (math.pi / 4)) * math.pi / 4
        along = dx * math.cos(turn) + dy * math.sin(turn)
        return x + along * math.cos(turn), y + along * math.sin(turn)
