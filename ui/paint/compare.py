"""Comparing what was with what came of it: the ways to, and the divider between both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from PySide6.QtCore import QPointF, Qt

from ui.paint import decor
from ui.paint.tools.base import Tool, Touch

if TYPE_CHECKING:
    from PySide6.QtCore import QRectF
    from PySide6.QtGui import QPainter

    from ui.paint.shown import Shown
    from ui.paint.tools.base import Stage

Compare = Literal["off", "slider", "beside", "hover"]

REACH = 10.0
"""View pixels from the divider within which it is grabbed."""


class Divided(Protocol):
    """A view with a divider."""

    @property
    def divider(self) -> float:
        """Where it stands across the view, view pixels."""

    def move_divider(self, x: float) -> None:
        """Put it there, within the picture."""


class DividerGrip(Tool):
    """Drags the divider.

    Args:
        stage: the view.
        divided: the same.
    """

    name = "divider"
    cursor = Qt.CursorShape.SplitHCursor

    def __init__(self, stage: Stage, divided: Divided) -> None:
        super().__init__(stage)
        self._divided = divided
        self._off: float | None = None

    @property
    def busy(self) -> bool:
        return self._off is not None

    def is_at(self, at: QPointF) -> bool:
        """Whether a press there takes hold of it."""
        return abs(at.x() - self._divided.divider) <= REACH

    def press(self, touch: Touch) -> None:
        self._off = self._divided.divider - touch.view.x()

    def move(self, touch: Touch) -> None:
        if self._off is not None:
            self._divided.move_divider(touch.view.x() + self._off)

    def release(self, touch: Touch) -> None:
        self.move(touch)
        self._off = None

    def cancel(self) -> None:
        self._off = None


def draw_labels(
    painter: QPainter, shown: Shown, picture: QRectF, pane: QRectF, divider: float | None
) -> None:
    """Say which of both is seen where.

    Args:
        painter: of the view.
        shown: what is compared, and how.
        picture, pane: the parts of the view in which the picture and the result are.
        divider: where it stands in the view; None for none.
    """
    if divider is not None:
        decor.draw_divider(painter, divider, pane)
        decor.draw_label(painter, pane, "Before")
        decor.draw_label(painter, pane, "After", right=True)
    elif shown.beside:
        decor.draw_label(painter, picture, "Before")
        decor.draw_label(painter, pane, "After")
    elif shown.comparing:
        decor.draw_label(painter, pane, "Before" if shown.shows_original else "After")
