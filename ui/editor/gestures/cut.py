"""The knife: Ctrl+right-drag across wires."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QRectF, Qt

from studio.editing import wiring
from ui.editor.gestures.base import CTRL, RIGHT, Gesture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QPointF

    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures


class CutWires(Gesture):
    """Ctrl+right-drag: every wire that the line crosses goes when the button comes up."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        self.line = [pointer.scene]
        self.crossed: dict[tuple[str, str], None] = {}

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        knife = pointer.button == RIGHT and pointer.holds(CTRL)
        return cls(gestures, pointer) if knife else None

    def dragged(self, pointer: Pointer) -> None:
        stroke = QLineF(self.line[-1], pointer.scene)
        if stroke.length() > 0:
            self.line.append(pointer.scene)
            self._cross(stroke)
        self.mark(cut=tuple(self.line), cut_wires=frozenset(self.crossed))
        count = len(self.crossed)
        self.hint(f"Cut {count} wire{'' if count == 1 else 's'}" if count else "", pointer.pos)

    def _cross(self, stroke: QLineF) -> None:
        area = QRectF(stroke.p1(), stroke.p2()).normalized().adjusted(-1, -1, 1, 1)
        for key in self.scene.wires_in(area):
            if key not in self.crossed and crosses(self.scene.wires[key].points(), stroke):
                self.crossed[key] = None

    def dropped(self, pointer: Pointer) -> None:
        self.dragged(pointer)
        self._clear()
        wires = [self.document.wires_into(target).get(port) for target, port in self.crossed]
        there = [wire for wire in wires if wire is not None]
        if there:
            self.editor.attempt(lambda: wiring.disconnect(self.document, there))

    def cancelled(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.mark(cut=(), cut_wires=frozenset())


def crosses(way: Sequence[QPointF], stroke: QLineF) -> bool:
    """Whether a straight stroke meets the wire that goes through these points."""
    return any(_meet(stroke, QLineF(start, end)) for start, end in pairwise(way))


def _meet(one: QLineF, other: QLineF) -> bool:
    kind, _ = one.intersects(other)
    return kind == QLineF.IntersectionType.BoundedIntersection
