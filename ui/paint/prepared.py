"""A picture and what is painted on it, drawn from nothing; for threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.masks.canvas import Canvas
from studio.masks.items import Strokes
from studio.masks.raster import rasterise
from studio.masks.sketch import Sketch, draw
from studio.masks.sketch_canvas import SketchCanvas
from ui.paint.mips import PictureLevels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

TAIL = 12
"""So many of the last items of what was drawn in a thread can be taken off at once."""


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


@dataclass(frozen=True)
class Ground:
    """All but the last `TAIL` items, drawn: what takes long.

    Args:
        mask: uint8 [H, W]; None where there are no such items.
        layer: of the sketch, uint8 [H, W, 4], likewise.
    """

    mask: Plane | None
    layer: Plane | None


def lay(
    width: int,
    height: int,
    picture: Plane | None,
    strokes: Strokes,
    sketch: Sketch,
    rasters: Mapping[str, Plane],
    check: Callable[[], None] | None = None,
) -> Ground:
    """Draw what `prepare` goes on from; arguments and errors are its."""
    # The last few are put on one by one, so that they can be taken off again at once.
    mask = layer = None
    if len(first := Strokes(strokes.items[:-TAIL])):
        mask = rasterise(first, width, height, picture, rasters, check)
    if len(before := Sketch(sketch.items[:-TAIL])):
        layer = draw(before, width, height, picture, check)
    return Ground(mask, layer)


def prepare(
    width: int,
    height: int,
    picture: Plane | None,
    strokes: Strokes,
    sketch: Sketch,
    rasters: Mapping[str, Plane] | None = None,
    check: Callable[[], None] | None = None,
    levels: PictureLevels | None = None,
    ground: Ground | None = None,
) -> Prepared:
    """Draw what is painted; for threads. Nothing of the result is used anywhere else yet.

    Args:
        width, height: of the picture, pixels.
        picture: uint8 [H, W, 3] of that size; buckets need it.
        strokes, sketch: what is painted.
        rasters: uint8 [h, w] of any size by hash.
        check: called now and then; may raise to stop.
        levels: of the picture, where they are made already.
        ground: what `lay` made of the same, where it did already.

    Raises:
        StrokesFault: an imported mask is missing, or a bucket has no picture.
    """
    known = dict(rasters or {})
    if ground is None:
        ground = lay(width, height, picture, strokes, sketch, known, check)
    mask = Canvas(width, height, picture, known)
    if ground.mask is not None:
        mask.load(Strokes(strokes.items[:-TAIL]), ground.mask)
    mask.set(strokes)
    layer = SketchCanvas(width, height, picture)
    if ground.layer is not None:
        layer.load(Sketch(sketch.items[:-TAIL]), ground.layer)
    layer.set(sketch)
    if levels is None and picture is not None:
        levels = PictureLevels.build(picture)
    return Prepared(picture, mask, layer, known, levels)
