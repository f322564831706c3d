"""Tools that change nothing on the picture: hand, zoom, eyedropper, and the one that sizes the
brush."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from ui.paint.tools.base import DRAG, Ring, Tool, Touch
from ui.paint.tools.marks import distance

if TYPE_CHECKING:
    from ui.paint.tools.base import Stage

ZOOM_CLICK = 2.0
ZOOM_DRAG = 0.01
"""Of a zoom's logarithm for a view pixel."""
HARDNESS_DRAG = 0.5
"""Percent of hardness for a view pixel."""


class HandTool(Tool):
    """Moves the picture about."""

    name = "hand"
    cursor = Qt.CursorShape.OpenHandCursor

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._at: QPointF | None = None

    @property
    def busy(self) -> bool:
        return self._at is not None

    def press(self, touch: Touch) -> None:
        self._at = QPointF(touch.view)

    def double(self, touch: Touch) -> None:
        if self.stage.settings.tool == self.name:
            self.stage.fit()

    def move(self, touch: Touch) -> None:
        if self._at is not None:
            step = (touch.view - self._at).toPoint()
            # What is left of a pixel stays for the next move.
            self._at += QPointF(step)
            self.stage.pan_by(step.x(), step.y())

    def release(self, touch: Touch) -> None:
        self.move(touch)
        self._at = None

    def cancel(self) -> None:
        self._at = None


class ZoomTool(Tool):
    """A click zooms in, with Alt or the right button out; a drag to the right in, to the left out.
    """

    name = "zoom"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._start: Touch | None = None
        self._zoom = 1.0
        self._dragging = False

    @property
    def busy(self) -> bool:
        return self._start is not None

    def press(self, touch: Touch) -> None:
        self._start, self._zoom, self._dragging = touch, self.stage.zoom, False

    def move(self, touch: Touch) -> None:
        start = self._start
        if start is None:
            return
        self._dragging |= distance(start.view, touch.view) >= DRAG
        if self._dragging:
            across = touch.view.x() - start.view.x()
            self.stage.zoom_to(self._zoom * math.exp(across * ZOOM_DRAG), start.view)
            # The view rounds to whole pixels each time; many times are seen.
            off = start.view - self.stage.placement.to_view(start.x, start.y)
            if max(abs(off.x()), abs(off.y())) >= 1:
                self.stage.pan_by(off.x(), off.y())

    def release(self, touch: Touch) -> None:
        start, self._start = self._start, None
        if start is not None and not self._dragging:
            out = start.alt or start.eraser
            self.stage.zoom_to(self._zoom * (1 / ZOOM_CLICK if out else ZOOM_CLICK), start.view)

    def cancel(self) -> None:
        self._start = None


class EyedropperTool(Tool):
    """Takes the colour of the picture, with what is sketched on it."""

    name = "eyedropper"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._before: str | None = None

    @property
    def busy(self) -> bool:
        return self._before is not None

    def press(self, touch: Touch) -> None:
        self._before = self.stage.settings.colour
        self._pick(touch)

    def move(self, touch: Touch) -> None:
        if self.busy:
            self._pick(touch)

    def release(self, touch: Touch) -> None:
        self.move(touch)
        self._before = None

    def cancel(self) -> None:
        if self._before is not None:
            self.stage.settings.colour, self._before = self._before, None

    def _pick(self, touch: Touch) -> None:
        painting = self.stage.painting
        column, row = math.floor(touch.x), math.floor(touch.y)
        inside = 0 <= column < painting.width and 0 <= row < painting.height
        if not inside or painting.picture is None:
            return
        colour = painting.picture[row, column].astype(int)
        layer = painting.sketch.layer
        if layer is not None:
            # Premultiplied: what is left of the picture shines through.
            over = layer[row, column].astype(int)
            colour = over[:3] + (colour * (255 - over[3]) + 127) // 255
        red, green, blue = (min(int(value), 255) for value in colour)
        self.stage.settings.colour = f"#{red:02x}{green:02x}{blue:02x}"


class ResizeTool(Tool):
    """Alt and the right button, dragged: to the right a larger brush, up a harder one. The ring
    stays where the drag began."""

    name = "resize"
    cursor = Qt.CursorShape.SizeHorCursor

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._start: Touch | None = None
        self._radius, self._hardness = 0.0, 0

    @property
    def busy(self) -> bool:
        return self._start is not None

    def press(self, touch: Touch) -> None:
        settings = self.stage.settings
        self._start, self._radius, self._hardness = touch, settings.radius, settings.hardness

    def move(self, touch: Touch) -> None:
        start = self._start
        if start is None:
            return
        step = touch.view - start.view
        settings = self.stage.settings
        settings.radius = self._radius + step.x() / self.stage.placement.zoom
        settings.hardness = round(self._hardness - step.y() * HARDNESS_DRAG)

    def release(self, touch: Touch) -> None:
        self.move(touch)
        self._start = None

    def cancel(self) -> None:
        if self._start is not None:
            settings = self.stage.settings
            settings.radius, settings.hardness = self._radius, self._hardness
            self._start = None

    def ring(self, at: QPointF | None) -> Ring | None:
        if self._start is None:
            return None
        settings = self.stage.settings
        radius = settings.radius * self.stage.placement.zoom
        words = f"{size_words(settings.radius)}, {settings.hardness} % hard"
        return Ring(self._start.view, radius, radius * settings.hardness / 100, words=words)


def size_words(radius: float) -> str:
    """A brush's size in words, by its radius in picture pixels."""
    size = 2 * radius
    return f"{size:.0f} px" if size >= 10 else f"{size:.1f} px"
