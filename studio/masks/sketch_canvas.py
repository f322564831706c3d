"""The sketch of the brush canvas: painted on live, with undo, equal to `draw` at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.masks.board import Board
from studio.masks.history import KEPT, Step, Undoable
from studio.masks.pixels import Rect
from studio.masks.sketch import Sketch, Stroke
from studio.masks.tiles import TILE, places, tile_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.masks.board import Check
    from studio.masks.items import Brush, Item
    from studio.masks.sketch import Colour

    Plane = NDArray[np.uint8]


class SketchCanvas(Undoable[Stroke]):
    """A sketch that is painted on, with undo. Its layer is that of `draw`, at any time.

    Args:
        width, height: of the picture in pixels.
        picture: uint8 [H, W, 3] RGB; buckets need it.
        kept: see `Undoable`.
    """

    def __init__(
        self, width: int, height: int, picture: Plane | None = None, *, kept: int = KEPT
    ) -> None:
        super().__init__(width, height, kept)
        # The coverage of the stroke in hand; all 0 in between.
        self._cover = Board(width, height, picture, {})
        self._layer: Plane | None = None
        self._under: dict[tuple[int, int], Plane] = {}
        """Tiles of the layer as they were before the stroke in hand."""

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
        return Sketch(self._entries)

    def begin(self, brush: Brush, colour: Colour | None = None) -> list[Rect]:
        """Begin a stroke with a brush that has a point or more; what changed.

        Raises:
            RuntimeError: another stroke hasn't ended.
            StrokesFault: the brush has no points, or no colour, or it is more than a sketch may
                have.
        """
        return self._begin(Stroke(brush, colour))

    def end(self) -> Stroke:
        """End the stroke: it becomes a step that can be undone.

        Raises:
            RuntimeError: no stroke has begun.
        """
        return self._end()

    def add(self, item: Item, colour: Colour | None = None) -> list[Rect]:
        """Put a whole item on; what changed.

        Raises:
            RuntimeError: a stroke hasn't ended.
            StrokesFault: a sketch has no such items, or it needs a picture that isn't there, or it
                is more than a sketch may have; nothing has changed then.
        """
        return self._add(Stroke(item, colour))

    def lay(self, stroke: Stroke, check: Check | None = None) -> None:
        """Put a whole stroke on a canvas without steps, for good.

        Args:
            stroke: what to draw.
            check: called now and then; may raise to stop, and the canvas is of no use then.

        Raises:
            StrokesFault: it needs a picture that isn't there.
        """
        self._lay(stroke, check)
        self._forgotten.append(stroke)

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
        return self._take(sketch.items)

    def redraws(self, sketch: Sketch) -> int:
        """How many strokes `set` would draw from nothing for this sketch; see `Canvas.redraws`."""
        return self._redraws(sketch.items)

    def set(self, sketch: Sketch) -> list[Rect]:
        """Show this sketch, by as little work as that takes; what changed. See `Canvas.set`.

        Raises:
            StrokesFault: as `add`; the canvas then shows the strokes before that one.
        """
        return self._set(sketch.items)

    def _item(self, entry: Stroke) -> Item:
        return entry.item

    def _longer(self, entry: Stroke, brush: Brush) -> Stroke:
        return Stroke(brush, entry.colour)

    def _put(self, step: Step[Stroke], since: int) -> list[Rect]:
        return self._paint(step, since)

    def _swap(self, step: Step[Stroke]) -> list[Rect]:
        return step.saved.swap(self._the_layer())

    def _lay(self, entry: Stroke, check: Check | None = None) -> None:
        try:
            self._paint(Step(entry), 0, keep=False, check=check)
        finally:
            self._dry()

    def _wipe(self) -> None:
        self._the_layer()[:] = 0

    def _the_layer(self) -> Plane:
        if self._layer is None:
            self._layer = np.zeros((self.height, self.width, 4), np.uint8)
        return self._layer

    def _paint(
        self, step: Step[Stroke], since: int, *, keep: bool = True, check: Check | None = None
    ) -> list[Rect]:
        """Lay more of a stroke over the layer; what changed."""
        layer, cover = self._the_layer(), self._cover.mask
        item = step.entry.item
        # Coverage is the same whether the stroke then paints or erases.
        added = self._cover.put(item.adding, since, check)
        colour = step.entry.colour
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
            _mix(self._under[place], paint, above, under)
            changed.append(_tile(place, under))
        return changed

    def _dry(self) -> None:
        """The stroke in hand isn't any more."""
        for place in self._under:
            tile_at(self._cover.mask, place)[:] = 0
        self._under.clear()


def _mix(under: Plane, paint: NDArray[np.uint16], cover: Plane, out: Plane) -> None:
    """`paint` over `under`, as much of it as `cover` says, into `out`."""
    share = cover[..., None].astype(np.uint16)
    mixed = under * (255 - share)
    mixed += paint * share
    mixed += 127
    np.floor_divide(mixed, 255, out=mixed)
    out[:] = mixed


def _tile(place: tuple[int, int], tile: Plane) -> Rect:
    return Rect(place[1] * TILE, place[0] * TILE, tile.shape[1], tile.shape[0])
