"""Strokes as JSON: read, written, clamped and refused."""

from __future__ import annotations

import base64
import json
import math
import time
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from painting import ITEMS

from studio.errors import InputError
from studio.masks import strokes as s
from studio.masks.imported import encode
from studio.masks.strokes import (
    UNIT,
    Brush,
    Raster,
    Strokes,
    StrokesFault,
    Work,
    clamp_points,
    dump,
    dumps,
    parse,
)

BRUSH = {"t": "brush", "o": 100, "r": 1000, "h": 80, "p": [10, 20, 128, 5, -5, 1]}


def read(item: Any) -> Any:
    return parse({"version": 1, "items": [item]}).items[0]


@given(st.lists(ITEMS, max_size=8).map(lambda items: Strokes(tuple(items))))
@settings(deadline=None)
def test_what_is_written_is_read_back(strokes: Strokes) -> None:
    text = dumps(strokes)
    again = parse(json.loads(text))
    assert again == strokes
    assert dumps(again) == text
    assert hash(again) == hash(strokes)


def test_the_canonical_form() -> None:
    items: list[dict[str, Any]] = [
        {"t": "brush", "e": 1, "o": 50, "r": 10, "h": 0, "k": 3, "p": [1, 2, 255, 1, 1, -255]},
        {"t": "polygon", "o": 100, "p": [0, 0, 10, 0, 0, 10]},
        {"t": "rect", "o": 100, "b": [0, 1, 2, 3]},
        {"t": "ellipse", "e": 1, "o": 1, "b": [0, 1, 2, 3]},
        {"t": "bucket", "o": 100, "x": 1, "y": 2, "tol": 32, "all": 1},
        {"t": "fill", "o": 100},
        {"t": "invert"},
        {"t": "raster", "o": 100, "hash": 64 * "a"},
    ]
    value = {"version": 1, "items": items}
    assert dump(parse(value)) == value
    assert dumps(parse(value)) == json.dumps(value, separators=(",", ":"))
    assert list(dump(parse(value))["items"][0]) == ["t", "e", "o", "r", "h", "k", "p"]
    assert parse({}) == parse(s.EMPTY) == Strokes()


def test_points_are_running_sums() -> None:
    assert read(BRUSH).points.tolist() == [[10, 20, 128], [15, 15, 129]]


def test_what_is_too_far_out_is_clamped() -> None:
    far = 2**31
    brush = read({**BRUSH, "r": 0, "p": [far, -far, 300, -far, far, -999, -far, far, 0]})
    # The sums are made first, then clamped: the way back from afar isn't shortened.
    low, high = -4 * UNIT, 5 * UNIT
    assert brush.points.tolist() == [[high, low, 255], [0, 0, 0], [low, high, 0]]
    assert brush.radius == 1
    assert read({**BRUSH, "r": -5}).radius == 1
    assert read({**BRUSH, "r": far}).radius == 8 * UNIT
    assert read({"t": "rect", "o": 9, "b": [far, 7, -far, 3]}).box == (-4 * UNIT, 3, 5 * UNIT, 7)
    bucket = read({"t": "bucket", "x": far, "y": -far, "tol": 0})
    assert (bucket.x, bucket.y, bucket.opacity) == (5 * UNIT, -4 * UNIT, 100)
    assert clamp_points([[10**15, 0, -3]], 3).tolist() == [[5 * UNIT, 0, 0]]


