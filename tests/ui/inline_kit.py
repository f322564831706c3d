"""A canvas with every kind of field, models to pick, and where its fields are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from studio.graph.files import loads
from ui.editor.editor import GraphEditor
from ui.engine.catalogue import ModelEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from PySide6.QtCore import QPoint
    from pytestqt.qtbot import QtBot

    from studio.spec import NodeSpec

NODES: dict[str, tuple[dict[str, Any], tuple[int, int]]] = {
    "checkpoint": ({"type": "LoadCheckpoint", "params": {"name": "pocket"}}, (0, 0)),
    "positive": (
        {"type": "TextEncode", "params": {"text": "a red star"},
         "inputs": {"clip": "checkpoint.clip"}}, (260, 0),
    ),
    "negative": ({"type": "TextEncode", "inputs": {"clip": "checkpoint.clip"}}, (260, 240)),
    "latent": ({"type": "EmptyLatent", "params": {"width": 128, "height": 128}}, (260, 480)),
    "sampler": (
        {"type": "KSampler", "params": {"seed": 41, "steps": 20, "cfg": 4.0},
         "inputs": {"model": "checkpoint.model", "positive": "positive", "negative": "negative",
                    "latent": "latent"}}, (540, 0),
    ),
    "decode": ({"type": "VAEDecode", "inputs": {"latent": "sampler", "vae": "checkpoint.vae"}},
               (820, 0)),
    "save": ({"type": "SaveImage", "inputs": {"image": "decode"}}, (1080, 0)),
    "solid": ({"type": "SolidImage", "params": {"colour": "#102030"}}, (820, 240)),
    "picture": ({"type": "LoadImage", "params": {"path": ""}}, (1080, 480)),
    "advanced": ({"type": "KSamplerAdvanced", "params": {}}, (0, 240)),
    "select": ({"type": "SelectSampler", "params": {}}, (820, 480)),
    "alien": ({"type": "NoSuchNode", "params": {"word": "hello", "list": [1, 2]}}, (540, 560)),
}  # fmt: skip


class Models:
    """Stands for the catalogue, which needs a worker."""

    def __init__(self, entries: Iterable[ModelEntry]) -> None:
        self._entries = tuple(entries)

    def entries(self, kind: str) -> tuple[ModelEntry, ...]:
        return tuple(entry for entry in self._entries if entry.kind == kind)

    def find(self, kind: str, name: str) -> ModelEntry | None:
        return next((entry for entry in self.entries(kind) if entry.name == name), None)


MODELS = Models([
    ModelEntry("pocket", "checkpoints", "sd1", 3_500_000),
    ModelEntry("photo.safetensors", "checkpoints", "sd1", 2_000_000_000, dtype="fp16"),
    ModelEntry("big/base.safetensors", "checkpoints", "sdxl", 6_900_000_000, dtype="fp16"),
    ModelEntry("torn.ckpt", "checkpoints", "", 100, fault="It is cut short."),
    ModelEntry("easynegative.safetensors", "embeddings", "sd1", 25_000),
    ModelEntry("my-style.pt", "embeddings", "sd1", 25_000),
])  # fmt: skip


def canvas(
    qtbot: QtBot,
    specs: Mapping[str, NodeSpec],
    *,
    path: Path | None = None,
    nodes: Mapping[str, tuple[dict[str, Any], tuple[int, int]]] | None = None,
) -> GraphEditor:
    """A shown editor, at 100 %."""
    chosen = NODES if nodes is None else nodes
    text = {
        "format": "latent-studio", "version": 1, "title": "Fields",
        "nodes": {name: node for name, (node, _) in chosen.items()},
        "layout": {name: place for name, (_, place) in chosen.items()},
    }  # fmt: skip
    editor = GraphEditor(loads(json.dumps(text), "test.json"), specs, path)
    editor.catalogue = MODELS  # type: ignore[assignment]
    qtbot.addWidget(editor)
    editor.resize(1600, 900)
    with qtbot.waitExposed(editor):
        editor.show()
    editor.activateWindow()
    editor.view.zoom_to(1.0, editor.view.viewport().rect().center())
    editor.view.setFocus()
    return editor


def params(editor: GraphEditor, node: str) -> dict[str, Any]:
    return editor.document.nodes[node].params


def steps(editor: GraphEditor) -> int:
    """How many steps of undo there are."""
    return editor.stack.index()


def on_field(editor: GraphEditor, node: str, name: str, share: float = 0.5) -> QPoint:
    """A place on a painted field, in the viewport's pixels; `share` of its width from the left."""
    item = editor.scene.nodes[node]
    spot = item.geometry.widget(name)
    assert spot is not None
    rect = spot.rect
    point = rect.topLeft() + (rect.bottomRight() - rect.topLeft()) * 0.5
    point.setX(rect.left() + rect.width() * share)
    return editor.view.mapFromScene(item.mapToScene(point))
