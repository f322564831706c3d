"""Paints what lies over the nodes: raised wires, wires being drawn, the knife, guides, the band."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from ui.editor.port_paint import draw_shape
from ui.editor.wire_item import FINE, WireItem, hairline, wire_path
from ui.theme import current
from ui.theme.metrics import PORT, WIRE_HOVER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtCore import QRect
    from PySide6.QtGui import QRegion

    from ui.editor.marks import CanvasMarks, GhostWire
    from ui.editor.scene import GraphScene
    from ui.theme import Theme

XRAY = 0.34
"""How much is seen of a wire where it passes below a node."""
LIT = 0.55
"""The same of a wire of the selected node."""


def paint_overlay(painter: QPainter, scene: GraphScene, exposed: QRegion, zoom: float) -> None:
    """Everything over the nodes.

    Args:
        painter: in scene coordinates.
        scene: what is shown.
        exposed: what is painted now, in viewport pixels.
        zoom: of the view.
    """
    hurried = scene.faces.hurried
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not hurried)
    if zoom >= FINE and not hurried:
        _paint_wires(painter, scene, exposed, zoom)
    marks, theme = scene.marks, scene.theme
    for ghost in marks.ghosts:
        _paint_ghost(painter, theme, ghost)
    if len(marks.cut) > 1:
        pen = QPen(theme.cut, 2, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(list(marks.cut)))
    _paint_lines(painter, theme, marks)


def rects_of(region: QRegion) -> list[QRect]:
    """The rectangles that a region is made of."""
    return list(cast("Iterable[QRect]", region))  # Qt's stubs leave the iteration out


def _paint_wires(painter: QPainter, scene: GraphScene, exposed: QRegion, zoom: float) -> None:
    """Wires below nodes as thin lines, so that they can be followed; the raised ones in full."""
    raised: list[WireItem] = []
    marks, theme = scene.marks, scene.theme
    back, _ = painter.worldTransform().inverted()
    found = {
        wire.key: wire
        for rect in rects_of(exposed)
        for wire in scene.wire_items(back.mapRect(QRectF(rect)))
        if wire.key not in marks.hidden_wires
    }
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setOpacity(XRAY)
    for wire in found.values():
        if wire.raised:
            raised.append(wire)
        else:
            # Hairlines cost a third of a wire. On the wire itself they aren't seen.
            painter.setPen(hairline(theme.port(wire.carries or "any")))
            painter.drawPath(wire.path())
    for wire in raised:
        painter.setOpacity(1.0 if wire.marked else LIT)
        wire.stroke(painter, theme, zoom)
        painter.setOpacity(1.0)
        _paint_ends(painter, theme, wire)
    painter.setOpacity(1.0)


def _paint_ends(painter: QPainter, theme: Theme, wire: WireItem) -> None:
    """A raised wire covers its ports: paint them again."""
    if wire.lost:
        return
    painter.setPen(QPen(theme.node, 1.5))
    painter.setBrush(theme.port(wire.carries or "any"))
    shape = current().port_shape(wire.carries or "any")
    for pos, shown in ((wire.start, wire.start_shown), (wire.end, wire.end_shown)):
        if shown:
            draw_shape(painter, shape, pos, PORT - 0.5)


def _paint_ghost(painter: QPainter, theme: Theme, ghost: GhostWire) -> None:
    refused = ghost.valid is False
    colour = QColor(theme.error if refused else theme.port(ghost.type or "any"))
    pen = QPen(colour, WIRE_HOVER, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    if refused:
        pen.setDashPattern([3, 2.5])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    painter.drawPath(wire_path(ghost.start, ghost.end))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for end in (ghost.start, ghost.end):
        painter.drawEllipse(end, 4.0, 4.0)


def _paint_lines(painter: QPainter, theme: Theme, marks: CanvasMarks) -> None:
    if marks.guides:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pen = QPen(theme.guide, 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLines(list(marks.guides))
    if marks.band is not None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        pen = QPen(theme.accent, 1)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(theme.selection_band)
        painter.drawRect(marks.band.normalized())

