"""Hands the view's mouse, pen, wheel and keys to the tool in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QTabletEvent,
    QWheelEvent,
)

from ui.paint.tools.acts import WHEEL_ZOOM
from ui.paint.tools.base import ALT, CTRL, LEFT, MIDDLE, NO_BUTTON, SHIFT
from ui.paint.tools.hold import Hold
from ui.paint.tools.keys import action_of
from ui.paint.tools.touches import Touches, begins

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.paint.tools.base import Tool
    from ui.paint.view import PaintView

WHEEL_SIZE = 1.1
SCROLL = 60.0
"""View pixels for a notch of the wheel with Shift."""
_AGAIN = ("size.", "zoom.")
"""What a key does again and again while it is held."""
_MODIFIERS = {
    Qt.Key.Key_Shift: SHIFT,
    Qt.Key.Key_Control: CTRL,
    Qt.Key.Key_Alt: ALT,
}


class Hands(Hold):
    """The hands on one view: listens to its events, and holds the tools.

    Args:
        view: whose events come here; the parent.
    """

    def __init__(self, view: PaintView) -> None:
        super().__init__(view)
        self._touches = Touches(view)
        self._handlers: dict[QEvent.Type, Callable[[QEvent], bool]] = {
            QEvent.Type.MouseButtonPress: self._mouse_press,
            QEvent.Type.MouseButtonDblClick: self._mouse_press,
            QEvent.Type.MouseMove: self._mouse_move,
            QEvent.Type.MouseButtonRelease: self._mouse_release,
            QEvent.Type.TabletPress: self._tablet,
            QEvent.Type.TabletMove: self._tablet,
            QEvent.Type.TabletRelease: self._tablet,
            QEvent.Type.Wheel: self._wheel,
            QEvent.Type.NativeGesture: self._gesture,
            QEvent.Type.ShortcutOverride: self._shortcut,
            QEvent.Type.KeyPress: self._key_press,
            QEvent.Type.KeyRelease: self._key_release,
            QEvent.Type.Leave: self._leave,
            QEvent.Type.FocusOut: self._focus_out,
            QEvent.Type.Hide: self._hidden,
            QEvent.Type.ContextMenu: self._menu,
        }
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        view = self.__dict__.get("view")
        if view is None:
            return False  # the interpreter ends, and has taken this object apart already
        if watched is not view:
            # All of the application's events, while a pen is down: it went out of reach?
            if event.type() == QEvent.Type.TabletLeaveProximity and self._pen:
                self._lost()
            return False
        handler = self._handlers.get(event.type())
        return handler(event) if handler is not None else False

    def _mouse_press(self, event: QEvent) -> bool:
        assert isinstance(event, QMouseEvent)
        if self._pen or self._touches.is_echo(event):
            return True
        if self._held is not None:
            if event.button() != self._button:
                return True  # a second button in the middle of a drag
            self._lost()  # it came up where nobody told
        double = event.type() == QEvent.Type.MouseButtonDblClick
        self._press(self._touches.of(event), event.button(), double=double)
        return True

    def _mouse_move(self, event: QEvent) -> bool:
        assert isinstance(event, QMouseEvent)
        if self._pen or self._touches.is_echo(event):
            return True
        if self._held is not None and not event.buttons() & self._button:
            self._lost()
        touch = self._touches.of(event)
        if self._held is not None:
            self._feed(touch)
        else:
            self._hover(touch, down=event.buttons() != NO_BUTTON)
        return True

    def _mouse_release(self, event: QEvent) -> bool:
        assert isinstance(event, QMouseEvent)
        if self._pen or self._touches.is_echo(event):
            return True
        if event.button() == self._button:
            self._release(self._touches.of(event))
        return True

    def _tablet(self, event: QEvent) -> bool:
        assert isinstance(event, QTabletEvent)
        # Accepted, or Qt makes mouse events of them; some systems do so all the same.
        event.accept()
        self._touches.pen_was_here()
        if self._held is not None and not self._pen:
            return True  # the mouse has the picture
        touch = self._touches.of(event)
        kind = event.type()
        if kind == QEvent.Type.TabletPress:
            if self._held is not None and event.button() == self._button:
                self._lost()  # it came up where nobody told
            if self._held is None and (begins(event) or event.button() == MIDDLE):
                self._pen_down()
                double = event.button() == LEFT and self._touches.is_double(touch)
                self._press(touch, event.button(), double=double)
            return True
        if kind == QEvent.Type.TabletRelease:
            if self._held is not None and event.button() == self._button:
                self._release(touch)
            elif self._pen and self._held is None and not event.buttons():
                self._pen_gone()
            return True
        if self._held is not None and not event.buttons() & self._button:
            self._lost()
        if self._held is not None:
            self._feed(touch)
        else:
            self._hover(touch, down=event.buttons() & LEFT == LEFT)
        return True

    def _wheel(self, event: QEvent) -> bool:
        assert isinstance(event, QWheelEvent)
        event.accept()
        if not self.view.painting.ready:
            return True
        delta, held = event.angleDelta(), event.modifiers()
        # With Alt some systems turn the wheel sideways.
        notches = (delta.y() or delta.x()) / 120
        settings, stage = self.view.settings, self.view
        if not notches:
            return True
        if held & CTRL:
            settings.radius *= WHEEL_SIZE**notches
        elif held & SHIFT:
            stage.pan_by(notches * SCROLL, 0.0)
        else:
            stage.zoom_to(stage.zoom * WHEEL_ZOOM**notches, event.position())
        self.settle()
        return True

    def _gesture(self, event: QEvent) -> bool:
        assert isinstance(event, QNativeGestureEvent)
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        if self.view.painting.ready:
            factor = max(1.0 + event.value(), 0.1)
            self.view.zoom_to(self.view.zoom * factor, event.position())
            self.settle()
        return True

    def _shortcut(self, event: QEvent) -> bool:
        """Which keys are the canvas's, before the window looks for a shortcut."""
        assert isinstance(event, QKeyEvent)
        action = action_of(event)
        if action in ("cancel", "take_back"):
            mine = self.busy
        else:
            # In the middle of a drag no shortcut may pull the ground from under it.
            mine = action is not None or self._held is not None or _ends(event, self.tool)
        if mine:
            event.accept()
        return mine

    def _key_press(self, event: QEvent) -> bool:
        assert isinstance(event, QKeyEvent)
        if (modifier := _modifier(event)) is not None:
            self._modifiers_are(event.modifiers() | modifier)
            return False
        action = action_of(event)
        if action == "overlay":
            if not event.isAutoRepeat():
                self.view.overlay_hidden = True
            return True
        if action == "pan":
            if not event.isAutoRepeat():
                self._space = True
                self._show_cursor()
            return True
        if action == "cancel":
            if not self.busy:
                return False
            self.cancel()
            return True
        if self._held is not None:
            if action == "take_back":
                self.cancel()
            elif action is not None and action.startswith("size"):
                self.acts.do(action)
                self.settle()
            return True
        if self.tool.busy and self.tool.key(event):
            return True
        if action is not None and event.isAutoRepeat() and not action.startswith(_AGAIN):
            return True  # held down, it isn't meant many times
        if action is None or not self.acts.do(action):
            return False
        self.settle()
        return True

    def _key_release(self, event: QEvent) -> bool:
        assert isinstance(event, QKeyEvent)
        if (modifier := _modifier(event)) is not None:
            self._modifiers_are(event.modifiers() & ~modifier)
            return False
        if event.isAutoRepeat():
            return False
        if event.key() == Qt.Key.Key_Space:
            self._space = False
            self._show_cursor()
            return True
        # Without AltGr, if that came up first, the same key is another: any key will do.
        if self.view.overlay_hidden and event.key() != Qt.Key.Key_AltGr:
            self.view.overlay_hidden = False
            return True
        return False

    def _leave(self, event: QEvent) -> bool:
        if self._held is None:
            self._gone()
        return False

    def _focus_out(self, event: QEvent) -> bool:
        held = self._let_go()
        if held is not None:
            held.cancel()
        self._space = False
        if self.view.overlay_hidden:
            self.view.overlay_hidden = False
        self.settle()
        return False

    def _hidden(self, event: QEvent) -> bool:
        self.cancel()
        self._gone()
        return False

    def _menu(self, event: QEvent) -> bool:
        """The right button takes away; it opens no menu."""
        assert isinstance(event, QContextMenuEvent)
        if event.reason() != QContextMenuEvent.Reason.Mouse:
            return False
        event.accept()
        return True


def _modifier(event: QKeyEvent) -> Qt.KeyboardModifier | None:
    """The modifier that a key is, if it is one."""
    return _MODIFIERS.get(Qt.Key(event.key())) if event.key() in _MODIFIERS else None


def _ends(event: QKeyEvent, tool: Tool) -> bool:
    """Whether a busy tool may want a key that is none of the canvas's otherwise."""
    wanted = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Backspace)
    return tool.busy and event.key() in wanted and not event.modifiers() & (CTRL | ALT)
