"""Pictures read off the GUI thread, scaled to what is shown.

Threads hand their results over in a queue that a timer empties: no signal crosses threads, so
nothing can arrive at an object that is gone.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QRunnable, QSize, Qt, QThreadPool, QTimer, Signal
from PySide6.QtGui import QImage, QImageReader

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

MAX_MEGAPIXELS = 400
"""A picture beyond this isn't decoded for a thumbnail: it would take gigabytes."""


class PictureLoader(QObject):
    """Loads pictures in Qt's thread pool.

    Args:
        parent: Qt's.
    """

    loaded = Signal(object, QImage)
    """The key given to `load`, and the picture; a null one where the file can't be read."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._results: SimpleQueue[tuple[int, Hashable, QImage]] = SimpleQueue()
        self._wanted: dict[Hashable, int] = {}
        self._count = 0
        self._timer = QTimer(self)
        self._timer.setInterval(15)
        self._timer.timeout.connect(self._collect)

    def load(self, key: Hashable, path: Path, side: int) -> None:
        """Read a picture; `loaded` tells. A later `load` of the same key replaces this one.

        Args:
            key: comes back with the picture.
            path: of the file.
            side: the longer side of what comes back, in pixels; smaller pictures stay as they are.
        """
        self._count += 1
        self._wanted[key] = self._count
        QThreadPool.globalInstance().start(_Load(self._results, self._count, key, path, side))
        self._timer.start()

    def forget(self, key: Hashable) -> None:
        """Drop what was asked for under `key`."""
        self._wanted.pop(key, None)

    @property
    def busy(self) -> bool:
        """Something asked for hasn't come yet."""
        return bool(self._wanted)

    def _collect(self) -> None:
        while True:
            try:
                number, key, image = self._results.get_nowait()
            except Empty:
                break
            if self._wanted.get(key) == number:
                del self._wanted[key]
                self.loaded.emit(key, image)
        if not self._wanted:
            self._timer.stop()


class _Load(QRunnable):
    def __init__(
        self, results: SimpleQueue[Any], number: int, key: Hashable, path: Path, side: int
    ) -> None:
        super().__init__()
        self._results, self._number, self._key = results, number, key
        self._path, self._side = path, side

    def run(self) -> None:
        self._results.put((self._number, self._key, read_scaled(self._path, self._side)))


def read_scaled(path: Path, side: int) -> QImage:
    """A picture no larger than `side`; null where it can't be read. May be called in any thread."""
    if not path.is_file():  # reading a pipe would wait for ever
        return QImage()
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if not size.isValid() or size.width() * size.height() > MAX_MEGAPIXELS * 1e6:
        return QImage()
    if max(size.width(), size.height()) > side:
        reader.setScaledSize(size.scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio))
    return reader.read()
