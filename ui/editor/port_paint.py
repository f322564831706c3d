"""Paints ports: a shape and a colour for every type, so that neither stands alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPen, QPolygonF

from ui.theme.metrics import PORT

if TYPE_CHECKING:
    from PySide6.QtGui import QColor, QPainter

    from ui.editor.geometry import NodeGeometry
    from ui.theme import Theme
    from ui.theme.theme import Shape


def paint_ports(painter: QPainter, theme: Theme, geometry: NodeGeometry) -> None:
    """All ports of a node; on a collapsed one, a mark for each side that has any."""
    if geometry.collapsed:
        for side in ("in", "out"):
            spots = [spot for spot in geometry.ports if spot.side == side]
            if spots:
                wired = [spot for spot in spots if spot.wired] or spots
                one = {spot.type for spot in wired}
                colour = theme.port(wired[0].type if len(one) == 1 else "any")
                draw_port(painter, theme, "circle", spots[0].pos, colour, open_end=False, size=8)
        return
    for spot in geometry.ports:
        if spot.shown:
            open_end = spot.side == "in" and not spot.wired
            colour = theme.error if spot.stray else theme.port(spot.type)
            draw_port(painter, theme, spot.shape, spot.pos, colour, open_end=open_end)


def draw_port(
    painter: QPainter,
    theme: Theme,
    shape: Shape,
    pos: QPointF,
    colour: QColor,
    *,
    open_end: bool,
    size: float = PORT,
) -> None:
    """One port: filled, or a ring where no wire comes in yet."""
    # The rim sets it off from wires of other colours that pass below.
    if open_end:
        painter.setPen(QPen(colour, 2.0))
        painter.setBrush(theme.node)
        draw_shape(painter, shape, pos, size - 3.0)
    else:
        painter.setPen(QPen(theme.node, 1.5))
        painter.setBrush(colour)
        draw_shape(painter, shape, pos, size - 0.5)


def draw_shape(painter: QPainter, shape: Shape, pos: QPointF, size: float) -> None:
    """A port's shape with the painter's pen and brush; all look equally large."""
    x, y, half = pos.x(), pos.y(), size / 2
    if shape == "circle":
        painter.drawEllipse(pos, half, half)
    elif shape == "square":
        side = half * 0.9
        painter.drawRoundedRect(QRectF(x - side, y - side, 2 * side, 2 * side), 1.5, 1.5)
    elif shape == "diamond":
        reach = half * 1.15
        points = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
    else:
        reach = half * 1.1
        points = [
            (x - reach * 0.8, y - reach), (x + reach, y), (x - reach * 0.8, y + reach),
        ]  # fmt: skip
        painter.drawPolygon(QPolygonF([QPointF(*point) for point in points]))
