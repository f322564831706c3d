"""The file dialogs, in one place, so that whoever opens a graph needn't know how they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

GRAPHS = "Graphs (*.json)"
GRAPHS_AND_PICTURES = "Graphs, and pictures with one (*.json *.png);;All files (*)"


class FileDialogs:
    """Asks for files, starting in the folder used last.

    Args:
        folder: where to start; None takes the user's own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path.home()

    def ask_open(self, parent: QWidget) -> list[Path]:
        """Files to open; empty where the user changed their mind."""
        names, _ = QFileDialog.getOpenFileNames(
            parent, "Open", str(self.folder), GRAPHS_AND_PICTURES
        )
        return self._remembered([Path(name) for name in names])

    def ask_save(self, parent: QWidget, suggested: str, title: str = "Save as") -> Path | None:
        """Where to save; None where the user changed their mind.

        Args:
            parent: the window.
            suggested: a file's name, or its path.
            title: of the dialog.
        """
        name, _ = QFileDialog.getSaveFileName(
            parent, title, str(self.folder / suggested), GRAPHS
        )
        found = self._remembered([with_suffix(Path(name))] if name else [])
        return found[0] if found else None

    def _remembered(self, paths: list[Path]) -> list[Path]:
        if paths:
            self.folder = paths[0].parent
        return paths


def with_suffix(path: Path) -> Path:
    """A graph's file name: ".json" where the user wrote none."""
    return path if path.suffix else path.with_name(f"{path.name}.json")


def file_name(title: str) -> str:
    """A file name for a graph's title, good on every system."""
    words = "".join(c if c.isalnum() or c in "-_ " else " " for c in title)
    return ("_".join(words.split()).lower()[:80] or "graph") + ".json"
