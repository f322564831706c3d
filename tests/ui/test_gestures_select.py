"""Selecting by clicks and by the rubber band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import CTRL, SHIFT
from PySide6.QtCore import QPointF, Qt

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from ui.editor.editor import GraphEditor

FRAME = {"prompts": {"rect": [270, -60, 290, 480], "nodes": ["positive", "negative"]}}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph(frames=FRAME)))


@pytest.fixture
def port(canvas: GraphEditor) -> QWidget:
    return canvas.view.viewport()


def chosen(editor: GraphEditor) -> set[str]:
    return set(editor.selected())


def test_a_click_selects_one_node(canvas: GraphEditor, port: QWidget) -> None:
    events.click(port, kit.title(canvas, "sampler"))
    assert chosen(canvas) == {"sampler"}
    events.click(port, kit.body(canvas, "decode"))
    assert chosen(canvas) == {"decode"}
    assert canvas.stack.count() == 0


def test_shift_adds_and_ctrl_turns_round(canvas: GraphEditor, port: QWidget) -> None:
    events.click(port, kit.title(canvas, "sampler"))
    events.click(port, kit.title(canvas, "decode"), modifiers=SHIFT)
    assert chosen(canvas) == {"sampler", "decode"}
    events.click(port, kit.title(canvas, "decode"), modifiers=SHIFT)
    assert chosen(canvas) == {"sampler", "decode"}
    events.click(port, kit.title(canvas, "sampler"), modifiers=CTRL)
    assert chosen(canvas) == {"decode"}
    events.click(port, kit.title(canvas, "sampler"), modifiers=CTRL)
    assert chosen(canvas) == {"sampler", "decode"}


def test_a_click_on_one_of_several_leaves_it_alone(canvas: GraphEditor, port: QWidget) -> None:
    canvas.select(["sampler", "decode", "save"])
    events.click(port, kit.title(canvas, "decode"))
    assert chosen(canvas) == {"decode"}


def test_a_click_on_nothing_selects_nothing(canvas: GraphEditor, port: QWidget) -> None:
    canvas.select(["sampler"])
    events.click(port, kit.pixel(canvas, kit.EMPTY), modifiers=SHIFT)
    assert chosen(canvas) == {"sampler"}
    events.click(port, kit.pixel(canvas, kit.EMPTY))
    assert chosen(canvas) == set()


def test_a_click_on_a_wire_selects_its_ends(canvas: GraphEditor, port: QWidget) -> None:
    events.click(port, kit.wire(canvas, "save", "image"))
    assert chosen(canvas) == {"decode", "save"}


def test_the_band_takes_what_it_touches(canvas: GraphEditor, port: QWidget) -> None:
    start, end = kit.pixel(canvas, QPointF(880, -40)), kit.pixel(canvas, QPointF(1170, 60))
    events.drag_to(port, start, end)
    assert canvas.scene.marks.band is not None
    assert chosen(canvas) == {"decode", "save"}
    events.release(port, end)
    assert canvas.scene.marks.band is None
    assert chosen(canvas) == {"decode", "save"}


def test_the_band_adds_with_shift_and_turns_round_with_ctrl(
    canvas: GraphEditor, port: QWidget
) -> None:
    canvas.select(["checkpoint", "save"])
    start, end = kit.pixel(canvas, QPointF(880, -40)), kit.pixel(canvas, QPointF(1170, 60))
    events.drag(port, start, end, modifiers=SHIFT)
    assert chosen(canvas) == {"checkpoint", "decode", "save"}
    events.drag(port, start, end, modifiers=CTRL)
    assert chosen(canvas) == {"checkpoint"}


def test_the_band_takes_frames_only_whole(canvas: GraphEditor, port: QWidget) -> None:
    box = canvas.scene.frames["prompts"].scene_rect()
    start = kit.pixel(canvas, box.topLeft() - QPointF(10, 10))
    events.drag(port, start, kit.pixel(canvas, box.center()))
    assert canvas.scene.selected_frames() == []
    events.drag(port, start, kit.pixel(canvas, box.bottomRight() + QPointF(10, 10)))
    assert canvas.scene.selected_frames() == ["prompts"]


def test_escape_gives_the_band_up(canvas: GraphEditor, port: QWidget) -> None:
    canvas.select(["checkpoint"])
    start, end = kit.pixel(canvas, QPointF(880, -40)), kit.pixel(canvas, QPointF(1170, 60))
    events.drag_to(port, start, end)
    events.key(canvas.view, Qt.Key.Key_Escape)
    assert canvas.scene.marks.band is None
    assert chosen(canvas) == {"checkpoint"}
    events.release(port, end)
    assert chosen(canvas) == {"checkpoint"}


def test_a_press_inside_a_frame_draws_a_band(canvas: GraphEditor, port: QWidget) -> None:
    inside = QPointF(285, 205)
    assert canvas.scene.frame_at(inside) == "prompts"
    events.drag(port, kit.pixel(canvas, inside), kit.pixel(canvas, QPointF(400, 260)))
    assert chosen(canvas) == {"negative"}
    assert canvas.stack.count() == 0
