"""The mask of the brush canvas: painted on live, with undo, equal to `rasterise` at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studio.masks.board import Board
from studio.masks.history import KEPT, Step, Undoable
from studio.masks.items import Brush, Invert, Item, Strokes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from studio.masks.pixels import Rect

    Plane = NDArray[np.uint8]


class Canvas(Undoable[Item]):
    """A mask that is painted on, with undo. Its pixels are those of `rasterise`, at any time.

    Args:
        width, height: of the picture in pixels.
        picture: uint8 [H, W, 3] RGB; buckets need it.
        rasters: imported masks by hash, as `rasterise` takes them; read when they are drawn.
        kept: see `Undoable`.
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
        super().__init__(width, height, kept)
        self._board = Board(width, height, picture, {} if rasters is None else rasters)

    @property
    def mask(self) -> Plane:
        """uint8 [H, W], the mask as it is now; to be read, not changed."""
        found = self._board.mask.view()
        found.flags.writeable = False
        return found

    @property
    def strokes(self) -> Strokes:
        """All that is on it, the stroke in hand included."""
        return Strokes(self._entries)

    def begin(self, brush: Brush) -> list[Rect]:
        """Begin a stroke with a brush that has a point or more.

        Returns:
            What changed.

        Raises:
            RuntimeError: another stroke hasn't ended.
            StrokesFault: the brush has no points, or it is more than a mask may have.
        """
        return self._begin(brush)

    def end(self) -> Brush:
        """End the stroke: it becomes a step that can be undone.

        Raises:
            RuntimeError: no stroke has begun.
        """
        brush = self._end()
        assert isinstance(brush, Brush)
        return brush

    def add(self, item: Item) -> list[Rect]:
        """Put a whole item on; what changed.

        Raises:
            RuntimeError: a stroke hasn't ended.
            StrokesFault: it needs a picture or an imported mask that isn't there, or it is more
                than a mask may have; nothing has changed then.
        """
        return self._add(item)

    def set(self, strokes: Strokes) -> list[Rect]:
        """Show these strokes, by as little work as that takes; what changed.

        Items at the end that went are undone, such that came are put on (or done again); a stroke
        in hand is given up. So an undo stack of documents can drive a canvas.

        Raises:
            StrokesFault: as `add`; the canvas then shows the items before that one.
        """
        return self._set(strokes.items)

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
        return self._take(strokes.items)

    def redraws(self, strokes: Strokes) -> int:
        """How many items `set` would draw from nothing for these strokes.

        Above 0 it may take long: what was there before some step isn't remembered.
        """
        return self._redraws(strokes.items)

    def _item(self, entry: Item) -> Item:
        return entry

    def _longer(self, entry: Item, brush: Brush) -> Item:
        return brush

    def _put(self, step: Step[Item], since: int) -> list[Rect]:
        mask = self._board.mask
        # An inversion is its own opposite: no tiles are kept.
        flips = isinstance(step.entry, Invert)
        before = None if flips else lambda rect: step.saved.save(mask, rect)
        return self._board.put(step.entry, since, before=before)

    def _swap(self, step: Step[Item]) -> list[Rect]:
        if isinstance(step.entry, Invert):
            return self._board.put(step.entry)
        return step.saved.swap(self._board.mask)

    def _lay(self, entry: Item) -> None:
        self._board.put(entry)

    def _wipe(self) -> None:
        self._board.mask[:] = 0
