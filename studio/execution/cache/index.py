"""The cache's SQLite index: opening it, short transactions, coming back from damage.

One file, `<cache>/index.sqlite`, shared by every process that uses the folder: WAL, so readers
never wait, and a busy timeout for writers. Nothing in it is precious. An index that cannot be
understood is moved aside or emptied, with a warning, and the entries' files are taken in again
(`sweep.py`); one that cannot be used at all (folder not writable, disk full, locked for too
long) raises `CacheFault`, which the cache turns into "not cached".
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, TypeVar

from studio.execution.cache import schema
from studio.execution.cache.faults import ERRORS, CacheFault, fault, is_damage, logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class Index:
    """An open index.

    Two connections: the background writer may wait for another process's transaction while the
    main thread goes on reading. Safe to use from several threads; not across a fork.

    Args:
        folder: the cache folder; made if it is missing.
        busy_seconds: how long to wait for another process's transaction.

    Raises:
        CacheFault: the folder or the index cannot be made or opened.
    """

    def __init__(self, folder: Path, *, busy_seconds: float = 5.0) -> None:
        self.folder = folder
        self.path = folder / "index.sqlite"
        self.generation = 0
        """Raised whenever the index was emptied or exchanged: its entries are to be adopted."""
        self._busy_seconds = busy_seconds
        self._write_lock = threading.RLock()
        self._read_lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._closed = False
        try:
            self._reader = self._connect()
        except ERRORS as error:
            if not is_damage(error):
                raise fault(error) from error
            self._recover(error, 0, force=False)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` on a connection that never waits for a writer; it may run more than once.

        Raises:
            CacheFault: the index cannot be read.
        """
        return self._attempt(lambda: self._read(work))

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work` in one transaction, alone among all processes; it may run more than once.

        Keep it short: everyone else's writing waits. It must not call the index again.

        Raises:
            CacheFault: the index cannot be written.
        """
        return self._attempt(lambda: self._write(work))

    def check(self) -> None:
        """Read all of it, and start afresh where a page is damaged or out of order.

        Raises:
            CacheFault: the index cannot be used.
        """

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("its pages are not in order")

        self.read(work)

    def close(self) -> None:
        """Close both connections; every later call raises `CacheFault`."""
        with self._write_lock, self._read_lock:
            self._closed = True
            self._disconnect()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._read_lock:
            self._check_open()
            self._reader = self._reader or self._connect()
            return work(self._reader)

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._write_lock:
            self._check_open()
            self._writer = self._writer or self._connect()
            connection = self._writer
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return result

    def _attempt(self, work: Callable[[], T]) -> T:
        """Run `work`; after damage, reconnect; after damage again, start a new index."""
        for repair in (False, True, None):
            seen = self.generation
            try:
                return work()
            except ERRORS as error:
                if not is_damage(error) or repair is None:
                    raise fault(error) from error
                # Outside of the locks that `work` took: `_recover` takes both, in one order.
                self._recover(error, seen, force=repair)
        raise AssertionError("unreachable")

    def _check_open(self) -> None:
        if self._closed:
            raise CacheFault("the cache is closed")

    def _connect(self) -> sqlite3.Connection:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheFault(str(error)) from error
        connection = sqlite3.connect(
            self.path,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA synchronous = NORMAL")
            if schema.user_version(connection) != schema.SCHEMA_VERSION:
                self._create(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        before = schema.create(connection, self._busy_seconds)
        if before is not None:
            self.generation += 1
        if before:
            logger.warning(
                "%s: of another version (%s) of the program; emptied.", self.path, before
            )

    def _recover(self, error: Exception, seen: int, *, force: bool) -> None:
        with self._write_lock, self._read_lock:
            if self._closed or self.generation != seen:
                return  # another thread has done it
            self._disconnect()
            try:
                # Another process may have exchanged the file already: then reconnecting is all.
                self._reader = None if force else self._reconnected()
                if self._reader is None:
                    self._move_aside(error)
                    self._reader = self._connect()
            except (*ERRORS, OSError) as second:
                raise fault(second) from second
            self.generation = max(self.generation, seen + 1)

    def _reconnected(self) -> sqlite3.Connection | None:
        connection = None
        try:
            connection = self._connect()
            if connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",):
                return connection
        except ERRORS as error:
            if not is_damage(error):
                raise
        if connection is not None:
            connection.close()
        return None

    def _move_aside(self, error: Exception) -> None:
        aside = self.path.with_name("index.sqlite.damaged")
        logger.warning("%s: damaged (%s); moved to %s, rebuilt.", self.path, error, aside.name)
        # Its write-ahead log may stay: SQLite deletes one that it finds beside an empty file.
        with contextlib.suppress(FileNotFoundError):
            os.replace(self.path, aside)

    def _disconnect(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
        self._reader = self._writer = None
