"""The canvas' view with real events: what is on the screen is what a whole repaint would give."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import (
    QMimeData,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    Qt,
    QUrl,
)
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from studio.masks.items import Fill
from tests.ui.events import LEFT, drag, drag_to, key_press, key_release, move, release, wheel
from tests.ui.paint_kit import a_view, agree, flat, grabbed, noise, on_screen, stroke
from ui.paint.painting import Painting
from ui.paint.placement import Placement
from ui.paint.tools.base import Ring
from ui.theme.manager import instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from pytestqt.qtbot import QtBot

    from ui.paint.view import PaintView

    Show = Callable[[NDArray[np.uint8] | None], PaintView]


@pytest.fixture
def show() -> Iterator[Show]:
    """Makes shown views of a picture, or of none."""
    with contextlib.ExitStack() as stack:
        yield lambda picture: stack.enter_context(a_view(picture))


@pytest.fixture
def view(show: Show) -> PaintView:
    return show(noise(400, 300))


def quiet(view: PaintView, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not view._effects.busy)


@pytest.mark.parametrize("overlay", ["tint", "contour", "checker"])
@pytest.mark.parametrize("zoom", [0.0, 0.6, 1.0, 1.5, 3.0, 12.0])
def test_strokes_of_a_hand_leave_no_trace_but_the_mask(
    view: PaintView, zoom: float, overlay: str
) -> None:
    view.settings.overlay = overlay
    if zoom:
        view.zoom_to(zoom)
    rng = np.random.default_rng(7)
    for _ in range(4):
        view.settings.radius = float(rng.uniform(1, 60) / max(view.zoom, 1))
        view.settings.hardness = int(rng.integers(0, 101))
        start, end = (QPointF(*rng.uniform(0, 400, 2)) for _ in range(2))
        drag_to(view, start, end, steps=5)
        agree(view)
        release(view, end)
        move(view, QPointF(*rng.uniform(0, 400, 2)))
        agree(view)
    assert len(view.painting.strokes) == 4
    assert view.painting.mask.mask.any()


def test_the_ring_follows_and_leaves_nothing(view: PaintView) -> None:
    for radius in (1.0, 20.0, 90.0):
        view.settings.radius = radius
        for at in ((100, 100), (103, 104), (300, 20), (499, 399), (2, 2)):
            move(view, QPoint(*at))
            agree(view)
    before = on_screen(view)
    ring = view.hands.ring
    assert ring is not None
    move(view, QPoint(200, 200))
    assert not np.array_equal(on_screen(view), before)


def test_panning_and_zooming_leave_nothing(view: PaintView) -> None:
    view.painting.add("mask", stroke(view.painting, [(50, 50), (300, 200)], 20))
    for _ in range(5):
        wheel(view, QPoint(120, 90), 1.0)
        agree(view)
        view.pan_by(-13, 9)
        view.pan_by(40, -3)
        agree(view)
    view.fit()
    agree(view)
    view.resize(300, 350)
    agree(view)


def test_what_is_under_the_pointer_stays_there(view: PaintView) -> None:
    at = QPointF(333, 222)
    for notches in (1, 3, -2, 5):
        before = view.placement.to_picture(at)
        wheel(view, at, notches)
        after = view.placement.to_picture(at)
        # Within what the picture's corner is moved by to lie on the screen's pixels.
        assert abs(after.x() - before.x()) * view.zoom <= 0.51
        assert abs(after.y() - before.y()) * view.zoom <= 0.51


def test_a_picture_is_fitted_and_stays_so(view: PaintView) -> None:
    assert view.fits
    view.resize(800, 400)
    rect = view.placement.rect(QRectF(0, 0, 400, 300))
    assert QRectF(view.rect()).contains(rect)
    assert abs(rect.center().x() - 400) <= 1
    zooms: list[float] = []
    view.zoomed.connect(zooms.append)
    view.zoom_to(2.0)
    assert not view.fits
    assert zooms == [2.0]
    assert view.zoom == 2.0
    view.pan_by(10_000, 10_000)
    assert view.rect().intersects(view.placement.rect(QRectF(0, 0, 400, 300)).toAlignedRect())
    view.zoom_to(1e9)
    assert view.zoom == 64.0


def test_the_picture_is_seen_pixel_by_pixel(view: PaintView) -> None:
    view.zoom_to(1.0)
    placed = view.placement
    x, y = round(placed.x), round(placed.y)
    found = grabbed(view)[y : y + 300, x : x + 400]
    picture = view.painting.picture
    assert picture is not None
    red, green, blue = (picture[..., channel].astype(np.uint32) for channel in range(3))
    assert np.array_equal(found, red << 16 | green << 8 | blue)


def test_the_overlay_hides_while_a_key_is_held(view: PaintView) -> None:
    plain = grabbed(view)
    view.painting.add("mask", Fill())
    tinted = grabbed(view)
    assert not np.array_equal(plain, tinted)
    view.setFocus()
    key_press(view, Qt.Key.Key_Backslash, text="\\")
    assert view.overlay_hidden
    assert np.array_equal(grabbed(view), plain)
    key_release(view, Qt.Key.Key_Backslash, text="\\")
    assert np.array_equal(grabbed(view), tinted)


def test_colour_and_opacity_of_the_overlay(show: Show) -> None:
    view = show(flat(100, 100))
    view.zoom_to(1.0)
    view.painting.add("mask", Fill())
    view.settings.overlay_colour, view.settings.overlay_opacity = "#00ff00", 100
    at = view.rect().center()
    assert grabbed(view)[at.y(), at.x()] == 0x00FF00
    view.settings.overlay_opacity = 50
    colour = int(grabbed(view)[at.y(), at.x()])
    assert abs((colour >> 8 & 255) - 192) <= 1
    assert abs((colour & 255) - 64) <= 1


def test_a_sketch_is_seen_under_the_mask(view: PaintView) -> None:
    view.settings.guides = False
    view.zoom_to(1.0)
    centre = view.placement.to_view(200, 150).toPoint()
    view.settings.layer = "sketch"
    view.settings.colour = "#10ff20"
    view.settings.radius, view.settings.hardness = 30, 100
    drag(view, centre - QPoint(20, 0), centre + QPoint(20, 0))
    move(view, QPoint(2, 2))
    agree(view)
    assert grabbed(view)[centre.y(), centre.x()] == 0x10FF20
    for zoom in (0.4, 0.9, 5.0):
        view.zoom_to(zoom, QPointF(centre))
        agree(view)
        assert grabbed(view)[centre.y(), centre.x()] == 0x10FF20
    assert not view.painting.mask.mask.any()


def test_the_effect_is_outlined_and_follows(view: PaintView, qtbot: QtBot) -> None:
    view.zoom_to(1.0)
    view.painting.add("mask", stroke(view.painting, [(200, 150)], 30, 100))
    plain = grabbed(view)
    view.painting.set_shape(20, 0, False)
    quiet(view, qtbot)
    outlined = grabbed(view)
    rows, columns = np.nonzero(plain != outlined)
    off = np.hypot(columns - view.placement.x - 199.5, rows - view.placement.y - 149.5)
    assert len(off) > 200
    assert off.min() > 44
    assert off.max() < 56
    view.painting.add("mask", stroke(view.painting, [(60, 150)], 20, 100))
    quiet(view, qtbot)
    agree(view)
    view.painting.set_shape(0, 0, False)
    quiet(view, qtbot)
    assert view._shown.effect is None
    view.overlay_hidden = True
    view.painting.set_shape(20, 0, False)
    quiet(view, qtbot)
    agree(view)


def test_a_turned_mask_is_tinted_where_it_masks(view: PaintView) -> None:
    plain = grabbed(view)
    view.painting.set_shape(0, 0, True)
    assert not np.array_equal(grabbed(view), plain)
    view.painting.add("mask", Fill())
    assert np.array_equal(grabbed(view), plain)


def test_frames_come_and_go(view: PaintView) -> None:
    before = grabbed(view)
    view.set_frames(QRectF(50, 50, 128, 128), "sampled at 512 x 512")
    assert not np.array_equal(grabbed(view), before)
    agree(view)
    view.set_frames(None, "", QRectF(-80, 0, 560, 300))
    view.fit()
    assert QRectF(view.rect()).contains(view.placement.rect(QRectF(-80, 0, 560, 300)))
    agree(view)
    view.set_frames(None)
    view.fit()
    assert np.array_equal(grabbed(view), before)


def test_words_stand_where_there_is_no_picture(show: Show) -> None:
    view = show(None)
    blank = grabbed(view)
    view.painting.say("Reading shapes.png …")
    words = grabbed(view)
    assert not np.array_equal(words, blank)
    assert view.accessibleDescription() == "Reading shapes.png …"
    view.painting.show(noise(64, 48))
    assert len(np.unique(grabbed(view))) > 1000
    view.painting.say("")  # wait, and keep showing what was
    assert len(np.unique(grabbed(view))) > 1000
    view.painting.say("Run the graph up to here.")
    assert len(np.unique(grabbed(view))) < 400


def test_each_painting_keeps_its_place(view: PaintView) -> None:
    first = view.painting
    view.zoom_to(3.0, QPointF(10, 10))
    kept = view.placement
    other = Painting(view)
    other.show(flat(1000, 200))
    view.set_painting(other)
    assert view.fits
    assert view.placement != kept
    other.add("mask", Fill())
    agree(view)
    first.add("mask", Fill())  # is told to nobody here
    view.set_painting(first)
    assert view.placement == kept
    agree(view)
    drag(view, QPoint(100, 100), QPoint(200, 200))
    assert len(first.strokes) == 2
    assert len(other.strokes) == 1


def test_another_theme_is_worn_at_once(view: PaintView) -> None:
    dark = grabbed(view)
    instance().set("light")
    light = on_screen(view)
    assert light[2, 2] == 0xECEEF2
    assert dark[2, 2] == 0x17181C
    agree(view)


def test_pictures_are_taken_and_others_not(view: PaintView, tmp_path: Path) -> None:
    dropped: list[list[Path]] = []
    view.pictures_dropped.connect(dropped.append)
    for names in (["a.PNG", "b.txt"], ["b.txt"]):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in names])
        none = Qt.KeyboardModifier.NoModifier
        copy = Qt.DropAction.CopyAction
        enter = QDragEnterEvent(QPoint(5, 5), copy, data, LEFT, none)
        QApplication.sendEvent(view, enter)
        assert enter.isAccepted() == (names[0] == "a.PNG")
        agree(view)
        QApplication.sendEvent(view, QDropEvent(QPointF(5, 5), copy, data, LEFT, none))
    assert dropped == [[tmp_path / "a.PNG"]]


def test_words_beside_a_ring_go_with_it(view: PaintView) -> None:
    before = grabbed(view)
    view.hands.ring = Ring(QPointF(200, 200), 30, 10, words="60 px, 80 % hard")
    assert not np.array_equal(grabbed(view), before)
    view.hands.ring = None
    view.refresh(QRectF())
    agree(view)


def test_places_are_there_and_back() -> None:
    placed = Placement(0.37, 12.5, -80.0)
    point = placed.to_view(123.25, 77.5)
    back = placed.to_picture(point)
    assert abs(back.x() - 123.25) < 1e-9
    assert abs(back.y() - 77.5) < 1e-9
    rect = placed.rect(QRectF(3, 4, 50, 60))
    assert (placed.to_view(3, 4) - rect.topLeft()).manhattanLength() < 1e-9
    assert (placed.to_view(53, 64) - rect.bottomRight()).manhattanLength() < 1e-9
    assert Placement(1.0, 3.3, 4.7).snapped(2.0) == Placement(1.0, 3.5, 4.5)


@pytest.mark.parametrize("ratio", ["1.25", "1.5", "2"])
def test_any_ratio_of_screen_pixels(ratio: str) -> None:
    root = Path(__file__).parents[2]
    environment = {
        **os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(root),
        "QT_SCALE_FACTOR": ratio, "QT_SCALE_FACTOR_ROUNDING_POLICY": "PassThrough",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tests.ui.paint_child"],
        cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ratio {float(ratio):g}" in done.stdout


def test_nothing_is_redone_while_nothing_changes(view: PaintView) -> None:
    grabbed(view)
    assert view._store.stale.isEmpty()
    move(view, QPoint(100, 100))
    assert view._store.stale.isEmpty()
    view.painting.add("mask", stroke(view.painting, [(200, 150)], 5))
    stale = view._store.stale.boundingRect()
    assert not stale.isEmpty()
    assert stale.width() < 60
    assert QRect(view.rect()).contains(stale)
