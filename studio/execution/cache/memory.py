"""The memory tier: outputs kept by bytes, per kind of device, least recently used out first."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.execution.cache.codec import nbytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_BUDGET = 2 * 2**30
"""Bytes, for each kind of device that has no budget of its own."""

ENTRY_BYTES = 1024
"""Counted for every entry beside its tensors, so that a million small ones have an end too."""


@dataclass(frozen=True, slots=True)
class MemoryInfo:
    """What the memory tier holds.

    Args:
        entries: how many.
        bytes: by kind of device.
        budget: bytes by kind of device, for the devices in use or with a budget of their own.
    """

    entries: int
    bytes: dict[str, int]
    budget: dict[str, int]


class MemoryTier:
    """Outputs by key, in memory. Thread-safe.

    Outputs are kept as they are, not copied: nodes never mutate what they are given.

    Args:
        budget: bytes by kind of device ("cpu", "cuda", "mps"); `DEFAULT_BUDGET` for the others.
    """

    def __init__(self, budget: Mapping[str, int] | None = None) -> None:
        self._budget = dict(budget or {})
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[dict[str, Any], dict[str, int]]] = OrderedDict()
        self._used: Counter[str] = Counter()

    def get(self, key: str) -> dict[str, Any] | None:
        """The outputs of `key`, which are now the most recently used; None where not held."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return dict(self._entries[key][0])

    def put(self, key: str, outputs: Mapping[str, Any]) -> bool:
        """Keep `outputs` and evict what exceeds the budget; False where they alone exceed it."""
        sizes = nbytes(outputs)
        sizes["cpu"] = sizes.get("cpu", 0) + ENTRY_BYTES
        with self._lock:
            self._remove(key)
            if any(size > self._limit(device) for device, size in sizes.items()):
                return False
            self._entries[key] = (dict(outputs), sizes)
            self._used.update(sizes)
            for device in sizes:
                self._evict(device)
            return True

    def contains(self, key: str) -> bool:
        """Whether `key` is held; does not count as a use."""
        with self._lock:
            return key in self._entries

    def contains_many(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that are held; does not count as a use."""
        with self._lock:
            return {key for key in keys if key in self._entries}

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._entries.clear()
            self._used.clear()

    def info(self) -> MemoryInfo:
        """Entries, bytes and budgets."""
        with self._lock:
            used = {device: size for device, size in self._used.items() if size}
            budget = {device: self._limit(device) for device in {*used, *self._budget}}
            return MemoryInfo(len(self._entries), used, budget)

    def _limit(self, device: str) -> int:
        return self._budget.get(device, DEFAULT_BUDGET)

    def _evict(self, device: str) -> None:
        # The newest entry fits by itself, so this ends before it gets there.
        while self._used[device] > self._limit(device):
            oldest = next(key for key, (_, sizes) in self._entries.items() if device in sizes)
            self._remove(oldest)

    def _remove(self, key: str) -> None:
        if key in self._entries:
            _, sizes = self._entries.pop(key)
            self._used.subtract(sizes)
