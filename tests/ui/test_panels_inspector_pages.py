"""The inspector: several nodes, the graph, and what goes while it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import shiboken6
from events import click, key, type_text
from panels_kit import node_page, settle, shown_inspector
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QPalette

from studio.editing import edits
from studio.graph.document import Graph
from ui.editor.editor import GraphEditor
from ui.panels.inspector import Inspector
from ui.panels.inspector_graph import GraphPage, ManyPage
from ui.panels.inspector_node import NodePage
from ui.panels.parts import Words
from ui.theme import current, instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot


@pytest.fixture
def inspector(qtbot: QtBot, editor: GraphEditor) -> Inspector:
    made = shown_inspector(editor)
    qtbot.addWidget(made)
    return made


# Several nodes


def test_several_nodes_share_a_mode(inspector: Inspector, editor: GraphEditor) -> None:
    editor.select(["positive", "negative"])
    settle(inspector)
    page = inspector.page
    assert isinstance(page, ManyPage)
    assert dict(page.facts.rows())["Text Encode"] == "2"
    button = page.modes.button("bypass")
    click(button, button.rect().center())
    assert {editor.document.nodes[n].mode for n in ("positive", "negative")} == {"bypass"}
    assert editor.stack.count() == 1
    editor.push(edits.set_mode(editor.document, ["positive"], "normal"))
    assert not any(page.modes.button(m).isChecked() for m in ("normal", "bypass", "mute"))


def test_one_of_several_can_be_picked(inspector: Inspector, editor: GraphEditor) -> None:
    editor.select(["positive", "sampler"])
    settle(inspector)
    page = inspector.page
    assert isinstance(page, ManyPage)
    row = next(row for row in page.rows if row.text() == "KSampler")
    click(row, row.rect().center())
    settle(inspector)
    assert editor.selected() == ["sampler"]
    assert isinstance(inspector.page, NodePage)


def test_of_very_many_only_some_are_listed(
    qtbot: QtBot, make_editor: Callable[..., GraphEditor]
) -> None:
    nodes = {f"n{i}": {"type": "EmptyLatent"} for i in range(300)}
    editor = make_editor(Graph.model_validate({"nodes": nodes}))
    made = Inspector()
    qtbot.addWidget(made)
    made.show()
    made.set_editor(editor)
    editor.select(nodes)
    settle(made)
    assert isinstance(made.page, ManyPage)
    assert len(made.page.rows) == 40
    assert made.page.title.text() == "300 nodes"


# The graph


def test_the_graph_s_title_and_counts(inspector: Inspector, editor: GraphEditor) -> None:
    page = inspector.page
    assert isinstance(page, GraphPage)
    rows = dict(page.facts.rows())
    assert (rows["nodes"], rows["wires"]) == ("7", "9")
    assert rows["file"].endswith("text_to_image.json")
    page.title.setFocus()
    page.title.selectAll()
    type_text(page.title, "Stars")
    key(page.title, Qt.Key.Key_Return, text="\r")
    assert editor.document.title == "Stars"
    editor.stack.undo()
    assert page.title.text() == "Text to image"


def test_notes_are_kept_in_the_graph(
    inspector: Inspector, editor: GraphEditor, qtbot: QtBot
) -> None:
    before = editor.document.dumps()
    page = inspector.page
    assert isinstance(page, GraphPage)
    page.notes.setFocus()
    type_text(page.notes, "try more steps")
    qtbot.waitUntil(lambda: editor.document.head.get("notes") == "try more steps")
    assert editor.stack.count() == 1
    assert '"notes": "try more steps"' in editor.document.dumps()
    editor.stack.undo()
    assert page.notes.toPlainText() == ""
    assert editor.document.dumps() == before
    editor.stack.redo()
    assert page.notes.toPlainText() == "try more steps"
    page.notes.selectAll()
    key(page.notes, Qt.Key.Key_Delete)
    editor.select(["sampler"])
    settle(inspector)
    assert "notes" not in editor.document.head


def test_notes_that_are_no_text_are_left_alone(
    qtbot: QtBot, make_editor: Callable[..., GraphEditor]
) -> None:
    editor = make_editor(Graph.model_validate({"nodes": {}, "notes": {"a": 1}}))
    made = Inspector()
    qtbot.addWidget(made)
    made.show()
    made.set_editor(editor)
    assert isinstance(made.page, GraphPage)
    assert not made.page.notes.isEnabled()
    assert editor.document.head["notes"] == {"a": 1}


# Things that go


def test_a_removed_node_leaves_its_page(inspector: Inspector, editor: GraphEditor) -> None:
    node_page(inspector, "sampler")
    editor.push(edits.remove(editor.document, ["sampler"]))
    settle(inspector)
    assert isinstance(inspector.page, GraphPage)
    editor.select(["positive", "negative"])
    settle(inspector)
    editor.push(edits.remove(editor.document, ["negative"]))
    settle(inspector)
    assert isinstance(inspector.page, NodePage)
    editor.stack.undo()
    editor.stack.undo()
    settle(inspector)


def test_an_id_that_is_another_type_now_gets_a_new_page(
    inspector: Inspector, editor: GraphEditor
) -> None:
    from studio.editing.changes import Change

    page = node_page(inspector, "latent")
    node = editor.document.nodes["latent"]
    other = node.model_copy(update={"type": "VAEEncode", "params": {}})
    editor.document.apply([Change("nodes", "latent", node, other)])
    settle(inspector)
    assert inspector.page is not page
    assert isinstance(inspector.page, NodePage)


def test_other_tabs_and_none(
    inspector: Inspector, editor: GraphEditor, make_editor: Callable[..., GraphEditor]
) -> None:
    node_page(inspector, "sampler")
    other = make_editor(None)
    inspector.set_editor(other)
    assert isinstance(inspector.page, GraphPage)
    assert inspector.page.editor is other
    # The first one has nothing to say any more.
    editor.select(["latent"])
    settle(inspector)
    assert isinstance(inspector.page, GraphPage)
    inspector.set_editor(None)
    assert inspector.page is None


def test_an_editor_that_is_destroyed_leaves_nothing(
    inspector: Inspector, editor: GraphEditor, registry: Any
) -> None:
    other = GraphEditor(Graph.model_validate({"nodes": {"a": {"type": "EmptyLatent"}}}), registry)
    inspector.set_editor(other)
    node_page(inspector, "a")
    document = other.document
    other.stack.blockSignals(True)
    shiboken6.delete(other)
    assert inspector.editor is None
    assert inspector.page is None
    document.apply(edits.set_title(document, "late").changes)
    document.apply(edits.set_param(document, "a", "width", 64).changes)
    inspector.set_editor(editor)
    assert isinstance(inspector.page, GraphPage)


def test_an_inspector_that_is_destroyed_is_no_trouble_for_the_document(
    editor: GraphEditor,
) -> None:
    made = Inspector()
    made.show()
    made.set_editor(editor)
    editor.select(["sampler"])
    settle(made)
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    editor.push(edits.set_param(editor.document, "sampler", "steps", 3))
    assert editor.document.nodes["sampler"].params["steps"] == 3




def test_another_theme_is_worn_at_once(inspector: Inspector, editor: GraphEditor) -> None:
    page = node_page(inspector, "sampler")
    words = page.findChild(Words)
    assert words is not None
    for name in ("light", "dark"):
        instance().set(name)
        assert words.palette().color(QPalette.ColorRole.WindowText) == current().secondary
        inspector.grab()
