"""Presses on a node's fields: scrub a number, open a list, throw the dice, flip a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from studio.editing import edits
from ui.editor import inline
from ui.editor.gestures.base import ALT, CTRL, LEFT, SHIFT, Gesture
from ui.editor.gestures.edits import back_to
from ui.editor.gestures.move import MoveNodes
from ui.editor.inline.kinds import PAINTED
from ui.editor.node_item import WORDS_FROM

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint

    from studio.spec import Param
    from ui.editor.editor import GraphEditor
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures

SCRUBBED = frozenset({"number", "slider", "seed"})
OPENED = frozenset({"bool", "choice", "model", "colour", *PAINTED})
"""One click opens (or flips) them; the others are typed into after two."""
READABLE = WORDS_FROM
"""Zoom below which fields show no text, and a press on one is a press on the node."""


class PressWidget(Gesture):
    """A press on a field: a click does what the field does, a sideways drag scrubs a number.

    While scrubbing, Shift goes finer and Ctrl coarser; the whole drag is one step of undo. A drag
    on any other field moves the node.
    """

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        assert pointer.target.hit is not None
        self.node, self.hit = pointer.target.node, pointer.target.hit
        self.kind = kind_of(self.editor, self.node, self.hit.name)
        self.mover = MoveNodes(gestures, pointer)
        if not pointer.modifiers & (SHIFT | CTRL):
            self.mover.select_at_press()

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        on_field = pointer.button == LEFT and pointer.target.is_part("widget")
        if not on_field or pointer.holds(ALT) or gestures.view.zoom < READABLE:
            return None
        return cls(gestures, pointer)

    def clicked(self, pointer: Pointer) -> None:
        if self.start.modifiers & (SHIFT | CTRL):
            self.mover.select_at_press()
            self.mover.clicked(pointer)
            return
        self.mover.clicked(pointer)
        where = self.view.viewport().mapToGlobal(pointer.pos.toPoint())
        click(self.editor, self.node, self.hit.name, self.kind, self.hit.sub, where)

    def begun(self, pointer: Pointer) -> None:
        spec = self.document.spec(self.node)
        param = spec.param_by_name.get(self.hit.name) if spec else None
        if param is not None and self.kind in SCRUBBED and self.hit.sub == "value":
            self.gestures.hand_over(Scrub(self.gestures, self.start, param), pointer)
        else:
            self.gestures.hand_over(self.mover, pointer)


class Scrub(Gesture):
    """Dragging a number sideways."""

    cursor = Qt.CursorShape.SizeHorCursor
    pans = False

    def __init__(self, gestures: Gestures, pointer: Pointer, param: Param) -> None:
        super().__init__(gestures, pointer)
        self.node, self.param = pointer.target.node, param
        self.before = self.document.nodes[self.node]
        self.word = self.editor.new_gesture()
        self._from = self._value()
        self._from_x = pointer.pos.x()
        self._held = pointer.modifiers

    def _value(self) -> object:
        return self.document.nodes[self.node].params.get(self.param.name, self.param.default)

    def dragged(self, pointer: Pointer) -> None:
        if pointer.modifiers != self._held:
            # Another pace starts from here; what was gone so far stays.
            self._from, self._from_x, self._held = (
                self._value(), pointer.pos.x(), pointer.modifiers,
            )  # fmt: skip
        dx = (pointer.pos.x() - self._from_x) / self.view.zoom
        value = inline.scrub(self.param, self._from, dx, pointer.modifiers)
        if value != self._value():
            self.editor.attempt(
                lambda: edits.set_param(
                    self.document, self.node, self.param.name, value, merge=self.word
                )
            )

    def cancelled(self) -> None:
        self.push(back_to(self.document, "nodes", self.node, self.before, self.word))


def kind_of(editor: GraphEditor, node: str, name: str) -> str:
    """The kind of a field as it is painted; "" where the node doesn't show it."""
    spot = editor.scene.nodes[node].geometry.widget(name)
    return spot.kind if spot is not None else ""


def click(editor: GraphEditor, node: str, name: str, kind: str, sub: str, where: QPoint) -> None:
    """What a click on a field does.

    Args:
        editor: whose canvas.
        node: the node's id.
        name: of the parameter.
        kind: of the field.
        sub: the part of it: "value", "dice", "arrow" or "browse".
        where: on the screen.
    """
    if sub == "dice":
        inline.roll_seed(editor, node, name)
    elif sub == "arrow" and kind == "seed":
        inline.seed_menu(editor, node, name, where)
    elif sub == "browse":
        inline.browse(editor, node, name)
    elif kind in OPENED:
        inline.open_editor(editor, node, name)


def double_click(editor: GraphEditor, node: str, name: str, kind: str, sub: str) -> bool:
    """Type into a field; False where two clicks are just two clicks."""
    if kind in OPENED or sub in ("dice", "browse") or (sub == "arrow" and kind == "seed"):
        return False
    inline.open_editor(editor, node, name)
    return True
