"""A lock on a file that ends with its process, however the process ends."""

from __future__ import annotations

import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """An exclusive lock, held from `take` to `release` or to the end of the process.

    The system drops it when the process is killed, so it tells the living from the dead better
    than a process id, which may belong to another program by now.

    Args:
        path: of the lock's file, which is made where it isn't there; its folder must be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Lock it, without waiting; False where another holder has it.

        Raises:
            OSError: the file can't be made, or its file system knows no locks.
        """
        file = open(self.path, "ab")  # noqa: SIM115  (stays open for as long as it is held)
        try:
            _lock(file.fileno())
        except (BlockingIOError, PermissionError):
            file.close()
            return False
        except OSError:
            file.close()
            raise
        self._file = file
        return True

    def release(self) -> None:
        """Let go of it and remove its file; does nothing where it isn't held."""
        if self._file is None:
            return
        if sys.platform == "win32":
            # An open file can't be removed there.
            self._file.close()
            self.path.unlink(missing_ok=True)
        else:
            # Removed while held: nobody can take the lock of a file that is about to go.
            self.path.unlink(missing_ok=True)
            self._file.close()
        self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
