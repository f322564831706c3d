"""Outlines that the judge knows, and which of them a patch of a picture is nearest to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from studio.training.judge_ground import Floats, Mask

SIDE = 40
"""Of the windows in which outlines are compared, in samples."""

TURNS = (-9, -6, -3, 0, 3, 6, 9)
"""Of outlines, in degrees."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline nearest to a patch.

    Args:
        shape: its name.
        likeness: overlap (intersection over union), 0..1.
        x, y: where its middle lies, in pixels.
        radius: from there to its farthest point.
    """

    shape: str
    likeness: float
    x: float
    y: float
    radius: float


def outline(share: Floats) -> Outline:
    """The nearest of all outlines, each laid over a patch by area and centre of mass.

    Args:
        share: [h, w], how much of each pixel belongs to the patch, 0..1; not all 0.
    """
    area = float(share.sum())
    middle = [float(each) for each in ndimage.center_of_mass(share)]
    cut = _cut(share, middle, area**0.5)
    known = _templates()
    common = np.minimum(known.pictures, cut).sum(-1)
    overlap = common / (known.pictures.sum(-1) + cut.sum() - common)
    best = int(overlap.argmax())
    radius = float((area / known.areas[best]) ** 0.5)
    down, across = (known.offsets[best] * radius).tolist()
    return Outline(
        known.shapes[best],
        float(overlap[best]),
        middle[1] + across + 0.5,
        middle[0] + down + 0.5,
        radius,
    )


def _cut(share: Floats, middle: Sequence[float], half: float) -> Floats:
    """A square window around a point, [SIDE * SIDE] of 0 and 1, so that soft edges matter little.

    Args:
        share: [h, w].
        middle: row and column of pixels' middles.
        half: of the window's side, in pixels.
    """
    steps = ((np.arange(SIDE) + 0.5) / SIDE - 0.5) * 2 * half
    places = np.meshgrid(middle[0] + steps, middle[1] + steps, indexing="ij")
    return np.asarray(ndimage.map_coordinates(share, places, order=1) > 0.5, np.float32).ravel()


@dataclass(frozen=True)
class _Templates:
    """Outlines in several turns.

    Args:
        shapes: names.
        pictures: [n, SIDE * SIDE].
        areas: at a radius of 1.
        offsets: [n, 2], down and across, from the centre of mass to the middle.
    """

    shapes: list[str]
    pictures: Floats
    areas: NDArray[np.float64]
    offsets: NDArray[np.float64]


@cache
def _templates() -> _Templates:
    # 40 samples of a radius of 1: as fine as windows of large things are.
    grid = (np.arange(100) + 0.5) / 40 - 1.25
    u, v = np.meshgrid(grid, grid)
    shapes, pictures, areas, offsets = [], [], [], []
    for shape, inside in _INSIDE.items():
        for turn in np.deg2rad(TURNS):
            a, b = u * np.cos(turn) + v * np.sin(turn), v * np.cos(turn) - u * np.sin(turn)
            ink = ndimage.uniform_filter(inside(a, b).astype(np.float32), 3)
            middle = ndimage.center_of_mass(ink)
            shapes.append(shape.removeprefix("thick "))
            pictures.append(_cut(ink, middle, float(ink.sum()) ** 0.5))
            areas.append(float(ink.sum()) / 40**2)
            offsets.append([(49.5 - each) / 40 for each in middle])
    return _Templates(shapes, np.stack(pictures), np.array(areas), np.array(offsets))


def _in_star(u: Floats, v: Floats) -> Mask:
    """Five points, the first upwards; between two of them the edge is straight."""
    notch, fifth = 0.42, np.pi / 5
    angle = np.abs((np.arctan2(u, -v) + fifth) % (2 * fifth) - fifth)
    x, y = np.hypot(u, v) * np.cos(angle), np.hypot(u, v) * np.sin(angle)
    across, along = notch * np.sin(fifth), 1 - notch * np.cos(fifth)
    return np.asarray((1 - x) * across - y * along >= 0)


def _in_heart(u: Floats, v: Floats) -> Mask:
    """x^2 + (y - |x|^q)^2 < 1, one of the usual hearts, made narrower."""
    x, y = abs(u) * 1.14, 0.067 - v * 1.607
    return np.asarray(x**2 + (y - 0.69 * x**0.61) ** 2 <= 1)


_INSIDE = {
    "circle": lambda u, v: np.hypot(u, v) <= 1,
    "ring": lambda u, v: abs(np.hypot(u, v) - 0.78) <= 0.22,
    "thick ring": lambda u, v: abs(np.hypot(u, v) - 0.72) <= 0.28,
    "square": lambda u, v: np.maximum(abs(u), abs(v)) <= 0.707,
    "diamond": lambda u, v: abs(u) / 0.67 + abs(v) <= 1,
    "cross": lambda u, v: (
        (np.maximum(abs(u), abs(v)) <= 0.95) & (np.minimum(abs(u), abs(v)) <= 0.31)
    ),
    "triangle": lambda u, v: (v <= 0.5) & (abs(u) <= (v + 1) * 0.58),
    "star": _in_star,
    "heart": _in_heart,
}
"""Whether points of a plane lie in a shape of radius 1; v points down. Rings come in two widths."""
