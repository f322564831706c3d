"""Results and previews on the canvas: what is seen where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF
from PySide6.QtGui import QColor, QImage

from studio.masks.items import Fill
from tests.ui.events import LEFT, drag, drag_to, release
from tests.ui.paint_kit import a_view, agree, grabbed, noise, stroke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.paint.view import PaintView


@pytest.fixture
def view() -> Iterator[PaintView]:
    with a_view(noise(400, 300)) as found:
        yield found


def test_results_are_shown_and_compared(view: PaintView) -> None:
    view.zoom_to(1.0)
    view.painting.add("mask", Fill())
    result = QImage(400, 300, QImage.Format.Format_RGB32)
    result.fill(QColor("#204080"))
    modes: list[str] = []
    view.compare_changed.connect(modes.append)
    view.show_result(result)
    left, right = (view.placement.to_view(x, 250).toPoint() for x in (60, 340))

    def seen(at: QPoint) -> int:
        return int(grabbed(view)[at.y(), at.x()])

    assert seen(left) == seen(right) == 0x204080
    view.original_shown = True
    assert 0x204080 not in (seen(left), seen(right))
    view.original_shown = False
    view.compare = "slider"
    assert seen(left) != 0x204080
    assert seen(right) == 0x204080
    at = QPoint(round(view.divider), 200)
    drag(view, at, at - QPoint(170, 0))
    agree(view)
    assert seen(left) == seen(right) == 0x204080
    assert view.split < 0.1
    assert not view.painting.strokes.items[1:]  # the divider was dragged, nothing painted
    view.show_result(result, compare="off")
    assert modes == ["slider", "off"]
    view.show_result(None)
    assert view.result is None
    assert seen(left) != 0x204080


def test_a_result_may_be_larger_than_the_picture(view: PaintView) -> None:
    result = QImage(528, 364, QImage.Format.Format_RGB32)
    result.fill(QColor("#204080"))
    view.show_result(result, QRectF(-64, -64, 528, 364))
    agree(view)
    for corner in ((-63, -63), (463, 299), (0, 0)):
        at = view.placement.to_view(*corner)
        assert grabbed(view)[int(at.y()), int(at.x())] == 0x204080
    view.compare = "slider"
    agree(view)
    view.show_result(None)
    agree(view)


def test_a_result_beside_the_picture(view: PaintView) -> None:
    result = QImage(528, 300, QImage.Format.Format_RGB32)
    result.fill(QColor("#204080"))
    view.show_result(result, QRectF(-64, 0, 528, 300))
    view.compare = "beside"
    agree(view)
    zoom = view.placement.zoom
    found = grabbed(view)
    for x, shown in ((5, False), (395, False), (404, False), (415, True), (935, True)):
        at = view.placement.to_view(x, 150)
        assert view.rect().contains(at.toPoint())  # all of both is fitted into the view
        assert bool(found[int(at.y()), int(at.x())] == 0x204080) is shown, x
    view.compare = "off"
    agree(view)
    assert view.placement.zoom > 1.5 * zoom  # the result alone has the room again


def test_the_picture_stays_under_the_hand_as_the_result_beside_it_goes(view: PaintView) -> None:
    result = QImage(400, 300, QImage.Format.Format_RGB32)
    result.fill(QColor("#204080"))
    view.show_result(result, compare="beside")
    view.painting.changed.connect(lambda _: view.show_result(None))
    before = view.placement
    start = before.to_view(100, 100).toPoint()
    drag_to(view, start, start + QPoint(40, 0))
    assert view.result is None
    assert view.placement == before
    release(view, start + QPoint(40, 0), LEFT)
    assert view.placement == before
    agree(view)


def test_painting_on_a_result_shows_the_mask(view: PaintView) -> None:
    result = QImage(400, 300, QImage.Format.Format_RGB32)
    result.fill(QColor("#204080"))
    view.show_result(result)
    drag_to(view, QPoint(100, 100), QPoint(300, 200))
    agree(view)
    release(view, QPoint(300, 200), LEFT)
    agree(view)


def test_a_preview_comes_and_goes(view: PaintView) -> None:
    view.painting.add("mask", stroke(view.painting, [(200, 150)], 60))
    before = grabbed(view)
    live = QImage(16, 16, QImage.Format.Format_RGB32)
    live.fill(QColor("#ffffff"))
    view.set_live(live, QRectF(100, 50, 200, 200))
    at = view.placement.to_view(200, 150).toPoint()
    assert grabbed(view)[at.y(), at.x()] == 0xFFFFFF
    view.set_live(None)
    assert np.array_equal(grabbed(view), before)


def test_a_preview_goes_beyond_the_picture(view: PaintView) -> None:
    frame = QRectF(-100, 0, 500, 300)
    view.set_frames(None, "", frame)
    view.fit()
    before = grabbed(view)
    live = QImage(50, 30, QImage.Format.Format_RGB32)
    live.fill(QColor("#ffffff"))
    view.set_live(live, frame)
    agree(view)
    found = grabbed(view)
    inside, outside = (view.placement.to_view(x, 150).toPoint() for x in (200, -50))
    assert found[outside.y(), outside.x()] == 0xFFFFFF  # all of it is being made
    assert found[inside.y(), inside.x()] == before[inside.y(), inside.x()]  # not masked
    view.set_live(None)
    assert np.array_equal(grabbed(view), before)
