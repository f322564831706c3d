"""Brush and eraser by mouse: what is drawn, what becomes of it, and what mustn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import numpy as np
import pytest
from events import ALT, LEFT, RIGHT, SHIFT
from paint_board import Board
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QCursor
from PySide6.QtWidgets import QApplication, QWidget

from studio.masks.items import MAX_RADIUS, UNIT, Brush, Polygon

if TYPE_CHECKING:
    from collections.abc import Iterator

PER_PIXEL = UNIT / 200


@pytest.fixture
def board(qapp: QApplication) -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def test_drag_is_a_stroke(board: Board) -> None:
    board.drag((40, 60), (60, 62), (90, 55))
    brush = board.item
    assert isinstance(brush, Brush)
    assert not brush.erase
    assert brush.opacity == 100
    assert brush.hardness == 80
    assert brush.pressure == 0
    assert brush.radius == board.painting.radius_units(8)
    assert brush.points[0].tolist() == [*board.painting.to_units(40, 60), 255]
    assert brush.points[-1].tolist() == [*board.painting.to_units(90, 55), 255]
    assert board.mask[60, 40] == 255
    assert board.mask[5, 5] == 0
    (layer, items, label), = board.committed
    assert (layer, items, label) == ("mask", [brush.json()], "Brush")
    board.check()


def test_it_shows_while_the_hand_moves(board: Board) -> None:
    board.drag((40, 60), (60, 60), release=False)
    assert board.painting.painting
    assert board.view.hands.busy
    assert board.mask[60, 40] == 255
    assert not board.committed
    events.release(board.view, board.at(60, 60))
    assert len(board.committed) == 1
    assert not board.view.hands.busy


def test_click_is_a_dab(board: Board) -> None:
    board.click(50, 50)
    assert len(board.item.points) == 1
    assert board.mask[50, 50] == 255
    board.check()


def test_points_are_thinned(board: Board) -> None:
    board.settings.radius, board.settings.spacing = 10, 50
    board.drag(*((40 + n / 4, 60.0) for n in range(200)))
    points = board.item.points[:, :2] / PER_PIXEL
    gaps = np.hypot(*np.diff(points, axis=0).T)
    assert 8 < len(points) < 14
    assert (gaps[:-1] > 4.9).all()
    assert abs(points[-1, 0] - (40 + 199 / 4)) < 0.01
    board.check()


def test_settings_reach_the_stroke(board: Board) -> None:
    board.settings.radius, board.settings.hardness, board.settings.opacity = 12.5, 33, 47
    board.click(50, 50)
    assert board.item.radius == board.painting.radius_units(12.5)
    assert (board.item.hardness, board.item.opacity) == (33, 47)
    assert board.mask.max() == 120
    board.check()


@pytest.mark.parametrize("how", ["eraser", "right", "x"])
def test_erasing(board: Board, how: str) -> None:
    board.settings.radius = 20
    board.click(60, 60)
    board.settings.radius = 8
    button = LEFT
    if how == "right":
        button = RIGHT
    else:
        board.key(Qt.Key.Key_E if how == "eraser" else Qt.Key.Key_X)
        assert board.settings.tool == "eraser"
    board.drag((60, 60), (70, 60), button=button)
    assert board.items[1].erase
    assert board.mask[60, 60] == 0
    assert board.mask[60, 46] == 255
    assert board.committed[1][2] == "Erase"
    board.check()


def test_straight_line(board: Board) -> None:
    board.click(30, 60)
    board.click(120, 90, modifiers=SHIFT)
    board.click(120, 30, modifiers=SHIFT)
    line = board.items[1]
    ends = [[*board.painting.to_units(*at), 255] for at in ((30, 60), (120, 90), (120, 30))]
    assert line.points.tolist() == ends[:2]
    assert board.items[2].points.tolist() == ends[1:]
    assert board.mask[75, 75] == 255
    board.check()


def test_a_line_needs_a_beginning(board: Board) -> None:
    board.click(30, 60, modifiers=SHIFT)
    assert len(board.item.points) == 1


def test_line_is_shown_before(board: Board) -> None:
    board.click(30, 60)
    events.move(board.view, board.at(90, 80))
    assert board.view.hands.tool.bounds().isEmpty()
    events.key_press(board.view, Qt.Key.Key_Shift)
    bounds = board.view.hands.tool.bounds()
    assert bounds.contains(board.at(30, 60))
    assert bounds.contains(board.at(90, 80))
    events.key_release(board.view, Qt.Key.Key_Shift, SHIFT)
    assert board.view.hands.tool.bounds().isEmpty()


def test_a_line_doesnt_come_from_another_picture(board: Board) -> None:
    board.click(30, 60)
    board.painting.show(np.zeros((50, 60, 3), np.uint8))
    board.click(40, 20, modifiers=SHIFT)
    assert len(board.item.points) == 1


def test_shift_keeps_to_an_axis(board: Board) -> None:
    view = board.view
    board.drag((40, 60), (60, 64), release=False)
    events.move(view, board.at(61, 64), LEFT, SHIFT)
    events.move(view, board.at(90, 70), LEFT, SHIFT)
    events.move(view, board.at(120, 40), LEFT, SHIFT)
    events.release(view, board.at(120, 40), LEFT, SHIFT)
    points = board.item.points[:, :2] / PER_PIXEL
    assert points[-1] == pytest.approx([120, 64], abs=0.01)
    assert np.allclose(points[points[:, 0] > 60.5][:, 1], 64, atol=0.01)
    board.check()


def test_encircle_fills(board: Board) -> None:
    board.settings.encircle = True
    board.settings.radius = 3
    around = [(60 + 30 * np.cos(a), 60 + 30 * np.sin(a)) for a in np.linspace(0, 6, 40)]
    board.drag(*around)
    assert [type(item) for item in board.items] == [Brush, Polygon]
    assert len(board.committed) == 1, "one step to undo"
    assert len(board.committed[0][1]) == 2
    assert board.mask[60, 60] == 255
    assert board.mask[60, 90] == 255, "the brush's own width is masked as well"
    board.check()
    # Erasing takes the inside off as well.
    board.drag(*around, button=RIGHT)
    assert board.mask[45:75, 45:75].max() == 0
    assert board.mask.max() < 130, "half of the rim's half"
    board.check()


def test_encircle_of_a_dab_is_a_dab(board: Board) -> None:
    board.settings.encircle = True
    board.click(60, 60)
    assert len(board.items) == 1


def test_smoothing_lags_and_ends_at_the_hand(board: Board) -> None:
    board.settings.smoothing = 80
    path = [(40 + n, 60 + 6 * (n % 2)) for n in range(60)]
    board.drag(*path)
    points = board.item.points[:, :2] / PER_PIXEL
    assert points[-1] == pytest.approx(path[-1], abs=0.01)
    inner = points[(points[:, 0] > 55) & (points[:, 0] < 80)]
    assert np.ptp(inner[:, 1]) < 2
    board.check()


def test_outside_of_the_picture(board: Board) -> None:
    board.drag((-60, 60), (40, 60), (250, 60))
    assert board.mask[60, 0] == 255
    assert board.mask[60, 199] == 255
    board.check()
    board.drag((-40, -40), (-30, -40))
    assert len(board.items) == 1, "what doesn't touch the picture is no step"
    assert not board.painting.painting


def test_a_brush_that_shrinks_in_the_middle_of_a_stroke(board: Board) -> None:
    # It ends as what it began as: its edge touches the picture, 30 pixels off its middle.
    board.settings.radius = 40
    board.drag((-30, 50), (-28, 60), release=False)
    board.settings.radius = 2
    events.release(board.view, board.at(-28, 60), LEFT)
    assert len(board.items) == 1


def test_huge_and_tiny(board: Board) -> None:
    board.settings.radius = 1e9
    assert board.settings.radius == 5000
    board.drag((50, 50), (60, 60))
    assert board.item.radius == MAX_RADIUS
    assert board.mask.min() == 255
    board.settings.radius = 0
    board.settings.hardness = 100
    board.drag((50, 50), (150, 50), button=RIGHT)
    assert 0 < np.count_nonzero(board.mask < 255) < 400
    board.check()


def test_far_away_points_are_clamped(board: Board) -> None:
    board.view.zoom_to(1 / 64)
    board.drag((100, 60), (1e6, 60), (-1e6, 1e6))
    board.check()


def test_ring_follows(board: Board) -> None:
    hands = board.view.hands
    assert hands.ring is None
    events.move(board.view, board.at(50, 50))
    assert hands.ring is not None
    assert hands.ring.at == board.at(50, 50)
    assert hands.ring.radius == pytest.approx(16)
    assert hands.ring.core == pytest.approx(16 * 0.8)
    assert not hands.ring.erases
    board.key(Qt.Key.Key_E)
    assert hands.ring.erases
    board.key(Qt.Key.Key_R)
    board.key(Qt.Key.Key_U)
    assert hands.ring is None
    board.key(Qt.Key.Key_B)
    assert hands.ring is not None
    board.view.zoom_to(4.0)
    assert hands.ring.radius == pytest.approx(32)
    QApplication.sendEvent(board.view, QEvent(QEvent.Type.Leave))
    assert hands.ring is None


def test_sketch(board: Board) -> None:
    board.key(Qt.Key.Key_S)
    assert board.settings.layer == "sketch"
    board.settings.colour = "#102030"
    board.drag((40, 60), (60, 60))
    assert board.mask.max() == 0
    (layer, (item,), label), = board.committed
    assert (layer, label) == ("sketch", "Brush")
    assert item["c"] == "#102030"
    assert board.painting.sketch.layer[60, 50].tolist() == [16, 32, 48, 255]
    board.drag((50, 60), (60, 60), button=RIGHT)
    assert board.committed[1][1][0]["e"] == 1
    assert board.painting.sketch.layer[60, 55, 3] == 0


def test_right_button_opens_no_menu(board: Board) -> None:
    parent = Parent()
    board.view.setParent(parent)
    parent.show()
    board.view.show()
    for reason, comes in (
        (QContextMenuEvent.Reason.Mouse, 0),
        (QContextMenuEvent.Reason.Keyboard, 1),
    ):
        parent.menus = 0
        QApplication.sendEvent(
            board.view, QContextMenuEvent(reason, QPoint(50, 50), QCursor.pos())
        )
        assert parent.menus == comes
    board.view.setParent(None)
    parent.close()


class Parent(QWidget):
    menus = 0

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menus += 1


def test_fast_mouse(board: Board) -> None:
    """What waits to be drawn while drawing is slow is drawn at the end."""
    extended = []
    real = board.painting.extend

    def slow(points: object) -> None:
        extended.append(len(points))
        board.view.hands.tool._cost = 100.0
        real(points)
        board.view.hands.tool._cost = 100.0

    board.painting.extend = slow
    board.settings.radius = 1
    places = [(20 + n / 8, 60 + 20 * np.sin(n / 40)) for n in range(1000)]
    board.drag(*places)
    board.painting.extend = real
    assert len(board.item.points) > 400
    assert len(extended) < len(board.item.points)
    assert sum(extended) == len(board.item.points) - 1
    board.check()


def test_waiting_points_come_without_more_of_the_mouse(board: Board, qtbot: object) -> None:
    board.drag((40, 60), (60, 60), release=False)
    tool = board.view.hands.tool
    tool._cost, tool._drawn = 100.0, 1e12  # as if drawing had just ended, after a long time
    events.move(board.view, board.at(90, 60), LEFT)
    assert board.mask[60, 90] == 0
    qtbot.waitUntil(lambda: board.mask[60, 90] == 255)
    events.release(board.view, board.at(90, 60))
    board.check()


def test_alt_on_the_mask_paints(board: Board) -> None:
    board.click(50, 50, modifiers=ALT)
    assert len(board.items) == 1
