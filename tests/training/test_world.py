"""The world of the pocket family: the same scenes from a seed, and rules that all of them keep."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.training.world import (
    APART,
    COLOURS,
    GROUNDS,
    JITTER,
    PLACES,
    RADII,
    RELATIONS,
    SHAPES,
    SIZE,
    STYLES,
    Mix,
    Scene,
    Thing,
    scene,
    scenes,
)

SEEDS = st.integers(0, 2**63 - 1)
NUMBERS = st.integers(0, 2**31 - 1)
EVEN = Mix(grounds=(0.25, 0.25, 0.25, 0.25), styles=(0.4, 0.3, 0.3))


def many(count: int, mix: Mix | None = None) -> list[Scene]:
    return list(islice(scenes(11, mix), count))


@settings(max_examples=40)
@given(seed=SEEDS, start=NUMBERS)
def test_a_stream_may_start_anywhere(seed: int, start: int) -> None:
    assert list(islice(scenes(seed, EVEN, start), 3)) == [
        scene(seed, start + n, EVEN) for n in range(3)
    ]


def test_scenes_differ_between_numbers_and_seeds() -> None:
    found = [scene(seed, number) for seed in range(8) for number in range(8)]
    assert len(set(found)) == len(found)


@settings(max_examples=150)
@given(seed=SEEDS, number=NUMBERS)
def test_a_scene_keeps_the_rules(seed: int, number: int) -> None:
    one = scene(seed, number, EVEN)
    behind = one.background
    assert behind.kind in GROUNDS
    assert len(set(behind.colours)) == len(behind.rgbs) == (1 if behind.kind == "plain" else 2)
    for name, rgb in zip(behind.colours, behind.rgbs, strict=True):
        assert named(name, rgb)
    for thing in one.things:
        assert thing.shape in SHAPES
        assert named(thing.colour, thing.rgb)
        low, high = RADII[thing.size]
        assert low <= thing.radius <= high
        assert min(thing.x, thing.y) >= thing.radius + 2
        assert max(thing.x, thing.y) <= SIZE - thing.radius - 2
        assert thing.style in STYLES
        assert (thing.second is None) == (thing.style == "plain")
        if thing.second is not None:
            assert thing.second in (COLOURS["white"], COLOURS["black"])
            assert thing.colour not in ("white", "black")
            assert thing.size != "small"
        between = [np.array(behind.rgbs[0])]
        if behind.kind != "plain":
            last = np.array(behind.rgbs[-1])
            shares = np.linspace(0, 1, 9) if behind.kind == "gradient" else (0, 1)
            between = [between[0] + share * (last - between[0]) for share in shares]
        assert all(np.linalg.norm(np.array(COLOURS[thing.colour]) - at) >= APART for at in between)
    if len(one.things) == 2:
        first, second = one.things
        gap = np.hypot(first.x - second.x, first.y - second.y) - first.radius - second.radius
        assert gap > 1
        across, down = second.x - first.x, second.y - first.y
        true = {
            "left of": across > abs(down),
            "right of": -across > abs(down),
            "above": down >= abs(across),
            "below": -down >= abs(across),
        }
        assert one.relation is not None
        assert true[one.relation]
    else:
        assert one.relation is None


def named(name: str, rgb: tuple[int, int, int]) -> bool:
    return all(
        abs(a - b) <= JITTER and 0 <= a <= 255 for a, b in zip(rgb, COLOURS[name], strict=True)
    )


def test_a_mix_says_how_often_what_comes() -> None:
    mix = Mix(pairs=0.3, grounds=(0.4, 0.3, 0.2, 0.1), styles=(0.5, 0.3, 0.2))
    found = many(1200, mix)
    counts = Counter(one.background.kind for one in found)
    styles = Counter(one.things[0].style for one in found)
    pairs = sum(len(one.things) == 2 for one in found)
    # Five standard deviations of a share of 1200 are at most 0.072.
    for kind, share in zip(GROUNDS, mix.grounds, strict=True):
        assert counts[kind] / len(found) == pytest.approx(share, abs=0.072)
    for style, share in zip(STYLES, mix.styles, strict=True):
        assert styles[style] / len(found) == pytest.approx(share, abs=0.072)
    assert pairs / len(found) == pytest.approx(mix.pairs, abs=0.072)


def test_everything_comes() -> None:
    found = many(600)
    things = [thing for one in found for thing in one.things]
    assert {thing.shape for thing in things} == set(SHAPES)
    assert {thing.colour for thing in things} == set(COLOURS)
    assert {thing.size for thing in things} == set(RADII)
    assert {thing.place for one in found if len(one.things) == 1 for thing in one.things} == set(
        PLACES.values()
    )
    assert {one.relation for one in found} == {None, *RELATIONS}
    assert {one.background.colours[0] for one in found} == set(COLOURS)


@pytest.mark.parametrize(
    ("x", "y", "place"),
    [(20, 20, "top left"), (64, 20, "top"), (64, 64, "centre"), (110, 64, "right"),
     (20, 110, "bottom left"), (110, 110, "bottom right")],
)  # fmt: skip
def test_places_are_thirds_of_the_picture(x: float, y: float, place: str) -> None:
    assert Thing("circle", "red", "small", x, y, 12, 0, (220, 38, 38)).place == place
