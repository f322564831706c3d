"""What takes things that are dragged onto the canvas from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData, QPointF


class DropTarget(Protocol):
    """Takes what is dropped on the canvas; append one to `GraphView.drop_targets`."""

    def takes(self, mime: QMimeData) -> bool:
        """Whether it would take this. Asked at every move: quick, and without files."""

    def drop(self, mime: QMimeData, at: QPointF) -> None:
        """Take it, at a place of the scene."""
