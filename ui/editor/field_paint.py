"""Paints the fields of a node: what an inline editor is laid over while one edits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainterPath, QPen

from ui.editor.geometry import BUTTON, LINE, TEXT_LINES, TEXT_PAD
from ui.editor.inline.kinds import PAINTED, fraction, shown
from ui.editor.textlines import text_lines
from ui.theme import fonts, icons
from ui.theme.metrics import FIELD_RADIUS

if TYPE_CHECKING:
    from PySide6.QtGui import QFont, QPainter

    from studio.spec import Param
    from ui.editor.geometry import WidgetSpot
    from ui.theme import Theme

INSET = 8.0
"""Between the edge of a field and its words."""
_RATIOS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
_CENTRE = Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
LEFT = Qt.AlignmentFlag.AlignLeft | _CENTRE
RIGHT = Qt.AlignmentFlag.AlignRight | _CENTRE
_END_ICONS = {
    "choice": "chevron-down", "model": "chevron-down", "picture": "folder-open",
    "file": "folder-open", "json": "braces", "strokes": "brush", "sketch": "palette",
}  # fmt: skip
_SEED_ICONS = {"random": "repeat", "increment": "plus", "decrement": "minus"}


@dataclass(frozen=True, slots=True)
class FieldFace:
    """A field as it looks.

    Args:
        spot: where it is.
        spec: its declaration; None where that isn't known.
        value: in the document, or the default.
        seed_mode: what happens to a seed before each run: "fixed", "random", ...
    """

    spot: WidgetSpot
    spec: Param | None
    value: Any
    seed_mode: str = "fixed"


def draw_icon(
    painter: QPainter, name: str, colour: QColor, rect: QRectF, scale: float
) -> None:
    """An icon filling `rect`.

    Args:
        painter: in any coordinates.
        name: of the icon.
        colour: of its lines.
        rect: square, a whole number of pixels wide.
        scale: device pixels for one of the painter's.
    """
    # A few sizes serve all zooms: an SVG takes a third of a millisecond to draw.
    ratio = next((ratio for ratio in _RATIOS if ratio >= scale - 0.01), _RATIOS[-1])
    drawn = icons.pixmap(name, colour, round(rect.width()), ratio)
    painter.drawPixmap(rect, drawn, QRectF(drawn.rect()))


def elided(text: str, font: QFont, width: float, mode: Qt.TextElideMode) -> str:
    """`text` cut to `width` pixels; nothing where not even the ellipsis fits."""
    if width < 8:
        return ""
    metrics = QFontMetricsF(font)
    # No label is longer than this; the metrics of a whole novel would take seconds.
    text = text[:400] if mode is not Qt.TextElideMode.ElideLeft else text[-400:]
    if metrics.horizontalAdvance(text) <= width:
        return text
    return metrics.elidedText(text, mode, width)


def draw_field(painter: QPainter, theme: Theme, face: FieldFace, scale: float) -> None:
    """One field, in the node's coordinates."""
    rect = face.spot.rect.adjusted(0.5, 0.5, -0.5, -0.5)
    painter.setPen(QPen(theme.field_border, 1))
    painter.setBrush(theme.field)
    painter.drawRoundedRect(rect, FIELD_RADIUS, FIELD_RADIUS)
    if face.spot.kind == "text":
        _draw_text(painter, theme, face)
        return
    if face.spot.kind == "slider":
        _draw_filling(painter, theme, face)
    _draw_line(painter, theme, face, scale)


def _draw_filling(painter: QPainter, theme: Theme, face: FieldFace) -> None:
    part = fraction(face.spec, face.value) if face.spec else None
    if not part:
        return
    rect = face.spot.rect
    painter.save()
    clip = QPainterPath()
    clip.addRoundedRect(rect.adjusted(1, 1, -1, -1), FIELD_RADIUS - 1, FIELD_RADIUS - 1)
    painter.setClipPath(clip, Qt.ClipOperation.IntersectClip)
    painter.fillRect(QRectF(rect.left(), rect.top(), rect.width() * part, rect.height()),
                     theme.field_fill)  # fmt: skip
    painter.restore()


def _draw_line(painter: QPainter, theme: Theme, face: FieldFace, scale: float) -> None:
    """A label at the left, the value at the right, and what one can press at its end."""
    rect = face.spot.rect
    inner = rect.adjusted(INSET, 0, -INSET, 0)
    inner = _draw_end(painter, theme, face, inner, scale)
    label, words = PAINTED.get(face.spot.kind, face.spot.name), _words(face)
    label_width = min(
        QFontMetricsF(fonts.body()).horizontalAdvance(label), max(inner.width() * 0.6, 40)
    )
    painter.setFont(fonts.body())
    # What opens something is a button, and its words are no caption.
    painter.setPen(theme.text if face.spot.kind in PAINTED else theme.secondary)
    painter.drawText(
        inner, int(LEFT), elided(label, fonts.body(), label_width + 1, Qt.TextElideMode.ElideRight)
    )
    room = inner.width() - label_width - INSET
    mode = Qt.TextElideMode.ElideRight
    if face.spot.kind in ("picture", "file", "name"):
        mode = Qt.TextElideMode.ElideLeft
    nothing = face.value is None or words in ("", "empty" if face.spot.kind in PAINTED else "")
    painter.setFont(fonts.value())
    painter.setPen(theme.disabled if nothing else theme.text)
    painter.drawText(inner, int(RIGHT), elided(words, fonts.value(), room, mode))


