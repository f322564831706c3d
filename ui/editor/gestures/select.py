"""Selecting: clicks on wires and frames, and the rubber band over empty canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

from ui.editor.gestures.base import CTRL, LEFT, SHIFT, Gesture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures


def turned(chosen: Sequence[str], names: Sequence[str]) -> list[str]:
    """The selection after those of `names` that were in it went, and the others came."""
    going, there = set(names), set(chosen)
    return [
        *(name for name in chosen if name not in going),
        *(name for name in names if name not in there),
    ]


class RubberBand(Gesture):
    """Left-drag over empty canvas: all nodes the band touches, and frames wholly inside it.

    Shift adds to what is selected, Ctrl turns round whether each is selected. A click alone
    selects nothing, unless one of these is held.
    """

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        self.nodes = self.scene.selected_nodes()
        self.frames = self.scene.selected_frames()

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        if pointer.button == LEFT and pointer.target.is_empty:
            return cls(gestures, pointer)
        return None

    def clicked(self, pointer: Pointer) -> None:
        if not self.start.modifiers & (SHIFT | CTRL):
            self.scene.set_selection((), ())

    def dragged(self, pointer: Pointer) -> None:
        band = QRectF(self.start.scene, pointer.scene).normalized()
        nodes = self.scene.names_in(band)
        frames = [
            name for name, item in self.scene.frames.items() if band.contains(item.scene_rect())
        ]
        if pointer.holds(CTRL):
            nodes, frames = turned(self.nodes, nodes), turned(self.frames, frames)
        elif pointer.holds(SHIFT):
            nodes, frames = [*self.nodes, *nodes], [*self.frames, *frames]
        self.scene.set_selection(nodes, frames)
        self.mark(band=band)

    def dropped(self, pointer: Pointer) -> None:
        self.dragged(pointer)
        self.mark(band=None)

    def cancelled(self) -> None:
        self.scene.set_selection(self.nodes, self.frames)
        self.mark(band=None)


class ClickWire(Gesture):
    """Left click on a wire: select the nodes at its ends. A drag there is a rubber band."""

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        if pointer.button == LEFT and pointer.target.wire is not None:
            return cls(gestures, pointer)
        return None

    def clicked(self, pointer: Pointer) -> None:
        assert self.start.target.wire is not None
        target, port = self.start.target.wire
        wire = self.document.wires_into(target).get(port)
        if wire is None:
            return
        ends = [name for name in (wire.source.node, target) if name in self.document.nodes]
        self.scene.select(ends, add=bool(self.start.modifiers & (SHIFT | CTRL)))

    def begun(self, pointer: Pointer) -> None:
        self.gestures.hand_over(RubberBand(self.gestures, self.start), pointer)
