"""Moving nodes and frames, and what goes with it: copies, frames joined, wires spliced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QRectF, Qt

from studio.editing import clipboard, edits, framing
from studio.editing.changes import Edit, EditRefused
from ui.editor.gestures import insert
from ui.editor.gestures.base import ALT, CTRL, LEFT, SHIFT, Gesture
from ui.editor.gestures.dragged import Load
from ui.editor.gestures.edits import chain, undone
from ui.editor.gestures.select import turned
from ui.editor.gestures.snapping import snap

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QKeyEvent

    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures

SNAP = 6.0
"""Viewport pixels within which a node falls in line with another."""
NEIGHBOURS = 150
"""Boxes at most that a drag lines up with; beyond, the nearest."""

_NONE: tuple[QLineF, ...] = ()


class MoveNodes(Gesture):
    """Left-drag on a node, or on a frame's title: it moves, with all that is selected.

    Nodes fall in line with others within `SNAP`, else on the grid; Ctrl moves them freely. Alt
    held at the press leaves the originals and drags copies. F puts what is dragged into the frame
    under the mouse, or takes it out. A single loose node dropped on a wire goes into it, unless
    Alt is held.
    """

    cursor = Qt.CursorShape.ClosedHandCursor

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        self.node = pointer.target.node
        self.frame = "" if self.node else pointer.target.frame
        self.load = Load({}, {})
        self.by = (0.0, 0.0)
        """How far it was dragged, on whole pixels."""
        self.joins = ""
        """The frame whose members the drop changes."""
        self.copies: Edit | None = None
        self.splice: insert.Splice | None = None
        self._finder: insert.Finder | None = None
        self._boxes: list[QRectF] = []
        self._boxes_of = QRectF()
        self._was_selected = self._is_selected()
        self._selection = (self.scene.selected_nodes(), self.scene.selected_frames())
        self._originals = self._selection
        self._box = QRectF()

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        target = pointer.target
        if pointer.button != LEFT or not (target.node or target.frame_part == "title"):
            return None
        gesture = cls(gestures, pointer)
        gesture.select_at_press()
        return gesture

    # Selection

    def select_at_press(self) -> None:
        """What isn't selected is, at once; Ctrl waits for the release, since it may be a drag."""
        if self._was_selected or self.start.holds(CTRL):
            return
        self._select(add=self.start.holds(SHIFT))

    def clicked(self, pointer: Pointer) -> None:
        if self.start.holds(CTRL):
            nodes, frames = self._selection
            self.scene.set_selection(
                turned(nodes, [self.node] if self.node else []),
                turned(frames, [self.frame] if self.frame else []),
            )
        elif self.start.plain and self._was_selected:
            self._select(add=False)

    def _is_selected(self) -> bool:
        if self.node:
            return self.node in self.scene.selected_nodes()
        return self.frame in self.scene.selected_frames()

    def _select(self, *, add: bool) -> None:
        nodes, frames = self._selection if add else ([], [])
        nodes = [*nodes, self.node] if self.node else nodes
        frames = frames if self.node else [*frames, self.frame]
        self.scene.set_selection(nodes, frames)

    # The drag

    def begun(self, pointer: Pointer) -> None:
        if not self._is_selected():
            self._select(add=True)
        self._originals = (self.scene.selected_nodes(), self.scene.selected_frames())
        if self.start.holds(ALT):
            self._copy()
        self.load = Load.of(
            self.scene, self.scene.selected_nodes(), self.scene.selected_frames()
        )
        self._box = self.load.box(self.scene, self.node, self.frame)
        if len(self.load.nodes) == 1 and not self.load.frames:
            self._finder = insert.Finder(self.scene, next(iter(self.load.nodes)))

    def _copy(self) -> None:
        """Put copies where the originals are, and drag those."""
        load = Load.of(self.scene, self.scene.selected_nodes(), self.scene.selected_frames())
        names = list(load.nodes)
        try:
            edit = clipboard.duplicate(self.document, names, (0.0, 0.0))
        except EditRefused as refused:
            self.editor.message.emit(str(refused))
            return
        self.copies = Edit(edit.label, edit.changes, self.editor.new_gesture(), edit.created)
        frames = [change.key for change in edit.changes if change.section == "frames"]
        self.push(self.copies)
        self.scene.set_selection(edit.created, frames)
        # Copies come in the order of their originals.
        self.node = dict(zip(names, edit.created, strict=True)).get(self.node, "")
        if not self.node:
            self.frame = frames[0] if frames else ""
            self.node = "" if frames else edit.created[0]

    def dragged(self, pointer: Pointer) -> None:
        delta = pointer.scene - self.start.scene
        if pointer.holds(CTRL):
            dx, dy, guides = delta.x(), delta.y(), _NONE
        else:
            found = snap(self._box.translated(delta), self._standing(), self.reach(SNAP))
            dx, dy, guides = delta.x() + found.dx, delta.y() + found.dy, found.guides
        self.by = (float(round(dx)), float(round(dy)))
        self.scene.carry(self.load.nodes, self.load.frames, *self.by)
        self.splice = None if pointer.holds(ALT) else self._find_splice()
        if self.joins and self.joins != self.frame_under(pointer.scene):
            self.joins = ""
        self.mark(
            guides=guides,
            join_frame=self.joins or None,
            hot_wire=self.splice.key if self.splice else None,
        )
        self._explain(pointer)

    def _explain(self, pointer: Pointer) -> None:
        words = ""
        if self.splice:
            words = f"Insert {self.splice.words} (Alt: leave it loose)"
        elif self.joins:
            title = self.document.frames[self.joins].title or "the frame"
            words = f"{'Take out of' if self._members() else 'Put into'} {title}"
        self.hint(words, pointer.pos)

    def key(self, event: QKeyEvent) -> bool:
        if event.key() != Qt.Key.Key_F or not self.dragging or event.modifiers() & ~ALT:
            return False
        under = self.frame_under(self.gestures.mouse_in_scene)
        self.joins = "" if self.joins else under
        self.mark(join_frame=self.joins or None)
        if not under:
            self.hint("There is no frame under the mouse.", self.gestures.last)
        else:
            self._explain(self.gestures.again())
        return True

    def frame_under(self, scene_pos: QPointF) -> str:
        """The frame at a place, but for those that are dragged."""
        name = self.scene.frame_at(scene_pos) or ""
        return "" if name in self.load.frames else name

    def _members(self) -> bool:
        """All that is dragged belongs to the frame to join already."""
        return set(self.load.nodes) <= set(self.document.frames[self.joins].nodes)

    def _find_splice(self) -> insert.Splice | None:
        if self._finder is None:
            return None
        ((x, y),) = self.load.nodes.values()
        return self._finder.at((x + self.by[0], y + self.by[1]))

    def _standing(self) -> list[QRectF]:
        """The boxes in sight that stay where they are, gathered anew when the view moves."""
        sight = self.view.area()
        if sight != self._boxes_of:
            self._boxes_of = sight
            boxes = self._boxes_in(sight)
            if len(boxes) > NEIGHBOURS:
                here = self.start.scene
                boxes.sort(key=lambda box: (box.center() - here).manhattanLength())
                del boxes[NEIGHBOURS:]
            self._boxes = boxes
        return self._boxes

    def _boxes_in(self, sight: QRectF) -> list[QRectF]:
        """The nodes there, for a node; the frames, for a frame: those have other margins."""
        if self.frame:
            frames = self.scene.frames.items()
            return [item.scene_rect() for name, item in frames if name not in self.load.frames]
        return [
            QRectF(*self.document.position(name), *self.scene.size_of(name))
            for name in self.scene.names_in(sight)
            if name not in self.load.nodes
        ]

    # The end

    def dropped(self, pointer: Pointer) -> None:
        self.dragged(pointer)
        # The document first: then nothing jumps back and forth when the preview ends.
        if self.load.nodes or self.load.frames:
            self.editor.attempt(lambda: self._edit(self.load.shifted(*self.by)))
        self._clear()

    def _edit(self, moved: Load) -> Edit:
        document = self.document
        move = edits.move(document, moved.nodes, frames=moved.frames)
        label, steps = move.label, [lambda: move]
        if self.joins:
            joins, names = self.joins, list(moved.nodes)
            steps.append(lambda: framing.toggle_membership(document, joins, names))
            label = framing.toggle_membership(document, joins, names).label
        if self.splice is not None:
            splice = self.splice
            steps.append(lambda: insert.edit(self.scene, splice))
            label = splice.label
        whole = chain(document, label, *steps) if len(steps) > 1 else move
        if self.copies is None:
            return whole
        return Edit(self.copies.label, whole.changes, self.copies.merge)

    def cancelled(self) -> None:
        self._clear()
        # Something else may have taken them away meanwhile: an undo, a reloaded file.
        if self.copies is not None and self.document.nodes.keys() >= set(self.copies.created):
            self.push(undone(self.copies))
        self.scene.set_selection(*self._originals)

    def _clear(self) -> None:
        self.scene.end_preview()
        self.mark(guides=(), join_frame=None, hot_wire=None)
