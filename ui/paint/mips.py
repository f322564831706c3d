"""Smaller and smaller copies of what is painted, so that zoomed out it is quick and smooth.

Level 0 is the thing itself, never copied. A pixel of level k is the mean of a square of 2^k pixels;
sides are rounded up, and what a square lacks at the right and at the bottom is the last pixel
repeated. So all layers lie exactly on top of each other, at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtGui import QImage

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Pixels = NDArray[np.uint32]
    Box = tuple[int, int, int, int]

SMALLEST = 64
"""Longer side, in pixels, under which nothing is halved any more."""

_BAND = 64
"""Rows that are halved at a time: they stay in the processor's cache."""

_LOW = np.uint32(0x00FF00FF)
_HIGH = np.uint32(0xFF00FF00)
_HALF = np.uint32(0x00020002)


def levels_of(width: int, height: int) -> int:
    """How many levels a picture has, itself included."""
    count, side = 1, max(width, height)
    while side > SMALLEST:
        side = -(-side // 2)
        count += 1
    return count


def halve_plane(plane: Bytes) -> Bytes:
    """A plane of bytes, uint8 [H, W], at half its size."""
    even = _even(plane)
    # Two neighbours in one number: their sum needs no more than its 16 bits.
    pairs = even.view(np.uint16)
    sums = (pairs & 0xFF) + (pairs >> 8)
    found = sums[0::2] + sums[1::2]
    found += 2
    found >>= 2
    return found.astype(np.uint8)


def halve_pixels(pixels: Pixels) -> Pixels:
    """Pixels of four channels of 8 bits, uint32 [H, W], at half their size."""
    even = _even(pixels)
    low, high = even & _LOW, (even >> np.uint32(8)) & _LOW
    low, high = low[0::2] + low[1::2], high[0::2] + high[1::2]
    low, high = low[:, 0::2] + low[:, 1::2], high[:, 0::2] + high[:, 1::2]
    low += _HALF
    high += _HALF
    low >>= np.uint32(2)
    low &= _LOW
    high <<= np.uint32(6)
    high &= _HIGH
    low |= high
    return low


@dataclass(frozen=True)
class PictureLevels:
    """A picture and its smaller copies; never changed.

    Args:
        picture: uint8 [H, W, 3] RGB, level 0; shared, not copied.
        smaller: uint32 [h, w], 0xffRRGGBB, from level 1 on.
    """

    picture: Bytes
    smaller: tuple[Pixels, ...]

    @classmethod
    def build(cls, picture: Bytes) -> PictureLevels:
        """All levels of uint8 [H, W, 3]; about 0.1 s for 16 megapixels. Fit for threads."""
        picture = np.ascontiguousarray(picture)
        height, width = picture.shape[:2]
        smaller: list[Pixels] = []
        for _ in range(levels_of(width, height) - 1):
            if smaller:
                smaller.append(_halved(smaller[-1], halve_pixels))
                continue
            first = np.empty((-(-height // 2), -(-width // 2)), np.uint32)
            for top in range(0, height, _BAND):
                band = _as_pixels(picture[top : top + _BAND])
                half = halve_pixels(band)
                first[top // 2 : top // 2 + len(half)] = half
            smaller.append(first)
        return cls(picture, tuple(smaller))

    @property
    def width(self) -> int:
        return int(self.picture.shape[1])

    @property
    def height(self) -> int:
        return int(self.picture.shape[0])

    def image(self, level: int, box: Box) -> QImage:
        """A part of a level, not copied: left, top, right and bottom in that level's pixels."""
        if level == 0:
            return wrapped(self.picture, box, QImage.Format.Format_RGB888)
        return wrapped(self.smaller[level - 1], box, QImage.Format.Format_RGB32)


class Pyramid:
    """Levels of something that is painted on: brought up to date where and when they are asked for.

    Args:
        base: level 0, uint8 [H, W] or uint32 [H, W]; may change under it: say where.
    """

    def __init__(self, base: NDArray[Any]) -> None:
        self._levels: list[NDArray[Any]] = [base]
        self._stale: list[Box | None] = [None]
        self._halve: Callable[[Any], Any] = (
            halve_plane if base.dtype == np.uint8 else halve_pixels
        )
        height, width = base.shape
        self.count = levels_of(width, height)

    def touch(self, x: int, y: int, width: int, height: int) -> None:
        """Level 0 is another in this rectangle."""
        rect: Box = (x, y, x + width, y + height)
        for level in range(1, len(self._levels)):
            left, top, right, bottom = rect
            rect = (left // 2, top // 2, -(-right // 2), -(-bottom // 2))
            self._stale[level] = _joined(self._stale[level], rect)

    def level(self, number: int) -> NDArray[Any]:
        """A level as it is now."""
        while len(self._levels) <= number:
            last = len(self._levels) - 1
            self._freshen(last)
            self._levels.append(_halved(self._levels[last], self._halve))
            self._stale.append(None)
        for each in range(1, number + 1):
            self._freshen(each)
        return self._levels[number]

    def _freshen(self, number: int) -> None:
        stale = self._stale[number]
        if stale is None:
            return
        self._stale[number] = None
        into, of = self._levels[number], self._levels[number - 1]
        left, top = stale[0], stale[1]
        right, bottom = min(stale[2], into.shape[1]), min(stale[3], into.shape[0])
        for row in range(top, bottom, _BAND // 2):
            end = min(row + _BAND // 2, bottom)
            into[row:end, left:right] = self._halve(of[2 * row : 2 * end, 2 * left : 2 * right])


def wrapped(array: NDArray[Any], box: Box, form: QImage.Format) -> QImage:
    """A part of an array as an image that shares its memory; the array has to outlive it.

    Args:
        array: contiguous, [H, W] or [H, W, 3].
        box: left, top, right, bottom, within it.
        form: whose pixels have the array's size.
    """
    left, top, right, bottom = box
    size = array.strides[1]
    line = array.strides[0]
    flat = array.reshape(-1).view(np.uint8)
    start = flat[top * line + left * size :]
    return QImage(start.data, right - left, bottom - top, line, form)


def _halved(array: NDArray[Any], halve: Callable[[Any], Any]) -> NDArray[Any]:
    height, width = array.shape
    found = np.empty((-(-height // 2), -(-width // 2)), array.dtype)
    for top in range(0, height, _BAND):
        half = halve(array[top : top + _BAND])
        found[top // 2 : top // 2 + len(half)] = half
    return found


def _even(array: NDArray[Any]) -> NDArray[Any]:
    """With an even number of rows and columns, contiguous along rows."""
    height, width = array.shape
    if height % 2 or width % 2:
        return np.pad(array, ((0, height % 2), (0, width % 2)), mode="edge")
    if array.strides[0] % 2:
        return np.ascontiguousarray(array)
    return array


def _as_pixels(rgb: Bytes) -> Pixels:
    """uint8 [H, W, 3] as uint32 [H, W], 0xffRRGGBB."""
    height, width = rgb.shape[:2]
    image = wrapped(rgb, (0, 0, width, height), QImage.Format.Format_RGB888)
    made = image.convertToFormat(QImage.Format.Format_RGB32)
    return np.frombuffer(made.constBits(), np.uint32).reshape(height, width).copy()


def _joined(one: Box | None, other: Box) -> Box:
    if one is None:
        return other
    return (
        min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
    )  # fmt: skip
