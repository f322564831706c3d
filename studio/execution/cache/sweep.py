"""Tidying the disk tier's folder after processes that were killed, and after a lost index."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from studio.execution.cache import entries
from studio.execution.cache.faults import logger

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from studio.execution.cache.index import Index

STALE_SECONDS = 3600.0
INTERVAL_SECONDS = 86400.0
FORGET_SECONDS = 365 * 86400.0
CHUNK = 200  # files a transaction


def sweep_temporaries(folder: Path) -> int:
    """Delete temporary files older than an hour or of a process that is gone; how many.

    Their names begin with the process id of their writer.

    Raises:
        OSError: the folder cannot be listed.
    """
    swept = 0
    with os.scandir(folder) as items:
        for item in items:
            with contextlib.suppress(OSError):  # another process may be sweeping as well
                if _is_stale(item):
                    os.unlink(item.path)
                    swept += 1
    return swept


def _is_stale(item: os.DirEntry[str]) -> bool:
    owner = item.name.partition("-")[0]
    if time.time() - item.stat().st_mtime > STALE_SECONDS:
        return True
    if not owner.isdecimal() or int(owner) == os.getpid():
        return False
    return not _is_alive(int(owner))


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":
        return True  # `os.kill` would end it there; the file's age decides
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def reconcile(index: Index, folder: Path) -> None:
    """Make rows and files agree, after a look through the whole index.

    A file without a row (its writer was killed, or the index was lost) gets one, without what it
    took to compute; a file that another one has replaced is deleted; a row without a file is
    deleted. Rows of the other tables go when nobody has written them for a year. The sum of the
    entries' bytes is taken anew.

    Raises:
        CacheFault, OSError: the index or the folder cannot be used.
    """
    index.check()
    known = index.read(entries.all_files)
    present = set(os.listdir(folder))
    missing, strays = sorted(known - present), sorted(present - known)
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        index.write(partial(_drop_missing, folder=folder, files=chunk))
    for start in range(0, len(strays), CHUNK):
        chunk = strays[start : start + CHUNK]
        index.write(partial(_adopt, folder=folder, files=chunk))
    index.write(_forget)
    if missing or strays:
        counts = (len(missing), len(strays))
        logger.info("%s: %d rows without a file, %d files without a row.", folder, *counts)


def is_due(index: Index) -> bool:
    """Whether the last `reconcile` is more than a day ago."""
    query = "SELECT value FROM meta WHERE name = 'swept'"
    row = index.read(lambda connection: connection.execute(query).fetchone())
    swept = row[0] if row and isinstance(row[0], (int, float)) else 0
    return abs(time.time() - swept) > INTERVAL_SECONDS


def _drop_missing(connection: sqlite3.Connection, folder: Path, files: list[str]) -> None:
    # Looked at again inside the transaction: files are put in place inside of one too.
    for entry in entries.by_file(connection, files):
        if not (folder / entry.file).exists():
            entries.remove(connection, entry)


def _adopt(connection: sqlite3.Connection, folder: Path, files: list[str]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            names = entries.parse_file_name(file)
            if names is None:
                continue  # not ours
            entry = entries.find(connection, names[0])
            if entry is None:
                size = (folder / file).stat().st_size
                entries.put(connection, entries.Entry(names[0], file, size, names[1], "", 0.0))
            elif entry.file != file:
                (folder / file).unlink()


def _forget(connection: sqlite3.Connection) -> None:
    now = time.time()
    for table, column in (("saved", "created"), ("history", "time"), ("files", "time")):
        connection.execute(f"DELETE FROM {table} WHERE {column} < ?", (now - FORGET_SECONDS,))
    connection.execute(
        "UPDATE meta SET value = (SELECT coalesce(sum(bytes), 0) FROM entries) WHERE name = 'bytes'"
    )
    connection.execute("UPDATE meta SET value = ? WHERE name = 'swept'", (now,))
