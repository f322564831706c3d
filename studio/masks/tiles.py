"""What a part of a plane was before it changed, in packed tiles."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from studio.masks.pixels import Rect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    """uint8 [H, W], or [H, W, channels]."""

TILE = 64
_ENTRY = 160
"""Bytes that a tile takes beside its pixels, about."""


class Saved:
    """Tiles of a plane as they were. `swap` puts them back and remembers what was there instead."""

    def __init__(self) -> None:
        self._tiles: dict[tuple[int, int], tuple[bytes, bool]] = {}
        self.bytes = 0
        """About what they take."""

    def save(self, plane: Plane, rect: Rect) -> None:
        """Remember the tiles of a rectangle as they are, those that aren't remembered yet."""
        for place in places(rect):
            if place not in self._tiles:
                self._tiles[place] = packed = _pack(tile_at(plane, place))
                self.bytes += _ENTRY + len(packed[0])

    def swap(self, plane: Plane) -> list[Rect]:
        """Put back what is remembered, and remember in its place what was there.

        Returns:
            The rectangles that changed.
        """
        self.bytes = 0
        for place, packed in self._tiles.items():
            tile = tile_at(plane, place)
            now = _pack(tile)
            _unpack(packed, tile)
            self._tiles[place] = now
            self.bytes += _ENTRY + len(now[0])
        return self.rects(plane)

    def rects(self, plane: Plane) -> list[Rect]:
        """The tiles, those that touch in a row as one."""
        found: list[Rect] = []
        for place in sorted(self._tiles):
            height, width = tile_at(plane, place).shape[:2]
            x, y = place[1] * TILE, place[0] * TILE
            if found and found[-1].y == y and found[-1].x + found[-1].width == x:
                found[-1] = found[-1]._replace(width=found[-1].width + width)
            else:
                found.append(Rect(x, y, width, height))
        return found


def places(rect: Rect) -> Iterator[tuple[int, int]]:
    """Row and column of each tile that a rectangle touches."""
    for row in range(rect.y // TILE, -(-(rect.y + rect.height) // TILE)):
        for column in range(rect.x // TILE, -(-(rect.x + rect.width) // TILE)):
            yield row, column


def tile_at(plane: Plane, place: tuple[int, int]) -> Plane:
    """A tile's part of a plane, to be read and changed."""
    row, column = place
    return plane[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]


def _pack(tile: Plane) -> tuple[bytes, bool]:
    """A tile's one value, or the tile deflated; and whether it is the former."""
    first = tile[0, 0]
    if (tile == first).all():
        return first.tobytes(), True
    return zlib.compress(tile.tobytes(), 1), False


def _unpack(packed: tuple[bytes, bool], tile: Plane) -> None:
    data, plain = packed
    if plain:
        tile[:] = np.frombuffer(data, np.uint8).reshape(tile.shape[2:])
    else:
        tile[:] = np.frombuffer(zlib.decompress(data), np.uint8).reshape(tile.shape)
