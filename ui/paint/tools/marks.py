"""How what is under way is drawn: lines that are seen on any picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

if TYPE_CHECKING:
    from collections.abc import Sequence

DARK, LIGHT = QColor(0, 0, 0, 190), QColor(255, 255, 255)
INSIDE = QColor(255, 255, 255, 34)
CORNER = 3.0
"""View pixels from a corner's middle to its sides."""
MARGIN = 6.0
"""View pixels that a drawing may reach beyond its points."""


def draw_path(painter: QPainter, path: QPainterPath, *, filled: bool = True) -> None:
    """An outline of white dashes over black, and a touch of white in it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if filled:
        painter.fillPath(path, INSIDE)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(DARK, 3))
    painter.drawPath(path)
    painter.setPen(QPen(LIGHT, 1.25, Qt.PenStyle.DashLine))
    painter.drawPath(path)
    painter.restore()


def draw_line(painter: QPainter, start: QPointF, end: QPointF) -> None:
    """A line that isn't there yet."""
    path = QPainterPath(start)
    path.lineTo(end)
    draw_path(painter, path, filled=False)


def draw_closing(painter: QPainter, start: QPointF, end: QPointF) -> None:
    """The side by which an outline would be closed now: fainter, and dotted."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(0, 0, 0, 90), 2))
    painter.drawLine(start, end)
    painter.setPen(QPen(QColor(255, 255, 255, 170), 1, Qt.PenStyle.DotLine))
    painter.drawLine(start, end)
    painter.restore()


def draw_corners(painter: QPainter, corners: Sequence[QPointF], *, closes: bool) -> None:
    """Small squares; the first is larger where a click on it closes the outline."""
    painter.save()
    painter.setPen(QPen(DARK, 1))
    painter.setBrush(LIGHT)
    for number, corner in enumerate(corners):
        half = CORNER + 2 if closes and not number else CORNER
        painter.drawRect(QRectF(corner.x() - half, corner.y() - half, 2 * half, 2 * half))
    painter.restore()


def line_bounds(start: QPointF, end: QPointF) -> QRectF:
    """What a line covers, in view pixels."""
    return bounds_of([start, end])


def bounds_of(points: Sequence[QPointF]) -> QRectF:
    """What an outline through points covers, in view pixels."""
    if not points:
        return QRectF()
    found = QPolygonF(list(points)).boundingRect()
    return found.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN)


def distance(one: QPointF, other: QPointF) -> float:
    """In view pixels."""
    return QLineF(one, other).length()
