"""Values of a sweep, made when asked for: 10^9 take no more memory than three."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractions import Fraction

MOST = 10**12
"""Values of a sweep, and jobs of a batch: at a thousand a second they would take thirty years."""

ROUNDS = 4
"""Of the Feistel network; Luby and Rackoff (1988) show that four make a good permutation."""


class Values(Sequence[Any]):
    """A sequence that is asked for one value at a time, by a place from 0."""

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.at(index)

    @abstractmethod
    def at(self, index: int) -> Any:
        """The value at a place that is there."""


class Listed(Values):
    """Values written out."""

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = tuple(values)

    def __len__(self) -> int:
        return len(self.values)

    def at(self, index: int) -> Any:
        return self.values[index]


class Steps(Values):
    """Evenly spaced numbers, counted in fractions so that 0..1:0.1 ends at 1 exactly.

    Args:
        start: the first.
        step: from one to the next; may be negative.
        count: how many.
        whole: give ints; start and step are whole then.
    """

    def __init__(self, start: Fraction, step: Fraction, count: int, *, whole: bool) -> None:
        self.start = start
        self.step = step
        self.length = count
        self.whole = whole

    def __len__(self) -> int:
        return self.length

    def at(self, index: int) -> int | float:
        value = self.start + index * self.step
        return int(value) if self.whole else float(value)


class Seeds(Values):
    """Different whole numbers in a random order, the same for the same base.

    A Feistel network permutes the range (walking on where it leads outside), so no number comes
    twice and none is kept.

    Args:
        count: how many.
        base: what the order follows from.
        low: the smallest number that may come.
        high: the largest; at least `count` numbers lie between.
    """

    def __init__(self, count: int, base: int, low: int, high: int) -> None:
        self.length = count
        self.base = base
        self.low = low
        self.size = high - low + 1
        self._half = max((self.size - 1).bit_length() + 1, 2) // 2
        self._key = base.to_bytes(16, "little")

    def __len__(self) -> int:
        return self.length

    def at(self, index: int) -> int:
        number = self._permuted(index)
        while number >= self.size:
            number = self._permuted(number)
        return self.low + number

    def _permuted(self, number: int) -> int:
        mask = (1 << self._half) - 1
        left, right = number >> self._half, number & mask
        for turn in range(ROUNDS):
            text = turn.to_bytes(1, "little") + right.to_bytes(16, "little")
            digest = blake2b(text, key=self._key, digest_size=8).digest()
            left, right = right, left ^ (int.from_bytes(digest, "little") & mask)
        return left << self._half | right


class Joined(Values):
    """Several one after another."""

    def __init__(self, parts: Sequence[Values]) -> None:
        self.parts = tuple(parts)
        self._ends = list(accumulate(len(part) for part in self.parts))

    def __len__(self) -> int:
        return self._ends[-1]

    def at(self, index: int) -> Any:
        part = bisect_right(self._ends, index)
        return self.parts[part].at(index - (self._ends[part - 1] if part else 0))


def joined(parts: Sequence[Values]) -> Values:
    """One sequence of one or more; neighbours that are written out become one."""
    merged: list[Values] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, Listed) and isinstance(last, Listed):
            merged[-1] = Listed([*last.values, *part.values])
        else:
            merged.append(part)
    return merged[0] if len(merged) == 1 else Joined(merged)
