"""Draws scenes: smooth edges, the same pixels everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from studio.training.world import SIZE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.training.world import Background, Scene, Thing

    Bytes = NDArray[np.uint8]
    Floats = NDArray[np.float32]

FINE = 4
"""Samples of a pixel along a side."""

STRIPE = 9.0
"""Pixels from one stripe to the next of its colour, up to a radius of 20; from there in step."""

RIM = 0.13
"""Width of an outline, as a share of the radius."""


def draw(scene: Scene) -> Bytes:
    """The picture of a scene, [SIZE, SIZE, 3]."""
    pixels = backdrop(scene.background)
    for thing in scene.things:
        _paint(pixels, thing)
    return np.asarray(pixels.round().clip(0, 255), np.uint8)


def backdrop(background: Background) -> Floats:
    """A background by itself, [SIZE, SIZE, 3] in 0..255."""
    first = np.array(background.rgbs[0], np.float32)
    last = np.array(background.rgbs[-1], np.float32)
    share = _share(background)[..., None]
    return np.asarray(first + share * (last - first), np.float32)


def _share(background: Background) -> Floats:
    """How much of the second colour each pixel has, [SIZE, SIZE] in 0..1."""
    fine = (np.arange(SIZE, dtype=np.float32) + 0.5) - SIZE / 2
    x, y = np.meshgrid(fine, fine)
    period = background.period
    match background.kind:
        case "plain":
            return np.zeros((SIZE, SIZE), np.float32)
        case "gradient":
            angle = np.deg2rad(background.angle)
            along = x * np.cos(angle) + y * np.sin(angle)
            return np.asarray(along / (2 * abs(along).max()) + 0.5, np.float32)
        case "checked":
            # Distances to the nearest edge, signed by the colour of the check.
            a, b = (_wave(each, 2 * period) for each in (x, y))
            nearer = np.minimum(abs(a), abs(b)) * np.sign(a * b)
            return np.asarray((nearer + 0.5).clip(0, 1), np.float32)
        case "dotted":
            a, b = ((each % period) - period / 2 for each in (x, y))
            return np.asarray((0.28 * period - np.hypot(a, b) + 0.5).clip(0, 1), np.float32)


def _wave(at: Floats, period: float) -> Floats:
    """A triangle wave of slope 1 that crosses 0 at every half period."""
    phase = (at + period / 4) % period
    return np.asarray(period / 4 - abs(phase - period / 2), np.float32)


def _paint(pixels: Floats, thing: Thing) -> None:
    """Lay a thing over what is there."""
    reach = int(np.ceil(thing.radius)) + 2
    left, top = int(thing.x) - reach, int(thing.y) - reach
    side = 2 * reach + 1
    ink = cover(thing, left, top, side)[..., None]
    fill = np.broadcast_to(np.array(thing.rgb, np.float32), (side, side, 3))
    if thing.second is not None:
        if thing.style == "striped":
            share = 1 - _stripes(thing, side)[..., None]
        else:
            share = cover(thing, left, top, side, inset=RIM * thing.radius)[..., None]
        second = np.array(thing.second, np.float32)
        fill = second + share * (fill - second)
    x, y = max(left, 0), max(top, 0)
    right, bottom = min(left + side, SIZE), min(top + side, SIZE)
    here = slice(y - top, bottom - top), slice(x - left, right - left)
    part = pixels[y:bottom, x:right]
    part += ink[here] * (fill[here] - part)


def cover(thing: Thing, left: int, top: int, side: int, inset: float = 0.0) -> Floats:
    """How much of each pixel a thing covers.

    Args:
        thing: what is drawn.
        left, top: the window's corner in the picture, in pixels.
        side: of the window.
        inset: how far inside its edge it is to end, in pixels.

    Returns:
        [side, side] in 0..1.
    """
    angle = np.deg2rad(thing.turn)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    mask = Image.new("L", (side * FINE, side * FINE))
    ink = ImageDraw.Draw(mask)
    for outline, value in _outlines(thing.shape):
        # Pillow counts from the middles of pixels.
        points = (outline * thing.radius) @ turn + (thing.x - left, thing.y - top)
        ink.polygon([tuple(point) for point in points * FINE - 0.5], fill=value)
    if inset:
        from scipy import ndimage

        inside = ndimage.distance_transform_edt(np.asarray(mask)) > inset * FINE
        mask = Image.fromarray(np.asarray(inside, np.uint8) * 255)
    return np.asarray(np.asarray(mask.reduce(FINE), np.float32) / 255, np.float32)


def _outlines(shape: str) -> list[tuple[NDArray[np.float64], int]]:
    """Polygons of a shape of radius 1, y downwards, and what they are filled with."""
    return [(np.array(points), value) for points, value in _OUTLINES[shape]]


def _round(radius: float, corners: int = 64) -> list[tuple[float, float]]:
    angles = np.arange(corners) * 2 * np.pi / corners
    return [(float(radius * np.cos(a)), float(radius * np.sin(a))) for a in angles]


def _star(notch: float = 0.42) -> list[tuple[float, float]]:
    angles = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2, notch, 1.0)
    corners = zip(radii, angles, strict=True)
    return [(float(r * np.cos(a)), float(r * np.sin(a))) for r, a in corners]


def _heart() -> list[tuple[float, float]]:
    """The curve 16 sin^3 t, 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, into the unit circle."""
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) - 2.5
    scale = np.hypot(x, y).max()
    return [(float(a), float(b)) for a, b in zip(x / scale, y / scale, strict=True)]


_SQUARE = 0.5**0.5
_ARM = 0.3

_OUTLINES: dict[str, list[tuple[list[tuple[float, float]], int]]] = {
    "circle": [(_round(1.0), 255)],
    "ring": [(_round(1.0), 255), (_round(0.56), 0)],
    "square": [
        ([(-_SQUARE, -_SQUARE), (_SQUARE, -_SQUARE), (_SQUARE, _SQUARE), (-_SQUARE, _SQUARE)], 255),
    ],
    "diamond": [([(0, -1), (0.66, 0), (0, 1), (-0.66, 0)], 255)],
    "triangle": [([(0, -1), (0.87, 0.5), (-0.87, 0.5)], 255)],
    "star": [(_star(), 255)],
    "heart": [(_heart(), 255)],
    "cross": [
        ([(-0.95, -_ARM), (0.95, -_ARM), (0.95, _ARM), (-0.95, _ARM)], 255),
        ([(-_ARM, -0.95), (_ARM, -0.95), (_ARM, 0.95), (-_ARM, 0.95)], 255),
    ],
}  # fmt: skip


def _stripes(thing: Thing, side: int) -> Floats:
    """How much of its second colour each pixel has, [side, side]: level stripes."""
    period = STRIPE * max(1.0, thing.radius / 20)
    at = np.arange(side, dtype=np.float32) + 0.5 - side / 2
    share = (_wave(at, period) + 0.5).clip(0, 1)
    return np.asarray(np.broadcast_to(share[:, None], (side, side)), np.float32)
