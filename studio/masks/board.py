"""A mask that items are put on, one after the other."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from studio.masks import outline
from studio.masks.brush import paint, scaled
from studio.masks.items import (
    UNIT,
    Box,
    Brush,
    Bucket,
    Ellipse,
    Fill,
    Invert,
    Item,
    Polygon,
    Raster,
    StrokesFault,
)
from studio.masks.pixels import MAX_SIDE, Rect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Check = Callable[[], None]


class Board:
    """A mask and what items are drawn with."""

    def __init__(
        self, width: int, height: int, picture: Plane | None, rasters: Mapping[str, Plane]
    ) -> None:
        if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
            raise StrokesFault(
                f"a mask of {width} x {height} pixels can't be made; sides are 1 to {MAX_SIDE:,}"
            )
        if picture is not None and (
            picture.shape != (height, width, 3) or picture.dtype != np.uint8
        ):
            raise StrokesFault(
                f"the picture must be uint8 [{height}, {width}, 3], "
                f"not {picture.dtype} {list(picture.shape)}"
            )
        self.mask: Plane = np.zeros((height, width), np.uint8)
        self.picture = picture
        self.rasters = rasters

    def put(
        self,
        item: Item,
        since: int = 0,
        check: Check | None = None,
        before: Callable[[Rect], None] | None = None,
    ) -> list[Rect]:
        """Put an item on the mask; `before` is called with what is about to change."""
        if isinstance(item, Brush):
            return paint(self.mask, item, since, check, before)
        rect, cover = self._cover(item, check)
        if not rect.width or not rect.height:
            return []
        if before:
            before(rect)
        region = self.mask[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
        if isinstance(item, Invert):
            np.subtract(255, region, out=region)
            return [rect]
        assert cover is not None
        if item.opacity != 100:
            cover = _scaling(item.opacity)[cover]
        if item.erase:
            np.minimum(region, 255 - cover, out=region)
        else:
            np.maximum(region, cover, out=region)
        return [rect]

    def _cover(self, item: Item, check: Check | None) -> tuple[Rect, Plane | None]:
        height, width = self.mask.shape
        whole = Rect(0, 0, width, height)
        scale = max(width, height) / UNIT
        if isinstance(item, Polygon):
            x, y = item.points.T * scale
            return outline.polygon(x, y, width, height, check)
        if isinstance(item, Box):
            shape = outline.ellipse if isinstance(item, Ellipse) else outline.rectangle
            x0, y0, x1, y1 = (value * scale for value in item.box)
            return shape(x0, y0, x1, y1, width, height)
        if isinstance(item, Bucket):
            return whole, self._alike(item, scale)
        if isinstance(item, Raster):
            return whole, self._imported(item, width, height)
        if isinstance(item, Fill):
            return whole, np.full((1, 1), 255, np.uint8)
        assert isinstance(item, Invert)
        return whole, None

    def _alike(self, item: Bucket, scale: float) -> Plane:
        """255 where the picture's colour is like the one at the bucket's point."""
        if self.picture is None:
            raise StrokesFault("a bucket fills by the picture's colours, and there is no picture")
        height, width = self.mask.shape
        x, y = int(np.floor(item.x * scale)), int(np.floor(item.y * scale))
        if not (0 <= x < width and 0 <= y < height):
            return np.zeros((1, 1), np.uint8)
        from studio.masks.shape import like_colour

        red, green, blue = self.picture[y, x].tolist()
        like = like_colour(self.picture, (red, green, blue), item.tolerance)
        if not item.everywhere:
            from scipy.ndimage import label

            labels, _ = label(like)
            like = labels == labels[y, x]
        return np.where(like, np.uint8(255), np.uint8(0))

    def _imported(self, item: Raster, width: int, height: int) -> Plane:
        from studio.masks.imported import decode, fitted

        found = decode(item.data) if item.data is not None else self.rasters.get(item.hash)
        if found is None:
            raise StrokesFault(f"the imported mask {item.hash[:12]} is missing")
        return fitted(found, width, height)


@lru_cache(maxsize=128)
def _scaling(opacity: int) -> Plane:
    return scaled(np.arange(256), opacity).astype(np.uint8)
