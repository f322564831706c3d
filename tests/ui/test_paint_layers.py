"""The canvas' store of screen pixels: parts that are redone fit to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage

from studio.masks.canvas import Canvas
from studio.masks.items import Fill, Rectangle
from tests.ui.paint_kit import noise, pixels, random_stroke, stroke
from ui.paint.contour import Line
from ui.paint.effect import effect_of, level_for
from ui.paint.layers import Scene
from ui.paint.mips import PictureLevels, Pyramid, halve_pixels, halve_plane, levels_of
from ui.paint.painting import Painting
from ui.paint.store import Look, Store

ZOOMS = (0.11, 0.25, 0.37, 0.5, 0.77, 1.0, 1.3, 1.999, 2.0, 2.5, 4.0, 7.3, 40.0)
OVERLAYS = ("tint", "contour", "checker")


@pytest.fixture
def painting() -> Painting:
    found = Painting()
    found.show(noise(301, 203))
    return found


def look_of(painting: Painting, overlay: str, ratio: float = 1.0) -> Look:
    mask = Pyramid(painting.mask.mask)
    layer = painting.sketch.layer
    sketch = None if layer is None else Pyramid(layer.view(np.uint32)[..., 0])
    scene = Scene(
        painting.width, painting.height, painting.levels, mask, sketch,
        "" if overlay == "contour" else overlay, QColor("#ff3d55"),
    )  # fmt: skip
    line = Line((255, 61, 85), width=ratio) if overlay == "contour" else None
    return Look(scene, line=line, ground=QColor("#17181c"), ratio=ratio, guides=overlay == "tint")


def store_at(look: Look, x: int, y: int, zoom: float, size: tuple[int, int]) -> Store:
    found = Store()
    found.resize(*size)
    found.show(look)
    found.place(x, y, zoom)
    found.refresh()
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("zoom", ZOOMS)
def test_what_is_redone_in_parts_is_what_all_of_it_would_be(
    painting: Painting, zoom: float, overlay: str
) -> None:
    rng = np.random.default_rng(round(zoom * 1000))
    x, y = (round(200 - side * zoom / 2) for side in (301, 203))
    look = look_of(painting, overlay)
    store = store_at(look, x, y, zoom, (400, 333))
    for _ in range(6):
        rects = painting.mask.add(random_stroke(painting, rng))
        for rect in rects:
            look.scene.mask.touch(*rect)
            store.touch(store.spread(*rect))
        store.refresh()
        whole = store_at(look_of(painting, overlay), x, y, zoom, (400, 333))
        assert np.array_equal(pixels(store.image), pixels(whole.image))


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("zoom", ZOOMS)
def test_what_is_moved_is_what_would_be_drawn_there(
    painting: Painting, zoom: float, overlay: str
) -> None:
    rng = np.random.default_rng(3)
    for _ in range(3):
        painting.mask.add(random_stroke(painting, rng))
    look = look_of(painting, overlay)
    x, y = 13, -40
    store = store_at(look, x, y, zoom, (400, 333))
    for dx, dy in ((5, 0), (-17, 30), (0, -90), (300, 300), (-500, -20)):
        x, y = x + dx, y + dy
        rects = painting.mask.add(random_stroke(painting, rng))
        for rect in rects:
            look.scene.mask.touch(*rect)
            store.touch(store.spread(*rect))
        store.place(x, y, zoom)  # before what is stale was redone
        store.refresh()
        whole = store_at(look_of(painting, overlay), x, y, zoom, (400, 333))
        assert np.array_equal(pixels(store.image), pixels(whole.image))


def test_little_is_redone() -> None:
    painting = Painting()
    painting.show(noise(2048, 2048))
    look = look_of(painting, "tint")
    store = store_at(look, 0, 0, 0.5, (1024, 1024))
    assert store.stale.isEmpty()
    spread = store.spread(1000, 1000, 100, 100)
    assert spread.contains(QRect(500, 500, 50, 50))
    assert spread.width() < 70
    assert spread.height() < 70


@pytest.mark.parametrize("zoom", [1.0, 3.0, 8.0])
def test_pixels_lie_where_they_belong(painting: Painting, zoom: float) -> None:
    painting.mask.add(Fill(opacity=50))
    store = store_at(look_of(painting, ""), -31, 7, zoom, (400, 333))
    found = pixels(store.image)
    picture = painting.picture
    assert picture is not None
    for x, y in ((0, 10), (200, 200), (399, 332), (113, 77)):
        column, row = int((x + 31) // zoom), int((y - 7) // zoom)
        if row < 0 or not (column < 301 and row < 203):
            assert found[y, x] == 0x17181C
            continue
        red, green, blue = (int(value) for value in picture[row, column])
        assert found[y, x] == red << 16 | green << 8 | blue


@pytest.mark.parametrize("zoom", [0.3, 0.8, 1.0, 1.7, 3.3])
def test_the_mask_lies_on_the_picture(zoom: float) -> None:
    """A mask of the picture's bright half covers just that, at any zoom."""
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[60:130, 100:220] = 255
    painting = Painting()
    painting.show(picture)
    x, y = painting.to_units(100, 60)
    right, bottom = painting.to_units(220, 130)
    painting.mask.add(Rectangle(box=(x, y, right, bottom)))
    look = look_of(painting, "tint")
    look = replace(look, guides=False)
    look.scene.colour, look.scene.opacity = QColor("black"), 1.0
    store = store_at(look, 11, 13, zoom, (900, 700))
    area = slice(13, 13 + round(200 * zoom)), slice(11, 11 + round(300 * zoom))
    # Black on white: what shone through at the rim would be a mask that is off.
    assert (pixels(store.image)[area] & 0xFF).max() <= 64
    plain = store_at(look_of(painting, ""), 11, 13, zoom, (900, 700))
    assert (pixels(plain.image)[area] & 0xFF).max() == 255


