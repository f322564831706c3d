"""The bucket: fills what has the colour that was clicked on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from studio.masks.items import Bucket
from ui.paint.tools.outline import ItemTool

if TYPE_CHECKING:
    from ui.paint.tools.base import Touch


class BucketTool(ItemTool):
    """Fills pixels of like colour that hang together with the one clicked on."""

    name = "bucket"
    cursor = Qt.CursorShape.CrossCursor
    everywhere = False

    def press(self, touch: Touch) -> None:
        painting, settings = self.stage.painting, self.stage.settings
        column, row = math.floor(touch.x), math.floor(touch.y)
        if not (0 <= column < painting.width and 0 <= row < painting.height):
            self.stage.say("Click on the picture to fill what has the colour there.")
            return
        if painting.picture is None:
            self.stage.say("There is no picture yet whose colours could be filled.")
            return
        # The pixel's middle: rounded to units, it can't slip into the pixel beside it.
        x, y = painting.to_units(column + 0.5, row + 0.5)
        erases = self.erases(touch)
        self.put(
            Bucket,
            erases=erases,
            label="Erase by colour" if erases else "Fill by colour",
            x=x,
            y=y,
            tolerance=settings.tolerance,
            everywhere=self.everywhere or settings.everywhere,
        )


class ColourSelectTool(BucketTool):
    """Fills pixels of like colour wherever they are."""

    name = "colour-select"
    everywhere = True
