"""Eyedropper, hand, zoom, the brush's size by a drag, and how tools draw what is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import numpy as np
import pytest
from events import ALT, LEFT, MIDDLE, RIGHT
from paint_board import Board
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage, QPainter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtWidgets import QApplication

Key = Qt.Key

@pytest.fixture
def board(qapp: QApplication) -> Iterator[Board]:
    made = Board()
    yield made
    made.close()


def test_alt_picks_on_the_sketch(board: Board) -> None:
    board.settings.layer = "sketch"
    red, green, blue = board.picture[55, 77].tolist()
    board.click(77.5, 55.5, modifiers=ALT)
    assert board.settings.rgb == (red, green, blue)
    assert not board.committed
    board.settings.colour = "#ff0000"
    board.settings.opacity = 50
    board.settings.hardness = 100
    board.click(30.5, 30.5)
    board.key(Key.Key_I)
    board.click(30.5, 30.5)
    below = board.picture[30, 30].astype(float)
    assert np.allclose(board.settings.rgb, below * 0.5 + np.array([255, 0, 0]) * 0.5, atol=2)
    picked = board.settings.colour
    board.click(-10, 10)
    assert board.settings.colour == picked


def test_eyedropper_drags_and_gives_up(board: Board) -> None:
    board.key(Key.Key_I)
    before = board.settings.colour
    board.drag((30, 30), (90, 90), release=False)
    assert board.settings.rgb == tuple(board.picture[90, 90].tolist())
    board.key(Key.Key_Escape)
    assert board.settings.colour == before
    events.release(board.view, board.at(90, 90))


@pytest.mark.parametrize("how", ["middle", "space", "hand"])
def test_pan(board: Board, how: str) -> None:
    button = MIDDLE if how == "middle" else LEFT
    if how == "space":
        events.key_press(board.view, Key.Key_Space)
        assert board.view.cursor().shape() == Qt.CursorShape.OpenHandCursor
    elif how == "hand":
        board.key(Key.Key_H)
    x, y = board.view.placement.x, board.view.placement.y
    spot = board.at(60, 60)
    events.drag_to(board.view, spot, spot + QPointF(30, -20), button)
    assert board.view.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    events.release(board.view, spot + QPointF(30, -20), button)
    assert (board.view.placement.x, board.view.placement.y) == (x + 30, y - 20)
    if how == "space":
        events.key_release(board.view, Key.Key_Space)
        assert board.view.cursor().shape() == Qt.CursorShape.CrossCursor
    assert not board.items


def test_hand_double_click_fits(board: Board) -> None:
    board.key(Key.Key_H)
    assert not board.view.fits
    events.double_click(board.view, board.at(60, 60))
    assert board.view.fits


def test_zoom_tool(board: Board) -> None:
    board.key(Key.Key_Z)
    board.click(60, 60)
    assert board.view.zoom == pytest.approx(4)
    board.click(60, 60, modifiers=ALT)
    board.click(60, 60, button=RIGHT)
    assert board.view.zoom == pytest.approx(1)
    spot = board.at(60, 60)
    events.drag(board.view, spot, spot + QPointF(70, 0))
    assert board.view.zoom == pytest.approx(np.exp(0.7))
    assert (board.at(60, 60) - spot).manhattanLength() <= 2
    assert not board.items


def test_alt_right_drag_sizes(board: Board) -> None:
    board.settings.radius, board.settings.hardness = 10, 50
    spot = board.at(60, 60)
    events.drag_to(board.view, spot, spot + QPointF(40, 30), RIGHT, ALT)
    assert board.settings.radius == pytest.approx(30)
    assert board.settings.hardness == 35
    ring = board.view.hands.ring
    assert ring is not None
    assert ring.at == spot, "it stays where the drag began"
    assert ring.radius == pytest.approx(60)
    assert ring.words == "60 px, 35 % hard"
    board.key(Key.Key_Escape)
    assert (board.settings.radius, board.settings.hardness) == (10, 50)
    events.release(board.view, spot, RIGHT, ALT)
    events.drag(board.view, spot, spot + QPointF(-100, -100), RIGHT, ALT)
    assert (board.settings.radius, board.settings.hardness) == (0.5, 100)
    assert not board.items
    assert board.view.hands.ring.words == ""


def test_what_is_under_way_is_drawn(board: Board) -> None:
    """In the place that `bounds` says, and nowhere else."""

    def drawn() -> QImage:
        image = QImage(board.view.size(), QImage.Format.Format_RGB32)
        image.fill(0xFF808080)
        painter = QPainter(image)
        board.view.hands.draw(painter)
        painter.end()
        return image

    empty = drawn()
    for tool in ("lasso", "polygon", "rectangle", "ellipse"):
        board.settings.tool = tool
        if tool == "polygon":
            for place in ((40, 40), (120, 50), (90, 90)):
                board.click(*place)
        else:
            board.drag((40, 40), (120, 50), (90, 90), release=False)
        image = drawn()
        assert image != empty, tool
        painter = QPainter(image)
        painter.fillRect(board.view.hands.tool.bounds(), 0xFF808080)
        painter.end()
        assert image == empty, tool
        assert not board.view.grab().isNull()
        board.view.hands.cancel()
        assert board.view.hands.tool.bounds().isEmpty()
