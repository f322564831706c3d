"""The outline: all of the canvas, to be read and changed with the keyboard alone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from events import click, double_click, key, type_text
from files_kit import WORKFLOWS
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit

from studio.editing.edits import add_node, remove, rename, set_mode, set_param, show_socket
from studio.editing.wiring import connect, disconnect
from studio.graph.checked import Source
from studio.graph.document import Graph, Node
from studio.graph.files import load
from ui.editor.editor import GraphEditor
from ui.engine.states import NodeStates
from ui.panels.outline import Outline
from ui.panels.outline_model import OutlineModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry

    Make = Callable[[Graph], GraphEditor]


@pytest.fixture
def make(qtbot: QtBot, registry: Registry) -> Iterator[Make]:
    made: list[GraphEditor] = []

    def editor(graph: Graph) -> GraphEditor:
        made.append(GraphEditor(graph, registry))
        made[-1].resize(900, 600)
        made[-1].show()
        qtbot.waitExposed(made[-1])
        return made[-1]

    yield editor
    for one in made:
        one.stack.blockSignals(True)
        one.close()
        one.deleteLater()


@pytest.fixture
def editor(make: Make) -> GraphEditor:
    return make(load(WORKFLOWS / "text_to_image.json"))


@pytest.fixture
def outline(qtbot: QtBot, editor: GraphEditor) -> Iterator[Outline]:
    made = Outline()
    made.resize(420, 600)
    made.set_editor(editor)
    made.show()
    qtbot.waitExposed(made)
    tester = QAbstractItemModelTester(
        made.model, QAbstractItemModelTester.FailureReportingMode.Warning
    )
    yield made
    made.set_editor(None)
    tester.deleteLater()
    made.close()
    made.deleteLater()


def tree_of(model: OutlineModel) -> dict[str, dict[str, str]]:
    """All that is shown, by name."""
    found = {}
    for row in range(model.rowCount()):
        top = model.index(row, 0)
        lines = {}
        for line in range(model.rowCount(top)):
            child = model.index(line, 0, top)
            lines[child.data()] = child.siblingAtColumn(1).data()
        found[model.node_of(top) or ""] = lines
    return found


def line(outline: Outline, node: str, name: str) -> QModelIndex:
    """The value's place of a line."""
    top = outline.model.index_of(node)
    outline.tree.expand(top)
    for row in range(outline.model.rowCount(top)):
        if outline.model.index(row, 0, top).data() == name:
            return outline.model.index(row, 1, top)
    raise AssertionError(f"{node} has no {name}")


def field(outline: Outline, kind: type) -> QLineEdit | QComboBox | QPlainTextEdit:
    found = [w for w in outline.tree.viewport().findChildren(kind) if w.isVisible()]
    assert len(found) == 1
    widget: QLineEdit | QComboBox | QPlainTextEdit = found[0]
    return widget


def test_it_mirrors_nodes_ports_and_values(outline: Outline) -> None:
    model = outline.model
    titles = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert titles == sorted(titles, key=str.casefold)
    shown = tree_of(model)
    assert shown["sampler"]["model"] == "from Load Checkpoint · model"
    assert shown["sampler"]["steps"] == "20"
    assert shown["sampler"]["latent"] in (
        "from Empty Latent · latent",
        "to VAE Decode · latent",
    )
    assert shown["positive"]["text"] == "a red circle on a blue background"
    assert shown["checkpoint"]["clip"] == "to Text Encode · clip, Text Encode · clip"


def test_every_row_can_be_heard(outline: Outline) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    steps = line(outline, "sampler", "steps")
    assert steps.data(role) == "value steps: 20, a whole number from 1 to 1000" or (
        steps.data(role).startswith("value steps: 20, ")
    )
    assert line(outline, "sampler", "model").data(role) == (
        "input model, Model: from Load Checkpoint · model"
    )
    assert outline.model.index_of("sampler").data(role).startswith("KSampler, sampler")
    assert outline.tree.accessibleName()


