"""Joining two ports by keyboard: an output on the left, an input that takes it on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.editing import wiring
from studio.graph.checked import Source
from ui.editor.connect_rows import PortDelegate, Row, inputs, outputs
from ui.theme import fonts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ui.editor.editor import GraphEditor

MOST = 200
"""Rows of a list that are shown; typing finds the others."""


class PortList(QWidget):
    """A list of ports, and a line to search it by; arrow keys in the line move in the list.

    Args:
        title: above it.
        empty: shown where there is no row.
        parent: Qt's.
    """

    chosen = Signal()
    """Another row is the current one, or none."""
    taken = Signal()
    """Enter, or a double click."""

    def __init__(self, title: str, empty: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: Sequence[Row] = ()
        self._empty_words = empty
        label = QLabel(title, self)
        label.setFont(fonts.title())
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName(f"{title}: search ports")
        self.search.setClearButtonEnabled(True)
        self.list = QListWidget(self)
        self.list.setAccessibleName(f"{title}: ports")
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(PortDelegate(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.empty = QLabel(empty, self)
        self.empty.setWordWrap(True)
        self.empty.setFont(fonts.small())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (label, self.search, self.list, self.empty):
            layout.addWidget(widget)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.list.currentRowChanged.connect(lambda _: self.chosen.emit())
        self.list.itemDoubleClicked.connect(lambda _: self.taken.emit())

    @property
    def row(self) -> Row | None:
        """The current row."""
        item: QListWidgetItem | None = self.list.currentItem()
        found = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        return found if isinstance(found, Row) else None

    def fill(self, rows: Sequence[Row]) -> None:
        """Show these ports, as far as they fit what was typed; the first becomes current."""
        self._rows = rows
        self._filter()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                if self.row is not None:
                    self.taken.emit()
                return True
            if event.key() in _MOVES:
                step = _MOVES[Qt.Key(event.key())]
                last = self.list.count() - 1
                self.list.setCurrentRow(max(0, min(last, self.list.currentRow() + step)))
                return True
        return super().eventFilter(watched, event)

    def _filter(self) -> None:
        words = self.search.text().casefold().split()
        fitting = [r for r in self._rows if all(w in _searched(r) for w in words)]
        with QSignalBlocker(self.list):
            self.list.clear()
            for row in fitting[:MOST]:
                item = QListWidgetItem(f"{row.text}, {row.note}" if row.note else row.text)
                item.setData(Qt.ItemDataRole.UserRole, row)
                self.list.addItem(item)
            self.list.setCurrentRow(0 if fitting else -1)
        more = len(fitting) - MOST
        self.empty.setText(
            f"{more:,} more: type to find them." if more > 0
            else "" if fitting
            else "No port has that name." if self._rows
            else self._empty_words
        )  # fmt: skip
        self.chosen.emit()


def _searched(row: Row) -> str:
    return f"{row.text} {row.node} {row.note}".casefold()


_MOVES = {
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_PageDown: 10,
    Qt.Key.Key_PageUp: -10,
}


class ConnectDialog(QDialog):
    """Two lists with a line above each to search by. Enter goes on to the right, and connects.

    Args:
        editor: whose graph. The selected node's ports come first.
    """

    def __init__(self, editor: GraphEditor) -> None:
        super().__init__(editor)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Connect ports")
        self.resize(760, 440)
        self.editor = editor
        chosen = editor.selected()
        self._first = chosen[0] if chosen else ""
        self._second = chosen[1] if len(chosen) > 1 else ""
        self.source = PortList("From", "No node has an output.", self)
        self.target = PortList("To", "Nothing takes a wire from there.", self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.join = buttons.addButton("Connect", QDialogButtonBox.ButtonRole.AcceptRole)
        self.join.setDefault(False)
        self.join.setAutoDefault(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QGridLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self.source, 0, 0)
        layout.addWidget(self.target, 0, 1)
        layout.addWidget(buttons, 1, 0, 1, 2)
        self.source.chosen.connect(self._show_inputs)
        self.source.taken.connect(self.target.search.setFocus)
        self.target.taken.connect(self.accept)
        self.target.chosen.connect(self._show_join)
        self.source.fill(outputs(editor.document, self._first))
        self.source.search.setFocus()

    def accept(self) -> None:
        """Draw the wire; the dialog stays where that is refused."""
        source, target = self.source.row, self.target.row
        if source is None or target is None:
            return
        done = self.editor.attempt(
            lambda: wiring.connect(
                self.editor.document, Source(source.node, source.port), target.node, target.port
            )
        )
        already = target.port in self.editor.document.wires_into(target.node)
        if done or already:
            self.editor.select([source.node, target.node])
            super().accept()

    def _show_inputs(self) -> None:
        row = self.source.row
        found: list[Row] = []
        if row is not None:
            found = inputs(self.editor.document, Source(row.node, row.port), self._second)
        self.target.fill(found)

    def _show_join(self) -> None:
        self.join.setEnabled(self.source.row is not None and self.target.row is not None)
