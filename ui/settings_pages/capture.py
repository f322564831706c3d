"""A field that takes the next keys pressed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QMouseEvent
from PySide6.QtWidgets import QLineEdit, QWidget

_MODIFIERS = frozenset({
    Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr,
    Qt.Key.Key_CapsLock, Qt.Key.Key_NumLock, Qt.Key.Key_unknown,
})  # fmt: skip


class KeyCapture(QLineEdit):
    """Shows keys, and while it listens takes those that are pressed, Tab and Del among them.

    Esc ends listening without a change. It listens after `listen` or a click, so that Tab goes on
    to the next field otherwise.

    Args:
        parent: Qt's.
    """

    captured = Signal(str)
    """Keys in portable text."""
    listening = False
    """The next keys are taken."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self._resting = "Select an action"
        self.setPlaceholderText(self._resting)

    def rest(self, words: str) -> None:
        """Words to show while it doesn't listen and has no keys."""
        self._resting = words
        if not self.listening:
            self.setPlaceholderText(words)

    def listen(self) -> None:
        """Take the next keys."""
        self.listening = True
        self.clear()
        self.setPlaceholderText("Press the keys (Esc: leave it)")
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def stop(self) -> None:
        """Listen no more."""
        self.listening = False
        self.setPlaceholderText(self._resting)

    def event(self, event: QEvent) -> bool:
        if self.listening and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                self._take(event)
                return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.isEnabled():
            self.listen()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.stop()
        super().focusOutEvent(event)

    def _take(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _MODIFIERS:
            return
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Escape and not modifiers:
            self.stop()
            return
        if key == Qt.Key.Key_Backtab:
            key = Qt.Key.Key_Tab
        elif _made_by_shift(event):
            # "?" is "?" whatever makes it on this keyboard.
            modifiers &= ~Qt.KeyboardModifier.ShiftModifier
        sequence = QKeySequence(int(key) | modifiers.value)
        text = sequence.toString(QKeySequence.SequenceFormat.PortableText)
        self.stop()
        self.setText(sequence.toString(QKeySequence.SequenceFormat.NativeText))
        self.captured.emit(text)


def _made_by_shift(event: QKeyEvent) -> bool:
    text = event.text()
    return (
        len(text) == 1
        and text.isprintable()
        and not text.isalnum()
        and not text.isspace()
        and not event.modifiers()
        & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    )
