"""Outlines, shapes, buckets, and the tools that only look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import numpy as np
import pytest
from events import ALT, CTRL, MIDDLE, PLAIN, RIGHT, SHIFT
from paint_board import Board
from PySide6.QtCore import Qt

from studio.masks.items import UNIT, Bucket, Ellipse, Fill, Polygon, Rectangle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

Key = Qt.Key
PER_PIXEL = UNIT / 200


@pytest.fixture
def board(qapp: QApplication) -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def corners(board: Board, number: int = -1) -> list[list[float]]:
    """Of an outline, in pixels, to a tenth."""
    item = board.items[number]
    assert isinstance(item, Polygon)
    return (item.points / PER_PIXEL).round(1).tolist()


# Lasso and polygon


def test_lasso(board: Board) -> None:
    board.settings.tool = "lasso"
    board.drag((40, 40), (120, 40), (120, 90), (40, 90))
    assert corners(board) == [[40, 40], [120, 40], [120, 90], [40, 90]]
    assert board.mask[60, 80] == 255
    assert board.committed[0][2] == "Lasso"
    board.drag((50, 50), (100, 50), (100, 80), button=RIGHT)
    assert board.items[1].erase
    assert board.committed[1][2] == "Erase lasso"
    assert board.mask[55, 90] == 0
    board.check()


def test_lasso_has_no_more_points_than_can_be_seen(board: Board) -> None:
    board.settings.tool = "lasso"
    board.drag((40, 40), *((40 + n / 50, 40 + n / 100) for n in range(1000)), (40, 80))
    assert len(board.item.points) < 60
    board.check()


def test_lasso_that_is_none(board: Board) -> None:
    board.settings.tool = "lasso"
    board.click(50, 50)
    board.drag((50, 50), (60, 60))
    board.drag((-50, -50), (-20, -50), (-20, -20))
    board.drag((250, 50), (260, 50), (260, 70))
    assert not board.items
    board.drag((40, 40), (120, 40), (120, 90), release=False)
    board.key(Key.Key_Escape)
    events.release(board.view, board.at(120, 90))
    assert not board.items
    assert not board.view.hands.busy


def test_scribbles_that_no_file_may_have(board: Board) -> None:
    board.settings.tool = "lasso"
    board.drag(*((10 + n / 40, 1000.0 * (n % 2) - 400) for n in range(2600)))
    assert not board.items
    assert "draw it simpler" in board.messages[-1]


@pytest.mark.parametrize("how", ["enter", "keypad", "double", "first"])
def test_polygon(board: Board, how: str) -> None:
    board.key(Key.Key_P)
    for place in ((40, 40), (120, 40), (120, 90)):
        board.click(*place)
    events.move(board.view, board.at(60, 100))
    assert board.view.hands.busy
    assert not board.items
    match how:
        case "enter":
            board.key(Key.Key_Return)
        case "keypad":
            board.key(Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
        case "double":
            events.double_click(board.view, board.at(60, 100))
        case "first":
            board.click(41, 41)
    expected = [[40, 40], [120, 40], [120, 90]] + ([[60, 100]] if how == "double" else [])
    assert corners(board) == expected
    assert not board.view.hands.busy
    assert board.committed[0][2] == "Polygon"
    board.check()


def test_polygon_takes_back_and_gives_up(board: Board) -> None:
    board.key(Key.Key_P)
    for place in ((40, 40), (120, 40), (120, 90), (10, 10)):
        board.click(*place)
    board.key(Key.Key_Backspace)
    board.key(Key.Key_Return)
    assert corners(board) == [[40, 40], [120, 40], [120, 90]]
    for place in ((40, 40), (120, 40)):
        board.click(*place)
    board.key(Key.Key_Z, CTRL)
    board.key(Key.Key_Z, CTRL)
    assert not board.view.hands.busy
    for place in ((40, 40), (120, 40), (90, 90)):
        board.click(*place)
    board.key(Key.Key_Escape)
    assert not board.view.hands.busy
    assert len(board.items) == 1
    board.check()


def test_polygon_of_two_corners_asks_for_more(board: Board) -> None:
    board.key(Key.Key_P)
    board.click(40, 40)
    board.click(120, 40)
    board.key(Key.Key_Return)
    assert board.view.hands.busy
    assert "three corners" in board.messages[-1]
    board.click(120, 90)
    board.key(Key.Key_Return)
    assert len(board.items) == 1


def test_polygon_corners_can_be_dragged_and_are_straight_with_shift(board: Board) -> None:
    board.key(Key.Key_P)
    board.click(40, 40)
    board.drag((100, 30), (110, 44), modifiers=SHIFT)
    board.drag((90, 90), (120, 100))
    board.key(Key.Key_Return)
    assert corners(board) == [[40, 40], [110, 40], [120, 100]]


def test_polygon_lasts_while_looking_around(board: Board) -> None:
    board.key(Key.Key_P)
    board.click(40, 40)
    board.click(120, 40)
    events.wheel(board.view, board.at(100, 60), 2)
    board.drag((100, 60), (90, 50), button=MIDDLE)
    events.key_press(board.view, Key.Key_Space)
    board.drag((100, 60), (90, 50))
    events.key_release(board.view, Key.Key_Space)
    board.view.clearFocus()
    board.view.setFocus()
    assert board.view.hands.busy
    board.click(120, 60)
    board.key(Key.Key_Return)
    assert len(board.item.points) == 3
    board.check()


def test_another_tool_gives_a_polygon_up(board: Board) -> None:
    board.key(Key.Key_P)
    board.click(40, 40)
    board.click(120, 40)
    board.key(Key.Key_B)
    assert not board.view.hands.busy
    board.key(Key.Key_P)
    assert not board.view.hands.busy
    assert not board.items


# Shapes


def test_rectangle(board: Board) -> None:
    board.key(Key.Key_U)
    board.drag((100, 90), (60, 50), (40, 40))
    assert isinstance(board.item, Rectangle)
    assert np.round(np.array(board.item.box) / PER_PIXEL, 1).tolist() == [40, 40, 100, 90]
    assert board.mask[60, 60] == 255
    assert board.mask[30, 60] == 0
    assert board.committed[0][2] == "Rectangle"
    board.check()


@pytest.mark.parametrize(
    ("held", "box"),
    [
        (PLAIN, [40, 40, 90, 60]),
        (SHIFT, [40, 40, 90, 90]),
        (ALT, [-10, 20, 90, 60]),
        (SHIFT | ALT, [-10, -10, 90, 90]),
    ],
)
def test_ellipse_with_shift_and_alt(
    board: Board, held: Qt.KeyboardModifier, box: list[float]
) -> None:
    board.settings.tool = "ellipse"
    board.drag((40, 40), (60, 50), (90, 60), modifiers=held)
    assert isinstance(board.item, Ellipse)
    assert np.round(np.array(board.item.box) / PER_PIXEL, 1).tolist() == box
    board.check()


def test_modifiers_in_the_middle(board: Board) -> None:
    board.key(Key.Key_U)
    board.drag((40, 40), (60, 50), (90, 60), release=False)
    before = board.view.hands.tool.bounds()
    events.key_press(board.view, Key.Key_Shift)
    assert board.view.hands.tool.bounds().height() > before.height() + 40
    events.key_release(board.view, Key.Key_Shift, SHIFT)
    assert board.view.hands.tool.bounds() == before
    events.release(board.view, board.at(90, 60))
    board.check()


def test_shapes_that_are_none(board: Board) -> None:
    for tool in ("rectangle", "ellipse"):
        board.settings.tool = tool
        board.click(50, 50)
        board.drag((50, 50), (50.5, 50.5))
        board.drag((-50, -50), (-10, -10))
        board.drag((50, 300), (90, 310))
    assert not board.items
    board.drag((40, 40), (90, 90), release=False)
    board.key(Key.Key_Escape)
    events.release(board.view, board.at(90, 90))
    assert not board.items


def test_taking_away(board: Board) -> None:
    board.key(Key.Key_U)
    board.drag((20, 20), (120, 100))
    board.key(Key.Key_X)
    assert board.settings.subtract
    board.drag((40, 40), (60, 60))
    board.key(Key.Key_X)
    board.drag((80, 40), (100, 60), button=RIGHT)
    assert [item.erase for item in board.items] == [False, True, True]
    assert board.committed[1][2] == "Erase rectangle"
    board.check()


def test_opacity_of_shapes(board: Board) -> None:
    board.settings.opacity = 40
    board.key(Key.Key_U)
    board.drag((20, 20), (120, 100))
    assert board.mask.max() == 102
    board.check()


# Buckets


def test_bucket(board: Board) -> None:
    board.settings.tolerance = 3
    board.key(Key.Key_G)
    board.click(50, 50)
    bucket = board.item
    assert isinstance(bucket, Bucket)
    assert (bucket.tolerance, bucket.everywhere) == (3, False)
    assert board.mask[50, 50] == 255
    assert 0 < (board.mask > 0).mean() < 0.2
    board.key(Key.Key_G)
    assert board.settings.tool == "colour-select"
    board.click(50, 50, button=RIGHT)
    assert board.items[1].everywhere
    assert board.items[1].erase
    assert board.mask.max() == 0
    board.settings.tool, board.settings.everywhere = "bucket", True
    board.click(50, 50)
    assert board.items[2].everywhere
    board.check()


def test_bucket_fills_what_was_clicked_at_every_pixel(board: Board) -> None:
    """However units round, the pixel clicked on is meant."""
    board.painting.show(np.arange(3 * 97 * 53, dtype=np.uint32).reshape(53, 97, 3).astype(np.uint8))
    board.settings.tolerance = 0
    board.settings.tool = "bucket"
    board.view.zoom_to(4)
    for x, y in ((0, 0), (96, 52), (41.99, 17.01), (96.9, 0.1), (13.5, 52.9)):
        before = len(board.items)
        board.click(x, y)
        assert len(board.items) == before + 1
        assert board.mask[int(y), int(x)] == 255


def test_bucket_outside(board: Board) -> None:
    board.settings.tool = "bucket"
    board.click(-5, 50)
    board.click(50, 125)
    assert not board.items
    assert "Click on the picture" in board.messages[-1]


# Whole mask


def test_invert_clear_fill(board: Board) -> None:
    board.key(Key.Key_Delete)
    assert "nothing" in board.messages[-1]
    board.click(50, 50)
    once = board.mask.copy()
    board.key(Key.Key_V, SHIFT)
    assert (board.mask == 255 - once).all()
    board.key(Key.Key_F, SHIFT)
    assert board.mask.min() == 255
    board.key(Key.Key_Delete)
    assert board.mask.max() == 0
    assert [label for _, _, label in board.committed] == ["Brush", "Invert", "Fill", "Clear"]
    assert isinstance(board.items[3], Fill)
    board.check()


def test_sketch_shapes_and_fill(board: Board) -> None:
    board.settings.layer = "sketch"
    board.settings.colour = "#204060"
    board.key(Key.Key_V, SHIFT)
    assert "can't be inverted" in board.messages[-1]
    board.key(Key.Key_U)
    board.drag((20, 20), (120, 100))
    board.settings.tool = "bucket"
    board.click(150, 60)
    board.key(Key.Key_F, SHIFT)
    assert [made[0]["t"] for _, made, _ in board.committed] == ["rect", "bucket", "fill"]
    assert {made[0]["c"] for _, made, _ in board.committed} == {"#204060"}
    assert board.painting.sketch.layer[60, 60].tolist() == [32, 64, 96, 255]
    assert not board.items


def test_sketch_clear(board: Board) -> None:
    board.settings.layer = "sketch"
    board.key(Key.Key_Delete)
    assert "nothing on the sketch" in board.messages[-1]
    board.click(50, 50)
    board.key(Key.Key_Delete)
    assert board.painting.sketch.layer.max() == 0
    assert board.committed[1][2] == "Clear"
