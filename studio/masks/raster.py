"""From strokes to pixels: the one rasteriser, whole for the engine and live for the canvas.

A mask is uint8 [H, W], 255 = repaint. Items are put on it in order: one that adds takes the larger
of mask and coverage, one that erases the smaller of mask and 255 - coverage; nothing builds up.
So putting a stroke on bit by bit gives the mask that putting it on at once does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.masks.board import Board
from studio.masks.canvas import Canvas
from studio.masks.items import StrokesFault
from studio.masks.pixels import MAX_SIDE, Rect, to_pixels, to_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from studio.masks.board import Check
    from studio.masks.items import Strokes

    Plane = NDArray[np.uint8]

__all__ = ["MAX_SIDE", "Canvas", "Rect", "rasterise", "to_pixels", "to_units"]


def rasterise(
    strokes: Strokes,
    width: int,
    height: int,
    picture: Plane | None = None,
    rasters: Mapping[str, Plane] | None = None,
    check: Check | None = None,
) -> Plane:
    """The mask that strokes make on a picture of this size.

    Args:
        strokes: what was painted.
        width, height: pixels, 1 to `MAX_SIDE`.
        picture: uint8 [H, W, 3] RGB of this size; buckets need it.
        rasters: uint8 [h, w] of any size by hash, for imported masks that aren't embedded.
        check: called now and then; may raise to stop.

    Returns:
        uint8 [height, width].

    Raises:
        StrokesFault: the picture or an imported mask is missing or of another size.
    """
    board = Board(width, height, picture, rasters or {})
    for number, item in enumerate(strokes, 1):
        if check:
            check()
        try:
            board.put(item, check=check)
        except StrokesFault as fault:
            raise StrokesFault(f"item {number}: {fault}") from None
    return board.mask