def test_a_level_is_the_mean_of_what_it_covers() -> None:
    rng = np.random.default_rng(1)
    for height, width in ((6, 8), (7, 9), (1, 5), (64, 63)):
        plane = rng.integers(0, 256, (height, width), np.uint8)
        padded = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge").astype(int)
        sums = padded[0::2, 0::2] + padded[1::2, 0::2] + padded[0::2, 1::2] + padded[1::2, 1::2]
        assert np.array_equal(halve_plane(plane), (sums + 2) >> 2)
        four = rng.integers(0, 256, (height, width, 4), np.uint8)
        halved = halve_pixels(four.view(np.uint32)[..., 0]).view(np.uint8).reshape(*sums.shape, 4)
        for channel in range(4):
            expected = halve_plane(np.ascontiguousarray(four[..., channel]))
            assert np.array_equal(halved[..., channel], expected)


def test_levels_follow_what_is_painted() -> None:
    canvas = Canvas(777, 531)
    pyramid = Pyramid(canvas.mask)
    rng = np.random.default_rng(2)
    painting = Painting()
    painting.show(noise(777, 531))
    for _ in range(10):
        for rect in canvas.add(random_stroke(painting, rng)):
            pyramid.touch(*rect)
        level = int(rng.integers(0, pyramid.count))
        assert np.array_equal(pyramid.level(level), Pyramid(canvas.mask.copy()).level(level))


def test_levels_of_a_picture_hold_its_colours() -> None:
    picture = noise(201, 133)
    levels = PictureLevels.build(picture)
    assert levels.picture is picture  # not copied
    assert len(levels.smaller) == levels_of(201, 133) - 1
    for channel in range(3):
        expected = halve_plane(np.ascontiguousarray(picture[..., channel]))
        found = levels.smaller[0] >> (16 - 8 * channel) & 255
        assert np.array_equal(found, expected)
    box = (0, 0, 101, 67)
    assert np.array_equal(pixels(levels.image(1, box)), levels.smaller[0] & 0xFFFFFF)


def test_a_preview_is_seen_in_the_mask_alone(painting: Painting) -> None:
    painting.mask.add(stroke(painting, [(20, 60), (180, 110)], 30))
    look = look_of(painting, "")
    plain = pixels(store_at(look, 0, 0, 1.0, (301, 203)).image)
    live = QImage(20, 20, QImage.Format.Format_RGB32)
    live.fill(QColor("#00ff00"))
    look.scene.live, look.scene.live_rect = live, QRectF(50, 40, 200, 100)
    found = pixels(store_at(look, 0, 0, 1.0, (301, 203)).image)
    mask = painting.mask.mask
    inside = np.zeros(mask.shape, bool)
    inside[40:140, 50:250] = True
    assert np.array_equal(found != plain, (mask > 0) & inside & (found != plain))
    solid = (mask == 255) & inside
    solid[:42] = solid[138:] = solid[:, :52] = solid[:, 248:] = False
    assert solid.any()
    assert (found[solid] == 0x00FF00).all()


def test_a_turned_mask_is_shown_turned(painting: Painting) -> None:
    painting.mask.add(Fill())
    look = look_of(painting, "tint")
    plain = pixels(store_at(look_of(painting, ""), 0, 0, 1.0, (301, 203)).image)
    assert not np.array_equal(pixels(store_at(look, 0, 0, 1.0, (301, 203)).image), plain)
    look.scene.invert = True
    assert np.array_equal(pixels(store_at(look, 0, 0, 1.0, (301, 203)).image), plain)


def test_a_divider_shows_both(painting: Painting) -> None:
    look = look_of(painting, "")
    other = replace(look.scene, picture=PictureLevels.build(noise(301, 203, seed=9)))
    both = replace(look, before=look.scene, scene=other, split=0.5)
    for zoom in (0.4, 1.0, 1.6, 3.0):
        size = (round(301 * zoom), round(203 * zoom))
        left = pixels(store_at(look, 0, 0, zoom, size).image)
        right = pixels(store_at(replace(look, scene=other), 0, 0, zoom, size).image)
        found = pixels(store_at(both, 0, 0, zoom, size).image)
        at = round(size[0] * 0.5)
        assert np.array_equal(found[:, :at], left[:, :at])
        assert np.array_equal(found[:, at:], right[:, at:])


def test_the_effect_is_about_that_of_the_node() -> None:
    from studio.masks import shape

    canvas = Canvas(400, 300)
    painting = Painting()
    painting.show(noise(400, 300))
    canvas.add(random_stroke(painting, np.random.default_rng(4)))
    pyramid = Pyramid(canvas.mask)
    exact = shape.feather(shape.grow(canvas.mask.astype(np.float32) / 255, 12), 8)
    whole = effect_of(pyramid.level(0), 1, 12, 8, False)
    assert np.abs(whole.plane / 255 - exact).max() < 0.003
    half = effect_of(pyramid.level(1), 2, 12, 8, False)
    big = np.kron(half.plane, np.ones((2, 2), np.uint8))[:300, :400]
    assert np.abs(big / 255 - exact).mean() < 0.01
    assert level_for(4096, 4096, 0, pyramid.count) == 2
    assert level_for(1024, 1024, 400, pyramid.count) == 3
