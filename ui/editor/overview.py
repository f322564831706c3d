"""The whole graph from far away: boxes and straight lines, painted at once.

Below `BELOW` the view paints this instead of the scene's items.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from ui.editor.field_paint import elided
from ui.editor.layers import Layers, box_around
from ui.theme import blend, fonts

if TYPE_CHECKING:
    from ui.editor.layers import Layer
    from ui.editor.scene import GraphScene

BELOW = 0.2
"""Zoom below which the overview is painted."""
FRAMES = 500
"""Up to so many frames are filled; of more only the outlines are drawn."""
CROWD = 3000
"""More nodes, wires and frames than this in sight are painted as from afar, whatever the zoom: all
in one place, they would take seconds."""
_TITLED = 48.0
"""Pixels of the screen that a frame is wide at least to show its title."""


class Overview:
    """What is painted of a scene from afar.

    Args:
        scene: shown.
    """

    def __init__(self, scene: GraphScene) -> None:
        self._scene = scene
        self._layers = Layers(scene)
        self._counted: tuple[object, ...] = ()
        self._crowded = False

    def wanted(self, zoom: float, area: QRectF) -> bool:
        """Whether the view paints this and not the items.

        Args:
            zoom: of the view.
            area: that it shows, in scene coordinates.
        """
        scene = self._scene
        if zoom < BELOW:
            return True
        if len(scene.nodes) + len(scene.wires) + len(scene.frames) <= CROWD:
            return False
        counted = (area.getRect(), len(scene.nodes), len(scene.wires), scene.document.revision)
        if counted != self._counted:
            self._counted = counted
            self._crowded = len(scene.items(area)) > CROWD
        return self._crowded

    def forget(self) -> None:
        """Everything looks otherwise."""
        self._layers.forget()

    def layers(self) -> list[Layer]:
        """All nodes: in one layer, and in two while a drag moves many of them."""
        return self._layers.now()

    def bounds(self) -> QRectF:
        """The box around all nodes and frames."""
        boxes = [box for layer in self.layers() if not (box := layer.bounds()).isEmpty()]
        return box_around([*boxes, *(f.scene_rect() for f in self._scene.frames.values())])

    def paint(self, painter: QPainter, zoom: float) -> None:
        """Paint everything.

        Args:
            painter: in scene coordinates.
            zoom: of the view: lines keep their width on the screen.
        """
        theme, carried = self._scene.theme, self._scene.carried
        layers = self.layers()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        frames = [frame.scene_rect() for frame in self._scene.frames.values()]
        if len(frames) <= FRAMES:
            for rect in frames:
                painter.fillRect(rect, theme.frame)
        else:  # thousands on one another: filling each would take seconds
            painter.setPen(_cosmetic(theme.frame, 1.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRects(frames)
        painter.setPen(_cosmetic(blend(theme.canvas, theme.secondary, 0.35), 1.0))
        for layer in layers:
            with layer.placed(painter):
                painter.drawLines(list(layer.lines.values()))
        if carried is not None:
            painter.drawLines(carried.strained())
        painter.setPen(Qt.PenStyle.NoPen)
        for layer in layers:
            with layer.placed(painter):
                for colour, rects in layer.coloured():
                    painter.setBrush(colour)
                    painter.drawRects(rects)
        self._paint_lit(painter, layers[-1])
        self._paint_titles(painter, zoom)

    def _paint_titles(self, painter: QPainter, zoom: float) -> None:
        """Titles of frames over their upper edges, as large as ever: they say where one is."""
        font, theme = fonts.small(), self._scene.theme
        high = QFontMetricsF(font).height()
        placed = painter.worldTransform()
        painter.save()
        painter.resetTransform()
        painter.setFont(font)
        painter.setPen(theme.secondary)
        for name, frame in self._scene.frames.items():
            rect = frame.scene_rect()
            room = rect.width() * zoom - 4
            title = self._scene.document.frames[name].title
            if not title or room < _TITLED:
                continue
            corner = placed.map(rect.topLeft())
            text = elided(title, font, room, Qt.TextElideMode.ElideRight)
            painter.drawText(QRectF(corner.x() + 2, corner.y() - high - 1, room, high), text)
        painter.restore()

    def _paint_lit(self, painter: QPainter, top: Layer) -> None:
        """What is selected, faulty or running."""
        scene, theme = self._scene, self._scene.theme
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen, names in (
            (_cosmetic(theme.error, 2.0), scene.faulty()),
            (_cosmetic(theme.selection, 2.0), scene.selected_nodes()),
            (_cosmetic(theme.accent, 3.0), [scene.states.active or ""]),
        ):
            stay, go = self._layers.rects(names)
            painter.setPen(pen)
            painter.drawRects(stay)
            with top.placed(painter):
                painter.drawRects(go)


def _cosmetic(colour: QColor, width: float) -> QPen:
    pen = QPen(colour, width)
    pen.setCosmetic(True)
    return pen
