"""What a `Painting` holds: the canvases, the picture, what is to be seen of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from studio.errors import sentence
from studio.masks.canvas import Canvas
from studio.masks.items import MAX_RADIUS, UNIT, Strokes, StrokesFault
from studio.masks.pixels import Rect, to_units
from studio.masks.sketch_canvas import SketchCanvas

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from studio.masks.items import Item
    from ui.jobs import Jobs
    from ui.paint.behind import Behind, Layer
    from ui.paint.draft import Draft
    from ui.paint.mips import PictureLevels

    Plane = NDArray[np.uint8]
    Colour = tuple[int, int, int]


class Canvases(QObject):
    """Mask and sketch of one picture, and how things stand with them.

    Args:
        parent: Qt's.
        jobs: puts buckets on large pictures; None: they are put on here and now.
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

    def __init__(self, parent: QObject | None = None, jobs: Jobs | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._behind: Behind | None = None
        self.draft: Draft | None = None
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
        """What is on the mask, or will be at once, the stroke in hand included."""
        behind = self._behind
        if behind is None:
            return self.mask.strokes
        more = [item for layer, item, _ in behind.items if layer == "mask"]
        if behind.brush is not None and behind.brush[0] == "mask":
            more.append(behind.brush[1])
        return Strokes((*behind.strokes, *more))

    @property
    def awaited(self) -> bool:
        """A picture is seen, and what belongs on it is still being drawn."""
        drawn = not self.ready and not self.words and self.picture is not None
        return drawn or self._behind is not None

    @property
    def seen_mask(self) -> Plane:
        """The mask to be shown, uint8 [H, W]: perhaps a draft."""
        return self.mask.mask if self.draft is None else self.draft.mask

    @property
    def seen_layer(self) -> Plane | None:
        """The sketch to be shown, uint8 [H, W, 4]; None where there is none."""
        return self.sketch.layer if self.draft is None else self.draft.layer

    def newest(self, layer: Layer, count: int) -> list[tuple[Item, Colour | None]]:
        """The last items that were put on a layer, with their colours."""
        if self._behind is not None:
            return self._behind.newest(layer, count)
        if layer == "mask":
            return [(item, None) for item in self.mask.strokes.items[-count:]]
        return [(stroke.item, stroke.colour) for stroke in self.sketch.sketch.items[-count:]]

    def to_units(self, x: float, y: float) -> tuple[int, int]:
        """A place from picture pixels to the units of strokes, whole numbers."""
        return to_units(x, y, self.width, self.height)

    def radius_units(self, pixels: float) -> int:
        """A radius from picture pixels to units, 1 to `MAX_RADIUS`."""
        units = round(pixels * UNIT / max(self.width, self.height))
        return min(max(units, 1), MAX_RADIUS)

    def set_shape(self, grow: float, feather: float, invert: bool) -> None:
        """What the node makes of the mask: larger by so many pixels, faded, turned around."""
        if (grow, feather, invert) != (self.grow, self.feather, self.invert):
            self.grow, self.feather, self.invert = grow, feather, invert
            self.shape_changed.emit()

    def _emit(self, rects: list[Rect]) -> None:
        if rects:
            self.changed.emit(rects)

    def _tell(self, fault: StrokesFault) -> None:
        """Once a stroke; the hand goes on moving."""
        if not self._told:
            self._told = True
            self.message.emit(sentence(fault))
