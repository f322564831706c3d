"""From strokes to pixels, against computations of another kind."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painting import BRUSHES, ITEMS, picture, points, slow_brush, walks

from studio.masks import brush as brushes
from studio.masks.capsules import segments
from studio.masks.imported import encode
from studio.masks.outline import polygon
from studio.masks.pixels import Rect
from studio.masks.raster import rasterise, to_pixels, to_units
from studio.masks.strokes import (
    UNIT,
    Brush,
    Bucket,
    Ellipse,
    Fill,
    Invert,
    Item,
    Polygon,
    Raster,
    Rectangle,
    Strokes,
    StrokesFault,
    clamp_points,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = st.tuples(st.integers(1, 70), st.integers(1, 70))


def drawn(*items: Item, size: tuple[int, int] = (64, 64), **more: Any) -> Any:
    return rasterise(Strokes(items), *size, **more)


def line(*places: tuple[int, int], **options: Any) -> Brush:
    return Brush(points=clamp_points([(x, y, 255) for x, y in places], 3), **options)


# ------------------------------------------------------------------ brushes


@given(BRUSHES, SIZES)
@settings(deadline=None, max_examples=300)
def test_a_brush_covers_what_its_definition_says(brush: Brush, size: tuple[int, int]) -> None:
    wanted = slow_brush(replace(brush, erase=False), *size)
    found = drawn(replace(brush, erase=False), size=size)
    # Half a step of rounding, twice where opacity rounds too, and float32's in a hard edge.
    assert np.abs(found - wanted).max() <= 2
    assert np.abs(found - wanted).mean() <= 1


def test_a_disc_to_the_last_step() -> None:
    brush = line((UNIT // 2, UNIT // 2), radius=UNIT // 4, hardness=100)
    found = drawn(brush, size=(64, 64))
    y, x = np.mgrid[:64, :64] + 0.5 - 32
    distance = np.hypot(x, y)
    assert (found[distance <= 15.5] == 255).all()
    assert (found[distance >= 16.5] == 0).all()
    assert found.sum() / 255 == pytest.approx(np.pi * 16**2, rel=0.002)
    # Smooth from the core to the rim, and the same in all directions.
    soft = drawn(replace(brush, hardness=25), size=(64, 64))
    assert (soft[distance <= 4] == 255).all()
    assert np.array_equal(soft, soft.T)
    assert np.array_equal(soft, soft[::-1])
    profile = soft[32, 32:].astype(int)
    assert (np.diff(profile) <= 0).all()
    assert np.diff(profile).min() > -40


@given(BRUSHES, SIZES, st.data())
@settings(deadline=None, max_examples=200)
def test_where_and_with_what_a_pixel_is_computed_changes_nothing(
    brush: Brush, size: tuple[int, int], data: st.DataObject
) -> None:
    """Every capsule is looked at in every pixel of any rectangle: nothing more comes of it."""
    width, height = size
    whole = drawn(replace(brush, erase=False), size=size)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    rect = Rect(x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
    found = segments(brush, width, height)
    assert len(found.mx) <= len(brush.points)
    frames = [brushes._Frame(n, 0, 0, rect.width, rect.height) for n in range(len(found.mx))]
    if not frames:
        assert not whole.any()
        return
    for order in (frames, frames[::-1]):
        cover = (brushes._varying if brush.pressure else brushes._even)(found, order, brush, rect)
        assert np.array_equal(cover, whole[y : y + rect.height, x : x + rect.width])


@pytest.mark.parametrize("pressure", [0, 3])
@given(walk=walks(), radius=st.integers(1, UNIT // 4), group=st.sampled_from([1, 256, 4096]))
@settings(deadline=None, max_examples=60)
def test_how_the_work_is_cut_up_changes_nothing(
    pressure: int, walk: Any, radius: int, group: int
) -> None:
    brush = Brush(points=walk, radius=radius, hardness=30, pressure=pressure)
    whole = drawn(brush, size=(150, 90))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brushes, "_GROUP", group)
        assert np.array_equal(drawn(brush, size=(150, 90)), whole)


def test_nothing_builds_up() -> None:
    stroke = line((0, UNIT // 2), (UNIT, UNIT // 2), radius=UNIT // 8, hardness=0, opacity=40)
    once = drawn(stroke)
    assert once.max() == 101  # half a pixel from the axis
    assert np.array_equal(drawn(stroke, stroke, stroke), once)
    there_and_back = line(
        (0, UNIT // 2), (UNIT, UNIT // 2), (0, UNIT // 2), radius=UNIT // 8, hardness=0, opacity=40
    )
    # The way back is computed from its other end, which may round the other way.
    assert np.abs(drawn(there_and_back).astype(int) - once).max() <= 1


def test_pressure() -> None:
    y = UNIT // 2
    ramp = clamp_points([[0, y, 0], [UNIT, y, 255]], 3)
    sized = drawn(Brush(points=ramp, radius=UNIT // 4, hardness=100, pressure=1), size=(200, 200))
    widths = sized.sum(axis=0) / 255
    at = (np.arange(200) + 0.5) / 200
    wanted = 100 * (0.05 + 0.95 * at)
    assert np.abs(widths - wanted)[5:-5].max() < 1
    faded = drawn(Brush(points=ramp, radius=UNIT // 4, hardness=100, pressure=2), size=(200, 200))
    assert np.abs(faded[100] - 255 * (0.05 + 0.95 * at)).max() <= 1
    plain = Brush(points=ramp, radius=UNIT // 4, hardness=100)
    assert np.array_equal(drawn(plain), drawn(replace(plain, points=ramp * [1, 1, 0])))


def test_a_thin_stroke_is_seen_on_any_picture() -> None:
    for size in ((1, 1), (7, 3), (64, 64), (2000, 10)):
        assert drawn(line((0, 0), (UNIT, UNIT), radius=1), size=size).max() > 60


@pytest.mark.parametrize("hardness", [0, 60, 100])
def test_a_mask_does_not_depend_on_resolution(hardness: int) -> None:
    stroke = line((9000, 9000), (30000, 40000), (60000, 20000), radius=5000, hardness=hardness)
    # A brush's hard edge is a smooth step over a pixel, whose slope isn't the mean of its parts'.
    limits: dict[Item, int] = {
        stroke: 35 if hardness == 100 else 12,
        Polygon(points=clamp_points([[5000, 60000], [30000, 30000], [61000, 64000]], 2)): 1,
        Ellipse(box=(20000, 20000, 40000, 45000)): 8,
        Rectangle(opacity=60, box=(1000, 1000, 9000, 50000)): 1,
    }
    for item, limit in limits.items():
        large = drawn(item, size=(1024, 768)).astype(float)
        for part in (2, 4, 8):
            small = drawn(item, size=(1024 // part, 768 // part))
            shrunk = large.reshape(768 // part, part, 1024 // part, part).mean(axis=(1, 3))
            off = np.abs(shrunk - small)
            assert off.mean() < 0.4
            assert off.max() < limit


# ------------------------------------------------------------------ outlines


def winding(x: Any, y: Any, px: Any, py: Any) -> Any:
    """Windings of an outline around points, by the sum of signed crossings of a ray."""
    total = np.zeros(px.shape, int)
    for ax, ay, bx, by in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        if ay == by:
            continue
        crosses = (py >= min(ay, by)) & (py < max(ay, by))
        at = ax + (py - ay) * (bx - ax) / (by - ay)
        total += np.where(crosses & (at > px), 1 if by > ay else -1, 0)
    return total


@given(points(2, 3, 8), SIZES)
@settings(deadline=None, max_examples=150)
def test_a_polygon_covers_its_share_of_each_pixel(corners: Any, size: tuple[int, int]) -> None:
    width, height = size
    fine = 16
    x, y = corners.T * (max(size) / UNIT)
    py, px = (np.mgrid[: height * fine, : width * fine] + 0.5) / fine
    inside = winding(x, y, px, py) != 0
    wanted = inside.reshape(height, fine, width, fine).mean(axis=(1, 3)) * 255
    found = drawn(Polygon(points=corners), size=size)
    # The same lines down, exact against 16 samples across: half a sample at each crossing.
    edges = len(corners)
    assert np.abs(found - wanted).max() <= 255 / fine * edges / 2 + 1
    assert np.abs(found - wanted).mean() <= 6


def test_polygons_of_little() -> None:
    for corners in ([], [[5, 5]], [[0, 0], [UNIT, UNIT]], [[0, 0], [9, 9], [9, 9]]):
        assert not drawn(Polygon(points=clamp_points(corners, 2))).any()
    square = [[0, 0], [UNIT, 0], [UNIT, UNIT], [0, UNIT]]
    assert (drawn(Polygon(points=clamp_points(square, 2))) == 255).all()
    # Wound twice, and the other way about, it is as full; a bow tie has both its halves.
    assert (drawn(Polygon(points=clamp_points(square * 2, 2))) == 255).all()
    assert (drawn(Polygon(points=clamp_points(square[::-1], 2))) == 255).all()
    bow = drawn(Polygon(points=clamp_points([[0, 0], [UNIT, UNIT], [UNIT, 0], [0, UNIT]], 2)))
    assert bow.mean() == pytest.approx(127.5, abs=0.5)


def test_polygons_are_the_same_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-20, 120, (2, 40))
    rect, whole = polygon(x, y, 100, 100)
    monkeypatch.setattr("studio.masks.outline._CROSSINGS", 50)
    again, cut = polygon(x, y, 100, 100)
    assert rect == again
    assert np.array_equal(whole, cut)


@given(points(2, 2, 2), SIZES)
@settings(deadline=None, max_examples=150)
def test_rectangles_and_ellipses(corners: Any, size: tuple[int, int]) -> None:
    (x0, y0), (x1, y1) = np.sort(corners, axis=0).tolist()
    scale = max(size) / UNIT
    width, height = size
    x, y = np.arange(width), np.arange(height)
    across = np.clip(np.minimum(x + 1, x1 * scale) - np.maximum(x, x0 * scale), 0, 1)
    down = np.clip(np.minimum(y + 1, y1 * scale) - np.maximum(y, y0 * scale), 0, 1)
    found = drawn(Rectangle(box=(x0, y0, x1, y1)), size=size)
    assert np.abs(found - 255 * down[:, None] * across).max() <= 3
    round_ = drawn(Ellipse(box=(x0, y0, x1, y1)), size=size)
    # Exact across, and of 64 lines a pixel; four times as many as are drawn.
    line = (np.arange(height * 64) + 0.5) / 64
    middle, half = (x0 + x1) / 2 * scale, (x1 - x0) / 2 * scale
    off = (line - (y0 + y1) / 2 * scale) / max((y1 - y0) / 2 * scale, 1e-9)
    reach = np.where(np.abs(off) < 1, half * np.sqrt(np.maximum(1 - off * off, 0)), 0)[:, None]
    share = np.minimum(x + 1, middle + reach) - np.maximum(x, middle - reach)
    wanted = 255 * np.clip(share, 0, 1).reshape(height, 64, width).mean(axis=1)
    assert np.abs(round_ - wanted).max() <= 2 * 255 / 16 + 2


# ------------------------------------------------------------------ how items combine


@given(st.lists(ITEMS, max_size=6), SIZES)
@settings(deadline=None, max_examples=100)
def test_items_add_and_erase_by_the_rule(items: list[Item], size: tuple[int, int]) -> None:
    colours = picture(*size)
    mask = np.zeros(size[::-1], int)
    for item in items:
        if isinstance(item, Invert):
            mask = 255 - mask
            continue
        alone = replace(item, erase=False)
        if isinstance(item, Brush) and item.pressure & 2:
            cover = drawn(alone, size=size, picture=colours).astype(int)
        else:
            full = drawn(replace(alone, opacity=100), size=size, picture=colours).astype(int)
            cover = (full * item.opacity + 50) // 100
        mask = np.minimum(mask, 255 - cover) if item.erase else np.maximum(mask, cover)
    assert np.array_equal(drawn(*items, size=size, picture=colours), mask)


def test_opacity_is_rounded_half_up() -> None:
    for opacity in range(1, 101):
        wanted = (255 * opacity + 50) // 100
        assert (drawn(Fill(opacity=opacity)) == wanted).all()
        assert (drawn(Fill(), Fill(opacity=opacity, erase=True)) == 255 - wanted).all()


def flooded(colours: Any, x: int, y: int, tolerance: int) -> Any:
    """A flood fill, pixel by pixel."""
    height, width = colours.shape[:2]
    like = np.abs(colours.astype(int) - colours[y, x]).max(axis=-1) <= tolerance
    found = np.zeros((height, width), bool)
    waiting = deque([(x, y)])
    while waiting:
        a, b = waiting.popleft()
        if 0 <= a < width and 0 <= b < height and like[b, a] and not found[b, a]:
            found[b, a] = True
            waiting.extend([(a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1)])
    return found, like


@given(SIZES, st.integers(0, 255), st.data())
@settings(deadline=None, max_examples=60)
def test_buckets(size: tuple[int, int], tolerance: int, data: st.DataObject) -> None:
    width, height = size
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    colours = picture(width, height)
    connected, everywhere = flooded(colours, x, y, tolerance)
    ux, uy = to_units(x + 0.5, y + 0.5, width, height)
    bucket = Bucket(x=ux, y=uy, tolerance=tolerance)
    assert np.array_equal(drawn(bucket, size=size, picture=colours), connected * 255)
    bucket = replace(bucket, everywhere=True)
    assert np.array_equal(drawn(bucket, size=size, picture=colours), everywhere * 255)
    outside = replace(bucket, x=-1)
    assert not drawn(outside, size=size, picture=colours).any()


def test_imported_masks() -> None:
    small = np.random.default_rng(1).integers(0, 256, (8, 8)).astype(np.uint8)
    name = 64 * "1"
    beside = drawn(Raster(hash=name), rasters={name: small}, size=(8, 8))
    assert np.array_equal(beside, small)
    assert np.array_equal(drawn(Raster(hash="", data=encode(small)), size=(8, 8)), small)
    two = np.array([[0, 255]], np.uint8)
    stretched = drawn(Raster(hash=name), rasters={name: two}, size=(6, 4))
    assert stretched.shape == (4, 6)
    assert (stretched[:, 0] == 0).all()
    assert (stretched[:, -1] == 255).all()
    assert (np.diff(stretched.astype(int), axis=1) >= 0).all()
    # Shrunk, it is averaged, not picked.
    checker = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)
    half = drawn(Raster(hash=name), rasters={name: checker}, size=(16, 16))
    assert np.abs(half.astype(int) - 127).max() <= 8


@pytest.mark.parametrize(
    ("item", "more", "words"),
    [
        (Bucket(), {}, "item 2: a bucket fills by the picture's colours, and there is no picture"),
        (Raster(hash=64 * "a"), {}, "item 2: the imported mask aaaaaaaaaaaa is missing"),
        (Raster(data=b"nothing"), {}, "no PNG that can be read"),
        (Fill(), {"picture": np.zeros((64, 32, 3), np.uint8)}, "the picture must be uint8"),
        (Fill(), {"picture": np.zeros((64, 64, 3))}, "not float64"),
        (Fill(), {"size": (0, 5)}, "0 x 5 pixels can't be made"),
        (Fill(), {"size": (5, 16385)}, "5 x 16385 pixels can't be made"),
    ],
)
def test_what_can_not_be_drawn(item: Item, more: dict[str, Any], words: str) -> None:
    with pytest.raises(StrokesFault, match=words):
        drawn(Fill(), item, **more)


def test_places() -> None:
    assert to_units(0, 0, 100, 50) == (0, 0)
    assert to_units(100, 50, 100, 50) == (UNIT, UNIT // 2)
    for size in ((1, 1), (640, 480), (16384, 9), (333, 7777)):
        for x, y in ((0.5, 0.5), (size[0] - 0.5, size[1] - 0.5), (-3, 2 * size[1])):
            there = to_pixels(*to_units(x, y, *size), *size)
            assert np.abs(np.subtract(there, (x, y))).max() <= max(size) / UNIT / 2 + 1e-9


# ------------------------------------------------------------------ what is too much


class Enough(Exception):
    pass


def stopping(after: int) -> Iterator[None]:
    yield from [None] * after
    raise Enough


RNG = np.random.default_rng(8)
JUMPS = RNG.integers(0, UNIT, (1_000_000, 2))
MILLION = np.arange(1_000_000)
HUGE = {
    "a million points in a row": (1, np.stack([MILLION % UNIT, MILLION // 20], 1)),
    "a million points in one place": (3000, np.full((1_000_000, 2), UNIT // 2) + JUMPS % 9),
    "a million points far outside": (3000, np.full((1_000_000, 2), -3 * UNIT) + JUMPS),
    "the widest brush": (8 * UNIT, JUMPS[:4000]),
    "as far as it goes": (1, np.where(JUMPS[:2000] % 2, -4 * UNIT, 5 * UNIT)),
}


@pytest.mark.parametrize("hardness", [0, 100])
@pytest.mark.parametrize("case", HUGE)
def test_much_takes_its_time_and_ends(case: str, hardness: int) -> None:
    radius, places = HUGE[case]
    rows = np.concatenate([places, np.full((len(places), 1), 255)], 1)
    brush = Brush(points=clamp_points(rows, 3), radius=radius, hardness=hardness)
    start = time.process_time()
    if case == "a million points in one place":
        with pytest.raises(StrokesFault, match="4,000 times"):
            parse({"items": [brush.json()]})
        return
    parse({"items": [brush.json()]})
    found = drawn(brush, size=(128, 128))
    assert time.process_time() - start < 40
    assert found.any() != (case == "a million points far outside")


def test_drawing_can_be_stopped() -> None:
    rows = np.concatenate([JUMPS[:3000], np.full((3000, 1), 255)], 1)
    brush = Brush(points=clamp_points(rows, 3), radius=UNIT // 20, hardness=0)
    outline = Polygon(points=clamp_points(JUMPS[:1000], 2))
    for item in (brush, outline):
        steps = stopping(3 if item is brush else 1)
        with pytest.raises(Enough):
            rasterise(Strokes((item,)), 1024, 1024, check=lambda steps=steps: next(steps))
