"""Hands the view's mouse and keys to the gesture under way, or begins one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent
from PySide6.QtWidgets import QToolTip

from ui.editor.gestures import menu_parts, menus
from ui.editor.gestures.base import CTRL, DRAG, LEFT, RIGHT, Gesture, Pointer, Target
from ui.editor.gestures.collapse import CollapseNode
from ui.editor.gestures.cut import CutWires
from ui.editor.gestures.doubles import double_click
from ui.editor.gestures.hint import Hint
from ui.editor.gestures.hover import Hover
from ui.editor.gestures.move import MoveNodes
from ui.editor.gestures.ports import ClearPort
from ui.editor.gestures.reroute import RerouteWire
from ui.editor.gestures.resize import ResizeFrame, ResizeNode
from ui.editor.gestures.rewire import MoveWires, ReattachWire
from ui.editor.gestures.select import ClickWire, RubberBand
from ui.editor.gestures.target import target_at
from ui.editor.gestures.tips import tip
from ui.editor.gestures.widgets import PressWidget
from ui.editor.gestures.wiring import PullInput, PullOutput
from ui.editor.keyboard import Keyboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QHelpEvent, QKeyEvent
    from PySide6.QtWidgets import QMenu

    from ui.editor.editor import GraphEditor
    from ui.editor.view import GraphView

PRESSES: tuple[type[Gesture], ...] = (
    CutWires,
    ClearPort,
    MoveWires,
    ReattachWire,
    PullOutput,
    PullInput,
    ResizeNode,
    CollapseNode,
    PressWidget,
    ResizeFrame,
    MoveNodes,
    RerouteWire,
    ClickWire,
    RubberBand,
)
"""Asked in this order which of them a press begins."""

RIM = 20
"""Viewport pixels from the edge of the view where a drag begins to move the view."""
PAN_STEP = 14
"""Viewport pixels that it moves every `PAN_EVERY` milliseconds, at most."""
PAN_EVERY = 16


class Gestures(QObject):
    """The hands on one canvas.

    Args:
        view: whose events come here; the parent.
    """

    action_wanted = Signal(str)
    """A menu asks for an action of the window, by id."""

    def __init__(self, view: GraphView) -> None:
        super().__init__(view)
        self.view = view
        self.editor: GraphEditor = view.editor
        self.current: Gesture | None = None
        self.menu: QMenu | None = None
        """The context menu last shown."""
        self.last = QPointF(-1, -1)
        """Where the mouse was last, in viewport pixels; (-1, -1) before it ever was here."""
        self.keys_of: Callable[[str], str] = menu_parts.keys_of
        """The shortcut that a menu shows for an action's id; whoever lets keys be set sets it."""
        self._modifiers = Qt.KeyboardModifier.NoModifier
        self._right: Pointer | None = None
        self.hint = Hint(view)
        self.hover = Hover(self)
        self.keyboard = Keyboard(self)
        self._pan = QTimer(self)
        self._pan.setInterval(PAN_EVERY)
        self._pan.timeout.connect(self._pan_on)
        view.installEventFilter(self)
        view.moved.connect(self._view_moved)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # In the middle of a gesture keys are the gesture's: F isn't "show selection" then, and
        # no undo may pull the ground from under a drag.
        if event.type() == QEvent.Type.ShortcutOverride and self.current is not None:
            event.accept()
            return True
        return super().eventFilter(watched, event)

    # The view's events

    def press(self, event: QMouseEvent) -> None:
        """A button went down."""
        if self.current is not None:
            if event.buttons() & self.current.start.button:
                return  # a second button in the middle of a drag
            self.cancel()
        pointer = self._pointer(event, with_target=True)
        self.view.setFocus(Qt.FocusReason.MouseFocusReason)
        self.hover.clear()
        QToolTip.hideText()
        self._right = pointer if event.button() == RIGHT and not pointer.holds(CTRL) else None
        self.begin(pointer)

    def double_click(self, event: QMouseEvent) -> None:
        """A second press at once; what has no meaning of its own is another press."""
        pointer = self._pointer(event, with_target=True)
        if event.button() != LEFT or not double_click(self, pointer):
            self.press(event)

    def move(self, event: QMouseEvent) -> None:
        """The mouse moved, with or without a button."""
        pointer = self._pointer(event)
        if self.current is not None and not event.buttons() & self.current.start.button:
            # The button came up where nobody told: in a dialog, or outside a lost window.
            self.cancel()
        if self.current is not None:
            self._feed(pointer)
        elif not event.buttons():
            self.hover.at(pointer)

    def release(self, event: QMouseEvent) -> None:
        """A button came up."""
        pointer = self._pointer(event)
        right, self._right = self._right, None
        if self.current is not None:
            if event.button() == self.current.start.button:
                gesture = self.current
                self._end()
                gesture.release(pointer)
                self._tidy()
        elif right is not None and event.button() == RIGHT and not _apart(right, pointer):
            menus.show(self, right)
        if self.current is None:
            self.hover.at(pointer)

    def key_press(self, event: QKeyEvent) -> bool:
        """A key; True where it was for the canvas."""
        if self.current is None:
            return self.keyboard.press(event)
        if event.key() == Qt.Key.Key_Escape:
            self.cancel()
            return True
        taken = self.current.key(event)
        self._modifiers_changed(event)
        return taken

    def key_release(self, event: QKeyEvent) -> bool:
        """A key came up: what a held modifier does to a drag ends at once."""
        self._modifiers_changed(event)
        return False

    def context_menu(self, event: QContextMenuEvent) -> None:
        """The menu key; the mouse's menus come when its right button goes up."""
        event.accept()
        if event.reason() != QContextMenuEvent.Reason.Mouse and self.current is None:
            menus.show_for_selection(self)

    def tool_tip(self, event: QHelpEvent) -> bool:
        """Say what lies under the mouse, after it rested there."""
        if self.current is None:
            scene = self.view.mapToScene(event.pos())
            words = tip(self.editor, target_at(self.view, scene))
            QToolTip.showText(event.globalPos(), words, self.view.viewport())
        return True

    def menu_gone(self) -> None:
        """The context menu is being closed."""
        menu, self.menu = self.menu, None
        if menu is not None:
            menu.deleteLater()

    def leave(self) -> None:
        """The mouse left the view."""
        self.hover.clear()

    def cancel(self) -> None:
        """Give up the gesture under way, if there is one."""
        if (gesture := self.current) is not None:
            self._end()
            gesture.cancelled()
            self._tidy()

    # For gestures

    def begin(self, pointer: Pointer) -> None:
        """Begin the gesture that this press means."""
        for kind in PRESSES:
            if (gesture := kind.at(self, pointer)) is not None:
                self.current = gesture
                return

    def hand_over(self, gesture: Gesture, pointer: Pointer) -> None:
        """Go on with another gesture, as a drag that began at its start."""
        self.current = gesture
        gesture.move(pointer)

    @property
    def mouse_in_scene(self) -> QPointF:
        """Where the mouse is on the canvas; the view's middle where it isn't over the view."""
        area = self.view.viewport().rect()
        inside = area.contains(self.last.toPoint())
        return self.scene_at(self.last if inside else QPointF(area.center()))

    def scene_at(self, pos: QPointF) -> QPointF:
        """A place in the viewport on the canvas, to less than a pixel."""
        return self.view.to_scene(pos)

    # Inside

    def _pointer(self, event: QMouseEvent, *, with_target: bool = False) -> Pointer:
        self.last = event.position()
        self._modifiers = event.modifiers()
        scene = self.scene_at(self.last)
        target = target_at(self.view, scene) if with_target else Target()
        return Pointer(self.last, scene, event.button(), event.modifiers(), target)

    def _feed(self, pointer: Pointer) -> None:
        assert self.current is not None
        self.current.move(pointer)
        if (now := self.current) is not None and now.dragging:
            if now.cursor is not None:
                self.view.viewport().setCursor(now.cursor)
            if now.pans and self._rim(pointer.pos) != (0, 0) and not self._pan.isActive():
                self._pan.start()

    def _modifiers_changed(self, event: QKeyEvent) -> None:
        if self.current is None or not self.current.dragging:
            return
        held = _MODIFIERS.get(Qt.Key(event.key()))
        if held is None:
            return
        down = event.type() == QEvent.Type.KeyPress
        self._modifiers = self._modifiers | held if down else self._modifiers & ~held
        self._feed(self.again())

    def again(self) -> Pointer:
        """The mouse where it is, after the view or a modifier changed under it."""
        return Pointer(self.last, self.scene_at(self.last), modifiers=self._modifiers)

    def _rim(self, pos: QPointF) -> tuple[int, int]:
        """How far to move the view for a drag at `pos`, in pixels."""
        area = self.view.viewport().rect()
        return _beyond(pos.x(), area.width()), _beyond(pos.y(), area.height())

    def _pan_on(self) -> None:
        step = self._rim(self.last)
        if self.current is None or not self.current.dragging or step == (0, 0):
            self._pan.stop()
            return
        self.view.pan_by(-step[0], -step[1])

    def _view_moved(self) -> None:
        """What is dragged goes with the mouse, also when the canvas moves below it."""
        if self.current is not None and self.current.dragging:
            self._feed(self.again())

    def _end(self) -> None:
        self.current = None
        self._pan.stop()

    def _tidy(self) -> None:
        self.hint.hide()
        self.view.viewport().unsetCursor()
        self.hover.clear()


def _apart(one: Pointer, other: Pointer) -> bool:
    """Too far from one another to be a click."""
    return (one.pos - other.pos).manhattanLength() >= DRAG


def _beyond(at: float, size: int) -> int:
    if at < RIM:
        return -min(PAN_STEP, round((RIM - at) / 2) + 1)
    if at > size - RIM:
        return min(PAN_STEP, round((at - size + RIM) / 2) + 1)
    return 0


_MODIFIERS = {
    Qt.Key.Key_Shift: Qt.KeyboardModifier.ShiftModifier,
    Qt.Key.Key_Control: Qt.KeyboardModifier.ControlModifier,
    Qt.Key.Key_Alt: Qt.KeyboardModifier.AltModifier,
}
