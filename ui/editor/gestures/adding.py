"""Adding a node from a palette or by a drop: placed, wired, and pushed as one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.editing import wiring
from ui.editor.gestures.snapping import to_grid
from ui.theme import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QPointF

    from studio.graph.checked import Source
    from ui.editor.editor import GraphEditor


def add_at(
    editor: GraphEditor,
    type_name: str,
    at: QPointF,
    source: Source | None = None,
    target: tuple[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
) -> bool:
    """Add a node and wire it to what the palette was opened from, as one step of undo.

    Args:
        editor: where to.
        type_name: of a known type.
        at: where the mouse is on the canvas: the middle of the new node's header, or its first
            port where it is wired.
        source: an output that feeds it; its first fitting port takes the wire.
        target: an input that it feeds.
        params: values by parameter.

    Returns:
        whether it was added; a refusal goes to the status bar.
    """
    corner = _corner(at, fed=source is not None, feeds=target is not None)
    return editor.attempt(
        lambda: wiring.add_connected(
            editor.document, type_name, corner, source=source, target=target, params=params
        )
    )


def _corner(at: QPointF, *, fed: bool, feeds: bool) -> tuple[float, float]:
    """The top left corner of a new node; on the grid, so that it lines up with others."""
    width, header = float(metrics.NODE_WIDTH), float(metrics.HEADER)
    x, y = at.x() - width / 2, at.y() - header / 2
    if fed or feeds:
        y = at.y() - header - metrics.ROW / 2
    if fed != feeds:
        x = at.x() if fed else at.x() - width
    return to_grid(x, metrics.GRID), to_grid(y, metrics.GRID)
