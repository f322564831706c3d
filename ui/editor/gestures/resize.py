"""Resizing: a node by its right edge, a frame by its sides and corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from studio.editing import edits, framing
from ui.editor.gestures.base import CTRL, LEFT, Gesture
from ui.editor.gestures.edits import back_to
from ui.editor.gestures.snapping import to_grid
from ui.theme import metrics

if TYPE_CHECKING:
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures
    from ui.editor.gestures.dragged import Rect

WIDEST = 1200.0
"""Canvas pixels."""
SMALLEST_FRAME = (80.0, 60.0)
SIDES = {
    "left": Qt.CursorShape.SizeHorCursor,
    "right": Qt.CursorShape.SizeHorCursor,
    "top": Qt.CursorShape.SizeVerCursor,
    "bottom": Qt.CursorShape.SizeVerCursor,
    "top_left": Qt.CursorShape.SizeFDiagCursor,
    "bottom_right": Qt.CursorShape.SizeFDiagCursor,
    "top_right": Qt.CursorShape.SizeBDiagCursor,
    "bottom_left": Qt.CursorShape.SizeBDiagCursor,
}
"""Parts of a frame that resize it, and the cursor there."""


class ResizeNode(Gesture):
    """Left-drag on a node's right edge: its width, on the grid unless Ctrl is held."""

    cursor = Qt.CursorShape.SizeHorCursor

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        self.node = pointer.target.node
        self.width = self.scene.size_of(self.node)[0]
        self.before = self.document.view.get(self.node)
        self.word = self.editor.new_gesture()

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        if pointer.button != LEFT or not pointer.target.is_part("resize"):
            return None
        gestures.editor.select([pointer.target.node])
        return cls(gestures, pointer)

    def dragged(self, pointer: Pointer) -> None:
        wanted = self.width + pointer.scene.x() - self.start.scene.x()
        step = 1 if pointer.holds(CTRL) else metrics.GRID
        width = min(WIDEST, max(float(metrics.NODE_MIN), to_grid(wanted, step)))
        self.editor.attempt(
            lambda: edits.set_view(self.document, [self.node], width=width, merge=self.word)
        )

    def cancelled(self) -> None:
        self.push(back_to(self.document, "view", self.node, self.before, self.word))


class ResizeFrame(Gesture):
    """Left-drag on a frame's side or corner."""

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        self.frame = pointer.target.frame
        self.part = pointer.target.frame_part
        box = self.scene.frames[self.frame].scene_rect()
        self.box: Rect = (box.left(), box.top(), box.width(), box.height())
        self.rect = self.box

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        target = pointer.target
        if pointer.button != LEFT or target.node or target.frame_part not in SIDES:
            return None
        gestures.editor.scene.set_selection((), (target.frame,))
        gestures.view.viewport().setCursor(SIDES[target.frame_part])
        return cls(gestures, pointer)

    def dragged(self, pointer: Pointer) -> None:
        delta = pointer.scene - self.start.scene
        step = 1 if pointer.holds(CTRL) else metrics.GRID
        self.rect = _pulled(self.box, self.part, delta.x(), delta.y(), step)
        self.scene.preview({}, {self.frame: self.rect})

    def dropped(self, pointer: Pointer) -> None:
        self.dragged(pointer)
        self.editor.attempt(
            lambda: framing.set_frame(self.document, self.frame, rect=self.rect)
        )
        self.scene.end_preview()

    def cancelled(self) -> None:
        self.scene.end_preview()


def _pulled(box: Rect, part: str, dx: float, dy: float, step: int) -> Rect:
    """A box with the sides named in `part` moved, and never smaller than `SMALLEST_FRAME`."""
    left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
    wide, high = SMALLEST_FRAME
    if "left" in part:
        left = min(to_grid(left + dx, step), right - wide)
    if "right" in part:
        right = max(to_grid(right + dx, step), left + wide)
    if "top" in part:
        top = min(to_grid(top + dy, step), bottom - high)
    if "bottom" in part:
        bottom = max(to_grid(bottom + dy, step), top + high)
    return left, top, right - left, bottom - top
