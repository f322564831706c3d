"""A model on its way into a graph: what is dragged, and the node that loads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QMimeData

from studio.editing import edits
from studio.editing.arrange import free_spot
from studio.editing.changes import Edit, EditRefused
from studio.params import ModelName, Prompt
from studio.places import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QPointF

    from studio.editing.document import Document
    from studio.spec import NodeSpec
    from ui.editor.editor import GraphEditor

MODEL_MIME = "application/x-latent-studio-model"
"""JSON: {"kind": "loras", "name": "striped.safetensors"}."""

MAX_MIME = 64 * 1024
"""Bytes. Longer data of this type is none of ours."""


@dataclass(frozen=True)
class DraggedModel:
    """A model file as graphs name it.

    Args:
        kind: "checkpoints", "loras", ...
        name: within its kind.
    """

    kind: str
    name: str

    def mime(self) -> QMimeData:
        """For a drag; as text, where text is wanted, it is what a prompt or a field takes."""
        data = QMimeData()
        text = json.dumps({"kind": self.kind, "name": self.name})
        data.setData(MODEL_MIME, QByteArray(text.encode()))
        data.setText(embedding_words(self.name) if self.kind == "embeddings" else self.name)
        return data


def read_mime(data: QMimeData) -> DraggedModel | None:
    """The model in what is dropped; None where there is none."""
    raw = data.data(MODEL_MIME)
    if raw.isEmpty() or raw.size() > MAX_MIME:
        return None
    try:
        found = json.loads(bytes(raw.data()))
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("kind") not in KINDS:
        return None
    name = found.get("name")
    return DraggedModel(found["kind"], name) if isinstance(name, str) and name else None


def loader_of(specs: Mapping[str, NodeSpec], kind: str) -> tuple[str, str] | None:
    """The node type that loads models of a kind, and its parameter that names one.

    The first declared counts: a plugin adds to what there is and takes nothing over.

    Args:
        specs: node types.
        kind: "checkpoints", "loras", ...

    Returns:
        None where no node type takes such models.
    """
    for spec in specs.values():
        for param in spec.params:
            if isinstance(param.marker, ModelName) and param.marker.kind == kind:
                return spec.type, param.name
    return None


def add_loader(document: Document, model: DraggedModel, at: tuple[float, float]) -> Edit:
    """Add the node that loads a model.

    Args:
        document: where.
        model: what it loads.
        at: its top left corner on the canvas, in pixels.

    Raises:
        EditRefused: no node loads models of this kind; the words say what does.
    """
    loader = loader_of(document.specs, model.kind)
    if loader is None:
        if model.kind == "embeddings":
            word = embedding_words(model.name)
            raise EditRefused(f"An embedding goes into a prompt: write {word} there.")
        raise EditRefused(f"No node loads models of the kind {model.kind!r} yet.")
    type_name, param = loader
    return edits.add_node(document, type_name, at, {param: model.name})


def put_into(document: Document, name: str, model: DraggedModel) -> Edit | None:
    """Give a model to a node that is there: its name to a loader, an embedding to a prompt.

    Args:
        document: where.
        name: id of the node.
        model: what it gets.

    Returns:
        None where the node has no use for it.
    """
    spec = document.spec(name)
    wired = document.wires_into(name)
    for param in spec.params if spec else ():
        if param.name in wired:
            continue
        if isinstance(param.marker, ModelName) and param.marker.kind == model.kind:
            return edits.set_param(document, name, param.name, model.name)
        if isinstance(param.marker, Prompt) and model.kind == "embeddings":
            text = str(document.nodes[name].params.get(param.name, param.default) or "").rstrip()
            word = embedding_words(model.name)
            joint = "" if not text else " " if text.endswith(",") else ", "
            return edits.set_param(document, name, param.name, f"{text}{joint}{word}")
    return None


def embedding_words(name: str) -> str:
    """How a prompt names an embedding's file."""
    stem, dot, _ = name.rpartition(".")
    return f"embedding:{stem if dot else name}"


class ModelDrop:
    """Takes models that are dropped on a canvas, or sent there; for `GraphView.drop_targets`.

    Args:
        editor: of the canvas.
    """

    def __init__(self, editor: GraphEditor) -> None:
        self._editor = editor

    def takes(self, mime: QMimeData) -> bool:
        """Whether it would take this."""
        return mime.hasFormat(MODEL_MIME)

    def drop(self, mime: QMimeData, at: QPointF) -> None:
        """Put the model into the node at this place, or make a node that loads it."""
        if (model := read_mime(mime)) is None:
            return
        name = self._editor.scene.node_at(at)
        document = self._editor.document

        def edit() -> Edit:
            fitting = put_into(document, name, model) if name is not None else None
            if fitting is not None:
                return fitting
            return add_loader(document, model, (at.x(), at.y()))

        self._editor.attempt(edit)

    def add(self, kind: str, name: str) -> None:
        """Make a node that loads a model, where there is room in the middle of what is seen."""
        editor = self._editor
        model = DraggedModel(kind, name)
        middle = editor.view.area().center()

        def edit() -> Edit:
            spot = free_spot(editor.document, editor.scene.sizes(), (middle.x(), middle.y()))
            return add_loader(editor.document, model, spot)

        editor.attempt(edit)
