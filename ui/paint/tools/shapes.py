"""Rectangle and ellipse: dragged; Shift makes them as wide as high, Alt begins in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainterPath

from studio.masks.items import HIGH, LOW, Box, Ellipse, Rectangle
from ui.paint.tools.base import DRAG
from ui.paint.tools.marks import bounds_of, distance, draw_path
from ui.paint.tools.outline import ItemTool

if TYPE_CHECKING:
    from typing import ClassVar

    from PySide6.QtGui import QPainter

    from ui.paint.placement import Placement
    from ui.paint.tools.base import Stage, Touch


class ShapeTool(ItemTool):
    """Drags a box."""

    item: ClassVar[type[Box]]
    label: ClassVar[str]
    picks = False  # Alt begins in the middle

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._start: Touch | None = None
        self._box: tuple[float, float, float, float] | None = None

    @property
    def busy(self) -> bool:
        return self._start is not None

    def press(self, touch: Touch) -> None:
        self._start, self._box = touch, None

    def move(self, touch: Touch) -> None:
        start = self._start
        if start is None:
            return
        if self._box is None and distance(start.view, touch.view) < DRAG:
            return
        covered = self.bounds()
        dx, dy = touch.x - start.x, touch.y - start.y
        if touch.shift:
            side = max(abs(dx), abs(dy))
            dx, dy = side if dx >= 0 else -side, side if dy >= 0 else -side
        if touch.alt:
            x0, y0, x1, y1 = start.x - dx, start.y - dy, start.x + dx, start.y + dy
        else:
            x0, y0, x1, y1 = start.x, start.y, start.x + dx, start.y + dy
        self._box = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        self.stage.refresh(covered.united(self.bounds()))

    def release(self, touch: Touch) -> None:
        self.move(touch)
        start, box = self._start, self._box
        self.cancel()
        painting = self.stage.painting
        if start is None or box is None:
            return
        if box[0] >= painting.width or box[1] >= painting.height or min(box[2:]) <= 0:
            return  # nothing of it is on the picture
        left, top = painting.to_units(box[0], box[1])
        right, bottom = painting.to_units(box[2], box[3])
        if left < right and top < bottom:
            erases = self.erases(start)
            label = f"Erase {self.label}" if erases else self.label.capitalize()
            self.put(self.item, erases=erases, label=label, box=_held(left, top, right, bottom))

    def cancel(self) -> None:
        covered = self.bounds()
        self._start = self._box = None
        if not covered.isEmpty():
            self.stage.refresh(covered)

    def draw(self, painter: QPainter, placement: Placement) -> None:
        rect = self._rect()
        if rect.isEmpty():
            return
        path = QPainterPath()
        if self.item is Ellipse:
            path.addEllipse(rect)
        else:
            path.addRect(rect)
        draw_path(painter, path)

    def bounds(self) -> QRectF:
        rect = self._rect()
        return bounds_of([rect.topLeft(), rect.bottomRight()]) if self._box else QRectF()

    def _rect(self) -> QRectF:
        """In view pixels."""
        if self._box is None:
            return QRectF()
        placement = self.stage.placement
        return QRectF(
            placement.to_view(self._box[0], self._box[1]),
            placement.to_view(self._box[2], self._box[3]),
        )


class RectangleTool(ShapeTool):
    """Rectangles."""

    name = "rectangle"
    item = Rectangle
    label = "rectangle"


class EllipseTool(ShapeTool):
    """Ellipses."""

    name = "ellipse"
    item = Ellipse
    label = "ellipse"


def _held(*values: int) -> tuple[int, int, int, int]:
    """A box within what an item may hold."""
    left, top, right, bottom = (min(max(value, LOW), HIGH) for value in values)
    return left, top, right, bottom
