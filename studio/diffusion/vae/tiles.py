"""How a side is divided into tiles that overlap."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple


class Span(NamedTuple):
    """A tile along one side.

    Args:
        start, stop: what it sees.
        first, last: what of it is its own: the spans' own parts follow each other without gap.
    """

    start: int
    stop: int
    first: int
    last: int

    def times(self, scale: int) -> Span:
        """The same on a map that is `scale` times as large."""
        return Span(*(value * scale for value in self))


def spans(length: int, tile: int, reach: int) -> tuple[Span, ...]:
    """As few tiles as cover a side, all of a size up to one, evenly spread.

    Args:
        length: of the side.
        tile: the most that a tile may see; more than twice `reach`.
        reach: how far a tile sees beyond its own part, at least.
    """
    if length <= tile:
        return (Span(0, length, 0, length),)
    overlap = 2 * reach
    count = -(-(length - overlap) // (tile - overlap))
    size = -(-(length + (count - 1) * overlap) // count)
    starts = [i * (length - size) // (count - 1) for i in range(count)]
    cuts = [(after + before + size) // 2 for before, after in pairwise(starts)]
    firsts, lasts = [0, *cuts], [*cuts, length]
    return tuple(
        Span(start, start + size, first, last)
        for start, first, last in zip(starts, firsts, lasts, strict=True)
    )
