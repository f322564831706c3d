"""Space and drag, the middle button, and the wheel: moving over the canvas by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

    from ui.editor.view import GraphView

_SCROLL = 60.0
"""Viewport pixels for a notch of the wheel with Shift."""


class Panning:
    """Moves a view by hand.

    Args:
        view: moved.
    """

    def __init__(self, view: GraphView) -> None:
        self._view = view
        self._space = False
        self._button = Qt.MouseButton.NoButton
        self._last = QPointF()

    @property
    def active(self) -> bool:
        """A drag moves the view."""
        return self._button is not Qt.MouseButton.NoButton

    def press(self, event: QMouseEvent) -> bool:
        """True where the press begins a pan, or comes in the middle of one."""
        if self.active:
            return True
        middle = event.button() == Qt.MouseButton.MiddleButton
        if not middle and not (self._space and event.button() == Qt.MouseButton.LeftButton):
            return False
        self._button = event.button()
        self._last = event.position()
        self._view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        return True

    def move(self, event: QMouseEvent) -> bool:
        """True while a drag moves the view."""
        if not self.active:
            return False
        step = (event.position() - self._last).toPoint()
        # What is left of a pixel stays for the next move.
        self._last += QPointF(step)
        self._view.pan_by(step.x(), step.y())
        return True

    def release(self, event: QMouseEvent) -> bool:
        """True where a pan ends, or another button comes up in the middle of one."""
        if not self.active:
            return False
        if event.button() == self._button:
            self._button = Qt.MouseButton.NoButton
            self._show_cursor()
        return True

    def key_press(self, event: QKeyEvent) -> bool:
        """True for Space, which is held to pan."""
        if event.key() != Qt.Key.Key_Space or event.modifiers():
            return False
        if not event.isAutoRepeat() and not self._space:
            self._space = True
            self._show_cursor()
        return True

    def key_release(self, event: QKeyEvent) -> bool:
        """True for Space."""
        if event.key() != Qt.Key.Key_Space:
            return False
        if not event.isAutoRepeat():
            self._space = False
            if not self.active:
                self._show_cursor()
        return True

    def wheel(self, event: QWheelEvent) -> None:
        """Zoom at the mouse; with Shift, move sideways."""
        delta = event.angleDelta()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            notches = (delta.y() or delta.x()) / 120
            self._view.pan_by(notches * _SCROLL, 0)
        elif delta.y():
            self._view.navigation.zoom_by(delta.y() / 120, event.position())
        event.accept()

    def stop(self) -> None:
        """Let go of everything: the window lost the focus."""
        self._space = False
        if self.active:
            self._button = Qt.MouseButton.NoButton
        self._show_cursor()

    def _show_cursor(self) -> None:
        viewport = self._view.viewport()
        if self._space:
            viewport.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            viewport.unsetCursor()
