"""A small picture of a theme, drawn from its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPainterPath, QPen, QPixmap

from ui.theme import current
from ui.theme.theme import theme

if TYPE_CHECKING:
    from ui.theme.manager import Choice
    from ui.theme.theme import Theme

SIZE = QSize(136, 84)


def swatch(choice: Choice, ratio: float) -> QIcon:
    """Two nodes and a wire in a theme; for "system" half in each.

    Args:
        choice: which.
        ratio: device pixels for each of ours.
    """
    picture = QPixmap(SIZE * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    whole = QRectF(0, 0, SIZE.width(), SIZE.height())
    frame = QPainterPath()
    frame.addRoundedRect(whole, 6, 6)
    painter.setClipPath(frame)
    if choice == "system":
        _paint(painter, theme("dark"), whole)
        painter.setClipRect(
            QRectF(whole.center().x(), 0, whole.width() / 2, whole.height()),
            Qt.ClipOperation.IntersectClip,
        )
        _paint(painter, theme("light"), whole)
    else:
        _paint(painter, theme(choice), whole)
    painter.setClipPath(frame)
    painter.setPen(QPen(current().node_border, 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(frame)
    painter.end()
    return QIcon(picture)


def _paint(painter: QPainter, worn: Theme, whole: QRectF) -> None:
    painter.fillRect(whole, worn.canvas)
    painter.fillRect(QRectF(0, 0, whole.width(), 12), worn.bar)
    painter.fillRect(QRectF(0, 0, 9, whole.height()), worn.bar)
    wire = QPainterPath(QPointF(62, 44))
    wire.cubicTo(QPointF(76, 44), QPointF(70, 50), QPointF(84, 50))
    painter.setPen(QPen(worn.port("Latent"), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(wire)
    for category, box in (
        ("Conditioning", QRectF(18, 24, 44, 36)),
        ("Sampling", QRectF(84, 20, 44, 54)),
    ):
        outline = QPainterPath()
        outline.addRoundedRect(box, 4, 4)
        painter.setPen(QPen(worn.node_border, 1))
        painter.setBrush(worn.node)
        painter.drawPath(outline)
        head = QPainterPath()
        head.addRect(box.adjusted(0, 0, 0, 9 - box.height()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(worn.category(category))
        painter.drawPath(head.intersected(outline))
        painter.setBrush(worn.text)
        painter.drawRoundedRect(QRectF(box.left() + 5, box.top() + 3.5, 18, 2.5), 1, 1)
        top = box.top() + 14
        while top + 6 < box.bottom() - 3:
            painter.setBrush(worn.field)
            painter.drawRoundedRect(QRectF(box.left() + 4, top, box.width() - 8, 6), 2, 2)
            painter.setBrush(worn.field_fill)
            painter.drawRoundedRect(QRectF(box.left() + 4, top, 14, 6), 2, 2)
            top += 9
    painter.setBrush(worn.port("Latent"))
    painter.drawEllipse(QPointF(62, 44), 3, 3)
    painter.drawEllipse(QPointF(84, 50), 3, 3)
    painter.setBrush(worn.accent_fill)
    painter.drawRoundedRect(QRectF(108, 3, 20, 6), 2, 2)
