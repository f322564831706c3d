"""Presses on fields, on the header's arrow and on the edge that resizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import ALT, CTRL, SHIFT
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QLineEdit

from ui.editor.gestures import widgets

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from PySide6.QtWidgets import QWidget

    from ui.editor.editor import GraphEditor


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph()))


@pytest.fixture
def port(canvas: GraphEditor) -> QWidget:
    return canvas.view.viewport()


def value(editor: GraphEditor, node: str, name: str) -> Any:
    spec = editor.document.spec(node)
    assert spec is not None
    return editor.document.nodes[node].params.get(name, spec.param_by_name[name].default)


class Calls:
    """Stands for the inline editors: what was asked of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[object, ...]] = []
        for name in ("open_editor", "roll_seed", "seed_menu", "browse"):
            monkeypatch.setattr(widgets.inline, name, self._taker(name))

    def _taker(self, name: str) -> Callable[..., None]:
        def take(editor: object, node: str, param: str, *_: object) -> None:
            self.made.append((name, node, param))

        return take


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


class TestScrub:
    def test_sideways_changes_the_number_in_one_step(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.field(canvas, "sampler", "steps")
        seen: list[int] = []
        canvas.document.changed.connect(lambda _: seen.append(value(canvas, "sampler", "steps")))
        events.drag(port, start, start + QPoint(40, 0), steps=8)
        assert value(canvas, "sampler", "steps") > 20
        assert len(set(seen)) > 2  # it is seen while it changes
        assert canvas.stack.count() == 1
        assert canvas.document.position("sampler") == (620, 0)
        canvas.stack.undo()
        assert value(canvas, "sampler", "steps") == 20

    def test_to_the_left_goes_down_to_the_limit(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.field(canvas, "sampler", "steps")
        events.drag(port, start, start - QPoint(600, 0))
        assert value(canvas, "sampler", "steps") == 1

    def test_back_to_where_it_began_leaves_no_step(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.field(canvas, "sampler", "steps")
        events.drag_to(port, start, start + QPoint(60, 0))
        events.move(port, start, events.LEFT)
        events.release(port, start)
        assert value(canvas, "sampler", "steps") == 20
        assert canvas.stack.count() == 0

    def test_escape_puts_the_number_back(self, canvas: GraphEditor, port: QWidget) -> None:
        before = canvas.document.dumps()
        start = kit.field(canvas, "sampler", "cfg")
        events.drag_to(port, start, start + QPoint(60, 0))
        assert value(canvas, "sampler", "cfg") > 4.0
        events.key(canvas.view, Qt.Key.Key_Escape)
        assert canvas.document.dumps() == before
        assert canvas.stack.count() == 0

    def test_escape_puts_a_default_back_as_a_default(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        before = canvas.document.dumps()
        assert "denoise" not in canvas.document.nodes["sampler"].params
        start = kit.field(canvas, "sampler", "denoise")
        events.drag_to(port, start, start - QPoint(60, 0))
        events.key(canvas.view, Qt.Key.Key_Escape)
        assert canvas.document.dumps() == before

    def test_shift_is_finer_and_ctrl_coarser(self, canvas: GraphEditor, port: QWidget) -> None:
        went = {}
        for modifiers in (events.PLAIN, SHIFT, CTRL):
            start = kit.field(canvas, "sampler", "cfg")
            events.drag(port, start, start + QPoint(40, 0), modifiers=modifiers)
            went[modifiers] = value(canvas, "sampler", "cfg") - 4.0
            canvas.stack.undo()
        assert 0 < went[SHIFT] < went[events.PLAIN] < went[CTRL]

    def test_a_change_of_pace_keeps_what_was_gone(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.field(canvas, "sampler", "cfg")
        here = start + QPoint(60, 0)
        events.drag_to(port, start, here)
        reached = value(canvas, "sampler", "cfg")
        events.move(port, here, events.LEFT, SHIFT)
        assert value(canvas, "sampler", "cfg") == reached
        events.release(port, here, modifiers=SHIFT)

    def test_two_scrubs_are_two_steps(self, canvas: GraphEditor, port: QWidget) -> None:
        for _ in range(2):
            start = kit.field(canvas, "sampler", "steps")
            events.drag(port, start, start + QPoint(40, 0))
        assert canvas.stack.count() == 2


class TestClick:
    def test_a_number_only_selects_its_node(
        self, canvas: GraphEditor, port: QWidget, calls: Calls
    ) -> None:
        events.click(port, kit.field(canvas, "sampler", "steps"))
        assert canvas.selected() == ["sampler"]
        assert calls.made == []

    def test_a_choice_opens(self, canvas: GraphEditor, port: QWidget, calls: Calls) -> None:
        events.click(port, kit.field(canvas, "sampler", "schedule"))
        assert calls.made == [("open_editor", "sampler", "schedule")]

    def test_a_model_opens(self, canvas: GraphEditor, port: QWidget, calls: Calls) -> None:
        events.click(port, kit.field(canvas, "checkpoint", "name"))
        assert calls.made == [("open_editor", "checkpoint", "name")]

    def test_the_dice_rolls(self, canvas: GraphEditor, port: QWidget, calls: Calls) -> None:
        events.click(port, kit.field(canvas, "sampler", "seed", 0.97))
        events.double_click(port, kit.field(canvas, "sampler", "seed", 0.97))
        # A quick second click is another throw.
        assert calls.made == [("roll_seed", "sampler", "seed")] * 3

    def test_the_arrow_of_a_seed_opens_its_menu(
        self, canvas: GraphEditor, port: QWidget, calls: Calls
    ) -> None:
        events.click(port, kit.field(canvas, "sampler", "seed", 0.82))
        assert calls.made == [("seed_menu", "sampler", "seed")]

    def test_shift_on_a_field_adds_its_node(
        self, canvas: GraphEditor, port: QWidget, calls: Calls
    ) -> None:
        canvas.select(["save"])
        events.click(port, kit.field(canvas, "sampler", "schedule"), modifiers=SHIFT)
        assert set(canvas.selected()) == {"save", "sampler"}
        events.click(port, kit.field(canvas, "sampler", "schedule"), modifiers=CTRL)
        assert canvas.selected() == ["save"]
        assert calls.made == []

    @pytest.mark.parametrize(
        ("node", "name"), [("sampler", "steps"), ("sampler", "seed"), ("positive", "text")]
    )
    def test_a_double_click_types(
        self, canvas: GraphEditor, port: QWidget, calls: Calls, node: str, name: str
    ) -> None:
        events.double_click(port, kit.field(canvas, node, name))
        assert calls.made == [("open_editor", node, name)]

    def test_too_small_to_read_it_is_just_the_node(
        self, canvas: GraphEditor, port: QWidget, calls: Calls
    ) -> None:
        canvas.view.zoom_to(0.3, port.rect().center())
        start = kit.field(canvas, "sampler", "schedule")
        events.click(port, start)
        assert calls.made == []
        events.drag(port, start, start + QPoint(0, 60))
        assert canvas.document.position("sampler")[1] > 100


def test_a_drag_on_a_text_moves_the_node(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.field(canvas, "latent", "width")
    start = kit.field(canvas, "negative", "text")
    events.drag(port, start, start + QPoint(0, 80))
    assert canvas.document.position("negative") == (300, 320)


def test_alt_on_a_number_drags_a_copy(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.field(canvas, "latent", "width")
    events.drag(port, start, start + QPoint(0, 140), modifiers=ALT)
    assert len(canvas.document.nodes) == 8
    assert value(canvas, "latent", "width") == 128


class TestArrow:
    def test_it_folds_and_opens(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.arrow(canvas, "sampler"))
        assert canvas.document.view_of("sampler").collapsed
        assert canvas.stack.count() == 1
        events.click(port, kit.arrow(canvas, "sampler"))
        assert not canvas.document.view_of("sampler").collapsed

    def test_two_quick_clicks_are_two(self, canvas: GraphEditor, port: QWidget) -> None:
        events.double_click(port, kit.arrow(canvas, "sampler"))
        assert not canvas.document.view_of("sampler").collapsed
        assert canvas.stack.count() == 2

    def test_a_drag_from_it_moves_the_node(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.arrow(canvas, "sampler")
        events.drag(port, start, start + QPoint(0, 200))
        assert canvas.document.position("sampler") == (620, 200)
        assert not canvas.document.view_of("sampler").collapsed


class TestWidth:
    def test_the_edge_makes_it_wider(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.edge(canvas, "latent")
        events.drag(port, start, start + QPoint(61, 0))
        assert canvas.document.view_of("latent").width == 280
        assert canvas.scene.size_of("latent")[0] == 280
        assert canvas.stack.count() == 1
        canvas.stack.undo()
        assert canvas.document.view_of("latent").width is None

    def test_there_is_a_narrowest(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.edge(canvas, "latent")
        events.drag(port, start, start - QPoint(200, 0))
        assert canvas.document.view_of("latent").width == 160

    def test_escape(self, canvas: GraphEditor, port: QWidget) -> None:
        before = canvas.document.dumps()
        start = kit.edge(canvas, "latent")
        events.drag_to(port, start, start + QPoint(61, 0))
        events.key(canvas.view, Qt.Key.Key_Escape)
        assert canvas.document.dumps() == before
        assert canvas.stack.count() == 0

    def test_a_double_click_gives_it_the_usual_one(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        start = kit.edge(canvas, "latent")
        events.drag(port, start, start + QPoint(60, 0))
        events.double_click(port, kit.edge(canvas, "latent"))
        assert canvas.document.view_of("latent").width is None


class TestTitle:
    def _line(self, canvas: GraphEditor) -> QLineEdit:
        (line,) = (
            found
            for found in canvas.view.viewport().findChildren(QLineEdit)
            if found.accessibleName() == "Title" and found.isVisible()
        )
        return line

    def test_a_double_click_types_it(self, canvas: GraphEditor, port: QWidget) -> None:
        events.double_click(port, kit.title(canvas, "sampler"))
        line = self._line(canvas)
        assert line.text() == "KSampler"
        assert line.hasFocus()
        line.selectAll()
        events.type_text(line, "First pass\n")
        assert canvas.document.nodes["sampler"].title == "First pass"
        assert canvas.stack.count() == 1
        assert canvas.view.hasFocus()

    def test_escape_leaves_it(self, canvas: GraphEditor, port: QWidget) -> None:
        events.double_click(port, kit.title(canvas, "sampler"))
        line = self._line(canvas)
        events.type_text(line, "other")
        events.key(line, Qt.Key.Key_Escape)
        assert canvas.document.nodes["sampler"].title == ""
        assert not line.isVisible()

    def test_a_click_elsewhere_takes_it(self, canvas: GraphEditor, port: QWidget) -> None:
        events.double_click(port, kit.title(canvas, "sampler"))
        line = self._line(canvas)
        line.setText("Second pass")
        events.click(port, kit.pixel(canvas, kit.EMPTY))
        assert canvas.document.nodes["sampler"].title == "Second pass"

    def test_a_pan_takes_it(self, canvas: GraphEditor, port: QWidget) -> None:
        events.double_click(port, kit.title(canvas, "sampler"))
        self._line(canvas).setText("Second pass")
        canvas.view.pan_by(30, 0)
        assert canvas.document.nodes["sampler"].title == "Second pass"
        assert canvas.stack.count() == 1

    def test_unchanged_leaves_no_step(self, canvas: GraphEditor, port: QWidget) -> None:
        events.double_click(port, kit.title(canvas, "sampler"))
        events.key(self._line(canvas), Qt.Key.Key_Return)
        assert canvas.stack.count() == 0


def test_a_double_click_on_nothing_asks_for_a_node(canvas: GraphEditor, port: QWidget) -> None:
    found: list[tuple[QPointF, object, object]] = []
    canvas.view.palette_wanted.connect(lambda *what: found.append(what))
    events.double_click(port, kit.pixel(canvas, kit.EMPTY))
    ((at, source, target),) = found
    assert (at - kit.EMPTY).manhattanLength() < 2
    assert source is None
    assert target is None