NAN, INF = math.nan, math.inf
FAULTS: list[tuple[Any, str]] = [
    (None, "must be an object"),
    ([], "must be an object"),
    ({"version": 2}, "of version 2 aren't known"),
    ({"version": 1.0}, "aren't known"),
    ({"version": True}, "aren't known"),
    ({"strokes": []}, "have no 'strokes'"),
    ({"items": {}}, "must be a list"),
    ({"items": [[]]}, "item 1: it must be an object"),
    ({"items": [{"t": "invert"}, {"t": "spray"}]}, "item 2: its kind must be one of brush, poly"),
    ({"items": [{"t": ["brush"]}]}, "its kind must be"),
    ({"items": [{"t": "invert", "o": 5}]}, "an? invert has no 'o'"),
    ({"items": [{"t": "fill", "o": 0}]}, "'o' is 0; it must be 1 to 100"),
    ({"items": [{"t": "fill", "o": 101}]}, "'o' is 101"),
    ({"items": [{"t": "fill", "o": NAN}]}, "'o' must be a whole number, not nan"),
    ({"items": [{"t": "fill", "o": True}]}, "'o' must be a whole number"),
    ({"items": [{"t": "fill", "e": 2}]}, "'e' is 2; it must be 0 to 1"),
    ({"items": [{"t": "rect", "b": [1, 2, 3]}]}, "must hold 4 numbers"),
    ({"items": [{"t": "rect", "b": [1, 2, 3, INF]}]}, "must hold whole numbers, not inf"),
    ({"items": [{"t": "rect"}]}, "lacks 'b'"),
    ({"items": [{"t": "bucket", "x": 1, "y": NAN, "tol": 1}]}, "'y' must be a whole number"),
    ({"items": [{"t": "bucket", "x": 1, "y": 1, "tol": 256}]}, "'tol' is 256"),
    ({"items": [{"t": "polygon", "p": [1, 2, 3]}]}, "must hold 2 numbers a point; it has 3"),
    ({"items": [{"t": "polygon", "p": "1"}]}, "must be a list of whole numbers"),
    ({"items": [{**BRUSH, "p": []}]}, "needs a point"),
    ({"items": [{**BRUSH, "p": [1, 2, NAN]}]}, "must hold whole numbers, not nan"),
    ({"items": [{**BRUSH, "p": [1, 2.0, 3]}]}, r"must hold whole numbers, not 2\.0"),
    ({"items": [{**BRUSH, "p": [1, True, 3]}]}, "must hold whole numbers, not true"),
    ({"items": [{**BRUSH, "p": [1, 2**31 + 1, 3]}]}, "has a number over"),
    ({"items": [{**BRUSH, "p": [1, -(10**30), 3]}]}, "has a number over"),
    ({"items": [{**BRUSH, "r": NAN}]}, "'r' must be a whole number, not nan"),
    ({"items": [{**BRUSH, "r": 10**40}]}, "'r' must be a whole number"),
    ({"items": [{**BRUSH, "h": -1}]}, "'h' is -1"),
    ({"items": [{**BRUSH, "k": 4}]}, "'k' is 4; it must be 0 to 3"),
    ({"items": [{"t": "raster"}]}, "its hash must be 64 digits"),
    ({"items": [{"t": "raster", "hash": "../" + 61 * "a"}]}, "its hash must be 64 digits"),
    ({"items": [{"t": "raster", "hash": 64 * "A"}]}, "its hash must be 64 digits"),
    ({"items": [{"t": "raster", "data": "a*b"}]}, "no base64"),
    ({"items": [{"t": "raster", "data": 5}]}, "in base64"),
    ({"items": [{"t": "raster", "data": "AAAA", "hash": 64 * "a"}]}, "is damaged"),
]


@pytest.mark.parametrize(("value", "words"), FAULTS, ids=[str(i) for i in range(len(FAULTS))])
def test_what_is_wrong_is_said(value: Any, words: str) -> None:
    with pytest.raises(StrokesFault, match=words) as caught:
        parse(value)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, InputError)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from([*"teorhpkbxy", "tol", "all", "hash", "data"]), inner),
    ),
    max_leaves=12,
)


@given(st.sampled_from(["brush", "polygon", "rect", "ellipse", "bucket", "fill", "raster"]), JSON)
@settings(deadline=None, max_examples=300)
def test_no_json_does_worse_than_being_refused(kind: str, value: Any) -> None:
    item = {**value, "t": kind} if isinstance(value, dict) else value
    try:
        found = parse({"version": 1, "items": [item]})
    except StrokesFault:
        return
    assert parse(dump(found)) == found


@pytest.mark.parametrize(
    "points",
    [[[1.5, 2, 3]], [[math.nan, 2, 3]], [[1, 2]], [1, 2, 3], [["a", 2, 3]], [[1, 2, 3], [1]]],
)
def test_points_that_are_none(points: Any) -> None:
    with pytest.raises(StrokesFault, match="rows of 3 whole numbers"):
        clamp_points(points, 3)


# ------------------------------------------------------------------ very much of it


def test_a_million_points_are_read_in_a_moment() -> None:
    item = {**BRUSH, "r": 20, "p": [5, 5, 128] + 999_999 * [1, 0, 0]}
    start = time.process_time()
    brush = read(item)
    assert time.process_time() - start < 5
    assert len(brush.points) == 1_000_000
    with pytest.raises(StrokesFault, match="more than 1,000,000 points"):
        read({**item, "p": item["p"] + [0, 0, 0]})


