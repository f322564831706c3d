"""The outpaint frame under the hand, the crop frame that follows, and larger results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import ALT, RIGHT, drag, drag_to, key, move, release
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage
from results_kit import WAIT, Desk, desks

from studio.editing.edits import set_param

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor


@pytest.fixture
def desk_on(
    make_editor: Callable[[Path], GraphEditor], tmp_path: Path, qtbot: QtBot
) -> Iterator[Callable[[str], Desk]]:
    with desks(make_editor, tmp_path, qtbot) as make:
        yield make


@pytest.fixture
def desk(desk_on: Callable[[str], Desk]) -> Desk:
    """On a picture of 128 x 128 pixels, with the frame tool in hand."""
    made = desk_on("inpaint")
    made.settings.tool = "frame"
    return made


def at(desk: Desk, x: float, y: float) -> QPointF:
    return desk.view.placement.to_view(x, y)


def added(desk: Desk) -> dict[str, int] | None:
    """What the graph's PadForOutpaint adds; None where there is none."""
    for node in desk.editor.document.nodes.values():
        if node.type == "PadForOutpaint":
            return {side: node.params[side] for side in ("left", "top", "right", "bottom")}
    return None


def test_the_frame_is_there_while_its_tool_is(desk: Desk) -> None:
    assert desk.view.frames[2] == QRectF(0, 0, 128, 128)
    # There is room to drag it to.
    assert at(desk, 0, 0).y() > 40
    desk.settings.tool = "brush"
    assert desk.view.frames[2] is None
    assert desk.view.fits


def test_the_first_drag_puts_a_node_in_as_one_step(desk: Desk) -> None:
    editor, before = desk.editor, desk.editor.document.dumps()
    drag(desk.view, at(desk, 128, 64), at(desk, 157, 90))
    assert added(desk) == {"left": 0, "top": 0, "right": 32, "bottom": 0}
    assert editor.stack.count() == 1
    assert desk.view.frames[2] == QRectF(0, 0, 160, 128)
    assert "put in behind the mask" in desk.messages[-1]
    # The next one sets it.
    drag(desk.view, at(desk, 0, 0), at(desk, -17, -10))
    assert added(desk) == {"left": 16, "top": 8, "right": 32, "bottom": 0}
    assert editor.stack.count() == 2
    editor.stack.undo()
    editor.stack.undo()
    assert editor.document.dumps() == before
    assert desk.view.frames[2] == QRectF(0, 0, 128, 128)


def test_alt_stops_at_any_pixel_and_inside_moves_it(desk: Desk) -> None:
    drag(desk.view, at(desk, 64, 128), at(desk, 64, 151), modifiers=ALT)
    assert added(desk) == {"left": 0, "top": 0, "right": 0, "bottom": 23}
    desk.editor.stack.undo()
    drag(desk.view, at(desk, 0, 64), at(desk, -32, 64))
    drag(desk.view, at(desk, 64, 64), at(desk, 80, 64))
    assert added(desk) == {"left": 16, "top": 0, "right": 16, "bottom": 0}


def test_a_drag_that_ends_where_it_began_changes_nothing(desk: Desk) -> None:
    drag(desk.view, at(desk, 128, 64), at(desk, 130, 64))
    drag(desk.view, at(desk, 64, 64), at(desk, 90, 20))
    drag(desk.view, at(desk, 128, 64), at(desk, 180, 64), button=RIGHT)
    assert desk.editor.stack.count() == 0


def test_esc_gives_a_drag_up(desk: Desk) -> None:
    drag_to(desk.view, at(desk, 128, 64), at(desk, 170, 64))
    assert desk.surroundings.outpainter.dragging
    assert desk.view.frames[2] == QRectF(0, 0, 168, 128)
    key(desk.view, Qt.Key.Key_Escape)
    assert desk.view.frames[2] == QRectF(0, 0, 128, 128)
    release(desk.view, at(desk, 170, 64))
    assert desk.editor.stack.count() == 0


def test_dragged_back_it_is_switched_off(desk: Desk) -> None:
    drag(desk.view, at(desk, 128, 64), at(desk, 160, 64))
    drag(desk.view, at(desk, 160, 64), at(desk, 120, 64))
    name = next(
        key for key, node in desk.editor.document.nodes.items() if node.type == "PadForOutpaint"
    )
    assert desk.editor.document.nodes[name].mode == "bypass"
    assert desk.view.frames[2] == QRectF(0, 0, 128, 128)


