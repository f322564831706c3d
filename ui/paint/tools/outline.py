"""What the tools share that put a whole item on: lasso, polygon, rectangle, ellipse, bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.masks.items import Polygon, clamp_points
from studio.masks.strokes import parse_item
from ui.paint.tools.base import Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.masks.items import Item
    from ui.paint.tools.base import Touch


class ItemTool(Tool):
    """Puts whole items on the layer in hand."""

    picks = True

    def erases(self, touch: Touch | None) -> bool:
        """Whether what the touch makes takes away: the right button or the pen's other end does,
        and what X says."""
        return (touch is not None and touch.eraser) or self.stage.settings.subtract

    def put(self, kind: type[Item], *, erases: bool, label: str, **about: Any) -> bool:
        """Make an item and put it on; False where it can't be, which is told then."""
        settings = self.stage.settings
        item = kind(erase=erases, opacity=settings.opacity, **about)
        if settings.layer == "sketch":
            colour = None if erases else settings.rgb
            return self.stage.painting.add("sketch", item, colour, label)
        return self.stage.painting.add("mask", item, None, label)


def outline_of(
    corners: Sequence[tuple[int, int]], *, erase: bool = False, opacity: int = 100
) -> Polygon:
    """An outline through corners in units.

    Raises:
        StrokesFault: it is one that no file may have, so no hand may make it either.
    """
    made = Polygon(erase=erase, opacity=opacity, points=clamp_points(corners, 2))
    checked = parse_item(made.json())
    assert isinstance(checked, Polygon)
    return checked
