"""The find bar: by name, type and value; Enter goes round and shows each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import click, key, type_text
from inline_kit import canvas, steps
from PySide6.QtCore import QPointF, Qt

from studio.editing import edits
from studio.graph.files import from_json
from ui.editor import find
from ui.editor.editor import GraphEditor
from ui.editor.find import FindBar
from ui.editor.find_index import FindIndex
from ui.editor.inline.iconbutton import IconButton

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from studio.registry import Registry

SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def editor(qtbot: QtBot, registry: Registry) -> GraphEditor:
    return canvas(qtbot, registry)


@pytest.fixture
def bar(editor: GraphEditor) -> FindBar:
    made = FindBar(editor)
    made.open()
    return made


def names(bar: FindBar) -> list[str]:
    return bar.found


def in_middle(editor: GraphEditor, name: str) -> bool:
    item = editor.scene.nodes[name]
    at = editor.view.mapFromScene(item.mapToScene(item.geometry.rect.center()))
    middle = editor.view.viewport().rect().center()
    return (at - middle).manhattanLength() < 8


def test_by_name_type_and_value(bar: FindBar) -> None:
    for text, found in (
        ("text encode", ["positive", "negative"]),
        ("VAEDecode", ["decode"]),
        ("red star", ["positive"]),
        ("dpmpp_2m karras", ["sampler", "advanced"]),
        ("nosuchnode", ["alien"]),
        ("hello", ["alien"]),
        ("128 px", ["latent"]),
        ("zzz", []),
        ("", []),
    ):
        bar.line.setText(text)
        assert names(bar) == found, text


def test_enter_goes_round(editor: GraphEditor, bar: FindBar) -> None:
    type_text(bar.line, "text encode")
    assert bar.count.text() == "2 found"
    assert editor.selected() == []
    for name, words in (("positive", "1 of 2"), ("negative", "2 of 2"), ("positive", "1 of 2")):
        key(bar.line, Qt.Key.Key_Return)
        assert editor.selected() == [name]
        assert bar.count.text() == words
        assert in_middle(editor, name)
    key(bar.line, Qt.Key.Key_Return, SHIFT)
    assert editor.selected() == ["negative"]
    assert bar.line.hasFocus()
    assert steps(editor) == 0


def test_where_it_stands_is_told(editor: GraphEditor, bar: FindBar, qtbot: QtBot) -> None:
    type_text(bar.line, "red")
    with qtbot.waitSignal(editor.message) as told:
        key(bar.line, Qt.Key.Key_Return)
    assert told.args == ["1 of 1: Text Encode, text: a red star"]


def test_typing_on_narrows_down(editor: GraphEditor, bar: FindBar) -> None:
    type_text(bar.line, "text")
    key(bar.line, Qt.Key.Key_Return)
    key(bar.line, Qt.Key.Key_Return)
    shown = editor.selected()
    type_text(bar.line, " encode")
    assert [bar.found[bar.place]] == shown


def test_nothing_found(bar: FindBar) -> None:
    type_text(bar.line, "qqq")
    assert bar.count.text() == "nothing found"
    key(bar.line, Qt.Key.Key_Return)
    assert bar.place == -1


def test_edits_are_followed(editor: GraphEditor, bar: FindBar) -> None:
    type_text(bar.line, "blue")
    assert names(bar) == []
    editor.push(edits.set_param(editor.document, "negative", "text", "blue"))
    assert names(bar) == ["negative"]
    editor.push(edits.rename(editor.document, "save", "Blue star"))
    assert names(bar) == ["save", "negative"], "names come before values"
    editor.push(edits.remove(editor.document, ["negative"]))
    assert names(bar) == ["save"]
    editor.stack.undo()
    editor.stack.undo()
    editor.stack.undo()
    assert names(bar) == []


def test_escape_gives_the_canvas_the_keyboard(editor: GraphEditor, bar: FindBar) -> None:
    assert bar.line.hasFocus()
    key(bar.line, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert editor.view.hasFocus()
    editor.push(edits.set_param(editor.document, "negative", "text", "blue"))
    bar.open()
    type_text(bar.line, "blue")
    assert names(bar) == ["negative"]


def test_buttons(editor: GraphEditor, bar: FindBar) -> None:
    type_text(bar.line, "text encode")
    by_name = {button.accessibleName(): button for button in bar.findChildren(IconButton)}
    click(by_name["The next one (Enter)"], QPointF(5, 5))
    assert editor.selected() == ["positive"]
    click(by_name["Close (Esc)"], QPointF(5, 5))
    assert not bar.isVisible()


def test_long_values_are_cut(editor: GraphEditor) -> None:
    text = "word " * 50 + "needle " + "word " * 50
    editor.push(edits.set_param(editor.document, "positive", "text", text))
    index = FindIndex(editor.document)
    assert index.read_on()
    assert index.search("needle") == ["positive"]
    said = index.describe("positive", "needle")
    assert "needle" in said.words
    assert len(said.words) < 50
    assert said.words.startswith("…")


def large(qtbot: QtBot, registry: Registry, count: int = 400) -> GraphEditor:
    nodes = {f"n{n}": {"type": "ScaleLatent", "title": f"number {n}"} for n in range(count)}
    layout = {f"n{n}": [n % 20 * 300, n // 20 * 400] for n in range(count)}
    graph = {"format": "latent-studio", "version": 1, "nodes": nodes, "layout": layout}
    editor = GraphEditor(from_json(graph), registry)
    qtbot.addWidget(editor)
    editor.resize(1000, 700)
    editor.show()
    return editor


def test_a_large_graph_is_read_while_one_types(
    qtbot: QtBot, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "SLICE", 0.0)
    editor = large(qtbot, registry)
    bar = FindBar(editor)
    bar.open()
    type_text(bar.line, "number")
    assert 0 < len(bar.found) < 400
    editor.push(edits.rename(editor.document, "n399", "other"))
    editor.push(edits.remove(editor.document, ["n398"]))
    qtbot.waitUntil(lambda: len(bar.found) == 398)
    type_text(bar.line, " 17")
    assert set(bar.found) == {"n17", "n117", "n217", "n317", *(f"n{n}" for n in range(170, 180))}


def test_enter_waits_for_the_whole_of_it(
    qtbot: QtBot, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "SLICE", 0.0)
    editor = large(qtbot, registry)
    bar = FindBar(editor)
    bar.open()
    type_text(bar.line, "number 399")
    assert bar.found == []
    key(bar.line, Qt.Key.Key_Return)
    assert editor.selected() == ["n399"]


def test_typing_on_narrows_down_and_back(bar: FindBar, editor: GraphEditor) -> None:
    """The same as searching each text by itself."""
    for text in ("s", "sa", "sam", "samp", "samp ", "samp 2", "samp", "st", "ste", "steps 2", "e"):
        bar.line.setText(text)
        fresh = FindIndex(editor.document)
        fresh.read_on()
        assert bar.found == fresh.search(text), text
