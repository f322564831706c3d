"""Strokes that are given up, cut short or asked for too early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import pytest
from events import CTRL, LEFT, MIDDLE, NO_BUTTON, PLAIN, RIGHT
from paint_board import Board
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QLineEdit

from ui.paint.painting import Painting

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def board(qapp: QApplication) -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


@pytest.mark.parametrize("how", ["escape", "undo", "focus", "hide", "replaced", "unready"])
def test_giving_up(board: Board, how: str) -> None:
    board.click(20, 20)
    before = board.mask.copy()
    board.drag((40, 60), (90, 70), release=False)
    assert (board.mask != before).any()
    match how:
        case "escape":
            board.key(Qt.Key.Key_Escape)
        case "undo":
            board.key(Qt.Key.Key_Z, CTRL)
        case "focus":
            line = QLineEdit(board.view)
            line.show()
            line.setFocus()
        case "hide":
            board.view.hide()
        case "replaced":
            board.painting.set(board.painting.strokes.__class__(board.items[:1]), sketch(board))
        case "unready":
            board.painting.say("Reading …")
    assert (board.mask == before).all()
    events.move(board.view, board.at(100, 80), LEFT)
    events.release(board.view, board.at(100, 80))
    assert (board.mask == before).all()
    assert len(board.committed) == 1
    assert not board.view.hands.busy
    board.painting.say("", ready=True)
    board.view.show()
    board.click(100, 80)
    assert len(board.committed) == 2
    board.check()


def sketch(board: Board) -> object:
    return board.painting.sketch.sketch


def test_another_painting_in_the_middle(board: Board) -> None:
    before, other = board.painting, Painting()
    board.drag((40, 60), (90, 70), release=False)
    other.show(board.picture)
    board.view.set_painting(other)
    assert not before.painting
    assert not before.mask.mask.any()
    events.move(board.view, board.at(100, 80), LEFT)
    events.release(board.view, board.at(100, 80))
    assert not other.mask.mask.any()
    board.click(50, 50)
    assert other.mask.mask[50, 50] == 255
    assert not before.mask.mask.any()
    before.say("Reading …")
    assert board.view.hands.ring is not None, "that one is of no concern any more"


def test_another_picture_in_the_middle(board: Board) -> None:
    board.drag((40, 60), (90, 70), release=False)
    board.painting.show(board.picture)
    events.move(board.view, board.at(100, 80), LEFT)
    events.release(board.view, board.at(100, 80))
    assert not board.committed
    assert not board.mask.any()


def test_undo_in_the_middle_is_the_canvas_own(board: Board) -> None:
    def override() -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Z, CTRL)
        event.ignore()
        QApplication.sendEvent(board.view, event)
        return event.isAccepted()

    assert not override(), "the window undoes"
    board.drag((40, 60), (90, 70), release=False)
    assert override()
    board.view.hands.cancel()
    assert not override()


def test_both_buttons(board: Board) -> None:
    view = board.view
    board.drag((40, 60), (60, 60), release=False)
    events.press(view, board.at(60, 60), RIGHT)
    events.press(view, board.at(60, 60), MIDDLE)
    events._mouse(view, QEvent.Type.MouseMove, board.at(80, 60), NO_BUTTON, LEFT | RIGHT, PLAIN)
    events._mouse(
        view, QEvent.Type.MouseButtonRelease, board.at(80, 60), RIGHT, LEFT, PLAIN
    )
    assert board.painting.painting
    events.move(view, board.at(100, 60), LEFT)
    events.release(view, board.at(100, 60), LEFT)
    assert len(board.committed) == 1
    assert not board.item.erase
    assert board.mask[60, 100] == 255
    board.check()


def test_a_release_that_was_lost(board: Board) -> None:
    board.drag((40, 60), (60, 60), release=False)
    events.move(board.view, board.at(90, 90))
    assert len(board.committed) == 1
    assert board.mask[90, 90] == 0
    board.drag((40, 60), (60, 60), release=False)
    board.drag((100, 20), (110, 20))
    assert len(board.committed) == 3
    board.check()


def test_leaving_with_the_button_down(board: Board) -> None:
    board.drag((40, 60), (60, 60), release=False)
    QApplication.sendEvent(board.view, QEvent(QEvent.Type.Leave))
    assert board.painting.painting
    events.move(board.view, QPointF(-50, 100), LEFT)
    events.release(board.view, QPointF(-50, 100))
    assert len(board.committed) == 1
    assert board.view.hands.pointer is None
    assert board.view.hands.ring is None
    board.check()


def test_hands_that_the_interpreter_took_apart(board: Board) -> None:
    # What a garbage collection at its end does: the object is empty, Qt's part still listens.
    about = vars(board.view.hands)
    kept = dict(about)
    about.clear()
    try:
        board.drag((50, 50), (90, 60))
    finally:
        about.update(kept)
    assert not board.items
    board.drag((50, 50), (90, 60))
    assert len(board.items) == 1


def test_timers_go_with_their_view(board: Board) -> None:
    for name in ("brush", "eraser"):
        timer = board.view.hands.tools[name]._timer
        assert timer.parent() is board.view


def test_not_ready_says_so(board: Board) -> None:
    board.painting.say("Reading shapes.png …")
    board.messages.clear()
    board.drag((40, 60), (60, 60))
    events.wheel(board.view, board.at(40, 60), 1, CTRL)
    board.key(Qt.Key.Key_Delete)
    assert not board.committed
    assert set(board.messages) == {"Reading shapes.png …"}
    assert board.view.hands.ring is None
    assert board.view.cursor().shape() == Qt.CursorShape.ArrowCursor
    board.painting.say("", ready=False)
    board.messages.clear()
    board.click(40, 40)
    assert "still being drawn" in board.messages[0]
