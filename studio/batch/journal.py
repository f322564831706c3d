"""The journal of a batch: what was started, what ended and how, and which files belong to it.

An SQLite file in the batch's folder to which rows are only ever added; the database itself
refuses everything else, and refuses a second end of a job that is done. A row that says that a
job ended is on the disk before its files get their names (`studio.batch.naming`).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any, Self

from studio.batch.indices import Indices
from studio.batch.model import JobResult, OutputFile
from studio.errors import InputError
from studio.words import plain, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

FILE = "journal.sqlite"
SCHEMA = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
-- A row for each thing that happened to a job: 'started', then 'done', or 'retry' (it failed and
-- will be tried once more), 'failed' (for good), 'lost' (its worker died), 'stopped' (by the user).
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started', 'done', 'retry', 'failed', 'lost', 'stopped')),
    attempt INTEGER NOT NULL,
    at REAL NOT NULL,
    worker TEXT NOT NULL DEFAULT '',
    seconds REAL NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    sets TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX done_once ON entries (job) WHERE state = 'done';
CREATE INDEX failures ON entries (job) WHERE state = 'failed';
CREATE INDEX jobs ON entries (job, id);
CREATE TABLE outputs (
    entry INTEGER NOT NULL REFERENCES entries (id),
    place INTEGER NOT NULL,
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    blake3 TEXT NOT NULL,
    node TEXT NOT NULL,
    staged TEXT NOT NULL,
    PRIMARY KEY (entry, place)
) WITHOUT ROWID;
CREATE UNIQUE INDEX paths ON outputs (path);
-- Files that couldn't have the name that was chosen for them.
CREATE TABLE moves (entry INTEGER NOT NULL, place INTEGER NOT NULL, path TEXT NOT NULL);
"""
_FILE = """entry, coalesce(
    (SELECT moves.path FROM moves WHERE moves.entry = outputs.entry
     AND moves.place = outputs.place ORDER BY moves.rowid DESC LIMIT 1), path
), blake3, bytes, node, staged"""
_APPEND_ONLY = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


class JournalUnusable(InputError):
    """The journal can't be read or written."""

    def __init__(self, path: Path, error: Exception) -> None:
        full = isinstance(error, sqlite3.Error) and (
            getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        )
        super().__init__(
            f"The journal {path} can't be used: {error}.",
            hint="Free some space, then go on with --resume."
            if full
            else "If it is damaged, take another folder; pictures that are there stay good.",
        )


