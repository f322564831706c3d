"""Python's collector of cycles, held back where it only costs."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Holds:
    """How many hold it back now. Threads may overlap: the last one out leaves it on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._was_on = True

    def add(self) -> None:
        with self._lock:
            if not self._count:
                self._was_on = gc.isenabled()
                gc.disable()
            self._count += 1

    def drop(self) -> None:
        with self._lock:
            self._count -= 1
            if not self._count and self._was_on:
                gc.enable()


_HOLDS = _Holds()


@contextmanager
def held_back() -> Iterator[None]:
    """Collect no cycles inside, where thousands of objects are made that all stay.

    Again and again the collector would go through them, and through all that the process holds:
    with 10,000 nodes that doubles the time.
    """
    _HOLDS.add()
    try:
        yield
    finally:
        _HOLDS.drop()


class Keepsake:
    """Many objects that are made over a while and then stay, as those of a large graph.

    Going through a million objects takes the collector half a second, in which no thread does
    anything else. So nothing is collected while they are made, and afterwards they are passed
    over. What there is by then and becomes garbage later is freed when no keepsake is left.

    Of one thread only.
    """

    _kept: ClassVar[set[Keepsake]] = set()

    def __init__(self) -> None:
        self._making = False

    def begin(self) -> None:
        """The making begins."""
        if not self._making:
            self._making = True
            _HOLDS.add()

    def made(self) -> None:
        """All is there that stays."""
        if self._making:
            self._kept.add(self)
            gc.freeze()
            self._stop()

    def end(self) -> None:
        """It isn't kept any more, made or not."""
        if self._making:
            self._stop()
        elif self in self._kept:
            self._kept.remove(self)
            if not self._kept:
                gc.unfreeze()

    def _stop(self) -> None:
        self._making = False
        _HOLDS.drop()
