"""The viewer: two pictures, compared by the slider, side by side and by hovering."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import click, drag, key, move, wheel
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtWidgets import QApplication
from viewer_kit import (
    BLUE,
    RED,
    file,
    image,
    probe,
    rect,
    show_both,
    shown,
    shown_viewer,
)

from ui.panels.viewer_geometry import (
    Compare,
    halves,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from ui.panels.viewer import Viewer

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def viewer(qtbot: QtBot) -> Viewer:
    made = shown_viewer()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def red(viewer: Viewer) -> Viewer:
    """A viewer with a red picture of 64 x 64."""
    viewer.show_image(image(RED), "red")
    return viewer


@pytest.fixture
def both(viewer: Viewer) -> Viewer:
    """A viewer that compares red, before, with blue."""
    show_both(viewer)
    return viewer


# Comparing


def test_the_slider_shows_what_was_before_on_its_left(both: Viewer) -> None:
    y = rect(both).center().y() + 60
    assert probe(both, rect(both).left() + 20, y) == RED
    assert probe(both, rect(both).right() - 20, y) == BLUE
    start = QPointF(both.canvas._divider_x(), y)
    end = QPointF(rect(both).left() + rect(both).width() * 0.8, y)
    drag(both.canvas, start, end)
    assert both.canvas.split == pytest.approx(0.8, abs=0.01)
    assert probe(both, rect(both).left() + rect(both).width() * 0.7, y) == RED
    drag(both.canvas, end, end + QPointF(3000, 0))
    assert both.canvas.split == 1.0


def test_beside_the_slider_a_drag_pans(both: Viewer) -> None:
    before, split = rect(both).topLeft(), both.canvas.split
    start = QPointF(both.canvas._divider_x() + 60, 200)
    drag(both.canvas, start, start + QPointF(15, 5))
    assert rect(both).topLeft() - before == QPointF(15, 5)
    assert both.canvas.split == split


def test_the_slider_cannot_be_lost_outside_the_view(both: Viewer) -> None:
    both.canvas.zoom_to(30.0)
    y = 200
    drag(both.canvas, QPointF(both.canvas._divider_x(), y), QPointF(4000, y))
    assert 0 < both.canvas._divider_x() < both.canvas.width()


def test_side_by_side_both_show_the_same_part(both: Viewer) -> None:
    both.canvas.set_compare(Compare.SIDE)
    left, right = halves(QRectF(both.canvas.rect()), 2)
    assert probe(both, left.center().x(), left.center().y()) == RED
    assert probe(both, right.center().x(), right.center().y()) == BLUE
    spot = right.center() + QPointF(20, 10)
    twin = left.center() + QPointF(20, 10)
    assert both.canvas.place_of(spot) == both.canvas.place_of(twin)
    before = both.canvas.place_of(spot)
    wheel(both.canvas, spot, 3)
    assert (both.canvas.place_of(spot) - before).manhattanLength() < 1e-6


def test_hovering_shows_the_other_one(both: Viewer) -> None:
    both.canvas.set_compare(Compare.HOVER)
    QApplication.sendEvent(both.canvas, QEvent(QEvent.Type.Leave))
    spot = rect(both).center()
    assert probe(both, spot.x(), spot.y()) == BLUE
    move(both.canvas, spot)
    assert probe(both, spot.x(), spot.y()) == RED
    QApplication.sendEvent(both.canvas, QEvent(QEvent.Type.Leave))
    assert probe(both, spot.x(), spot.y()) == BLUE


def test_m_goes_round_the_ways_to_compare_and_the_buttons_follow(both: Viewer) -> None:
    modes = []
    for _ in range(3):
        key(both.canvas, Qt.Key.Key_M)
        modes.append(both.canvas.compare)
        checked = both._modes.checkedId()
        assert (Compare.SLIDER, Compare.SIDE, Compare.HOVER)[checked] is both.canvas.compare
    assert modes == [Compare.SIDE, Compare.HOVER, Compare.SLIDER]
    button = both._modes.button(1)
    click(button, button.rect().center())
    assert both.canvas.compare is Compare.SIDE


def test_c_swaps(both: Viewer) -> None:
    key(both.canvas, Qt.Key.Key_C)
    assert both.canvas.picture is not None
    assert both.canvas.before is not None
    assert (both.canvas.picture.name, both.canvas.before.name) == ("red", "blue")
    assert both._name.text() == "red"
    assert both._against.text() == "with blue"


def test_without_another_picture_there_is_nothing_to_compare(red: Viewer) -> None:
    key(red.canvas, Qt.Key.Key_M)
    key(red.canvas, Qt.Key.Key_C)
    red.canvas.set_compare(Compare.SIDE)
    assert red.canvas.compare is Compare.OFF
    assert not red._comparing.isVisible()


def test_the_bar_for_comparing_comes_and_goes(both: Viewer) -> None:
    assert both._comparing.isVisible()
    both.stop_comparing()
    assert not both._comparing.isVisible()
    assert both.canvas.compare is Compare.OFF
    assert both.canvas.before is None


def test_a_picture_of_another_size_is_stretched_over_the_first(red: Viewer) -> None:
    red.hold()
    red.show_image(image(BLUE, 256, 256), "larger")
    y = rect(red).center().y() + 60
    assert probe(red, rect(red).left() + 5, y) == RED


def test_a_file_to_compare_with(red: Viewer, qtbot: QtBot, tmp_path: Path) -> None:
    red.compare_with(file(tmp_path, "blue.png", BLUE))
    shown(red, qtbot)
    assert red.canvas.before is not None
    assert red.canvas.before.name == "blue.png"
    red.compare_with(tmp_path / "gone.png")
    shown(red, qtbot)
    assert "isn't there" in red.notice.text()
    assert red.canvas.before.name == "blue.png"
