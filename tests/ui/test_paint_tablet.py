"""A pen on the brush canvas: pressure, its eraser, its buttons, and mouse events that double it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import paint_board as kit
import pytest
from events import ALT, LEFT, NO_BUTTON, PLAIN, RIGHT
from paint_board import Board, pen, pen_drag, pen_move, pen_press, pen_release
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from studio.masks.items import OPACITY, SIZE, UNIT, Polygon, Rectangle

if TYPE_CHECKING:
    from collections.abc import Iterator

MIDDLE = Qt.MouseButton.MiddleButton


@pytest.fixture
def board(qapp: QApplication) -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def test_pressure_changes_the_size(board: Board) -> None:
    board.settings.radius = 16
    pen_drag(board, *((30 + 4 * n, 60, n / 30) for n in range(31)))
    brush = board.item
    assert brush.pressure == SIZE
    pressures = brush.points[:, 2]
    assert pressures[0] == round(0.05 * 255), "5 % at least"
    assert (pressures >= 13).all()
    assert pressures[-1] > 200
    assert (pressures[1:] >= pressures[:-1]).all()
    assert (board.mask[:, 32] > 0).sum() < 4
    assert (board.mask[:, 148] > 0).sum() > 24
    board.check()


@pytest.mark.parametrize(
    ("size", "opacity", "use"),
    [(True, False, SIZE), (False, True, OPACITY), (True, True, SIZE | OPACITY), (False, False, 0)],
)
def test_what_pressure_changes(board: Board, size: bool, opacity: bool, use: int) -> None:
    board.settings.pressure_size, board.settings.pressure_opacity = size, opacity
    pen_drag(board, *((30 + 3 * n, 60, 0.4) for n in range(20)))
    assert board.item.pressure == use
    if not use:
        assert set(board.item.points[:, 2].tolist()) == {255}
        assert board.mask.max() == 255
    if opacity:
        assert 95 <= board.mask.max() <= 110
    board.check()


def test_pressure_is_smoothed(board: Board) -> None:
    board.settings.spacing = 1
    shaky = [(30 + 2 * n, 60, 0.5 + 0.3 * (-1) ** n) for n in range(50)]
    pen_drag(board, *shaky)
    steps = abs(board.item.points[10:-1, 2].astype(int) - 128)
    assert steps.max() < 0.2 * 255
    board.check()


def test_pressing_harder_on_the_spot(board: Board) -> None:
    board.settings.radius = 20
    pen_drag(board, *((60, 60, p) for p in (0.05, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0)))
    assert len(board.item.points) > 3
    assert (board.mask[60] > 0).sum() > 34
    board.check()


def test_release_doesnt_thin_the_end(board: Board) -> None:
    pen_press(board.view, board.at(40, 60), 0.8, time=10)
    for n in range(20):
        pen_move(board.view, board.at(41 + 2 * n, 60), 0.8, time=15 + 5 * n)
    pen_release(board.view, board.at(79, 60), time=120)
    assert board.item.points[-1, 2] == pytest.approx(0.8 * 255, abs=2)
    board.check()


def test_eraser_end(board: Board) -> None:
    board.settings.radius = 20
    board.click(60, 60)
    pen_drag(board, (60, 60, 1.0), (70, 60, 1.0), end=kit.RUBBER)
    assert board.items[1].erase
    assert board.mask[60, 65] == 0
    board.key(Qt.Key.Key_U)
    pen_drag(board, (40, 40, 1.0), (80, 80, 1.0), end=kit.RUBBER)
    assert isinstance(board.items[2], Rectangle)
    assert board.items[2].erase
    board.check()


def test_barrel_button_erases(board: Board) -> None:
    board.settings.radius = 20
    board.click(60, 60)
    view = board.view
    # Some drivers tell the button first, in the air, then the tip.
    pen(view, QEvent.Type.TabletPress, board.at(60, 60), 0.0, button=RIGHT, buttons=RIGHT)
    assert not view.hands.busy
    pen_press(view, board.at(60, 60), 0.9, buttons=LEFT | RIGHT)
    pen_move(view, board.at(66, 60), 0.9, buttons=LEFT | RIGHT)
    pen_release(view, board.at(66, 60), buttons=RIGHT)
    pen(view, QEvent.Type.TabletRelease, board.at(66, 60), 0.0, button=RIGHT)
    assert [item.erase for item in board.items] == [False, True]
    # Others tell both as the right button.
    pen_press(view, board.at(50, 60), 0.9, button=RIGHT, buttons=RIGHT)
    pen_move(view, board.at(52, 60), 0.9, buttons=RIGHT)
    pen_release(view, board.at(52, 60), button=RIGHT)
    assert [item.erase for item in board.items] == [False, True, True]
    board.check()


def test_barrel_buttons_size_and_pan(board: Board) -> None:
    view = board.view
    before = board.settings.radius
    spot = board.at(60, 60)
    about = {"button": RIGHT, "buttons": RIGHT, "modifiers": ALT}
    pen_press(view, spot, 0.5, **about)
    pen_move(view, spot + QPointF(20, 0), 0.5, buttons=RIGHT, modifiers=ALT)
    pen_release(view, spot + QPointF(20, 0), button=RIGHT, modifiers=ALT)
    assert board.settings.radius == pytest.approx(before + 10)
    x = view.placement.x
    pen(view, QEvent.Type.TabletPress, spot, 0.0, button=MIDDLE, buttons=MIDDLE)
    pen_move(view, spot + QPointF(14, 0), 0.0, buttons=MIDDLE)
    pen_release(view, spot + QPointF(14, 0), button=MIDDLE)
    assert view.placement.x == pytest.approx(x + 14)
    assert not board.items


def test_events_are_taken(board: Board) -> None:
    """Qt makes mouse events of those that aren't."""
    view = board.view
    assert pen_press(view, board.at(40, 60)).isAccepted()
    assert pen_move(view, board.at(50, 60)).isAccepted()
    assert pen_release(view, board.at(50, 60)).isAccepted()
    assert pen_move(view, board.at(60, 60), 0.0, buttons=NO_BUTTON).isAccepted()


