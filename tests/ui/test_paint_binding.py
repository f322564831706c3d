"""Strokes become edits, edits become pixels; nodes and tabs come and go."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtCore import QObject

from studio.editing import edits
from studio.editing.edits import remove, rename_id, set_param
from studio.editing.strokes import set_items
from studio.graph.document import Graph, Node
from studio.graph.files import dumps, loads
from studio.masks.items import Fill, Invert
from studio.masks.raster import rasterise
from studio.masks.sketch import draw, parse_sketch
from studio.masks.strokes import parse
from tests.ui.mask_kit import bind, brush, gradient, paint_graph, stroke, write_picture
from ui.paint.bindings import KEPT, Bindings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor
    from ui.paint.binding import Binding


@pytest.fixture
def parent() -> Iterator[QObject]:
    made = QObject()
    yield made
    for bindings in made.findChildren(Bindings):
        bindings.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "picture.png")


@pytest.fixture
def made(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject
) -> Binding:
    return bind(qtbot, make_editor(paint_graph(str(picture))), parent)


def agree(binding: Binding) -> None:
    """Canvas and document say the same: items, mask and sketch."""
    params = binding.editor.document.nodes[binding.node].params
    painting = binding.painting
    strokes = parse(params.get("strokes", {}))
    sketch = parse_sketch(params.get("sketch", {}))
    assert strokes == painting.strokes
    size = painting.width, painting.height
    mask = rasterise(strokes, *size, painting.picture, painting.rasters)
    assert (mask == painting.mask.mask).all()
    if painting.sketch.layer is not None:
        assert (draw(sketch, *size, painting.picture) == painting.sketch.layer).all()


def test_the_picture_is_what_a_run_reads(made: Binding) -> None:
    assert made.painting.picture is not None
    assert (made.painting.picture == gradient(128, 96)).all()
    assert made.source.loader == "load"
    assert made.title == "Inpaint Mask"


def test_a_stroke_is_one_step_of_undo(made: Binding) -> None:
    stack = made.editor.stack
    stroke(made.painting, [(20, 20), (60, 40)])
    assert stack.count() == 1
    assert stack.undoText() == "Brush"
    agree(made)
    assert made.painting.mask.mask.any()
    stack.undo()
    agree(made)
    assert not made.painting.mask.mask.any()
    stack.redo()
    agree(made)
    assert made.painting.mask.mask.any()
    assert loads(dumps(made.editor.document.graph())) == made.editor.document.graph()


def test_items_are_shared_between_states_and_read_once(
    made: Binding, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[object] = []
    monkeypatch.setattr(made._mask, "_read", parsed.append)
    for number in range(20):
        stroke(made.painting, [(5 * number, 20)])
    document = made.editor.document
    now = document.nodes["mask"].params["strokes"]["items"]
    made.editor.stack.undo()
    before = document.nodes["mask"].params["strokes"]["items"]
    assert all(one is other for one, other in zip(now, before, strict=False))
    made.editor.stack.redo()
    for _ in range(20):
        made.editor.stack.undo()
    for _ in range(20):
        made.editor.stack.redo()
    assert not parsed
    agree(made)


def test_a_thousand_random_deeds_can_all_be_undone(made: Binding) -> None:
    dice = random.Random(5)
    painting, stack = made.painting, made.editor.stack
    # The text of a whole graph takes a while, so it is compared at every seventh step.
    states = {0: made.editor.document.dumps()}
    masks = [painting.mask.mask.tobytes()]
    for number in range(1, 1001):
        x, y = dice.randrange(-20, 150), dice.randrange(-20, 120)
        match dice.randrange(6):
            case 0:
                painting.add("mask", Invert())
            case 1:
                painting.add("mask", Fill(erase=True))
            case 2:
                painting.begin("sketch", brush(painting, (x, y)), (x % 256, 9, 200))
                painting.end()
            case _:
                stroke(painting, [(x, y), (y, x)], dice.uniform(1, 20))
        if number % 7 == 0:
            states[number] = made.editor.document.dumps()
        masks.append(painting.mask.mask.tobytes())
    agree(made)
    for turn, way in ((range(999, -1, -1), stack.undo), (range(1, 1001), stack.redo)):
        for number in turn:
            way()
            assert painting.mask.mask.tobytes() == masks[number]
            if number in states:
                assert made.editor.document.dumps() == states[number]
    agree(made)


def test_edits_elsewhere_are_painted(made: Binding, qtbot: QtBot) -> None:
    document = made.editor.document
    half = {"version": 1, "items": [{"t": "fill", "o": 50}]}
    made.push(set_param(document, "mask", "strokes", half))
    assert (made.painting.mask.mask == 128).all()
    items = [{"t": "rect", "o": 100, "b": [n, n, n + 900, n + 900]} for n in range(0, 9000, 90)]
    made.push(set_param(document, "mask", "strokes", {"version": 1, "items": items}))
    qtbot.waitUntil(lambda: made.painting.ready)
    agree(made)
    made.push(set_param(document, "mask", "grow", 5.0))
    made.push(set_param(document, "mask", "invert", True))
    assert (made.painting.grow, made.painting.invert) == (5.0, True)
    made.editor.stack.undo()
    assert not made.painting.invert


def test_undoing_far_back_is_drawn_in_a_thread(made: Binding, qtbot: QtBot) -> None:
    items = [{"t": "rect", "o": 100, "b": [n, n, n + 900, n + 900]} for n in range(0, 9000, 90)]
    document = made.editor.document
    for _ in range(3):
        stroke(made.painting, [(20, 20)])
    made.push(set_items(document, "mask", {"strokes": items}, "Other"))
    qtbot.waitUntil(lambda: made.painting.ready)
    agree(made)
    made.editor.stack.undo()
    qtbot.waitUntil(lambda: made.painting.ready)
    agree(made)
    stroke(made.painting, [(50, 20)])
    agree(made)


def test_strokes_that_make_no_sense_are_told(made: Binding, qtbot: QtBot) -> None:
    document = made.editor.document
    made.push(set_items(document, "mask", {"strokes": [{"t": "brush", "o": 0}]}, "Broken"))
    assert not made.painting.ready
    assert "item 1" in made.painting.words
    made.painting.begin("mask", brush(made.painting, (1, 1)))
    assert not made.painting.painting
    made.editor.stack.undo()
    qtbot.waitUntil(lambda: made.painting.ready)
    agree(made)


def test_another_id_is_followed_and_a_removed_node_comes_back(made: Binding, qtbot: QtBot) -> None:
    document, stack = made.editor.document, made.editor.stack
    stroke(made.painting, [(20, 20)])
    made.push(rename_id(document, "mask", "painted"))
    assert made.node == "painted"
    stroke(made.painting, [(40, 20)])
    agree(made)
    stack.undo()
    stack.undo()
    assert made.node == "mask"
    agree(made)
    made.push(remove(document, ["mask"]))
    assert not made.alive
    assert not made.painting.ready
    stack.undo()
    assert made.alive
    qtbot.waitUntil(lambda: made.painting.ready)
    agree(made)


def test_another_picture_and_another_wire_are_followed(
    made: Binding, qtbot: QtBot, tmp_path: Path
) -> None:
    document = made.editor.document
    stroke(made.painting, [(20, 20), (60, 40)])
    other = write_picture(tmp_path / "other.png", 64, 200)
    made.push(set_param(document, "load", "path", str(other)))
    qtbot.waitUntil(lambda: made.painting.ready and made.painting.height == 200)
    agree(made)
    made.push(set_param(document, "load", "path", str(tmp_path / "none.png")))
    qtbot.waitUntil(lambda: "none.png" in made.painting.words)
    assert not made.painting.ready
    made.editor.stack.undo()
    qtbot.waitUntil(lambda: made.painting.ready)
    made.push(edits.remove(document, ["load"]))
    assert "Wire a picture" in made.painting.words


def test_a_file_that_is_written_anew_is_read_again(
    made: Binding, qtbot: QtBot, picture: Path
) -> None:
    write_picture(picture, 30, 20)
    made.look_again()
    qtbot.waitUntil(lambda: made.painting.ready and made.painting.width == 30)
    agree(made)


def test_reroutes_are_looked_through(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject
) -> None:
    graph = paint_graph(str(picture))
    graph.nodes["bend"] = Node(type="Reroute", inputs={"value": "load.image"})
    graph.nodes["mask"] = graph.nodes["mask"].model_copy(update={"inputs": {"image": "bend"}})
    made = bind(qtbot, make_editor(graph), parent)
    assert made.source.loader == "load"


def test_bypassed_nodes_are_looked_through_and_count_again(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject
) -> None:
    graph = paint_graph(str(picture))
    graph.nodes["turned"] = Node(
        type="InvertImage", mode="bypass", inputs={"image": "load.image"}
    )
    graph.nodes["mask"] = graph.nodes["mask"].model_copy(update={"inputs": {"image": "turned"}})
    editor = make_editor(graph)
    made = bind(qtbot, editor, parent)
    assert made.source.loader == "load"
    assert made.painting.width == 128
    editor.push(edits.set_mode(editor.document, ["turned"], "normal"))
    assert made.source.loader == ""


def test_a_picture_that_was_never_made_says_what_to_do(
    make_editor: Callable[[Graph], GraphEditor], parent: QObject
) -> None:
    graph = Graph(
        nodes={
            "solid": Node(type="SolidImage"),
            "mask": Node(type="InpaintMask", inputs={"image": "solid"}),
        }
    )
    made = Bindings(parent).get(make_editor(graph), "mask")
    assert not made.painting.ready
    assert "engine" in made.painting.words


def test_three_paintings_are_kept(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, parent: QObject, qtbot: QtBot
) -> None:
    graph = paint_graph(str(picture))
    for number in range(4):
        graph.nodes[f"mask_{number}"] = graph.nodes["mask"].model_copy()
    editor = make_editor(graph)
    bindings = Bindings(parent)
    first = bindings.get(editor, "mask_0")
    assert bindings.get(editor, "mask_0") is first
    for number in (1, 2, 0, 3):
        bindings.get(editor, f"mask_{number}")
    assert bindings.get(editor, "mask_0") is first
    assert not first.closed
    bindings.get(editor, "mask_1")
    bindings.get(editor, "mask_2")
    bindings.get(editor, "mask_3")
    assert first.closed


def test_a_tab_that_closes_is_let_go(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    registry: Any,
) -> None:  # fmt: skip
    from ui.editor.editor import GraphEditor

    editor = GraphEditor(paint_graph(str(picture)), registry)
    made = bind(qtbot, editor, parent)
    lost: list[bool] = []
    made.lost.connect(lambda: lost.append(True))
    editor.deleteLater()
    qtbot.waitUntil(lambda: lost == [True])
    assert not made.alive


def test_large_pictures_never_wait_for_the_hand(
    made: Binding, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a thread draws, strokes are refused; what was drawn then fits the document."""
    document = made.editor.document
    items = [{"t": "rect", "o": 100, "b": [n, n, n + 900, n + 900]} for n in range(0, 9000, 90)]
    made.push(set_items(document, "mask", {"strokes": items}, "Other"))
    assert not made.painting.ready
    stroke(made.painting, [(20, 20)])
    made.push(set_items(document, "mask", {"strokes": items[:50]}, "Fewer"))
    qtbot.waitUntil(lambda: made.painting.ready)
    assert len(made.painting.strokes) == 50
    agree(made)
    assert KEPT == 3
    assert np.count_nonzero(made.painting.mask.mask)
