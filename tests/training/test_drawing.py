"""Drawings: as large as formulas say, where they are to be, with smooth edges and exact colours."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from studio.training.drawing import backdrop, cover, draw
from studio.training.world import SHAPES, SIZE, Background, Mix, Scene, Thing, scene

RED, WHITE = (211, 30, 44), (244, 244, 244)
BEHIND = Background("plain", ("blue",), ((40, 90, 220),))
CIRCLE = 32 * np.sin(2 * np.pi / 64)
"""Area of 64 corners at a radius of 1."""

AREAS = {
    "circle": CIRCLE,
    "ring": CIRCLE * (1 - 0.56**2),
    "square": 2.0,
    "diamond": 2 * 0.66,
    "triangle": 0.87 * 1.5,
    "star": 10 * 0.5 * 0.42 * np.sin(np.pi / 5),
    "cross": 2 * 1.9 * 0.6 - 0.6**2,
    # 180 pi is that of the heart's curve, 16.0 its half width, 0.877 what that becomes.
    "heart": 180 * np.pi * (0.877 / 16) ** 2,
}


def thing(shape: str, **more: object) -> Thing:
    values = {"x": 61.3, "y": 66.8, "radius": 25.0, "turn": 5.0, "rgb": RED, **more}
    return Thing(shape, "red", "large", **values)  # type: ignore[arg-type]


def picture(*things: Thing) -> np.ndarray:
    return draw(Scene(things, BEHIND)).astype(float)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_the_area_of_its_formula(shape: str) -> None:
    for radius in (11.0, 18.5, 29.0):
        share = cover(thing(shape, radius=radius), 0, 0, SIZE)
        assert share.sum() == pytest.approx(AREAS[shape] * radius**2, rel=0.05 + 0.2 / radius)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_reaches_its_radius_and_no_farther(shape: str) -> None:
    one = thing(shape)
    rows, columns = np.nonzero(cover(one, 0, 0, SIZE))
    away = np.hypot(columns + 0.5 - one.x, rows + 0.5 - one.y).max()
    assert one.radius - 1.5 < away < one.radius + 1


def test_a_circle_covers_each_pixel_as_much_as_it_lies_in_it() -> None:
    one = thing("circle")
    fine = (np.arange(SIZE * 10) + 0.5) / 10
    inside = np.hypot(fine[None] - one.x, fine[:, None] - one.y) <= one.radius
    true = inside.reshape(SIZE, 10, SIZE, 10).mean((1, 3))
    found = cover(one, 0, 0, SIZE)
    # Pillow rounds corners to whole samples, a quarter of a pixel, and draws edges with them.
    assert abs(found - true).max() < 0.45
    assert abs(found - true).mean() < 0.002
    middle = (found * (np.arange(SIZE) + 0.5)).sum() / found.sum()
    assert middle == pytest.approx(one.x, abs=0.15)
    edge = (true > 0.05) & (true < 0.95)
    assert np.corrcoef(found[edge], true[edge])[0, 1] > 0.88


def test_a_turn_is_clockwise() -> None:
    # The tip of a triangle, straight up at first, moves right.
    rows, columns = np.nonzero(cover(thing("triangle", turn=8.0, x=64.0), 0, 0, SIZE) > 0.5)
    tip = columns[rows == rows.min()].mean() + 0.5
    assert tip - 64 == pytest.approx(25 * np.sin(np.deg2rad(8)), abs=1)


def test_a_window_shows_its_part_of_the_picture() -> None:
    one = thing("star")
    whole = cover(one, 0, 0, SIZE)
    np.testing.assert_array_equal(cover(one, 30, 35, 60), whole[35:95, 30:90])


def test_colours_are_those_of_the_scene_and_edges_lie_between() -> None:
    pixels = picture(thing("square"))
    assert tuple(pixels[66, 61]) == RED
    assert tuple(pixels[0, 0]) == BEHIND.rgbs[0]
    share = cover(thing("square"), 0, 0, SIZE)[..., None]
    expected = np.array(BEHIND.rgbs[0]) * (1 - share) + np.array(RED) * share
    assert abs(pixels - expected).max() <= 0.51
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 8


def test_outlines_lie_at_the_edge_of_the_thing_alone() -> None:
    one = thing("circle", style="outlined", second=WHITE)
    pixels = picture(one)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    away = np.hypot(x - one.x, y - one.y)
    assert (pixels[(away < 0.87 * 25 - 1.5)] == RED).all()
    assert (pixels[(away > 0.87 * 25 + 1.5) & (away < 23.5)] == WHITE).all()
    np.testing.assert_array_equal(pixels[away > 27], picture()[away > 27])


@pytest.mark.parametrize(("radius", "period"), [(17.0, 9.0), (20.0, 9.0), (28.0, 12.6)])
def test_stripes_are_level_and_as_wide_as_they_are_to_be(radius: float, period: float) -> None:
    pixels = picture(thing("square", radius=radius, turn=0.0, style="striped", second=WHITE))
    inside = pixels[66 - int(radius * 0.6) : 66 + int(radius * 0.6), 55:68]
    assert (inside == inside[:, :1]).all()
    share = (inside[:, 0] - RED)[:, 1] / (WHITE[1] - RED[1])
    assert share.mean() == pytest.approx(0.5, abs=0.15)
    edges = np.flatnonzero(np.diff(np.where(share > 0.5, 1, 0)))
    assert np.diff(edges).mean() == pytest.approx(period / 2, abs=0.6)


def test_a_gradient_is_a_plane_between_its_two_colours() -> None:
    ends = ((10, 200, 60), (240, 20, 90))
    for angle in (0.0, 45.0, 90.0, 225.0):
        found = backdrop(Background("gradient", ("green", "pink"), ends, angle=angle))
        y, x = np.mgrid[:SIZE, :SIZE] - 63.5
        along = x * np.cos(np.deg2rad(angle)) + y * np.sin(np.deg2rad(angle))
        share = ((along - along.min()) / np.ptp(along))[..., None]
        expected = np.array(ends[0]) + share * np.subtract(ends[1], ends[0])
        np.testing.assert_allclose(found, expected, atol=0.01)


def test_checks_and_dots_come_every_period() -> None:
    ends = ((10, 200, 60), (240, 20, 90))
    checks = backdrop(Background("checked", ("green", "pink"), ends, period=24))
    np.testing.assert_allclose(checks[:-48], checks[48:], atol=1e-3)
    np.testing.assert_allclose(checks[:-24, 24:], checks[24:, :-24], atol=1e-3)
    assert not np.allclose(checks[:-24], checks[24:], atol=1)
    share = (checks[..., 0] - 10) / 230
    assert share[16:112, 16:112].mean() == pytest.approx(0.5, abs=0.01)
    dots = backdrop(Background("dotted", ("green", "pink"), ends, period=24))
    np.testing.assert_allclose(dots[:-24], dots[24:], atol=1e-3)
    share = (dots[..., 0] - 10) / 230
    assert share[16:112, 16:112].mean() == pytest.approx(np.pi * 0.28**2, abs=0.01)


def test_pixels_are_the_same_everywhere() -> None:
    """Trained models and their figures rest on it: a change here makes others of both."""
    mix = Mix(grounds=(0.25, 0.25, 0.25, 0.25), styles=(0.4, 0.3, 0.3))
    found = hashlib.sha256()
    for number in range(24):
        found.update(draw(scene(3, number, mix)).tobytes())
    assert found.hexdigest() == "b8bed4533b27a4babfc2637e47bfdfe34aa9ca15a2b418e42f3459fdfef52e80"
