"""The whole graph from far away: boxes and straight lines, painted at once.

Below `BELOW` the view paints this instead of the scene's items: thousands of nodes cost a few
milliseconds, since Qt is asked a dozen times and not thousands of times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ui.theme import blend

if TYPE_CHECKING:
    from ui.editor.marks import WireKey
    from ui.editor.scene import GraphScene

BELOW = 0.2
"""Zoom below which the overview is painted."""


class Overview:
    """What is painted of a scene from afar. The lists are made anew after a change only.

    Args:
        scene: shown.
    """

    def __init__(self, scene: GraphScene) -> None:
        self._scene = scene
        self._boxes: dict[int, list[QRectF]] | None = None
        self._rects: dict[str, QRectF] = {}
        self._lines: list[QLineF] = []
        self._line_of: dict[WireKey, QLineF] = {}
        scene.layout_changed.connect(self.forget)

    def forget(self, moved: set[str] | None = None) -> None:
        """These nodes are elsewhere; all may look otherwise where `moved` is None."""
        if self._boxes is None:
            return
        if moved is None or not moved <= self._rects.keys():
            self._boxes = None
            return
        # In a drag one node of thousands moves: its box and lines are changed in their lists.
        for name in moved:
            rect = self._scene.nodes[name].node_rect()
            self._rects[name].setRect(rect.x(), rect.y(), rect.width(), rect.height())
            for wire in self._scene.wires_of(name):
                self._line_of[wire.key].setPoints(wire.start, wire.end)

    def boxes(self) -> dict[int, list[QRectF]]:
        """The nodes' rectangles by colour (RGB), muted ones greyed."""
        if self._boxes is None:
            self._boxes = self._gather()
        return self._boxes

    def bounds(self) -> QRectF:
        """The box around all nodes and frames."""
        self.boxes()
        rects = self._rects.values()
        frames = [frame.scene_rect() for frame in self._scene.frames.values()]
        sides = [r.getCoords() for r in (*rects, *frames)]
        if not sides:
            return QRectF()
        left, top, right, bottom = zip(*sides, strict=True)
        x, y = min(left), min(top)
        return QRectF(x, y, max(right) - x, max(bottom) - y)

    def paint(self, painter: QPainter, zoom: float, *, wires: bool = True) -> None:
        """Paint everything.

        Args:
            painter: in scene coordinates.
            zoom: of the view: lines keep their width on the screen.
            wires: paint those too.
        """
        theme = self._scene.theme
        boxes = self.boxes()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for frame in self._scene.frames.values():
            painter.fillRect(frame.scene_rect(), theme.frame)
        if wires:
            painter.setPen(_cosmetic(blend(theme.canvas, theme.secondary, 0.35), 1.0))
            painter.drawLines(self._lines)
        painter.setPen(Qt.PenStyle.NoPen)
        for rgb, rects in boxes.items():
            painter.setBrush(QColor.fromRgb(rgb))
            painter.drawRects(rects)
        self._paint_lit(painter, zoom)

    def _paint_lit(self, painter: QPainter, zoom: float) -> None:
        """What is selected, faulty or running."""
        scene, theme = self._scene, self._scene.theme
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen, names in (
            (_cosmetic(theme.error, 2.0), [n for n in scene.faulty() if n in scene.nodes]),
            (_cosmetic(theme.selection, 2.0), scene.selected_nodes()),
            (_cosmetic(theme.accent, 3.0), [scene.states.active or ""]),
        ):
            rects = [scene.nodes[name].node_rect() for name in names if name in scene.nodes]
            if rects:
                painter.setPen(pen)
                painter.drawRects(rects)

    def _gather(self) -> dict[int, list[QRectF]]:
        scene = self._scene
        boxes: dict[int, list[QRectF]] = {}
        colours: dict[tuple[str, str | None, str], int] = {}
        document, theme = scene.document, scene.theme
        for name, item in scene.nodes.items():
            node = document.nodes[name]
            look = (node.type, document.view_of(name).colour, node.mode)
            if look not in colours:
                strong = item.face.mark_colour(theme)
                share = 0.72 if node.mode == "normal" else 0.25
                colours[look] = blend(theme.canvas, strong, share).rgb()
            rect = self._rects[name] = item.node_rect()
            boxes.setdefault(colours[look], []).append(rect)
        for name in self._rects.keys() - scene.nodes.keys():
            del self._rects[name]
        self._line_of = {key: QLineF(w.start, w.end) for key, w in scene.wires.items()}
        self._lines = list(self._line_of.values())
        return boxes


def _cosmetic(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    return pen
