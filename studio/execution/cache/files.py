"""The files of the disk tier: written beside their place, put in place in one step."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class EntryFiles:
    """`<cache>/entries`, and `<cache>/tmp` (of the same file system) for what is being written.

    Args:
        folder: the cache folder.

    Raises:
        OSError: the folders cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "entries"
        self.temporaries = folder / "tmp"
        self._numbers = itertools.count()
        self._make_folders()

    def whole(self, files: Mapping[str, tuple[str, int]]) -> set[str]:
        """The names in `files` (to file name and bytes) whose files have that many bytes."""
        prefix = os.path.join(self.folder, "")
        found = set()
        for name, (file, size) in files.items():
            with contextlib.suppress(OSError):
                if os.stat(prefix + file).st_size == size:
                    found.add(name)
        return found

    def write_temporary(self, data: bytes) -> Path:
        """A new file that holds `data`, on the disk and not only on its way there; its name
        begins with the id of this process, for `sweep_temporaries`.

        Raises:
            OSError: it cannot be written; nothing is left behind.
        """
        self._make_folders()  # someone may have deleted them
        name = f"{os.getpid()}-{next(self._numbers)}-{os.urandom(4).hex()}.tmp"
        path = self.temporaries / name
        try:
            with open(path, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        return path

    def place(self, temporary: Path, file: str) -> None:
        """Give a temporary file its name among the entries, in one step.

        Raises:
            OSError: it cannot be done.
        """
        os.replace(temporary, self.folder / file)

    def remove(self, files: Iterable[str]) -> None:
        """Delete entries' files. One that cannot be deleted now (open on Windows) is left: it
        has no row, and `reconcile` finds it."""
        for file in files:
            with contextlib.suppress(OSError):
                (self.folder / file).unlink()

    def _make_folders(self) -> None:
        for folder in (self.folder, self.temporaries):
            folder.mkdir(parents=True, exist_ok=True)