def test_doubled_events(board: Board) -> None:
    """Some systems send a mouse's events beside the pen's."""
    view = board.view
    places = [board.at(40 + 5 * n, 60) for n in range(8)]
    echo(board, QEvent.Type.MouseMove, places[0], NO_BUTTON, NO_BUTTON)
    pen_press(view, places[0], 0.6)
    echo(board, QEvent.Type.MouseButtonPress, places[0], LEFT, LEFT)
    for place in places[1:]:
        pen_move(view, place, 0.6)
        echo(board, QEvent.Type.MouseMove, place, NO_BUTTON, LEFT)
    pen_release(view, places[-1])
    echo(board, QEvent.Type.MouseButtonRelease, places[-1], LEFT, NO_BUTTON)
    # All of it once more, late.
    echo(board, QEvent.Type.MouseButtonPress, places[0], LEFT, LEFT)
    echo(board, QEvent.Type.MouseMove, places[1], NO_BUTTON, LEFT)
    echo(board, QEvent.Type.MouseButtonRelease, places[1], LEFT, NO_BUTTON)
    assert len(board.committed) == 1
    assert board.item.pressure == SIZE
    # A real mouse is one.
    board.click(100, 100)
    assert len(board.committed) == 2
    board.check()


def echo(
    board: Board, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton
) -> None:
    above = QPointF(board.view.mapToGlobal(at.toPoint()))
    event = QMouseEvent(
        kind, at, at, above, button, held, PLAIN, Qt.MouseEventSource.MouseEventSynthesizedBySystem
    )
    QApplication.sendEvent(board.view, event)


def test_the_mouse_waits_for_the_pen(board: Board) -> None:
    view = board.view
    pen_press(view, board.at(40, 60))
    events.press(view, board.at(100, 100))
    events.move(view, board.at(120, 100), LEFT)
    events.release(view, board.at(120, 100))
    pen_move(view, board.at(60, 60))
    pen_release(view, board.at(60, 60))
    assert len(board.committed) == 1
    assert board.mask[100, 110] == 0
    board.drag((40, 20), (60, 20), release=False)
    pen_press(view, board.at(100, 100))
    pen_release(view, board.at(100, 100))
    events.release(view, board.at(60, 20))
    assert len(board.committed) == 2
    board.check()


def test_out_of_reach(board: Board, qapp: QApplication) -> None:
    """A pen that is taken away in the middle of a stroke: what was drawn stays."""
    pen_press(board.view, board.at(40, 60), 0.7)
    pen_move(board.view, board.at(80, 60), 0.7)
    pen(qapp, QEvent.Type.TabletLeaveProximity, QPointF(), 0.0)
    assert len(board.committed) == 1
    assert not board.view.hands.busy
    assert board.mask[60, 80] == 255
    pen(qapp, QEvent.Type.TabletLeaveProximity, QPointF(), 0.0)
    board.click(100, 100)
    assert len(board.committed) == 2
    board.check()


def test_a_pen_that_hovers(board: Board) -> None:
    pen_move(board.view, board.at(70, 40), 0.0, buttons=NO_BUTTON)
    assert board.view.hands.ring is not None
    assert board.view.hands.ring.at == board.at(70, 40)
    assert not board.items


def test_a_release_that_was_lost(board: Board) -> None:
    view = board.view
    pen_press(view, board.at(40, 60), 0.7)
    pen_move(view, board.at(60, 60), 0.7)
    pen_move(view, board.at(90, 90), 0.0, buttons=NO_BUTTON)
    assert len(board.committed) == 1
    pen_press(view, board.at(40, 20), 0.7)
    pen_press(view, board.at(80, 20), 0.7)
    pen_release(view, board.at(80, 20))
    assert len(board.committed) == 3
    board.check()


def test_focus_loss(board: Board) -> None:
    pen_press(board.view, board.at(40, 60), 0.7)
    pen_move(board.view, board.at(60, 60), 0.7)
    board.view.clearFocus()
    assert board.mask.max() == 0
    pen_move(board.view, board.at(80, 60), 0.7)
    pen_release(board.view, board.at(80, 60))
    assert not board.committed


def test_double_tap_closes_a_polygon(board: Board) -> None:
    board.key(Qt.Key.Key_P)
    for x, y in ((40, 40), (120, 40), (80, 90), (80, 90)):
        pen_press(board.view, board.at(x, y), 0.5)
        pen_release(board.view, board.at(x, y))
    assert isinstance(board.item, Polygon)
    corners = (board.item.points / (UNIT / 200)).round().tolist()
    assert corners == [[40, 40], [120, 40], [80, 90]]
    board.check()


def test_places_between_pixels(board: Board) -> None:
    pen_drag(board, (40.25, 60.75, 1.0))
    at = board.at(40.25, 60.75)
    spot = board.view.placement.to_picture(at)
    assert board.item.points[0, :2].tolist() == list(board.painting.to_units(spot.x(), spot.y()))
    assert (board.item.points[0, :2] / (UNIT / 200)).tolist() == pytest.approx(
        [40.25, 60.75], abs=0.01
    )
