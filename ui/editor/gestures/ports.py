"""Alt+click on a port: all its wires go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.editing import wiring
from ui.editor.gestures.base import ALT, LEFT, Gesture

if TYPE_CHECKING:
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures
    from ui.editor.gestures.drop import Side


class ClearPort(Gesture):
    """Alt+left click on a port takes its wires away; a drag from there does nothing."""

    pans = False

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        on_port = pointer.button == LEFT and pointer.target.is_part("port")
        return cls(gestures, pointer) if on_port and pointer.holds(ALT) else None

    def clicked(self, pointer: Pointer) -> None:
        target = self.start.target
        assert target.hit is not None
        port = target.hit.name
        side: Side = "out" if target.hit.side == "out" else "in"
        self.editor.attempt(lambda: wiring.clear_port(self.document, target.node, port, side))
