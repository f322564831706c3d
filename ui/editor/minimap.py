"""The small map in the corner of a view: where one is, and a way to go elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap, QRegion, QTransform

from ui.editor.wire_item import hairline
from ui.theme.metrics import NODE_WIDTH, RADIUS

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent

    from ui.editor.view import GraphView
    from ui.theme import Theme

SIZE = QSize(180, 116)
WORDS = "Drag to move around · Alt+M hides the map"
PAD = 8.0
"""Between its frame and what it shows."""
EDGE = 16
"""Between it and the corner of the view."""
_LATER = 40
"""Milliseconds after a change until it is drawn anew, at least: changes come in crowds, and a
large graph takes a while."""


class Minimap(QObject):
    """A map of the graph. Pressing or dragging on it moves the view there.

    It is painted into the viewport and is no widget: with a widget over it, Qt would paint the
    whole canvas anew for every pixel that it is moved.

    Args:
        view: whose map it is, and its parent.
    """

    def __init__(self, view: GraphView) -> None:
        super().__init__(view)
        self._view = view
        self._map = QPixmap()
        self._to_map = QTransform()
        self._dragging = False
        self._shown = True
        self._cost = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._redraw)
        view.scene_shown.layout_changed.connect(self.forget)
        view.moved.connect(self._on_moved)

    @property
    def visible(self) -> bool:
        """It is painted: it is wanted, and there is something to show."""
        return self._shown and bool(self._view.scene_shown.nodes)

    @property
    def shown(self) -> bool:
        """It is wanted."""
        return self._shown

    @shown.setter
    def shown(self, shown: bool) -> None:
        self._shown = shown
        self._view.viewport().update(self.rect().adjusted(-2, -2, 2, 2))

    def rect(self) -> QRect:
        """Where it is, in viewport pixels: the corner at the bottom right."""
        area = self._view.viewport().rect()
        left, top = area.right() - SIZE.width() - EDGE, area.bottom() - SIZE.height() - EDGE
        return QRect(QPoint(left, top), SIZE)

    def forget(self) -> None:
        """The graph looks otherwise: draw it anew soon."""
        if not self._timer.isActive():
            self._timer.start(round(max(_LATER, 30 * self._cost)))

    def refresh(self) -> None:
        """Draw it anew now, if something changed."""
        if self._timer.isActive():
            self._timer.stop()
            self._redraw()

    def _redraw(self) -> None:
        self._map = QPixmap()
        self._view.viewport().update(self.rect())

    def _on_moved(self) -> None:
        # While the view stays within what the map shows, only the frame on it moves.
        back, fine = self._to_map.inverted()
        whole = back.mapRect(QRectF(QPointF(0, 0), SIZE.toSizeF())) if fine else QRectF()
        if not whole.contains(self._view.area().center()):
            self._map = QPixmap()

    def scrolled(self, dx: int, dy: int) -> None:
        """The viewport's pixels were moved, and the map's with them."""
        if self.visible:
            rect = self.rect().adjusted(-1, -1, 1, 1)
            self._view.viewport().update(QRegion(rect) | QRegion(rect.translated(dx, dy)))

    # Painting

    def paint(self, painter: QPainter) -> None:
        """Paint it.

        Args:
            painter: in viewport pixels.
        """
        if self._map.isNull():
            self._draw_map()
        corner = QPointF(self.rect().topLeft())
        painter.drawPixmap(corner, self._map)
        theme = self._view.scene_shown.theme
        area = self._to_map.mapRect(self._view.area())
        area = area.intersected(QRectF(QPointF(0, 0), SIZE.toSizeF()).adjusted(3, 3, -3, -3))
        if area.width() < 6 or area.height() < 6:
            area = QRectF(area.center() - QPointF(3, 3), area.center() + QPointF(3, 3))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill = QColor(theme.minimap_view)
        fill.setAlphaF(0.08)
        painter.setBrush(fill)
        painter.setPen(QPen(theme.minimap_view, 1.2))
        painter.drawRoundedRect(area.translated(corner), 3, 3)

    def _draw_map(self) -> None:
        """The frame and all nodes, as a picture."""
        began = time.perf_counter()
        view, theme = self._view, self._view.scene_shown.theme
        ratio = view.devicePixelRatioF()
        self._map = QPixmap(SIZE * ratio)
        self._map.setDevicePixelRatio(ratio)
        self._map.fill(Qt.GlobalColor.transparent)
        # Ended even where something goes wrong: a painter that outlives its pixmap crashes Qt.
        with QPainter(self._map) as painter:
            self._draw_nodes(painter, theme)
        self._cost = 1000 * (time.perf_counter() - began)

    def _draw_nodes(self, painter: QPainter, theme: Theme) -> None:
        view = self._view
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(theme.minimap)
        painter.setPen(QPen(theme.minimap_border, 1))
        box = QRectF(QPointF(0, 0), SIZE.toSizeF()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        self._to_map = self._fit()
        scale = self._to_map.m11()
        painter.setTransform(self._to_map, True)
        for frame in view.scene_shown.frames.values():
            painter.fillRect(frame.scene_rect(), theme.frame)
        painter.setPen(Qt.PenStyle.NoPen)
        few = len(view.scene_shown.nodes) <= 300 and scale * NODE_WIDTH > 5
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, few)
        for layer in view.overview.layers():
            with layer.placed(painter):
                for colour, rects in layer.coloured():
                    painter.setBrush(colour)
                    for rect in rects if few else ():
                        painter.drawRoundedRect(rect, 1.5 / scale, 1.5 / scale)
                    if not few:
                        # Boxes smaller than a pixel would vanish.
                        painter.setPen(hairline(colour))
                        painter.drawRects(rects)

    def _fit(self) -> QTransform:
        """Scene to map: all nodes, and where the view is if that isn't too far off."""
        bounds = self._view.overview.bounds()
        area = self._view.area()
        if bounds.isEmpty():
            bounds = area
        # Looking at emptiness far away mustn't shrink the graph to a dot.
        near = bounds.adjusted(-bounds.width(), -bounds.height(), bounds.width(), bounds.height())
        whole = bounds.united(area.intersected(near))
        room = QRectF(QPointF(0, 0), SIZE.toSizeF()).adjusted(PAD, PAD, -PAD, -PAD)
        across = room.width() / max(1.0, whole.width())
        scale = min(across, room.height() / max(1.0, whole.height()))
        made = QTransform()
        made.translate(room.center().x(), room.center().y())
        made.scale(scale, scale)
        made.translate(-whole.center().x(), -whole.center().y())
        return made

    # Moving about. Each says whether the event was the map's.

    def press(self, event: QMouseEvent) -> bool:
        if not self.covers(event.position()):
            return False
        if event.button() == Qt.MouseButton.LeftButton:
            self._dragging = True
            self._go(event.position())
        return True

    def move(self, event: QMouseEvent) -> bool:
        if self._dragging:
            self._go(event.position())
        return self._dragging or (not event.buttons() and self.covers(event.position()))

    def release(self, event: QMouseEvent) -> bool:
        if not self._dragging:
            return False
        self._dragging = event.button() != Qt.MouseButton.LeftButton
        return True

    def covers(self, pos: QPointF) -> bool:
        """Whether a place of the viewport is on the map."""
        return self.visible and self.rect().contains(pos.toPoint())

    def _go(self, pos: QPointF) -> None:
        back, fine = self._to_map.inverted()
        if fine:
            self._view.centre_at(back.map(pos - QPointF(self.rect().topLeft())))
