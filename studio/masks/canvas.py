"""The mask of the brush canvas: painted on live, with undo, equal to `rasterise` at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from studio.masks.board import Board
from studio.masks.items import Brush, Invert, Item, Strokes, StrokesFault
from studio.masks.pixels import Rect
from studio.masks.strokes import Work
from studio.masks.tiles import Saved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

KEPT = 64 * 1024 * 1024
"""Bytes that the steps which can be undone may take."""


@dataclass
class _Step:
    """An item on the canvas and what was there before.

    Args:
        item: the item.
        saved: what was there.
        flips: the step is its own opposite, so that no tiles are kept.
    """

    item: Item
    saved: Saved = field(default_factory=Saved)
    flips: bool = False


class Canvas:
    """A mask that is painted on, with undo. Its pixels are those of `rasterise`, at any time.

    Args:
        width, height: of the picture in pixels.
        picture: uint8 [H, W, 3] RGB; buckets need it.
        rasters: imported masks by hash, as `rasterise` takes them; read when they are drawn.
        kept: bytes that the steps which can be undone may take; the oldest are forgotten, and
            undoing these draws the mask anew.
    """

    def __init__(
        self,
        width: int,
        height: int,
        picture: Plane | None = None,
        rasters: Mapping[str, Plane] | None = None,
        *,
        kept: int = KEPT,
    ) -> None:
        self._board = Board(width, height, picture, {} if rasters is None else rasters)
        self._items: list[Item] = []
        self._steps: list[_Step] = []  # of the last items
        self._undone: list[_Step] = []
        self._live: _Step | None = None
        self._work: Work | None = Work()  # of the items; counted when it is asked for
        self._kept = kept
        self.width = width
        self.height = height

    @property
    def mask(self) -> Plane:
        """uint8 [H, W], the mask as it is now; to be read, not changed."""
        found = self._board.mask.view()
        found.flags.writeable = False
        return found

    @property
    def strokes(self) -> Strokes:
        """All that is on it, the stroke in hand included."""
        return Strokes((*self._items, *([self._live.item] if self._live else [])))

    @property
    def painting(self) -> bool:
        """Whether a stroke has begun that hasn't ended."""
        return self._live is not None

    @property
    def bytes_kept(self) -> int:
        """What the steps that can be undone or done again take, about."""
        return sum(step.saved.bytes for step in (*self._steps, *self._undone))

    @property
    def undoable(self) -> int:
        """How many of the last items can be taken off without drawing anew."""
        return len(self._steps)

    def begin(self, brush: Brush) -> list[Rect]:
        """Begin a stroke with a brush that has a point or more.

        Returns:
            What changed.

        Raises:
            RuntimeError: another stroke hasn't ended.
            StrokesFault: the brush has no points, or it is more than a mask may have.
        """
        if self._live:
            raise RuntimeError("the last stroke hasn't ended")
        if not len(brush.points):
            raise StrokesFault("a brush needs a point at least")
        self._count(brush)
        # A stroke that is given up leaves what was undone where it was; `end` forgets it.
        self._live = _Step(brush)
        return self._put(self._live, 0)

    def extend(self, points: Sequence[Sequence[int]] | NDArray[np.int32]) -> list[Rect]:
        """Go on with the stroke through points [[x, y, pressure], …], in units.

        Returns:
            What changed.

        Raises:
            RuntimeError: no stroke has begun.
            StrokesFault: the points aren't whole numbers, or are more than a mask may have; the
                stroke stays as it was.
        """
        if not self._live:
            raise RuntimeError("no stroke has begun")
        brush = self._live.item
        assert isinstance(brush, Brush)
        since = len(brush.points)
        longer = brush.longer(points)
        if longer is brush:
            return []
        self._count(longer, since)
        self._live.item = longer
        return self._put(self._live, since)

    def end(self) -> Brush:
        """End the stroke: it becomes a step that can be undone.

        Raises:
            RuntimeError: no stroke has begun.
        """
        if not self._live:
            raise RuntimeError("no stroke has begun")
        step, self._live = self._live, None
        self._undone.clear()
        self._keep(step)
        assert isinstance(step.item, Brush)
        return step.item

    def abandon(self) -> list[Rect]:
        """Take back the stroke that hasn't ended; what changed."""
        if not self._live:
            return []
        step, self._live = self._live, None
        self._work = None
        return self._swap(step)

    def add(self, item: Item) -> list[Rect]:
        """Put a whole item on; what changed.

        Raises:
            RuntimeError: a stroke hasn't ended.
            StrokesFault: it needs a picture or an imported mask that isn't there, or it is more
                than a mask may have; nothing has changed then.
        """
        if self._live:
            raise RuntimeError("the last stroke hasn't ended")
        self._count(item)
        step = _Step(item, flips=isinstance(item, Invert))
        try:
            changed = self._put(step, 0)
        except StrokesFault:
            self._work = None
            raise
        self._undone.clear()
        self._keep(step)
        return changed

    def undo(self) -> list[Rect]:
        """Take the last item off; what changed."""
        if self._live:
            return self.abandon()
        if not self._items:
            return []
        if not self._steps:
            return self._anew(self._items[:-1])
        step = self._steps.pop()
        self._items.pop()
        self._work = None
        self._undone.append(step)
        return self._swap(step)

    def redo(self) -> list[Rect]:
        """Put the item back on that was taken off last; what changed."""
        if self._live or not self._undone:
            return []
        step = self._undone.pop()
        changed = self._swap(step)
        self._steps.append(step)
        self._items.append(step.item)
        self._work = None
        return changed

    def set(self, strokes: Strokes) -> list[Rect]:
        """Show these strokes, by as little work as that takes; what changed.

        Items at the end that went are undone, such that came are put on (or done again); a stroke
        in hand is given up. So an undo stack of documents can drive a canvas.

        Raises:
            StrokesFault: as `add`; the canvas then shows the items before that one.
        """
        changed = self.abandon()
        new = list(strokes)
        same = self._shared(new)
        gone = len(self._items) - same
        if gone > len(self._steps):
            changed += self._anew(new[:same])
        else:
            for _ in range(gone):
                changed += self.undo()
        for item in new[same:]:
            again = self._undone and self._undone[-1].item == item
            changed += self.redo() if again else self.add(item)
        return changed

    def load(self, strokes: Strokes, mask: Plane) -> list[Rect]:
        """Take over strokes with the mask that `rasterise` made of them, in a thread perhaps.

        Nothing is left to undo or to do again: going back behind these strokes draws anew.

        Args:
            strokes: what was painted.
            mask: uint8 [H, W], copied.

        Returns:
            What changed.

        Raises:
            ValueError: the mask is of another size or type.
        """
        if mask.shape != self._board.mask.shape or mask.dtype != np.uint8:
            raise ValueError(
                f"the mask must be uint8 [{self.height}, {self.width}], "
                f"not {mask.dtype} {list(mask.shape)}"
            )
        self._board.mask[:] = mask
        self._items, self._steps, self._undone = list(strokes), [], []
        self._live, self._work = None, None
        return [self._all]

    def redraws(self, strokes: Strokes) -> int:
        """How many items `set` would draw from nothing for these strokes.

        Above 0 it may take long: what was there before some step isn't remembered.
        """
        same = self._shared(list(strokes))
        return same if len(self._items) - same > len(self._steps) else 0

    def _shared(self, new: Sequence[Item]) -> int:
        """How many items at the beginning are the same."""
        same = 0
        for one, other in zip(self._items, new, strict=False):
            if one != other:
                break
            same += 1
        return same

    def _put(self, step: _Step, since: int) -> list[Rect]:
        mask = self._board.mask
        before = None if step.flips else lambda rect: step.saved.save(mask, rect)
        return self._board.put(step.item, since, before=before)

    def _count(self, item: Item, since: int | None = None) -> None:
        if self._work is None:
            self._work = Work(self.strokes)
        self._work.add(item, since)

    def _keep(self, step: _Step) -> None:
        self._items.append(step.item)
        self._steps.append(step)
        left = self._kept - self.bytes_kept
        forgotten = 0
        while left < 0 and forgotten < len(self._steps):
            left += self._steps[forgotten].saved.bytes
            forgotten += 1
        del self._steps[:forgotten]

    def _anew(self, items: list[Item]) -> list[Rect]:
        """Draw everything again: what was there before is forgotten."""
        self._board.mask[:] = 0
        self._items, self._steps, self._undone = [], [], []
        self._work = None
        for item in items:
            self._board.put(item)
            self._items.append(item)
        return [self._all]

    def _swap(self, step: _Step) -> list[Rect]:
        """Take back what a step did, or do it again."""
        if step.flips:
            return self._board.put(step.item)
        return step.saved.swap(self._board.mask)

    @property
    def _all(self) -> Rect:
        return Rect(0, 0, self.width, self.height)
