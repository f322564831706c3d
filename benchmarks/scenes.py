"""Scenes of shapes drawn from scratch, and a judge that says what a picture shows.

For checks of what a model painted. Nothing here knows of diffusion: scenes are filled polygons
with smooth edges, and the judge compares what it finds with outlines of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.float32]

SIZE = 128
FINE = 4
"""Samples of a pixel along a side."""

COLOURS = {
    "red": (218, 40, 42), "green": (48, 163, 70), "blue": (50, 86, 214), "yellow": (245, 224, 52),
    "purple": (132, 50, 170), "orange": (244, 135, 24), "cyan": (64, 206, 220),
    "white": (240, 244, 244), "black": (28, 25, 25), "pink": (246, 143, 188),
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "star", "heart", "ring", "cross", "diamond")
# Column and row of the third of the picture.
PLACES = {
    "in the top left": (0, 0), "at the top": (1, 0), "in the top right": (2, 0),
    "on the left": (0, 1), "in the centre": (1, 1), "on the right": (2, 1),
    "in the bottom left": (0, 2), "at the bottom": (1, 2), "in the bottom right": (2, 2),
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """A shape in a scene.

    Args:
        shape: one of `SHAPES`.
        colour: one of `COLOURS`.
        x, y: its middle, in pixels.
        radius: half of its larger side, in pixels.
        turn: degrees.
    """

    shape: str
    colour: str
    x: float
    y: float
    radius: float
    turn: float = 0.0


@dataclass(frozen=True)
class Seen:
    """What a judge sees: None where there is nothing of the kind."""

    shape: str | None
    colour: str | None


def draw(things: list[Thing], background: str, grain: float = 0.0, seed: int = 0) -> Pixels:
    """A scene, [SIZE, SIZE, 3] in 0..1, rounded to 8 bits.

    Args:
        things: later ones lie on top.
        background: one of `COLOURS`.
        grain: deviation of a camera's noise, in steps of 8 bits.
        seed: of the grain.
    """
    pixels = np.empty((SIZE, SIZE, 3))
    pixels[:] = COLOURS[background]
    for thing in things:
        ink = cover(thing)[..., None]
        pixels += ink * (np.array(COLOURS[thing.colour]) - pixels)
    if grain:
        pixels += np.random.default_rng(seed).normal(0, grain, pixels.shape)
    return (pixels.round().clip(0, 255) / 255).astype(np.float32)


def cover(thing: Thing, size: int = SIZE) -> NDArray[np.float64]:
    """How much of each pixel a thing covers, [size, size] in 0..1."""
    grid = (np.arange(size * FINE) + 0.5) / FINE
    x, y = np.meshgrid((grid - thing.x) / thing.radius, (grid - thing.y) / thing.radius)
    angle = np.deg2rad(thing.turn)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    fine = _inside(thing.shape, u, v)
    return fine.reshape(size, FINE, size, FINE).mean((1, 3))


def _inside(shape: str, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points of a plane are in the shape of radius 1; v points down."""
    distance = np.hypot(u, v)
    match shape:
        case "circle":
            return distance <= 1
        case "ring":
            return (distance <= 1) & (distance >= 0.6)
        case "square":
            return np.maximum(abs(u), abs(v)) <= 0.88
        case "diamond":
            return abs(u) / 0.72 + abs(v) <= 1
        case "cross":
            return (np.maximum(abs(u), abs(v)) <= 0.95) & (np.minimum(abs(u), abs(v)) <= 0.32)
        case "triangle":
            return (v <= 0.8) & (abs(u) / 0.95 <= (v + 0.9) / 1.7)
        case "heart":
            a, b = u * 1.18, 0.15 - v * 1.18
            return (a * a + b * b - 1) ** 3 - a * a * b**3 <= 0
        case "star":
            return _in_star(u, v)
    raise ValueError(shape)