def test_enter_edits_a_number(
    qtbot: QtBot, outline: Outline, editor: GraphEditor
) -> None:
    outline.tree.setCurrentIndex(line(outline, "sampler", "steps"))
    outline.tree.setFocus()
    key(outline.tree, Qt.Key.Key_Return)
    box = field(outline, QLineEdit)
    assert isinstance(box, QLineEdit)
    box.selectAll()
    type_text(box, "33\n")
    qtbot.waitUntil(lambda: editor.document.nodes["sampler"].params["steps"] == 33)
    assert line(outline, "sampler", "steps").data() == "33"
    editor.stack.undo()
    assert line(outline, "sampler", "steps").data() == "20"


def test_a_value_that_is_refused_is_told_and_changes_nothing(
    outline: Outline, editor: GraphEditor
) -> None:
    said: list[str] = []
    editor.message.connect(said.append)
    for text in ("-4", "many"):
        assert not outline.model.setData(line(outline, "sampler", "steps"), text)
    assert editor.stack.count() == 0
    assert len(said) == 2
    assert all("a whole number" in words for words in said)


def test_choices_and_long_texts_have_fields_of_their_own(
    outline: Outline, editor: GraphEditor
) -> None:
    tree = outline.tree
    tree.setCurrentIndex(line(outline, "sampler", "sampler"))
    key(tree, Qt.Key.Key_F2)
    box = field(outline, QComboBox)
    assert isinstance(box, QComboBox)
    assert box.currentText() == "dpmpp_2m"
    box.setCurrentText("euler")
    box.activated.emit(box.currentIndex())
    assert editor.document.nodes["sampler"].params["sampler"] == "euler"
    where = line(outline, "positive", "text")
    tree.scrollTo(where)
    double_click(tree.viewport(), tree.visualRect(where).center())
    area = field(outline, QPlainTextEdit)
    assert isinstance(area, QPlainTextEdit)
    type_text(area, "a star\n")
    assert editor.document.nodes["positive"].params["text"] == "a star"


def test_a_node_is_renamed_and_moves_to_its_place(
    outline: Outline, editor: GraphEditor
) -> None:
    index = outline.model.index_of("latent")
    assert outline.model.setData(index, "zzz last")
    assert editor.document.title_of("latent") == "zzz last"
    assert outline.model.index_of("latent").row() == outline.model.rowCount() - 1
    assert line(outline, "sampler", "latent").data() == "from zzz last · latent"
    editor.stack.undo()
    assert outline.model.index_of("latent").data() == "Empty Latent"


def test_selection_goes_both_ways(outline: Outline, editor: GraphEditor) -> None:
    tree = outline.tree
    click(tree.viewport(), tree.visualRect(outline.model.index_of("decode")).center())
    assert editor.selected() == ["decode"]
    editor.select(["save", "latent"])
    rows = {outline.model.node_of(index) for index in tree.selectionModel().selectedRows()}
    assert rows == {"save", "latent"}
    tree.setCurrentIndex(line(outline, "sampler", "steps"))
    assert editor.selected() == ["sampler"]


def test_enter_on_a_wire_walks_along_it(outline: Outline, editor: GraphEditor) -> None:
    outline.tree.setCurrentIndex(line(outline, "sampler", "model"))
    key(outline.tree, Qt.Key.Key_Return)
    assert editor.selected() == ["checkpoint"]
    key(outline.tree, Qt.Key.Key_Delete)
    assert "checkpoint" not in editor.document.nodes


def test_the_search_finds_by_name_type_and_value(qtbot: QtBot, outline: Outline) -> None:
    type_text(outline.search, "red circle")
    qtbot.waitUntil(lambda: outline.model.rowCount() == 1)
    assert set(tree_of(outline.model)) == {"positive"}
    outline.search.setText("textencode")
    qtbot.waitUntil(lambda: outline.model.rowCount() == 2)
    outline.search.clear()
    qtbot.waitUntil(lambda: outline.model.rowCount() == 7)


