"""Paints a node as it stands still: all but the selection, the progress and the picture.

What changes at every frame of a gesture or a run is painted over it (`node_live`); this here is
kept as a picture until something of it changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from studio.words import seconds
from ui.editor.field_paint import (
    LEFT,
    RIGHT,
    FieldFace,
    draw_field,
    draw_icon,
    draw_note,
    elided,
)
from ui.editor.geometry import NOTE_LINES
from ui.editor.pictures import draw_shadow
from ui.editor.port_paint import paint_ports
from ui.editor.textlines import text_lines
from ui.theme import blend, fonts
from ui.theme.metrics import FIELD_RADIUS, FOOTER, HEADER, PAD, RADIUS, ROW

if TYPE_CHECKING:
    from ui.editor.geometry import NodeGeometry, PortSpot
    from ui.engine.states import NodeState
    from ui.theme import Theme

_STRIPE = 12.0
RUNNING = 92.0
"""Pixels that a node that runs keeps for saying how far it is."""
FADED = 0.4
"""Opacity of muted and bypassed nodes."""
UNNEEDED = 0.6
"""Opacity of nodes that the next run doesn't need."""


@dataclass(frozen=True)
class Face:
    """Everything that the picture of a node shows.

    Args:
        geometry: where things are.
        title: of the node.
        category: of its type; "" where that is unknown.
        icon: its name.
        colour: of the header, "#rrggbb"; None takes the category's.
        known: the node type is installed.
        mode: "normal", "mute" or "bypass".
        fields: the widgets, in order.
        state: what the node is doing.
        faults: why it can't run, in words.
        has_picture: one is painted where its picture goes.
    """

    geometry: NodeGeometry
    title: str
    category: str
    icon: str
    colour: str | None
    known: bool
    mode: str
    fields: tuple[FieldFace, ...]
    state: NodeState
    faults: tuple[str, ...]
    has_picture: bool = False

    @property
    def opacity(self) -> float:
        """How solid the whole node is painted."""
        if self.mode != "normal":
            return FADED
        return UNNEEDED if self.state.status == "unused" else 1.0

    @property
    def trouble(self) -> str:
        """The one line that says what is wrong; empty where nothing is."""
        if self.faults:
            return self.faults[0]
        return self.state.words if self.state.status == "failed" else ""

    def header_colour(self, theme: Theme) -> QColor:
        if not self.known:
            return blend(theme.node, theme.error, 0.16)
        return theme.tinted(self.colour) if self.colour else theme.category(self.category)

    def mark_colour(self, theme: Theme) -> QColor:
        """The strong colour of the node: icon, minimap, overview."""
        if not self.known:
            return theme.error
        return QColor(self.colour) if self.colour else theme.mark(self.category)


def paint_face(painter: QPainter, theme: Theme, face: Face, scale: float) -> None:
    """The node in its own coordinates, everything sharp.

    Args:
        painter: in the node's coordinates.
        theme: colours.
        face: what to paint.
        scale: device pixels for one of the node's.
    """
    painter.setRenderHints(
        QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
    )
    if face.geometry.form == "reroute":
        _paint_reroute(painter, theme, face)
        return
    rect = face.geometry.rect
    draw_shadow(painter, rect, theme.shadow, scale)
    _paint_body(painter, theme, face)
    _paint_header(painter, theme, face, scale)
    if face.geometry.form == "note":
        for field in face.fields:
            width = field.spot.rect.width() - 2 * PAD
            draw_note(painter, theme, field, text_lines(str(field.value), width, NOTE_LINES[1]))
    else:
        _paint_labels(painter, theme, face)
        for field in face.fields:
            draw_field(painter, theme, field, scale)
        _paint_preview_room(painter, theme, face, scale)
        _paint_footer(painter, theme, face, scale)
    if face.mode != "normal":
        _paint_stripes(painter, theme, rect)
    _paint_outline(painter, theme, face)
    paint_ports(painter, theme, face.geometry)


