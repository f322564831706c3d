"""A bucket that a thread puts on a canvas, and what the hand paints meanwhile."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Literal

from studio.masks.items import Bucket, StrokesFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.masks.items import Brush, Item, Strokes
    from studio.masks.pixels import Rect

    Colour = tuple[int, int, int]

Layer = Literal["mask", "sketch"]

LARGE = 1 << 21
"""Pixels of a picture from which on filling by colour is noticed."""


def slow(item: Item, width: int, height: int) -> bool:
    """Whether putting an item on takes longer than a hand may be held up."""
    return isinstance(item, Bucket) and width * height > LARGE


class Behind:
    """The canvas is behind the document: one item is being put on, others wait for that.

    Args:
        put: puts the item on; in a thread, or here if that hasn't begun.
        strokes: of the mask before it.
        item: where it belongs and which it is.
    """

    def __init__(
        self,
        put: Callable[[], list[Rect]],
        strokes: Strokes,
        item: tuple[Layer, Item, Colour | None],
    ) -> None:
        self._put = put
        self._lock = Lock()
        self._ran = False
        self.strokes = strokes
        self.items = [item]
        """All that is in the document already, the one under way first."""
        self.brush: tuple[Layer, Brush, Colour | None] | None = None
        """The stroke in hand."""
        self.rects: list[Rect] = []
        self.fault: StrokesFault | None = None

    def work(self) -> None:
        """Put the item on, once; wait where another thread does."""
        with self._lock:
            if self._ran:
                return
            self._ran = True
            try:
                self.rects = self._put()
            except StrokesFault as fault:
                self.fault = fault

    def newest(self, layer: Layer, count: int) -> list[tuple[Item, Colour | None]]:
        """The last items that were put on a layer."""
        found = [(item, colour) for on, item, colour in self.items if on == layer]
        return found[-count:]
