"""The painting: strokes on canvases, what is told of them, and what is drawn in a thread."""

from __future__ import annotations

import numpy as np
import pytest

from studio.masks.items import Bucket, Fill, Invert, Polygon, Raster, Strokes, StrokesFault
from studio.masks.raster import rasterise
from studio.masks.sketch import Sketch, draw
from studio.masks.strokes import parse_item
from tests.ui.mask_kit import brush, gradient, stroke
from ui.paint.painting import Painting, prepare


@pytest.fixture
def painting() -> Painting:
    made = Painting()
    made.show(gradient(100, 60))
    return made


def equal(painting: Painting) -> bool:
    """The mask is what the engine makes of the strokes."""
    height, width = painting.height, painting.width
    whole = rasterise(painting.strokes, width, height, painting.picture, painting.rasters)
    return bool((painting.mask.mask == whole).all())


def test_a_stroke_is_told_as_pixels_and_as_one_item(painting: Painting) -> None:
    rects: list[object] = []
    made: list[tuple[str, object, str]] = []
    painting.changed.connect(rects.append)
    painting.committed.connect(lambda *told: made.append(told))
    painting.begin("mask", brush(painting, (20, 20)))
    assert painting.painting
    painting.extend([[*painting.to_units(40, 30), 255]])
    assert len(rects) == 2
    assert not made
    painting.end()
    assert not painting.painting
    ((layer, items, label),) = made
    assert (layer, label) == ("mask", "Brush")
    assert isinstance(items, list)
    assert [parse_item(item) for item in items] == list(painting.strokes)
    assert painting.mask.mask[20, 20] == 255
    assert equal(painting)


def test_a_stroke_that_is_given_up_leaves_nothing(painting: Painting) -> None:
    made: list[object] = []
    painting.committed.connect(lambda *told: made.append(told))
    painting.begin("mask", brush(painting, (20, 20)))
    painting.abandon()
    painting.end()
    assert not made
    assert not painting.mask.mask.any()
    assert len(painting.strokes) == 0


def test_a_stroke_and_what_it_goes_around_are_one_step(painting: Painting) -> None:
    made: list[list[object]] = []
    painting.committed.connect(lambda _, items, __: made.append(items))
    painting.begin("mask", brush(painting, (20, 20)))
    corners = [painting.to_units(*p) for p in ((20, 20), (60, 20), (40, 50))]
    painting.end(Polygon(points=np.array(corners, np.int32)), "Encircle")
    assert len(made) == 1
    assert len(made[0]) == 2
    assert painting.mask.mask[30, 40] == 255
    assert equal(painting)


def test_colours_are_painted_on_the_sketch_and_taken_off(painting: Painting) -> None:
    made: list[tuple[str, list[dict[str, object]], str]] = []
    painting.committed.connect(lambda *told: made.append(told))
    painting.begin("sketch", brush(painting, (20, 20)), (255, 0, 0))
    painting.end()
    assert painting.sketch.layer is not None
    assert painting.sketch.layer[20, 20].tolist() == [255, 0, 0, 255]
    assert made[-1][1][0]["c"] == "#ff0000"
    painting.begin("sketch", brush(painting, (20, 20)))
    painting.end()
    assert painting.sketch.layer[20, 20].tolist() == [0, 0, 0, 0]
    assert made[-1][1][0]["e"] == 1
    assert painting.add("sketch", Fill(), (0, 0, 255))
    assert painting.sketch.layer[5, 90].tolist() == [0, 0, 255, 255]
    whole = draw(painting.sketch.sketch, 100, 60)
    assert (painting.sketch.layer == whole).all()


def test_what_cannot_be_painted_is_told_and_changes_nothing(painting: Painting) -> None:
    told: list[str] = []
    painting.message.connect(told.append)
    assert not painting.add("mask", Raster(hash="0" * 64))
    assert not painting.add("sketch", Invert(), (1, 2, 3))
    assert len(told) == 2
    assert all(words[0].isupper() and words.endswith(".") for words in told)
    assert not painting.mask.mask.any()
    assert painting.add("mask", Bucket(x=0, y=0, tolerance=3))
    assert equal(painting)


def test_too_many_points_are_told_once_and_the_stroke_stays(painting: Painting) -> None:
    told: list[str] = []
    painting.message.connect(told.append)
    # A brush as large as the picture, drawn over it again and again, is refused in the end.
    painting.begin("mask", brush(painting, (0, 0), radius=4))
    far = [[0, 0, 255], [65536, 65536, 255]] * 4001
    painting.extend(far)
    painting.extend(far)
    assert len(told) == 1
    painting.end()
    assert len(painting.strokes.items[0].points) == 1  # type: ignore[attr-defined]
    assert equal(painting)


def test_nothing_is_painted_before_there_is_a_picture() -> None:
    painting = Painting()
    painting.begin("mask", brush(painting, (0, 0)))
    assert not painting.painting
    assert not painting.add("mask", Fill())
    painting.say("Wire a picture.")
    assert not painting.ready
    assert painting.words == "Wire a picture."


def test_what_a_thread_drew_is_taken_over_and_the_last_of_it_undone(painting: Painting) -> None:
    for number in range(30):
        stroke(painting, [(3 * number, 10), (3 * number, 50)], 2)
    strokes = painting.strokes
    found = prepare(100, 60, gradient(100, 60), strokes, Sketch())
    fresh = Painting()
    replaced: list[bool] = []
    fresh.replaced.connect(lambda: replaced.append(True))
    fresh.take(found)
    assert replaced == [True]
    assert fresh.ready
    assert fresh.levels is not None
    assert (fresh.mask.mask == painting.mask.mask).all()
    assert fresh.near(Strokes(strokes.items[:-5]), Sketch())
    assert not fresh.near(Strokes(strokes.items[:-29]), Sketch()) or fresh.mask.redraws(
        Strokes(strokes.items[:-29])
    ) <= 8
    fresh.set(Strokes(strokes.items[:-5]), Sketch())
    assert equal(fresh)


def test_shape_is_told_when_it_is_another(painting: Painting) -> None:
    told: list[bool] = []
    painting.shape_changed.connect(lambda: told.append(True))
    painting.set_shape(4, 2, True)
    painting.set_shape(4, 2, True)
    assert told == [True]
    assert (painting.grow, painting.feather, painting.invert) == (4, 2, True)


def test_a_missing_imported_mask_is_a_fault_of_the_strokes(painting: Painting) -> None:
    with pytest.raises(StrokesFault):
        painting.set(Strokes((Raster(hash="0" * 64),)), Sketch())
