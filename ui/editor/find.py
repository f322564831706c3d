"""The find bar: type, and Enter goes from node to node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit

from ui.editor.find_index import FindIndex
from ui.editor.following import follow
from ui.editor.inline.field import BARE
from ui.editor.inline.iconbutton import IconButton
from ui.editor.pictures import SHADOW, draw_shadow
from ui.plain import plain_tip
from ui.theme import current, fonts, icons, metrics

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from studio.editing.changes import Change
    from ui.editor.editor import GraphEditor

_WIDTH, _HEIGHT = 380, 40
_MARGIN = 4
SLICE = 0.008
"""Seconds at a time that reading a large graph may take."""


class FindBar(QFrame):
    """Lies over the top right corner of a canvas.

    Args:
        editor: whose nodes are searched; it becomes the parent.
    """

    closed = Signal()

    def __init__(self, editor: GraphEditor) -> None:
        super().__init__(editor)
        self._editor = editor
        self._index: FindIndex | None = None
        self.found: list[str] = []
        self.place = -1
        """Which of `found` is shown; -1 before the first."""
        edge = int(SHADOW)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(edge + 38, edge + 1, edge + 6, edge + 1)
        layout.setSpacing(2)
        self.line = QLineEdit(self)
        self.line.setFrame(False)
        self.line.setStyleSheet(BARE)
        self.line.setFont(fonts.body())
        self.line.setPlaceholderText("Find a node: name, type or value")
        self.line.setAccessibleName("Find a node")
        self.line.textChanged.connect(self._search)
        self.line.installEventFilter(self)
        layout.addWidget(self.line, 1)
        self.count = QLabel(self)
        self.count.setFont(fonts.small())
        self.count.setProperty("kind", "secondary")
        layout.addWidget(self.count)
        layout.addSpacing(6)
        for icon, words, act in (
            ("chevron-up", "The one before (Shift+Enter)", self.previous),
            ("chevron-down", "The next one (Enter)", self.next),
            ("x", "Close (Esc)", self.close_bar),
        ):
            button = IconButton(icon, words, self)
            button.clicked.connect(act)
            layout.addWidget(button)
        self.setGeometry(0, 0, _WIDTH + 2 * edge, _HEIGHT + 2 * edge)
        self._reading = QTimer(self)
        self._reading.setInterval(0)
        self._reading.timeout.connect(self._read_on)
        self.hide()
        editor.installEventFilter(self)
        follow(editor.document, self, self._on_changed)

    def open(self) -> None:
        """Show it, with what was typed last selected."""
        if self._index is None:
            self._index = FindIndex(self._editor.document)
            self._reading.start()
        self._put()
        self.show()
        self.raise_()
        self.line.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.line.selectAll()
        self._read_on()

    def close_bar(self) -> None:
        """Hide it; the canvas has the keyboard again."""
        if self.isHidden():
            return
        self.hide()
        # While it isn't shown nothing is kept in step.
        self._index = None
        self._reading.stop()
        self._editor.view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.closed.emit()

    def next(self) -> None:
        """Go to the next node that has the text; after the last comes the first."""
        self._go(1)

    def previous(self) -> None:
        """Go to the one before."""
        self._go(-1)

    def _read_on(self) -> None:
        """Take a little time for the index; what was typed is searched again once it is whole."""
        if self._index is None or self._index.read_on(SLICE):
            self._reading.stop()
            self._search()

    def _search(self) -> None:
        if self._index is None:
            return
        shown = self.found[self.place] if 0 <= self.place < len(self.found) else None
        self.found = self._index.search(self.line.text())
        # Typing on narrows down: what is shown stays where it still fits.
        self.place = self.found.index(shown) if shown in self.found else -1
        self._tell()

    def _go(self, step: int) -> None:
        if self._index is not None and not self._index.complete:
            self._index.read_on()
            self._read_on()
        if not self.found:
            return
        if self.place < 0:
            self.place = 0 if step > 0 else len(self.found) - 1
        else:
            self.place = (self.place + step) % len(self.found)
        name = self.found[self.place]
        self._editor.select([name])
        self._editor.view.centre_on(name)
        self._tell()

    def _tell(self) -> None:
        count = len(self.found)
        if not self.line.text().strip():
            words = ""
        elif not count:
            words = "nothing found"
        elif self.place < 0:
            words = f"{count} found"
        else:
            words = f"{self.place + 1} of {count}"
        self.count.setText(words)
        if 0 <= self.place < count and self._index is not None:
            find = self._index.describe(self.found[self.place], self.line.text())
            self.setToolTip(plain_tip(f"{find.where}: {find.words}"))
            title = self._editor.document.title_of(find.node)
            what = "" if find.where == "title" else f", {find.where}: {find.words}"
            self._editor.message.emit(f"{words}: {title}{what}")
        self.update()

    def _on_changed(self, changes: tuple[Change, ...]) -> None:
        if self._index is not None and self._index.take(changes):
            self._search()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._editor:
            if kind == QEvent.Type.Resize and not self.isHidden():
                self._put()
        elif isinstance(event, QKeyEvent) and event.key() in _OURS:
            if kind == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if kind == QEvent.Type.KeyPress:
                self._key(event)
                return True
        elif kind in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() == Qt.Key.Key_Up:
            self.previous()
        elif event.key() == Qt.Key.Key_Down:
            self.next()
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.previous()
        else:
            self.next()

    def _put(self) -> None:
        edge = int(SHADOW)
        width = min(_WIDTH, self._editor.width() - 2 * _MARGIN) + 2 * edge
        left = self._editor.width() - width + edge - 12
        self.setGeometry(max(-edge, left), 12 - edge, width, _HEIGHT + 2 * edge)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = SHADOW
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        draw_shadow(painter, box, theme.shadow, self.devicePixelRatioF())
        missing = bool(self.line.text().strip()) and not self.found
        painter.setPen(QPen(theme.error if missing else theme.node_border, 1))
        painter.setBrush(theme.panel)
        line = box.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(line, metrics.RADIUS, metrics.RADIUS)
        icon = icons.pixmap("search", "secondary", 16, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(box.left() + 14, box.top() + (_HEIGHT - 16) / 2), icon)


_OURS = frozenset({
    Qt.Key.Key_Escape, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Up, Qt.Key.Key_Down,
})  # fmt: skip
