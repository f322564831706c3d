"""Drawing wires, taking them off, moving them; what is said while a wire is dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import ALT, CTRL, SHIFT
from PySide6.QtCore import QPoint, QPointF, Qt

from studio.graph.checked import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from ui.editor.editor import GraphEditor

EXTRA = {
    "second": ({"type": "KSampler", "params": {"seed": 2}}, (620.0, 470.0)),
    "number": ({"type": "Integer", "params": {"value": 7}}, (20.0, 300.0)),
}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph(EXTRA)))


@pytest.fixture
def port(canvas: GraphEditor) -> QWidget:
    return canvas.view.viewport()


def inputs(editor: GraphEditor, node: str) -> dict[str, str]:
    return editor.document.nodes[node].inputs


def asked(editor: GraphEditor) -> list[tuple[QPointF, Source | None, tuple[str, str] | None]]:
    """What the palette was asked for from now on."""
    found: list[tuple[QPointF, Source | None, tuple[str, str] | None]] = []
    editor.view.palette_wanted.connect(lambda *what: found.append(what))
    return found


class TestFromAnOutput:
    def test_to_an_input(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "checkpoint", "out", "model")
        events.drag(port, start, kit.port(canvas, "second", "in", "model"))
        assert inputs(canvas, "second") == {"model": "checkpoint.model"}
        assert canvas.stack.count() == 1

    def test_it_replaces_the_wire_that_was_there(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.port(canvas, "negative", "out", "conditioning")
        end = kit.port(canvas, "sampler", "in", "positive")
        events.drag_to(port, start, end)
        assert canvas.view.gestures.hint.text() == "KSampler · positive (replaces Text Encode)"
        events.release(port, end)
        assert inputs(canvas, "sampler")["positive"] == "negative"
        canvas.stack.undo()
        assert inputs(canvas, "sampler")["positive"] == "positive"

    def test_it_snaps_to_a_port_that_is_near(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "checkpoint", "out", "model")
        end = kit.port(canvas, "second", "in", "model") - QPoint(20, 8)
        events.drag_to(port, start, end)
        assert canvas.scene.marks.snap == ("second", "in", "model")
        (ghost,) = canvas.scene.marks.ghosts
        assert ghost.valid
        assert ghost.type == "Model"
        assert ghost.end == canvas.scene.port_pos("second", "in", "model")
        events.release(port, end)
        assert inputs(canvas, "second") == {"model": "checkpoint.model"}

    def test_ports_are_judged_while_it_goes(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "checkpoint", "out", "model")
        events.drag_to(port, start, kit.pixel(canvas, kit.EMPTY))
        judge = canvas.scene.marks.judge
        assert judge is not None
        assert judge("second", "in", "model") is None
        assert "Model" in (judge("second", "in", "latent") or "")
        assert judge("decode", "out", "image") is not None
        events.release(port, kit.pixel(canvas, kit.EMPTY))
        assert canvas.scene.marks.judge is None
        assert canvas.scene.marks.ghosts == ()

    def test_a_refusal_says_why(self, canvas: GraphEditor, port: QWidget) -> None:
        said: list[str] = []
        canvas.message.connect(said.append)
        start = kit.port(canvas, "checkpoint", "out", "model")
        end = kit.port(canvas, "decode", "in", "latent")
        events.drag_to(port, start, end)
        hint = canvas.view.gestures.hint
        assert hint.isVisible()
        assert hint.bad
        assert "Latent" in hint.text()
        assert "Model" in hint.text()
        assert canvas.scene.marks.ghosts[0].valid is False
        assert canvas.scene.marks.drop_bad
        events.release(port, end)
        assert not hint.isVisible()
        assert said == [hint.text()]
        assert canvas.stack.count() == 0

    def test_a_circle_is_refused_with_its_way(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "sampler", "out", "latent")
        end = kit.port(canvas, "sampler", "in", "latent")
        events.drag_to(port, start, end)
        assert "circle" in canvas.view.gestures.hint.text()
        events.release(port, end)
        assert inputs(canvas, "sampler")["latent"] == "latent"

    def test_onto_a_body_takes_the_first_fitting_port(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.port(canvas, "latent", "out", "latent")
        end = kit.body(canvas, "second")
        events.drag_to(port, start, end)
        assert canvas.scene.marks.drop_node == "second"
        events.release(port, end)
        assert inputs(canvas, "second") == {"latent": "latent"}

    def test_onto_a_body_with_no_such_port(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "checkpoint", "out", "model")
        end = kit.body(canvas, "save")
        events.drag_to(port, start, end)
        assert canvas.scene.marks.drop_bad
        assert canvas.view.gestures.hint.bad
        events.release(port, end)
        assert inputs(canvas, "save") == {"image": "decode"}

    def test_onto_a_field_makes_it_a_socket(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "number", "out", "int")
        events.drag(port, start, kit.field(canvas, "sampler", "steps"))
        assert inputs(canvas, "sampler")["steps"] == "number"
        assert canvas.scene.nodes["sampler"].geometry.port("in", "steps") is not None
        assert canvas.scene.nodes["sampler"].geometry.widget("steps") is None

    def test_onto_nothing_asks_for_a_node(self, canvas: GraphEditor, port: QWidget) -> None:
        found = asked(canvas)
        start = kit.port(canvas, "checkpoint", "out", "model")
        events.drag(port, start, kit.pixel(canvas, kit.EMPTY))
        (what,) = found
        assert what[1:] == (Source("checkpoint", "model"), None)
        assert (what[0] - kit.EMPTY).manhattanLength() < 2

    def test_back_onto_its_own_node_does_nothing(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        found = asked(canvas)
        start = kit.port(canvas, "checkpoint", "out", "model")
        events.drag(port, start, kit.title(canvas, "checkpoint"))
        assert found == []
        assert canvas.stack.count() == 0

    def test_escape_gives_it_up(self, canvas: GraphEditor, port: QWidget) -> None:
        found = asked(canvas)
        start = kit.port(canvas, "checkpoint", "out", "model")
        end = kit.port(canvas, "second", "in", "model")
        events.drag_to(port, start, end)
        events.key(canvas.view, Qt.Key.Key_Escape)
        assert canvas.scene.marks.ghosts == ()
        assert canvas.scene.marks.judge is None
        assert not canvas.view.gestures.hint.isVisible()
        events.release(port, end)
        assert canvas.stack.count() == 0
        assert found == []

    def test_a_click_does_nothing(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.port(canvas, "checkpoint", "out", "model"))
        assert canvas.stack.count() == 0

    def test_onto_a_folded_node(self, canvas: GraphEditor, port: QWidget) -> None:
        canvas.select(["second"])
        canvas.view.gestures.editor.attempt(_folding(canvas, "second"))
        start = kit.port(canvas, "positive", "out", "conditioning")
        events.drag(port, start, kit.port(canvas, "second", "in", "positive"))
        assert inputs(canvas, "second") == {"positive": "positive"}


class TestFromAnOpenInput:
    def test_to_an_output(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "second", "in", "positive")
        events.drag(port, start, kit.port(canvas, "negative", "out", "conditioning"))
        assert inputs(canvas, "second") == {"positive": "negative"}

    def test_to_a_body(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "second", "in", "latent")
        events.drag(port, start, kit.body(canvas, "latent"))
        assert inputs(canvas, "second") == {"latent": "latent"}

    def test_onto_nothing_asks_for_a_node(self, canvas: GraphEditor, port: QWidget) -> None:
        found = asked(canvas)
        start = kit.port(canvas, "second", "in", "latent")
        events.drag(port, start, kit.pixel(canvas, kit.EMPTY))
        (what,) = found
        assert what[1:] == (None, ("second", "latent"))

    def test_a_wrong_output_is_refused(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "second", "in", "latent")
        end = kit.port(canvas, "checkpoint", "out", "vae")
        events.drag_to(port, start, end)
        assert canvas.view.gestures.hint.bad
        events.release(port, end)
        assert inputs(canvas, "second") == {}


class TestFromAWiredInput:
    def test_onto_nothing_takes_it_off(self, canvas: GraphEditor, port: QWidget) -> None:
        found = asked(canvas)
        start = kit.port(canvas, "save", "in", "image")
        end = start - QPoint(20, -200)
        events.drag_to(port, start, end)
        assert canvas.scene.marks.hidden_wires == {("save", "image")}
        assert canvas.view.gestures.hint.text() == "Drop to remove the wire"
        events.release(port, end)
        assert inputs(canvas, "save") == {}
        assert canvas.scene.marks.hidden_wires == frozenset()
        assert found == []
        canvas.stack.undo()
        assert inputs(canvas, "save") == {"image": "decode"}

    def test_a_little_beside_its_port_it_has_come_off(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.port(canvas, "save", "in", "image")
        events.drag(port, start, start - QPoint(9, 0))
        assert inputs(canvas, "save") == {}

    def test_on_its_own_node_it_stays(self, canvas: GraphEditor, port: QWidget) -> None:
        events.drag(port, kit.port(canvas, "save", "in", "image"), kit.title(canvas, "save"))
        assert inputs(canvas, "save") == {"image": "decode"}
        assert canvas.stack.count() == 0

    def test_to_another_input(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "sampler", "in", "positive")
        events.drag(port, start, kit.port(canvas, "second", "in", "negative"))
        assert "positive" not in inputs(canvas, "sampler")
        assert inputs(canvas, "second") == {"negative": "positive"}
        assert canvas.stack.count() == 1

    def test_back_where_it_was(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "sampler", "in", "positive")
        events.drag_to(port, start, start - QPoint(60, 40))
        events.move(port, start, events.LEFT)
        events.release(port, start)
        assert canvas.stack.count() == 0
        assert inputs(canvas, "sampler")["positive"] == "positive"

    def test_a_refusal_leaves_it(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "sampler", "in", "positive")
        events.drag(port, start, kit.port(canvas, "second", "in", "latent"))
        assert canvas.stack.count() == 0

    def test_escape_leaves_it(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "save", "in", "image")
        events.drag_to(port, start, start - QPoint(20, -200))
        events.key(canvas.view, Qt.Key.Key_Escape)
        events.release(port, start - QPoint(20, -200))
        assert inputs(canvas, "save") == {"image": "decode"}
        assert canvas.scene.marks.hidden_wires == frozenset()

    def test_shift_draws_a_second_one(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "sampler", "in", "model")
        events.drag(port, start, kit.port(canvas, "second", "in", "model"), modifiers=SHIFT)
        assert inputs(canvas, "sampler")["model"] == "checkpoint.model"
        assert inputs(canvas, "second") == {"model": "checkpoint.model"}


class TestAllOfAnOutput:
    def test_they_go_to_another_output(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "sampler", "out", "latent")
        end = kit.port(canvas, "second", "out", "latent")
        events.drag_to(port, start, end, modifiers=CTRL)
        assert canvas.scene.marks.hidden_wires == {("decode", "latent")}
        events.release(port, end, modifiers=CTRL)
        assert inputs(canvas, "decode")["latent"] == "second"
        assert canvas.stack.count() == 1

    def test_several_at_once(self, canvas: GraphEditor, port: QWidget) -> None:
        for target in ("sampler", "second"):
            canvas.attempt(_wired(canvas, Source("positive", "conditioning"), target, "positive"))
            canvas.attempt(_wired(canvas, Source("positive", "conditioning"), target, "negative"))
        count = canvas.stack.count()
        start = kit.port(canvas, "positive", "out", "conditioning")
        events.drag(port, start, kit.body(canvas, "negative"), modifiers=CTRL)
        assert inputs(canvas, "sampler")["positive"] == "negative"
        assert inputs(canvas, "second") == {"positive": "negative", "negative": "negative"}
        assert canvas.stack.count() == count + 1

    def test_of_another_type_is_refused(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.port(canvas, "sampler", "out", "latent")
        end = kit.port(canvas, "checkpoint", "out", "vae")
        events.drag_to(port, start, end, modifiers=CTRL)
        assert canvas.view.gestures.hint.bad
        events.release(port, end, modifiers=CTRL)
        assert inputs(canvas, "decode")["latent"] == "sampler"


def test_alt_click_clears_a_port(canvas: GraphEditor, port: QWidget) -> None:
    events.click(port, kit.port(canvas, "sampler", "in", "latent"), modifiers=ALT)
    assert "latent" not in inputs(canvas, "sampler")
    events.click(port, kit.port(canvas, "checkpoint", "out", "clip"), modifiers=ALT)
    assert inputs(canvas, "positive") == {}
    assert inputs(canvas, "negative") == {}
    assert canvas.stack.count() == 2


def _wired(
    canvas: GraphEditor, source: Source, target: str, name: str
) -> Callable[[], object]:
    from studio.editing import wiring

    return lambda: wiring.connect(canvas.document, source, target, name)


def _folding(canvas: GraphEditor, node: str) -> Callable[[], object]:
    from studio.editing import edits

    return lambda: edits.set_view(canvas.document, [node], collapsed=True)
