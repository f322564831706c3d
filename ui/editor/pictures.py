"""Baked pictures: shadows, the dots of the canvas, rounded previews; and files' thumbnails.

Blurs and masks cost milliseconds, so they are drawn once and kept. Nothing here uses Qt's graphics
effects, which render every item twice.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPixmap

from ui.engine.pictures import PictureLoader
from ui.theme.metrics import RADIUS

if TYPE_CHECKING:
    from collections.abc import Callable

SHADOW = 14.0
"""How far a node's shadow reaches beyond it, in pixels at 100 %."""
_DROP = 3.0
"""It lies this much lower than the node."""
_LAYERS = 14
DOT_SPACING = 24.0
_CORNER = SHADOW + RADIUS + 8.0
_THUMBNAIL = 512


# Shadows


def draw_shadow(painter: QPainter, rect: QRectF, colour: QColor, scale: float) -> None:
    """The soft shadow of a node, around `rect`; what the node covers is left out.

    Args:
        painter: in the node's coordinates.
        rect: of the node.
        colour: the darkest part, see-through.
        scale: device pixels for a pixel of the node.
    """
    if rect.width() < 2 * _CORNER - 2 * SHADOW or rect.height() < RADIUS * 2:
        return
    baked = _shadow(colour.rgba(), math.ceil(scale * 2) / 2)
    ratio = baked.width() / (2 * _CORNER + 2)
    outer = rect.adjusted(-SHADOW, -SHADOW + _DROP, SHADOW, SHADOW + _DROP)
    corner = min(_CORNER, outer.height() / 2 - 0.5)
    across = (outer.left(), outer.left() + _CORNER, outer.right() - _CORNER, outer.right())
    down = (outer.top(), outer.top() + corner, outer.bottom() - corner, outer.bottom())
    size = baked.width() / ratio
    from_x = (0.0, _CORNER, size - _CORNER, size)
    from_y = (0.0, corner, size - corner, size)
    for column in range(3):
        for row in range(3):
            if row == column == 1:
                continue
            target = QRectF(
                QPointF(across[column], down[row]), QPointF(across[column + 1], down[row + 1])
            )
            source = QRectF(
                from_x[column] * ratio, from_y[row] * ratio,
                (from_x[column + 1] - from_x[column]) * ratio,
                (from_y[row + 1] - from_y[row]) * ratio,
            )  # fmt: skip
            painter.drawPixmap(target, baked, source)


@lru_cache(maxsize=12)
def _shadow(rgba: int, ratio: float) -> QPixmap:
    """The nine patches: a small rounded box with its shadow."""
    side = math.ceil((2 * _CORNER + 2) * ratio)
    baked = QPixmap(side, side)
    baked.fill(Qt.GlobalColor.transparent)
    painter = QPainter(baked)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(side / (2 * _CORNER + 2), side / (2 * _CORNER + 2))
    painter.setPen(Qt.PenStyle.NoPen)
    colour = QColor.fromRgba(rgba)
    box = QRectF(SHADOW, SHADOW, 2 * _CORNER + 2 - 2 * SHADOW, 2 * _CORNER + 2 - 2 * SHADOW)
    # Boxes on boxes: their steps add up to a slope that is steep at the node and fades out.
    total = sum(number * number for number in range(1, _LAYERS + 1))
    for layer in range(_LAYERS):
        reach = SHADOW * (1 - layer / _LAYERS)
        share = QColor(colour)
        share.setAlphaF(0.8 * colour.alphaF() * (layer + 1) ** 2 / total)
        painter.setBrush(share)
        radius = RADIUS + reach
        painter.drawRoundedRect(box.adjusted(-reach, -reach, reach, reach), radius, radius)
    painter.end()
    return baked


# The canvas


def draw_dots(
    painter: QPainter, area: QRectF, origin: QPointF, zoom: float, colour: QColor
) -> None:
    """The grid of dots, in viewport pixels.

    Args:
        painter: in viewport coordinates.
        area: to be covered.
        origin: where the scene's (0, 0) is.
        zoom: of the view; dots never come closer than 14 pixels to each other.
        colour: of the dots.
    """
    count, side = _tile(zoom)
    tile = _dots(count, side, colour.rgba(), painter.device().devicePixelRatioF())
    offset = QPointF(
        (area.left() - round(origin.x())) % side, (area.top() - round(origin.y())) % side
    )
    painter.drawTiledPixmap(area, tile, offset)


