"""A graph in small: its nodes as boxes in the colours of their categories, and its wires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from studio.graph.document import parse_wire
from ui.theme import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.graph.document import Graph
    from studio.spec import NodeSpec
    from ui.theme import Theme

MOST = 400
"""Nodes beyond these are left out: they would be dots."""


def paint_sketch(
    painter: QPainter,
    area: QRectF,
    graph: Graph,
    specs: Mapping[str, NodeSpec],
    theme: Theme,
) -> None:
    """Paint a graph into a rectangle, as large as it fits.

    Args:
        painter: left as it was.
        area: in the painter's pixels.
        graph: nodes without a place are left out.
        specs: node types, for colours and heights.
        theme: the colours.
    """
    boxes = {
        name: QRectF(QPointF(*graph.layout[name]), _size(graph, name, specs))
        for name in list(graph.nodes)[:MOST]
        if name in graph.layout and all(abs(c) < 1e6 for c in graph.layout[name])
    }
    if not boxes:
        return
    whole = QRectF()
    for box in boxes.values():
        whole = whole.united(box)
    scale = min(area.width() / whole.width(), area.height() / whole.height(), 0.5)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(area.center())
    painter.scale(scale, scale)
    painter.translate(-whole.center())
    for name, box in boxes.items():
        for text in graph.nodes[name].inputs.values():
            _paint_wire(painter, text, box, graph, boxes, specs, theme, scale)
    border = QPen(theme.node_border, 1 / scale)
    for name, box in boxes.items():
        spec = specs.get(graph.nodes[name].type)
        strong = theme.mark(spec.category if spec else "other")
        painter.setPen(border)
        painter.setBrush(theme.node)
        painter.drawRoundedRect(box, 16, 16)
        head = QPainterPath()
        head.addRoundedRect(box, 16, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(strong)
        painter.setClipPath(head)
        painter.drawRect(QRectF(box.topLeft(), QSizeF(box.width(), metrics.HEADER * 1.4)))
        painter.setClipping(False)
    painter.restore()


def _paint_wire(
    painter: QPainter,
    text: str,
    target: QRectF,
    graph: Graph,
    boxes: Mapping[str, QRectF],
    specs: Mapping[str, NodeSpec],
    theme: Theme,
    scale: float,
) -> None:
    try:
        node, output = parse_wire(text)
    except ValueError:
        return  # a wire of a broken file is no line
    if node not in boxes:
        return
    start = QPointF(boxes[node].right(), boxes[node].center().y())
    end = QPointF(target.left(), target.center().y())
    bow = max(40.0, abs(end.x() - start.x()) / 2)
    path = QPainterPath(start)
    path.cubicTo(start + QPointF(bow, 0), end - QPointF(bow, 0), end)
    colour = QColor(theme.port(_type_of(graph.nodes[node].type, output, specs)))
    painter.setPen(QPen(colour, 1.4 / scale))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)


def _type_of(type_name: str, output: str | None, specs: Mapping[str, NodeSpec]) -> str:
    spec = specs.get(type_name)
    if spec is None or not spec.outputs:
        return "any"
    port = spec.output_by_name.get(output) if output else spec.outputs[0]
    return port.type if port else "any"


def _size(graph: Graph, name: str, specs: Mapping[str, NodeSpec]) -> QSizeF:
    spec = specs.get(graph.nodes[name].type)
    view = graph.view.get(name)
    rows = max(len(spec.inputs), len(spec.outputs)) + len(spec.params) if spec else 2
    collapsed = view is not None and view.collapsed
    height = metrics.HEADER + (0 if collapsed else rows * metrics.ROW + metrics.FOOTER)
    return QSizeF((view.width if view else None) or metrics.NODE_WIDTH, height)
