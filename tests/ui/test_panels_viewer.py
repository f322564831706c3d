"""The viewer: zooming and panning by real mouse, wheel and key events, and what is painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from events import double_click, drag, key, move, wheel
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent
from PySide6.QtWidgets import QApplication
from viewer_kit import (
    BLUE,
    RED,
    image,
    middle,
    probe,
    rect,
    shown_viewer,
)

from ui.panels.pictures import (
    picture_of,
)
from ui.panels.viewer_geometry import (
    KEPT,
    MAX_SCALE,
    MIN_SCALE,
    Placement,
    fitted,
)
from ui.panels.viewer_paint import level_for

if TYPE_CHECKING:

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


# Zooming and panning


def test_the_wheel_zooms_at_the_pointer(red: Viewer) -> None:
    spot = middle(red) + QPoint(60, -40)
    before = red.canvas.place_of(QPointF(spot))
    zoom = red.canvas.zoom
    wheel(red.canvas, spot, 2)
    after = red.canvas.place_of(QPointF(spot))
    assert red.canvas.zoom == pytest.approx(zoom * 1.25**2)
    assert (after - before).manhattanLength() < 1e-6
    assert not red.canvas.fits


@pytest.mark.parametrize("button", [Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton])
def test_a_drag_pans(red: Viewer, button: Qt.MouseButton) -> None:
    before = rect(red).topLeft()
    drag(red.canvas, middle(red), middle(red) + QPoint(37, -21), button)
    assert rect(red).topLeft() - before == QPointF(37, -21)


def test_however_far_it_is_dragged_some_of_it_stays(red: Viewer) -> None:
    for _ in range(3):
        drag(red.canvas, middle(red), middle(red) + QPoint(2000, 2000))
    seen = rect(red) & QRectF(red.canvas.rect())
    assert seen.width() >= KEPT - 1
    assert seen.height() >= KEPT - 1


@pytest.mark.parametrize(
    ("number", "zoom"),
    [(Qt.Key.Key_1, 1), (Qt.Key.Key_2, 2), (Qt.Key.Key_3, 4), (Qt.Key.Key_4, 8)],
)
def test_ctrl_and_a_number_zoom_and_ctrl_0_fits(red: Viewer, number: Qt.Key, zoom: int) -> None:
    fit = red.canvas.zoom
    key(red.canvas, number, CTRL)
    assert red.canvas.zoom == pytest.approx(zoom)
    key(red.canvas, Qt.Key.Key_0, CTRL)
    assert red.canvas.fits
    assert red.canvas.zoom == pytest.approx(fit)


def test_keys_of_the_viewer_come_before_shortcuts_of_the_window(red: Viewer) -> None:
    for pressed, modifiers, taken in (
        (Qt.Key.Key_0, CTRL, True),
        (Qt.Key.Key_M, Qt.KeyboardModifier.NoModifier, True),
        (Qt.Key.Key_Q, Qt.KeyboardModifier.NoModifier, False),
        (Qt.Key.Key_S, CTRL, False),
    ):
        event = QKeyEvent(QEvent.Type.ShortcutOverride, pressed, modifiers)
        event.ignore()
        QApplication.sendEvent(red.canvas, event)
        assert event.isAccepted() is taken, pressed


def test_plus_minus_and_shift_with_arrows(red: Viewer) -> None:
    zoom = red.canvas.zoom
    key(red.canvas, Qt.Key.Key_Plus, SHIFT)
    assert red.canvas.zoom == pytest.approx(zoom * 1.25)
    key(red.canvas, Qt.Key.Key_Minus)
    assert red.canvas.zoom == pytest.approx(zoom)
    before = rect(red).x()
    key(red.canvas, Qt.Key.Key_Left, SHIFT)
    assert rect(red).x() == before + 48


def test_a_double_click_goes_between_100_percent_and_all(red: Viewer) -> None:
    fit = red.canvas.zoom
    double_click(red.canvas, middle(red))
    assert red.canvas.zoom == pytest.approx(1)
    double_click(red.canvas, middle(red))
    assert red.canvas.zoom == pytest.approx(fit)


def test_a_fitted_picture_follows_the_size_of_the_view(red: Viewer) -> None:
    before = red.canvas.zoom
    red.resize(300, 300)
    assert red.canvas.zoom < before
    wheel(red.canvas, middle(red))
    zoom = red.canvas.zoom
    red.resize(500, 500)
    assert red.canvas.zoom == zoom


def test_a_picture_of_the_same_size_keeps_the_place(red: Viewer) -> None:
    wheel(red.canvas, middle(red), 3)
    before = red.canvas._placement
    red.show_image(image(BLUE), "blue")
    assert red.canvas._placement == before
    red.show_image(image(BLUE, 32, 80), "other")
    assert red.canvas.fits


def test_above_200_percent_pixels_are_squares_below_they_are_smoothed(viewer: Viewer) -> None:
    pair = QImage(8, 8, QImage.Format.Format_RGB32)
    for x in range(8):
        for y in range(8):
            pair.setPixelColor(x, y, QColor("white" if x < 4 else "black"))
    viewer.show_image(pair, "pair")
    viewer.canvas.zoom_to(8.0)
    edge = rect(viewer).x() + 4 * 8
    y = rect(viewer).center().y()
    assert probe(viewer, edge - 2, y) == QColor("white")
    assert probe(viewer, edge + 1, y) == QColor("black")
    viewer.canvas.zoom_to(1.9)
    edge = rect(viewer).x() + 4 * 1.9
    between = [probe(viewer, edge + d, y).red() for d in (-2, -1, 0, 1)]
    assert any(20 < value < 235 for value in between)


def test_at_100_percent_every_pixel_is_the_picture_s_own(viewer: Viewer) -> None:
    noise = QImage(31, 31, QImage.Format.Format_RGB32)
    for x in range(31):
        for y in range(31):
            noise.setPixelColor(x, y, QColor((x * 37) % 256, (y * 91) % 256, (x * y) % 256))
    viewer.show_image(noise, "noise")
    viewer.canvas.zoom_to(1.0)
    corner = rect(viewer).topLeft()
    seen = viewer.canvas.grab().toImage().copy(round(corner.x()), round(corner.y()), 31, 31)
    assert seen.convertToFormat(noise.format()) == noise


def test_small_on_screen_a_smaller_level_is_drawn() -> None:
    picture = picture_of(image(RED, 4096, 2048))
    assert [level.width() for level in picture.levels] == [4096, 2048, 1024, 512]
    assert level_for(picture, 1.0).width() == 4096
    assert level_for(picture, 0.3).width() == 2048
    assert level_for(picture, 0.01).width() == 512
    assert level_for(picture, 4.0).width() == 4096


def test_the_pixel_under_the_pointer_is_told(red: Viewer) -> None:
    red.canvas.zoom_to(2.0)
    corner = rect(red).topLeft()
    move(red.canvas, corner + QPointF(2 * 10 + 1, 2 * 7 + 1))
    assert red._pixel.text().startswith(f"10, 7  {RED.name()} · ")
    move(red.canvas, QPoint(1, 1))
    assert RED.name() not in red._pixel.text()


@given(
    st.floats(MIN_SCALE, MAX_SCALE),
    st.floats(-500, 500),
    st.floats(-500, 500),
    st.floats(0.001, 500),
)
def test_zooming_keeps_what_is_under_the_anchor(
    scale: float, x: float, y: float, wanted: float
) -> None:
    placement = Placement(scale, x, y)
    anchor = QPointF(120, 80)
    zoomed = placement.zoomed(wanted, anchor)
    assert MIN_SCALE <= zoomed.scale <= MAX_SCALE
    assert (zoomed.to_picture(anchor) - placement.to_picture(anchor)).manhattanLength() < 1e-3


@given(st.floats(1, 9000), st.floats(1, 9000), st.floats(50, 3000), st.floats(50, 3000))
def test_a_fitted_picture_is_inside_the_view(
    width: float, height: float, room_x: float, room_y: float
) -> None:
    view = QRectF(10, 20, room_x, room_y)
    placed = fitted(QSizeF(width, height), view, 8.0)
    assert placed.scale <= 8.0
    if placed.scale > MIN_SCALE:
        assert view.adjusted(-0.01, -0.01, 0.01, 0.01).contains(
            placed.rect(QSizeF(width, height))
        )
