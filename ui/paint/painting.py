"""One picture under the brush: its mask, its sketch, and the stroke in hand. No view, no document.

Everything here is quick but `prepare`, which draws what is painted from nothing: large pictures
and many strokes are prepared in a thread (`ui.paint.binding` does) and then taken over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Signal

from studio.masks.canvas import Canvas
from studio.masks.items import MAX_RADIUS, UNIT, Strokes, StrokesFault
from studio.masks.pixels import Rect, to_units
from studio.masks.raster import rasterise
from studio.masks.sketch import Sketch, Stroke, draw
from studio.masks.sketch_canvas import SketchCanvas
from ui.paint.mips import PictureLevels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from studio.masks.items import Brush, Item

    Plane = NDArray[np.uint8]
    Colour = tuple[int, int, int]

Layer = Literal["mask", "sketch"]

SOON = 8
"""So many new items are put on at once; more are drawn in a thread."""
TAIL = 12
"""So many of the last items of what was drawn in a thread can be taken off at once."""

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


@dataclass
class Prepared:
    """A picture and what is painted on it, drawn.

    Args:
        picture: uint8 [H, W, 3]; None where only the size is known.
        mask: with all its strokes on it.
        sketch: the same.
        rasters: imported masks by hash; the mask reads them, and more may be put in.
        levels: the picture in smaller and smaller, for a view that is zoomed out.
    """

    picture: Plane | None
    mask: Canvas
    sketch: SketchCanvas
    rasters: dict[str, Plane]
    levels: PictureLevels | None = None


def prepare(
    width: int,
    height: int,
    picture: Plane | None,
    strokes: Strokes,
    sketch: Sketch,
    rasters: Mapping[str, Plane] | None = None,
    check: Callable[[], None] | None = None,
    levels: PictureLevels | None = None,
) -> Prepared:
    """Draw what is painted; for threads. Nothing of the result is used anywhere else yet.

    Args:
        width, height: of the picture, pixels.
        picture: uint8 [H, W, 3] of that size; buckets need it.
        strokes, sketch: what is painted.
        rasters: uint8 [h, w] of any size by hash.
        check: called now and then; may raise to stop.
        levels: of the picture, where they are made already.

    Raises:
        StrokesFault: an imported mask is missing, or a bucket has no picture.
    """
    known = dict(rasters or {})
    mask = Canvas(width, height, picture, known)
    # The last few are put on one by one, so that they can be taken off again at once.
    if len(first := Strokes(strokes.items[:-TAIL])):
        mask.load(first, rasterise(first, width, height, picture, known, check))
    mask.set(strokes)
    layer = SketchCanvas(width, height, picture)
    if len(before := Sketch(sketch.items[:-TAIL])):
        layer.load(before, draw(before, width, height, picture, check))
    layer.set(sketch)
    if levels is None and picture is not None:
        levels = PictureLevels.build(picture)
    return Prepared(picture, mask, layer, known, levels)


class Painting(QObject):
    """What is painted on one picture.

    `begin`, `extend` and `end` draw a stroke point by point, `add` all else at once; both are told
    by `changed` as pixels and by `committed` as an item for the document. While `ready` is False
    there is nothing to paint on: strokes are refused without a word, `words` say why; where `words`
    are empty, what was shown may stay.

    Args:
        parent: Qt's.
    """

    changed = Signal(object)
    """list[Rect] in picture pixels: the mask or the sketch is another there."""
    replaced = Signal()
    """Picture, size, mask and sketch are others: draw everything anew."""
    committed = Signal(str, object, str)
    """Layer "mask" or "sketch", list[dict]: the JSON of new items that are on the canvas already
    (one step of undo), and what to call it."""
    state_changed = Signal()
    """`ready` or `words`."""
    shape_changed = Signal()
    """`grow`, `feather` or `invert`."""
    message = Signal(str)
    """Why something can't be painted, in words for a person."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.ready = False
        self.words = ""
        self.picture: Plane | None = None
        self.levels: PictureLevels | None = None
        """The picture in smaller and smaller."""
        self.mask = Canvas(1, 1)
        self.sketch = SketchCanvas(1, 1)
        self.rasters: dict[str, Plane] = {}
        """Imported masks by hash; the mask looks them up here when it draws them."""
        self.grow, self.feather, self.invert = 0.0, 0.0, False
        self._hand: Layer | None = None
        self._told = False

    # What there is

    @property
    def width(self) -> int:
        """Of the picture, pixels; 1 before there is one."""
        return self.mask.width

    @property
    def height(self) -> int:
        """Of the picture, pixels; 1 before there is one."""
        return self.mask.height

    @property
    def painting(self) -> bool:
        """A stroke is in hand."""
        return self._hand is not None

    @property
    def strokes(self) -> Strokes:
        """What is on the mask, the stroke in hand included."""
        return self.mask.strokes

    def to_units(self, x: float, y: float) -> tuple[int, int]:
        """A place from picture pixels to the units of strokes, whole numbers."""
        return to_units(x, y, self.width, self.height)

    def radius_units(self, pixels: float) -> int:
        """A radius from picture pixels to units, 1 to `MAX_RADIUS`."""
        units = round(pixels * UNIT / max(self.width, self.height))
        return min(max(units, 1), MAX_RADIUS)

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

    def take(self, found: Prepared) -> None:
        """Show what was prepared in a thread; a stroke in hand is given up."""
        self._hand = None
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
            self.abandon()
        if (ready, words) != (self.ready, self.words):
            self.ready, self.words = ready, words
            self.state_changed.emit()

    def set_shape(self, grow: float, feather: float, invert: bool) -> None:
        """What the node makes of the mask: larger by so many pixels, faded, turned around."""
        if (grow, feather, invert) != (self.grow, self.feather, self.invert):
            self.grow, self.feather, self.invert = grow, feather, invert
            self.shape_changed.emit()

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
        try:
            if layer == "mask":
                rects = self.mask.begin(brush)
            else:
                brush = brush if colour else replace(brush, erase=True)
                rects = self.sketch.begin(brush, colour)
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
        made: list[dict[str, Any]]
        if layer == "mask":
            item: Item = self.mask.end()
            made = [item.json()]
        else:
            stroke = self.sketch.end()
            item, made = stroke.item, [stroke.json()]
        try:
            if fill is not None:
                colour = stroke.colour if layer == "sketch" else None
                made.append(self._put(layer, fill, colour))
        except StrokesFault as fault:
            self._tell(fault)
        self.committed.emit(layer, made, label or label_of(item))

    def abandon(self) -> None:
        """Give the stroke in hand up, as if it had never begun."""
        layer, self._hand = self._hand, None
        if layer:
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
        """Put an item on the canvas; its JSON."""
        if layer == "mask":
            self._emit(self.mask.add(item))
            return item.json()
        item = item if colour else replace(item, erase=True)
        self._emit(self.sketch.add(item, colour))
        return Stroke(item, colour).json()

    def near(self, strokes: Strokes, sketch: Sketch) -> bool:
        """Whether `set` to these is little work, and needn't go to a thread."""
        if self.mask.redraws(strokes) > SOON or self.sketch.redraws(sketch) > SOON:
            return False
        more = len(strokes) - len(self.mask.strokes), len(sketch) - len(self.sketch.sketch)
        return max(more) <= SOON

    def set(self, strokes: Strokes, sketch: Sketch) -> None:
        """Show these items, by as little work as that takes; a stroke in hand is given up.

        Raises:
            StrokesFault: an imported mask is missing, say; the items before it are shown.
        """
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

    def _emit(self, rects: list[Rect]) -> None:
        if rects:
            self.changed.emit(rects)

    def _tell(self, fault: StrokesFault) -> None:
        """Once a stroke; the hand goes on moving."""
        if not self._told:
            self._told = True
            text = str(fault)
            self.message.emit(f"{text[0].upper()}{text[1:].rstrip('.')}.")


def label_of(item: Item) -> str:
    """What adding an item is called in the undo menu."""
    adds, erases = _LABELS[item.kind]
    return erases if item.erase else adds