def test_states_are_read_and_followed(outline: Outline, editor: GraphEditor) -> None:
    changed: list[int] = []
    outline.model.dataChanged.connect(lambda first, *_: changed.append(first.row()))
    editor.states.changed.emit({"decode", "nobody"})
    assert changed == [outline.model.index_of("decode").row()]
    assert isinstance(editor.states, NodeStates)


def test_it_follows_every_kind_of_edit(outline: Outline, editor: GraphEditor) -> None:
    """Whatever is done and undone, it shows what a new outline shows."""
    document = editor.document
    for row in range(outline.model.rowCount()):
        outline.tree.expand(outline.model.index(row, 0))
    edits = [
        lambda: add_node(document, "TextEncode", (0, 0)),
        lambda: set_param(document, "sampler", "cfg", 2.5),
        lambda: show_socket(document, "sampler", "steps", True),
        lambda: disconnect(document, document.wires_out_of("checkpoint")),
        lambda: connect(document, Source("checkpoint", "model"), "sampler", "model"),
        lambda: rename(document, "save", "A first one"),
        lambda: set_mode(document, ["decode"], "mute"),
        lambda: remove(document, ["sampler", "positive"]),
        lambda: add_node(document, "Integer", (5, 5), name="positive"),
    ]
    chance = random.Random(7)

    def same() -> None:
        anew = OutlineModel()
        anew.set_editor(editor)
        assert tree_of(outline.model) == tree_of(anew)
        anew.set_editor(None)

    for make_edit in edits:
        assert editor.push(make_edit())
        same()
    for _ in range(30):
        (editor.stack.undo if chance.random() < 0.5 else editor.stack.redo)()
        same()


def test_many_nodes_at_once(qtbot: QtBot, make: Make) -> None:
    graph = Graph(
        nodes={f"n{i}": Node(type="Integer", params={"value": i}) for i in range(3000)}
    )
    large = make(graph)
    outline = Outline()
    qtbot.addWidget(outline)
    outline.show()
    outline.set_editor(large)
    outline.grab()
    assert outline.model.rowCount() == 3000
    large.push(remove(large.document, list(large.document.nodes)[:2000]))
    assert outline.model.rowCount() == 1000
    large.stack.undo()
    assert outline.model.rowCount() == 3000
    outline.set_editor(None)


def test_a_hidden_outline_costs_nothing(outline: Outline, editor: GraphEditor) -> None:
    outline.hide()
    assert outline.model.rowCount() == 0
    editor.push(add_node(editor.document, "Integer", (0, 0)))
    outline.show()
    assert outline.model.rowCount() == 8


def test_unknown_types_are_shown_and_edited(make: Make, outline: Outline) -> None:
    odd = make(
        Graph(nodes={"a": Node(type="Nobody", params={"x": 1, "y": "t"}, inputs={"in": "gone.b"})})
    )
    outline.set_editor(odd)
    assert tree_of(outline.model)["a"] == {
        "in": "from gone (missing) · b", "x": "1", "y": "t"
    }  # fmt: skip
    assert outline.model.setData(line(outline, "a", "x"), "[2, 3]")
    assert odd.document.nodes["a"].params["x"] == [2, 3]


def test_a_switch_is_toggled_by_enter(
    make: Make, outline: Outline, registry: Registry
) -> None:
    spec, param = next(
        (spec, param)
        for spec in registry.values()
        for param in spec.params
        if param.kind == "bool" and not param.nullable
    )
    one = make(Graph(nodes={"a": Node(type=spec.type, params={param.name: False})}))
    outline.set_editor(one)
    outline.tree.setCurrentIndex(line(outline, "a", param.name))
    key(outline.tree, Qt.Key.Key_Return)
    assert one.document.nodes["a"].params[param.name] is True
    where = outline.tree.visualRect(line(outline, "a", param.name))
    click(outline.tree.viewport(), QPoint(where.left() + 10, where.center().y()))
    assert one.stack.count() in (1, 2)
