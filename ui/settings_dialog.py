"""The settings: folders, engine, looks, keys and the worker's command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.errors import StudioError
from studio.settings import home_folder, read_given, write_settings
from ui.jobs import Jobs
from ui.settings_pages.engine import EnginePage
from ui.settings_pages.folders import FoldersPage
from ui.settings_pages.form import restyle
from ui.settings_pages.keys import KeysPage
from ui.settings_pages.looks import LooksPage
from ui.settings_pages.worker import WorkerPage
from ui.theme import icons

if TYPE_CHECKING:
    from ui.actions import Actions
    from ui.preferences import Preferences
    from ui.settings_pages.form import Page
    from ui.theme.manager import ThemeManager


class SettingsDialog(QDialog):
    """All settings. Save keeps them, Cancel leaves everything as it was.

    A `settings.toml` that is at fault can't be changed from here: the dialog says what is wrong
    with it, and the other pages work.

    Args:
        preferences: of the editor.
        actions: whose keys can be changed.
        themes: the application's.
        parent: the window.
    """

    engine_changed = Signal()
    """Something was saved that the engine only takes up when it starts."""

    def __init__(
        self,
        preferences: Preferences,
        actions: Actions,
        themes: ThemeManager,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self.resize(780, 600)
        self.setMinimumSize(640, 440)
        self._file = home_folder() / "settings.toml"
        given, trouble = self._read()
        # The window's, for it may outlive the dialog: a folder on a dead drive answers late.
        self._jobs = Jobs(1, parent or self)
        self.folders = FoldersPage(self._file.parent, given, self._jobs)
        self.engine = EnginePage(given)
        self.looks = LooksPage(preferences, themes)
        self.keys = KeysPage(actions)
        self.worker = WorkerPage(preferences)
        self.pages: tuple[Page, ...] = (
            self.folders, self.engine, self.looks, self.keys, self.worker
        )  # fmt: skip
        self._unreadable = bool(trouble)
        self.folders.setEnabled(not trouble)
        self.engine.setEnabled(not trouble)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Pages")
        self.list.setFixedWidth(156)
        self.list.setIconSize(QSize(16, 16))
        self.list.setSpacing(2)
        self.stack = QStackedWidget(self)
        for page in self.pages:
            item = QListWidgetItem(icons.icon(page.icon), page.title)
            item.setSizeHint(QSize(0, 30))
            self.list.addItem(item)
            self.stack.addWidget(page.scrolling())
        self.list.currentRowChanged.connect(self.stack.setCurrentIndex)
        self.list.setCurrentRow(0)
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setProperty("kind", "error")
        self._say(trouble)
        self.save_button = QPushButton("Save", self)
        self.save_button.setDefault(True)
        self.save_button.clicked.connect(self.accept)
        cancel = QPushButton("Cancel", self)
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        self._lay_out(cancel)
        self.list.setFocus()

    def show_page(self, title: str) -> None:
        """Turn to a page by its title ("Keys")."""
        for row, page in enumerate(self.pages):
            if page.title == title:
                self.list.setCurrentRow(row)

    def accept(self) -> None:
        """Keep everything, or say why it can't be kept and stay."""
        for page in self.pages:
            if page.isEnabled() and (fault := page.fault()):
                self.show_page(page.title)
                self._say(fault)
                return
        changes: dict[str, Any] = {}
        if not self._unreadable:
            changes = {**self.folders.changes(), **self.engine.changes()}
        try:
            if changes:
                write_settings(self._file, changes)
        except StudioError as error:
            self._say(str(error))
            return
        self.looks.save()
        self.keys.save()
        restart = self.worker.save() or bool(changes)
        super().accept()
        if restart:
            self.engine_changed.emit()

    def reject(self) -> None:
        """Leave everything as it was."""
        self.looks.revert()
        super().reject()

    def done(self, result: int) -> None:
        self.folders.forget()
        super().done(result)

    def _read(self) -> tuple[dict[str, Any], str]:
        """What `settings.toml` says, and what is wrong with it."""
        try:
            given = read_given(self._file)
            write_settings(self._file, {})  # changes nothing, but checks all of it
        except StudioError as error:
            return {}, str(error)
        return given, ""

    def _say(self, text: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))
        restyle(self.message, "kind", "error")

    def _lay_out(self, cancel: QPushButton) -> None:
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        side = QVBoxLayout()
        side.setContentsMargins(8, 12, 8, 8)
        side.addWidget(self.list)
        middle.addLayout(side)
        middle.addWidget(_line(self, upright=True))
        middle.addWidget(self.stack, 1)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(16, 10, 16, 12)
        buttons.setSpacing(8)
        buttons.addWidget(self.message, 1)
        buttons.addStretch()
        buttons.addWidget(cancel)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(middle, 1)
        layout.addWidget(_line(self))
        layout.addLayout(buttons)


def _line(parent: QWidget, *, upright: bool = False) -> QFrame:
    line = QFrame(parent)
    line.setProperty("kind", "upright" if upright else "line")
    return line
