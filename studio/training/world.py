"""Scenes of one or two shapes before a background, drawn from a seed: what the pocket models know.

A scene says all there is to see, so every picture comes with its ground truth. Scenes and their
order follow from the seed alone; nothing is read from or kept on the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 128
"""Pixels of a picture's side; places and radii of scenes are in these."""

SHAPES = ("circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond")

COLOURS = {
    "red": (220, 38, 38), "green": (46, 160, 67), "blue": (48, 84, 214), "yellow": (246, 224, 52),
    "purple": (130, 50, 170), "orange": (245, 134, 24), "cyan": (64, 206, 222),
    "white": (244, 244, 244), "black": (26, 24, 26), "pink": (246, 142, 190),
}  # fmt: skip
"""Their middle, in steps of 8 bits; a scene's own lies a little beside it."""

APART = 80.0
"""Between a shape's colour and every colour behind it, at least: as orange is from yellow, in
steps of 8 bits (Euclidean)."""

PLACES = {
    (0, 0): "top left", (1, 0): "top", (2, 0): "top right",
    (0, 1): "left", (1, 1): "centre", (2, 1): "right",
    (0, 2): "bottom left", (1, 2): "bottom", (2, 2): "bottom right",
}  # fmt: skip
"""By column and row of the third of the picture that holds a shape's middle."""

RADII = {"small": (11.0, 14.0), "medium": (16.0, 20.0), "large": (24.0, 29.0)}
"""From a shape's middle to its farthest point, in pixels."""

Style = Literal["plain", "striped", "outlined"]
STYLES: tuple[Style, ...] = ("plain", "striped", "outlined")

Ground = Literal["plain", "gradient", "checked", "dotted"]
GROUNDS: tuple[Ground, ...] = ("plain", "gradient", "checked", "dotted")

RELATIONS = ("left of", "right of", "above", "below")
"""Of the first of two shapes to the second."""

JITTER = 9
"""How far a scene's colour may lie from the middle of its name's, in steps of 8 bits a channel."""

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Thing:
    """A shape in a scene.

    Args:
        shape: one of `SHAPES`.
        colour: one of `COLOURS`.
        size: one of `RADII`.
        x, y: its middle, in pixels.
        radius: from there to its farthest point.
        turn: degrees, clockwise.
        rgb: the very colour.
        style: how it is filled.
        second: the colour between its stripes or around it, if it has one.
    """

    shape: str
    colour: str
    size: str
    x: float
    y: float
    radius: float
    turn: float
    rgb: RGB
    style: Style = "plain"
    second: RGB | None = None

    @property
    def place(self) -> str:
        """In words; see `PLACES`."""
        return PLACES[int(self.x * 3 / SIZE), int(self.y * 3 / SIZE)]


@dataclass(frozen=True, slots=True)
class Background:
    """What lies behind the shapes.

    Args:
        kind: plain and its colour; or between, or of, two colours.
        colours: names, one or two.
        rgbs: the very colours.
        angle: in which a gradient runs from the first to the second, degrees clockwise from
            rightwards.
        period: pixels of a check or from dot to dot.
    """

    kind: Ground
    colours: tuple[str, ...]
    rgbs: tuple[RGB, ...]
    angle: float = 0.0
    period: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """All there is to see in a picture.

    Args:
        things: one or two shapes that don't touch.
        background: behind them.
    """

    things: tuple[Thing, ...]
    background: Background

    @property
    def relation(self) -> str | None:
        """Of the first thing to the second, one of `RELATIONS`; None where there is one alone."""
        if len(self.things) < 2:
            return None
        one, other = self.things
        across, down = one.x - other.x, one.y - other.y
        if abs(across) > abs(down):
            return "left of" if across < 0 else "right of"
        return "above" if down < 0 else "below"


@dataclass(frozen=True, slots=True)
class Mix:
    """Which scenes come how often.

    Args:
        pairs: share of scenes with two shapes.
        grounds: weights of `GROUNDS`.
        styles: weights of `STYLES`.
    """

    pairs: float = 0.45
    grounds: tuple[float, float, float, float] = (0.62, 0.22, 0.08, 0.08)
    styles: tuple[float, float, float] = (1.0, 0.0, 0.0)


def scenes(seed: int, mix: Mix | None = None, start: int = 0) -> Iterator[Scene]:
    """Scenes without end; number n of a seed is always the same.

    Args:
        seed: of all of them.
        mix: which come how often.
        start: the number of the first.
    """
    number = start
    while True:
        yield scene(seed, number, mix)
        number += 1


