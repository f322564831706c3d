"""A reroute into a wire: Alt+click, or a double click."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.editing import wiring
from ui.editor.geometry import DOT
from ui.editor.gestures.base import ALT, LEFT, Gesture

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from ui.editor.editor import GraphEditor
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures


class RerouteWire(Gesture):
    """Alt+left click on a wire puts a reroute there; a drag puts it where the button comes up."""

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        on_wire = pointer.button == LEFT and pointer.target.wire is not None
        return cls(gestures, pointer) if on_wire and pointer.holds(ALT) else None

    def dragged(self, pointer: Pointer) -> None:
        self.mark(hot_wire=self.start.target.wire)
        self.hint("Drop to put a reroute here", pointer.pos)

    def clicked(self, pointer: Pointer) -> None:
        assert self.start.target.wire is not None
        add(self.editor, self.start.target.wire, pointer.scene)

    def dropped(self, pointer: Pointer) -> None:
        self.mark(hot_wire=None)
        self.clicked(pointer)

    def cancelled(self) -> None:
        self.mark(hot_wire=None)


def add(editor: GraphEditor, key: tuple[str, str], at: QPointF) -> bool:
    """Put a reroute into a wire, its middle at a place of the canvas. True if that was done."""
    wire = editor.document.wires_into(key[0]).get(key[1])
    if wire is None:
        return False
    corner = (at.x() - DOT / 2, at.y() - DOT / 2)
    return editor.attempt(lambda: wiring.add_reroute(editor.document, wire, corner))
