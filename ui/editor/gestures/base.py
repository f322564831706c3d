"""What a gesture is: begun by a press, fed with moves and keys, ended by a release or given up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import QPointF, Qt

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

    from studio.editing.changes import Edit
    from studio.editing.document import Document
    from ui.editor.editor import GraphEditor
    from ui.editor.geometry import Hit
    from ui.editor.gestures.dispatch import Gestures
    from ui.editor.scene import GraphScene
    from ui.editor.view import GraphView

DRAG = 4.0
"""Viewport pixels that the mouse moves before a press is a drag and not a click."""

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
PLAIN = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton
RIGHT = Qt.MouseButton.RightButton


@dataclass(frozen=True)
class Target:
    """What lies under a point; the first of node, wire and frame that does.

    Args:
        node: id of the node.
        hit: the part of that node.
        wire: the wire's target and port.
        frame: id of the frame.
        frame_part: "title", "body" or the side or corner that resizes it.
    """

    node: str = ""
    hit: Hit | None = None
    wire: tuple[str, str] | None = None
    frame: str = ""
    frame_part: str = ""

    def is_part(self, *parts: str) -> bool:
        """Whether it is one of these parts of a node."""
        return self.hit is not None and self.hit.part in parts

    @property
    def is_empty(self) -> bool:
        """Nothing is there but canvas, or the inside of a frame."""
        return not self.node and self.wire is None and self.frame_part in ("", "body")


@dataclass(frozen=True)
class Pointer:
    """The mouse at one moment.

    Args:
        pos: in viewport pixels.
        scene: the same place on the canvas.
        button: the one that went down or up; none for a move.
        modifiers: keys held.
        target: what is under it; only known where a gesture may begin.
    """

    pos: QPointF
    scene: QPointF
    button: Qt.MouseButton = Qt.MouseButton.NoButton
    modifiers: Qt.KeyboardModifier = PLAIN
    target: Target = field(default_factory=Target)

    def holds(self, modifier: Qt.KeyboardModifier) -> bool:
        return bool(self.modifiers & modifier)

    @property
    def plain(self) -> bool:
        """No modifier is held."""
        return not self.modifiers & (ALT | CTRL | SHIFT)


class Gesture:
    """One gesture under way. `at` makes one where a press begins it.

    Args:
        gestures: the canvas's.
        pointer: the press.
    """

    cursor: ClassVar[Qt.CursorShape | None] = None
    """Shown once the press has become a drag."""
    pans: ClassVar[bool] = True
    """A drag to the rim of the view moves the view."""

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        self.gestures = gestures
        self.start = pointer
        self.dragging = False

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        """The gesture, if this press begins it; some are only ever handed over to."""
        return None

    # What happens to it. `dragged` and `dropped` come only once the mouse went `DRAG` pixels.

    def clicked(self, pointer: Pointer) -> None:
        """The button came up where it went down."""

    def begun(self, pointer: Pointer) -> None:
        """The press has become a drag; `dragged` follows at once."""

    def dragged(self, pointer: Pointer) -> None:
        """The mouse is elsewhere, or a modifier changed."""

    def dropped(self, pointer: Pointer) -> None:
        """The drag's end: make the edit."""

    def key(self, event: QKeyEvent) -> bool:
        """A key in the middle of it; True takes it."""
        return False

    def cancelled(self) -> None:
        """Given up (Esc, the window lost the focus): leave the document as it was."""

    # Driven by `Gestures`

    def move(self, pointer: Pointer) -> None:
        if not self.dragging:
            if (pointer.pos - self.start.pos).manhattanLength() < DRAG:
                return
            self.dragging = True
            self.begun(pointer)
            if self.gestures.current is not self:
                return  # handed over, or came to nothing
        self.dragged(pointer)

    def release(self, pointer: Pointer) -> None:
        if self.dragging:
            self.dropped(pointer)
        else:
            self.clicked(pointer)

    # Shorthand

    @property
    def editor(self) -> GraphEditor:
        return self.gestures.editor

    @property
    def document(self) -> Document:
        return self.gestures.editor.document

    @property
    def scene(self) -> GraphScene:
        return self.gestures.editor.scene

    @property
    def view(self) -> GraphView:
        return self.gestures.view

    def mark(self, **marks: Any) -> None:
        """Change some of the canvas's marks."""
        self.scene.set_marks(replace(self.scene.marks, **marks))

    def reach(self, pixels: float) -> float:
        """A distance on the screen as one on the canvas."""
        return pixels / self.view.zoom

    def hint(self, words: str, pos: QPointF | None = None, *, bad: bool = False) -> None:
        """Say something beside the mouse; nothing where `words` is empty."""
        self.gestures.hint.say(words, pos or self.start.pos, bad=bad)

    def push(self, edit: Edit) -> bool:
        return self.editor.push(edit)
