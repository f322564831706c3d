"""Places and rectangles on a picture, in pixels."""

from __future__ import annotations

from typing import NamedTuple

from studio.masks.items import UNIT

MAX_SIDE = 16384
"""Most pixels along a side of a mask."""


class Rect(NamedTuple):
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int


def to_units(x: float, y: float, width: int, height: int) -> tuple[int, int]:
    """A place on a picture of this size, from pixels to the units of strokes."""
    scale = UNIT / max(width, height)
    return round(x * scale), round(y * scale)


def to_pixels(x: float, y: float, width: int, height: int) -> tuple[float, float]:
    """A place on a picture of this size, from units to pixels."""
    scale = max(width, height) / UNIT
    return x * scale, y * scale
