"""Moving nodes: grid, guides, copies, frames, wires that take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import ALT, CTRL
from PySide6.QtCore import QPoint, QPointF, Qt

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from ui.editor.editor import GraphEditor

LOOSE = {"spare": ({"type": "ScaleLatent"}, (40.0, 300.0))}
FRAMES = {
    "prompts": {
        "title": "Prompts",
        "rect": [268, -60, 292, 480],
        "nodes": ["positive", "negative"],
    },
    "bin": {"title": "Bin", "rect": [-40, 620, 300, 200], "nodes": []},
}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph(frames=FRAMES)))


@pytest.fixture
def port(canvas: GraphEditor) -> QWidget:
    return canvas.view.viewport()


def test_a_drag_moves_one_node_in_one_step(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "sampler")
    before = canvas.document.dumps()
    events.drag(port, start, start + QPoint(37, 211))
    assert canvas.document.position("sampler") == (656, 212)
    assert canvas.stack.count() == 1
    assert canvas.selected() == ["sampler"]
    canvas.stack.undo()
    assert canvas.document.dumps() == before


def test_the_document_stays_until_the_release(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "sampler")
    revision = canvas.document.revision
    events.drag_to(port, start, start + QPoint(0, 200))
    assert canvas.document.revision == revision
    assert canvas.scene.nodes["sampler"].pos() == QPointF(620, 200)
    wire = canvas.scene.wires["sampler", "model"]
    assert wire.path().pointAtPercent(1).y() > 200
    events.release(port, start + QPoint(0, 200))
    assert canvas.document.position("sampler") == (620, 200)


def test_a_small_tremble_is_a_click(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "sampler")
    events.drag(port, start, start + QPoint(2, 1))
    assert canvas.stack.count() == 0


def test_all_that_is_selected_moves(canvas: GraphEditor, port: QWidget) -> None:
    canvas.select(["decode", "save"])
    start = kit.body(canvas, "save")
    events.drag(port, start, start + QPoint(40, 204))
    assert canvas.document.position("decode") == (940, 204)
    assert canvas.document.position("save") == (1200, 204)
    assert canvas.stack.count() == 1
    assert canvas.stack.undoText() == "Move 2 nodes"


def test_it_falls_in_line_with_others(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "latent")
    events.drag_to(port, start, start + QPoint(3, 30))
    assert canvas.scene.nodes["latent"].pos().x() == 300
    assert any(guide.x1() == 300 for guide in canvas.scene.marks.guides)
    events.release(port, start + QPoint(3, 30))
    assert canvas.document.position("latent")[0] == 300
    assert canvas.scene.marks.guides == ()


def test_ctrl_moves_freely(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "latent")
    events.drag(port, start, start + QPoint(3, 31), modifiers=CTRL)
    assert canvas.document.position("latent") == (303, 511)


def test_ctrl_takes_hold_of_an_unselected_node(canvas: GraphEditor, port: QWidget) -> None:
    canvas.select(["save"])
    start = kit.title(canvas, "decode")
    events.drag(port, start, start + QPoint(0, 101), modifiers=CTRL)
    assert canvas.document.position("save") == (1160, 101)
    assert canvas.document.position("decode") == (900, 101)


def test_escape_puts_it_back(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "sampler")
    events.drag_to(port, start, start + QPoint(60, 300))
    events.key(canvas.view, Qt.Key.Key_Escape)
    assert canvas.scene.nodes["sampler"].pos() == QPointF(620, 0)
    events.move(port, start + QPoint(90, 300), events.LEFT)
    events.release(port, start + QPoint(90, 300))
    assert canvas.stack.count() == 0
    assert canvas.document.position("sampler") == (620, 0)


def test_losing_the_focus_puts_it_back(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "sampler")
    events.drag_to(port, start, start + QPoint(60, 300))
    canvas.view.clearFocus()
    assert canvas.view.gestures.current is None
    assert canvas.scene.nodes["sampler"].pos() == QPointF(620, 0)
    events.release(port, start + QPoint(60, 300))
    assert canvas.stack.count() == 0


def test_redo_survives_a_drag_that_is_given_up(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "sampler")
    events.drag(port, start, start + QPoint(60, 300))
    canvas.stack.undo()
    events.drag_to(port, start, start + QPoint(60, 300))
    events.key(canvas.view, Qt.Key.Key_Escape)
    assert canvas.stack.canRedo()


def test_alt_drags_copies(canvas: GraphEditor, port: QWidget) -> None:
    canvas.select(["sampler", "latent"])
    before = canvas.document.dumps()
    start = kit.title(canvas, "latent")
    events.drag(port, start, start + QPoint(0, 120), modifiers=ALT)
    copies = set(canvas.document.nodes) - set(kit.NODES)
    assert len(copies) == 2
    assert set(canvas.selected()) == copies
    assert canvas.document.position("latent") == (300, 480)
    assert {canvas.document.position(name) for name in copies} == {(300, 600), (620, 120)}
    (sampler,) = (n for n in copies if canvas.document.nodes[n].type == "KSampler")
    (latent,) = copies - {sampler}
    assert canvas.document.nodes[sampler].inputs == {"latent": latent}
    assert canvas.stack.count() == 1
    assert canvas.stack.undoText() == "Duplicate 2 nodes"
    canvas.stack.undo()
    assert canvas.document.dumps() == before


def test_escape_takes_the_copies_away(canvas: GraphEditor, port: QWidget) -> None:
    before = canvas.document.dumps()
    start = kit.title(canvas, "latent")
    events.drag_to(port, start, start + QPoint(0, 120), modifiers=ALT)
    assert len(canvas.document.nodes) == 8
    events.key(canvas.view, Qt.Key.Key_Escape)
    assert canvas.document.dumps() == before
    assert canvas.stack.count() == 0
    assert canvas.selected() == ["latent"]


def test_copies_that_something_else_took_away_are_let_go(
    canvas: GraphEditor, port: QWidget
) -> None:
    before = canvas.document.dumps()
    start = kit.title(canvas, "latent")
    events.drag_to(port, start, start + QPoint(0, 120), modifiers=ALT)
    canvas.stack.undo()
    events.key(canvas.view, Qt.Key.Key_Escape)
    assert canvas.document.dumps() == before
    assert canvas.view.gestures.current is None


def test_a_frame_moves_with_what_is_inside(canvas: GraphEditor, port: QWidget) -> None:
    before = canvas.scene.frames["prompts"].scene_rect()
    start = kit.pixel(canvas, before.topLeft() + QPointF(100, 16))
    events.drag(port, start, start + QPoint(0, -40))
    assert canvas.document.position("positive") == (300, -40)
    assert canvas.document.position("negative") == (300, 200)
    assert canvas.scene.frames["prompts"].scene_rect() == before.translated(0, -40)
    assert canvas.scene.selected_frames() == ["prompts"]
    assert canvas.stack.count() == 1


def test_f_puts_what_is_dragged_into_a_frame(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "latent")
    inside = kit.pixel(canvas, QPointF(60, 700))
    events.drag_to(port, start, inside)
    events.key(canvas.view, Qt.Key.Key_F)
    assert canvas.scene.marks.join_frame == "bin"
    events.release(port, inside)
    assert canvas.document.frames["bin"].nodes == ("latent",)
    assert canvas.document.position("latent") != (300, 480)
    assert canvas.stack.count() == 1
    assert canvas.scene.marks.join_frame is None


def test_f_takes_it_out_again(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "negative")
    events.drag_to(port, start, start + QPoint(4, 0))
    events.key(canvas.view, Qt.Key.Key_F)
    events.release(port, start + QPoint(4, 0))
    assert canvas.document.frames["prompts"].nodes == ("positive",)


def test_f_twice_changes_its_mind(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "negative")
    events.drag_to(port, start, start + QPoint(4, 8))
    events.key(canvas.view, Qt.Key.Key_F)
    events.key(canvas.view, Qt.Key.Key_F)
    events.release(port, start + QPoint(4, 8))
    assert canvas.document.frames["prompts"].nodes == ("positive", "negative")


class TestOntoAWire:
    @pytest.fixture
    def canvas(self, make_editor: Callable[..., GraphEditor]) -> GraphEditor:
        return kit.settle(make_editor(kit.graph(LOOSE)))

    def _to_the_wire(self, canvas: GraphEditor) -> tuple[QPoint, QPoint]:
        start = kit.title(canvas, "spare")
        middle = kit.wire(canvas, "sampler", "latent", 0.5)
        centre = kit.pixel(canvas, kit.rect(canvas, "spare").center())
        return start, start + (middle - centre)

    def test_it_goes_into_the_wire(self, canvas: GraphEditor, port: QWidget) -> None:
        start, end = self._to_the_wire(canvas)
        events.drag_to(port, start, end)
        assert canvas.scene.marks.hot_wire == ("sampler", "latent")
        assert "between Empty Latent and KSampler" in canvas.view.gestures.hint.text()
        events.release(port, end)
        assert canvas.document.nodes["spare"].inputs["latent"] == "latent"
        assert canvas.document.nodes["sampler"].inputs["latent"] == "spare"
        assert canvas.stack.count() == 1
        assert canvas.scene.marks.hot_wire is None

    def test_the_neighbours_make_room(self, canvas: GraphEditor, port: QWidget) -> None:
        start, end = self._to_the_wire(canvas)
        events.drag(port, start, end)
        spare = kit.rect(canvas, "spare")
        assert not spare.intersects(kit.rect(canvas, "sampler"))
        assert not spare.intersects(kit.rect(canvas, "latent"))
        canvas.stack.undo()
        assert canvas.document.position("sampler") == (620, 0)

    def test_alt_leaves_it_loose(self, canvas: GraphEditor, port: QWidget) -> None:
        start, end = self._to_the_wire(canvas)
        events.drag_to(port, start, end)
        events.key_press(canvas.view, Qt.Key.Key_Alt, ALT)
        assert canvas.scene.marks.hot_wire is None
        events.release(port, end, modifiers=ALT)
        assert canvas.document.nodes["spare"].inputs == {}

    def test_one_that_does_not_fit_stays_loose(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.title(canvas, "spare")
        middle = kit.wire(canvas, "save", "image", 0.5)
        centre = kit.pixel(canvas, kit.rect(canvas, "spare").center())
        events.drag(port, start, start + (middle - centre))
        assert canvas.document.nodes["spare"].inputs == {}


def test_a_drag_to_the_rim_moves_the_view(
    canvas: GraphEditor, port: QWidget, qtbot: object
) -> None:
    start = kit.title(canvas, "save")
    rim = QPoint(port.width() - 3, start.y())
    left = canvas.view.mapToScene(0, 0).x()
    events.drag_to(port, start, rim)
    qtbot.waitUntil(lambda: canvas.view.mapToScene(0, 0).x() > left + 60, timeout=3000)
    events.release(port, rim)
    # It went as far as the mouse and the view together.
    assert canvas.document.position("save")[0] > 1160 + rim.x() - start.x() + 40


def test_a_zoom_in_the_middle_keeps_it_under_the_mouse(
    canvas: GraphEditor, port: QWidget
) -> None:
    start = kit.title(canvas, "sampler")
    here = start + QPoint(0, 200)
    grip = canvas.view.mapToScene(start) - canvas.scene.nodes["sampler"].pos()
    events.drag_to(port, start, here)
    events.wheel(port, QPoint(100, 100), -3)
    away = canvas.view.mapToScene(here) - grip - canvas.scene.nodes["sampler"].pos()
    assert abs(away.x()) <= 12
    assert abs(away.y()) <= 12
    events.release(port, here)
    assert canvas.stack.count() == 1


def test_a_release_that_nobody_told_of_gives_it_up(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.title(canvas, "sampler")
    events.drag_to(port, start, start + QPoint(0, 200))
    events.move(port, start + QPoint(0, 210))
    assert canvas.view.gestures.current is None
    assert canvas.document.position("sampler") == (620, 0)
    assert canvas.scene.nodes["sampler"].pos() == QPointF(620, 0)
