"""Where things are: the home folder, pictures, and folders of models to use in place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.settings import Settings, fault_of
from ui.settings_pages.form import Page
from ui.theme import icons

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ui.jobs import Job, Jobs

OURS = "Folders of ComfyUI and A1111 are used in place: nothing is copied."


class FoldersPage(Page):
    """Folders.

    Args:
        home: the user's folder.
        given: `settings.toml` as it stands.
        jobs: looks at folders off the GUI thread: a drive may be asleep, or gone.
        parent: Qt's.
    """

    icon = "folder"

    def __init__(
        self, home: Path, given: Mapping[str, Any], jobs: Jobs, parent: QWidget | None = None
    ) -> None:
        super().__init__("Folders", "", parent)
        self._home = home
        self._given = given
        self._jobs = jobs
        self._looking: Job | None = None
        self.home = QLineEdit(str(home), self)
        self.home.setReadOnly(True)
        self.output = QLineEdit(str(given.get("output", "")), self)
        self.output.setPlaceholderText(str(home / "output"))
        self.output.textChanged.connect(self.fault)
        self.folders = QListWidget(self)
        self.folders.setProperty("kind", "field")
        self.folders.setMinimumHeight(96)
        folders = given.get("model_folders", [])
        if isinstance(folders, list):
            self.folders.addItems([str(folder) for folder in folders])
        self.add = QPushButton("Add folder", self)
        self.add.clicked.connect(self._ask_folder)
        self.remove = QPushButton("Remove", self)
        self.remove.clicked.connect(self._remove)
        self.folders.currentRowChanged.connect(lambda row: self.remove.setEnabled(row >= 0))
        self.remove.setEnabled(False)

        show = QPushButton("Show", self)
        show.setToolTip("Open the folder in the file manager")
        show.clicked.connect(self._show_home)
        browse = QPushButton("Browse", self)
        browse.clicked.connect(self._ask_output)
        self.add_row(
            "Home", _beside(self.home, show),
            "Models, input pictures, cache and settings. The variable LATENT_STUDIO_HOME moves it.",
        )  # fmt: skip
        self._output_row = self.add_row(
            "Pictures go to", _beside(self.output, browse), "Empty: a folder in the home folder."
        )
        self._output_row.field.setFocusProxy(self.output)
        models = QWidget(self)
        layout = QVBoxLayout(models)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.folders)
        layout.setSpacing(6)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.add)
        buttons.addWidget(self.remove)
        buttons.addStretch()
        layout.addLayout(buttons)
        self._models_row = self.add_row("Further folders of models", models, OURS)
        self.folders.setAccessibleName("Further folders of models")
        self.rows.addStretch()
        for button, name in ((show, "external-link"), (browse, "folder-open"), (self.add, "plus")):
            button.setIcon(icons.icon(name))
            button.setIconSize(icons.BESIDE)
            button.setAutoDefault(False)
        self.remove.setAutoDefault(False)
        self._look()

    def add_folder(self, folder: str) -> None:
        """Add a folder to the list, once."""
        if folder not in self._folders():
            self.folders.addItem(folder)
            self.folders.setCurrentRow(self.folders.count() - 1)
        self._look()

    def changes(self) -> dict[str, Any]:
        """Keys of `settings.toml` that differ from what it says; None removes one."""
        now: dict[str, Any] = {
            "output": self.output.text().strip() or None,
            "model_folders": self._folders() or None,
        }
        return {key: value for key, value in now.items() if value != self._given.get(key)}

    def fault(self) -> str:
        text = self.output.text().strip()
        return self._output_row.check(lambda: fault_of("output", text) if text else "")

    def forget(self) -> None:
        """The dialog closes: nobody waits for what the folders hold."""
        if self._looking is not None:
            self._looking.cancel()

    def _folders(self) -> list[str]:
        return [self.folders.item(row).text() for row in range(self.folders.count())]

    def _ask_output(self) -> None:
        start = self.output.text() or str(self._home)
        if folder := QFileDialog.getExistingDirectory(self, "Pictures go to", start):
            self.output.setText(folder)

    def _ask_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Folder of models"):
            self.add_folder(folder)

    def _remove(self) -> None:
        self.folders.takeItem(self.folders.currentRow())
        self._look()

    def _show_home(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._home)))

    def _look(self) -> None:
        """Say of folders that bring no models that they don't."""
        self.forget()
        folders, home = self._folders(), self._home
        if not folders:
            self._models_row.show_fault("")
            return

        def look() -> list[str]:
            # Faults of the settings must not stand in the way of mending them: no `Places.load`.
            from studio.places import Places

            roots = tuple(home / os.path.expanduser(folder) for folder in folders)
            settings = Settings(model_folders=roots)
            places = Places(home, home / "cache", home / "input", home / "output", settings)
            return places.model_folder_faults()

        self._looking = self._jobs.run(look, self._show_faults, self._show_error)

    def _show_faults(self, faults: list[str]) -> None:
        self._models_row.show_fault(
            "\n".join(fault.removeprefix("model_folders: ") for fault in faults)
        )

    def _show_error(self, error: Exception) -> None:
        self._models_row.show_fault(str(error))


def _beside(field: QWidget, button: QWidget) -> QWidget:
    both = QWidget(field.parentWidget())
    layout = QHBoxLayout(both)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(8)
    layout.addWidget(field, 1)
    layout.addWidget(button)
    return both