class JournalTooNew(InputError):
    """A newer version of the program wrote it."""

    def __init__(self, path: Path, schema: str) -> None:
        super().__init__(
            f"The journal {path} has format {schema}; this program knows {SCHEMA}.",
            hint="Use the version that wrote it, or a newer one.",
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are done, and how many failed for good."""

    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal.

    Args:
        job: its index.
        state: "started", "done", "retry", "failed", "lost" or "stopped".
        attempt: from 1.
        worker: who had it.
        seconds: for jobs that ended.
        error: for people.
        detail: traceback.
        sets: what the job set, for "started".
        outputs: of jobs that are done.
    """

    job: int
    state: str
    attempt: int
    worker: str = ""
    seconds: float = 0.0
    error: str = ""
    detail: str = ""
    sets: Mapping[str, Any] | None = None
    outputs: tuple[OutputFile, ...] = ()


class Journal:
    """The journal of one batch. Close it. Safe to share between threads.

    Args:
        path: of the file; made where it is missing.

    Raises:
        JournalUnusable: it can't be opened, or is damaged.
        JournalTooNew: a newer program wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._guarded():
            self._db = sqlite3.connect(
                path, timeout=10, isolation_level=None, check_same_thread=False
            )
        try:
            with self._guarded():
                self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        # Each commit waits for the disk: a job that is said to be done is done after a power cut.
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA busy_timeout = 10000")
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            triggers = "".join(
                _APPEND_ONLY.format(table=table, verb=verb)
                for table in ("entries", "outputs", "moves")
                for verb in ("UPDATE", "DELETE")
            )
            self._db.executescript(
                f"BEGIN; {_TABLES} {triggers} INSERT INTO meta VALUES ('schema', '{SCHEMA}');"
                f"INSERT INTO meta VALUES ('created', '{time.time()}'); COMMIT;"
            )
        schema = self.meta("schema") or "?"
        if not schema.isdigit() or int(schema) > SCHEMA:
            raise JournalTooNew(self.path, schema)

    def close(self) -> None:
        """Close the file. Whoever looks next finds one file, without its write-ahead log."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise JournalUnusable(self.path, error) from error

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._guarded():
            return self._db.execute(query, values).fetchall()

    # What the batch says of itself

    def meta(self, key: str) -> str | None:
        """A remark about the whole batch."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", key)
        return rows[0][0] if rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Remember a remark about the whole batch, over what stood there."""
        self._rows("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, plain(value))

    # Writing

    def add(self, entries: Sequence[Entry]) -> None:
        """Add entries in one transaction; it is on the disk when this returns.

        Raises:
            JournalUnusable: nothing was added (the disk may be full).
        """
        if not entries:
            return
        now = time.time()
        with self._guarded():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for entry in entries:
                    self._insert(entry, now)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _insert(self, entry: Entry, now: float) -> None:
        sets = "" if entry.sets is None else json.dumps(dict(entry.sets), ensure_ascii=False)
        cursor = self._db.execute(
            "INSERT INTO entries (job, state, attempt, at, worker, seconds, error, detail, sets) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.job,
                entry.state,
                entry.attempt,
                now,
                entry.worker,
                entry.seconds,
                plain(entry.error),
                plain(entry.detail),
                plain(sets),
            ),
        )
        if entry.outputs:
            self._db.executemany(
                "INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (cursor.lastrowid, place, f.path, f.bytes, f.blake3, f.node, f.staged)
                    for place, f in enumerate(entry.outputs)
                ],
            )

    def moved(self, files: Sequence[OutputFile]) -> None:
        """Note the paths of files that couldn't have the name that stands in their entry."""
        if not files:
            return
        with self._guarded():
            for file in files:
                self._db.execute(
                    "INSERT INTO moves SELECT entry, place, ? FROM outputs WHERE staged = ?",
                    (file.path, file.staged),
                )

    # Reading

    def ended(self, *, failed: bool = True) -> Indices:
        """The jobs that are done, and those that failed for good unless `failed` is False."""
        # One after the other: each state has an index of its own.
        found = Indices(job for (job,) in self._rows("SELECT job FROM entries WHERE state='done'"))
        if failed:
            for (job,) in self._rows("SELECT job FROM entries WHERE state = 'failed'"):
                found.add(job)
        return found

    def counts(self) -> Counts:
        """How many are done, and how many failed and aren't done since."""
        ((done,),) = self._rows("SELECT count(*) FROM entries WHERE state = 'done'")
        ((failed,),) = self._rows(
            "SELECT count(DISTINCT job) FROM entries WHERE state = 'failed' AND job NOT IN "
            "(SELECT job FROM entries WHERE state = 'done')"
        )
        return Counts(done, failed)

    def begun(self) -> bool:
        """Whether anything happened to any job."""
        return bool(self._rows("SELECT 1 FROM entries LIMIT 1"))

    def attempts(self, job: int) -> int:
        """How often a job was started."""
        ((count,),) = self._rows("SELECT coalesce(max(attempt), 0) FROM entries WHERE job = ?", job)
        return int(count)

    def results(self) -> Iterator[JobResult]:
        """How each job ended, those that haven't left out, by index."""
        # In portions, so that a hundred thousand take no memory and others may write meanwhile.
        columns = "id, job, state, attempt, seconds, error, detail"
        last: JobResult | None = None
        place = (-1, -1)
        while rows := self._rows(
            f"SELECT {columns} FROM entries WHERE state IN ('done', 'failed') "
            "AND (job, id) > (?, ?) ORDER BY job, id LIMIT 1000",
            *place,
        ):
            place = (rows[-1][1], rows[-1][0])
            files = self._files([row[0] for row in rows if row[2] == "done"])
            for entry, job, state, attempt, seconds, error, detail in rows:
                result = JobResult(
                    job, state, error, seconds, tuple(files.get(entry, ())), attempt, detail
                )
                # A job that failed, was asked for again and is done has two rows: done counts.
                if last is not None and last.index != job:
                    yield last
                    last = None
                if last is None or last.status != "done":
                    last = result
        if last is not None:
            yield last

    def failures(self, limit: int = 10) -> list[JobResult]:
        """The first jobs that failed and aren't done since, by index."""
        failed = (result for result in self.results() if result.status == "failed")
        return list(islice(failed, limit))

    def file(self, staged: str) -> OutputFile | None:
        """The file of a job that ended, by its name in the staging folder."""
        rows = self._rows(f"SELECT {_FILE} FROM outputs WHERE staged = ?", staged)
        return self._output(rows[0]) if rows else None

    def sets(self, job: int) -> dict[str, Any] | None:
        """What a job set when it was last started; None where it never was."""
        rows = self._rows(
            "SELECT sets FROM entries WHERE job = ? AND state = 'started' ORDER BY id DESC LIMIT 1",
            job,
        )
        return json.loads(rows[0][0] or "{}") if rows else None

    def _files(self, entries: Sequence[int]) -> dict[int, list[OutputFile]]:
        if not entries:
            return {}
        marks = ",".join("?" * len(entries))
        found: dict[int, list[OutputFile]] = {}
        query = f"SELECT {_FILE} FROM outputs WHERE entry IN ({marks}) ORDER BY entry, place"
        for row in self._rows(query, *entries):
            found.setdefault(row[0], []).append(self._output(row))
        return found

    def _output(self, row: Sequence[Any]) -> OutputFile:
        """A file out of a row of `_FILE`; it is named and shown, so it must lie in the folder."""
        file = OutputFile(*row[1:])
        path = PureWindowsPath(file.path)  # on any system: it knows \\, / and drives
        if path.anchor or ".." in path.parts:
            raise JournalUnusable(self.path, ValueError(f"{short(file.path)} leads outside"))
        return file
