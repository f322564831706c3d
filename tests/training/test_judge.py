"""The judge: right on pictures of known scenes, and not to be had by what only resembles them."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from studio.training import judge as judge_module
from studio.training import judge_ground, judge_outlines
from studio.training.drawing import backdrop, cover, draw
from studio.training.judge import Seen, SeenThing, judge
from studio.training.world import COLOURS, SHAPES, SIZE, Background, Mix, Scene, Thing, scene

MIXES = {
    "default": Mix(),
    "styled": Mix(grounds=(0.5, 0.5, 0, 0), styles=(0, 0.5, 0.5)),
    "textured": Mix(grounds=(0, 0, 0.5, 0.5)),
}
BEHIND = Background("plain", ("blue",), ((48, 84, 214),))
STAR = Thing("star", "yellow", "large", 70.0, 60.0, 26.0, 3.0, (246, 224, 52))
SMALL = Thing("ring", "red", "small", 28.0, 100.0, 13.0, 3.0, (220, 38, 38))


def matched(truth: Scene, seen: Seen) -> list[tuple[Thing, SeenThing]]:
    """Each thing and what was seen nearest to it."""
    return [
        (one, min(seen.things, key=lambda thing: np.hypot(thing.x - one.x, thing.y - one.y)))
        for one in truth.things
    ]


def rights(truth: Scene, seen: Seen) -> dict[str, bool]:
    """What the judge saw as it is."""
    colours = truth.background.colours
    if truth.background.kind != "dotted":
        colours = tuple(sorted(colours))
    found = {
        "ground": seen.ground == truth.background.kind and seen.colours == colours,
        "count": len(seen.things) == len(truth.things),
    }
    for name in ("colour", "shape", "style", "size"):
        found[name] = found["count"] and all(
            getattr(one, name) == getattr(thing, name) for one, thing in matched(truth, seen)
        )
    found["place"] = found["count"] and all(
        np.hypot(one.x - thing.x, one.y - thing.y) < 2 for one, thing in matched(truth, seen)
    )
    return found


def worn(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Somewhat blurred and noisy, as pictures of a good first stage are."""
    soft = ndimage.gaussian_filter(pixels.astype(float), (0.6, 0.6, 0))
    noise = rng.normal(0, 4, pixels.shape)
    return np.asarray((soft + noise).round().clip(0, 255), np.uint8)


@cache
def rates(mix: str, count: int, wear: bool) -> dict[str, float]:
    rng = np.random.default_rng(9)
    found = []
    for number in range(count):
        truth = scene(4242, number, MIXES[mix])
        pixels = draw(truth)
        found.append(rights(truth, judge(worn(pixels, rng) if wear else pixels)))
    result = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    return {**result, "all": float(np.mean([all(one.values()) for one in found]))}


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize(("wear", "count"), [(False, 90), (True, 45)])
def test_it_sees_what_is_there(mix: str, wear: bool, count: int) -> None:
    found = rates(mix, count, wear)
    # Of so few one may be wrong.
    allowed = 1 - 1.01 / count
    assert all(share >= allowed for share in found.values()), found


def test_positions_and_radii_are_those_of_the_scene() -> None:
    for number in range(12):
        truth = scene(4243, number)
        for one, thing in matched(truth, judge(draw(truth))):
            assert (thing.x, thing.y) == pytest.approx((one.x, one.y), abs=1)
            assert thing.radius == pytest.approx(one.radius, abs=0.7)


@pytest.mark.parametrize("colour", [name for name in COLOURS if name != "blue"])
def test_it_tells_every_colour(colour: str) -> None:
    one = replace(STAR, rgb=COLOURS[colour])
    (seen,) = judge(draw(Scene((one,), BEHIND))).things
    assert (seen.shape, seen.colour) == ("star", colour)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_tells_every_shape_and_style(shape: str) -> None:
    for style in ("plain", "striped", "outlined"):
        second = None if style == "plain" else COLOURS["white"]
        one = replace(STAR, shape=shape, style=style, second=second, rgb=COLOURS["red"])
        (seen,) = judge(draw(Scene((one,), BEHIND))).things
        assert (seen.shape, seen.colour, seen.style) == (shape, "red", style)


@pytest.mark.parametrize(
    ("change", "sees"),
    [
        ({"x": 40.0}, {"x": 40.0, "y": 60.0}),
        ({"radius": 19.0}, {"size": "medium"}),
        ({"radius": 13.0}, {"size": "small"}),
        ({"rgb": COLOURS["orange"]}, {"colour": "orange"}),
        ({"shape": "cross"}, {"shape": "cross"}),
    ],
)
def test_one_change_is_seen_alone(change: dict[str, object], sees: dict[str, object]) -> None:
    seen = judge(draw(Scene((replace(STAR, **change), SMALL), BEHIND)))
    ring, other = sorted(seen.things, key=lambda thing: thing.shape != "ring")
    assert (ring.shape, ring.colour, ring.size) == ("ring", "red", "small")
    assert (ring.x, ring.y) == pytest.approx((28, 100), abs=0.5)
    expected = {
        "shape": "star", "colour": "yellow", "style": "plain", "size": "large", "x": 70.0,
        "y": 60.0, **sees,
    }  # fmt: skip
    for name, value in expected.items():
        wanted = pytest.approx(value, abs=1) if isinstance(value, float) else value
        assert getattr(other, name) == wanted


def test_two_things_are_counted_and_a_missing_or_doubled_one_too() -> None:
    twin = replace(SMALL, x=105.0, y=108.0)
    for things in ((), (STAR,), (STAR, SMALL), (STAR, SMALL, twin)):
        assert len(judge(draw(Scene(things, BEHIND))).things) == len(things)


