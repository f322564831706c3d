"""A graph with room between its nodes, and where things of it are in the viewport."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QPointF, QRectF

from studio.graph.files import loads

if TYPE_CHECKING:
    from studio.graph.document import Graph
    from ui.editor.editor import GraphEditor

PLACES = {
    "checkpoint": (0, 0),
    "positive": (300, 0),
    "negative": (300, 240),
    "latent": (300, 480),
    "sampler": (620, 0),
    "decode": (900, 0),
    "save": (1160, 0),
}
NODES: dict[str, dict[str, Any]] = {
    "checkpoint": {"type": "LoadCheckpoint", "params": {"name": "pocket"}},
    "positive": {
        "type": "TextEncode",
        "params": {"text": "a red circle"},
        "inputs": {"clip": "checkpoint.clip"},
    },
    "negative": {
        "type": "TextEncode",
        "params": {"text": ""},
        "inputs": {"clip": "checkpoint.clip"},
    },
    "latent": {"type": "EmptyLatent", "params": {"width": 128, "height": 128}},
    "sampler": {
        "type": "KSampler",
        "params": {"seed": 1, "steps": 20, "cfg": 4.0},
        "inputs": {
            "model": "checkpoint.model",
            "positive": "positive",
            "negative": "negative",
            "latent": "latent",
        },
    },
    "decode": {"type": "VAEDecode", "inputs": {"latent": "sampler", "vae": "checkpoint.vae"}},
    "save": {"type": "SaveImage", "inputs": {"image": "decode"}},
}


def graph(
    extra: dict[str, tuple[dict[str, Any], tuple[float, float]]] | None = None,
    frames: dict[str, Any] | None = None,
) -> Graph:
    """Text to image, with more nodes (and their places) and frames."""
    nodes = {**NODES, **{name: node for name, (node, _) in (extra or {}).items()}}
    layout = {**PLACES, **{name: place for name, (_, place) in (extra or {}).items()}}
    text = {
        "format": "latent-studio",
        "version": 1,
        "nodes": nodes,
        "layout": layout,
        "frames": frames or {},
    }
    return loads(json.dumps(text), "the test")


def settle(editor: GraphEditor) -> GraphEditor:
    """At a zoom of 1, with the whole graph in sight."""
    editor.view.frame(None)
    editor.view.zoom_to(1.0, editor.view.viewport().rect().center())
    editor.view.centerOn(QPointF(660, 300))
    editor.view.setFocus()
    return editor


def pixel(editor: GraphEditor, at: QPointF) -> QPoint:
    """A place on the canvas, in the viewport."""
    return editor.view.mapFromScene(at)


def port(editor: GraphEditor, node: str, side: str, name: str) -> QPoint:
    return pixel(editor, editor.scene.port_pos(node, side, name))


def title(editor: GraphEditor, node: str) -> QPoint:
    """In the header, right of the arrow and the icon."""
    item = editor.scene.nodes[node]
    return pixel(editor, item.pos() + QPointF(90, 13))


def arrow(editor: GraphEditor, node: str) -> QPoint:
    return pixel(editor, editor.scene.nodes[node].pos() + QPointF(13, 13))


def body(editor: GraphEditor, node: str) -> QPoint:
    """In the footer: where no field and no port is."""
    item = editor.scene.nodes[node]
    geometry = item.geometry
    return pixel(editor, item.pos() + QPointF(geometry.width / 2, geometry.height - 8))


def field(editor: GraphEditor, node: str, name: str, part: float = 0.4) -> QPoint:
    """In a field, so much of its width from its left."""
    item = editor.scene.nodes[node]
    spot = item.geometry.widget(name)
    assert spot is not None, f"{node} shows no field {name}"
    rect = spot.rect
    return pixel(editor, item.pos() + QPointF(rect.left() + part * rect.width(), rect.center().y()))


def edge(editor: GraphEditor, node: str) -> QPoint:
    """On the right edge, away from ports."""
    item = editor.scene.nodes[node]
    return pixel(editor, item.pos() + QPointF(item.geometry.width - 2, item.geometry.height - 6))


def wire(editor: GraphEditor, target: str, name: str, part: float = 0.5) -> QPoint:
    """On a wire."""
    return pixel(editor, editor.scene.wires[target, name].path().pointAtPercent(part))


def rect(editor: GraphEditor, node: str) -> QRectF:
    return QRectF(*editor.document.position(node), *editor.scene.size_of(node))


EMPTY = QPointF(100, 560)
"""A place on the canvas where nothing is."""
