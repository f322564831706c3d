"""What can go wrong with the cache's index, and how it is told.

SQLite's errors fall into three kinds: busy (another process holds it; passes), unusable (no
permission, no space; lasts), damage (the file is not what was written; can be mended).
"""

from __future__ import annotations

import logging
import sqlite3

logger = logging.getLogger("studio.cache")

BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNUSABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
}
# Codes of the families above that do mean damage, or a file exchanged under an open connection.
_DAMAGED = {sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_READONLY_DBMOVED}


ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite's functions raise, to be told apart by `is_damage`."""


class CacheFault(Exception):
    """The index cannot be used: for now (`busy`), or for this session. Never reaches a user."""

    def __init__(self, reason: str, *, busy: bool = False) -> None:
        super().__init__(reason)
        self.busy = busy


class Once:
    """Warns the first time it is called: a cache that fails says so once, not at every node."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, message: str) -> None:
        """Log `message` as a warning, unless one was logged before."""
        if not self._said:
            self._said = True
            logger.warning(message)


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code; None where the error is not SQLite's own."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def is_damage(error: Exception) -> bool:
    """Whether the index is at fault, not its surroundings."""
    if isinstance(error, UnicodeDecodeError):  # of a message that quotes the damaged part
        return True
    if not isinstance(error, sqlite3.Error) or isinstance(error, sqlite3.ProgrammingError):
        return False
    if getattr(error, "sqlite_errorcode", None) in _DAMAGED:
        return True
    return primary_code(error) not in BUSY | _UNUSABLE


def fault(error: Exception) -> CacheFault:
    """The `CacheFault` for an error of SQLite or of the file system."""
    busy = isinstance(error, sqlite3.Error) and primary_code(error) in BUSY
    return CacheFault(str(error) or type(error).__name__, busy=busy)


def damaged_row(table: str) -> sqlite3.DatabaseError:
    """The error for a row that holds what nobody wrote; raised inside `read` or `write`, it
    makes the index start afresh."""
    return sqlite3.DatabaseError(f"a row of the table {table} makes no sense")
