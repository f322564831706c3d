"""The folder of a batch: one batch a folder, and one process at a time.

The lock is a file that names its holder. Where the system has locks of its own, the file is
locked, so that the lock goes with the process however it ends; elsewhere the holder's process
number and start time tell whether it still lives.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]

from studio.batch.jobfile import FILE_NAME
from studio.batch.journal import FILE, Journal
from studio.batch.naming import Names
from studio.errors import InputError
from studio.outputs import OutputFolder, OutputNotWritable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = "batch.lock"
MOST_READ = 4096
"""Bytes of the lock file that are looked at."""


class FolderInUse(InputError):
    """Another batch is at work in the folder."""

    def __init__(self, root: Path, holder: dict[str, Any]) -> None:
        who = f"process {holder['pid']}" if "pid" in holder else "another process"
        if holder.get("host") not in (None, platform.node()):
            who += f" on {holder['host']}"
        since = holder.get("since")
        known = since is not None and 0 < since < 2**32  # the file may be damaged
        when = f", since {time.strftime('%H:%M', time.localtime(since))}" if known else ""
        super().__init__(
            f"A batch is at work in {root} ({who}{when}).",
            hint="Wait for it or stop it, or choose another folder with --out.",
        )


class FolderTaken(InputError):
    """The folder holds a batch already, and nobody asked to go on with it."""

    def __init__(self, root: Path, done: int) -> None:
        super().__init__(
            f"{root} holds a batch already ({done} job{'s' * (done != 1)} done).",
            hint=f"Go on with it: batch --resume {root}. Or choose another folder with --out.",
        )


class NoBatchThere(InputError):
    """`--resume` of a folder without a batch."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"There is no batch in {root} to go on with.",
            hint=f"Its folder holds a file {FILE}; check the path.",
        )


@dataclass(frozen=True)
class BatchFolder:
    """The folder of a batch, held by this process.

    Args:
        root: absolute.
        journal: open.
        names: gives staged files their names.
    """

    root: Path
    journal: Journal
    names: Names


@contextmanager
def open_folder(path: Path, *, resume: bool) -> Iterator[BatchFolder]:
    """Take the folder of a batch, and let it go in the end.

    What a killed batch left half done is put in order first: files of jobs that ended get their
    names, other staged files are removed.

    Args:
        path: made where it is missing.
        resume: go on with the batch that is there; False wants a folder without one.

    Raises:
        FolderInUse: another process is at work there.
        FolderTaken: there is a batch already, and `resume` is False.
        NoBatchThere: there is none, and `resume` is True.
        JournalUnusable, JournalTooNew: its journal can't be read.
        OutputBlocked, OutputNotWritable, DiskFull: nothing can be written there.
    """
    root = path.absolute()
    journal_file = root / FILE
    if resume and not journal_file.exists():
        raise NoBatchThere(root)
    if not resume:
        OutputFolder(root).check()
    with _locked(root):
        if not resume and journal_file.exists():
            with Journal(journal_file) as journal:
                begun, done = journal.begun(), journal.counts().done
            # Killed before it was described: nobody can go on with it, and nothing is lost.
            if begun or (root / FILE_NAME).exists():
                raise FolderTaken(root, done)
        with Journal(journal_file) as journal:
            names = Names(root)
            journal.moved(names.settle(journal.file))
            yield BatchFolder(root, journal, names)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    path = root / LOCK
    with _take(root, path) as file:
        me = psutil.Process()
        about = {
            "pid": me.pid,
            "started": me.create_time(),
            "host": platform.node(),
            "since": time.time(),
        }
        file.truncate(0)
        file.write(json.dumps(about).encode())
        file.flush()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows removes no open file; it is stale then
                path.unlink()


def _take(root: Path, path: Path) -> IO[bytes]:
    """The lock file, open and locked.

    Raises:
        FolderInUse: another process has it.
        OutputNotWritable: it can't be opened, or leads elsewhere.
    """
    while True:
        try:
            file = open(path, "a+b", opener=_open_itself)  # noqa: SIM115  - the caller closes it
        except OSError as error:
            raise OutputNotWritable(root, error) from error
        try:
            if not _lock(file):
                raise FolderInUse(root, _holder(file))
            if _is_there(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # its last holder removed it meanwhile


def _open_itself(path: str, flags: int) -> int:
    """Open a file, and none that a link leads to: it will be overwritten."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _is_there(file: IO[bytes], path: Path) -> bool:
    """Whether the file that was locked is the one that others see: its last holder may have
    removed it between our opening and our locking it."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _holder(file: IO[bytes]) -> dict[str, Any]:
    """Who holds the lock, as its file says; empty where it says nothing."""
    try:
        file.seek(0)
        holder = json.loads(file.read(MOST_READ) or b"{}")
        return {
            "pid": int(holder["pid"]),
            "started": float(holder["started"]),
            "host": str(holder["host"]),
            "since": float(holder["since"]),
        }
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return {}


def _lives(holder: dict[str, Any]) -> bool:
    """Whether a holder is at work still; on another machine it can't be asked, so it is."""
    if "pid" not in holder:
        return False
    if holder.get("host") != platform.node():
        return True
    try:
        process = psutil.Process(holder["pid"])
        # A process number is given again; the start time tells whether it is the same process.
        return bool(abs(process.create_time() - holder["started"]) < 1)
    except (psutil.Error, ValueError, OverflowError):
        return False


def _lock(file: IO[bytes]) -> bool:
    """Lock a file for as long as it is open; False where another process has."""
    try:
        import fcntl
    except ImportError:  # Windows
        return not _lives(_holder(file))
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        return not _lives(_holder(file))  # a file system without locks
    return True
