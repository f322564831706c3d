"""What lies on top of each other on the canvas, put together in pixels of one level.

Everything is mixed before it is scaled: a pixel of the mask can't come to lie beside the pixel of
the picture that it masks, whatever the zoom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, qRgba

from ui.paint.mips import levels_of, wrapped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ui.paint.mips import Box, PictureLevels, Pyramid

_OVER = QPainter.CompositionMode.CompositionMode_SourceOver
_COPY = QPainter.CompositionMode.CompositionMode_Source
_CUT = QPainter.CompositionMode.CompositionMode_DestinationOut
_KEEP = QPainter.CompositionMode.CompositionMode_DestinationIn


@dataclass
class Scene:
    """The layers, from below: picture, sketch, live preview, mask.

    Args:
        width, height: of the picture, pixels.
        picture: None leaves it transparent.
        sketch: premultiplied RGBA bytes as uint32 [H, W]; None where nothing was sketched.
        mask: uint8 [H, W]; None where it is neither shown nor needed for a preview.
        overlay: "tint" lays `colour` over what is masked, "checker" cuts it out; else the mask
            isn't shown here.
        opacity: of that, 0-1.
        invert: the node turns the mask around: what isn't painted is masked.
        live: a preview of what is being made, shown where the mask is.
        live_rect: where it belongs, picture pixels.
        x, y: where the upper left corner belongs, picture pixels.
    """

    width: int
    height: int
    picture: PictureLevels | None
    mask: Pyramid | None = None
    sketch: Pyramid | None = None
    overlay: str = ""
    colour: QColor | None = None
    opacity: float = 0.6
    invert: bool = False
    live: QImage | None = None
    live_rect: QRectF | None = None
    x: float = 0.0
    y: float = 0.0

    @property
    def transparent(self) -> bool:
        """Something may be seen through it."""
        return self.picture is None or self.overlay == "checker"

    @property
    def levels(self) -> int:
        """How many there are."""
        return levels_of(self.width, self.height)


class Mixer:
    """Puts scenes together, in memory that is used again and again."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint32)
        self._above = np.empty(0, np.uint32)

    def mix(
        self, scene: Scene, level: int, box: Box, rows: tuple[int, int] | None = None
    ) -> NDArray[np.uint32]:
        """A part of a scene, valid until the next call.

        Args:
            scene: what to show.
            level: in whose pixels.
            box: left, top, right and bottom, in these.
            rows: from which row of the result to which; what is outside isn't filled.

        Returns:
            uint32 [h, w], 0xffRRGGBB; premultiplied ARGB where the scene is transparent.
        """
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        if self._memory.size < width * height:
            self._memory = np.empty(width * height, np.uint32)
        found = self._memory[: width * height].reshape(height, width)
        start, end = rows or (0, height)
        if end > start:
            self._mix(scene, level, (left, top + start, right, top + end), found[start:end])
        return found

    def _mix(self, scene: Scene, level: int, box: Box, into: NDArray[np.uint32]) -> None:
        image = _image(into, opaque=not scene.transparent)
        painter = QPainter(image)
        if scene.picture is None:
            image.fill(0)
        else:
            painter.setCompositionMode(_COPY)
            painter.drawImage(0, 0, scene.picture.image(level, box))
            painter.setCompositionMode(_OVER)
        if scene.sketch is not None:
            sketch = scene.sketch.level(level)
            form = QImage.Format.Format_RGBA8888_Premultiplied
            painter.drawImage(0, 0, wrapped(sketch, box, form))
        mask = None if scene.mask is None else scene.mask.level(level)
        if scene.live is not None and mask is not None:
            self._draw_live(painter, scene, level, box, mask)
        inner = box
        if scene.overlay and mask is not None and not scene.invert:
            inner = _masked(mask, box)
        if scene.overlay and mask is not None and inner[0] < inner[2]:
            over = wrapped(mask, inner, QImage.Format.Format_Indexed8)
            colour = scene.colour or QColor(Qt.GlobalColor.red)
            over.setColorTable(
                _table(colour.rgb() & 0xFFFFFF, round(scene.opacity * 255), scene.invert)
            )
            if scene.overlay == "checker":
                painter.setCompositionMode(_CUT)
            painter.drawImage(inner[0] - box[0], inner[1] - box[1], over)
        painter.end()

    def _draw_live(
        self, painter: QPainter, scene: Scene, level: int, box: Box, mask: NDArray[np.uint8]
    ) -> None:
        assert scene.live is not None
        width, height = box[2] - box[0], box[3] - box[1]
        if self._above.size < width * height:
            self._above = np.empty(width * height, np.uint32)
        above = _image(self._above[: width * height].reshape(height, width), opaque=False)
        above.fill(0)
        rect = scene.live_rect or QRectF(0, 0, scene.width, scene.height)
        scale = 1 / 2**level
        upper = QPainter(above)
        upper.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        upper.translate(-box[0], -box[1])
        upper.scale(scale, scale)
        upper.drawImage(rect, scene.live)
        upper.resetTransform()
        upper.setCompositionMode(_KEEP)
        shape = wrapped(mask, box, QImage.Format.Format_Indexed8)
        shape.setColorTable(_table(0, 255, scene.invert))
        upper.drawImage(0, 0, shape)
        upper.end()
        painter.drawImage(0, 0, above)


def _masked(mask: NDArray[np.uint8], box: Box) -> Box:
    """The part of a box in which anything is masked; to lay nothing over the rest takes long."""
    left, top, right, bottom = box
    part = mask[top:bottom, left:right]
    columns = np.flatnonzero(part.any(axis=0))
    if not len(columns):
        return left, top, left, top
    rows = np.flatnonzero(part.any(axis=1))
    return (
        left + int(columns[0]), top + int(rows[0]),
        left + int(columns[-1]) + 1, top + int(rows[-1]) + 1,
    )  # fmt: skip


@lru_cache(maxsize=8)
def _table(rgb: int, opacity: int, invert: bool) -> list[int]:
    """The colours of a mask's 256 values: one colour, more and more of it."""
    red, green, blue = rgb >> 16, rgb >> 8 & 255, rgb & 255
    shares = [(value * opacity + 127) // 255 for value in range(256)]
    return [qRgba(red, green, blue, share) for share in (shares[::-1] if invert else shares)]


def _image(array: NDArray[np.uint32], *, opaque: bool) -> QImage:
    height, width = array.shape
    form = QImage.Format.Format_RGB32 if opaque else QImage.Format.Format_ARGB32_Premultiplied
    return wrapped(array, (0, 0, width, height), form)
