"""Says in plain English what is in a scene, in many ways, leaving this or that out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from studio.training.world import Background, Scene, Thing

USUAL = 0.75
"""How often a thing is called by its first name."""

NAMES = {
    "circle": ("circle", "disc"), "square": ("square", "box"), "star": ("star",),
    "triangle": ("triangle",), "heart": ("heart",), "ring": ("ring", "hoop"),
    "cross": ("cross", "plus sign"), "diamond": ("diamond", "rhombus"),
    "red": ("red", "scarlet"), "green": ("green",), "blue": ("blue",), "yellow": ("yellow",),
    "purple": ("purple", "violet"), "orange": ("orange",), "cyan": ("cyan", "turquoise"),
    "white": ("white",), "black": ("black",), "pink": ("pink", "rose"),
    "small": ("small", "little", "tiny"), "large": ("large", "big", "huge"),
    "left of": ("left of", "to the left of"), "right of": ("right of", "to the right of"),
    "above": ("above", "over"), "below": ("below", "under", "beneath"),
    "top left": ("in the top left", "at the top left", "in the upper left corner"),
    "top": ("at the top", "in the upper part"),
    "top right": ("in the top right", "at the top right", "in the upper right corner"),
    "left": ("on the left", "at the left side"), "right": ("on the right", "at the right side"),
    "centre": ("in the centre", "in the middle", "in the center"),
    "bottom left": ("in the bottom left", "at the bottom left", "in the lower left corner"),
    "bottom": ("at the bottom", "in the lower part"),
    "bottom right": ("in the bottom right", "at the bottom right", "in the lower right corner"),
}  # fmt: skip
"""What a shape, colour, size, relation or place is called; its usual name comes first."""


@dataclass(frozen=True, slots=True)
class Caption:
    """What is said of a scene.

    Args:
        text: lower case, without a full stop.
        sizes: of each thing, whether its size is said.
        place: whether it is said where the one thing is.
        background: whether it is said what is behind.
    """

    text: str
    sizes: tuple[bool, ...]
    place: bool
    background: bool


def caption(scene: Scene, rng: np.random.Generator) -> Caption:
    """One of the ways to say what is in a scene.

    Args:
        scene: with one or two things; of two their relation is always said.
        rng: chooses; the same state chooses the same words.
    """
    named = tuple(thing.size != "medium" and rng.random() < 0.8 for thing in scene.things)
    phrases = [_thing(thing, size, rng) for thing, size in zip(scene.things, named, strict=True)]
    behind = _background(scene.background, rng) if rng.random() < 0.88 else ""
    if scene.relation is not None:
        text = f"{phrases[0]} {_name(scene.relation, rng)} {phrases[1]}"
        return Caption(_with(text, behind, rng), named, False, bool(behind))
    where = _name(scene.things[0].place, rng) if rng.random() < 0.65 else ""
    if where and rng.random() < 0.25:
        text = _with(f"{where}, {phrases[0]}", behind, rng)
    elif where:
        comma = "," if rng.random() < 0.5 else ""
        text = _with(f"{phrases[0]}{comma} {where}", behind, rng, comma)
    else:
        text = _with(phrases[0], behind, rng)
    return Caption(text, named, bool(where), bool(behind))


def _with(text: str, behind: str, rng: np.random.Generator, comma: str = "") -> str:
    if not behind:
        return text
    return f"{text}{comma or ('' if rng.random() < 0.85 else ',')} {behind}"


def _thing(thing: Thing, size: bool, rng: np.random.Generator) -> str:
    words = [_name(thing.size, rng)] if size else []
    after = ""
    if thing.style != "plain":
        if rng.random() < 0.7:
            words.append(thing.style)
        else:
            after = {"striped": " with stripes", "outlined": " with an outline"}[thing.style]
    words += [_name(thing.colour, rng), _name(thing.shape, rng)]
    return _a(" ".join(words)) + after


def _background(background: Background, rng: np.random.Generator) -> str:
    first, *rest = (_name(colour, rng) for colour in background.colours)
    last = rest[0] if rest else ""
    match background.kind:
        case "plain":
            ways: Sequence[str] = (
                f"on {_a(first)} background", f"on {_a(first)} background", f"on {first}",
                f"over {_a(first)} background", f"in front of {_a(first)} background",
            )  # fmt: skip
        case "gradient":
            ways = (
                f"on a gradient from {first} to {last}",
                f"over {_a(first)} and {last} gradient background",
                f"on a background that goes from {first} to {last}",
                f"on {_a(first)} and {last} gradient",
            )
        case "checked":
            ways = (
                f"on {_a(first)} and {last} checked background",
                f"on a checkerboard of {first} and {last}",
                f"on {_a(last)} and {first} checkerboard",
            )
        case "dotted":
            ways = (
                f"on {_a(first)} background with {last} dots",
                f"on {first} with {last} dots",
                f"on {_a(first)} background dotted {last}",
            )
    return str(ways[int(rng.integers(len(ways)))])


def _name(word: str, rng: np.random.Generator) -> str:
    usual, *others = NAMES[word]
    if not others or rng.random() < USUAL:
        return usual
    return str(others[int(rng.integers(len(others)))])


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
