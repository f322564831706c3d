"""Keeps shortcuts from firing while the user types text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

if TYPE_CHECKING:
    from collections.abc import Callable

_WITH = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


class TypingGuard(QObject):
    """Gives the keys to the text field that has the focus, before Qt looks for a shortcut.

    It listens to the one field with the focus, never to all events of the application: those are
    thousands a second while the canvas moves.

    Args:
        takes: whether a text field gets these keys though an action has them.
        parent: Qt's.
    """

    def __init__(self, takes: Callable[[QKeySequence], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._takes = takes
        self._watched: QWidget | None = None
        app = QGuiApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._focus_changed)
            self._focus_changed(None, app.focusWidget())

    def _focus_changed(self, _: QWidget | None, now: QWidget | None) -> None:
        # A field that is deleted loses the focus when Python can't reach it any more.
        if self._watched is not None and isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = None
        if now is not None and isinstance(
            now, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox | QComboBox
        ):
            now.installEventFilter(self)
            self._watched = now

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and _types(watched)
            and (_prints(event) or self._takes(QKeySequence(event.keyCombination())))
        ):
            event.accept()
            return True
        return False


def _types(widget: QObject) -> bool:
    """Whether keys pressed in a widget become text there."""
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox):
        return not widget.isReadOnly()
    return False


def _prints(event: QKeyEvent) -> bool:
    return not event.modifiers() & _WITH and bool(event.text()) and event.text().isprintable()
