"""The canvas as it is on the screen, kept in the screen's own pixels; only what changed is redone.

Every pixel depends on its place on the picture and on the zoom alone, not on the rectangle that it
was redone in: parts fit together without seams. Pixels are found by index where they are squares
or lie one to one; in between Qt scales tiles that are fixed to the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor, QImage, QPainter, QRegion

from ui.paint import contour, guides
from ui.paint.decor import checks
from ui.paint.layers import Mixer, Scene
from ui.paint.mips import wrapped
from ui.paint.rects import rects_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ui.paint.effect import Effect
    from ui.paint.mips import Box

NEAREST_ABOVE = 2.0
"""Zoom over which pixels are shown as squares."""

_TILE = 256
_MOST = 48
"""Rectangles that are redone one by one; more of them as one."""

_ALIKE = 1e-6


@dataclass(frozen=True)
class Look:
    """What is to be seen.

    Args:
        scene: the canvas; None shows the ground alone.
        before: another scene, left of the divider.
        split: where the divider stands, 0 to 1 across `scene`.
        line: around the mask; None for none.
        effect: what the node makes of the mask; None where that is the mask itself.
        effect_line: around it.
        ground: what is around the picture.
        dark: which checks are behind what is transparent.
        ratio: screen pixels for a view pixel.
        guides: lines at multiples of 8 where the zoom allows.
        beside: one more scene, which doesn't overlap `scene`.
    """

    scene: Scene | None
    before: Scene | None = None
    split: float = 0.5
    line: contour.Line | None = None
    effect: Effect | None = None
    effect_line: contour.Line | None = None
    ground: QColor | None = None
    dark: bool = True
    ratio: float = 1.0
    guides: bool = False
    beside: Scene | None = None


class Store:
    """The picture of the view. All rectangles are in screen pixels of the view."""

    def __init__(self) -> None:
        self._pixels = np.zeros((1, 1), np.uint32)
        self.image = wrapped(self._pixels, (0, 0, 1, 1), QImage.Format.Format_RGB32)
        self._x, self._y, self._zoom = 0, 0, 1.0
        self._look = Look(None)
        self._stale = QRegion()
        self._mixer = Mixer()
        self._tile = np.empty((_TILE, _TILE), np.uint32)

    @property
    def stale(self) -> QRegion:
        """What has to be redone, for the curious."""
        return QRegion(self._stale)

    def resize(self, width: int, height: int) -> None:
        """To the size of the view; all has to be redone, if it is another."""
        if self._pixels.shape != (height, width):
            self._pixels = np.zeros((height, width), np.uint32)
            form = QImage.Format.Format_RGB32
            self.image = wrapped(self._pixels, (0, 0, width, height), form)
            self.touch_all()

    def place(self, x: int, y: int, zoom: float) -> None:
        """Where the picture's corner lies, and how many screen pixels one of its pixels takes.

        What is moved without being zoomed isn't redone, where it was seen before.
        """
        dx, dy = x - self._x, y - self._y
        same = zoom == self._zoom
        self._x, self._y, self._zoom = x, y, zoom
        if not same:
            self.touch_all()
        elif dx or dy:
            self._scroll(dx, dy)

    def show(self, look: Look) -> None:
        """Show something else: all has to be redone."""
        self._look = look
        self.touch_all()

    def touch(self, rect: QRect) -> None:
        """Something is another in this rectangle."""
        self._stale += rect & self.image.rect()

    def touch_all(self) -> None:
        self._stale = QRegion(self.image.rect())

    def spread(self, x: float, y: float, width: float, height: float) -> QRect:
        """The screen pixels that may change where these pixels of the picture do."""
        scene = self._look.scene
        # How far scaling mixes pixels; the line is smooth where all else is squares.
        block = 1 if self._look.line else 0
        if scene is not None and self._zoom <= NEAREST_ABOVE:
            block = 2 * 2 ** self._level(scene)
        left, top = x - block, y - block
        right, bottom = x + width + block, y + height + block
        reach = self._look.line.reach if self._look.line else 1
        rect = QRect(
            QPoint(
                self._x + math.floor(left * self._zoom) - reach,
                self._y + math.floor(top * self._zoom) - reach,
            ),
            QPoint(
                self._x + math.ceil(right * self._zoom) + reach - 1,
                self._y + math.ceil(bottom * self._zoom) + reach - 1,
            ),
        )
        return rect & self.image.rect()

    def rect_of(self, x: float, y: float, width: float, height: float) -> QRect:
        """Where a rectangle of the picture lies, its sides rounded."""
        return QRect(
            self._x + round(x * self._zoom),
            self._y + round(y * self._zoom),
            max(round(width * self._zoom), 1),
            max(round(height * self._zoom), 1),
        )

    def refresh(self) -> None:
        """Redo what has to be redone."""
        if self._stale.isEmpty():
            return
        stale, self._stale = self._stale, QRegion()
        rects = [stale.boundingRect()] if stale.rectCount() > _MOST else rects_of(stale)
        for rect in rects:
            self._redo(rect)

    # Inside

    def _redo(self, rect: QRect) -> None:
        look = self._look
        scene, before = look.scene, look.before
        if before is None:
            self._fill(scene, rect)
            if look.beside is not None:
                self._put(look.beside, rect & self._place_of(look.beside))
        else:
            assert scene is not None
            whole = self._place_of(scene)
            at = whole.x() + round(whole.width() * look.split)
            left, right = QRect(rect), QRect(rect)
            left.setRight(min(at - 1, rect.right()))
            right.setLeft(max(at, rect.left()))
            self._fill(before, left)
            self._fill(scene, right)
        if scene is None or scene.mask is None:
            return
        seen = rect & self._place_of(scene)
        if seen.isEmpty():
            return
        corner = (seen.x() - self._x, seen.y() - self._y)
        if look.guides and self._zoom >= guides.FROM * look.ratio:
            guides.draw(self._part(seen), corner, self._zoom, max(round(look.ratio), 1))
        if look.line:
            level = self._level(scene)
            pitch = 1 / (self._zoom * 2**level)
            field = contour.Field(scene.mask.level(level), pitch)
            contour.draw(self._part(seen), corner, field, look.line)
        if look.effect is not None and look.effect_line:
            pitch = 1 / (self._zoom * look.effect.side)
            field = contour.Field(look.effect.plane, pitch)
            contour.draw(self._part(seen), corner, field, look.effect_line)

    def _fill(self, scene: Scene | None, rect: QRect) -> None:
        """A scene, and the ground around it."""
        if rect.isEmpty():
            return
        seen = QRect() if scene is None else rect & self._place_of(scene)
        if seen != rect:
            self._part(rect)[:] = (self._look.ground or QColor(0, 0, 0)).rgb()
        if scene is not None:
            self._put(scene, seen)

    def _place_of(self, scene: Scene) -> QRect:
        return self.rect_of(scene.x, scene.y, scene.width, scene.height)

    def _part(self, rect: QRect) -> NDArray[np.uint32]:
        return self._pixels[rect.y() : rect.bottom() + 1, rect.x() : rect.right() + 1]

    def _level(self, scene: Scene) -> int:
        """The smallest level with a pixel at least for each of the screen's."""
        if self._zoom >= 1:
            return 0
        level = math.floor(math.log2(1 / self._zoom) + _ALIKE)
        return min(level, scene.levels - 1)

    def _put(self, scene: Scene, rect: QRect) -> None:
        if rect.isEmpty():
            return
        level = self._level(scene)
        scale = self._zoom * 2**level
        sides = (-(-scene.width // 2**level), -(-scene.height // 2**level))
        if scale > NEAREST_ABOVE or abs(scale - 1) < _ALIKE:
            self._put_squares(scene, rect, level, scale, sides)
        else:
            self._put_tiles(scene, rect, level, scale, sides)

    def _put_squares(
        self, scene: Scene, rect: QRect, level: int, scale: float, sides: tuple[int, int]
    ) -> None:
        """Each screen pixel is one pixel of the level: the one that its middle lies in."""
        corner = self._place_of(scene).topLeft()
        x = self._indices(rect.x() - corner.x(), rect.width(), scale, sides[0])
        y = self._indices(rect.y() - corner.y(), rect.height(), scale, sides[1])
        box = (int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1)
        block = self._mixer.mix(scene, level, box)
        part = self._part(rect)
        if block.shape == part.shape:
            found = block
        else:
            found = block.take(x - box[0], axis=1).take(y - box[1], axis=0)
        if scene.transparent:
            self._lay(np.ascontiguousarray(found), rect)
        else:
            part[:] = found

    def _indices(self, start: int, count: int, scale: float, most: int) -> NDArray[np.intp]:
        spots = np.floor((np.arange(start, start + count) + 0.5) / scale)
        found: NDArray[np.intp] = np.clip(spots, 0, most - 1).astype(np.intp)
        return found

    def _put_tiles(
        self, scene: Scene, rect: QRect, level: int, scale: float, sides: tuple[int, int]
    ) -> None:
        """Smoothly, tile by tile: Qt's steps from pixel to pixel begin at the same place then."""
        inner = rect.translated(-self._place_of(scene).topLeft())
        for row in range(inner.top() // _TILE, inner.bottom() // _TILE + 1):
            for column in range(inner.left() // _TILE, inner.right() // _TILE + 1):
                tile = QRect(column * _TILE, row * _TILE, _TILE, _TILE)
                self._put_tile(scene, tile, tile & inner, level, scale, sides)

    def _put_tile(
        self,
        scene: Scene,
        tile: QRect,
        part: QRect,
        level: int,
        scale: float,
        sides: tuple[int, int],
    ) -> None:
        box = _around(tile, scale, sides)
        rows = _around(part, scale, sides)
        block = self._mixer.mix(scene, level, box, (rows[1] - box[1], rows[3] - box[1]))
        if box[2] == sides[0] or box[3] == sides[1]:
            # Where the picture ends within a screen pixel, that one is still painted.
            block = np.pad(block, ((0, 1), (0, 1)), mode="edge")
        opaque = not scene.transparent
        form = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
        height, width = block.shape
        source = wrapped(block, (0, 0, width, height), form)
        target = wrapped(self._tile, (0, 0, _TILE, _TILE), form)
        top, end = part.top() - tile.top(), part.bottom() + 1 - tile.top()
        painter = QPainter(target)
        painter.setClipRect(0, top, _TILE, end - top)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate(box[0] * scale - tile.x(), box[1] * scale - tile.y())
        painter.scale(scale, scale)
        painter.drawImage(0, 0, source)
        painter.end()
        left = part.left() - tile.left()
        found = self._tile[top:end, left : left + part.width()]
        place = part.translated(self._place_of(scene).topLeft())
        if opaque:
            self._part(place)[:] = found
        else:
            self._lay(np.ascontiguousarray(found), place)

    def _lay(self, pixels: NDArray[np.uint32], rect: QRect) -> None:
        """Put what may be transparent over checks."""
        height, width = pixels.shape
        form = QImage.Format.Format_ARGB32_Premultiplied
        image = wrapped(pixels, (0, 0, width, height), form)
        painter = QPainter(self.image)
        painter.setBrushOrigin(self._x, self._y)
        painter.fillRect(rect, checks(self._look.dark, self._look.ratio))
        painter.drawImage(rect.topLeft(), image)
        painter.end()

    def _scroll(self, dx: int, dy: int) -> None:
        whole = self.image.rect()
        kept = whole & whole.translated(dx, dy)
        if kept.isEmpty():
            self.touch_all()
            return
        self._part(kept)[:] = self._part(kept.translated(-dx, -dy))
        self._stale = (self._stale.translated(dx, dy) & QRegion(whole)) + (
            QRegion(whole) - QRegion(kept)
        )


def _around(rect: QRect, scale: float, sides: tuple[int, int]) -> Box:
    """The pixels of a level that a part of the screen is made of, with those next to them."""
    left = max(math.floor(rect.left() / scale) - 2, 0)
    top = max(math.floor(rect.top() / scale) - 2, 0)
    right = min(math.ceil((rect.right() + 1) / scale) + 2, sides[0])
    bottom = min(math.ceil((rect.bottom() + 1) / scale) + 2, sides[1])
    return left, top, max(right, left + 1), max(bottom, top + 1)