def test_the_cursor_says_what_is_held(desk: Desk) -> None:
    move(desk.view, at(desk, 128, 64))
    assert desk.view.cursor().shape() == Qt.CursorShape.SizeHorCursor
    move(desk.view, at(desk, 0, 0))
    assert desk.view.cursor().shape() == Qt.CursorShape.SizeFDiagCursor
    move(desk.view, at(desk, 170, 64))
    assert desk.view.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_edits_elsewhere_move_the_frame(desk: Desk) -> None:
    drag(desk.view, at(desk, 128, 64), at(desk, 160, 64))
    name = next(
        key for key, node in desk.editor.document.nodes.items() if node.type == "PadForOutpaint"
    )
    desk.editor.push(set_param(desk.editor.document, name, "left", 40))
    assert desk.view.frames[2] == QRectF(-40, 0, 200, 128)
    desk.settings.tool = "brush"
    assert desk.view.frames[2] == QRectF(-40, 0, 200, 128)


def test_a_larger_result_becomes_the_picture(desk: Desk, tmp_path: Path) -> None:
    drag(desk.view, at(desk, 0, 64), at(desk, -64, 64))
    before = desk.editor.document.dumps()
    mask = desk.binding.painting.mask.mask.copy()
    image = QImage(192, 128, QImage.Format.Format_RGB32)
    image.fill(0xC03020)
    path = tmp_path / "wide.png"
    assert image.save(str(path))
    desk.wrote(path)
    assert desk.view.result is not None
    key(desk.view, Qt.Key.Key_Return)
    painting = desk.binding.painting
    desk.qtbot.waitUntil(lambda: painting.ready and painting.width == 192, timeout=WAIT)
    assert added(desk) == {"left": 0, "top": 0, "right": 0, "bottom": 0}
    # The mask lies where it lay on what it was painted on.
    part = painting.mask.mask[:, 64:].astype(int)
    assert abs(part - mask).max() <= 8
    assert desk.editor.stack.count() == 2
    desk.editor.stack.undo()
    assert desk.editor.document.dumps() == before
    desk.qtbot.waitUntil(lambda: painting.ready and painting.width == 128, timeout=WAIT)
    assert (painting.mask.mask == mask).all()


# ------------------------------------------------------------------ crop frame


def test_the_crop_frame_follows_strokes_and_graph(desk_on: Callable[[str], Desk]) -> None:
    desk = desk_on("inpaint_only_masked")
    frames = desk.surroundings.frames
    first = desk.view.frames[0]
    assert first == frames.shown.rect == QRectF(88, 34, 128, 128)
    assert desk.view.frames[1] == "sampled at 128 \N{MULTIPLICATION SIGN} 128"
    # A stroke: the frame stays while it is in hand.
    drag_to(desk.view, at(desk, 60, 60), at(desk, 80, 150))
    assert desk.view.frames[0] == first
    release(desk.view, at(desk, 80, 150))
    desk.settle()
    second = desk.view.frames[0]
    assert second is not None
    assert second.contains(QRectF(60, 60, 20, 90))
    document = desk.editor.document
    desk.editor.push(set_param(document, "crop", "context_share", 0.5))
    desk.settle()
    assert desk.view.frames[0].width() > second.width()
    desk.editor.stack.undo()
    desk.editor.stack.undo()
    desk.settle()
    assert desk.view.frames[0] == first
    desk.editor.push(set_param(document, "mask", "grow", 10.0))
    desk.settle()
    assert desk.view.frames[0].width() > first.width()
    desk.editor.push(set_param(document, "mask", "strokes", {"version": 1, "items": []}))
    desk.settle()
    assert desk.view.frames[0] is None
    assert frames.shown.words == "Nothing is masked yet."


def test_a_whole_picture_has_no_crop_frame(desk_on: Callable[[str], Desk]) -> None:
    desk = desk_on("inpaint")
    assert desk.view.frames[0] is None
    assert desk.surroundings.frames.shown.sampled == QRectF(0, 0, 128, 128)
    desk.editor.push(set_param(desk.editor.document, "inpaint", "only_masked", True))
    desk.settle()
    assert desk.view.frames[0] is not None
    # The pocket model's own size.
    assert desk.view.frames[1] == "sampled at 128 \N{MULTIPLICATION SIGN} 128"


def test_a_mask_that_is_let_go_has_no_frame(desk_on: Callable[[str], Desk]) -> None:
    desk = desk_on("inpaint_only_masked")
    desk.surroundings.set_binding(None)
    assert desk.view.frames == (None, "", None)
    desk.editor.push(set_param(desk.editor.document, "crop", "context_share", 0.5))
    assert not desk.surroundings.frames.busy
