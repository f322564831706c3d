"""One wire on the canvas."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsRectItem

from ui.theme.metrics import WIRE, WIRE_HOVER

if TYPE_CHECKING:
    from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

    from studio.editing.document import Wire
    from ui.editor.marks import WireKey
    from ui.editor.scene import GraphScene
    from ui.theme import Theme

MARGIN = 8.0
"""Around a wire's box: half the widest line, and the reach of a knot."""
STUB = 26.0
"""Length of what is shown of a wire from a node that isn't there."""
BOW = 260.0
"""A wire reaches at most this far beyond the box of its two ends."""
FINE = 0.45
"""Zoom below which wires are hairlines."""
_SAMPLES = 24
_PIECES = 8
"""Long wires are drawn in so many pieces where only a strip of the view is painted."""
_SHORT = 160.0
"""Width and height of the box of a wire that isn't worth it, in sum."""


def wire_path(start: QPointF, end: QPointF) -> QPainterPath:
    """The way of a wire: out to the right of `start`, in from the left of `end`."""
    dx, dy = end.x() - start.x(), end.y() - start.y()
    if dx >= 0:
        handle = min(max(dx * 0.5, min(abs(dy) * 0.5, 60.0), 12.0), 220.0)
    else:
        # Back to the left: wide enough a bow to be seen beside the nodes.
        handle = min(60.0 - dx * 0.35, 240.0)
    path = QPainterPath(start)
    path.cubicTo(start.x() + handle, start.y(), end.x() - handle, end.y(), end.x(), end.y())
    return path


