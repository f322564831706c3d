"""What the view shows of a painting, and how: puts together what the store is to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage

from ui.paint.contour import Line
from ui.paint.layers import Scene
from ui.paint.mips import PictureLevels, Pyramid
from ui.paint.store import Look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.masks.pixels import Rect
    from ui.paint.compare import Compare
    from ui.paint.effect import Effect
    from ui.paint.painting import Painting
    from ui.paint.settings import PaintSettings
    from ui.theme import Theme

GAP = 0.03
"""Between the picture and a result beside it, as a share of the picture's longer side."""


class Shown:
    """What is to be seen of one painting.

    Args:
        painting: whose mask, sketch and picture.
        settings: how the mask is shown.
    """

    def __init__(self, painting: Painting, settings: PaintSettings) -> None:
        self._settings = settings
        self.hidden = False
        """The mask isn't shown for a moment."""
        self.result: QImage | None = None
        self.result_rect: QRectF | None = None
        """Where the result belongs, picture pixels; None: over the picture, or there is none."""
        self._result: PictureLevels | None = None
        self.compare: Compare = "off"
        self.split = 0.5
        self.hovering = False
        self.original = False
        self.live: QImage | None = None
        self.live_rect: QRectF | None = None
        self.effect: Effect | None = None
        self.follow(painting)

    def follow(self, painting: Painting) -> None:
        """Show all of this anew."""
        self._painting = painting
        self.size = (painting.width, painting.height)
        self._mask_base: NDArray[Any] = painting.seen_mask
        self.mask = Pyramid(self._mask_base)
        self._sketch: Pyramid | None = None
        self._sketch_base: NDArray[Any] | None = None
        self._overlay = ""
        self.effect = None
        levels = painting.levels
        picture = painting.picture
        if levels is None and picture is not None:
            levels = PictureLevels.build(picture)
        self._picture = levels
        self._take_sketch()
        self.set_result(self.result, self.result_rect)

    def refollow(self, rects: list[Rect]) -> bool:
        """The mask or the sketch changed there; True: all has to be looked at anew."""
        anew = self._take_sketch()
        if not _same(self._painting.seen_mask, self._mask_base):
            self._mask_base = self._painting.seen_mask
            self.mask = Pyramid(self._mask_base)
            anew = True
        for rect in rects:
            self.mask.touch(*rect)
            if self._sketch is not None:
                self._sketch.touch(*rect)
        return anew or self._overlay != self._overlay_now()

    def set_result(self, image: QImage | None, rect: QRectF | None = None) -> None:
        """What came of it, stretched over a rectangle or the picture; None for nothing."""
        self.result = self.result_rect = self._result = None
        if image is None or image.isNull():
            return
        self.result, self.result_rect = image, rect
        whole = rect or QRectF(0, 0, *self.size)
        size = QSize(max(round(whole.width()), 1), max(round(whole.height()), 1))
        if image.size() != size:
            image = image.scaled(
                size,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        image = image.convertToFormat(QImage.Format.Format_RGB888)
        lines = np.frombuffer(image.constBits(), np.uint8).reshape(size.height(), -1)
        pixels = lines[:, : 3 * size.width()].reshape(size.height(), size.width(), 3)
        self._result = PictureLevels.build(pixels.copy())

    def forget(self) -> None:
        """No result any more, and no preview."""
        self.set_result(None)
        self.live = self.live_rect = None

    # How it stands

    @property
    def visible(self) -> bool:
        """There is a picture to be seen; else words are."""
        painting = self._painting
        some = painting.picture is not None or painting.ready
        return some and (painting.ready or not painting.words)

    @property
    def comparing(self) -> bool:
        """A result is shown, and compared."""
        return self._result is not None and self.compare != "off"

    @property
    def divided(self) -> bool:
        """Picture and result are shown side by side of a divider."""
        return self._result is not None and self.compare == "slider" and not self.original

    @property
    def beside(self) -> bool:
        """The result is shown at the right of the picture."""
        return self._result is not None and self.compare == "beside"

    @property
    def result_place(self) -> QRectF | None:
        """Where the result is seen, picture pixels; None: over the picture, or there is none."""
        if not self.beside:
            return self.result_rect
        width, height = self.size
        rect = self.result_rect or QRectF(0, 0, width, height)
        gap = max(round(GAP * max(width, height)), 8)
        return rect.translated(width + gap - rect.x(), 0)

    @property
    def live_beyond(self) -> QRectF | None:
        """Where the preview belongs, if that is farther than the picture."""
        whole = QRectF(0, 0, *self.size)
        rect = self.live_rect
        return rect if self.live and rect and not whole.contains(rect) else None

    @property
    def shows_original(self) -> bool:
        """The picture is seen where a result would be."""
        return self.original or (self.compare == "hover" and self.hovering)

    def look(self, theme: Theme, ratio: float) -> Look:
        """All of it, for the store."""
        overlay = self._overlay = self._overlay_now()
        line = effect_line = None
        if overlay == "contour":
            colour = QColor(self._settings.overlay_colour)
            line = Line(
                (colour.red(), colour.green(), colour.blue()),
                width=ratio,
                flipped=self._painting.invert,
            )
        effect = self.effect if overlay else None
        if effect is not None:
            effect_line = Line(dashed=True, width=ratio)
        scene = self._scene("" if line else overlay)
        before = beside = None
        if self._result is not None:
            result, rect = self._result, self.result_place or QRectF()
            after = Scene(result.width, result.height, result, x=rect.x(), y=rect.y())
            if self.divided:
                scene, before = after, self._scene("")
            elif self.beside:
                beside = after
            elif not self.shows_original and not overlay:
                scene = after
        return Look(
            scene if self.visible else None,
            before,
            self.split,
            line,
            effect,
            effect_line,
            theme.canvas,
            theme.is_dark,
            ratio,
            self._settings.guides,
            beside if self.visible else None,
        )

    def _scene(self, overlay: str) -> Scene:
        settings = self._settings
        return Scene(
            *self.size,
            self._picture,
            self.mask,
            self._sketch,
            # The preview is what is of interest in the mask then.
            "" if self.live is not None and overlay == "tint" else overlay,
            QColor(settings.overlay_colour),
            settings.overlay_opacity / 100,
            self._painting.invert,
            self.live,
            self.live_rect,
        )

    def _overlay_now(self) -> str:
        """How the mask is shown: not over a result, unless it is painted on."""
        if self.hidden or (self._result is not None and not self._painting.painting):
            return ""
        return self._settings.overlay

    def _take_sketch(self) -> bool:
        """Whether the sketch came or went."""
        layer = self._painting.seen_layer
        if layer is None:
            gone = self._sketch is not None
            self._sketch = self._sketch_base = None
            return gone
        if _same(layer, self._sketch_base):
            return False
        self._sketch_base = layer
        self._sketch = Pyramid(layer.view(np.uint32)[..., 0])
        return True


def _same(one: NDArray[Any], other: NDArray[Any] | None) -> bool:
    """The same memory, whatever views it is seen through."""
    if other is None or one.shape != other.shape:
        return False
    found: bool = one.__array_interface__["data"] == other.__array_interface__["data"]
    return found
