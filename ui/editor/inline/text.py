"""Text of several lines. Prompts offer the names of embeddings, and weigh words by Ctrl+Up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QStringListModel, Qt, QTimer
from PySide6.QtGui import QPalette, QTextCursor
from PySide6.QtWidgets import QCompleter, QFrame, QPlainTextEdit

from studio.errors import StudioError
from studio.params import Prompt
from ui.editor.inline.field import BARE, HEIGHT, Field
from ui.editor.inline.weights import STEP, reweigh
from ui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData
    from PySide6.QtGui import QFocusEvent, QKeyEvent
    from PySide6.QtWidgets import QAbstractItemView, QWidget

    from studio.spec import Param
    from ui.editor.inline.model import HasCatalogue

PAUSE = 600
"""Milliseconds without a keystroke after which what was typed is in the document."""
LONG_WORD = 8000
"""Letters without a space from which on lines aren't broken."""
_LEAST_LINES, _MOST_LINES = 3, 12
_EMBEDDING = re.compile(r"embedding:([^\s,()\[\]{}|:]*)$", re.I)
_OF_THE_LIST = (
    Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab,
    Qt.Key.Key_Up, Qt.Key.Key_Down,
)  # fmt: skip


class _Edit(QPlainTextEdit):
    """Leaves the keys of an open list to it: the list hands every key to the text first."""

    def __init__(self, field: TextField) -> None:
        super().__init__(field)
        self._field = field

    def show_text(self, text: str) -> None:
        """Show this text."""
        self._wrap(text)
        self.setPlainText(text)

    def text(self) -> str:
        """What stands here, hard spaces too, which Qt's own gives as plain ones."""
        return self.document().toRawText().replace("\u2029", "\n")

    def insertFromMimeData(self, source: QMimeData) -> None:
        if source.hasText():
            self._wrap(source.text())
        super().insertFromMimeData(source)

    def _wrap(self, text: str) -> None:
        """Break lines, unless words are so long that Qt would take minutes for it."""
        kind = QPlainTextEdit.LineWrapMode
        long = len(text) > LONG_WORD and max(map(len, text.split()), default=0) > LONG_WORD
        if long or self.lineWrapMode() is not kind.NoWrap or not self.toPlainText():
            self.setLineWrapMode(kind.NoWrap if long else kind.WidgetWidth)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._field.list_is_open() and event.key() in _OF_THE_LIST:
            event.ignore()
        else:
            super().keyPressEvent(event)


