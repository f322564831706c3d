"""The tables of the cache's index."""

from __future__ import annotations

import contextlib
import sqlite3
import time

from studio.execution.cache.faults import BUSY, primary_code

SCHEMA_VERSION = 1
"""Raised when a table changes: an index of another version is emptied, never migrated."""

_SCHEMA = (
    """CREATE TABLE entries(
        key TEXT PRIMARY KEY, file TEXT NOT NULL, bytes INTEGER NOT NULL,
        checksum TEXT NOT NULL, node_type TEXT NOT NULL, compute_seconds REAL NOT NULL,
        created REAL NOT NULL, last_used REAL NOT NULL, rank REAL NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX entries_by_rank ON entries(rank)",
    """CREATE TABLE saved(
        key TEXT NOT NULL, root TEXT NOT NULL, files TEXT NOT NULL, checksum TEXT NOT NULL,
        created REAL NOT NULL, PRIMARY KEY(key, root)) WITHOUT ROWID""",
    """CREATE TABLE history(
        graph TEXT NOT NULL, node TEXT NOT NULL, key TEXT NOT NULL, signature TEXT NOT NULL,
        time REAL NOT NULL, PRIMARY KEY(graph, node)) WITHOUT ROWID""",
    """CREATE TABLE files(
        path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        blake3 TEXT NOT NULL, time REAL NOT NULL) WITHOUT ROWID""",
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('bytes', 0), ('swept', 0)",
    # The sum of the entries is asked for at every write; adding up 100,000 rows would show.
    """CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
        UPDATE meta SET value = value + NEW.bytes WHERE name = 'bytes'; END""",
    """CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
        UPDATE meta SET value = value - OLD.bytes WHERE name = 'bytes'; END""",
)


def user_version(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 in a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def create(connection: sqlite3.Connection, busy_seconds: float) -> int | None:
    """Make the tables, in place of whatever another version of the program has made.

    Two processes may be at it at once; the second finds nothing left to do.

    Args:
        connection: outside of a transaction.
        busy_seconds: how long to wait for another process.

    Returns:
        The version that was emptied, 0 for a new file, None where it was up to date.

    Raises:
        sqlite3.Error: as SQLite says.
    """
    _enter_wal(connection, busy_seconds)
    connection.execute("BEGIN IMMEDIATE")
    try:
        version: int | None = user_version(connection)
        if version == SCHEMA_VERSION:
            version = None
        else:
            # Emptied in place: other processes may have it open, and SQLite forbids renaming a
            # database under them.
            _drop_all(connection)
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    return version


def _enter_wal(connection: sqlite3.Connection, seconds: float) -> None:
    """Switch to WAL. The switch does not honour the busy timeout where two processes make it at
    the same moment, so it is tried until it holds."""
    end = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if primary_code(error) not in BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _drop_all(connection: sqlite3.Connection) -> None:
    """Drop every table, with its indices and triggers, and every view."""
    rows = connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') "
        "AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for kind, name in rows:
        quoted = name.replace('"', '""')
        connection.execute(f'DROP {kind} "{quoted}"')
