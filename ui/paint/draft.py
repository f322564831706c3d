"""A mask drawn roughly and soon, to be looked at while the exact one is on its way.

Qt draws it, at a part of the picture's size: where the strokes are and how they fade can be seen,
but not a single pixel of it may be painted on or saved. Buckets are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from studio.masks.capsules import LEAST_PRESSURE
from studio.masks.imported import decode
from studio.masks.items import (
    OPACITY,
    SIZE,
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
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from studio.masks.items import Strokes
    from studio.masks.sketch import Sketch
    from ui.paint.mips import PictureLevels

    Plane = NDArray[np.uint8]
    Colour = tuple[int, int, int]
    Check = Callable[[], None] | None

SIDE = 1024
"""Pixels along the longer side of a draft, at most; it is blown up to the picture's size."""

SLOW = 0.15
"""Seconds that drawing exactly takes from which on a draft is of use."""

_STEPS = 4
"""Shades of a stroke that fades; about every other pixel where it fades within fewer."""
_STRETCH = 6
"""Points of a stroke that get one width and shade where these go by pressure."""
_THIN = 4
"""Of so many points of a stroke one is drawn to at least."""

_OVER = QPainter.CompositionMode.CompositionMode_SourceOver
_MORE = QPainter.CompositionMode.CompositionMode_Lighten
_LESS = QPainter.CompositionMode.CompositionMode_Darken
_CUT = QPainter.CompositionMode.CompositionMode_DestinationOut


@dataclass(frozen=True)
class Draft:
    """A picture with roughly what is painted on it, to be looked at only.

    Args:
        picture: uint8 [H, W, 3].
        levels: the same, smaller and smaller.
        mask: uint8 [H, W], read-only.
        layer: of the sketch, uint8 [H, W, 4], colours times alpha; None where nothing is sketched.
    """

    picture: Plane
    levels: PictureLevels | None
    mask: Plane
    layer: Plane | None


def expected(strokes: Strokes, sketch: Sketch, width: int, height: int) -> float:
    """Seconds that drawing exactly takes, very roughly."""
    items = [*strokes, *(stroke.item for stroke in sketch)]
    return sum(_seconds(item, width, height) for item in items)


def _seconds(item: Item, width: int, height: int) -> float:
    whole = width * height
    if isinstance(item, Brush):
        count = len(item.points)
        across = 2 * item.radius * max(width, height) / UNIT
        return 5e-4 + 2e-5 * count + 1e-9 * count * min(across * across, whole)
    if isinstance(item, Bucket):
        return 2e-8 * whole
    if isinstance(item, Fill | Invert):
        return 1e-9 * whole
    return 1e-3 + 5e-9 * whole


