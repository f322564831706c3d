"""Lines around a mask, drawn into screen pixels: smooth, of one width at any zoom.

How far a pixel is from the line follows from how far the mask there is from the line's level, and
how steep it is. So no outline has to be traced, and a line can be drawn anew in any rectangle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]
    Pixels = NDArray[np.uint32]

LEVEL = 32.0
"""Of 255: what is masked by an eighth or more is inside."""

_CELL = 128
_CORE = 1.0
"""Screen pixels from the middle of a line to its edge."""
_BAND_ALPHA = 0.9
_CASING_ALPHA = 0.5
_DASH = 5
"""Screen pixels of a dash."""


@dataclass(frozen=True)
class Line:
    """How a line looks: light, with its colour inside and dark outside, or in dashes.

    Args:
        colour: RGB, 0-255.
        dashed: light and dark dashes, without a colour.
        width: 1 as it is; the screen's ratio makes it as wide there.
        flipped: its colour is outside: the mask is inverted.
    """

    colour: tuple[int, int, int] = (255, 255, 255)
    dashed: bool = False
    width: float = 1.0
    flipped: bool = False

    @property
    def step(self) -> int:
        """Screen pixels by which its casing is wider than its core, and its colour than that."""
        return max(round(self.width), 1)

    @property
    def reach(self) -> int:
        """Screen pixels around a change of the mask within which the line changes."""
        return 2 * self.step + 2 + math.ceil(self.width)


class Field:
    """A mask as it lies on the screen: its value at any screen pixel, smooth in between.

    Args:
        plane: uint8 [h, w].
        pitch: of the plane's pixels to a screen pixel.
    """

    def __init__(self, plane: NDArray[Any], pitch: float) -> None:
        self._plane = plane
        self._pitch = pitch

    def at(self, left: int, top: int, right: int, bottom: int) -> Plane | None:
        """Float32 values of these pixels, counted from the picture's corner; None: all alike."""
        height, width = self._plane.shape
        x0, across = self._spots(left, right, width)
        y0, down = self._spots(top, bottom, height)
        columns = slice(int(x0[0]), min(int(x0[-1]) + 2, width))
        rows = slice(int(y0[0]), min(int(y0[-1]) + 2, height))
        part = self._plane[rows, columns]
        if (part == part[0, 0]).all():
            return None
        mixed = _mixed(part.astype(np.float32), y0 - rows.start, down)
        return _mixed(mixed.T, x0 - columns.start, across).T

    def _spots(
        self, start: int, end: int, most: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The pixel of the plane before each of the screen's, and how far it is beyond."""
        spot = (np.arange(start, end) + 0.5) * self._pitch - 0.5
        first = np.clip(np.floor(spot).astype(np.intp), 0, most - 1)
        return first, np.clip(spot - first, 0, 1).astype(np.float32)


def draw(
    target: Pixels, corner: tuple[int, int], field: Field, line: Line, level: float = LEVEL
) -> None:
    """Draw the line around a mask over a part of the screen.

    Args:
        target: uint32 [H, W], 0xffRRGGBB, changed in place.
        corner: where its first pixel lies, in screen pixels from the picture's corner.
        field: the mask.
        line: how it looks.
        level: 0-255, of the mask, along which the line runs.
    """
    height, width = target.shape
    more = 2 * line.step + 2
    for top in range(0, height, _CELL):
        for left in range(0, width, _CELL):
            cell = target[top : top + _CELL, left : left + _CELL]
            high, wide = cell.shape
            x, y = corner[0] + left, corner[1] + top
            values = field.at(x - more, y - more, x + wide + more, y + high + more)
            if values is not None:
                _draw_cell(cell, x, y, values - np.float32(level), line)


def _draw_cell(cell: Pixels, x: int, y: int, values: Plane, line: Line) -> None:
    if values.min() > 0 or values.max() < 0:
        return
    # A hard edge has no slope; softened a little it has.
    soft = values[:-2] + 2 * values[1:-1] + values[2:]
    soft = soft[:, :-2] + 2 * soft[:, 1:-1] + soft[:, 2:]
    across, down = soft[1:-1, 2:] - soft[1:-1, :-2], soft[2:, 1:-1] - soft[:-2, 1:-1]
    slope = np.hypot(across, down) * np.float32(0.5) + np.float32(1e-3)
    far = np.abs(soft[1:-1, 1:-1]) / slope  # in screen pixels; right near the line only
    core = np.clip(np.float32(_CORE * line.width + 0.25) - far, 0, 1)
    step = line.step
    # Wider by pixels, as the distance says little farther off.
    wider = _widened(core, step)
    around = wider if line.dashed else _widened(wider, step)
    around, wider, core = (_inner(each, cell.shape) for each in (around, wider, core))
    rows, columns = np.nonzero(around)
    if not len(rows):
        return
    found = cell[rows, columns]
    under = np.stack([found >> 16 & 255, found >> 8 & 255, found & 255], 1).astype(np.float32)
    if line.dashed:
        # Along the line, about: across where it is flat, down where it is steep.
        flat = _inner(np.abs(down) > np.abs(across), cell.shape)[rows, columns]
        dash = max(round(_DASH * line.width), 1)
        light = (np.where(flat, columns + x, rows + y) // dash) % 2 == 0
        colour: Any = np.where(light, np.float32(255), np.float32(24))[:, None]
        casing: Any = 255 - colour
        edge = wider[rows, columns] * np.float32(_CASING_ALPHA)
    else:
        inside = (_inner(values, cell.shape)[rows, columns] >= 0) ^ line.flipped
        colour = np.float32(255)
        casing = np.where(inside[:, None], np.asarray(line.colour, np.float32), np.float32(0))
        edge = np.where(
            inside,
            around[rows, columns] * np.float32(_BAND_ALPHA),
            wider[rows, columns] * np.float32(_CASING_ALPHA),
        )
    under += (casing - under) * edge[:, None]
    under += (colour - under) * core[rows, columns][:, None]
    whole = (under + np.float32(0.5)).astype(np.uint32)
    cell[rows, columns] = (
        np.uint32(0xFF000000) | whole[:, 0] << 16 | whole[:, 1] << 8 | whole[:, 2]
    )


def _widened(plane: Plane, steps: int) -> Plane:
    """The largest value around, so many pixels off; beyond the edge there is nothing."""
    for _ in range(steps):
        rows = plane.copy()
        np.maximum(rows[1:], plane[:-1], out=rows[1:])
        np.maximum(rows[:-1], plane[1:], out=rows[:-1])
        plane = rows.copy()
        np.maximum(plane[:, 1:], rows[:, :-1], out=plane[:, 1:])
        np.maximum(plane[:, :-1], rows[:, 1:], out=plane[:, :-1])
    return plane


def _inner(plane: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """The middle of a plane."""
    off = (plane.shape[0] - shape[0]) // 2
    return plane[off : off + shape[0], off : off + shape[1]]


def _mixed(rows: Plane, first: NDArray[np.intp], share: NDArray[np.float32]) -> Plane:
    """Rows between rows: `share` of the way from `first` to the next one."""
    second = np.minimum(first + 1, len(rows) - 1)
    found: Plane = rows[first] + (rows[second] - rows[first]) * share[:, None]
    return found
