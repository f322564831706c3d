"""The sketch: colours over colours, live and whole alike."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painting import BRUSHES, ITEMS, picture

from studio.masks.items import Brush, Bucket, Fill, Invert, Raster, Rectangle, StrokesFault
from studio.masks.raster import rasterise
from studio.masks.sketch import Sketch, Stroke, draw, dump_sketch, parse_sketch
from studio.masks.sketch_canvas import SketchCanvas
from studio.masks.strokes import UNIT, Strokes, clamp_points

SIZE = (150, 97)
COLOURS = st.tuples(*[st.integers(0, 255)] * 3)
OURS = ITEMS.filter(lambda item: not isinstance(item, Invert | Raster))


def stroke(item: Any, colour: Any = (255, 0, 0)) -> Stroke:
    return Stroke(item, None if item.erase else colour)


STROKES = st.builds(stroke, OURS, COLOURS)


def by_hand(sketch: Sketch) -> Any:
    """The layer as the module's text says, in exact whole numbers."""
    layer = np.zeros((SIZE[1], SIZE[0], 4), np.int64)
    for each in sketch:
        alone = Strokes((replace(each.item, erase=False),))
        cover = rasterise(alone, *SIZE, picture(*SIZE)).astype(np.int64)[..., None]
        paint = np.array((0, 0, 0, 0) if each.colour is None else (*each.colour, 255))
        layer = (2 * (layer * (255 - cover) + paint * cover) + 255) // 510
    return layer


@given(st.lists(STROKES, max_size=8))
@settings(deadline=None, max_examples=80)
def test_the_layer_is_what_it_says(strokes: list[Stroke]) -> None:
    sketch = Sketch(tuple(strokes))
    assert np.array_equal(draw(sketch, *SIZE, picture(*SIZE)), by_hand(sketch))


@given(st.lists(STROKES, max_size=3), BRUSHES, COLOURS, st.lists(st.integers(1, 9), max_size=20))
@settings(deadline=None, max_examples=80)
def test_a_stroke_painted_bit_by_bit_is_the_stroke(
    below: list[Stroke], brush: Brush, colour: Any, cuts: list[int]
) -> None:
    canvas = SketchCanvas(*SIZE, picture(*SIZE))
    canvas.set(Sketch(tuple(below)))
    canvas.begin(replace(brush, points=brush.points[:1]), None if brush.erase else colour)
    at = 1
    for count in [*cuts, len(brush.points)]:
        before = layer_of(canvas)
        changed = canvas.extend(brush.points[at : at + count])
        at = min(at + count, len(brush.points))
        odd = (before != layer_of(canvas)).any(axis=2)
        for x, y, width, height in changed:
            odd[y : y + height, x : x + width] = False
        assert not odd.any()
    assert canvas.end() == stroke(brush, colour)
    assert np.array_equal(layer_of(canvas), draw(canvas.sketch, *SIZE, picture(*SIZE)))


@given(st.lists(STROKES, min_size=1, max_size=8), st.data(), st.sampled_from([0, 3000, 1 << 26]))
@settings(deadline=None, max_examples=80)
def test_undo_redo_and_other_documents(
    strokes: list[Stroke], data: st.DataObject, kept: int
) -> None:
    canvas = SketchCanvas(*SIZE, picture(*SIZE), kept=kept)
    seen = [np.zeros((SIZE[1], SIZE[0], 4))]
    for each in strokes:
        canvas.add(each.item, each.colour)
        seen.append(layer_of(canvas))
    for number in data.draw(st.lists(st.integers(0, len(strokes)), max_size=6)):
        canvas.set(Sketch(tuple(strokes[:number])))
        assert canvas.sketch == Sketch(tuple(strokes[:number]))
        assert np.array_equal(layer_of(canvas), seen[number])


