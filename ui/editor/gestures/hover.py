"""The mouse over the canvas without a button: what is lit up, and the cursor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from ui.editor.gestures.resize import SIDES
from ui.editor.gestures.target import target_at
from ui.editor.gestures.widgets import READABLE, SCRUBBED, kind_of

if TYPE_CHECKING:
    from ui.editor.gestures.base import Pointer, Target
    from ui.editor.gestures.dispatch import Gestures

_TYPED = frozenset({"text", "line", "json", "name"})


class Hover:
    """What the mouse rests on.

    Args:
        gestures: the canvas's.
    """

    def __init__(self, gestures: Gestures) -> None:
        self.gestures = gestures

    def at(self, pointer: Pointer) -> None:
        """The mouse is there."""
        view = self.gestures.view
        target = target_at(view, pointer.scene)
        hit, node = target.hit, target.node
        self._mark(
            port=(node, hit.side, hit.name) if hit and hit.part == "port" else None,
            wire=target.wire,
            node=node or None,
            widget=(node, hit.name) if hit and hit.part == "widget" else None,
        )
        self._show(self._cursor_for(target))

    def clear(self) -> None:
        """The mouse is elsewhere, or a button is down."""
        self._mark(port=None, wire=None, node=None, widget=None)
        self._show(None)

    def _mark(
        self,
        port: tuple[str, str, str] | None,
        wire: tuple[str, str] | None,
        node: str | None,
        widget: tuple[str, str] | None,
    ) -> None:
        scene = self.gestures.editor.scene
        marks = replace(
            scene.marks, hover_port=port, hover_wire=wire, hover_node=node, hover_widget=widget
        )
        if marks != scene.marks:
            scene.set_marks(marks)

    def _show(self, cursor: Qt.CursorShape | None) -> None:
        viewport = self.gestures.view.viewport()
        own = viewport.testAttribute(Qt.WidgetAttribute.WA_SetCursor)
        if cursor == (viewport.cursor().shape() if own else None):
            return
        if cursor is None:
            viewport.unsetCursor()
        else:
            viewport.setCursor(cursor)

    def _cursor_for(self, target: Target) -> Qt.CursorShape | None:
        hit = target.hit
        if hit is None:
            return SIDES.get(target.frame_part) if target.wire is None else None
        if hit.part == "port":
            return Qt.CursorShape.CrossCursor
        if hit.part == "resize":
            return Qt.CursorShape.SizeHorCursor
        if hit.part == "collapse":
            return Qt.CursorShape.PointingHandCursor
        if hit.part != "widget" or self.gestures.view.zoom < READABLE:
            return None
        kind = kind_of(self.gestures.editor, target.node, hit.name)
        if hit.sub == "value" and kind in SCRUBBED:
            return Qt.CursorShape.SizeHorCursor
        if hit.sub == "value" and kind in _TYPED:
            return Qt.CursorShape.IBeamCursor
        return Qt.CursorShape.PointingHandCursor
