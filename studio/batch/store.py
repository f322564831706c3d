"""Lines kept outside memory: what a batch was given in files, frozen when it was planned."""

from __future__ import annotations

import os
import shutil
import tempfile
from array import array
from threading import Lock
from typing import TYPE_CHECKING

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_MEMORY = 16 * 2**20
"""Bytes up to which nothing is written to disk."""


class NoRoom(InputError):
    """The values of a batch can't be kept."""

    def __init__(self, folder: str, error: OSError) -> None:
        super().__init__(
            f"The rows can't be kept in {folder}: {error.strerror or error}.",
            hint="Make room there, or set TMPDIR to another folder.",
        )


class Store:
    """Lines by number, in a temporary file that has no name and leaves nothing behind.

    Eight bytes of memory a line, and those of the last lines read. Filled by one thread, then
    read by any.
    """

    def __init__(self) -> None:
        # It lives as long as the store does.
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        self._starts = array("Q")
        self._end = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def size(self) -> int:
        """What the lines take."""
        return self._end

    def append(self, line: bytes) -> None:
        """Keep a line (without its end).

        Raises:
            NoRoom: the temporary folder is full.
        """
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            raise NoRoom(tempfile.gettempdir(), error) from error
        self._starts.append(self._end)
        self._end += len(line) + 1

    def __getitem__(self, index: int) -> bytes:
        start = self._starts[index]
        end = self._starts[index + 1] if index + 1 < len(self._starts) else self._end
        with self._lock:
            self._file.seek(start)
            return self._file.read(end - start - 1)

    def __iter__(self) -> Iterator[bytes]:
        for index in range(len(self)):
            yield self[index]

    def save(self, path: Path) -> None:
        """Write all lines to a file, and wait until they are on the disk.

        Raises:
            OSError: as the system says.
        """
        with self._lock, path.open("wb") as file:
            self._file.seek(0)
            shutil.copyfileobj(self._file, file, 2**20)
            file.flush()
            os.fsync(file.fileno())

    def __del__(self) -> None:
        self._file.close()
