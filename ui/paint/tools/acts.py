"""What keys and menus do at once, without a drag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.masks.items import Fill, Invert
from ui.paint.tools.keys import AGAIN

if TYPE_CHECKING:
    from ui.paint.tools.base import Stage

WHEEL_ZOOM = 1.25
SIZE_STEP, SIZE_LEAP = 1.15, 1.5
NOT_READY = "There is no picture to paint on yet."
NOT_DRAWN = "This is still being drawn. Paint on it when the line at the top is gone."


class Acts:
    """Does what keys and menus ask for.

    Args:
        stage: the view.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def do(self, action: str) -> bool:
        """Do what a key stands for (`ui.paint.tools.keys`); False where that is nothing here."""
        name, _, of = action.partition(".")
        settings, stage = self._stage.settings, self._stage
        match name:
            case "tool":
                self.choose(of)
            case "size":
                factor = SIZE_LEAP if of.startswith("far") else SIZE_STEP
                settings.radius *= factor if of.endswith("up") else 1 / factor
            case "swap":
                settings.swap()
            case "layer":
                settings.layer = "mask" if settings.layer == "sketch" else "sketch"
            case "invert":
                self.invert()
            case "clear":
                self.clear()
            case "fill":
                self.fill()
            case "fit":
                stage.fit()
            case "zoom" if of in ("in", "out"):
                stage.zoom_to(stage.zoom * (WHEEL_ZOOM if of == "in" else 1 / WHEEL_ZOOM))
            case "zoom":
                stage.zoom_to(float(of))
            case _:
                return False
        return True

    def invert(self) -> None:
        """What is masked no longer is, and the other way round."""
        if not self.ready():
            return
        if self._stage.settings.layer == "sketch":
            self._stage.say("A sketch can't be inverted; choose the mask (S) to invert that.")
            return
        self._stage.painting.add("mask", Invert())

    def clear(self) -> None:
        """Take everything off the layer in hand; it can be undone."""
        if not self.ready():
            return
        painting = self._stage.painting
        sketch = self._stage.settings.layer == "sketch"
        if not len(painting.sketch.sketch.items if sketch else painting.strokes):
            self._stage.say(f"There is nothing on the {'sketch' if sketch else 'mask'} to clear.")
            return
        painting.add("sketch" if sketch else "mask", Fill(erase=True), None, "Clear")

    def fill(self) -> None:
        """Fill all of the layer in hand."""
        if not self.ready():
            return
        settings = self._stage.settings
        if settings.layer == "sketch":
            self._stage.painting.add("sketch", Fill(opacity=settings.opacity), settings.rgb)
        else:
            self._stage.painting.add("mask", Fill())

    def choose(self, name: str) -> None:
        """Take a tool in hand; its sister where it is in hand already."""
        settings = self._stage.settings
        toggles = name != "polygon" and settings.tool in (name, AGAIN.get(name))
        settings.tool = AGAIN.get(settings.tool, name) if toggles else name

    def ready(self) -> bool:
        """Whether there is something to paint on; where not, that is said."""
        painting = self._stage.painting
        if not painting.ready:
            self._stage.say(painting.words or (NOT_DRAWN if painting.awaited else NOT_READY))
        return painting.ready
