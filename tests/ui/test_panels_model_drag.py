"""A model dragged or sent into a graph: a loader, a loader's name, a word of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from studio.editing.changes import EditRefused
from studio.editing.document import Document
from studio.graph.document import Graph
from ui.panels.model_drag import (
    MODEL_MIME,
    DraggedModel,
    ModelDrop,
    add_loader,
    loader_of,
    read_mime,
)

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor

PLAIN = Qt.KeyboardModifier.NoModifier


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b'{"kind": "loras"}', b'{"kind": "x", "name": "y"}',
     b'{"kind": "loras", "name": 3}', b'{"kind": [], "name": "y"}', b"[" * 60000],
)  # fmt: skip
def test_what_is_none_of_ours_is_not_taken(text: bytes) -> None:
    data = QMimeData()
    data.setData(MODEL_MIME, text)
    assert read_mime(data) is None


@pytest.mark.parametrize(
    ("kind", "loader"),
    [
        ("checkpoints", ("LoadCheckpoint", "name")),
        ("loras", ("LoadLora", "name")),
        ("vae", ("LoadVae", "name")),
        ("embeddings", None),
    ],
)
def test_the_node_that_loads_a_kind(
    registry: Registry, kind: str, loader: tuple[str, str] | None
) -> None:
    assert loader_of(registry, kind) == loader


def test_a_loader_is_added_with_the_model_s_name(registry: Registry) -> None:
    document = Document(Graph(), registry)
    edit = add_loader(document, DraggedModel("loras", "stripes"), (40, 80))
    document.apply(edit.changes)
    (name,) = edit.created
    assert document.nodes[name].type == "LoadLora"
    assert document.nodes[name].params == {"name": "stripes"}
    assert document.layout[name] == (40, 80)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (DraggedModel("embeddings", "easy.pt"), "write embedding:easy there"),
        (DraggedModel("upscalers", "x4"), "No node loads"),
    ],
)
def test_a_kind_without_a_loader_says_what_to_do(
    registry: Registry, model: DraggedModel, words: str
) -> None:
    with pytest.raises(EditRefused, match=words):
        add_loader(Document(Graph(), registry), model, (0, 0))


def drop_on(editor: GraphEditor, model: DraggedModel, at: QPointF) -> bool:
    """A drag of a model over the canvas, dropped at a place of the scene; whether it was taken."""
    mime = model.mime()
    spot = editor.view.mapFromScene(at)
    enter = QDragEnterEvent(
        QPoint(spot), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, PLAIN
    )
    QApplication.sendEvent(editor.view.viewport(), enter)
    if not enter.isAccepted():
        return False
    event = QDropEvent(
        QPointF(spot), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, PLAIN
    )
    QApplication.sendEvent(editor.view.viewport(), event)
    return event.isAccepted()


@pytest.fixture
def target(editor: GraphEditor) -> GraphEditor:
    """An editor whose canvas takes models."""
    editor.view.drop_targets.append(ModelDrop(editor))
    return editor


def centre(editor: GraphEditor, name: str) -> QPointF:
    return editor.scene.nodes[name].node_rect().center()


def test_a_model_dropped_on_the_canvas_becomes_its_loader(target: GraphEditor) -> None:
    at = target.view.to_scene(QPointF(30, 850))
    assert drop_on(target, DraggedModel("loras", "stripes"), at)
    (name,) = target.selected()
    assert target.document.nodes[name].params == {"name": "stripes"}
    assert target.stack.count() == 1
    target.stack.undo()
    assert name not in target.document.nodes


def test_a_model_dropped_on_its_loader_is_loaded_there(target: GraphEditor) -> None:
    before = set(target.document.nodes)
    assert drop_on(target, DraggedModel("checkpoints", "other"), centre(target, "checkpoint"))
    assert target.document.nodes["checkpoint"].params["name"] == "other"
    assert set(target.document.nodes) == before
    target.stack.undo()
    assert target.document.nodes["checkpoint"].params["name"] == "pocket"


def test_an_embedding_dropped_on_a_prompt_is_written_there(target: GraphEditor) -> None:
    for name, text in (
        ("negative", "embedding:easy"),
        ("positive", "a red circle on a blue background, embedding:easy"),
    ):
        drop_on(target, DraggedModel("embeddings", "easy.pt"), centre(target, name))
        assert target.document.nodes[name].params["text"] == text


def test_a_model_that_nothing_loads_is_refused_in_words(
    target: GraphEditor, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(target.message) as told:
        drop_on(target, DraggedModel("upscalers", "x4"), target.view.to_scene(QPointF(30, 850)))
    assert "No node loads" in told.args[0]
    assert target.stack.count() == 0


def test_a_model_sent_to_the_canvas_covers_nothing(target: GraphEditor) -> None:
    drop = ModelDrop(target)
    for _ in range(2):
        drop.add("checkpoints", "pocket")
    rects = [item.node_rect() for item in target.scene.nodes.values()]
    new = [target.scene.nodes[name].node_rect() for name in list(target.document.nodes)[-2:]]
    for rect in new:
        assert sum(rect.intersects(other) for other in rects) == 1