def _in_star(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Five points, the first upwards; between two of them the edge is straight."""
    inner, fifth = 0.42, np.pi / 5
    angle = np.abs((np.arctan2(u, -v) + fifth) % (2 * fifth) - fifth)
    x, y = np.hypot(u, v) * np.cos(angle), np.hypot(u, v) * np.sin(angle)
    # The edge from the tip (1, 0) to the notch at 36 degrees.
    notch_x, notch_y = inner * np.cos(fifth), inner * np.sin(fifth)
    inside: NDArray[np.bool_] = (1 - x) * notch_y - y * (1 - notch_x) >= 0
    return inside


@cache
def _templates(side: int = 48) -> tuple[list[str], NDArray[np.float64]]:
    """Outlines cut to their bounds and scaled to `side`, in several turns: names, [n, s, s]."""
    names, found = [], []
    for shape in SHAPES:
        for turn in (-12, -6, 0, 6, 12):
            thing = Thing(shape, "red", 64, 64, 40, turn)
            names.append(shape)
            found.append(_cut(cover(thing), side))
    return names, np.stack(found)


def _cut(ink: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """What is drawn, cut to its bounds with proportions kept, [side, side]."""
    from scipy import ndimage

    rows, columns = np.nonzero(ink > 0.5)
    top, left = rows.min(), columns.min()
    height, width = rows.max() + 1 - top, columns.max() + 1 - left
    longer = max(height, width)
    middle = (np.arange(side) + 0.5) / side * longer - 0.5
    y = middle + top - (longer - height) / 2
    x = middle + left - (longer - width) / 2
    return np.asarray(ndimage.map_coordinates(ink, np.meshgrid(y, x, indexing="ij"), order=1))


def judge(pixels: Pixels, hole: NDArray[np.bool_], background: str) -> Seen:
    """What stands on the background inside a hole.

    Args:
        pixels: [SIZE, SIZE, 3] in 0..1.
        hole: [SIZE, SIZE], where to look.
        background: what isn't a thing.

    Returns:
        Colour of the largest patch that isn't background, and the outline it is nearest to.
    """
    from scipy import ndimage

    names, table = list(COLOURS), np.array(list(COLOURS.values())) / 255
    ground = table[names.index(background)]
    seen = np.where(hole[..., None], pixels, ground)
    nearest = np.linalg.norm(seen[:, :, None] - table, axis=-1).argmin(-1)
    other = nearest != names.index(background)
    solid = ndimage.binary_opening(other, iterations=2)
    patches, count = ndimage.label(solid)
    if not count:
        return Seen(None, None)
    core = patches == np.bincount(patches[patches > 0]).argmax()
    colour = int(np.bincount(nearest[ndimage.binary_erosion(core) | core]).argmax())
    # How far from the ground to the ink each pixel is, in the patch and where it thins out.
    ink = table[colour] - ground
    share = ((seen - ground) @ ink / (ink @ ink)).clip(0, 1)
    near = ndimage.binary_dilation(core, iterations=4)
    share = np.where(near, share, 0)
    if (share > 0.5).sum() < 20:
        return Seen(None, names[colour])
    shapes, templates = _templates()
    cut = _cut(share, templates.shape[-1])
    overlap = np.minimum(templates, cut).sum((1, 2)) / np.maximum(templates, cut).sum((1, 2))
    best = int(overlap.argmax())
    return Seen(shapes[best] if overlap[best] >= 0.55 else None, names[colour])


@dataclass(frozen=True)
class Case:
    """A scene with one shape to be replaced.

    Args:
        old: what is there, and hidden by the hole.
        wanted: shape and colour asked for in its place.
        background: colour.
        place: where, in the words of `PLACES`.
        box: the hole: left, top, right, bottom in pixels.
        seed: for the sampler.
    """

    old: Thing
    wanted: Seen
    background: str
    place: str
    box: tuple[int, int, int, int]
    seed: int

    @property
    def prompt(self) -> str:
        """What to ask for."""
        colour, ground = (
            f"an {c}" if c == "orange" else f"a {c}"
            for c in (str(self.wanted.colour), self.background)
        )
        return f"{colour} {self.wanted.shape} {self.place} on {ground} background"

    @property
    def hole(self) -> NDArray[np.bool_]:
        """[SIZE, SIZE], what is to be repainted."""
        left, top, right, bottom = self.box
        mask = np.zeros((SIZE, SIZE), bool)
        mask[top:bottom, left:right] = True
        return mask

    def picture(self, grain: float = 0.0) -> Pixels:
        """The scene as it is."""
        return draw([self.old], self.background, grain, self.seed)


def cases(count: int = 50, seed: int = 5) -> list[Case]:
    """The same cases at every call; a longer list begins with a shorter one."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        old_shape, new_shape = rng.choice(SHAPES, 2, replace=False)
        background, old_colour, new_colour = rng.choice(list(COLOURS), 3, replace=False)
        place = str(rng.choice(list(PLACES)))
        column, row = PLACES[place]
        radius = float(rng.uniform(18, 25))
        x, y = (float(22 + 42 * each + rng.uniform(-3, 3)) for each in (column, row))
        x, y = (float(np.clip(each, radius + 1, SIZE - radius - 1)) for each in (x, y))
        margin = radius + rng.uniform(5, 9)
        box = tuple(
            int(np.clip(round(each), 0, SIZE))
            for each in (x - margin, y - margin, x + margin, y + margin)
        )
        old = Thing(str(old_shape), str(old_colour), x, y, radius, float(rng.uniform(-6, 6)))
        wanted = Seen(str(new_shape), str(new_colour))
        found.append(Case(old, wanted, str(background), place, box, number))  # type: ignore[arg-type]
    return found
