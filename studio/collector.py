"""Python's collector of cycles, held back where it only costs."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def held_back() -> Iterator[None]:
    """Collect no cycles inside, where thousands of objects are made that all stay.

    Again and again the collector would go through them, and through all that the process holds:
    with 10,000 nodes that doubles the time. Threads may overlap; the last one out leaves it on.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
