"""Items of masks and sketches out of a graph's JSON, each dict of them read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from studio.masks.items import MAX_ITEMS, StrokesFault
from studio.masks.strokes import EMPTY, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

SPARE = 2000
"""Dicts that are remembered though no list holds them any more: undone ones may come back."""


class ItemReader(Generic[T]):
    """Reads items, and knows those again that it has read.

    The dicts of a document are never changed in place, so the same dict is the same item. That
    keeps undo and redo free of parsing, and the canvas finds the same objects on both sides.

    Args:
        read: one item from its JSON; raises `StrokesFault`.
    """

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self._known: dict[int, tuple[Any, T]] = {}

    def unknown(self, value: Any) -> int:
        """How many of a parameter's items were never read; 0 for what isn't a list of items."""
        return sum(id(data) not in self._known for data in _items(value))

    def snapshot(self) -> dict[int, tuple[Any, T]]:
        """What is known now, for `read_all` in a thread."""
        return dict(self._known)

    def read_all(
        self, value: Any, known: Mapping[int, tuple[Any, T]] | None = None
    ) -> list[tuple[Any, T]]:
        """The items of a parameter, each with its dict. With `known` it may run in a thread.

        Raises:
            StrokesFault: it can't be read: which item, what is wrong.
        """
        known = self._known if known is None else known
        # What stands around the items, by the one who knows the format.
        parse({**value, "items": []} if isinstance(value, dict) else value)
        items = value.get("items", [])
        if not isinstance(items, list):
            raise StrokesFault("the items must be a list")
        if len(items) > MAX_ITEMS:
            raise StrokesFault(f"{len(items):,} items are too many; the most is {MAX_ITEMS:,}")
        found = []
        for number, data in enumerate(items, 1):
            have = known.get(id(data))
            if have is None:
                try:
                    have = (data, self._read(data))
                except StrokesFault as fault:
                    raise StrokesFault(f"item {number}: {fault}") from None
            found.append(have)
        return found

    def keep(self, pairs: list[tuple[Any, T]], *, trim: bool = True) -> None:
        """Remember what was read; with `trim`, forget the oldest of what isn't among it."""
        for data, item in pairs:
            self._known[id(data)] = (data, item)
        if trim and len(self._known) > len(pairs) + SPARE:
            wanted = {id(data) for data, _ in pairs}
            for key in list(self._known)[: len(self._known) - len(pairs) - SPARE]:
                if key not in wanted:
                    del self._known[key]


def value_or_empty(value: Any) -> Any:
    """A parameter's value; that of no items where there is none."""
    return EMPTY if value is None else value


def _items(value: Any) -> list[Any]:
    items = value.get("items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else []