@lru_cache(maxsize=64)
def _tile(zoom: float) -> tuple[int, int]:
    """How many dots in a row make a tile, and its side in pixels."""
    spacing = DOT_SPACING * zoom
    while spacing < 14:
        spacing *= 2
    # Texture must repeat after whole pixels: take the number of dots that comes nearest to it.
    count = min(range(1, 17), key=lambda n: abs(round(n * spacing) - n * spacing) + n * 1e-3)
    return count, round(count * spacing)


@lru_cache(maxsize=4)
def _dots(count: int, side: int, rgba: int, ratio: float) -> QPixmap:
    tile = QPixmap(QSize(side, side) * ratio)
    tile.setDevicePixelRatio(ratio)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor.fromRgba(rgba))
    step = side / count
    # A dot at the corner of the tile is in four tiles, a quarter each.
    for column in range(count + 1):
        for row in range(count + 1):
            painter.drawEllipse(QPointF(round(column * step), round(row * step)), 1.1, 1.1)
    painter.end()
    return tile


# Pictures in nodes


def rounded(image: QImage, size: QSize, radius: float) -> QPixmap:
    """A picture filling `size`, cropped to its middle, with round corners.

    Args:
        image: the picture.
        size: in device pixels.
        radius: of the corners, in device pixels.
    """
    made = QPixmap(size)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    path = QPainterPath()
    area = QRectF(QPointF(0, 0), size.toSizeF())
    path.addRoundedRect(area, radius, radius)
    grow = max(area.width() / image.width(), area.height() / image.height())
    scaled = image.scaled(
        math.ceil(image.width() * grow), math.ceil(image.height() * grow),
        Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation,
    )  # fmt: skip
    brush = QBrush(scaled)
    shift = QPoint((size.width() - scaled.width()) // 2, (size.height() - scaled.height()) // 2)
    painter.setBrushOrigin(shift)
    painter.fillPath(path, brush)
    painter.end()
    return made


class PreviewCache:
    """Pictures of nodes as they are painted, the last ones used."""

    def __init__(self, limit: int = 48) -> None:
        self._limit = limit
        self._made: OrderedDict[tuple[str, int, int, int], QPixmap] = OrderedDict()

    def get(
        self, name: str, image: QImage, size: QSize, radius: float, *, any_size: bool = False
    ) -> QPixmap:
        """See `rounded`; drawn once for each picture and size.

        Args:
            any_size: one of another size will do, where there is one.
        """
        key = (name, image.cacheKey(), size.width(), size.height())
        found = self._made.get(key)
        if found is None and any_size:
            found = next((p for k, p in self._made.items() if k[:2] == key[:2]), None)
            if found is not None:
                return found
        if found is None:
            # An old picture of the node is of no use any more.
            for old in [k for k in self._made if k[0] == name and k[1] != key[1]]:
                del self._made[old]
            found = self._made[key] = rounded(image, size, radius)
            while len(self._made) > self._limit:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(key)
        return found


class Thumbnails(QObject):
    """The pictures that nodes read ("LoadImage"), small, loaded off the GUI thread.

    Args:
        folders: gives the folders that a relative path is looked up in, in order.
        parent: Qt's.
    """

    loaded = Signal(str)
    """A path, as it was asked for, whose picture is there now."""

    def __init__(
        self, folders: Callable[[], tuple[Path, ...]], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._images: dict[str, QImage] = {}
        self._places: dict[str, list[Path]] = {}
        self._loader = PictureLoader(self)
        self._loader.loaded.connect(self._on_loaded)

    def get(self, text: str) -> QImage | None:
        """The picture at a path; None while it loads, or where there is none."""
        if not text or len(text) > 4096 or "\0" in text:
            return None
        if text not in self._places:
            # As a run finds it (`Environment.input_path`); what is there is for the thread to see.
            path = Path(os.path.expanduser(text))
            absolute = path.is_absolute()
            self._places[text] = [path] if absolute else [f / path for f in self._folders()]
            self._try_next(text)
        return self._images.get(text)

    def forget(self) -> None:
        """Read all again when they are next asked for: the graph has moved to another folder."""
        self._places.clear()

    def _try_next(self, text: str) -> None:
        if places := self._places.get(text):
            self._loader.load(text, places.pop(0), _THUMBNAIL)

    def _on_loaded(self, text: str, image: QImage) -> None:
        if image.isNull():
            self._try_next(text)
        else:
            self._images[text] = image
            self.loaded.emit(text)