class WireItem(QGraphicsRectItem):
    """A wire. Its path is in scene coordinates.

    Args:
        scene: it is added to.
        wire: of the document.
        type_name: of what it carries; None where that isn't known.
    """

    def __init__(self, scene: GraphScene, wire: Wire, type_name: str | None) -> None:
        super().__init__()
        self.wire = wire
        self.carries = type_name
        self.start = QPointF()
        self.end = QPointF()
        self.lost = False
        """The node it comes from isn't there."""
        self.start_shown = self.end_shown = True
        """There is a port painted at that end."""
        self.key: WireKey = (wire.target, wire.port)
        self._scene = scene
        self._path = QPainterPath()
        self._points: list[QPointF] = []
        self._pieces: list[tuple[QRectF, QPainterPath]] = []
        self.setPen(Qt.PenStyle.NoPen)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(WIRE_Z)

    def set_ends(self, start: QPointF | None, end: QPointF) -> None:
        """Lay it from `start` to `end`; None where it comes from nowhere."""
        self.lost = start is None
        if start is None:
            start = QPointF(end.x() - STUB, end.y())
        if start == self.start and end == self.end and not self._path.isEmpty():
            return
        self.start, self.end = QPointF(start), QPointF(end)
        self._points.clear()
        self._pieces = []
        if self.lost:
            self._path = QPainterPath(start)
            self._path.lineTo(end)
        else:
            self._path = wire_path(start, end)
        box = self._path.controlPointRect()
        self.setRect(box.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN))

    def shift(self, dx: float, dy: float) -> None:
        """Both ends moved the same way: the same path, elsewhere."""
        if not dx and not dy:
            return
        by = QPointF(dx, dy)
        self.start, self.end = self.start + by, self.end + by
        self._points.clear()
        self._pieces = []
        self._path.translate(by)
        self.setRect(self.rect().translated(by))

    def path(self) -> QPainterPath:
        """Its way, in scene coordinates."""
        return self._path

    def points(self) -> list[QPointF]:
        """The same as a line of `_SAMPLES` pieces."""
        if not self._points:
            self._points = [
                self._path.pointAtPercent(number / _SAMPLES) for number in range(_SAMPLES + 1)
            ]
        return self._points

    def distance(self, pos: QPointF) -> float:
        """How far `pos` is from the wire, in scene pixels."""
        points = self.points()
        return min(segment_distance(pos, first, second) for first, second in pairwise(points))

    def near(self, area: QRectF) -> bool:
        """Whether any of it lies in `area`."""
        return any(area.contains(point) for point in self.points()) or self._path.intersects(area)

    # Painting

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        if self.key in self._scene.marks.hidden_wires:
            return
        self.stroke(painter, self._scene.theme, painter.worldTransform().m11())

    def stroke(self, painter: QPainter, theme: Theme, zoom: float) -> None:
        """Draw it with the pen that it has now, as far as it is in what the view paints."""
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self._own_pen(theme, zoom))
        exposed = self._scene.exposed
        box = self.rect()
        if not exposed or self.lost or box.width() + box.height() < _SHORT:
            painter.drawPath(self._path)
            return
        areas = [area for area in exposed if area.intersects(box)]
        for reach, piece in self._cut_up():
            if any(area.intersects(reach) for area in areas):
                painter.drawPath(piece)

    def _cut_up(self) -> list[tuple[QRectF, QPainterPath]]:
        """The path in `_PIECES`, each with its box."""
        if not self._pieces:
            start, *handles = (self._path.elementAt(number) for number in range(4))
            curve = [QPointF(e.x, e.y) for e in (start, *handles)]
            for number in range(_PIECES, 0, -1):
                piece, curve = _split(curve, 1 / number)
                path = QPainterPath(piece[0])
                path.cubicTo(*piece[1:])
                reach = path.controlPointRect().adjusted(-4, -4, 4, 4)
                self._pieces.append((reach, path))
        return self._pieces

    @property
    def raised(self) -> bool:
        """It is drawn over the nodes: marked, or a wire of the selected node."""
        return self.marked or self.key in self._scene.lit_wires

    @property
    def marked(self) -> bool:
        """Under the mouse, or marked by a gesture."""
        marks = self._scene.marks
        return self.key in (marks.hover_wire, marks.hot_wire) or self.key in marks.cut_wires

    def _own_pen(self, theme: Theme, zoom: float) -> QPen:
        marks = self._scene.marks
        colour = theme.error if self.lost else theme.port(self.carries or "any")
        if self.key in marks.cut_wires:
            pen = self._pen(theme.cut, WIRE_HOVER)
            pen.setDashPattern([3, 2.5])
        elif self.key == marks.hot_wire:
            pen = self._pen(theme.accent, WIRE_HOVER + 1)
        elif self.key == marks.hover_wire:
            pen = self._pen(colour, WIRE_HOVER)
        elif zoom < FINE:
            pen = hairline(colour)
        else:
            pen = self._pen(colour, WIRE + 0.5 if self.key in self._scene.lit_wires else WIRE)
        if self.lost:
            pen.setDashPattern([3, 2])
        return pen

    @staticmethod
    def _pen(colour: QColor, width: float) -> QPen:
        return QPen(
            colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap,
            Qt.PenJoinStyle.RoundJoin,
        )  # fmt: skip


WIRE_Z = -10.0


def _split(curve: list[QPointF], share: float) -> tuple[list[QPointF], list[QPointF]]:
    """A Bezier curve in two, at `share` of it (de Casteljau)."""
    first, last = [curve[0]], [curve[-1]]
    while len(curve) > 1:
        curve = [one + (two - one) * share for one, two in pairwise(curve)]
        first.append(curve[0])
        last.insert(0, curve[-1])
    return first, last


def hairline(colour: QColor) -> QPen:
    """A pen of one pixel of the screen, whatever the zoom. Shared."""
    return _hairline(colour.rgba())


@cache
def _hairline(rgba: int) -> QPen:
    pen = QPen(QColor.fromRgba(rgba), 1)
    pen.setCosmetic(True)
    return pen


def segment_distance(pos: QPointF, first: QPointF, second: QPointF) -> float:
    """Distance of a point from a piece of a line."""
    dx, dy = second.x() - first.x(), second.y() - first.y()
    length = dx * dx + dy * dy
    along = 0.0
    if length > 0:
        along = ((pos.x() - first.x()) * dx + (pos.y() - first.y()) * dy) / length
        along = min(1.0, max(0.0, along))
    x, y = first.x() + along * dx - pos.x(), first.y() + along * dy - pos.y()
    return float((x * x + y * y) ** 0.5)
