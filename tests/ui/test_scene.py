"""The scene keeps its items in step with the document, whatever is done to it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPointF, QRectF

from studio.editing import edits, framing, wiring
from studio.editing.changes import Change
from studio.editing.document import Document
from studio.graph.checked import Source
from studio.graph.document import Graph
from studio.graph.files import from_json
from ui.editor import building
from ui.editor.editor import GraphEditor
from ui.editor.marks import CanvasMarks, GhostWire
from ui.editor.scene import GraphScene
from ui.engine.states import NodeStates

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry


def assert_in_step(scene: GraphScene) -> None:
    """Every node, wire and frame of the document has its item, in its place, and none is over."""
    document = scene.document
    assert set(scene.nodes) == set(document.nodes)
    assert set(scene.frames) == set(document.frames)
    wanted = {(wire.target, wire.port): wire for wire in document.wires()}
    assert set(scene.wires) == set(wanted)
    for name, item in scene.nodes.items():
        assert (item.pos().x(), item.pos().y()) == document.position(name)
    for key, item in scene.wires.items():
        assert item.wire == wanted[key]
        assert item.end == scene.port_pos(item.wire.target, "in", item.wire.port)
        if item.wire.source.node in scene.nodes:
            start = scene.port_pos(item.wire.source.node, "out", item.wire.source.output)
            assert item.start == start
            assert not item.lost
        else:
            assert item.lost
    fresh = GraphScene(document, NodeStates())
    fresh.finish()
    for name, item in scene.nodes.items():
        assert item.geometry == fresh.nodes[name].geometry, name
    for name, frame in scene.frames.items():
        assert frame.scene_rect() == fresh.frames[name].scene_rect(), name
    shown = {id(item) for item in scene.items()}
    kept = [*scene.nodes.values(), *scene.wires.values(), *scene.frames.values()]
    assert shown == {id(item) for item in kept}


def test_opened_graph_has_an_item_for_everything(editor: GraphEditor) -> None:
    assert_in_step(editor.scene)
    assert len(editor.scene.nodes) == 7
    assert len(editor.scene.wires) == 9


def test_every_kind_of_edit_is_followed_both_ways(editor: GraphEditor) -> None:
    document, scene = editor.document, editor.scene
    wire = document.wires_into("decode")["latent"]
    makes: list[Callable[[], object]] = [
        lambda: edits.add_node(document, "PreviewImage", (900, 500)),
        lambda: wiring.connect(document, Source("decode", "image"), "preview_image", "image"),
        lambda: edits.move(document, {"sampler": (600, 40), "save": (1200, 8)}),
        lambda: framing.add_frame(document, ["positive", "negative"], "Prompt"),
        lambda: edits.set_param(document, "positive", "text", "word " * 60),
        lambda: edits.set_view(document, ["sampler"], collapsed=True),
        lambda: edits.set_view(document, ["sampler"], collapsed=False, width=300.0),
        lambda: edits.show_socket(document, "sampler", "steps", True),
        lambda: wiring.add_reroute(document, wire, (800, 200)),
        lambda: edits.rename(document, "sampler", "Paint"),
        lambda: edits.rename_id(document, "sampler", "painter"),
        lambda: edits.set_mode(document, ["decode"], "bypass"),
        lambda: edits.set_mode(document, ["decode"], "normal"),
        lambda: edits.remove(document, ["checkpoint", "negative"]),
        lambda: wiring.disconnect(document, list(document.wires_into("save").values())),
    ]
    for make in makes:
        assert editor.attempt(make), "the edit changes something"
        assert_in_step(scene)
    while editor.stack.canUndo():
        editor.stack.undo()
        assert_in_step(scene)
    while editor.stack.canRedo():
        editor.stack.redo()
        assert_in_step(scene)


def test_wires_take_their_colour_through_reroutes(
    make_editor: Callable[[Graph | None], GraphEditor],
) -> None:
    editor = make_editor(
        from_json(
            {
                "format": "latent-studio",
                "version": 1,
                "nodes": {
                    "load": {"type": "LoadCheckpoint"},
                    "one": {"type": "Reroute"},
                    "two": {"type": "Reroute", "inputs": {"value": "one"}},
                    "decode": {"type": "VAEDecode", "inputs": {"vae": "two"}},
                },
            }
        )
    )
    wires = editor.scene.wires
    assert wires["decode", "vae"].carries == "Vae", "what it feeds says what it would carry"
    editor.attempt(lambda: wiring.disconnect(editor.document, [wires["decode", "vae"].wire]))
    assert wires["two", "value"].carries is None
    editor.attempt(
        lambda: wiring.connect(editor.document, Source("load", "clip"), "one", "value")
    )
    assert wires["two", "value"].carries == "Clip"
    assert editor.scene.nodes["two"].geometry.ports[1].type == "Clip"
    assert_in_step(editor.scene)


def test_a_wire_from_nowhere_is_a_stub(
    make_editor: Callable[[Graph | None], GraphEditor],
) -> None:
    editor = make_editor(
        from_json(
            {
                "format": "latent-studio",
                "version": 1,
                "nodes": {"save": {"type": "SaveImage", "inputs": {"image": "gone.image"}}},
            }
        )
    )
    assert editor.scene.wires["save", "image"].lost
    assert editor.scene.nodes["save"].geometry.port("in", "image").wired


def test_an_unknown_type_is_shown_with_its_wires(
    make_editor: Callable[[Graph | None], GraphEditor],
) -> None:
    editor = make_editor(
        from_json(
            {
                "format": "latent-studio",
                "version": 1,
                "nodes": {
                    "load": {"type": "LoadCheckpoint"},
                    "odd": {
                        "type": "FromAPlugin",
                        "params": {"power": 3, "how": {"a": [1]}},
                        "inputs": {"thing": "load.vae"},
                    },
                    "save": {"type": "SaveImage", "inputs": {"image": "odd.result"}},
                },
            }
        )
    )
    geometry = editor.scene.nodes["odd"].geometry
    assert [(p.side, p.name) for p in geometry.ports] == [("in", "thing"), ("out", "result")]
    assert [w.name for w in geometry.widgets] == ["power", "how"]
    assert editor.scene.nodes["odd"].face.trouble == "there is no node type FromAPlugin"
    assert not editor.grab().isNull()


def test_places_from_a_hostile_file_are_kept_in_reach(
    make_editor: Callable[[Graph | None], GraphEditor],
) -> None:
    graph = from_json(
        {
            "format": "latent-studio",
            "version": 1,
            "nodes": {"a": {"type": "LoadCheckpoint"}, "b": {"type": "PreviewImage"}},
            "layout": {"a": [1e30, -1e300], "b": [0, 0]},
            "frames": {"f": {"title": "far", "rect": [-1e300, 1e30, -5, 1e300]}},
        }
    )
    editor = make_editor(graph)
    assert editor.scene.nodes["a"].pos() == QPointF(1e7, -1e7)
    editor.view.frame()
    assert not editor.grab().isNull()
    editor.view.centre_on("a")
    assert editor.view.area().contains(editor.scene.nodes["a"].node_rect().center())


def test_selection_tells_once_and_survives_edits(editor: GraphEditor) -> None:
    told: list[list[str]] = []
    editor.selection_changed.connect(lambda: told.append(editor.selected()))
    editor.scene.set_selection(["sampler", "decode", "nobody"], [])
    assert told == [["sampler", "decode"]]
    editor.select(["save"], add=True)
    assert told[1:] == [["sampler", "decode", "save"]]
    editor.select(["sampler", "decode", "save"])
    assert len(told) == 2, "nothing new"
    editor.attempt(lambda: edits.remove(editor.document, ["decode"]))
    assert editor.selected() == ["sampler", "save"]
    editor.scene.set_selection([], ["none"])
    assert editor.selected() == []


def test_wires_of_the_selected_node_are_lit(editor: GraphEditor) -> None:
    editor.select(["decode"])
    assert editor.scene.lit_wires == {("decode", "latent"), ("decode", "vae"), ("save", "image")}
    editor.select([])
    assert editor.scene.lit_wires == frozenset()


def test_preview_moves_what_is_drawn_and_not_the_document(editor: GraphEditor) -> None:
    scene, before = editor.scene, editor.document.dumps()
    scene.preview({"decode": (900, 700)})
    assert scene.nodes["decode"].pos() == QPointF(900, 700)
    wire = scene.wires["save", "image"]
    assert wire.start == scene.port_pos("decode", "out", "image")
    scene.preview({"save": (10, 10)})
    assert scene.nodes["decode"].pos() == QPointF(*editor.document.position("decode"))
    scene.end_preview()
    assert_in_step(scene)
    assert editor.document.dumps() == before


def test_frames_hold_their_nodes(editor: GraphEditor) -> None:
    editor.attempt(lambda: framing.add_frame(editor.document, ["positive", "negative"], "P"))
    (name,) = editor.scene.frames
    frame = editor.scene.frames[name]
    for node in ("positive", "negative"):
        assert frame.scene_rect().contains(editor.scene.nodes[node].node_rect())
    editor.scene.preview({"positive": (280, -600)})
    assert frame.scene_rect().contains(editor.scene.nodes["positive"].node_rect())
    editor.scene.end_preview()
    assert_in_step(editor.scene)
    box = frame.scene_rect()
    assert frame.hit(QPointF(40, 10)) == "title"
    assert frame.hit(QPointF(40, box.height() / 2)) == "body"
    assert frame.hit(QPointF(1, box.height() / 2)) == "left"
    assert frame.hit(QPointF(box.width() - 1, box.height() - 1)) == "bottom_right"
    assert frame.hit(QPointF(-30, 10)) is None
    assert editor.scene.frame_at(box.topLeft() + QPointF(40, 10)) == name


def test_what_lies_at_a_point(editor: GraphEditor) -> None:
    scene = editor.scene
    out = scene.port_pos("decode", "out", "image")
    assert scene.node_at(out + QPointF(9, 0)) == "decode", "a port sticks out of its node"
    assert scene.node_at(out + QPointF(14, 0)) is None
    end = scene.port_pos("save", "in", "image")
    middle = (out + end) / 2
    assert scene.wire_at(middle) == ("save", "image")
    assert scene.wire_at(middle + QPointF(0, 30), reach=8) is None
    assert scene.wire_at(middle + QPointF(0, 20), reach=24) == ("save", "image")
    everything = scene.bounds()
    assert set(scene.names_in(everything)) == set(scene.nodes)
    assert set(scene.wires_in(everything)) == set(scene.wires)
    corner = QRectF(everything.topLeft() - QPointF(300, 300), everything.topLeft() - QPointF(1, 1))
    assert scene.names_in(corner) == []


def test_the_overview_answers_like_the_items(editor: GraphEditor) -> None:
    editor.view.zoom_to(0.1)
    rect = editor.scene.nodes["sampler"].node_rect()
    assert editor.scene.node_at(rect.center()) == "sampler"


@pytest.mark.parametrize("at_once", [0, building.AT_ONCE])
def test_a_document_outlives_its_canvas(
    qtbot: QtBot, registry: Registry, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """A tab may be closed while its graph is still being shown, or changed."""
    monkeypatch.setattr(building, "AT_ONCE", at_once)
    nodes = {f"n{number}": {"type": "Integer"} for number in range(50)}
    graph = from_json({"format": "latent-studio", "version": 1, "nodes": nodes})
    editor = GraphEditor(graph, registry)
    assert editor.scene.building is not bool(at_once)
    document = editor.document
    assert len(document.changed) == 1
    with qtbot.waitSignal(editor.destroyed):
        editor.deleteLater()
    assert len(document.changed) == 0
    document.apply(edits.add_node(document, "Note", (0, 0)).changes)
    assert len(document.nodes) == 51


def test_a_canvas_that_nobody_owns_goes_with_its_last_reference(registry: Registry) -> None:
    document = Document(Graph(), registry)
    scene = GraphScene(document, NodeStates())
    gone: list[object] = []
    scene.destroyed.connect(lambda *_: gone.append(1))
    del scene
    gc.collect()
    assert gone
    document.apply(edits.add_node(document, "Note", (0, 0)).changes)


def test_faults_show_and_go(editor: GraphEditor) -> None:
    editor.scene.set_faults({"save": ["the name is empty", "and more"], "nobody": ["x"]})
    face = editor.scene.nodes["save"].face
    assert face.trouble == "the name is empty"
    assert set(editor.scene.faulty()) == {"save", "nobody"}
    editor.scene.set_faults({})
    assert editor.scene.nodes["save"].face.trouble == ""


def test_marks_repaint_and_judge_is_asked_once(editor: GraphEditor) -> None:
    asked: list[tuple[str, str, str]] = []

    def judge(node: str, side: str, port: str) -> str | None:
        asked.append((node, side, port))
        return None if port == "image" else "no"

    ghost = GhostWire(QPointF(0, 0), QPointF(100, 50), "Image", True)
    editor.scene.set_marks(CanvasMarks(ghosts=(ghost,), judge=judge))
    editor.grab()
    editor.grab()
    assert len(asked) == len(set(asked)) > 10
    editor.scene.set_marks(CanvasMarks())
    assert editor.scene.marks == CanvasMarks()


@pytest.mark.parametrize("count", [3])
def test_undo_of_many_nodes_leaves_no_item_behind(editor: GraphEditor, count: int) -> None:
    names = list(editor.document.nodes)
    for _ in range(count):
        editor.attempt(lambda: edits.remove(editor.document, names))
        assert editor.scene.nodes == {}
        assert editor.scene.wires == {}
        editor.stack.undo()
    assert_in_step(editor.scene)


def test_a_change_of_type_is_followed(editor: GraphEditor) -> None:
    document = editor.document
    before = document.nodes["save"]
    after = before.model_copy(update={"type": "PreviewImage", "params": {}})
    document.apply([Change("nodes", "save", before, after)])
    assert_in_step(editor.scene)


def test_a_very_large_graph_is_made_in_slices(
    make_editor: Callable[[Graph | None], GraphEditor],
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    monkeypatch.setattr(building, "AT_ONCE", 10)
    monkeypatch.setattr(building, "SLICE", 0.0)
    nodes = {"n0": {"type": "LoadImage"}}
    for number in range(1, 200):
        nodes[f"n{number}"] = {"type": "InvertImage", "inputs": {"image": f"n{number - 1}"}}
    frames = {"f": {"nodes": ["n3", "n4"]}}
    graph = from_json(
        {"format": "latent-studio", "version": 1, "nodes": nodes, "frames": frames}
    )
    editor = make_editor(graph)
    scene, document = editor.scene, editor.document
    assert scene.building
    assert len(scene.nodes) < 200
    # Edits in the meantime concern nodes that are there and nodes that aren't.
    editor.attempt(lambda: edits.remove(document, ["n1", "n150"]))
    editor.attempt(lambda: edits.move(document, {"n0": (5, 5), "n199": (500, 80)}))
    editor.attempt(lambda: wiring.connect(document, Source("n0", "image"), "n190", "image"))
    editor.attempt(lambda: edits.add_node(document, "PreviewImage", (0, 300)))
    editor.grab()
    qtbot.waitUntil(lambda: not scene.building, timeout=5000)
    assert_in_step(scene)
    assert editor.view.area().contains(scene.bounds())
