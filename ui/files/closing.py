"""Closing with unsaved changes asks once, for all tabs together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
)

from ui.plain import plain_tip
from ui.theme import fonts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from ui.files.pages import EditorPage

_KEY = Qt.ItemDataRole.UserRole


class UnsavedDialog(QDialog):
    """Asks which of the unsaved graphs to save.

    Args:
        pages: the unsaved ones.
        parent: the window.
    """

    decided = Signal(list)
    """Keys of the tabs to save; the others are given up. Not sent where the user cancels."""

    def __init__(self, pages: Sequence[EditorPage], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Unsaved changes")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        one = len(pages) == 1
        heading = QLabel(
            f'Save the changes to "{pages[0].title}"?'
            if one
            else f"Save the changes to these {len(pages)} graphs?",
            self,
        )
        heading.setFont(fonts.heading())
        heading.setTextFormat(Qt.TextFormat.PlainText)
        heading.setWordWrap(True)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Unsaved graphs")
        self.list.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        for page in pages:
            where = str(page.path) if page.path else "not saved yet"
            item = QListWidgetItem(f"{page.title}\n{where}", self.list)
            item.setData(_KEY, page.key)
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked)
            item.setToolTip(plain_tip(where))
        self.list.setVisible(not one)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSpacing(3)
        rows = sum(self.list.sizeHintForRow(row) + 6 for row in range(min(8, len(pages))))
        self.list.setFixedHeight(rows + 2 * self.list.frameWidth() + 8)
        self.list.itemChanged.connect(self._reword)
        self.words = QLabel("What isn't saved is lost.", self)
        self.words.setWordWrap(True)
        buttons = QDialogButtonBox(self)
        role = QDialogButtonBox.ButtonRole
        self.save = QPushButton("Save", self)
        self.discard = QPushButton("Don't save", self)
        self.cancel = QPushButton("Cancel", self)
        buttons.addButton(self.save, role.AcceptRole)
        buttons.addButton(self.discard, role.DestructiveRole)
        buttons.addButton(self.cancel, role.RejectRole)
        self.save.setDefault(True)
        self.save.clicked.connect(lambda: self._decide(self.checked()))
        self.discard.clicked.connect(lambda: self._decide([]))
        self.cancel.clicked.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(heading)
        layout.addWidget(self.list)
        layout.addWidget(self.words)
        layout.addWidget(buttons)
        self.setMinimumWidth(440)

    def checked(self) -> list[str]:
        """Keys of the tabs that are to be saved."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [item.data(_KEY) for item in items if item.checkState() is Qt.CheckState.Checked]

    def _reword(self) -> None:
        count = len(self.checked())
        whole = count == self.list.count()
        self.save.setText("Save" if whole else f"Save {count}")
        self.save.setEnabled(count > 0)

    def _decide(self, keys: list[str]) -> None:
        self.accept()
        self.decided.emit(keys)
