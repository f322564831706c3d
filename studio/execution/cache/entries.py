"""The table of the disk tier's entries: plain SQL, one function a question."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.execution.cache.faults import damaged_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

DAY = 86400.0
MEBIBYTE = 2**20
LONGEST_BONUS = 30 * DAY
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
CHUNK = 500  # well below 999, the most parameters an old SQLite takes

_COLUMNS = "key, file, bytes, checksum, node_type, compute_seconds"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the disk tier.

    Args:
        key: of the node's outputs.
        file: name of its file, without the folder.
        bytes: size of the file.
        checksum: BLAKE3 of the file, 128 bits, hexadecimal.
        node_type: the node that made it; "" where an index was lost and the file found again.
        compute_seconds: what making it took; 0 where not known.
    """

    key: str
    file: str
    bytes: int
    checksum: str
    node_type: str
    compute_seconds: float

    @property
    def bonus(self) -> float:
        """Seconds by which the entry counts as more recently used than it was.

        A day for every second of computing per MiB, 30 days at most: dropping one decoded
        picture frees more, and costs less to make up for, than dropping a hundred latents.
        """
        return min(LONGEST_BONUS, DAY * self.compute_seconds * MEBIBYTE / max(1, self.bytes))


def _entry(row: tuple[Any, ...]) -> Entry:
    # A flipped bit in an index page may turn a column into another type, or one key to another.
    key, file, size, checksum, node_type, seconds = row
    texts = all(isinstance(text, str) for text in (key, file, checksum, node_type))
    if not (texts and isinstance(size, int) and isinstance(seconds, float) and size >= 0):
        raise damaged_row("entries")
    if file != file_name(key, checksum):
        raise damaged_row("entries")
    return Entry(key, file, size, checksum, node_type, seconds)


def check_key(key: str) -> None:
    """Refuse a key that cannot be part of a file name.

    Raises:
        ValueError: anything but 1 to 128 letters, digits, "-" and "_".
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a cache key")


def file_name(key: str, checksum: str) -> str:
    """The name of an entry's file: it says key and checksum, so that a file without a row can
    be taken in, and two processes that write one key never write one file differently."""
    return f"{key}.{checksum}.safetensors"


def parse_file_name(name: str) -> tuple[str, str] | None:
    """(key, checksum) of an entry's file; None for another file."""
    match name.split("."):
        case [key, checksum, "safetensors"] if key and len(checksum) == 32:
            return key, checksum
    return None


def find(connection: sqlite3.Connection, key: str) -> Entry | None:
    """The entry of `key`."""
    query = f"SELECT {_COLUMNS} FROM entries WHERE key = ?"
    row = connection.execute(query, (key,)).fetchone()
    entry = None if row is None else _entry(row)
    if entry is not None and entry.key != key:  # a damaged page is no longer in order
        raise damaged_row("entries")
    return entry


def find_many(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, tuple[str, int]]:
    """(file, bytes) of each of `keys` that has an entry."""
    found: dict[str, tuple[str, int]] = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        marks = ",".join("?" * len(chunk))
        query = f"SELECT key, file, bytes, checksum FROM entries WHERE key IN ({marks})"
        asked = set(chunk)
        for key, file, size, checksum in connection.execute(query, chunk):
            if key not in asked or file != file_name(key, checksum) or not isinstance(size, int):
                raise damaged_row("entries")
            found[key] = (file, size)
    return found


def put(connection: sqlite3.Connection, entry: Entry) -> str | None:
    """Write the entry's row; the file name that its key had before, where it was another."""
    before = connection.execute("SELECT file FROM entries WHERE key = ?", (entry.key,)).fetchone()
    now = time.time()
    # DELETE and INSERT, as REPLACE would pass over the trigger that keeps the sum.
    connection.execute("DELETE FROM entries WHERE key = ?", (entry.key,))
    connection.execute(
        f"INSERT INTO entries({_COLUMNS}, created, last_used, rank) VALUES (?,?,?,?,?,?,?,?,?)",
        (
            entry.key,
            entry.file,
            entry.bytes,
            entry.checksum,
            entry.node_type,
            float(entry.compute_seconds),
            now,
            now,
            now + entry.bonus,
        ),
    )
    return str(before[0]) if before is not None and before[0] != entry.file else None


def remove(connection: sqlite3.Connection, entry: Entry) -> bool:
    """Delete the entry's row; False where it is gone or was replaced meanwhile."""
    query = "DELETE FROM entries WHERE key = ? AND file = ?"
    return connection.execute(query, (entry.key, entry.file)).rowcount > 0


def touch(connection: sqlite3.Connection, used: Mapping[str, float]) -> None:
    """Write when (seconds since 1970) entries were last read."""
    connection.executemany(
        "UPDATE entries SET rank = rank + max(0, ? - last_used), last_used = max(last_used, ?) "
        "WHERE key = ?",
        [(when, when, key) for key, when in used.items()],
    )


def least_wanted(connection: sqlite3.Connection, count: int, keep: str = "") -> list[Entry]:
    """The `count` entries to evict first: least recently used, less their `bonus`."""
    query = f"SELECT {_COLUMNS} FROM entries WHERE key <> ? ORDER BY rank LIMIT ?"
    return [_entry(row) for row in connection.execute(query, (keep, count))]


def total_bytes(connection: sqlite3.Connection) -> int:
    """The sum of all entries' bytes."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'bytes'").fetchone()
    if row is None or not isinstance(row[0], int):
        raise damaged_row("meta")
    return row[0]


def all_files(connection: sqlite3.Connection) -> set[str]:
    """The file names of all entries."""
    return {row[0] for row in connection.execute("SELECT file FROM entries")}


def by_file(connection: sqlite3.Connection, files: Iterable[str]) -> list[Entry]:
    """The entries whose rows name these files."""
    parsed = (parse_file_name(file) for file in files)
    entries = (find(connection, names[0]) for names in parsed if names is not None)
    return [entry for entry in entries if entry is not None]


def by_type(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """(entries, bytes) of each node type, largest first."""
    query = "SELECT node_type, count(*), sum(bytes) FROM entries GROUP BY node_type ORDER BY 3 DESC"
    return {name: (count, size) for name, count, size in connection.execute(query)}
