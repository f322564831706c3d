"""One node on the canvas: a single item, painted, and hit-tested by arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QPainter, QTransform
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem

from ui.editor import node_live as live
from ui.editor.faces import LARGEST, MARGIN
from ui.editor.facing import face_of
from ui.editor.geometry import Hit, NodeGeometry, hit, measure
from ui.editor.node_paint import Face, paint_face, paint_plain
from ui.theme.metrics import RADIUS

if TYPE_CHECKING:
    from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

    from ui.editor.faces import Baked
    from ui.editor.scene import GraphScene

WORDS_FROM = 0.45
"""Zoom below which nodes carry no words."""


class NodeItem(QGraphicsRectItem):
    """A node.

    Its rectangle, which Qt asks for thousands of times a second, is a plain value of the base
    class: nothing of Python runs for items that aren't painted.

    Args:
        scene: it is added to.
        name: id of the node.
    """

    def __init__(self, scene: GraphScene, name: str) -> None:
        super().__init__()
        self.name = name
        self.selected = False
        self._scene = scene
        self._face: Face | None = None
        self._stale = True
        self._picture = False
        self.geometry = NodeGeometry(0, 0, QRectF(), (), (), None, None, False)
        self.setPen(Qt.PenStyle.NoPen)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption, False)
        self.remeasure()

    # What it shows

    def remeasure(self) -> bool:
        """Lay out again after a change of the document; True if something moved."""
        self._stale = True
        picture = self._scene.picture_of(self.name)
        size = QSizeF(picture.size()) if picture is not None and not picture.isNull() else None
        geometry = measure(self._scene.document, self.name, size)
        self.update()
        if geometry == self.geometry:
            return False
        self.geometry = geometry
        self.setRect(geometry.rect.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN))
        return True

    def invalidate(self) -> None:
        """Its state or its faults are other than before: paint anew, in the same place."""
        self._stale = True
        self.update()

    @property
    def face(self) -> Face:
        """What its picture shows; made when it is painted."""
        if self._stale or self._face is None:
            made = face_of(self._scene, self.name, self.geometry)
            # News that leave the picture as it is, as every step of a run, keep it.
            if made != self._face:
                self._face = made
            self._stale = False
        return self._face

    def node_rect(self) -> QRectF:
        """The node in scene coordinates, without its shadow."""
        return self.geometry.rect.translated(self.pos())

    def hit(self, pos: QPointF) -> Hit | None:
        """What of the node lies at a point of its coordinates; also ports that stick out."""
        return hit(self.geometry, pos)

    # Painting

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        transform = painter.worldTransform()
        scene, theme, face = self._scene, self._scene.theme, self.face
        if face.opacity < 1:
            painter.setOpacity(painter.opacity() * face.opacity)
        zoom = transform.m11()
        device = painter.device()
        scale = zoom * device.devicePixelRatioF()
        if zoom < WORDS_FROM:
            paint_plain(painter, theme, face)
        else:
            self._paint_sharp(painter, transform, scale)
        self._paint_picture(painter, scale)
        painter.setOpacity(1.0)
        if scene.is_quiet(self):
            return
        self._paint_live(painter, zoom)

    def _paint_sharp(self, painter: QPainter, transform: QTransform, scale: float) -> None:
        scene, face = self._scene, self.face
        rect = self.rect()
        if rect.width() * rect.height() * scale * scale > LARGEST:
            paint_face(painter, scene.theme, face, scale)
            return
        baked = scene.faces.get(self.name, face, scene.theme, scale)
        if baked is None:
            paint_plain(painter, scene.theme, face)
        else:
            _blit(painter, transform, baked, scale)

    def _paint_picture(self, painter: QPainter, scale: float) -> None:
        rect = self.geometry.preview
        if rect is None or (image := self._scene.picture_of(self.name)) is None:
            return
        width, height, radius = live.picture_pixels(rect, scale)
        if scale < WORDS_FROM:
            radius = 0.0
        faces = self._scene.faces
        size = QSize(width, height)
        made = self._scene.previews.get(self.name, image, size, radius, any_size=faces.hurried)
        if faces.hurried and made.size() != size:
            faces.late.add(self.name)
        live.paint_picture(painter, self._scene.theme, rect, made)

    def _paint_live(self, painter: QPainter, zoom: float) -> None:
        scene, theme, geometry = self._scene, self._scene.theme, self.geometry
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not scene.faces.hurried)
        marks = scene.marks
        far = zoom < WORDS_FROM
        state = scene.states.get(self.name)
        if state.status == "running" and geometry.form == "node" and not far:
            live.paint_progress(painter, theme, self.face, state, scene.phase)
        if marks.hover_node == self.name and not self.selected and not far:
            live.paint_outline(painter, geometry, theme.node_hover, 1.0, -0.5)
        if (
            marks.hover_node == self.name and geometry.form == "node" and not far
            and not geometry.collapsed
        ):  # fmt: skip
            live.paint_hovered_header(painter, theme, False, self.face.header_colour(theme))
        if self.selected:
            live.paint_selection(painter, theme, geometry, zoom)
        elif state.status == "running":
            live.paint_outline(painter, geometry, theme.accent, max(1.5, 1.5 / zoom), 0.0)
        if marks.judge is not None and not far:
            painter.setOpacity(self.face.opacity)
            for spot in geometry.ports:
                if spot.shown:
                    fits = scene.judged(self.name, spot.side, spot.name) is None
                    live.paint_judged(painter, theme, spot, fits)
            painter.setOpacity(1.0)
        if not far:
            live.paint_node_marks(painter, theme, self.name, geometry, marks)
        elif marks.drop_node == self.name:
            live.paint_outline(painter, geometry, theme.accent, 3.0, RADIUS / 4)


def _blit(painter: QPainter, transform: QTransform, baked: Baked, scale: float) -> None:
    """Copy a picture to whole pixels of the device; stretch one of another size."""
    ratio = painter.device().devicePixelRatioF()
    corner = transform.map(QPointF(-MARGIN, -MARGIN))
    # Letters are sharp only on whole pixels.
    corner = QPointF(round(corner.x() * ratio) / ratio, round(corner.y() * ratio) / ratio)
    painter.setWorldTransform(QTransform())
    pixmap = baked.pixmap
    stretch = scale / baked.scale / ratio
    target = QRectF(corner, QSizeF(pixmap.width() * stretch, pixmap.height() * stretch))
    if stretch == 1.0:
        painter.drawPixmap(corner, pixmap)
    else:
        painter.drawPixmap(target, pixmap, QRectF(pixmap.rect()))
    painter.setWorldTransform(transform)

