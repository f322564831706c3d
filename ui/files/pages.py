"""What a tab shows: a graph, a file on its way, or why a file could not be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.editing.session import TabNote, new_key
from studio.graph.errors import GraphError
from ui.files.banner import Banners
from ui.theme import current, fonts, icons

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from PySide6.QtGui import QPaintEvent, QShowEvent

    from ui.editor.editor import GraphEditor

BUSY_AFTER = 200
"""Milliseconds until a file on its way shows that it is."""

MAX_SHOWN = 500
"""Faults shown of a file; a broken one may have 100,000."""


class Page(QWidget):
    """What every tab has.

    Args:
        key: the tab's own, the same through crashes.
        path: of its file; None where it has none.
        parent: Qt's.
    """

    titled = Signal(object)
    """The title, the path or whether there are unsaved changes: the page itself."""

    def __init__(self, key: str, path: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self.path = path

    @property
    def title(self) -> str:
        return self.path.stem if self.path else "Untitled"

    @property
    def unsaved(self) -> bool:
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), current().canvas)
        painter.end()

    @property
    def hint(self) -> str:
        """Shown where the cursor rests on the tab."""
        return str(self.path or "")

    def note(self) -> TabNote:
        """What is remembered of the tab."""
        return TabNote(self.key, self.title, self.path)


class StartTab(Page):
    """What is seen where nothing is open.

    Args:
        content: its parent becomes the page.
        parent: Qt's.
    """

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(new_key(), None, parent)
        self.content = content
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(content)
        self.setFocusProxy(content)

    @property
    def title(self) -> str:
        return "Start"


class EditorPage(Page):
    """A graph under edit, and banners over it.

    Args:
        editor: its parent becomes the page.
        base: folder where relative paths start; None takes that of the file.
        mark: content hash of the file as read.
        key: the tab's own.
        parent: Qt's.
    """

    view_moved = Signal()

    def __init__(
        self,
        editor: GraphEditor,
        base: Path | None = None,
        mark: str = "",
        key: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(key or new_key(), editor.path, parent)
        self.editor = editor
        editor.base = self.base = None if editor.path else base
        if editor.base is not None:
            # They were looked for before it was known where.
            editor.scene.reload_pictures()
        self.mark = mark
        self.number = 0
        """Tells untitled graphs apart; 0 where there is nothing to tell apart."""
        self.saving = False
        self.banners = Banners(self)
        self._view: Mapping[str, Any] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.banners)
        layout.addWidget(editor, 1)
        self.setFocusProxy(editor)
        editor.title_changed.connect(self._titled)
        editor.document.changed.connect(self._document_changed)
        editor.view.moved.connect(self.view_moved)

    @property
    def title(self) -> str:
        name = self.editor.name()
        return f"{name} {self.number}" if self.number > 1 and name == "Untitled" else name

    @property
    def unsaved(self) -> bool:
        return self.editor.unsaved

    @property
    def hint(self) -> str:
        return str(self.path) if self.path else "not saved yet"

    def leave(self) -> None:
        """Stop listening; the page is about to be deleted."""
        self.editor.document.changed.disconnect(self._document_changed)
        # A stack that is deleted tells once more that it is clean.
        self.editor.stack.blockSignals(True)
        self.blockSignals(True)

    def saved_as(self, path: Path, mark: str) -> None:
        """The graph is in this file now."""
        self.path = self.editor.path = path
        self.base = self.editor.base = None
        self.mark = mark
        self._titled()

    def note(self) -> TabNote:
        view = self.view_state() if not self._view else self._view
        return TabNote(self.key, self.title, self.path, self.base, self.mark, view)

    # Where one looks

    def view_state(self) -> dict[str, float]:
        """Zoom, and the centre of what is seen, in scene pixels."""
        zoom, x, y = self.editor.view.viewpoint()
        return {"zoom": round(zoom, 4), "x": round(x, 1), "y": round(y, 1)}

    def look_at(self, view: Mapping[str, Any]) -> None:
        """Look where one looked before, now or as soon as the page is seen."""
        self._view = view
        if self.isVisible():
            self._look()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # The viewport has its size only after the layout.
        if self._view:
            QTimer.singleShot(0, self, self._look)

    def _look(self) -> None:
        values, self._view = self._view, {}
        numbers = [values.get(name) for name in ("zoom", "x", "y")]
        if not all(isinstance(n, int | float) and abs(n) < 1e8 for n in numbers):
            return  # a remembered place that makes no sense is no place
        zoom, x, y = (float(n or 0.0) for n in numbers)
        if zoom > 0:
            self.editor.view.look_from(zoom, x, y)

    # What others must hear

    def _document_changed(self, changes: tuple[Any, ...]) -> None:
        if any(change.section == "head" for change in changes):
            self._titled()

    def _titled(self) -> None:
        self.titled.emit(self)


class OpeningPage(Page):
    """A file on its way: nothing at first, a busy sign after `BUSY_AFTER`.

    Args:
        note: of the tab.
        parent: Qt's.
        unsaved: the graph differs from what is in the file.
    """

    wanted = Signal(object)
    """The page is seen for the first time; only then its file is read."""
    cancelled = Signal(object)

    def __init__(
        self, note: TabNote, parent: QWidget | None = None, *, unsaved: bool = False
    ) -> None:
        super().__init__(note.key, note.path, parent)
        self._note = note
        self.restored = unsaved
        self._asked = False
        self.words = QLabel(self)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(220, 4)
        self.stop = QPushButton("Cancel", self)
        self.stop.clicked.connect(lambda: self.cancelled.emit(self))
        layout = self._column = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(1)
        for widget in (self.words, self.bar, self.stop):
            layout.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
            widget.hide()
        layout.addStretch(1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(BUSY_AFTER)
        self._timer.timeout.connect(self.show_busy)

    @property
    def title(self) -> str:
        return self._note.title or super().title

    def note(self) -> TabNote:
        return self._note

    def show_busy(self, words: str = "") -> None:
        """Show the sign now."""
        self._timer.stop()
        self.words.setText(words or f"Opening {self.path.name if self.path else self.title} …")
        for widget in (self.words, self.bar, self.stop):
            widget.show()
        # At once, since what follows may take all the time there is.
        self._column.activate()

    def start(self) -> None:
        """The file is being read."""
        self._asked = True
        self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # A moment later: of tabs that come back together, each is in front for an instant.
        QTimer.singleShot(0, self, self._ask)

    def _ask(self) -> None:
        if self.isVisible() and not self._asked:
            self._asked = True
            self.wanted.emit(self)


class FaultPage(Page):
    """Why a file could not be opened: all of it, to read and to copy.

    Args:
        note: of the tab.
        error: what was wrong.
        parent: Qt's.
    """

    again = Signal(object)
    close_wanted = Signal(object)

    def __init__(self, note: TabNote, error: Exception, parent: QWidget | None = None) -> None:
        super().__init__(note.key, note.path, parent)
        self._note = note
        sign = QLabel(self)
        sign.setPixmap(icons.pixmap("circle-alert", "error", 24, self.devicePixelRatioF()))
        name = note.path.name if note.path else self.title
        heading = QLabel(f"{name} could not be opened", self)
        heading.setFont(fonts.heading())
        heading.setTextFormat(Qt.TextFormat.PlainText)
        where = QLabel(str(note.path or ""), self)
        where.setFont(fonts.small())
        where.setTextFormat(Qt.TextFormat.PlainText)
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        where.setProperty("kind", "secondary")
        self.words = QPlainTextEdit(fault_words(error), self)
        self.words.setReadOnly(True)
        self.words.setAccessibleName("What is wrong with the file")
        self.words.setMinimumHeight(96)
        lines = self.words.blockCount() * self.words.fontMetrics().lineSpacing() + 24
        self.words.setMaximumHeight(max(96, min(400, lines)))
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(sign)
        top.addWidget(heading, 1)
        buttons = QHBoxLayout()
        for text, action in (
            ("Try again", lambda: self.again.emit(self)),
            ("Copy", self._copy),
            ("Close", lambda: self.close_wanted.emit(self)),
        ):
            button = QPushButton(text, self)
            button.clicked.connect(action)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(1)
        column.addLayout(top)
        column.addWidget(where)
        column.addWidget(self.words, 4)
        column.addLayout(buttons)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addLayout(column, 4)
        row.addStretch(1)

    @property
    def title(self) -> str:
        return self._note.title or super().title

    def note(self) -> TabNote:
        return self._note

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.words.toPlainText())


def fault_words(error: Exception) -> str:
    """An error in words, a line a fault; never more than anyone reads."""
    if not isinstance(error, GraphError):
        return str(error)
    lines = [str(fault) for fault in error.faults[:MAX_SHOWN]]
    if (more := len(error.faults) - MAX_SHOWN) > 0:
        lines.append(f"… and {more:,} more like these.")
    return "\n".join(lines)