def test_points_and_items_are_counted_together() -> None:
    half = {**BRUSH, "r": 1, "p": [0, 0, 0] * 500_001}
    with pytest.raises(StrokesFault, match="item 2: there are more than 1,000,000 points"):
        parse({"items": [half, half]})
    with pytest.raises(StrokesFault, match="100,001 items are too many"):
        parse({"items": [{"t": "invert"}] * 100_001})
    assert len(parse({"items": [{"t": "invert"}] * 100_000})) == 100_000


def test_painting_without_end_is_refused() -> None:
    # Each of these steps covers the picture: four thousand are drawn, more aren't.
    wide = {**BRUSH, "r": 8 * UNIT}
    assert len(read({**wide, "p": [0, 0, 0] + 3_999 * [1, 0, 0]}).points) == 4_000
    with pytest.raises(StrokesFault, match="more than 4,000 times"):
        read({**wide, "p": [0, 0, 0] + 4_000 * [1, 0, 0]})
    # So are outlines that go up and down for ever; far outside that costs nothing.
    zigzag = [0, 0] + 501 * [1, UNIT, 1, -UNIT]
    with pytest.raises(StrokesFault, match="up and down more than 1,000 times"):
        read({"t": "polygon", "p": zigzag})
    assert read({"t": "polygon", "p": [0, 2 * UNIT, *zigzag[2:]]})


@pytest.mark.parametrize(
    "item",
    [
        {"t": "rect", "o": 9, "b": [-5, -5, UNIT, 2 * UNIT]},
        {"t": "ellipse", "o": 9, "b": [0, 0, UNIT, UNIT]},
        {"t": "polygon", "p": [0, 0, UNIT, 0, 0, UNIT, -UNIT, 0]},
        {"t": "bucket", "x": 1, "y": 1, "tol": 9},
        {"t": "raster", "hash": 64 * "a"},
    ],
    ids=lambda item: item["t"],
)
def test_nor_is_there_an_end_to_other_items(item: Any) -> None:
    assert len(parse({"items": [item] * 3_000})) == 3_000
    with pytest.raises(StrokesFault, match="more than 4,000 times"):
        parse({"items": [item] * 4_001})
    # What lies outside costs nothing.
    aside = {"t": "rect", "o": 9, "b": [-9, -9, -1, UNIT]}
    assert len(parse({"items": [aside] * 50_000})) == 50_000


def test_zigzags_count_together() -> None:
    zigzag = {"t": "polygon", "p": [0, 0] + 400 * [1, UNIT, 1, -UNIT]}
    with pytest.raises(StrokesFault, match="more than 4,000 times"):
        parse({"items": [zigzag] * 400})


@pytest.mark.parametrize(
    "value",
    [
        {"items": [{"t": "x" * 100_000}]},
        {"items": [{**BRUSH, "y" * 100_000: 1}]},
        {"y" * 100_000: 1},
        {"version": "9" * 100_000},
        {"items": [{**BRUSH, "p": ["z" * 100_000]}]},
        {"items": [{**BRUSH, "r": "z" * 100_000}]},
    ],
)
def test_what_is_wrong_is_said_in_a_line(value: Any) -> None:
    with pytest.raises(StrokesFault) as caught:
        parse(value)
    assert len(str(caught.value)) < 200


def test_work_that_is_refused_does_not_count() -> None:
    work = Work()
    brush = Brush(radius=8 * UNIT, points=clamp_points([[0, 0, 0]] * 3000, 3))
    work.add(brush)
    with pytest.raises(StrokesFault):
        work.add(brush)
    work.add(Brush(radius=8 * UNIT, points=clamp_points([[0, 0, 0]] * 1000, 3)))


def test_embedded_pictures() -> None:
    data = encode(np.eye(3, dtype=np.uint8))
    text = base64.b64encode(data).decode()
    name = blake3(data).hexdigest()
    raster = read({"t": "raster", "data": text})
    assert raster == Raster(hash=name, data=data)
    written = {"t": "raster", "o": 100, "hash": name, "data": text}
    assert dump(Strokes((raster,)))["items"] == [written]
    assert Strokes((raster, Raster(hash=64 * "0"), Raster(hash=64 * "0"))).hashes == (64 * "0",)
