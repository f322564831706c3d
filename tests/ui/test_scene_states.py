"""What the engine says of nodes is painted: progress, footers, pictures, times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from studio.editing import edits
from ui.editor.node_live import progress_words
from ui.editor.node_paint import header_words
from ui.engine.states import NodeState
from ui.theme.theme import theme

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor

RED = QColor(220, 30, 40)


def picture(path: Path) -> str:
    image = QImage(64, 32, QImage.Format.Format_RGB32)
    image.fill(RED)
    assert image.save(str(path))
    return str(path)


def pixel(editor: GraphEditor, node: str, pos: QPointF) -> QColor:
    image = editor.view.viewport().grab().toImage()
    place = editor.view.viewportTransform().map(editor.scene.nodes[node].pos() + pos)
    return image.pixelColor(int(place.x()), int(place.y()))


def run_events(editor: GraphEditor, *events: dict[str, object]) -> None:
    for event in events:
        editor.states.apply_event(event)


def test_a_step_of_a_run_keeps_the_nodes_picture(editor: GraphEditor, qtbot: QtBot) -> None:
    item = editor.scene.nodes["sampler"]
    run_events(
        editor,
        {"event": "run_started", "nodes": ["sampler"]},
        {"event": "node_started", "node": "sampler"},
        {"event": "node_progress", "node": "sampler", "step": 5, "of": 20},
    )
    qtbot.waitUntil(lambda: editor.states.get("sampler").step == 5)
    editor.grab()
    face = item.face
    filled = pixel(editor, "sampler", QPointF(40, 3))
    empty = pixel(editor, "sampler", QPointF(100, 3))
    assert filled != empty
    run_events(editor, {"event": "node_progress", "node": "sampler", "step": 15, "of": 20})
    qtbot.wait(120)
    assert item.face is face, "progress is painted over it"
    assert pixel(editor, "sampler", QPointF(100, 3)) == filled


def test_a_bar_comes_and_goes_where_there_are_no_steps(editor: GraphEditor, qtbot: QtBot) -> None:
    from ui.theme import instance

    instance().reduced_motion = False
    run_events(
        editor,
        {"event": "run_started", "nodes": ["decode"]},
        {"event": "node_started", "node": "decode"},
    )
    assert editor.scene._spin.isActive()
    before = editor.scene.phase
    qtbot.waitUntil(lambda: editor.scene.phase != before)
    run_events(editor, {"event": "run_finished", "status": "cancelled"})
    assert not editor.scene._spin.isActive()
    instance().reduced_motion = True
    run_events(
        editor,
        {"event": "run_started", "nodes": ["decode"]},
        {"event": "node_started", "node": "decode"},
    )
    assert not editor.scene._spin.isActive(), "no motion where none is wanted"


def test_a_result_gets_its_place_and_wires_follow(
    editor: GraphEditor, tmp_path: Path, qtbot: QtBot
) -> None:
    path = picture(tmp_path / "out.png")
    item = editor.scene.nodes["save"]
    before = item.geometry.preview
    run_events(editor, {"event": "output_written", "node": "save", "path": path})
    qtbot.waitUntil(lambda: editor.scene.picture_of("save") is not None)
    after = item.geometry.preview
    assert before is not None
    assert after is not None
    assert after.height() == before.width() / 2
    colour = pixel(editor, "save", after.center())
    assert abs(colour.red() - RED.red()) < 4


def test_a_node_that_reads_a_picture_shows_it(
    editor: GraphEditor, tmp_path: Path, qtbot: QtBot
) -> None:
    picture(tmp_path / "in.png")
    editor.path = tmp_path / "graph.json"
    editor.attempt(
        lambda: edits.add_node(editor.document, "LoadImage", (0, 400), {"path": "in.png"})
    )
    qtbot.waitUntil(lambda: editor.scene.picture_of("load_image") is not None)
    assert editor.scene.nodes["load_image"].geometry.preview.height() == 100
    editor.attempt(lambda: edits.set_param(editor.document, "load_image", "path", "no.png"))
    QApplication.processEvents()
    assert editor.scene.picture_of("load_image") is None


def test_a_node_of_one_edge_has_words_for_each_state(editor: GraphEditor) -> None:
    dark = theme("dark")
    for status in ("cached", "will_run", "never", "failed", "unused", "light"):
        editor.states._states["decode"] = NodeState(status, f"is {status}")  # type: ignore[arg-type]
        editor.states.changed.emit({"decode"})
        face = editor.scene.nodes["decode"].face
        assert face.state.words == f"is {status}"
        assert (face.opacity < 1) == (status == "unused")
        assert bool(face.trouble) == (status == "failed")
        footer = face.geometry.footer
        assert footer is not None
        colour = pixel(editor, "decode", QPointF(14, footer.center().y() + 0.5))
        if status in ("cached", "will_run"):
            assert colour == dark.status(status)


def test_modes_are_seen_before_the_next_plan(editor: GraphEditor) -> None:
    item = editor.scene.nodes["decode"]
    before = pixel(editor, "decode", QPointF(60, 95))
    editor.attempt(lambda: edits.set_mode(editor.document, ["decode"], "mute"))
    assert item.face.opacity == pytest.approx(0.4)
    assert pixel(editor, "decode", QPointF(60, 95)) != before
    editor.stack.undo()
    assert item.face.opacity == 1.0


def test_times_leave_out_what_was_loaded_once() -> None:
    assert header_words(NodeState("done", seconds=11.3, loading=11.1)) == "0.20 s"
    assert header_words(NodeState("running", seconds=3.0)) == ""
    assert header_words(NodeState("done")) == ""


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (NodeState("running"), "running"),
        (NodeState("running", step=3, of=20), "3 / 20"),
        (NodeState("running", step=3, of=20, rate=41.2), "3 / 20 · 41 it/s"),
        (NodeState("running", step=3, of=20, rate=2.25), "3 / 20 · 2.2 it/s"),
        (NodeState("running", step=3, of=20, rate=0.25), "3 / 20 · 4.0 s/it"),
    ],
)
def test_progress_in_words(state: NodeState, words: str) -> None:
    assert progress_words(state) == words


def test_pixels_of_a_preview_survive_a_zoom(
    editor: GraphEditor, tmp_path: Path, qtbot: QtBot
) -> None:
    run_events(
        editor, {"event": "output_written", "node": "save", "path": picture(tmp_path / "a.png")}
    )
    qtbot.waitUntil(lambda: editor.scene.picture_of("save") is not None)
    for zoom in (0.8, 0.5, 0.3, 1.0):
        editor.view.zoom_to(zoom)
        rect = editor.scene.nodes["save"].geometry.preview
        assert rect is not None
        editor.view.centre_at(editor.scene.nodes["save"].pos() + rect.center())
        assert abs(pixel(editor, "save", rect.center()).red() - RED.red()) < 6