class TextField(Field):
    """A text; Ctrl+Enter takes it, and so does a pause in typing.

    Args:
        param: what it edits.
        parent: Qt's.
        editor: knows the embeddings.
        scale: see `Field`.
    """

    multiline = True

    def __init__(
        self,
        param: Param | None,
        parent: QWidget | None,
        editor: HasCatalogue | None = None,
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__(param, parent, scale=scale)
        self._editor = editor
        self.fits_text = True
        """Grows with its text; the canvas gives it a place of its own instead."""
        self.edit = _Edit(self)
        self.edit.setFrameShape(QFrame.Shape.NoFrame)
        self.edit.setStyleSheet(f"QPlainTextEdit {{ {BARE} }}")
        self.edit.viewport().setBackgroundRole(QPalette.ColorRole.NoRole)
        self.edit.setFont(self.scaled_font(fonts.body()))
        self.edit.document().setDocumentMargin(0)
        self.edit.setTabChangesFocus(True)
        side, top = round(8 * scale), round(6 * scale)
        self.row.setContentsMargins(side, top, round(3 * scale), top)
        self.row.addWidget(self.edit, 1)
        self.set_main(self.edit)
        self.is_prompt = param is not None and isinstance(param.marker, Prompt)
        self.completer: QCompleter | None = None
        self.list: QAbstractItemView | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE)
        self._pause.timeout.connect(self._tell)
        self._showing = False
        self._shown = ""
        self._told = False
        self._before: Any = None
        """The value when this stretch of typing began: what Esc brings back."""
        self.edit.textChanged.connect(self._changed)
        self._grow()

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        text = value if isinstance(value, str) else ""
        if text != self.edit.text():
            self._showing = True
            self.edit.show_text(text)
            self._showing = False
        self._shown = self.edit.text()
        self._pause.stop()
        self._grow()

    def read(self) -> Any:
        text = self.edit.text()
        if text == self._shown:
            return self.value
        return None if not text and self.value is None else text

    def dirty(self) -> bool:
        # Qt may show a text otherwise than it is, as lines that end in \r\n; that changes nothing.
        return self.edit.text() != self._shown

    def commit(self) -> bool:
        self._pause.stop()
        if not self._told:
            return super().commit()
        taken = self._tell()
        self._told = not taken
        return taken

    def revert(self) -> None:
        if self._told:
            self._told = False
            self.value = self._before
            self.gestured.emit(self._before)
        super().revert()

    def begin(self) -> None:
        super().begin()
        self.edit.moveCursor(QTextCursor.MoveOperation.End)

    def key(self, event: QKeyEvent) -> bool:
        if self.list_is_open() and event.key() in _OF_THE_LIST:
            event.ignore()  # the list's
            return False
        up = {Qt.Key.Key_Up: STEP, Qt.Key.Key_Down: -STEP}.get(Qt.Key(event.key()))
        if self.is_prompt and up and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.weigh(up)
            return True
        return super().key(event)

    def focus_left(self, event: QFocusEvent) -> None:
        if not self.list_is_open():
            super().focus_left(event)

    def weigh(self, delta: float) -> None:
        """Raise or lower the weight of the selected words, or of the word at the cursor."""
        cursor = self.edit.textCursor()
        text = self.edit.text()
        made = reweigh(text, cursor.selectionStart(), cursor.selectionEnd(), delta)
        if made.text != text:
            cursor.beginEditBlock()
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(made.text)
            cursor.endEditBlock()
        cursor.setPosition(made.start)
        cursor.setPosition(made.end, QTextCursor.MoveMode.KeepAnchor)
        self.edit.setTextCursor(cursor)

    # Completion

    def list_is_open(self) -> bool:
        """The names of embeddings are offered."""
        return self.list is not None and self.list.isVisible()

    def _changed(self) -> None:
        self._grow()
        if self._showing:
            return
        self.recheck()
        self._pause.start()
        if self.is_prompt:
            self._offer()

    def _offer(self) -> None:
        """Open the list of embeddings after `embedding:`, or close it."""
        cursor = self.edit.textCursor()
        line = cursor.block().text()[: cursor.positionInBlock()]
        match = _EMBEDDING.search(line)
        names = self._embeddings() if match else []
        if match is None or not names or match[1] in names:
            if self.list is not None:
                self.list.hide()
            return
        completer = self._completer(names)
        completer.setCompletionPrefix(match[1])
        popup = self.list
        assert popup is not None
        if not completer.completionCount():
            popup.hide()
            return
        rect = self.edit.cursorRect()
        rect.setWidth(popup.sizeHintForColumn(0) + 32)
        completer.complete(rect)
        popup.setCurrentIndex(completer.completionModel().index(0, 0))

    def _completer(self, names: list[str]) -> QCompleter:
        if self.completer is None:
            completer = QCompleter(self)
            completer.setModel(QStringListModel(completer))
            completer.setFilterMode(Qt.MatchFlag.MatchContains)
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            completer.setWidget(self.edit)
            self.list = completer.popup()
            assert self.list is not None
            self.list.setFont(fonts.body())
            completer.activated.connect(self._complete)
            self.completer = completer
        model = self.completer.model()
        assert isinstance(model, QStringListModel)
        if model.stringList() != names:
            model.setStringList(names)
        return self.completer

    def _complete(self, name: str) -> None:
        assert self.completer is not None
        cursor = self.edit.textCursor()
        typed = len(self.completer.completionPrefix())
        cursor.movePosition(
            QTextCursor.MoveOperation.Left, QTextCursor.MoveMode.KeepAnchor, typed
        )
        cursor.insertText(name)
        self.edit.setTextCursor(cursor)

    def _embeddings(self) -> list[str]:
        catalogue = self._editor.catalogue if self._editor else None
        entries = catalogue.entries("embeddings") if catalogue else ()
        return [entry.in_prompt.removeprefix("embedding:") for entry in entries]

    # Size and pauses

    def _grow(self) -> None:
        if not self.fits_text:
            return
        lines = self.edit.document().size().height() if self.edit.isVisible() else 0
        lines = min(_MOST_LINES, max(_LEAST_LINES, lines))
        margins = self.row.contentsMargins()
        height = lines * self.edit.fontMetrics().lineSpacing()
        self.set_line_height(max(HEIGHT, round(height + margins.top() + margins.bottom() + 2)))

    def _tell(self) -> bool:
        """Put what is typed so far into the document; False where it isn't taken."""
        try:
            value = self.judge(self.read())
        except (ValueError, StudioError) as refused:
            self.set_trouble(str(refused))
            return False
        if value != self.value:
            if not self._told:
                self._told = True
                self._before = self.value
                self.gesture_began.emit()
            self.value = value
            self.gestured.emit(value)
        return True
