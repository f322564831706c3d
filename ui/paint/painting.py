"""One picture under the brush: its mask, its sketch, and the stroke in hand. No view, no document.

Everything here is quick: large pictures and many strokes are prepared in a thread
(`ui.paint.binding` does) and then taken over, and a bucket is put on by one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shiboken6 import isValid

from studio.masks.canvas import Canvas
from studio.masks.items import MAX_ITEMS, Strokes, StrokesFault
from studio.masks.pixels import Rect
from studio.masks.sketch import Sketch, Stroke
from studio.masks.sketch_canvas import SketchCanvas
from ui.paint.behind import Behind, Layer, slow
from ui.paint.canvases import Canvases
from ui.paint.prepared import TAIL, Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from studio.masks.items import Brush, Item
    from ui.paint.draft import Draft

    Plane = NDArray[np.uint8]
    Colour = tuple[int, int, int]

__all__ = ["SOON", "TAIL", "Layer", "Painting", "Prepared", "label_of", "prepare"]

SOON = 8
"""So many new items are put on at once; more are drawn in a thread."""

_LABELS = {
    "brush": ("Brush", "Erase"),
    "polygon": ("Outline", "Erase an outline"),
    "rect": ("Rectangle", "Erase a rectangle"),
    "ellipse": ("Ellipse", "Erase an ellipse"),
    "bucket": ("Fill by colour", "Erase by colour"),
    "fill": ("Fill", "Clear"),
    "invert": ("Invert", "Invert"),
    "raster": ("Import a mask", "Erase an imported mask"),
}


class Painting(Canvases):
    """What is painted on one picture.

    `begin`, `extend` and `end` draw a stroke point by point, `add` all else at once; both are told
    by `changed` as pixels and by `committed` as an item for the document. While `ready` is False
    there is nothing to paint on: strokes are refused without a word, `words` say why; where `words`
    are empty, what was shown may stay. A draft is only ever shown: `mask` and `sketch` are empty
    then, and nothing is `ready`.

    Args:
        parent: Qt's.
        jobs: puts buckets on large pictures; None: they are put on here and now.
    """

    # Taking over

    def show(
        self,
        picture: Plane,
        strokes: Strokes | None = None,
        sketch: Sketch | None = None,
        rasters: Mapping[str, Plane] | None = None,
        mask: Plane | None = None,
    ) -> None:
        """Show a picture with this on it.

        Args:
            picture: uint8 [H, W, 3].
            strokes, sketch: what is painted.
            rasters: uint8 [h, w] by hash.
            mask: uint8 [H, W] that `rasterise` made of the strokes; None draws them here and now.

        Raises:
            StrokesFault: as `prepare`.
        """
        height, width = picture.shape[:2]
        strokes, sketch = strokes or Strokes(), sketch or Sketch()
        if mask is None:
            self.take(prepare(width, height, picture, strokes, sketch, rasters))
            return
        found = prepare(width, height, picture, Strokes(), sketch, rasters)
        found.mask.load(strokes, mask)
        self.take(found)

    def show_draft(self, draft: Draft) -> None:
        """Show a picture with roughly what is painted on it, until that is taken over."""
        self.say("")
        self.draft = draft
        height, width = draft.mask.shape
        self.picture, self.levels = draft.picture, draft.levels
        self.mask, self.sketch = Canvas(width, height), SketchCanvas(width, height)
        self.replaced.emit()
        self.state_changed.emit()

    def take(self, found: Prepared) -> None:
        """Show what was prepared in a thread; a stroke in hand is given up."""
        self._hand = self._behind = self.draft = None
        self.picture, self.mask, self.sketch = found.picture, found.mask, found.sketch
        self.rasters, self.levels = found.rasters, found.levels
        self.ready, self.words = True, ""
        self.replaced.emit()
        self.state_changed.emit()

    def say(self, words: str, *, ready: bool = False) -> None:
        """Say why there is nothing to paint on, or (`ready`) go on; a stroke in hand is given up.

        Args:
            words: for the middle of the canvas.
            ready: strokes are taken.
        """
        if not ready:
            self.finish()
            self.abandon()
        ready = ready and self.draft is None
        if (ready, words) != (self.ready, self.words):
            self.ready, self.words = ready, words
            self.state_changed.emit()

    # Painting

    def begin(self, layer: Layer, brush: Brush, colour: Colour | None = None) -> None:
        """Begin a stroke. A stroke in hand is ended first.

        Args:
            layer: to paint on.
            brush: with a point or more.
            colour: RGB, 0-255, for the sketch; None erases there.
        """
        if not self.ready:
            return
        if self._hand:
            self.end()
        self._told = False
        if layer == "sketch" and not colour:
            brush = replace(brush, erase=True)
        if self._behind is not None:
            self._behind.brush = (layer, brush, colour)
            self._hand = layer
            return
        try:
            on_mask = layer == "mask"
            rects = self.mask.begin(brush) if on_mask else self.sketch.begin(brush, colour)
        except StrokesFault as fault:
            self._tell(fault)
            return
        self._hand = layer
        self._emit(rects)

    def extend(self, points: Sequence[Sequence[int]]) -> None:
        """Go on with the stroke through points [[x, y, pressure], …] in units; nothing without."""
        if not self._hand:
            return
        canvas = self.mask if self._hand == "mask" else self.sketch
        try:
            if self._behind is not None:
                assert self._behind.brush is not None
                layer, brush, colour = self._behind.brush
                self._behind.brush = (layer, brush.longer(points), colour)
                return
            rects = canvas.extend(points)
        except StrokesFault as fault:
            self._tell(fault)
            return
        self._emit(rects)

    def end(self, fill: Item | None = None, label: str = "") -> None:
        """End the stroke: it is an item now.

        Args:
            fill: put on with it, in the same step of undo: what the stroke goes around.
            label: for the undo menu; empty takes the kind's.
        """
        layer, self._hand = self._hand, None
        if layer is None:
            return
        item: Item
        if self._behind is not None:
            assert self._behind.brush is not None
            _, item, colour = self._behind.brush
            self._behind.brush = None
            self._behind.items.append((layer, item, colour))
        elif layer == "mask":
            item, colour = self.mask.end(), None
        else:
            stroke = self.sketch.end()
            item, colour = stroke.item, stroke.colour
        made = [_json(layer, item, colour)]
        try:
            if fill is not None:
                made.append(self._put(layer, fill, colour))
        except StrokesFault as fault:
            self._tell(fault)
        self.committed.emit(layer, made, label or label_of(item))

    def abandon(self) -> None:
        """Give the stroke in hand up, as if it had never begun."""
        layer, self._hand = self._hand, None
        if layer and self._behind is not None:
            self._behind.brush = None
        elif layer:
            self._emit(self.mask.abandon() if layer == "mask" else self.sketch.abandon())

    def add(
        self, layer: Layer, item: Item, colour: Colour | None = None, label: str = ""
    ) -> bool:
        """Put a whole item on.

        Args:
            layer: to paint on.
            item: an outline, a fill, …
            colour: RGB for the sketch; None erases there.
            label: for the undo menu; empty takes the kind's.

        Returns:
            False where it can't be painted; that is told, and nothing has changed.
        """
        if not self.ready:
            return False
        if self._hand:
            self.end()
        try:
            made = self._put(layer, item, colour)
        except StrokesFault as fault:
            self._told = False
            self._tell(fault)
            return False
        self.committed.emit(layer, [made], label or label_of(item))
        return True

    def _put(self, layer: Layer, item: Item, colour: Colour | None) -> dict[str, Any]:
        """Put an item on the canvas, now or as soon as it is its turn; its JSON."""
        if layer == "sketch" and not colour:
            item = replace(item, erase=True)
        if self._behind is not None:
            self._behind.items.append((layer, item, colour))
        elif self._leave(layer, item, colour) is None:
            self._emit(self._put_here(layer, item, colour))
        return _json(layer, item, colour)

    def _put_here(self, layer: Layer, item: Item, colour: Colour | None) -> list[Rect]:
        return self.mask.add(item) if layer == "mask" else self.sketch.add(item, colour)

    # Buckets, in a thread

    def _leave(self, layer: Layer, item: Item, colour: Colour | None) -> Behind | None:
        """Leave an item to a thread, where it takes long and nothing can go wrong with it."""
        count = len(self.mask.strokes if layer == "mask" else self.sketch.sketch)
        if self._jobs is None or self.picture is None or count >= MAX_ITEMS:
            return None
        if not slow(item, self.width, self.height):
            return None
        canvases = self.mask, self.sketch

        def put() -> list[Rect]:
            mask, sketch = canvases
            return mask.add(item) if layer == "mask" else sketch.add(item, colour)

        behind = self._behind = Behind(put, self.mask.strokes, (layer, item, colour))
        self._jobs.run(behind.work, lambda _: self._caught(behind), lambda _: None)
        self.state_changed.emit()
        return behind

    def _caught(self, behind: Behind) -> None:
        if isValid(self) and behind is self._behind:
            self._catch_up(wait=False)

    def finish(self) -> None:
        """Have all on the canvas that is in the document: wait for what is still put on it."""
        while self._behind is not None:
            self._catch_up(wait=True)

    def _catch_up(self, *, wait: bool) -> None:
        """Put on what came while a thread put something on; it may be left to one again."""
        behind, self._behind = self._behind, None
        assert behind is not None
        behind.work()
        self._emit(behind.rects)
        fault = behind.fault
        later = behind.items[1:]
        while later and fault is None:
            layer, item, colour = later.pop(0)
            try:
                if not wait and (more := self._leave(layer, item, colour)) is not None:
                    more.items += later
                    more.brush = behind.brush
                    return
                self._emit(self._put_here(layer, item, colour))
            except StrokesFault as caught:
                fault = caught
        if behind.brush is not None:
            self._hand = None
            self.begin(*behind.brush)
        if fault is not None:
            self.say(f"The strokes of this mask can't be drawn: {str(fault).rstrip('.')}.")
        self.state_changed.emit()

    def near(self, strokes: Strokes, sketch: Sketch) -> bool:
        """Whether `set` to these is little work, and needn't go to a thread."""
        self.finish()
        if self.mask.redraws(strokes) > SOON or self.sketch.redraws(sketch) > SOON:
            return False
        more = len(strokes) - len(self.mask.strokes), len(sketch) - len(self.sketch.sketch)
        return max(more) <= SOON

    def set(self, strokes: Strokes, sketch: Sketch) -> None:
        """Show these items, by as little work as that takes; a stroke in hand is given up.

        Raises:
            StrokesFault: an imported mask is missing, say; the items before it are shown.
        """
        self.finish()
        self.abandon()
        rects: list[Rect] = []
        try:
            rects += self.mask.set(strokes)
            rects += self.sketch.set(sketch)
        except StrokesFault:
            # It isn't known what was drawn before that one.
            rects = [Rect(0, 0, self.width, self.height)]
            raise
        finally:
            self._emit(rects)


def _json(layer: Layer, item: Item, colour: Colour | None) -> dict[str, Any]:
    return item.json() if layer == "mask" else Stroke(item, colour).json()


def label_of(item: Item) -> str:
    """What adding an item is called in the undo menu."""
    adds, erases = _LABELS[item.kind]
    return erases if item.erase else adds
