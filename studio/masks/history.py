"""What is painted step by step on a plane of pixels: live strokes, undo, and following a document.

Masks and sketches differ in what a step is and how it is drawn; all else is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from studio.masks.items import Brush, Item, Strokes, StrokesFault
from studio.masks.pixels import Rect
from studio.masks.strokes import Work
from studio.masks.tiles import Saved

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

E = TypeVar("E")
"""What is put on: an `Item`, or a `Stroke` with its colour."""

KEPT = 64 * 1024 * 1024
"""Bytes that the steps which can be undone may take."""


@dataclass
class Step(Generic[E]):
    """Something on the plane, and what was there before."""

    entry: E
    saved: Saved = field(default_factory=Saved)


class Undoable(ABC, Generic[E]):
    """A plane that is painted on, with undo.

    Args:
        width, height: of the picture in pixels.
        kept: bytes that the steps which can be undone may take; the oldest are forgotten, and
            undoing these draws everything anew.
    """

    def __init__(self, width: int, height: int, kept: int) -> None:
        self._forgotten: list[E] = []
        """What was put on before `_steps`, and can't be taken back one by one."""
        self._steps: list[Step[E]] = []
        self._undone: list[Step[E]] = []
        self._live: Step[E] | None = None
        self._work: Work | None = Work()  # of all entries; counted when it is asked for
        self._kept = kept
        self.width = width
        self.height = height

    # What kinds of it differ in

    @abstractmethod
    def _item(self, entry: E) -> Item:
        """What an entry draws."""

    @abstractmethod
    def _longer(self, entry: E, brush: Brush) -> E:
        """An entry with its brush drawn on."""

    @abstractmethod
    def _put(self, step: Step[E], since: int) -> list[Rect]:
        """Draw a step, its brush from point `since` on, and remember what was there."""

    @abstractmethod
    def _swap(self, step: Step[E]) -> list[Rect]:
        """Take back what a step did, or do it again."""

    @abstractmethod
    def _lay(self, entry: E) -> None:
        """Draw something for good."""

    @abstractmethod
    def _wipe(self) -> None:
        """Make the plane empty."""

    def _dry(self) -> None:
        """No stroke is in hand any more."""

    # What is on it

    @property
    def painting(self) -> bool:
        """Whether a stroke has begun that hasn't ended."""
        return self._live is not None

    @property
    def bytes_kept(self) -> int:
        """What the steps that can be undone or done again take, about."""
        return sum(step.saved.bytes for step in (*self._steps, *self._undone))

    @property
    def _ended(self) -> tuple[E, ...]:
        return (*self._forgotten, *(step.entry for step in self._steps))

    @property
    def _entries(self) -> tuple[E, ...]:
        """All that is on it, the stroke in hand included."""
        return (*self._ended, self._live.entry) if self._live else self._ended

    @property
    def _all(self) -> Rect:
        return Rect(0, 0, self.width, self.height)

    # Painting

    def _begin(self, entry: E) -> list[Rect]:
        if self._live:
            raise RuntimeError("the last stroke hasn't ended")
        brush = self._item(entry)
        assert isinstance(brush, Brush)
        if not len(brush.points):
            raise StrokesFault("a brush needs a point at least")
        self._count(brush)
        # A stroke that is given up leaves what was undone where it was; `_end` forgets it.
        self._live = Step(entry)
        return self._put(self._live, 0)

    def extend(self, points: Sequence[Sequence[int]] | NDArray[np.int32]) -> list[Rect]:
        """Go on with the stroke through points [[x, y, pressure], …], in units.

        Returns:
            What changed.

        Raises:
            RuntimeError: no stroke has begun.
            StrokesFault: the points aren't whole numbers, or too many; the stroke stays as it was.
        """
        if not self._live:
            raise RuntimeError("no stroke has begun")
        brush = self._item(self._live.entry)
        assert isinstance(brush, Brush)
        since = len(brush.points)
        longer = brush.longer(points)
        if longer is brush:
            return []
        self._count(longer, since)
        self._live.entry = self._longer(self._live.entry, longer)
        return self._put(self._live, since)

    def _end(self) -> E:
        if not self._live:
            raise RuntimeError("no stroke has begun")
        step, self._live = self._live, None
        self._dry()
        self._keep(step)
        return step.entry

    def abandon(self) -> list[Rect]:
        """Take back the stroke that hasn't ended; what changed."""
        if not self._live:
            return []
        step, self._live = self._live, None
        self._dry()
        self._work = None
        return self._swap(step)

    def _add(self, entry: E) -> list[Rect]:
        if self._live:
            raise RuntimeError("the last stroke hasn't ended")
        self._count(self._item(entry))
        step = Step(entry)
        try:
            changed = self._put(step, 0)
        except StrokesFault:
            self._work = None
            raise
        finally:
            self._dry()
        self._keep(step)
        return changed

    # Going back and forth

    def undo(self) -> list[Rect]:
        """Take the last step off, or give up the stroke in hand; what changed."""
        if self._live:
            return self.abandon()
        if not self._steps:
            return self._anew(self._forgotten[:-1]) if self._forgotten else []
        step = self._steps.pop()
        self._work = None
        self._undone.append(step)
        return self._swap(step)

    def redo(self) -> list[Rect]:
        """Put the step back on that was taken off last; what changed."""
        if self._live or not self._undone:
            return []
        step = self._undone.pop()
        self._steps.append(step)
        self._work = None
        return self._swap(step)

    def _set(self, new: Sequence[E]) -> list[Rect]:
        changed = self.abandon()
        same = self._shared(new)
        if same < len(self._forgotten):
            changed += self._anew(new[:same])
        else:
            for _ in range(len(self._ended) - same):
                changed += self.undo()
        for entry in new[same:]:
            again = self._undone and self._undone[-1].entry == entry
            changed += self.redo() if again else self._add(entry)
        return changed

    def _redraws(self, new: Sequence[E]) -> int:
        same = self._shared(new)
        return same if same < len(self._forgotten) else 0

    def _take(self, entries: Sequence[E]) -> list[Rect]:
        """The plane shows these already; nothing is left to undo or to do again."""
        self._forgotten, self._steps, self._undone = list(entries), [], []
        self._live, self._work = None, None
        self._dry()
        return [self._all]

    def _anew(self, entries: Sequence[E]) -> list[Rect]:
        """Draw everything again: what was there before is forgotten."""
        self._wipe()
        self._take([])
        for entry in entries:
            self._lay(entry)
            self._forgotten.append(entry)
        return [self._all]

    def _shared(self, new: Sequence[E]) -> int:
        """How many at the beginning are the same."""
        same = 0
        for one, other in zip(self._ended, new, strict=False):
            if one is not other and one != other:
                break
            same += 1
        return same

    def _count(self, item: Item, since: int | None = None) -> None:
        if self._work is None:
            self._work = Work(Strokes(tuple(map(self._item, self._entries))))
        self._work.add(item, since)

    def _keep(self, step: Step[E]) -> None:
        self._undone.clear()
        self._steps.append(step)
        left = self._kept - self.bytes_kept
        many = 0
        while left < 0 and many < len(self._steps):
            left += self._steps[many].saved.bytes
            many += 1
        self._forgotten += [step.entry for step in self._steps[:many]]
        del self._steps[:many]