def draft_mask(
    strokes: Strokes, width: int, height: int, rasters: Mapping[str, Plane], check: Check = None
) -> Plane:
    """About the mask that strokes make on a picture of this size, uint8 [height, width].

    Args:
        strokes: what was painted.
        width, height: of the picture, pixels.
        rasters: imported masks by hash; what isn't there is left out.
        check: called now and then; may raise to stop.
    """
    factor = math.ceil(max(width, height) / SIDE)
    columns, rows = -(-width // factor), -(-height // factor)
    plane = np.zeros((rows, columns), np.uint8)
    image = QImage(plane.data, columns, rows, columns, QImage.Format.Format_Grayscale8)
    # Of the longer side; the smaller picture may end a little beyond the larger one.
    scale = max(width, height) / factor / UNIT
    painter = QPainter(image)
    for item in strokes:
        if check:
            check()
        if isinstance(item, Invert):
            np.subtract(255, plane, out=plane)
        elif isinstance(item, Raster):
            _lay(plane, item, rasters)
        else:
            for share, shape in _shades(item, scale):
                value = round(255 * share)
                painter.setCompositionMode(_LESS if item.erase else _MORE)
                grey = 255 - value if item.erase else value
                _put(painter, shape, QColor(grey, grey, grey))
    painter.end()
    return _blown_up(plane, factor, width, height)


def draft_layer(sketch: Sketch, width: int, height: int, check: Check = None) -> Plane | None:
    """About the layer of a sketch, uint8 [height, width, 4]; None of an empty one."""
    if not len(sketch):
        return None
    factor = math.ceil(max(width, height) / SIDE)
    columns, rows = -(-width // factor), -(-height // factor)
    pixels = np.zeros((rows, columns), np.uint32)
    image = QImage(
        pixels.view(np.uint8).data, columns, rows, 4 * columns,
        QImage.Format.Format_RGBA8888_Premultiplied,
    )  # fmt: skip
    scale = max(width, height) / factor / UNIT
    painter = QPainter(image)
    for stroke in sketch:
        if check:
            check()
        painter.setCompositionMode(_CUT if stroke.colour is None else _OVER)
        before = 0.0
        for share, shape in _shades(stroke.item, scale):
            if share <= before:
                before = 0.0  # the next stretch of a stroke
            # What is there already and this much over it come to `share`.
            more = (share - before) / (1 - before)
            before = share if share < 1 else 0.0
            _put(painter, shape, QColor(*(stroke.colour or (0, 0, 0)), round(255 * more)))
    painter.end()
    found = _blown_up(pixels, factor, width, height)
    return found.view(np.uint8).reshape(height, width, 4)


@dataclass(frozen=True)
class _Line:
    points: QPolygonF
    wide: float


_Shape = _Line | QPainterPath | None


def _shades(item: Item, scale: float) -> Iterator[tuple[float, _Shape]]:
    """What an item covers and by which share, fainter and wider shapes first.

    A shape is a line, an outline that is filled, or None for everything.
    """
    opacity = item.opacity / 100
    if isinstance(item, Fill):
        yield opacity, None
    elif isinstance(item, Brush):
        for share, line in _lines(item, scale):
            yield opacity * share, line
    elif isinstance(item, Polygon):
        path = QPainterPath()
        path.addPolygon(_polygon(item.points * scale))
        path.closeSubpath()
        yield opacity, path
    elif isinstance(item, Box):
        x0, y0, x1, y1 = (value * scale for value in item.box)
        path = QPainterPath()
        add = path.addEllipse if isinstance(item, Ellipse) else path.addRect
        add(QRectF(x0, y0, x1 - x0, y1 - y0))
        yield opacity, path


def _lines(brush: Brush, scale: float) -> Iterator[tuple[float, _Line]]:
    points = brush.points[:, :2] * scale
    radius = brush.radius * scale
    if not brush.pressure:
        points = _thinned(points, radius / 2)
        for share, wide in _rings(radius, brush.hardness / 100):
            yield share, _Line(_polygon(points), wide)
        return
    press = np.maximum(brush.points[:, 2] / 255, LEAST_PRESSURE)
    for start in range(0, max(len(points) - 1, 1), _STRETCH):
        part = slice(start, start + _STRETCH + 1)
        mean = float(press[part].mean())
        thick = radius * mean if brush.pressure & SIZE else radius
        force = mean if brush.pressure & OPACITY else 1.0
        for share, wide in _rings(thick, brush.hardness / 100):
            yield force * share, _Line(_polygon(points[part]), wide)


def _thinned(points: NDArray[Any], apart: float) -> NDArray[Any]:
    """Fewer points, where they lie closer to each other than `apart`."""
    count = len(points)
    if count < 2 * _THIN:
        return points
    mean = float(np.abs(np.diff(points, axis=0)).sum()) / count
    stride = min(int(apart / mean), _THIN) if mean else _THIN
    return points if stride < 2 else np.concatenate([points[:-1:stride], points[-1:]])


def _rings(radius: float, hardness: float) -> Iterator[tuple[float, float]]:
    """The shades of a brush, outer ones first: how much each covers, how wide its line is."""
    radius = max(radius, 0.5)
    wide = max(radius * (1 - hardness), 0.5)
    far = radius * (1 + hardness) / 2 + wide / 2
    count = min(max(round(wide / 2), 1), _STEPS)
    for number in range(1, count + 1):
        cover = (number - 0.5) / count
        # Where the slope 3 t² - 2 t³ is so high.
        slope = 0.5 - math.sin(math.asin(1 - 2 * cover) / 3)
        yield number / count, 2 * (far - wide * slope)


def _put(painter: QPainter, shape: _Shape, colour: QColor) -> None:
    if shape is None:
        painter.fillRect(painter.window(), colour)
    elif isinstance(shape, _Line):
        pen = QPen(colour, shape.wide)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        if shape.points.size() == 1:
            painter.drawPoint(shape.points.at(0))
        else:
            painter.drawPolyline(shape.points)
    else:
        painter.fillPath(shape, QBrush(colour))


def _polygon(points: NDArray[Any]) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in points.tolist()])


def _lay(plane: Plane, item: Raster, rasters: Mapping[str, Plane]) -> None:
    """An imported mask, stretched over all of it."""
    found = decode(item.data) if item.data is not None else rasters.get(item.hash)
    if found is None:
        return
    height, width = plane.shape
    rows = np.arange(height) * found.shape[0] // height
    columns = np.arange(width) * found.shape[1] // width
    cover = found.take(rows, axis=0).take(columns, axis=1)
    if item.opacity != 100:
        cover = (cover * np.float32(item.opacity / 100)).astype(np.uint8)
    if item.erase:
        np.minimum(plane, 255 - cover, out=plane)
    else:
        np.maximum(plane, cover, out=plane)


def _blown_up(plane: NDArray[Any], factor: int, width: int, height: int) -> NDArray[Any]:
    """Each pixel a square of pixels, read-only."""
    if factor > 1:
        plane = plane.repeat(factor, axis=1)[:, :width].repeat(factor, axis=0)[:height]
    found = np.ascontiguousarray(plane)
    found.flags.writeable = False
    return found
