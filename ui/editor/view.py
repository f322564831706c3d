"""The window onto a scene: paints it, moves over it, and hands mouse and keys to the gestures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter, QRegion
from PySide6.QtWidgets import QFrame, QGraphicsView, QToolTip

from ui.editor.empty_hint import EmptyHint
from ui.editor.gestures import Gestures
from ui.editor.minimap import WORDS as MAP_WORDS
from ui.editor.minimap import Minimap
from ui.editor.navigation import Navigation
from ui.editor.node_item import WORDS_FROM
from ui.editor.overlay import paint_overlay, rects_of
from ui.editor.overview import BELOW, Overview
from ui.editor.panning import Panning
from ui.editor.pictures import draw_dots
from ui.theme import instance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import (
        QContextMenuEvent,
        QDragEnterEvent,
        QDragMoveEvent,
        QDropEvent,
        QFocusEvent,
        QHideEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
        QWheelEvent,
    )

    from ui.editor.dropping import DropTarget
    from ui.editor.editor import GraphEditor
    from ui.editor.scene import GraphScene
    from ui.theme import Theme

REACH = 1.2e7
"""The view can be moved this far from (0, 0), in scene pixels."""
_DOTS_FROM = 0.3
"""Zoom below which the canvas has no dots."""


class GraphView(QGraphicsView):
    """A view of an editor's scene.

    Args:
        editor: whose scene it shows; the parent.
    """

    moved = Signal()
    """It shows another place, or at another zoom."""
    palette_wanted = Signal(object, object, object)
    """Add a node here: scene position, and the `Source` or the (node, port) of a loose wire."""

    def __init__(self, editor: GraphEditor) -> None:
        super().__init__(editor)
        self.editor = editor
        self.scene_shown: GraphScene = editor.scene
        self.navigation = Navigation(self)
        self.overview = Overview(self.scene_shown)
        self.minimap = Minimap(self)
        self._empty_hint = EmptyHint(self)
        self._framed = False
        self._exposed = QRegion()
        self.drop_targets: list[DropTarget] = []
        """Asked in turn when something is dragged over the canvas."""
        self._panning = Panning(self)
        # Last, since it scrolls, which concerns what was made above.
        self.setScene(editor.scene)
        self._look()
        self.gestures = Gestures(self)
        self._waits = self.scene_shown.building
        if self._waits:
            # Painting a part of a large graph again and again would double the wait.
            self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.NoViewportUpdate)
        self.scene_shown.sights.append(self.item_sight)
        self.scene_shown.layout_changed.connect(self._on_layout)
        self._follow_theme()
        self._on_layout()

    def _look(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAcceptDrops(True)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        # The canvas goes on for ever; the scene's own rectangle is for its index.
        self.setSceneRect(QRectF(-REACH, -REACH, 2 * REACH, 2 * REACH))
        self.setAccessibleName("Graph")
        self.setAccessibleDescription("The outline panel holds the same nodes as a tree.")

    # Where it looks

    @property
    def zoom(self) -> float:
        """1 is 100 %."""
        return self.navigation.zoom

    def zoom_to(self, scale: float, anchor: QPointF | QPoint | None = None) -> None:
        """Set the zoom; the place at `anchor` (viewport pixels, else the middle) stays."""
        self.navigation.zoom_to(scale, None if anchor is None else QPointF(anchor))

    def zoom_by(self, notches: float, anchor: QPointF | None = None) -> None:
        """Zoom as by notches of the wheel."""
        self.navigation.zoom_by(notches, anchor if anchor is not None else self.middle())

    def frame(self, names: Iterable[str] | None = None) -> None:
        """Show these nodes, as large as they fit but not above 100 %; all where `names` is None."""
        self._framed = True
        area = self.overview.bounds() if names is None else self.scene_shown.bounds(names)
        if area.isEmpty():
            self.zoom_to(1.0)
            self.centre_at(QPointF(0, 0))
            return
        self.navigation.show_area(area)
        self.minimap.refresh()

    def centre_on(self, name: str) -> None:
        """Show a node in the middle, large enough to be read."""
        item = self.scene_shown.nodes[name]
        if self.zoom < WORDS_FROM:
            self.navigation.show_area(item.node_rect().adjusted(-400, -300, 400, 300))
        else:
            self.centre_at(item.node_rect().center())

    def centre_at(self, pos: QPointF) -> None:
        """Show a place of the scene in the middle."""
        self._framed = True
        self.navigation.centre_at(pos)

    def pan_by(self, dx: float, dy: float) -> None:
        """Move what is shown by viewport pixels."""
        self.navigation.pan_by(dx, dy)

    def middle(self) -> QPointF:
        """The middle of the viewport, in its pixels."""
        return QRectF(self.viewport().rect()).center()

    def area(self) -> QRectF:
        """What of the scene is shown."""
        back, _ = self.viewportTransform().inverted()
        return back.mapRect(QRectF(self.viewport().rect()))

    def item_sight(self) -> QRectF:
        """What of the scene is shown item by item; nothing while all is seen from afar."""
        area = self.area()
        return QRectF() if self.overview.wanted(self.zoom, area) else area

    def viewpoint(self) -> tuple[float, float, float]:
        """Zoom, and the place in the middle; for `look_from`."""
        middle = self.area().center()
        return (self.zoom, middle.x(), middle.y())

    def look_from(self, zoom: float, x: float, y: float) -> None:
        """Show what `viewpoint` told."""
        self._framed = True
        self.navigation.zoom_to(zoom)
        self.centre_at(QPointF(x, y))
        self.navigation.settle()

    def settle(self) -> None:
        """Paint everything sharp now; by itself it does so a moment after the last zoom."""
        self.navigation.settle()

    def scene_pos(self, event: QMouseEvent) -> QPointF:
        """Where on the canvas a mouse event is, to less than a pixel."""
        return self.to_scene(event.position())

    def to_scene(self, pos: QPointF) -> QPointF:
        """A place in the viewport on the canvas."""
        back, _ = self.viewportTransform().inverted()
        return back.map(pos)

    # The map and the empty canvas

    @property
    def minimap_shown(self) -> bool:
        """The map is wanted; it hides by itself while there is nothing to show."""
        return self.minimap.shown

    @minimap_shown.setter
    def minimap_shown(self, shown: bool) -> None:
        self.minimap.shown = shown

    def _on_layout(self, _: object = None) -> None:
        self._empty_hint.refresh()
        if not self.scene_shown.building and self._waits:
            self._waits = False
            self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
            if not self._framed:
                self.frame()
            self.viewport().update()
        # Where nearly everything moves, the whole is painted sooner than a hundred pieces of it.
        if self.zoom < BELOW or self.scene_shown.carried is not None:
            self.viewport().update()

    def _follow_theme(self) -> None:
        try:
            instance().changed.connect(self._on_theme)
        except RuntimeError:
            return  # a view by itself, without an application that changes its theme

    def _on_theme(self, theme: Theme) -> None:
        self.scene_shown.set_theme(theme)
        self.overview.forget()
        self.minimap.forget()
        self.viewport().update()

    # Painting

    def set_scale(self, scale: float) -> None:
        """The bare zoom; `zoom_to` keeps a place where it is."""
        transform = self.transform()
        transform.reset()
        transform.scale(scale, scale)
        self.setTransform(transform)

    def sharpen(self, seconds: float) -> bool:
        """Paint some of the pictures that were put off; True while there are more.

        Args:
            seconds: to spend.
        """
        end = time.perf_counter() + seconds
        scene, faces = self.scene_shown, self.scene_shown.faces
        shown, ratio = self.area(), self.devicePixelRatioF()
        if self.zoom < WORDS_FROM:
            return False
        while faces.late and time.perf_counter() < end:
            item = scene.nodes.get(faces.late.pop())
            if item is not None and item.node_rect().intersects(shown):
                faces.bake(item.name, item.face, scene.theme, self.zoom * ratio)
        return bool(faces.late)

    def paintEvent(self, event: QPaintEvent) -> None:
        self.scene_shown.faces.begin_frame()
        self._exposed = event.region()
        if self._waits:
            with QPainter(self.viewport()) as painter:
                painter.fillRect(event.rect(), self.scene_shown.theme.canvas)
            return
        if not self.overview.wanted(self.zoom, self.area()):
            self._tell_exposed(event.region())
            super().paintEvent(event)
            return
        with QPainter(self.viewport()) as painter:
            painter.setClipRegion(event.region())
            painter.fillRect(event.rect(), self.scene_shown.theme.canvas)
            painter.setTransform(self.viewportTransform())
            self.overview.paint(painter, self.zoom)
            paint_overlay(painter, self.scene_shown, event.region(), self.zoom)
            self._paint_map(painter, event.region())

    def _tell_exposed(self, region: QRegion) -> None:
        """Let wires leave out what isn't painted: stroking takes its time, clipped or not."""
        whole = region.rectCount() == 1 and region.boundingRect() == self.viewport().rect()
        back, _ = self.viewportTransform().inverted()
        self.scene_shown.exposed = () if whole else tuple(
            back.mapRect(QRectF(rect).adjusted(-2, -2, 2, 2)) for rect in rects_of(region)
        )

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        theme = self.scene_shown.theme
        origin = painter.worldTransform().map(QPointF(0, 0))
        painter.save()
        painter.resetTransform()
        for area in rects_of(self._exposed):
            painter.fillRect(area, theme.canvas)
            if self.zoom >= _DOTS_FROM:
                draw_dots(painter, QRectF(area), origin, self.zoom, theme.canvas_dot)
        painter.restore()
        sharp = not self.scene_shown.faces.hurried
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, sharp and self.zoom >= WORDS_FROM)

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        paint_overlay(painter, self.scene_shown, self._exposed, self.zoom)
        self._paint_map(painter, self._exposed)

    def _paint_map(self, painter: QPainter, exposed: QRegion) -> None:
        if self.minimap.visible and exposed.intersects(self.minimap.rect()):
            painter.resetTransform()
            self.minimap.paint(painter)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        super().scrollContentsBy(dx, dy)
        self.minimap.scrolled(dx, dy)
        self.moved.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._empty_hint.setGeometry(self.viewport().rect())
        if not self._framed and self.isVisible() and not self._waits:
            self.frame()
        self.moved.emit()

    # Mouse and keys. What isn't panning is for the gestures; Qt's own handling is never asked.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not (self.minimap.press(event) or self._panning.press(event)):
            self.gestures.press(event)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not (self.minimap.press(event) or self._panning.press(event)):
            self.gestures.double_click(event)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not (self.minimap.move(event) or self._panning.move(event)):
            self.gestures.move(event)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not (self.minimap.release(event) or self._panning.release(event)):
            self.gestures.release(event)
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._panning.wheel(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._panning.key_press(event) or self.gestures.key_press(event):
            event.accept()
        else:
            # Not the graphics view's: its arrow keys would scroll.
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if self._panning.key_release(event) or self.gestures.key_release(event):
            event.accept()
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._panning.stop()
        self.gestures.cancel()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._panning.stop()
        self.gestures.cancel()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.gestures.leave()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.gestures.context_menu(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            if self.minimap.covers(QPointF(event.pos())):
                area = self.minimap.rect()
                QToolTip.showText(event.globalPos(), MAP_WORDS, self.viewport(), area)
                return True
            return self.gestures.tool_tip(event)
        if event.type() == QEvent.Type.Leave:
            self.gestures.leave()
        return super().viewportEvent(event)

    # Things dragged in

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self._offer(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        self._offer(event)

    def _offer(self, event: QDragMoveEvent) -> None:
        # What nobody here takes goes on to the window, which opens graphs.
        if any(target.takes(event.mimeData()) for target in self.drop_targets):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        for target in self.drop_targets:
            if target.takes(event.mimeData()):
                target.drop(event.mimeData(), self.to_scene(event.position()))
                event.acceptProposedAction()
                return
        event.ignore()
