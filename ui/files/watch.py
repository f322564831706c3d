"""Notices when another program changes a file that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from ui.files.reading import mark_of

if TYPE_CHECKING:
    from pathlib import Path

    from ui.jobs import Jobs

SETTLE = 150
"""Milliseconds to wait after a change: programs write a file in several goes."""


class FileWatch(QObject):
    """Watches files by their contents.

    Args:
        jobs: where files are read.
        parent: Qt's.
    """

    changed = Signal(object, str)
    """Path and the file's new content hash, which isn't the one that was given to `know`."""
    gone = Signal(object)
    """Path of a file that isn't there any more."""

    def __init__(self, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._known: dict[Path, str] = {}
        self._dirty: set[Path] = set()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._stirred)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE)
        self._timer.timeout.connect(self._look)

    def know(self, path: Path, mark: str) -> None:
        """Watch a file whose contents are known.

        Args:
            path: absolute.
            mark: content hash as last read or written by us, or as the user was told of.
        """
        self._known[path] = mark
        self._add(path)

    def forget(self, path: Path) -> None:
        """Watch it no more."""
        if self._known.pop(path, None) is not None:
            self._watcher.removePath(str(path))

    def look_again(self) -> None:
        """Look at every file: not every drive tells of changes. For when the window is entered."""
        self._dirty |= set(self._known)
        self._look()

    def _add(self, path: Path) -> None:
        if str(path) not in self._watcher.files():
            self._watcher.addPath(str(path))

    def _stirred(self, text: str) -> None:
        found = next((path for path in self._known if str(path) == text), None)
        if found is not None:
            self._dirty.add(found)
            self._timer.start()

    def _look(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for path in dirty:
            self._jobs.run(
                lambda path=path: mark_of(path),  # type: ignore[misc]
                lambda mark, path=path: self._seen(path, mark),  # type: ignore[misc]
                lambda _: None,
            )

    def _seen(self, path: Path, mark: str | None) -> None:
        if path not in self._known:
            return
        if mark is None:
            self.gone.emit(path)
            return
        # A file that was replaced is another one to the system: watch that.
        self._add(path)
        if mark != self._known[path]:
            self._known[path] = mark  # told once
            self.changed.emit(path, mark)
