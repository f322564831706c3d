"""Verdicts: each respect for itself, and only those that the caption speaks of."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from studio.training.captions import Caption, caption
from studio.training.drawing import draw
from studio.training.judge import Seen, SeenThing, judge
from studio.training.verdict import Verdict, verdict
from studio.training.world import Background, Mix, Scene, Thing, scene

HEART = Thing("heart", "red", "small", 20.0, 22.0, 12.0, 0.0, (220, 38, 38))
RING = Thing("ring", "cyan", "large", 90.0, 30.0, 27.0, 0.0, (64, 206, 222))
BEHIND = Background("dotted", ("white", "black"), ((244, 244, 244), (26, 24, 26)), period=24)
ONE, TWO = Scene((HEART,), BEHIND), Scene((HEART, RING), BEHIND)
EVERYTHING = Caption("", (True,), place=True, background=True)
BOTH = Caption("", (True, True), place=False, background=True)
SAW_HEART = SeenThing("heart", "red", "plain", 20.0, 22.0, 12.0, 0.95)
SAW_RING = SeenThing("ring", "cyan", "plain", 90.0, 30.0, 27.0, 0.95)
NAMES = [field.name for field in fields(Verdict)]


def seen(*things: SeenThing, ground: str = "dotted", colours: tuple[str, ...] = ()) -> Seen:
    return Seen(things, ground, colours or ("white", "black"))


def wrong(found: Verdict) -> set[str]:
    return {name for name in NAMES if getattr(found, name) is False}


def test_all_right() -> None:
    one = verdict(ONE, EVERYTHING, seen(SAW_HEART))
    assert one == Verdict(True, True, True, True, True, True, True, None)
    two = verdict(TWO, BOTH, seen(SAW_RING, SAW_HEART))
    assert two == Verdict(True, True, True, True, True, True, None, True)
    assert one.right
    assert two.right


@pytest.mark.parametrize(
    ("change", "respect"),
    [
        ({"colour": "pink"}, "colour"),
        ({"shape": "circle"}, "shape"),
        ({"shape": None}, "shape"),
        ({"style": "striped"}, "style"),
        ({"radius": 18.0}, "size"),
        ({"x": 64.0}, "place"),
        ({"y": 64.0}, "place"),
    ],
)
def test_one_thing_wrong_in_one_respect(change: dict[str, Any], respect: str) -> None:
    found = verdict(ONE, EVERYTHING, seen(replace(SAW_HEART, **change)))
    assert wrong(found) == {respect}
    assert not found.right


@pytest.mark.parametrize(
    ("ground", "colours"),
    [("checked", ("black", "white")), ("dotted", ("black", "white")), ("plain", ("white",)),
     ("dotted", ("white", "blue"))],
)  # fmt: skip
def test_a_wrong_background(ground: str, colours: tuple[str, ...]) -> None:
    found = verdict(ONE, EVERYTHING, seen(SAW_HEART, ground=ground, colours=colours))
    assert wrong(found) == {"background"}


@pytest.mark.parametrize("kind", ["gradient", "checked"])
def test_only_dots_have_an_order(kind: Any) -> None:
    asked = Scene((HEART,), replace(BEHIND, kind=kind))
    told = seen(SAW_HEART, ground=kind, colours=("black", "white"))
    assert verdict(asked, EVERYTHING, told).right


def test_what_is_not_said_is_not_judged() -> None:
    silent = Caption("", (False,), place=False, background=False)
    elsewhere = replace(SAW_HEART, x=100.0, radius=28.0)
    found = verdict(ONE, silent, seen(elsewhere, ground="plain", colours=("green",)))
    assert found == Verdict(True, None, True, True, True, None, None, None)
    assert found.right


def test_only_sizes_that_are_said_count() -> None:
    told = seen(SAW_HEART, replace(SAW_RING, radius=18.0))
    assert verdict(TWO, replace(BOTH, sizes=(True, False)), told).size is True
    assert verdict(TWO, replace(BOTH, sizes=(False, True)), told).size is False


@pytest.mark.parametrize("things", [(), (SAW_HEART, SAW_HEART), (SAW_HEART, SAW_RING, SAW_RING)])
def test_a_wrong_count_makes_all_of_the_things_wrong(things: tuple[SeenThing, ...]) -> None:
    found = verdict(ONE, EVERYTHING, seen(*things))
    assert found == Verdict(False, True, False, False, False, False, False, None)
    found = verdict(TWO, replace(BOTH, sizes=(False, False)), seen(SAW_RING))
    assert found == Verdict(False, True, False, False, False, None, None, False)


@pytest.mark.parametrize("relation", ["left of", "right of", "above", "below"])
def test_relations(relation: str) -> None:
    away = {"left of": (-50, 9), "right of": (50, -9), "above": (9, -50), "below": (-9, 50)}
    for wanted, (across, down) in away.items():
        one = replace(SAW_HEART, x=64.0 + across / 2, y=64.0 + down / 2)
        other = replace(SAW_RING, x=64.0 - across / 2, y=64.0 - down / 2)
        asked = Scene(
            (replace(HEART, x=one.x, y=one.y), replace(RING, x=other.x, y=other.y)), BEHIND
        )
        assert asked.relation == wanted
        there = away[relation]
        one, other = (
            replace(thing, x=64.0 + sign * there[0] / 2, y=64.0 + sign * there[1] / 2)
            for thing, sign in ((one, 1), (other, -1))
        )
        found = verdict(asked, BOTH, seen(one, other))
        assert wrong(found) == (set() if relation == wanted else {"relation"})


def test_swapped_colours_are_wrong() -> None:
    told = seen(replace(SAW_HEART, colour="cyan"), replace(SAW_RING, colour="red"))
    assert wrong(verdict(TWO, BOTH, told)) >= {"colour"}


def test_two_alike_are_paired_by_place() -> None:
    twin = replace(HEART, x=90.0, y=30.0, radius=27.0, size="large")
    told = seen(replace(SAW_HEART, x=88.0, y=30.0, radius=26.0), SAW_HEART)
    assert verdict(Scene((HEART, twin), BEHIND), BOTH, told).right


def test_pictures_of_scenes_do_what_their_captions_ask_and_no_others() -> None:
    rng = np.random.default_rng(3)
    mix = Mix(grounds=(0.25, 0.25, 0.25, 0.25), styles=(0.4, 0.3, 0.3))
    asked = [scene(31, number, mix) for number in range(40)]
    told = [judge(draw(one)) for one in asked]
    captions = [caption(one, rng) for one in asked]
    right = [verdict(*each).right for each in zip(asked, captions, told, strict=True)]
    assert sum(right) >= 39
    others = zip(asked, captions, told[1:] + told[:1], strict=True)
    assert sum(verdict(*each).right for each in others) == 0
