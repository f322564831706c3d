"""A number: typed, worked out ("2*64"), nudged by the arrow keys, or dragged sideways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from studio.editing.changes import same
from ui.editor.inline.kinds import fraction, number_text, shown
from ui.editor.inline.line import LineField
from ui.editor.inline.numbers import parse_number
from ui.editor.inline.scrubbing import nudge, scrub

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent
    from PySide6.QtWidgets import QWidget

    from studio.spec import Param

DRAG = 3
"""Pixels after which a press is a drag."""
_COARSE = 10


class ScrubLine(QLineEdit):
    """A line that is dragged while it isn't typed in, and typed in after a click."""

    def __init__(self, field: NumberField) -> None:
        super().__init__(field)
        self._field = field
        self._pressed: float | None = None
        self._dragging = False
        # A click must not focus it: it may become a drag.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.hasFocus() or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self._pressed = event.globalPosition().x()
        self._dragging = False
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        dx = event.globalPosition().x() - self._pressed
        if not self._dragging and abs(dx) > DRAG:
            self._dragging = True
            self._field.start_drag()
        if self._dragging:
            self._field.drag(dx, event.modifiers())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            super().mouseReleaseEvent(event)
            return
        self._pressed = None
        if not self._dragging:
            self._field.begin()
        self._dragging = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self._field.show_typed()
        super().focusInEvent(event)
        self.selectAll()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        super().focusOutEvent(event)
        self.deselect()


class NumberField(LineField):
    """A number or, with a short range, a slider."""

    line: ScrubLine

    def __init__(self, param: Param, parent: QWidget | None, *, slider: bool = False,
                 scale: float = 1.0) -> None:  # fmt: skip
        self._slider = slider
        self._start: Any = None
        super().__init__(param, parent, scale=scale)
        self.number = param

    def make_line(self) -> QLineEdit:
        return ScrubLine(self)

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        self._fill(value)

    def text_of(self, value: Any) -> str:
        assert self.param is not None
        if value is None:
            return ""
        return self._typed(value) if self.line.hasFocus() else shown(self.param, value)

    def show_typed(self) -> None:
        """Show the number as one types it: without its unit."""
        if not self.trouble:
            self.line.setText(self.text_of(self.value))

    def focus_left(self, event: QFocusEvent) -> None:
        super().focus_left(event)
        if not self.trouble:
            self.line.setText(shown(self.param, self.value))

    def dirty(self) -> bool:
        text = self.line.text()
        return text not in (shown(self.param, self.value), self._typed(self.value))

    def read(self) -> Any:
        assert self.param is not None
        return parse_number(self.line.text(), self.param)

    def commit(self) -> bool:
        taken = super().commit()
        if taken and self.line.hasFocus():
            typed = self._typed(self.value)
            if self.line.text() != typed:
                self.line.setText(typed)
        self._fill(self.value)
        return taken

    def key(self, event: QKeyEvent) -> bool:
        count = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if count is None:
            return super().key(event)
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            count *= _COARSE
        if not self.commit():
            return True
        self._set(nudge(self.number, self.value, count))
        self.line.selectAll()
        return True

    # Dragging

    def start_drag(self) -> None:
        self._start = self.value
        self.set_trouble("")
        self.gesture_began.emit()

    def drag(self, dx: float, modifiers: Qt.KeyboardModifier) -> None:
        """Show the value of a drag of `dx` pixels and tell of it."""
        value = scrub(self.number, self._start, dx / self.scale, modifiers)
        if same(value, self.value):
            return
        self.value = value
        self.show_value(value)
        self.gestured.emit(value)

    def _set(self, value: Any) -> None:
        if not same(value, self.value):
            self.show_value(value)
            self.committed.emit(value)

    def _typed(self, value: Any) -> str:
        assert self.param is not None
        return "" if value is None else number_text(self.param, value)

    def _fill(self, value: Any) -> None:
        if self._slider and self.param is not None:
            self.filled = fraction(self.param, value)
            self.update()