def _draw_end(
    painter: QPainter, theme: Theme, face: FieldFace, inner: QRectF, scale: float
) -> QRectF:
    """What is at the end of a field; returns the room that is left for words."""
    rect, kind = face.spot.rect, face.spot.kind
    middle = rect.center().y()

    def icon(name: str, right: float, size: int, colour: QColor) -> None:
        where = QRectF(right - size, round(middle - size / 2), size, size)
        draw_icon(painter, name, colour, where, scale)

    if kind == "seed":
        icon("dice-5", rect.right() - 6, 13, theme.icon)
        mode = _SEED_ICONS.get(face.seed_mode)
        icon(mode or "chevron-down", rect.right() - BUTTON - 4, 11,
             theme.accent if mode else theme.disabled)  # fmt: skip
        return inner.adjusted(0, 0, -2 * BUTTON + INSET + 4, 0)
    if kind in _END_ICONS:
        icon(_END_ICONS[kind], rect.right() - 6, 12, theme.secondary)
        return inner.adjusted(0, 0, -BUTTON + INSET + 3, 0)
    if kind == "bool":
        _draw_switch(painter, theme, bool(face.value), QPointF(rect.right() - INSET, middle))
        return inner.adjusted(0, 0, -34, 0)
    if kind == "colour":
        box = QRectF(rect.right() - INSET - 26, middle - 6.5, 26, 13)
        colour = QColor(str(face.value))
        painter.setPen(QPen(theme.field_border, 1))
        painter.setBrush(colour if colour.isValid() else theme.field)
        painter.drawRoundedRect(box, 3, 3)
        return inner.adjusted(0, 0, -34, 0)
    return inner


def _draw_switch(painter: QPainter, theme: Theme, on: bool, right: QPointF) -> None:
    track = QRectF(right.x() - 24, right.y() - 7, 24, 14)
    painter.setPen(QPen(theme.accent_fill if on else theme.control_border, 1))
    painter.setBrush(theme.accent_fill if on else theme.field)
    painter.drawRoundedRect(track, 7, 7)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.accent_text if on else theme.control_border)
    painter.drawEllipse(QPointF(track.right() - 7 if on else track.left() + 7, right.y()), 4.5, 4.5)


def _words(face: FieldFace) -> str:
    if face.spot.kind == "bool":
        return ""  # the switch says it
    words = shown(face.spec, face.value)
    if face.spot.kind in ("picture", "file") and words:
        return PurePath(words).name or words
    return words.replace("\n", " ")


def _draw_text(painter: QPainter, theme: Theme, face: FieldFace) -> None:
    """Several lines; the parameter's name stands where there is no text."""
    rect = face.spot.rect
    text = str(face.value) if face.value is not None else ""
    painter.setFont(fonts.body())
    left, top = rect.left() + TEXT_PAD, rect.top() + 6
    if face.spot.labelled:
        painter.setPen(theme.secondary)
        painter.setFont(fonts.small())
        painter.drawText(QRectF(left, top - 1, rect.width() - 2 * TEXT_PAD, LINE), int(LEFT),
                         face.spot.name)  # fmt: skip
        painter.setFont(fonts.body())
        top += LINE
    if not text.strip():
        painter.setPen(theme.disabled)
        painter.drawText(QRectF(left, top, rect.width() - 2 * TEXT_PAD, LINE), int(LEFT),
                         "empty" if face.spot.labelled else f"{face.spot.name}: empty")  # fmt: skip
        return
    painter.setPen(theme.text)
    lines = text_lines(text, rect.width() - 2 * TEXT_PAD, TEXT_LINES[1])
    for number, line in enumerate(lines):
        line_rect = QRectF(left, top + number * LINE, rect.width() - TEXT_PAD, LINE)
        painter.drawText(line_rect, int(LEFT), line)


def draw_note(painter: QPainter, theme: Theme, face: FieldFace, lines: tuple[str, ...]) -> None:
    """The text of a note, without a frame."""
    rect = face.spot.rect
    painter.setFont(fonts.body())
    painter.setPen(theme.text if lines and any(lines) else theme.disabled)
    for number, line in enumerate(lines if any(lines) else ("Double-click to write",)):
        line_rect = QRectF(rect.left() + 10, rect.top() + 4 + number * LINE, rect.width(), LINE)
        painter.drawText(line_rect, int(LEFT), line)
