"""Shapes by name, looked at under a prefix."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from studio.diffusion.weights.header import TensorInfo

Shape = tuple[int, ...]


class UnknownArchitecture(Exception):
    """Tensors that no known network has. The message says what, without the file's name."""


@dataclass(frozen=True)
class Names:
    """The tensors of a file under a prefix, by the rest of their names. Nothing is copied.

    Args:
        tensors: all that are in the file, by their whole names.
        prefix: what the names begin with.
        ordered: all whole names, sorted; made where it isn't given.
    """

    tensors: Mapping[str, TensorInfo]
    prefix: str = ""
    ordered: Sequence[str] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        # Sorted, what begins alike lies together: no question needs a look at every name.
        if len(self.ordered) != len(self.tensors):
            object.__setattr__(self, "ordered", sorted(self.tensors))

    def __contains__(self, name: str) -> bool:
        return self.prefix + name in self.tensors

    def __getitem__(self, name: str) -> Shape:
        try:
            return self.tensors[self.prefix + name].shape
        except KeyError:
            raise UnknownArchitecture(f"the tensor {self.prefix}{name} is missing") from None

    def __iter__(self) -> Iterator[str]:
        cut = len(self.prefix)
        return (name[cut:] for name in self.ordered[self._first : self._first + len(self)])

    def __len__(self) -> int:
        # No letter of a name comes after this one.
        return bisect_left(self.ordered, f"{self.prefix}\U0010ffff", self._first) - self._first

    def __bool__(self) -> bool:
        return self._starts(self._first, self.prefix)

    def under(self, prefix: str) -> Names:
        """Those of them whose name begins with `prefix`."""
        return Names(self.tensors, self.prefix + prefix, self.ordered)

    def side(self, name: str, axis: int) -> int:
        """Length of one side of a tensor.

        Raises:
            UnknownArchitecture: the tensor is missing, or has no such side, or an empty one.
        """
        shape = self[name]
        if axis >= len(shape) or not shape[axis]:
            raise UnknownArchitecture(
                f"the tensor {self.prefix}{name} has the shape {list(shape)}"
            )
        return shape[axis]

    def has(self, prefix: str) -> bool:
        """Whether a name begins so."""
        whole = self.prefix + prefix
        return self._starts(bisect_left(self.ordered, whole, self._first), whole)

    def count(self, prefix: str) -> int:
        """How many numbers follow each other from 0 after `prefix`: of `blocks.0`, `blocks.1` 2."""
        number = 0
        while self.has(f"{prefix}{number}."):
            number += 1
        return number

    @cached_property
    def _first(self) -> int:
        return bisect_left(self.ordered, self.prefix)

    def _starts(self, index: int, prefix: str) -> bool:
        return index < len(self.ordered) and self.ordered[index].startswith(prefix)