def test_undo_and_redo_one_by_one() -> None:
    canvas = SketchCanvas(*SIZE)
    canvas.add(Fill(), (1, 2, 3))
    one = layer_of(canvas)
    canvas.begin(Brush(points=clamp_points([[UNIT // 2, UNIT // 3, 255]], 3)), (255, 255, 255))
    assert canvas.painting
    assert canvas.abandon()
    assert np.array_equal(layer_of(canvas), one)
    canvas.undo()
    assert not layer_of(canvas).any()
    canvas.redo()
    assert np.array_equal(layer_of(canvas), one)
    assert canvas.redo() == []


def test_a_layer_drawn_elsewhere_is_taken_over() -> None:
    sketch = Sketch((Stroke(Rectangle(box=(0, 0, UNIT // 2, UNIT // 2)), (9, 8, 7)),))
    canvas = SketchCanvas(*SIZE)
    canvas.load(sketch, draw(sketch, *SIZE))
    assert canvas.sketch == sketch
    assert canvas.redraws(Sketch()) == 0
    more = Sketch((*sketch, Stroke(Fill(erase=True))))
    canvas.set(more)
    assert not layer_of(canvas).any()
    canvas.set(sketch)
    assert np.array_equal(layer_of(canvas), draw(sketch, *SIZE))
    with pytest.raises(ValueError, match="uint8"):
        canvas.load(sketch, np.zeros((3, 3, 4), np.uint8))


@given(st.lists(STROKES, max_size=8))
def test_json_there_and_back(strokes: list[Stroke]) -> None:
    sketch = Sketch(tuple(strokes))
    text = json.dumps(dump_sketch(sketch))
    assert parse_sketch(json.loads(text)) == sketch
    assert json.dumps(dump_sketch(parse_sketch(json.loads(text)))) == text


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"t": "fill", "o": 100}], "item 1: a stroke of a sketch needs a colour"),
        ([{"t": "fill", "o": 100, "c": "red"}], "item 1: its colour must be"),
        ([{"t": "fill", "o": 100, "c": 7}], "item 1: its colour must be"),
        ([{"t": "fill", "e": 1, "c": "#ffffff"}], "item 1: what erases has no colour"),
        ([{"t": "invert", "c": "#ffffff"}], "item 1: a sketch has no invert"),
        ([{"t": "raster", "hash": "0" * 64, "c": "#ffffff"}], "item 1: a sketch has no raster"),
        ([7], "item 1: it must be an object"),
        (7, "must be a list"),
        ([{"t": "fill", "c": "#ffffff", "x": float("nan")}], "item 1: a fill has no 'x'"),
    ],
)
def test_what_is_no_sketch(items: Any, words: str) -> None:
    with pytest.raises(StrokesFault, match=words):
        parse_sketch({"version": 1, "items": items})


@pytest.mark.parametrize("value", [None, [], 7, {"version": 2}, {"versions": 1}])
def test_what_is_no_object_of_ours(value: Any) -> None:
    with pytest.raises(StrokesFault):
        parse_sketch(value)


def test_drawing_can_be_stopped_in_a_stroke() -> None:
    class Enough(Exception):
        pass

    places = np.random.default_rng(2).integers(0, UNIT, (3000, 2))
    points = clamp_points(np.concatenate([places, np.full((3000, 1), 255)], 1), 3)
    long = Brush(points=points, radius=UNIT // 20, hardness=0)
    calls = iter(range(5))

    def check() -> None:
        if next(calls) == 4:
            raise Enough

    with pytest.raises(Enough):
        draw(Sketch((stroke(long),)), 512, 512, check=check)


def test_a_bucket_needs_a_picture() -> None:
    canvas = SketchCanvas(*SIZE)
    with pytest.raises(StrokesFault, match="no picture"):
        canvas.add(Bucket(x=9, y=9), (1, 2, 3))
    assert canvas.sketch == Sketch()
    canvas.add(Fill(), (1, 2, 3))
    assert layer_of(canvas)[5, 5].tolist() == [1, 2, 3, 255]


def layer_of(canvas: SketchCanvas) -> Any:
    found = canvas.layer
    return np.zeros((canvas.height, canvas.width, 4)) if found is None else found.copy()
