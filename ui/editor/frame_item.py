"""A frame: a titled box behind the nodes that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsRectItem

from ui.editor.field_paint import LEFT, elided
from ui.theme import blend, fonts
from ui.theme.metrics import RADIUS

if TYPE_CHECKING:
    from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

    from ui.editor.scene import GraphScene

TITLE = 32.0
"""Height of the strip with the title."""
PADDING = 18.0
"""Between a frame's edge and its nodes, at least."""
EDGE = 6.0
"""Width of the edge that resizes it."""
FRAME_Z = -1000.0


class FrameItem(QGraphicsRectItem):
    """A frame.

    Args:
        scene: it is added to.
        name: id of the frame.
    """

    def __init__(self, scene: GraphScene, name: str) -> None:
        super().__init__()
        self.name = name
        self.selected = False
        self._scene = scene
        self._box = QRectF()
        self.setPen(Qt.PenStyle.NoPen)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def fit(self, rect: QRectF, nodes: list[QRectF]) -> None:
        """Lie around `rect`, larger where `nodes` need more.

        Args:
            rect: of the document, in scene coordinates.
            nodes: the rectangles of its nodes.
        """
        box = QRectF(rect)
        for node in nodes:
            box = box.united(node.adjusted(-PADDING, -TITLE - 6, PADDING, PADDING))
        if box == self._box:
            return
        self._box = box
        self.setPos(box.topLeft())
        self.setRect(QRectF(0, 0, box.width(), box.height()).adjusted(-3, -3, 3, 3))
        # A frame in a frame lies above it.
        self.setZValue(FRAME_Z - min(1e6, (box.width() + box.height()) / 100))

    def scene_rect(self) -> QRectF:
        """The frame as drawn, in scene coordinates."""
        return QRectF(self._box)

    def hit(self, pos: QPointF) -> str | None:
        """What of it lies at a point of its coordinates.

        Returns:
            "title", "body", or the edge that resizes it: "left", "top_right", ...; None outside.
        """
        width, height = self._box.width(), self._box.height()
        if not QRectF(0, 0, width, height).adjusted(-2, -2, 2, 2).contains(pos):
            return None
        across = "left" if pos.x() < EDGE else "right" if pos.x() > width - EDGE else ""
        down = "top" if pos.y() < EDGE else "bottom" if pos.y() > height - EDGE else ""
        # Corners reach further than edges, or nobody would hit them.
        if across and not down:
            near_top, near_bottom = pos.y() < 2 * EDGE, pos.y() > height - 2 * EDGE
            down = "top" if near_top else "bottom" if near_bottom else ""
        if across or down:
            return "_".join(part for part in (down, across) if part)
        return "title" if pos.y() < TITLE else "body"

    def colour(self) -> QColor:
        """The colour of its border, opaque."""
        frame = self._scene.document.frames[self.name]
        colour = QColor(frame.colour) if frame.colour else QColor(self._scene.theme.frame_border)
        colour.setAlpha(255)
        return colour

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        theme = self._scene.theme
        frame = self._scene.document.frames[self.name]
        zoom = painter.worldTransform().m11()
        fill, border = QColor(theme.frame), QColor(theme.frame_border)
        if frame.colour:
            for shade in (fill, border):
                own = QColor(frame.colour)
                shade.setRgb(own.red(), own.green(), own.blue(), shade.alpha())
        joined = self._scene.marks.join_frame == self.name
        if joined or self.selected:
            border = theme.accent
        painter.setRenderHint(
            QPainter.RenderHint.Antialiasing, not self._scene.faces.hurried and zoom >= 0.2
        )
        painter.setBrush(fill)
        painter.setPen(QPen(border, max(2.0 if joined or self.selected else 1.0, 1 / zoom)))
        inner = QRectF(0.5, 0.5, self._box.width() - 1, self._box.height() - 1)
        painter.drawRoundedRect(inner, RADIUS + 2, RADIUS + 2)
        if zoom < 0.25:
            return
        title = frame.title or "Frame"
        painter.setFont(fonts.title())
        painter.setPen(blend(theme.canvas, theme.text, 0.82 if frame.title else 0.5))
        room = self._box.width() - 28
        text = elided(title, fonts.title(), room, Qt.TextElideMode.ElideRight)
        painter.drawText(QRectF(14, 2, room, TITLE), int(LEFT), text)
