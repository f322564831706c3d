"""Cutting wires, and reroutes into them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import ALT, CTRL, RIGHT
from PySide6.QtCore import QLineF, QPoint, QPointF, Qt

from ui.editor.gestures.cut import crosses

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from ui.editor.editor import GraphEditor


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph()))


@pytest.fixture
def port(canvas: GraphEditor) -> QWidget:
    return canvas.view.viewport()


def test_the_knife_cuts_what_it_crosses(canvas: GraphEditor, port: QWidget) -> None:
    before = canvas.document.dumps()
    # Down between the prompts and the sampler.
    start, end = kit.pixel(canvas, QPointF(570, -30)), kit.pixel(canvas, QPointF(570, 800))
    events.drag_to(port, start, end, RIGHT, CTRL)
    cut = canvas.scene.marks.cut_wires
    assert {("sampler", "positive"), ("sampler", "negative"), ("sampler", "latent")} <= cut
    assert len(canvas.scene.marks.cut) > 1
    assert canvas.view.gestures.hint.text() == f"Cut {len(cut)} wires"
    events.release(port, end, RIGHT, CTRL)
    left = {(wire.target, wire.port) for wire in canvas.document.wires()}
    assert not left & cut
    assert ("positive", "clip") in left
    assert canvas.scene.marks.cut == ()
    assert canvas.scene.marks.cut_wires == frozenset()
    assert canvas.stack.count() == 1
    canvas.stack.undo()
    assert canvas.document.dumps() == before


def test_the_knife_can_be_put_away(canvas: GraphEditor, port: QWidget) -> None:
    start, end = kit.pixel(canvas, QPointF(570, -30)), kit.pixel(canvas, QPointF(570, 800))
    events.drag_to(port, start, end, RIGHT, CTRL)
    events.key(canvas.view, Qt.Key.Key_Escape)
    events.release(port, end, RIGHT, CTRL)
    assert canvas.stack.count() == 0
    assert canvas.scene.marks.cut == ()
    assert canvas.view.gestures.menu is None


def test_a_knife_that_meets_nothing_changes_nothing(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.pixel(canvas, kit.EMPTY)
    events.drag(port, start, start + QPoint(60, 60), RIGHT, CTRL)
    assert canvas.stack.count() == 0


def test_a_double_click_puts_a_reroute_into_a_wire(canvas: GraphEditor, port: QWidget) -> None:
    at = kit.wire(canvas, "save", "image")
    events.double_click(port, at)
    (name,) = set(canvas.document.nodes) - set(kit.NODES)
    assert canvas.document.nodes[name].type == "Reroute"
    assert canvas.document.nodes[name].inputs == {"value": "decode"}
    assert canvas.document.nodes["save"].inputs == {"image": name}
    middle = kit.pixel(canvas, kit.rect(canvas, name).center())
    assert (middle - at).manhattanLength() <= 2
    assert canvas.stack.count() == 1
    assert canvas.selected() == [name]


def test_alt_click_puts_a_reroute_into_a_wire(canvas: GraphEditor, port: QWidget) -> None:
    events.click(port, kit.wire(canvas, "sampler", "latent"), modifiers=ALT)
    assert len(canvas.document.nodes) == 8
    assert canvas.stack.count() == 1


def test_alt_drag_puts_the_reroute_elsewhere(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.wire(canvas, "sampler", "latent")
    end = start + QPoint(30, 200)
    events.drag_to(port, start, end, modifiers=ALT)
    assert canvas.scene.marks.hot_wire == ("sampler", "latent")
    events.release(port, end, modifiers=ALT)
    (name,) = set(canvas.document.nodes) - set(kit.NODES)
    assert (kit.pixel(canvas, kit.rect(canvas, name).center()) - end).manhattanLength() <= 2
    assert canvas.scene.marks.hot_wire is None


def test_a_reroute_is_moved_by_its_middle(canvas: GraphEditor, port: QWidget) -> None:
    events.double_click(port, kit.wire(canvas, "sampler", "latent"))
    (name,) = set(canvas.document.nodes) - set(kit.NODES)
    before = canvas.document.position(name)
    start = kit.pixel(canvas, kit.rect(canvas, name).center())
    events.drag(port, start, start + QPoint(0, 120))
    after = canvas.document.position(name)
    assert abs(after[1] - before[1] - 120) <= 6


def test_crossing() -> None:
    way = [QPointF(0, 0), QPointF(50, 10), QPointF(100, 0)]
    assert crosses(way, QLineF(50, -10, 50, 30))
    assert not crosses(way, QLineF(50, 20, 50, 30))
    assert not crosses(way, QLineF(0, 20, 100, 20))
