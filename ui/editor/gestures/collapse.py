"""The arrow in a node's header: a click folds the node up, or opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.editing import edits
from ui.editor.gestures.base import LEFT, Gesture
from ui.editor.gestures.move import MoveNodes
from ui.editor.gestures.widgets import READABLE

if TYPE_CHECKING:
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures


class CollapseNode(Gesture):
    """A left click on the arrow; a drag from there moves the node."""

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        on_arrow = pointer.button == LEFT and pointer.target.is_part("collapse")
        if on_arrow and pointer.plain and gestures.view.zoom >= READABLE:
            return cls(gestures, pointer)
        return None

    def clicked(self, pointer: Pointer) -> None:
        node = self.start.target.node
        folded = not self.document.view_of(node).collapsed
        self.editor.attempt(lambda: edits.set_view(self.document, [node], collapsed=folded))

    def begun(self, pointer: Pointer) -> None:
        mover = MoveNodes.at(self.gestures, self.start)
        assert mover is not None
        self.gestures.hand_over(mover, pointer)