def paint_plain(painter: QPainter, theme: Theme, face: Face) -> None:
    """The node from afar: its shape and colours, no words."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    rect = face.geometry.rect
    if face.geometry.form == "reroute":
        painter.fillRect(rect.adjusted(4, 4, -4, -4), _reroute_colour(theme, face))
        return
    painter.fillRect(rect, _body_colour(theme, face))
    painter.fillRect(
        QRectF(0, 0, rect.width(), HEADER), blend(face.header_colour(theme),
                                                  face.mark_colour(theme), 0.35)
    )  # fmt: skip
    for field in face.fields:
        if face.geometry.form == "node":
            painter.fillRect(field.spot.rect, theme.field)
    if face.geometry.footer is not None and face.state.status != "unknown":
        spot = QRectF(PAD - 2, face.geometry.footer.center().y() - 5, 10, 10)
        painter.fillRect(spot, theme.error if face.trouble else theme.status(face.state.status))
    border = theme.error if face.trouble else theme.node_border
    painter.setPen(QPen(border, 2.0 if face.trouble else 1.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(rect)


# The body


def header_path(rect: QRectF, *, whole: bool) -> QPainterPath:
    """The header's shape: round above, and below too where nothing follows."""
    path = QPainterPath()
    if whole:
        path.addRoundedRect(rect, RADIUS, RADIUS)
        return path
    radius = 2 * RADIUS
    path.moveTo(rect.left(), rect.bottom())
    path.arcTo(QRectF(rect.left(), rect.top(), radius, radius), 180, -90)
    path.arcTo(QRectF(rect.right() - radius, rect.top(), radius, radius), 90, -90)
    path.lineTo(rect.right(), rect.bottom())
    path.closeSubpath()
    return path


def _body_colour(theme: Theme, face: Face) -> QColor:
    if face.geometry.form == "note":
        return blend(theme.node, face.mark_colour(theme), 0.10 if theme.is_dark else 0.06)
    return theme.node


def _paint_body(painter: QPainter, theme: Theme, face: Face) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_body_colour(theme, face))
    painter.drawRoundedRect(face.geometry.rect, RADIUS, RADIUS)


def _paint_header(painter: QPainter, theme: Theme, face: Face, scale: float) -> None:
    geometry, state = face.geometry, face.state
    path = header_path(geometry.header, whole=geometry.collapsed)
    colour = face.header_colour(theme)
    painter.fillPath(path, colour)
    if not geometry.collapsed and geometry.form == "node":
        line = QRectF(0, HEADER - 1, geometry.width, 1)
        painter.fillRect(line, blend(colour, theme.node_border, 0.7))
    icon = "chevron-right" if geometry.collapsed else face.icon
    shade = theme.icon if geometry.collapsed else face.mark_colour(theme)
    draw_icon(painter, icon, shade, QRectF(9, 6, 14, 14), scale)
    right = header_words(state)
    room = geometry.width - 30 - PAD
    if state.status == "running":
        return  # what runs says more, and says it live
    if right:
        painter.setFont(fonts.small())
        painter.setPen(theme.secondary)
        painter.drawText(geometry.header.adjusted(0, 0, -PAD, 0), int(RIGHT), right)
        room -= QFontMetricsF(fonts.small()).horizontalAdvance(right) + 8
    paint_title(painter, theme, face, room)


def paint_title(painter: QPainter, theme: Theme, face: Face, room: float) -> None:
    """The node's title, in `room` pixels."""
    painter.setFont(fonts.title())
    painter.setPen(theme.text)
    painter.drawText(
        QRectF(30, 0, room, HEADER), int(LEFT),
        elided(face.title, fonts.title(), room, Qt.TextElideMode.ElideRight),
    )  # fmt: skip


def header_words(state: NodeState) -> str:
    """How long the node took, in its header: "9 ms", "0.12 s"; without loading the libraries."""
    if state.seconds is None or state.status not in ("done", "cached", "saved", "will_run"):
        return ""
    return seconds(max(0.0, state.seconds - state.loading))


def _paint_outline(painter: QPainter, theme: Theme, face: Face) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if face.trouble:
        painter.setPen(QPen(theme.error, 1.5))
        inset = 0.25
    else:
        pen = QPen(theme.node_border, 1)
        if not face.known:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        inset = 0.5
    painter.drawRoundedRect(
        face.geometry.rect.adjusted(inset, inset, -inset, -inset), RADIUS - inset, RADIUS - inset
    )


def _paint_stripes(painter: QPainter, theme: Theme, rect: QRectF) -> None:
    painter.save()
    clip = QPainterPath()
    clip.addRoundedRect(rect, RADIUS, RADIUS)
    painter.setClipPath(clip, Qt.ClipOperation.IntersectClip)
    stripe = QColor(theme.stripes)
    # The whole node fades; its stripes must still be seen.
    stripe.setAlphaF(min(1.0, stripe.alphaF() * 3))
    painter.setPen(QPen(stripe, _STRIPE / 2.5))
    x = rect.left() - rect.height()
    while x < rect.right():
        painter.drawLine(QPointF(x, rect.bottom()), QPointF(x + rect.height(), rect.top()))
        x += _STRIPE
    painter.restore()


