"""The divider between what was and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QPointF, Qt

from ui.paint.tools.base import Tool, Touch

if TYPE_CHECKING:
    from ui.paint.tools.base import Stage

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
