"""What the engine says: its state, and the lines it wrote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QGuiApplication, QSyntaxHighlighter, QTextCharFormat
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from studio.words import size
from ui.panels.parts import MARGIN, IconButton, Line
from ui.theme import current, fonts

if TYPE_CHECKING:
    from typing import Any

    from PySide6.QtGui import QTextDocument

    from ui.engine.client import EngineClient

LINES = 2000
INTERVAL = 100
"""Milliseconds between additions: a thousand lines cost as much as one."""

_BAD = re.compile(r"^(error: |The engine (died|didn't)|Fatal |[\w.]*(Error|Exception)\b)")
_DIM = re.compile(r"^(stdout: |  )")


class LogPanel(QWidget):
    """The engine's log.

    Args:
        client: the engine.
        parent: Qt's.
    """

    def __init__(self, client: EngineClient, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.client = client
        self.state = Line(font=fonts.small())
        self.copy = IconButton("copy", "Copy all", self.copy_all)
        self.clear = IconButton("trash-2", "Clear the view", self.clear_view)
        self.restart = IconButton("rotate-ccw", "Start the engine anew", lambda: client.restart())
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setFont(fonts.mono())
        self.text.setMaximumBlockCount(LINES)
        self.text.setUndoRedoEnabled(False)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setPlaceholderText("The engine has said nothing yet.")
        self.text.setAccessibleName("Log of the engine")
        self._colours = _Colours(self.text.document())
        bar = QHBoxLayout()
        bar.setContentsMargins(MARGIN, 4, 6, 4)
        bar.setSpacing(2)
        bar.addWidget(self.state, 1)
        for button in (self.restart, self.copy, self.clear):
            bar.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(bar)
        inset = QHBoxLayout()
        inset.setContentsMargins(MARGIN, 0, MARGIN, 8)
        inset.addWidget(self.text)
        layout.addLayout(inset, 1)
        self.setFocusProxy(self.text)
        self._pending: list[str] = list(client.log)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._add)
        client.log_line.connect(self._on_line)
        client.state_changed.connect(self._show_state)
        client.ready.connect(self._show_state)
        client.memory_changed.connect(self._show_state)
        self._add()
        self._show_state()

    def copy_all(self) -> None:
        """All lines, to the clipboard."""
        self._add()
        QGuiApplication.clipboard().setText(self.text.toPlainText())

    def clear_view(self) -> None:
        """Empty the view; the engine's own memory of its last lines stays."""
        self._pending.clear()
        self.text.clear()

    def _on_line(self, line: str) -> None:
        self._pending.append(line)
        if len(self._pending) > 2 * LINES:
            del self._pending[:-LINES]
        if not self._timer.isActive():
            self._timer.start()

    def _add(self) -> None:
        lines, self._pending = self._pending[-LINES:], []
        if not lines:
            return
        bar = self.text.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 4
        self.text.appendPlainText("\n".join(lines))
        if follows:
            bar.setValue(bar.maximum())

    def _show_state(self, _: Any = None) -> None:
        client = self.client
        words = [client.words]
        if client.is_ready:
            words.append(f"process {client.pid}")
            if used := client.memory.get("used"):
                words.append(f"{size(used)} in use")
        tone = "error" if client.state == "failed" else "secondary"
        self.state.set_text(" · ".join(words), tone)  # type: ignore[arg-type]

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colours.rehighlight()
        super().changeEvent(event)


class _Colours(QSyntaxHighlighter):
    """Errors in red, what libraries printed dimmed."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)

    def highlightBlock(self, text: str) -> None:
        theme = current()
        colour = theme.error if _BAD.match(text) else theme.secondary if _DIM.match(text) else None
        if colour is not None:
            style = QTextCharFormat()
            style.setForeground(colour)
            self.setFormat(0, len(text), style)
