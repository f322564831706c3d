"""The canvas's own keys: nudge, walk along the wires, edit, let go. All others are actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt

from studio.editing import edits
from studio.editing.compat import ports, widgets
from ui.editor import inline
from ui.editor.gestures.dragged import Load

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from studio.editing.document import Document
    from ui.editor.gestures.dispatch import Gestures

NUDGE = 8
"""Canvas pixels that an arrow key moves the selection; with Shift it is one."""

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_PLAIN = Qt.KeyboardModifier.NoModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_CTRL = Qt.KeyboardModifier.ControlModifier


class Keyboard:
    """Keys pressed while no gesture goes on.

    Args:
        gestures: the canvas's.
    """

    def __init__(self, gestures: Gestures) -> None:
        self.gestures = gestures
        self._word = ""
        self._moved: tuple[frozenset[str], frozenset[str], int] | None = None

    def press(self, event: QKeyEvent) -> bool:
        """Do what the key means; False where it means nothing here."""
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = Qt.Key(event.key())
        if (way := _ARROWS.get(key)) is not None:
            if held == _CTRL:
                return self.walk(*way)
            if held in (_PLAIN, _SHIFT):
                return self.nudge(*way, 1 if held == _SHIFT else NUDGE)
        if held == _PLAIN and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return self.edit_first()
        if held == _PLAIN and key == Qt.Key.Key_Escape:
            return self.let_go()
        return False

    def nudge(self, x: int, y: int, step: int) -> bool:
        """Move the selection a little; one after another are one step of undo."""
        editor = self.gestures.editor
        scene = editor.scene
        load = Load.of(scene, scene.selected_nodes(), scene.selected_frames())
        if not load.nodes and not load.frames:
            return False
        before = (frozenset(load.nodes), frozenset(load.frames), editor.stack.index())
        if before != self._moved:
            self._word = editor.new_gesture()
        moved = load.shifted(x * step, y * step)
        editor.attempt(
            lambda: edits.move(
                editor.document, moved.nodes, frames=moved.frames, merge=self._word
            )
        )
        self._moved = (*before[:2], editor.stack.index())
        return True

    def walk(self, x: int, y: int) -> bool:
        """Select what feeds the selected node (left), what it feeds (right), or a sibling."""
        editor = self.gestures.editor
        document = editor.document
        chosen = editor.selected()
        if not chosen:
            found = first(document)
        elif x:
            found = along(document, chosen[0], forward=x > 0)
        else:
            found = beside(document, chosen[0], y)
        if found:
            editor.select([found])
            self._show(found)
        return True

    def edit_first(self) -> bool:
        """Type into the first field of the selected node."""
        editor = self.gestures.editor
        chosen = editor.selected()
        if len(chosen) != 1:
            return False
        if editor.document.view_of(chosen[0]).collapsed:
            editor.attempt(lambda: edits.set_view(editor.document, chosen, collapsed=False))
        fields = widgets(editor.document, chosen[0])
        if not fields:
            editor.message.emit(f"{editor.document.title_of(chosen[0])} has no fields.")
            return True
        self._show(chosen[0])
        inline.open_editor(editor, chosen[0], fields[0].name, by_keyboard=True)
        return True

    def let_go(self) -> bool:
        """Select nothing; False where nothing was."""
        scene = self.gestures.editor.scene
        if not scene.selected_nodes() and not scene.selected_frames():
            return False
        scene.set_selection((), ())
        return True

    def _show(self, name: str) -> None:
        """Bring a node into sight, if it isn't."""
        view = self.gestures.view
        scene = self.gestures.editor.scene
        sight = view.area()
        if name not in scene.nodes:
            return  # a very large graph that is still being drawn
        x, y = self.gestures.editor.document.position(name)
        if not sight.contains(QRectF(x, y, *scene.size_of(name))):
            view.centre_on(name)


def first(document: Document) -> str:
    """Where a walk begins: the top left one of the nodes that nothing feeds."""
    roots = [name for name in document.nodes if not document.wires_into(name)]
    at = document.position
    return min(roots or document.nodes, key=lambda n: (at(n)[0], at(n)[1]), default="")


def along(document: Document, name: str, *, forward: bool) -> str:
    """The node at the other end of the first wire, in the order of the ports; "" for none."""
    shown = ports(document, name)
    if forward:
        order = {port.name: i for i, port in enumerate(shown.outputs)}
        wires = sorted(
            document.wires_out_of(name),
            key=lambda w: (order.get(w.source.output, 99), document.position(w.target)[1]),
        )
        return wires[0].target if wires else ""
    into = document.wires_into(name)
    sources = [into[port.name].source.node for port in shown.inputs if port.name in into]
    return next((source for source in sources if source in document.nodes), "")


def beside(document: Document, name: str, way: int) -> str:
    """The next node above or below of those that feed, or are fed by, the same; "" for none."""
    out, into = document.wires_out_of(name), document.wires_into(name).values()
    kin: set[str] = set()
    for wire in out:
        kin |= {other.source.node for other in document.wires_into(wire.target).values()}
    for wire in into:
        shared = document.wires_out_of(wire.source.node)
        kin |= {other.target for other in shared if other.source == wire.source}
    # Those are to the left and right of it, not beside it.
    kin -= {wire.target for wire in out} | {wire.source.node for wire in into}
    order = sorted(
        (other for other in {*kin, name} if other in document.nodes),
        key=lambda n: (document.position(n)[1], document.position(n)[0], n),
    )
    at = order.index(name) + way
    return order[at] if 0 <= at < len(order) else ""