def test_grounds_are_told_apart() -> None:
    rgbs = COLOURS["white"], COLOURS["green"]
    for kind in ("gradient", "checked", "dotted"):
        for order in (1, -1):
            names, colours = ("white", "green")[::order], rgbs[::order]
            behind = Background(kind, names, colours, angle=45.0, period=24)
            seen = judge(draw(Scene((replace(STAR, rgb=COLOURS["red"]),), behind)))
            told = names if kind == "dotted" else tuple(sorted(names))
            assert (seen.ground, seen.colours, len(seen.things)) == (kind, told, 1)


def test_stripes_of_things_are_no_dots() -> None:
    one = replace(SMALL, size="medium", radius=18.9, style="striped", second=COLOURS["black"])
    rings = (
        replace(one, x=97.0, y=59.0),
        replace(one, x=32.0, y=63.0, rgb=COLOURS["green"], radius=19.7, turn=-3.0),
    )
    seen = judge(draw(Scene(rings, Background("plain", ("pink",), (COLOURS["pink"],)))))
    assert (seen.ground, seen.colours) == ("plain", ("pink",))
    assert [(one.shape, one.style) for one in seen.things] == [("ring", "striped")] * 2


def shown(share: np.ndarray, colour: str = "yellow") -> Seen:
    """What is seen of a colour laid over blue."""
    ground = backdrop(BEHIND)
    pixels = ground + share[..., None] * (np.array(COLOURS[colour]) - ground)
    return judge(np.asarray(pixels.round(), np.uint8))


@pytest.mark.parametrize("shape", ["circle", "square", "heart", "star", "ring", "cross"])
def test_half_a_thing_has_no_shape(shape: str) -> None:
    share = cover(replace(STAR, shape=shape), 0, 0, SIZE)
    assert [one.shape for one in shown(share).things] == [shape]
    share[:, 68:] = 0
    assert all(one.shape is None for one in shown(share).things)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_smear_has_no_shape(shape: str) -> None:
    share = cover(replace(STAR, shape=shape), 0, 0, SIZE)
    soft = ndimage.gaussian_filter(share, 7)
    for colour in ("yellow", "black", "purple", "cyan"):
        assert all(one.shape is None for one in shown(soft, colour).things)


def test_a_blob_has_no_shape() -> None:
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5 - 64
    for lobes, much in ((2, 0.35), (3, 0.4), (5, 0.2), (7, 0.3)):
        edge = 20 * (1 + much * np.sin(lobes * np.arctan2(y, x) + 1))
        (one,) = shown((edge - np.hypot(x, y) + 0.5).clip(0, 1)).things
        assert one.shape is None, lobes
    bar = (np.maximum(abs(x), 2 * abs(y)) < 22).astype(float)
    assert [one.shape for one in shown(bar).things] == [None]


def test_a_thing_with_a_bite_has_no_shape() -> None:
    share = cover(replace(STAR, shape="circle"), 0, 0, SIZE)
    share[40:75, 70:90] = 0
    assert [one.shape for one in shown(share).things] == [None]


@pytest.mark.parametrize("other", ["orange", "white", "green", "purple"])
def test_a_thing_of_two_colours_has_no_shape(other: str) -> None:
    pixels = draw(Scene((replace(STAR, shape="circle", rgb=COLOURS["red"]),), BEHIND))
    half = pixels[:, 72:]
    half[(half == COLOURS["red"]).all(-1)] = COLOURS[other]
    assert all(one.shape is None for one in judge(pixels).things)


def test_it_shares_nothing_with_what_draws() -> None:
    for module in (judge_module, judge_ground, judge_outlines):
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        assert not re.search(r"training\.(world|drawing|captions)|import (world|drawing)", source)


def test_a_stray_patch_is_a_thing_and_specks_are_none() -> None:
    share = cover(STAR, 0, 0, SIZE)
    share[10:20, 10:20] = 1
    assert len(shown(share).things) == 2
    share[10:20, 10:20] = 0
    share[10:14, 10:14] = 1
    assert len(shown(share).things) == 1


def test_pictures_of_other_sizes_are_scaled() -> None:
    truth = Scene((STAR,), BEHIND)
    (before,) = judge(draw(truth)).things
    for side in (96, 256, 384):
        scaled = Image.fromarray(draw(truth)).resize((side, side), Image.Resampling.LANCZOS)
        (after,) = judge(np.asarray(scaled)).things
        assert (after.shape, after.colour, after.size) == ("star", "yellow", "large")
        assert (after.x, after.y) == pytest.approx((before.x, before.y), abs=0.5)


@pytest.mark.parametrize("rgb", [*COLOURS.values(), (0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_one_colour_has_no_things(rgb: tuple[int, int, int]) -> None:
    seen = judge(np.full((SIZE, SIZE, 3), rgb, np.uint8))
    assert (seen.things, seen.ground) == ((), "plain")


@settings(max_examples=25)
@given(
    size=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    seed=st.integers(0, 99),
    coarse=st.sampled_from([1, 3, 9]),
)
def test_any_picture_can_be_judged(size: tuple[int, int], seed: int, coarse: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    pixels = np.repeat(np.repeat(noise, coarse, 0), coarse, 1)[: size[0], : size[1]]
    seen = judge(pixels)
    assert all(np.isfinite([one.x, one.y, one.radius]).all() for one in seen.things)
    assert judge(pixels) == seen


@pytest.mark.parametrize("shape", [(128, 128), (128, 128, 4), (0, 0, 3), (1, 128, 128, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[h, w, 3\]"):
        judge(np.zeros(shape, np.uint8))
