"""What the canvas's actions do, and that each is one step of undo."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QApplication, QLineEdit

from ui.action_specs import SPECS
from ui.editor.gestures.commands import canvas_actions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.editor.editor import GraphEditor

FRAMES = {"prompts": {"rect": [270, -60, 290, 480], "nodes": ["positive", "negative"]}}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph(frames=FRAMES)))


@pytest.fixture
def act(canvas: GraphEditor) -> Callable[[str], object]:
    acts = canvas_actions(canvas)
    return lambda name: acts[name]()


@pytest.fixture
def said(canvas: GraphEditor) -> list[str]:
    words: list[str] = []
    canvas.message.connect(words.append)
    return words


def point_at(editor: GraphEditor, at: QPointF) -> None:
    events.move(editor.view.viewport(), kit.pixel(editor, at))


def test_every_id_is_an_action_of_the_registry(canvas: GraphEditor) -> None:
    known = {spec.id for spec in SPECS}
    assert set(canvas_actions(canvas)) <= known
    graph = {name for name in known if name.startswith("graph.")}
    assert graph <= set(canvas_actions(canvas))


def test_copy_is_text_and_paste_brings_it_back(
    canvas: GraphEditor, act: Callable[[str], object]
) -> None:
    canvas.select(["positive", "sampler"])
    act("edit.copy")
    text = QApplication.clipboard().text()
    assert set(json.loads(text)["nodes"]) == {"positive", "sampler"}
    point_at(canvas, kit.EMPTY)
    act("edit.paste")
    new = [name for name in canvas.document.nodes if name not in kit.NODES]
    assert len(new) == 2
    assert set(canvas.selected()) == set(new)
    corner = min(canvas.document.position(name) for name in new)
    assert (QPointF(*corner) - kit.EMPTY).manhattanLength() <= 2
    (sampler,) = (n for n in new if canvas.document.nodes[n].type == "KSampler")
    assert set(canvas.document.nodes[sampler].inputs) == {"positive"}
    assert canvas.stack.count() == 1


def test_paste_with_inputs_keeps_the_wires_from_outside(
    canvas: GraphEditor, act: Callable[[str], object]
) -> None:
    canvas.select(["sampler"])
    act("edit.copy")
    point_at(canvas, kit.EMPTY)
    act("edit.paste_with_inputs")
    (new,) = (name for name in canvas.document.nodes if name not in kit.NODES)
    assert canvas.document.nodes[new].inputs == kit.NODES["sampler"]["inputs"]


def test_pasted_twice_they_do_not_lie_on_one_another(
    canvas: GraphEditor, act: Callable[[str], object]
) -> None:
    canvas.select(["save"])
    act("edit.copy")
    point_at(canvas, kit.EMPTY)
    act("edit.paste")
    act("edit.paste")
    places = {canvas.document.position(n) for n in canvas.document.nodes if n not in kit.NODES}
    assert len(places) == 2


def test_what_is_no_graph_is_refused_in_words(
    canvas: GraphEditor, act: Callable[[str], object], said: list[str]
) -> None:
    QApplication.clipboard().setText("a shopping list")
    act("edit.paste")
    assert canvas.stack.count() == 0
    assert len(said) == 1
    assert "clipboard" in said[0]


def test_an_empty_clipboard(
    canvas: GraphEditor, act: Callable[[str], object], said: list[str]
) -> None:
    QApplication.clipboard().clear()
    act("edit.paste")
    assert said == ["The clipboard holds no text to paste."]


def test_cut(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    before = canvas.document.dumps()
    canvas.select(["save", "decode"])
    act("edit.cut")
    assert "save" not in canvas.document.nodes
    assert set(json.loads(QApplication.clipboard().text())["nodes"]) == {"save", "decode"}
    assert canvas.stack.undoText() == "Cut 2 nodes"
    act("edit.undo")
    assert canvas.document.dumps() == before
    act("edit.redo")
    assert "save" not in canvas.document.nodes


def test_nothing_selected_is_said(
    canvas: GraphEditor, act: Callable[[str], object], said: list[str]
) -> None:
    for name in ("edit.copy", "edit.cut", "edit.delete", "graph.mute", "graph.frame"):
        act(name)
    assert said == ["Nothing is selected."] * 5
    assert canvas.stack.count() == 0


def test_duplicate(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    canvas.select(["sampler"])
    act("edit.duplicate")
    (new,) = canvas.selected()
    assert canvas.document.nodes[new].inputs == {}
    assert canvas.document.position(new) == (652, 32)
    canvas.select(["sampler"])
    act("edit.duplicate_with_inputs")
    (new,) = canvas.selected()
    assert canvas.document.nodes[new].inputs == kit.NODES["sampler"]["inputs"]
    assert canvas.stack.count() == 2


def test_delete_takes_nodes_wires_and_frames(
    canvas: GraphEditor, act: Callable[[str], object]
) -> None:
    before = canvas.document.dumps()
    canvas.scene.set_selection(["sampler"], ["prompts"])
    act("edit.delete")
    assert "sampler" not in canvas.document.nodes
    assert canvas.document.frames == {}
    assert "positive" in canvas.document.nodes
    assert "latent" not in canvas.document.nodes["decode"].inputs
    assert canvas.stack.count() == 1
    canvas.stack.undo()
    assert canvas.document.dumps() == before


def test_extract_joins_what_it_joined(
    canvas: GraphEditor, act: Callable[[str], object]
) -> None:
    canvas.select(["sampler"])
    act("edit.extract")
    assert canvas.document.nodes["decode"].inputs["latent"] == "latent"
    assert "sampler" in canvas.document.nodes


def test_select_all(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    act("edit.select_all")
    assert set(canvas.selected()) == set(kit.NODES)
    assert canvas.scene.selected_frames() == ["prompts"]


@pytest.mark.parametrize(("action", "mode"), [("graph.mute", "mute"), ("graph.bypass", "bypass")])
def test_modes(
    canvas: GraphEditor, act: Callable[[str], object], action: str, mode: str
) -> None:
    canvas.select(["sampler", "decode"])
    act(action)
    assert canvas.document.nodes["sampler"].mode == canvas.document.nodes["decode"].mode == mode
    act(action)
    assert canvas.document.nodes["sampler"].mode == "normal"
    assert canvas.stack.count() == 2


def test_collapse(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    canvas.select(["sampler", "decode"])
    act("graph.collapse")
    assert canvas.document.view_of("sampler").collapsed
    act("graph.collapse")
    assert not canvas.document.view_of("decode").collapsed


def test_frame_asks_for_a_title(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    canvas.select(["decode", "save"])
    act("graph.frame")
    (name,) = set(canvas.document.frames) - {"prompts"}
    assert canvas.document.frames[name].nodes == ("decode", "save")
    assert canvas.scene.selected_frames() == [name]
    (line,) = (
        x for x in canvas.view.viewport().findChildren(QLineEdit) if x.accessibleName() == "Title"
    )
    events.type_text(line, "Out\n")
    assert canvas.document.frames[name].title == "Out"


def test_rename_by_key(
    canvas: GraphEditor, act: Callable[[str], object], said: list[str]
) -> None:
    canvas.select(["decode"])
    act("edit.rename")
    (line,) = (
        x for x in canvas.view.viewport().findChildren(QLineEdit) if x.accessibleName() == "Title"
    )
    events.type_text(line, "Last\n")
    assert canvas.document.nodes["decode"].title == "Last"
    canvas.select(["decode", "save"])
    act("edit.rename")
    assert said == ["Select one node or frame to rename it."]


def test_align_and_distribute(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    canvas.select(["positive", "negative", "latent"])
    canvas.document.apply([])
    act("graph.distribute_vertical")
    act("graph.align_right")
    rights = {kit.rect(canvas, name).right() for name in canvas.selected()}
    assert len(rights) == 1


def test_layout_of_all_leaves_no_overlap(
    canvas: GraphEditor, act: Callable[[str], object]
) -> None:
    act("graph.layout")
    rects = [kit.rect(canvas, name) for name in canvas.document.nodes]
    for i, one in enumerate(rects):
        assert not any(one.intersects(other) for other in rects[i + 1 :])
    assert canvas.stack.count() == 1


def test_reroute_goes_under_the_mouse(
    canvas: GraphEditor, act: Callable[[str], object], said: list[str]
) -> None:
    act("graph.add_reroute")
    assert said == ["Put the mouse over a wire first."]
    events.move(canvas.view.viewport(), kit.wire(canvas, "sampler", "latent"))
    act("graph.add_reroute")
    assert len(canvas.document.nodes) == 8


def test_add_asks_at_the_mouse(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    found: list[tuple[QPointF, object, object]] = []
    canvas.view.palette_wanted.connect(lambda *what: found.append(what))
    point_at(canvas, kit.EMPTY)
    act("graph.add")
    ((at, source, target),) = found
    assert (at - kit.EMPTY).manhattanLength() < 2
    assert source is None
    assert target is None


def test_zooms(canvas: GraphEditor, act: Callable[[str], object]) -> None:
    act("view.zoom_in")
    assert canvas.view.zoom == pytest.approx(1.25)
    act("view.zoom_out")
    act("view.zoom_out")
    assert canvas.view.zoom == pytest.approx(0.8)
    act("view.zoom_100")
    assert canvas.view.zoom == pytest.approx(1.0)
    canvas.select(["save"])
    act("view.frame_selected")
    sight = canvas.view.mapToScene(canvas.view.viewport().rect()).boundingRect()
    assert sight.contains(kit.rect(canvas, "save"))
    act("view.frame_all")
    sight = canvas.view.mapToScene(canvas.view.viewport().rect()).boundingRect()
    assert all(sight.contains(kit.rect(canvas, name)) for name in canvas.document.nodes)


def test_a_command_gives_a_drag_up_first(
    canvas: GraphEditor, act: Callable[[str], object]
) -> None:
    canvas.select(["sampler"])
    act("graph.mute")
    start = kit.title(canvas, "decode")
    events.drag_to(canvas.view.viewport(), start, start + QPoint(0, 200))
    act("edit.undo")
    assert canvas.view.gestures.current is None
    assert canvas.document.nodes["sampler"].mode == "normal"
    assert canvas.document.position("decode") == (900, 0)
    events.release(canvas.view.viewport(), start + QPoint(0, 200))
    assert canvas.stack.index() == 0
