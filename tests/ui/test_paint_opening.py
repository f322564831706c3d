"""The ways to the canvas: keys, menus, fields, previews, panels; and what it costs before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from studio.editing.edits import set_param
from studio.graph.document import Graph, Node
from studio.params import Marker
from tests.ui.mask_kit import paint_graph, write_picture
from ui.editor import inline
from ui.editor.inline.kinds import kind_of, painted_words, shown
from ui.paint.opening import at_hand, mask_nodes, new_mask, set_picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def made(make_editor: Callable[[Graph], GraphEditor], tmp_path: Path) -> GraphEditor:
    graph = paint_graph(str(write_picture(tmp_path / "picture.png")))
    graph.nodes["other"] = graph.nodes["mask"].model_copy()
    graph.nodes["grown"] = Node(type="GrowMask", inputs={"mask": "other.mask"})
    editor = make_editor(graph)
    editor.view.zoom_to(1.0)
    editor.view.frame()
    editor.view.settle()
    return editor


def test_fields_say_how_much_is_painted(registry: Registry) -> None:
    spec = registry["InpaintMask"]
    strokes, sketch = spec.param_by_name["strokes"], spec.param_by_name["sketch"]
    assert (kind_of(strokes), kind_of(sketch)) == ("strokes", "sketch")
    assert shown(strokes, {"version": 1, "items": []}) == "empty"
    assert shown(strokes, {"items": [{}]}) == "1 stroke"
    assert shown(sketch, {"items": [{}] * 1200}) == "1,200 strokes"
    assert painted_words("words") == "can't be read"
    assert painted_words({"items": 3}) == "can't be read"
    assert isinstance(strokes.marker, Marker)


def test_the_inspectors_field_opens_the_canvas_and_counts(made: GraphEditor) -> None:
    wanted: list[tuple[str, str]] = []
    made.paint_wanted.connect(lambda *asked: wanted.append(asked))
    field = inline.make_field(made, "mask", "sketch")
    field.show()
    button = field.findChild(QPushButton)
    assert button is not None
    assert "empty" in button.text()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert wanted == [("mask", "sketch")]
    items = [{"t": "fill", "o": 100, "c": "#ff0000"}]
    value = {"version": 1, "items": items}
    made.push(set_param(made.document, "mask", "sketch", value))
    assert "1 stroke" in button.text()
    field.close()
    field.deleteLater()


def test_enter_on_the_node_opens_the_canvas(made: GraphEditor) -> None:
    wanted: list[tuple[str, str]] = []
    made.paint_wanted.connect(lambda *asked: wanted.append(asked))
    made.select(["mask"])
    made.view.setFocus()
    QTest.keyClick(made.view, Qt.Key.Key_Return)
    assert wanted == [("mask", "mask")]
    assert inline.current_editor(made) is None


def test_tab_goes_past_what_opens_a_canvas(made: GraphEditor) -> None:
    wanted: list[object] = []
    made.paint_wanted.connect(lambda *asked: wanted.append(asked))
    field = inline.open_editor(made, "mask", "feather")
    assert field is not None
    for _ in range(6):
        shown_now = inline.current_editor(made)
        assert shown_now is not None
        shown_now._tab(1)
    assert not wanted
    inline.close_editor(made)


def test_the_node_at_hand(made: GraphEditor) -> None:
    assert mask_nodes(made) == ["mask", "other"]
    assert at_hand(made) == ""
    assert at_hand(made, "other") == "other"
    assert at_hand(made, "gone") == ""
    made.select(["grown"])
    assert at_hand(made) == "other"
    made.select(["mask"])
    assert at_hand(made, "other") == "mask"


def test_a_new_mask_is_fed_by_the_selected_picture(made: GraphEditor) -> None:
    made.select(["load"])
    made.push(new_mask(made, (10, 10)))
    (new,) = made.selected()
    assert made.document.nodes[new].inputs == {"image": "load.image"}
    made.stack.undo()
    assert new not in made.document.nodes


def test_another_picture_takes_one_step_with_a_loader_or_without(
    made: GraphEditor, tmp_path: Path
) -> None:
    before = made.document.dumps()
    made.push(set_picture(made, "mask", "load", tmp_path / "a.png"))
    assert made.document.nodes["load"].params["path"] == str(tmp_path / "a.png")
    made.stack.undo()
    assert made.document.dumps() == before
    made.push(set_picture(made, "mask", "", tmp_path / "a.png"))
    wire = made.document.wires_into("mask")["image"]
    assert made.document.nodes[wire.source.node].type == "LoadImage"
    assert wire.source.node != "load"
    made.stack.undo()
    assert made.document.dumps() == before


def test_the_windows_start_imports_nothing_of_the_canvas() -> None:
    code = (
        "import sys\n"
        "import ui.window, ui.workshop, ui.commands, ui.editor.inline.bind, ui.files.saving\n"
        "import studio.editing.strokes\n"
        "print([n for n in sys.modules if n in ('numpy', 'PIL', 'torch') or "
        "n.startswith('ui.paint')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
