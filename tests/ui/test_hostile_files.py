"""Files that nobody should have written, in the real tabs: refused in words, or shown and kept."""

from __future__ import annotations

import json
import struct
import threading
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QApplication

from studio.graph.document import Graph, Node
from studio.graph.errors import GraphFileError
from studio.graph.files import dumps, load, loads
from studio.png import METADATA_KEY, SIGNATURE
from ui.editor.overview import BELOW, CROWD
from ui.files.reading import read_graph
from ui.jobs import Jobs, left_behind
from ui.panels.outline import Outline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor

HEAD = '"format": "latent-studio", "version": 1'


def picture(about: str) -> bytes:
    """A PNG of one pixel with this text as its metadata."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    text = METADATA_KEY.encode() + bytes(5) + about.encode()
    return (
        SIGNATURE
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
        + chunk(b"iTXt", text)
        + chunk(b"IDAT", zlib.compress(bytes(4)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1e999", '"1e999", which is too large'),
        ("9" * 1001, "1,001 digits"),
        ("NaN", "NaN"),
        ("[" * 150 + "]" * 150, "nested too deeply"),
        ('{"a": 1, "a": 2}', '"a" stands twice'),
        (r'"\ud800"', "half a character"),
    ],
)
def test_what_could_not_be_written_again_is_not_read(
    tmp_path: Path, value: str, words: str
) -> None:
    graph = f'{{{HEAD}, "nodes": {{"a": {{"type": "Float", "params": {{"value": {value}}}}}}}}}'
    with pytest.raises(GraphFileError, match="graph") as plain:
        loads(graph)
    assert words in str(plain.value)
    path = tmp_path / "a.png"
    path.write_bytes(picture(f'{{"graph": {graph}}}'))
    with pytest.raises(GraphFileError) as in_picture:
        read_graph(path)
    assert words in str(in_picture.value)
    assert "the graph in it is damaged" in str(in_picture.value)


@pytest.mark.parametrize("depth", [90, 99])
def test_what_is_read_can_be_written(depth: int) -> None:
    text = "[" * (depth - 3) + "]" * (depth - 3)
    graph = loads(f'{{{HEAD}, "nodes": {{}}, "mine": {text}}}')
    assert loads(dumps(graph)) == graph


def test_a_link_that_leads_nowhere_says_where_to(tmp_path: Path) -> None:
    link = tmp_path / "graph.json"
    link.symlink_to(tmp_path / "gone.json")
    with pytest.raises(GraphFileError, match=r"leads to .*gone\.json, which isn't there"):
        load(link)


def test_nodes_without_a_place_do_not_lie_on_a_heap(
    make_editor: Callable[..., GraphEditor],
) -> None:
    nodes = {
        "a": Node(type="SolidImage"),
        "b": Node(type="InvertImage", inputs={"image": "a"}),
        "c": Node(type="SaveImage", inputs={"image": "b"}),
        "d": Node(type="KSampler"),
    }
    editor = make_editor(Graph(nodes=nodes, layout={"d": (5.0, 6.0)}))
    rects = {name: item.node_rect() for name, item in editor.scene.nodes.items()}
    assert not any(
        rects[one].intersects(rects[other]) for one in rects for other in rects if one < other
    )
    assert editor.document.layout["d"] == (5.0, 6.0)
    assert not editor.unsaved
    assert not editor.stack.canUndo()


def test_a_crowd_is_painted_as_from_afar(make_editor: Callable[..., GraphEditor]) -> None:
    count = CROWD + 100
    nodes = {f"n{i}": Node(type="SolidImage") for i in range(count)}
    heap: Any = dict.fromkeys(nodes, (0.0, 0.0))
    editor = make_editor(Graph(nodes=nodes, layout=heap))
    editor.scene.finish()
    editor.view.zoom_to(1.0, editor.view.viewport().rect().center())
    editor.view.centre_on("n5")
    view = editor.view
    assert view.zoom > BELOW
    assert view.overview.wanted(view.zoom, view.area())
    assert not view.overview.wanted(1.0, view.area().translated(1e5, 0))
    QApplication.processEvents()


def test_thousands_of_nodes_are_selected_in_the_outline_at_once(
    make_editor: Callable[..., GraphEditor], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = {f"n{i:04}": Node(type="SolidImage") for i in range(1500)}
    layout: Any = {name: (i * 300.0, 0.0) for i, name in enumerate(nodes)}
    editor = make_editor(Graph(nodes=nodes, layout=layout))
    outline = Outline(None)
    outline.set_editor(editor)
    outline.show()
    QApplication.processEvents()
    calls: list[int] = []
    select = QItemSelectionModel.select

    def counted(*arguments: Any) -> None:
        calls.append(1)
        select(*arguments)

    monkeypatch.setattr(QItemSelectionModel, "select", counted)
    model = outline.tree.selectionModel()
    for wanted in (list(nodes), list(nodes)[::2], ["n0007"], []):
        calls.clear()
        editor.select(wanted)
        chosen = [outline.model.node_of(row) for row in model.selectedRows()]
        assert sorted(chosen) == sorted(wanted)
        assert len(calls) <= 1
    outline.set_editor(None)
    outline.close()
    outline.deleteLater()


def test_a_drive_that_never_answers_does_not_keep_the_program(qtbot: QtBot) -> None:
    answer = threading.Event()
    jobs = Jobs(1)
    jobs.run(answer.wait, pytest.fail, pytest.fail)
    jobs.close(patience=0.05)
    assert left_behind()
    jobs.deleteLater()
    QApplication.processEvents()
    answer.set()
    qtbot.waitUntil(lambda: not left_behind())


def test_unknown_keys_are_kept_through_an_edit(
    make_editor: Callable[..., GraphEditor], tmp_path: Path
) -> None:
    raw = {
        "format": "latent-studio",
        "version": 1,
        "cls": 1,
        "self": {"deep": [None]},
        "nodes": {"a": {"type": "Nobody", "note": [1], "params": {"x": {"y": None}}}},
        "view": {"a": {"pinned": True}, "ghost": {"pinned": 1}},
        "frames": {"f": {"rect": [0, 0, 9, 9], "nodes": ["ghost"], "mine": 2}},
        "layout": {"a": [1e30, -1e30], "ghost": [1, 2]},
    }
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(raw))
    editor = make_editor(path)
    before = editor.document.dumps()
    editor.select(["a"])
    editor.view.frame(None)
    QApplication.processEvents()
    made = json.loads(before)
    assert made["cls"] == 1
    assert made["self"] == {"deep": [None]}
    assert made["nodes"]["a"]["note"] == [1]
    assert made["view"] == raw["view"]
    assert made["frames"]["f"]["mine"] == 2
    assert made["layout"] == {"a": [1e30, -1e30], "ghost": [1, 2]}
    assert editor.document.dumps() == before
