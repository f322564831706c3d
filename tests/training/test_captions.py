"""Captions: every way to say what is in a scene is true, and says what it claims to say."""

from __future__ import annotations

import re

import numpy as np

from studio.training.captions import NAMES, Caption, caption
from studio.training.world import COLOURS, PLACES, RADII, RELATIONS, SHAPES, Mix, Scene, scene

MIX = Mix(grounds=(0.25, 0.25, 0.25, 0.25), styles=(0.4, 0.3, 0.3))


def words(*kinds: object) -> str:
    """A pattern of all that these may be called, the longest first."""
    ways = [way for kind in kinds for way in NAMES.get(str(kind), (str(kind),))]
    return "|".join(sorted(map(re.escape, ways), key=len, reverse=True))


def usual(said: str, kinds: object) -> str:
    """What is meant by a name."""
    return next(
        str(kind)
        for kind in kinds  # type: ignore[attr-defined]
        if said in NAMES.get(str(kind), (str(kind),))
    )


COLOUR = words(*COLOURS)
THING = (
    rf"(?:an?) (?:(?P<size_>{words('small', 'large')}) )?(?:(?P<style_>striped|outlined) )?"
    rf"(?P<colour_>{COLOUR}) (?P<shape_>{words(*SHAPES)})"
    r"(?P<after_> with stripes| with an outline)?"
)
PLACE = words(*PLACES.values())
GROUND = (
    rf"(?:on|over|in front of) (?:"
    rf"(?P<gradient>a gradient from (?P<g1>{COLOUR}) to (?P<g2>{COLOUR})"
    rf"|an? (?P<g3>{COLOUR}) and (?P<g4>{COLOUR}) gradient(?: background)?"
    rf"|a background that goes from (?P<g5>{COLOUR}) to (?P<g6>{COLOUR}))"
    rf"|(?P<checked>an? (?P<c1>{COLOUR}) and (?P<c2>{COLOUR}) (?:checked background|checkerboard)"
    rf"|a checkerboard of (?P<c3>{COLOUR}) and (?P<c4>{COLOUR}))"
    rf"|(?P<dotted>an? (?P<d1>{COLOUR}) background with (?P<d2>{COLOUR}) dots"
    rf"|(?P<d3>{COLOUR}) with (?P<d4>{COLOUR}) dots"
    rf"|an? (?P<d5>{COLOUR}) background dotted (?P<d6>{COLOUR}))"
    rf"|(?P<plain>an? (?P<p1>{COLOUR}) background|(?P<p2>{COLOUR})))"
)


def thing(number: int) -> str:
    return re.sub(r"_>", f"{number}>", THING)


ONE = re.compile(rf"(?:(?P<before>{PLACE}), )?{thing(0)}(?:,? (?P<place>{PLACE}))?(?:,? {GROUND})?")
TWO = re.compile(rf"{thing(0)} (?P<relation>{words(*RELATIONS)}) {thing(1)}(?:,? {GROUND})?")
STYLES = {" with stripes": "striped", " with an outline": "outlined"}


def check(truth: Scene, said: Caption) -> None:
    """Parse a caption by a grammar of this file's own, and compare all that it says."""
    found = (ONE if truth.relation is None else TWO).fullmatch(said.text)
    assert found is not None, said.text
    parts = found.groupdict()
    for number, one in enumerate(truth.things):
        size = parts[f"size{number}"]
        assert said.sizes[number] == (size is not None)
        assert size is None or usual(size, RADII) == one.size
        style = parts[f"style{number}"] or STYLES.get(parts[f"after{number}"] or "", "plain")
        assert style == one.style
        assert usual(parts[f"colour{number}"], COLOURS) == one.colour
        assert usual(parts[f"shape{number}"], SHAPES) == one.shape
    if truth.relation is None:
        place = parts["before"] or parts["place"]
        assert said.place == (place is not None)
        assert place is None or usual(place, PLACES.values()) == truth.things[0].place
    else:
        assert usual(parts["relation"], RELATIONS) == truth.relation
        assert not said.place
    behind = truth.background
    kinds = [kind for kind in ("plain", "gradient", "checked", "dotted") if parts[kind]]
    assert said.background == bool(kinds)
    if kinds:
        assert kinds == [behind.kind]
        letter = behind.kind[0]
        told = [
            usual(parts[f"{letter}{n}"], COLOURS) for n in range(1, 7) if parts.get(f"{letter}{n}")
        ]
        same = tuple(told) == behind.colours
        # Checks have no order, and one way to say them turns it round.
        assert same or (behind.kind == "checked" and tuple(reversed(told)) == behind.colours)


def test_every_caption_is_true() -> None:
    rng = np.random.default_rng(5)
    for number in range(700):
        truth = scene(21, number, MIX)
        check(truth, caption(truth, rng))


def test_all_names_and_ways_come() -> None:
    rng = np.random.default_rng(6)
    text = "\n".join(caption(scene(22, number, MIX), rng).text for number in range(1600))
    missing = [way for ways in NAMES.values() for way in ways if way not in text]
    assert missing == []
    for way in ("on a background that goes from", "checkerboard of", " background dotted "):
        assert way in text


def test_articles_fit() -> None:
    rng = np.random.default_rng(7)
    for number in range(400):
        text = caption(scene(23, number, MIX), rng).text
        assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text), text
        assert text == text.lower().strip()
        assert "  " not in text


def test_no_name_means_two_things() -> None:
    for group in (COLOURS, SHAPES, RADII, RELATIONS, PLACES.values()):
        said = [way for kind in group for way in NAMES.get(kind, (kind,))]
        assert len(set(said)) == len(said)


def test_captions_follow_from_the_generators_state() -> None:
    truth = scene(24, 0)
    texts = [caption(truth, np.random.default_rng(seed)).text for seed in (1, 1, 2, 3, 4, 5)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 2


def test_the_usual_name_comes_most_often() -> None:
    rng = np.random.default_rng(8)
    truth = next(one for one in (scene(25, n) for n in range(99)) if one.things[0].shape == "ring")
    texts = [caption(truth, rng).text.split() for _ in range(300)]
    usually = sum("ring" in text for text in texts)
    assert 0.6 < usually / len(texts) < 0.95
