"""A set of job numbers, however many."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Indices:
    """A set of job numbers that takes a bit each: a hundred thousand take 12 kB."""

    def __init__(self, members: Iterable[int] = ()) -> None:
        self._bits = bytearray()
        self._count = 0
        for index in members:
            self.add(index)

    def __contains__(self, index: int) -> bool:
        place = index >> 3
        return place < len(self._bits) and bool(self._bits[place] & 1 << (index & 7))

    def __len__(self) -> int:
        return self._count

    def add(self, index: int) -> None:
        place = index >> 3
        if place >= len(self._bits):
            self._bits.extend(bytes(max(1024, place + 1 - len(self._bits))))
        if index not in self:
            self._bits[place] |= 1 << (index & 7)
            self._count += 1

    def discard(self, index: int) -> None:
        if index in self:
            self._bits[index >> 3] &= ~(1 << (index & 7))
            self._count -= 1
