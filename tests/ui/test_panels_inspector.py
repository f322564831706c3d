"""The inspector of one node: it follows selection and document, and every edit is one undo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from events import click, key, type_text
from panels_kit import field, fields, fill, node_page, port, settle, shown_inspector
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QLineEdit

from studio.editing import edits, wiring
from studio.graph.checked import Source
from studio.graph.document import Graph
from ui.panels.inspector import Inspector
from ui.panels.inspector_graph import GraphPage, ManyPage
from ui.panels.inspector_node import NodePage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor


@pytest.fixture
def inspector(qtbot: QtBot, editor: GraphEditor) -> Inspector:
    made = shown_inspector(editor)
    qtbot.addWidget(made)
    return made


# What is shown


def test_without_a_graph_it_says_so(qtbot: QtBot) -> None:
    made = Inspector()
    qtbot.addWidget(made)
    made.show()
    assert made._stack.currentWidget() is made._empty


def test_it_follows_the_selection(inspector: Inspector, editor: GraphEditor) -> None:
    assert isinstance(inspector.page, GraphPage)
    page = node_page(inspector, "sampler")
    assert page.title.text() == "KSampler"
    assert fields(page)[:3] == ["seed", "steps", "cfg"]
    editor.select(["positive", "negative"])
    settle(inspector)
    assert isinstance(inspector.page, ManyPage)
    editor.select([])
    settle(inspector)
    assert isinstance(inspector.page, GraphPage)


def test_a_click_on_a_node_shows_it(inspector: Inspector, editor: GraphEditor) -> None:
    header = editor.scene.nodes["latent"].node_rect().topLeft()
    spot = editor.view.mapFromScene(header) + QPoint(40, 10)
    click(editor.view.viewport(), spot)
    settle(inspector)
    assert isinstance(inspector.page, NodePage)
    assert inspector.page.name == "latent"


def test_the_last_of_many_selections_counts(inspector: Inspector, editor: GraphEditor) -> None:
    for name in editor.document.nodes:
        editor.select([name])
    first = inspector.page
    assert isinstance(first, GraphPage)
    settle(inspector)
    assert isinstance(inspector.page, NodePage)
    assert inspector.page.name == editor.selected()[0]


def test_a_page_is_built_in_slices_and_anew_where_the_graph_changes_meanwhile(
    inspector: Inspector, editor: GraphEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.panels.inspector.SLICE", 0.0)
    before = inspector.page
    editor.select(["sampler"])
    inspector.refresh()
    assert inspector._growing is not None
    assert inspector.page is before
    editor.push(edits.show_socket(editor.document, "sampler", "cfg", True))
    settle(inspector)
    assert isinstance(inspector.page, NodePage)
    assert "cfg" not in fields(inspector.page)
    editor.select(["latent"])
    inspector.refresh()
    editor.select(["save"])
    settle(inspector)
    assert isinstance(inspector.page, NodePage)
    assert inspector.page.name == "save"
    editor.select(["latent"])
    inspector.refresh()
    editor.push(edits.remove(editor.document, ["latent"]))
    settle(inspector)
    assert isinstance(inspector.page, GraphPage)


def test_hidden_it_makes_nothing(inspector: Inspector, editor: GraphEditor) -> None:
    inspector.hide()
    editor.select(["sampler"])
    settle(inspector)
    assert isinstance(inspector.page, GraphPage)
    inspector.show()
    settle(inspector)
    assert isinstance(inspector.page, NodePage)


def test_every_node_type_can_be_shown(
    qtbot: QtBot, make_editor: Callable[..., GraphEditor], registry: Any
) -> None:
    graph = Graph.model_validate(
        {"nodes": {f"n{i}": {"type": name} for i, name in enumerate(registry)}}
    )
    editor = make_editor(graph)
    made = Inspector()
    qtbot.addWidget(made)
    made.resize(300, 700)
    made.show()
    made.set_editor(editor)
    for name in editor.document.nodes:
        page = node_page(made, name)
        spec = editor.document.spec(name)
        assert spec is not None
        assert set(fields(page)) == set(spec.param_by_name)


def test_a_node_of_unknown_type_shows_what_the_file_has(
    qtbot: QtBot, make_editor: Callable[..., GraphEditor]
) -> None:
    node = {"type": "FromAPlugin", "params": {"text": "hello", "deep": {"a": [1]}}}
    editor = make_editor(Graph.model_validate({"nodes": {"x": node}}))
    made = Inspector()
    qtbot.addWidget(made)
    made.show()
    made.set_editor(editor)
    page = node_page(made, "x")
    assert fields(page) == ["text", "deep"]
    fill(field(page, "text"), "other")
    assert editor.document.nodes["x"].params["text"] == "other"


# Editing a node


def test_a_value_typed_is_one_undo_step(inspector: Inspector, editor: GraphEditor) -> None:
    page = node_page(inspector, "sampler")
    fill(field(page, "steps"), "35")
    assert editor.document.nodes["sampler"].params["steps"] == 35
    assert editor.stack.count() == 1
    editor.stack.undo()
    assert editor.document.nodes["sampler"].params["steps"] == 20
    assert field(page, "steps").value == 20


def test_a_value_out_of_range_is_refused_with_its_reason(
    inspector: Inspector, editor: GraphEditor
) -> None:
    page = node_page(inspector, "sampler")
    fill(field(page, "steps"), "-3")
    assert editor.stack.count() == 0
    assert "whole number from 1" in field(page, "steps").trouble


def test_edits_from_elsewhere_are_followed_without_making_the_page_anew(
    inspector: Inspector, editor: GraphEditor
) -> None:
    page = node_page(inspector, "sampler")
    before = field(page, "cfg")
    editor.push(edits.set_param(editor.document, "sampler", "cfg", 7.5))
    assert field(page, "cfg") is before
    assert before.value == 7.5


def test_what_is_typed_counts_when_another_node_is_selected(
    inspector: Inspector, editor: GraphEditor
) -> None:
    page = node_page(inspector, "save")
    line = field(page, "name").main
    assert isinstance(line, QLineEdit)
    inspector.activateWindow()
    line.setFocus()
    QApplication.processEvents()
    line.selectAll()
    type_text(line, "star")
    node_page(inspector, "sampler")
    assert editor.document.nodes["save"].params["name"] == "star"


def test_values_that_differ_from_the_default_stand_out(
    inspector: Inspector, editor: GraphEditor
) -> None:
    page = node_page(inspector, "sampler")
    label = page.params._labels["denoise"]
    assert label._tone == "secondary"
    editor.push(edits.set_param(editor.document, "sampler", "denoise", 0.5))
    assert label._tone == "text"


def test_the_menu_of_a_name_resets_and_makes_a_socket(
    inspector: Inspector, editor: GraphEditor
) -> None:
    page = node_page(inspector, "sampler")
    label = page.params._labels["cfg"]
    spot = label.rect().center()
    QApplication.sendEvent(
        label,
        QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, label.mapToGlobal(spot)),
    )
    open_menu = QApplication.activePopupWidget()
    assert open_menu is not None
    open_menu.close()
    reset, socket = page.params.menu("cfg").actions()
    reset.trigger()
    assert "cfg" not in editor.document.nodes["sampler"].params
    assert not page.params.menu("cfg").actions()[0].isEnabled()
    socket.trigger()
    settle(inspector)
    assert "cfg" not in fields(page)
    assert port(page, "cfg").note == "optional"
    editor.stack.undo()
    settle(inspector)
    assert "cfg" in fields(page)


def test_a_title_is_changed_where_it_stands(inspector: Inspector, editor: GraphEditor) -> None:
    page = node_page(inspector, "sampler")
    page.title.setFocus()
    page.title.selectAll()
    type_text(page.title, "First pass")
    key(page.title, Qt.Key.Key_Return, text="\r")
    assert editor.document.title_of("sampler") == "First pass"
    assert editor.stack.count() == 1
    editor.stack.undo()
    assert page.title.text() == "KSampler"
    page.title.setFocus()
    type_text(page.title, "x")
    key(page.title, Qt.Key.Key_Escape)
    assert page.title.text() == "KSampler"
    assert editor.document.title_of("sampler") == "KSampler"


def test_bypass_and_mute(inspector: Inspector, editor: GraphEditor) -> None:
    page = node_page(inspector, "sampler")
    assert page.modes.button("normal").isChecked()
    button = page.modes.button("mute")
    click(button, button.rect().center())
    assert editor.document.nodes["sampler"].mode == "mute"
    editor.stack.undo()
    assert page.modes.button("normal").isChecked()
    assert not button.isChecked()


def test_the_cache_of_a_node(inspector: Inspector, editor: GraphEditor) -> None:
    page = node_page(inspector, "sampler")
    assert page.cache.isChecked()
    click(page.cache, QPoint(8, page.cache.height() // 2))
    assert not editor.document.nodes["sampler"].cache
    editor.stack.undo()
    assert page.cache.isChecked()


# Ports


def test_ports_say_where_wires_lead_and_a_click_goes_there(
    inspector: Inspector, editor: GraphEditor
) -> None:
    page = node_page(inspector, "sampler")
    texts = [(row.text(), row.note) for row in page.ports.rows]
    assert texts == [
        ("model", "Load Checkpoint · model"),
        ("positive", "Text Encode"),
        ("negative", "Text Encode"),
        ("latent", "Empty Latent"),
        ("latent", "VAE Decode"),
    ]
    row = port(page, "positive")
    click(row, row.rect().center())
    settle(inspector)
    assert editor.selected() == ["positive"]
    assert isinstance(inspector.page, NodePage)
    assert inspector.page.name == "positive"


def test_ports_follow_the_wires(inspector: Inspector, editor: GraphEditor) -> None:
    page = node_page(inspector, "sampler")
    editor.push(wiring.clear_port(editor.document, "sampler", "negative", "in"))
    settle(inspector)
    row = port(page, "negative")
    assert (row.note, row._needed, row.leads()) == ("open", True, False)
    editor.push(wiring.connect(editor.document, Source("positive", "conditioning"),
                               "sampler", "negative"))  # fmt: skip
    settle(inspector)
    assert port(page, "negative").leads()
    source = node_page(inspector, "positive")
    assert port(source, "conditioning").note == "KSampler and 1 more"


def test_a_wired_parameter_is_a_port(inspector: Inspector, editor: GraphEditor) -> None:
    page = node_page(inspector, "sampler")
    added = edits.add_node(editor.document, "Integer", (0, 600))
    editor.document.apply(added.changes)
    (number,) = added.created
    output = editor.document.specs["Integer"].outputs[0].name
    editor.push(wiring.connect(editor.document, Source(number, output), "sampler", "steps"))
    settle(inspector)
    assert "steps" not in fields(page)
    assert port(page, "steps").note == "Integer"
