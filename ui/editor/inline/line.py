"""One line of text, and the name pattern of a file, whose fields are offered after a `{`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCompleter, QLineEdit

from studio.names import FIELDS, pattern_fault
from ui.editor.inline.field import BARE, Field
from ui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QWidget

    from studio.spec import Param


_LONGEST = 2**24
"""Letters."""


class LineField(Field):
    """A text of one line; Enter takes it."""

    def __init__(self, param: Param | None, parent: QWidget | None, *, scale: float = 1.0) -> None:
        super().__init__(param, parent, scale=scale)
        self.line = self.make_line()
        # Qt cuts what is longer, and the rest would be lost.
        self.line.setMaxLength(_LONGEST)
        self._shown = ""
        self.line.setFrame(False)
        self.line.setStyleSheet(BARE)
        self.line.setTextMargins(-2, 0, -2, 0)  # Qt's own two pixels: text lines up with buttons'
        self.line.setFont(self.scaled_font(fonts.value()))
        self.line.textEdited.connect(self._edited)
        self.row.addWidget(self.line, 1)
        self.set_main(self.line)

    def make_line(self) -> QLineEdit:
        return QLineEdit(self)

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        text = self.text_of(value)
        if text != self.line.text():
            self.line.setText(text)
            self.line.setCursorPosition(0)
        self._shown = self.line.text()
        self.line.setPlaceholderText(self.placeholder(value))

    def text_of(self, value: Any) -> str:
        """A value as one types it."""
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value)

    def placeholder(self, value: Any) -> str:
        """What stands, pale, in an empty line."""
        if value is None and self.param is not None:
            return "none" if self.param.nullable else "needed"
        return ""

    def read(self) -> Any:
        text = self.line.text()
        if not text and self.param is not None and self.param.nullable:
            return None
        if not text and self.value is None:
            return None
        return text

    def dirty(self) -> bool:
        # Qt may show a text otherwise than it is; that alone changes nothing.
        return self.line.text() not in (self._shown, self.text_of(self.value))

    def begin(self) -> None:
        super().begin()
        self.line.selectAll()

    def _edited(self, _: str) -> None:
        self.recheck()


class NameField(LineField):
    """A name pattern: `{graph}_{counter}`. A `{` offers the fields there are."""

    def __init__(self, param: Param | None, parent: QWidget | None, *, scale: float = 1.0) -> None:
        super().__init__(param, parent, scale=scale)
        check = self.judge
        self.judge = lambda value: check(_sound(value))
        self.completer = QCompleter([f"{{{name}}}" for name in FIELDS], self)
        self.completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.completer.setWidget(self.line)
        popup = self.completer.popup()
        assert popup is not None
        self.list = popup
        self.completer.activated.connect(self._complete)
        fields = "\n".join(f"{{{name}}}: {help}" for name, help in FIELDS.items())
        self.line.setToolTip(f"Folders are divided by /. In braces:\n{fields}")

    def key(self, event: QKeyEvent) -> bool:
        if self.list.isVisible() and event.key() in (
            Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab,
        ):  # fmt: skip
            event.ignore()  # the list's
            return False
        return super().key(event)

    def _edited(self, text: str) -> None:
        super()._edited(text)
        before = self._open_brace()
        if before is None:
            self.list.hide()
            return
        self.completer.setCompletionPrefix(before)
        self.completer.complete()

    def _open_brace(self) -> str | None:
        """What stands between the last open brace and the cursor, the brace included."""
        before = self.line.text()[: self.line.cursorPosition()]
        place = before.rfind("{")
        return before[place:] if place >= 0 and "}" not in before[place:] else None

    def _complete(self, word: str) -> None:
        text, cursor = self.line.text(), self.line.cursorPosition()
        start = cursor - len(self._open_brace() or "")
        rest = text[cursor:].removeprefix("}")
        self.line.setText(text[:start] + word + rest)
        self.line.setCursorPosition(start + len(word))
        self.recheck()


def _sound(value: Any) -> Any:
    if isinstance(value, str) and (fault := pattern_fault(value)):
        raise ValueError(f"{fault[0].upper()}{fault[1:]}.")
    return value