def scene(seed: int, number: int, mix: Mix | None = None) -> Scene:
    """Scene `number` of a seed."""
    mix = mix or Mix()
    rng = np.random.default_rng([seed, number])
    ground: Ground = GROUNDS[int(rng.choice(len(GROUNDS), p=mix.grounds))]
    count = 1 if ground == "plain" else 2
    names = tuple(str(name) for name in rng.choice(list(COLOURS), count, replace=False))
    rgbs = tuple(_near(rng, name) for name in names)
    # Upright and level gradients, and between; no words tell them apart.
    angle = float(rng.choice(range(0, 360, 45))) if ground == "gradient" else 0.0
    period = int(rng.integers(20, 30)) if ground in ("checked", "dotted") else 0
    background = Background(ground, names, rgbs, angle, period)
    style: Style = STYLES[int(rng.choice(len(STYLES), p=mix.styles))]
    two = rng.random() < mix.pairs
    make = _pair if two else _single
    return Scene(make(rng, background, style), background)


def _single(rng: np.random.Generator, behind: Background, style: Style) -> tuple[Thing, ...]:
    column, row = (int(each) for each in rng.integers(0, 3, 2))
    size = _size(rng, behind, style)
    return (_thing(rng, size, _third(rng, column), _third(rng, row), behind, style),)


def _pair(rng: np.random.Generator, behind: Background, style: Style) -> tuple[Thing, ...]:
    """Two that don't touch, beside or above each other."""
    sizes = [_size(rng, behind, style), _size(rng, behind, style)]
    while sizes == ["large", "large"]:
        sizes = [_size(rng, behind, style), _size(rng, behind, style)]
    # Along the line that they stand on, a third is too narrow for a large one and its neighbour.
    along = [rng.uniform(30, 38), rng.uniform(90, 98)]
    across = rng.uniform(40, 88)
    beside = rng.random() < 0.5
    things: list[Thing] = []
    for size, at in zip(sizes, along, strict=True):
        off = float(np.clip(across + rng.uniform(-5, 5), 34, 94))
        x, y = (at, off) if beside else (off, at)
        things.append(_thing(rng, size, float(x), float(y), behind, style))
    return tuple(things) if rng.random() < 0.5 else tuple(reversed(things))


def _thing(
    rng: np.random.Generator, size: str, x: float, y: float, behind: Background, style: Style
) -> Thing:
    radius = float(rng.uniform(*RADII[size]))
    shape = str(rng.choice(SHAPES))
    colour = _colour(rng, behind, style)
    x, y = (float(np.clip(at, radius + 2, SIZE - radius - 2)) for at in (x, y))
    turn = float(rng.uniform(-8, 8))
    rgb = _near(rng, colour)
    second = None if style == "plain" else _second(rgb, behind)
    return Thing(shape, colour, size, x, y, radius, turn, rgb, style, second)


def _second(rgb: RGB, behind: Background) -> RGB:
    """White or black, whichever stands out more from a shape's colour and what is behind."""
    others = np.array([rgb, *behind.rgbs], float)
    both = (COLOURS["white"], COLOURS["black"])
    return max(both, key=lambda one: float(np.linalg.norm(others - one, axis=1).min()))


def _size(rng: np.random.Generator, behind: Background, style: Style) -> str:
    """Nothing small on checks and dots or with stripes: it would be lost."""
    plain = style == "plain" and behind.kind in ("plain", "gradient")
    weights = [0.3, 0.35, 0.35] if plain else [0, 0.5, 0.5]
    return str(rng.choice(list(RADII), p=weights))


def _third(rng: np.random.Generator, place: int) -> float:
    """Somewhere in a third of the picture, not at its edges."""
    return float((2 * place + 1) * SIZE / 6 + rng.uniform(-8, 8))


def _colour(rng: np.random.Generator, background: Background, style: Style) -> str:
    """One that stands out from all of a background, the middle of a gradient too.

    Stripes and outlines are white or black, so what has them is neither.
    """
    ends = np.array([background.rgbs[0], background.rgbs[-1]], float)
    behind = ends[0] + np.linspace(0, 1, 9)[:, None] * (ends[1] - ends[0])
    if background.kind in ("checked", "dotted"):
        behind = ends
    free = [
        name
        for name, middle in COLOURS.items()
        if (style == "plain" or name not in ("white", "black"))
        and np.linalg.norm(behind - np.array(middle), axis=1).min() >= APART
    ]
    return str(rng.choice(free))


def _near(rng: np.random.Generator, name: str) -> RGB:
    shift = rng.integers(-JITTER, JITTER + 1, 3)
    red, green, blue = (int(each) for each in np.clip(np.array(COLOURS[name]) + shift, 0, 255))
    return red, green, blue
