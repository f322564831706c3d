"""Paints over a node's picture what moves: selection, progress, previews, marks of gestures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from ui.editor.field_paint import RIGHT
from ui.editor.node_paint import RUNNING, header_path, paint_title
from ui.editor.port_paint import draw_port, draw_shape
from ui.theme import fonts
from ui.theme.metrics import FIELD_RADIUS, HEADER, PAD, PORT, RADIUS, SELECTION

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap

    from ui.editor.geometry import NodeGeometry, PortSpot
    from ui.editor.marks import CanvasMarks
    from ui.editor.node_paint import Face
    from ui.engine.states import NodeState
    from ui.theme import Theme

_SWEEP = 0.32
"""Share of the header that the bar of a node without steps takes."""


def paint_outline(
    painter: QPainter, geometry: NodeGeometry, colour: QColor, width: float, grow: float
) -> None:
    """A line around the node, `grow` outside it."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour, width))
    if geometry.form == "reroute":
        painter.drawEllipse(geometry.rect.center(), 8.5 + grow, 8.5 + grow)
        return
    rect = geometry.rect.adjusted(-grow, -grow, grow, grow)
    painter.drawRoundedRect(rect, RADIUS + grow, RADIUS + grow)


def paint_selection(painter: QPainter, theme: Theme, geometry: NodeGeometry, scale: float) -> None:
    """The outline of a selected node; at least 1.5 pixels of the screen wide."""
    width = max(SELECTION, 1.5 / scale)
    paint_outline(painter, geometry, theme.selection, width, width / 2 - 0.5)


def paint_progress(
    painter: QPainter, theme: Theme, face: Face, state: NodeState, phase: float
) -> None:
    """The header of a node that runs: a bar, its title over it, and how far it is.

    Args:
        painter: in the node's coordinates.
        theme: colours.
        face: of the node.
        state: of this moment; the face's is older.
        phase: 0 to 1, of the bar that comes and goes while there are no steps.
    """
    geometry = face.geometry
    header = geometry.header
    done = QColor(theme.accent)
    done.setAlphaF(0.42 if theme.is_dark else 0.30)
    painter.save()
    painter.setClipPath(header_path(header, whole=geometry.collapsed),
                        Qt.ClipOperation.IntersectClip)  # fmt: skip
    if state.of:
        part = QRectF(0, 0, geometry.width * min(1.0, state.step / state.of), HEADER)
    else:
        left = (phase * (1 + _SWEEP) - _SWEEP) * geometry.width
        part = QRectF(left, 0, geometry.width * _SWEEP, HEADER)
    painter.fillRect(part, done)
    painter.fillRect(QRectF(part.left(), HEADER - 2, part.width(), 2), theme.accent)
    painter.restore()
    paint_title(painter, theme, face, header.width() - 30 - PAD - RUNNING)
    painter.setFont(fonts.small())
    painter.drawText(header.adjusted(0, 0, -PAD, 0), int(RIGHT), progress_words(state))


def progress_words(state: NodeState) -> str:
    """ "12 / 20 · 41 it/s"; "running" for a node without steps."""
    if not state.of:
        return "running"
    words = f"{state.step} / {state.of}"
    if state.rate <= 0:
        return words
    if state.rate < 1:
        return f"{words} · {1 / state.rate:.1f} s/it"
    return f"{words} · {state.rate:.1f} it/s" if state.rate < 9.95 else (
        f"{words} · {state.rate:.0f} it/s"
    )


def paint_picture(painter: QPainter, theme: Theme, rect: QRectF, picture: QPixmap) -> None:
    """The node's picture in its place, with a thin frame."""
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawPixmap(rect, picture, QRectF(picture.rect()))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.field_border, 1))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), FIELD_RADIUS, FIELD_RADIUS)


def picture_pixels(rect: QRectF, scale: float) -> tuple[int, int, float]:
    """Width, height and radius, in device pixels, of what `paint_picture` wants."""
    return (
        max(1, math.ceil(rect.width() * scale)),
        max(1, math.ceil(rect.height() * scale)),
        FIELD_RADIUS * scale,
    )


# Marks


def paint_judged(painter: QPainter, theme: Theme, spot: PortSpot, fits: bool) -> None:
    """A port while a wire is drawn: ringed where it would take the wire, else dimmed."""
    if fits:
        ring = QColor(theme.port(spot.type))
        ring.setAlphaF(0.45)
        painter.setPen(QPen(ring, 3))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(spot.pos, PORT / 2 + 3.5, PORT / 2 + 3.5)
        return
    veil = QColor(theme.node)
    veil.setAlphaF(0.74)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(veil)
    painter.drawEllipse(spot.pos, PORT / 2 + 1.5, PORT / 2 + 1.5)
    inner = 12 if spot.side == "in" else -92
    painter.fillRect(QRectF(spot.pos.x() + inner, spot.pos.y() - 9, 80, 18), veil)


def paint_snap(painter: QPainter, theme: Theme, spot: PortSpot) -> None:
    """The port that a release would take."""
    colour = theme.port(spot.type)
    halo = QColor(colour)
    halo.setAlphaF(0.30)
    painter.setPen(QPen(colour, 2))
    painter.setBrush(halo)
    painter.drawEllipse(spot.pos, PORT / 2 + 6, PORT / 2 + 6)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    draw_shape(painter, spot.shape, spot.pos, PORT)


def paint_hovered_port(painter: QPainter, theme: Theme, spot: PortSpot) -> None:
    """A port under the mouse is larger."""
    halo = QColor(theme.port(spot.type))
    halo.setAlphaF(0.28)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(halo)
    painter.drawEllipse(spot.pos, PORT / 2 + 5, PORT / 2 + 5)
    open_end = spot.side == "in" and not spot.wired
    draw_port(
        painter, theme, spot.shape, spot.pos, theme.port(spot.type), open_end=open_end,
        size=PORT + 2,
    )  # fmt: skip


def paint_hovered_header(painter: QPainter, theme: Theme, collapsed: bool, ground: QColor) -> None:
    """The arrow that collapses a node, in place of its icon while the mouse is over the node."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(QRectF(7, 4, 18, 18), 4, 4)
    painter.setPen(QPen(theme.icon, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap,
                        Qt.PenJoinStyle.RoundJoin))  # fmt: skip
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if collapsed:
        points = [QPointF(14, 9), QPointF(18, 13), QPointF(14, 17)]
    else:
        points = [QPointF(12, 11), QPointF(16, 15), QPointF(20, 11)]
    painter.drawPolyline(points)


def paint_hovered_field(painter: QPainter, theme: Theme, rect: QRectF) -> None:
    """A field under the mouse has a stronger border."""
    painter.setPen(QPen(theme.field_hover, 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), FIELD_RADIUS, FIELD_RADIUS)


def paint_node_marks(
    painter: QPainter, theme: Theme, name: str, geometry: NodeGeometry, marks: CanvasMarks
) -> None:
    """Everything that a gesture marks on this node, but for what `judge` says."""
    if marks.drop_node == name:
        colour = theme.error if marks.drop_bad else theme.accent
        paint_outline(painter, geometry, colour, 2.0, 2.0)
    if marks.hover_widget is not None and marks.hover_widget[0] == name:
        spot = geometry.widget(marks.hover_widget[1])
        if spot is not None and geometry.form == "node":
            paint_hovered_field(painter, theme, spot.rect)
    for key, paint in ((marks.hover_port, paint_hovered_port), (marks.snap, paint_snap)):
        if key is not None and key[0] == name:
            port = geometry.port(key[1], key[2])
            if port is not None and port.shown:
                paint(painter, theme, port)
