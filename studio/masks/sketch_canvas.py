"""The sketch of the brush canvas: painted on live, with undo, equal to `draw` at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from studio.masks.board import Board
from studio.masks.canvas import KEPT
from studio.masks.items import Brush, Item, Strokes, StrokesFault
from studio.masks.pixels import Rect
from studio.masks.sketch import Sketch, Stroke
from studio.masks.strokes import Work
from studio.masks.tiles import TILE, Saved, places, tile_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from studio.masks.board import Check
    from studio.masks.sketch import Colour

    Plane = NDArray[np.uint8]


@dataclass
class _Step:
    """A stroke on the layer and what was there before."""

    stroke: Stroke
    saved: Saved = field(default_factory=Saved)


class SketchCanvas:
    """A sketch that is painted on, with undo. Its layer is that of `draw`, at any time.

    Args:
        width, height: of the picture in pixels.
        picture: uint8 [H, W, 3] RGB; buckets need it.
        kept: bytes that the steps which can be undone may take; the oldest are forgotten, and
            undoing these draws the sketch anew.
    """

    def __init__(
        self, width: int, height: int, picture: Plane | None = None, *, kept: int = KEPT
    ) -> None:
        # The coverage of the stroke in hand; all 0 in between.
        self._cover = Board(width, height, picture, {})
        self._layer: Plane | None = None
        self._steps: list[_Step] = []
        self._undone: list[_Step] = []
        self._forgotten: list[Stroke] = []
        """Strokes before those of `_steps`, which can't be taken back one by one."""
        self._live: _Step | None = None
        self._under: dict[tuple[int, int], Plane] = {}
        """Tiles of the layer as they were before the stroke in hand."""
        self._work: Work | None = Work()
        self._kept = kept
        self.width = width
        self.height = height

    @property
    def layer(self) -> Plane | None:
        """uint8 [H, W, 4]: colours times alpha, and alpha; None while nothing was ever painted.
        To be read, not changed."""
        if self._layer is None:
            return None
        found = self._layer.view()
        found.flags.writeable = False
        return found

    @property
    def sketch(self) -> Sketch:
        """All that is on it, the stroke in hand included."""
        live = [self._live.stroke] if self._live else []
        return Sketch((*self._forgotten, *(step.stroke for step in self._steps), *live))

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
        """How many of the last strokes can be taken off without drawing anew."""
        return len(self._steps)

    def begin(self, brush: Brush, colour: Colour | None = None) -> list[Rect]:
        """Begin a stroke with a brush that has a point or more; what changed.

        Raises:
            RuntimeError: another stroke hasn't ended.
            StrokesFault: the brush has no points, or no colour, or it is more than a sketch may
                have.
        """
        if self._live:
            raise RuntimeError("the last stroke hasn't ended")
        if not len(brush.points):
            raise StrokesFault("a brush needs a point at least")
        stroke = Stroke(brush, colour)
        self._count(brush)
        self._live = _Step(stroke)
        return self._put(self._live, 0)

    def extend(self, points: Sequence[Sequence[int]] | NDArray[np.int32]) -> list[Rect]:
        """Go on with the stroke through points [[x, y, pressure], …], in units; what changed.

        Raises:
            RuntimeError: no stroke has begun.
            StrokesFault: the points aren't whole numbers, or too many; the stroke stays.
        """
        if not self._live:
            raise RuntimeError("no stroke has begun")
        brush = self._live.stroke.item
        assert isinstance(brush, Brush)
        since = len(brush.points)
        longer = brush.longer(points)
        if longer is brush:
            return []
        self._count(longer, since)
        self._live.stroke = Stroke(longer, self._live.stroke.colour)
        return self._put(self._live, since)

    def end(self) -> Stroke:
        """End the stroke: it becomes a step that can be undone.

        Raises:
            RuntimeError: no stroke has begun.
        """
        if not self._live:
            raise RuntimeError("no stroke has begun")
        step, self._live = self._live, None
        self._dry()
        self._undone.clear()
        self._keep(step)
        return step.stroke

    def abandon(self) -> list[Rect]:
        """Take back the stroke that hasn't ended; what changed."""
        if not self._live:
            return []
        step, self._live = self._live, None
        self._dry()
        self._work = None
        return step.saved.swap(self._the_layer())

    def add(self, item: Item, colour: Colour | None = None) -> list[Rect]:
        """Put a whole item on; what changed.

        Raises:
            RuntimeError: a stroke hasn't ended.
            StrokesFault: a sketch has no such items, or it needs a picture that isn't there, or it
                is more than a sketch may have; nothing has changed then.
        """
        if self._live:
            raise RuntimeError("the last stroke hasn't ended")
        step = _Step(Stroke(item, colour))
        self._count(item)
        try:
            changed = self._put(step, 0)
        except StrokesFault:
            self._work = None
            raise
        finally:
            self._dry()
        self._undone.clear()
        self._keep(step)
        return changed

    def lay(self, stroke: Stroke, check: Check | None = None) -> None:
        """Put a whole stroke on a canvas without steps, for good.

        Args:
            stroke: what to draw.
            check: called now and then; may raise to stop, and the canvas is of no use then.

        Raises:
            StrokesFault: it needs a picture that isn't there.
        """
        try:
            self._put(_Step(stroke), 0, keep=False, check=check)
        finally:
            self._dry()
        self._forgotten.append(stroke)

    def undo(self) -> list[Rect]:
        """Take the last stroke off; what changed."""
        if self._live:
            return self.abandon()
        if not self._steps:
            return self._anew(self._forgotten[:-1]) if self._forgotten else []
        step = self._steps.pop()
        self._work = None
        self._undone.append(step)
        return step.saved.swap(self._the_layer())

    def redo(self) -> list[Rect]:
        """Put the stroke back on that was taken off last; what changed."""
        if self._live or not self._undone:
            return []
        step = self._undone.pop()
        self._steps.append(step)
        self._work = None
        return step.saved.swap(self._the_layer())

    def load(self, sketch: Sketch, layer: Plane) -> list[Rect]:
        """Take over a sketch with the layer that `draw` made of it; it becomes the canvas's own.

        Nothing is left to undo or to do again: going back behind it draws anew.

        Raises:
            ValueError: the layer is of another size or type.
        """
        shape = (self.height, self.width, 4)
        if layer.shape != shape or layer.dtype != np.uint8:
            raise ValueError(f"the layer must be uint8 {list(shape)}, not {list(layer.shape)}")
        self._layer = layer if layer.flags.writeable else layer.copy()
        self._forgotten, self._steps, self._undone = list(sketch), [], []
        self._live, self._work = None, None
        self._dry()
        return [self._all]

    def redraws(self, sketch: Sketch) -> int:
        """How many strokes `set` would draw from nothing for this sketch; see `Canvas.redraws`."""
        same = self._shared(list(sketch))
        return same if same < len(self._forgotten) else 0

    def set(self, sketch: Sketch) -> list[Rect]:
        """Show this sketch, by as little work as that takes; what changed. See `Canvas.set`.

        Raises:
            StrokesFault: as `add`; the canvas then shows the strokes before that one.
        """
        changed = self.abandon()
        new = list(sketch)
        same = self._shared(new)
        if same < len(self._forgotten):
            changed += self._anew(new[:same])
        else:
            for _ in range(len(self._forgotten) + len(self._steps) - same):
                changed += self.undo()
        for stroke in new[same:]:
            again = self._undone and self._undone[-1].stroke == stroke
            changed += self.redo() if again else self.add(stroke.item, stroke.colour)
        return changed

    @property
    def _all(self) -> Rect:
        return Rect(0, 0, self.width, self.height)

    def _the_layer(self) -> Plane:
        if self._layer is None:
            self._layer = np.zeros((self.height, self.width, 4), np.uint8)
        return self._layer

    def _shared(self, new: Sequence[Stroke]) -> int:
        same = 0
        have = (*self._forgotten, *(step.stroke for step in self._steps))
        for one, other in zip(have, new, strict=False):
            if one is not other and one != other:
                break
            same += 1
        return same

    def _count(self, item: Item, since: int | None = None) -> None:
        if self._work is None:
            self._work = Work(Strokes(tuple(stroke.item for stroke in self.sketch)))
        self._work.add(item, since)

    def _keep(self, step: _Step) -> None:
        self._steps.append(step)
        left = self._kept - self.bytes_kept
        while left < 0 and self._steps:
            oldest = self._steps.pop(0)
            left += oldest.saved.bytes
            self._forgotten.append(oldest.stroke)

    def _anew(self, strokes: list[Stroke]) -> list[Rect]:
        """Draw everything again: what was there before is forgotten."""
        self._the_layer()[:] = 0
        self._forgotten, self._steps, self._undone, self._work = [], [], [], None
        for stroke in strokes:
            self.lay(stroke)
        return [self._all]

    def _put(
        self, step: _Step, since: int, *, keep: bool = True, check: Check | None = None
    ) -> list[Rect]:
        """Lay more of a stroke over the layer; what changed."""
        layer, cover = self._the_layer(), self._cover.mask
        item = step.stroke.item
        # Coverage is the same whether the stroke then paints or erases.
        added = self._cover.put(item.adding, since, check)
        colour = step.stroke.colour
        paint = np.array((0, 0, 0, 0) if colour is None else (*colour, 255), np.uint16)
        touched = dict.fromkeys(place for rect in added for place in places(rect))
        changed = []
        for place in touched:
            above = tile_at(cover, place)
            if place not in self._under:
                if not above.any():
                    continue  # a bucket's rectangle is the whole picture
                under = tile_at(layer, place)
                self._under[place] = under.copy()
                if keep:
                    step.saved.save(layer, _tile(place, under))
            under = tile_at(layer, place)
            _lay(self._under[place], paint, above, under)
            changed.append(_tile(place, under))
        return changed

    def _dry(self) -> None:
        """The stroke in hand isn't any more."""
        for place in self._under:
            tile_at(self._cover.mask, place)[:] = 0
        self._under.clear()


def _lay(under: Plane, paint: NDArray[np.uint16], cover: Plane, out: Plane) -> None:
    """`paint` over `under`, as much of it as `cover` says, into `out`."""
    share = cover[..., None].astype(np.uint16)
    mixed = under * (255 - share)
    mixed += paint * share
    mixed += 127
    np.floor_divide(mixed, 255, out=mixed)
    out[:] = mixed


def _tile(place: tuple[int, int], tile: Plane) -> Rect:
    return Rect(place[1] * TILE, place[0] * TILE, tile.shape[1], tile.shape[0])
