"""Lines at the multiples of 8 that models work in, drawn into screen pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint32]

STEP = 8
"""Picture pixels between two guides."""
MAJOR = 64
"""Picture pixels between two that are stronger."""
FROM = 3.0
"""View pixels that a picture pixel has to take for guides to be drawn."""

_MINOR_ALPHA, _MAJOR_ALPHA = 34, 92
"""Of 256."""


def padding(width: int, height: int) -> list[QRectF]:
    """The strips that models get beyond a picture so that its sides are multiples of 8."""
    wide, high = -(-width // STEP) * STEP, -(-height // STEP) * STEP
    found = []
    if wide > width:
        found.append(QRectF(width, 0, wide - width, high))
    if high > height:
        found.append(QRectF(0, height, width, high - height))
    return found


def draw(target: Pixels, corner: tuple[int, int], zoom: float, thick: int) -> None:
    """Draw the guides over a part of the screen.

    Args:
        target: uint32 [H, W], 0xffRRGGBB, changed in place.
        corner: where its first pixel lies, in screen pixels from the picture's corner.
        zoom: screen pixels that a picture pixel takes.
        thick: screen pixels of a line.
    """
    for flipped in (False, True):
        # Of the picture turned over, lines across are lines down.
        part = target.T if flipped else target
        start = corner[1] if flipped else corner[0]
        for number in _multiples(start / zoom, (start + part.shape[1]) / zoom):
            at = round(number * zoom) - start
            alpha = _MINOR_ALPHA if number % MAJOR else _MAJOR_ALPHA
            # A dark line beside a light one: one of both is seen on any colour.
            for off, value in ((0, 255), (thick, 0)):
                low, high = max(at + off, 0), max(at + off + thick, 0)
                part[:, low:high] = _mixed(part[:, low:high], value, alpha)


def _mixed(pixels: Pixels, grey: int, alpha: int) -> Pixels:
    keep = np.uint32(256 - alpha)
    apart = np.uint32(0x00FF00FF)
    outer = (pixels & apart) * keep + np.uint32(grey * 0x00010001 * alpha)
    inner = ((pixels >> np.uint32(8)) & apart) * keep + np.uint32(grey * 0x00010001 * alpha)
    return ((outer >> np.uint32(8)) & apart) | (inner & ~apart) | np.uint32(0xFF000000)


def _multiples(low: float, high: float) -> range:
    first = math.floor(low / STEP) * STEP - STEP
    return range(max(first, STEP), math.ceil(high) + STEP, STEP)