# Rows


def _paint_labels(painter: QPainter, theme: Theme, face: Face) -> None:
    """Names of the ports, two in a row where both sides have one."""
    painter.setFont(fonts.body())
    metrics = QFontMetricsF(fonts.body())
    rows: dict[float, list[PortSpot]] = {}
    for spot in face.geometry.ports:
        if spot.shown:
            rows.setdefault(spot.pos.y(), []).append(spot)
    inner = face.geometry.width - 2 * 14
    for y, spots in rows.items():
        widths = [metrics.horizontalAdvance(spot.name[:200]) for spot in spots]
        for spot, width in zip(spots, widths, strict=True):
            others = sum(widths) - width
            room = inner if not others else max(inner - others - 10, (inner - 10) / 2)
            open_end = spot.side == "in" and not spot.wired and (spot.optional or spot.is_param)
            painter.setPen(theme.secondary if open_end else theme.text)
            text = elided(spot.name, fonts.body(), room, Qt.TextElideMode.ElideRight)
            area = QRectF(14, y - ROW / 2, inner, ROW)
            painter.drawText(area, int(LEFT if spot.side == "in" else RIGHT), text)


def _paint_preview_room(painter: QPainter, theme: Theme, face: Face, scale: float) -> None:
    rect = face.geometry.preview
    if rect is None or face.has_picture:
        return
    # Calmer than a field: there is nothing to do here, and soon there will be a picture.
    painter.setPen(QPen(theme.divider, 1))
    painter.setBrush(blend(theme.node, theme.field, 0.4))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), FIELD_RADIUS, FIELD_RADIUS)
    if rect.height() > 60:
        middle = rect.center()
        icon = QRectF(round(middle.x()) - 10, round(middle.y()) - 20, 20, 20)
        draw_icon(painter, "image", theme.disabled, icon, scale)
        painter.setFont(fonts.small())
        painter.setPen(theme.disabled)
        below = QRectF(rect.left(), middle.y() + 4, rect.width(), 18)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), "no picture yet")


def _paint_footer(painter: QPainter, theme: Theme, face: Face, scale: float) -> None:
    rect = face.geometry.footer
    if rect is None:
        return
    painter.fillRect(QRectF(rect.left(), rect.top(), rect.width(), 1), theme.divider)
    middle = rect.center().y() + 0.5
    room = rect.width() - PAD - 18 - PAD
    if face.state.message and not face.trouble:
        icon = QRectF(rect.right() - PAD - 12, middle - 6, 12, 12)
        draw_icon(painter, "triangle-alert", theme.warning, icon, scale)
        room -= 18
    words = face.trouble or _state_words(face)
    painter.setFont(fonts.small())
    if face.trouble:
        icon = QRectF(PAD - 2, middle - 6, 12, 12)
        draw_icon(painter, "circle-alert", theme.error, icon, scale)
        painter.setPen(theme.error)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.status(_status(face)))
        painter.drawEllipse(QPointF(PAD + 4, middle), 4, 4)
        painter.setPen(theme.secondary)
    area = QRectF(PAD + 16, rect.top() + 0.5, room, FOOTER)
    painter.drawText(
        area, int(LEFT), elided(words, fonts.small(), room, Qt.TextElideMode.ElideRight)
    )


def _status(face: Face) -> str:
    if face.mode != "normal":
        return "muted" if face.mode == "mute" else "bypassed"
    return face.state.status


def _state_words(face: Face) -> str:
    if face.mode != "normal":
        # The document knows before the next plan does.
        return _status(face)
    if face.state.words or face.state.status != "unknown":
        return face.state.words
    # Of a graph with faults nothing is known, and the reason says so.
    return "the graph has problems" if face.state.reason else "not planned yet"


# Reroutes


def _reroute_colour(theme: Theme, face: Face) -> QColor:
    out = next((spot for spot in face.geometry.ports if spot.side == "out"), None)
    return theme.port(out.type if out else "any")


def _paint_reroute(painter: QPainter, theme: Theme, face: Face) -> None:
    centre = face.geometry.rect.center()
    painter.setPen(QPen(theme.error if face.trouble else theme.canvas, 2.0))
    painter.setBrush(QBrush(_reroute_colour(theme, face)))
    painter.drawEllipse(centre, 6.5, 6.5)
