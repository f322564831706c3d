"""The files that effect nodes wrote, by key and output folder.

A node with effects (SaveImage) is cached where its files are still what it wrote: then it need
not run again, and neither does anything that only it wanted.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from studio.errors import StudioError
from studio.execution.cache.entries import CHUNK
from studio.words import plain

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that an effect node wrote.

    Args:
        path: absolute, or relative to the output folder; absolute where it comes back.
        bytes: its size.
        blake3: of its contents, 256 bits, hexadecimal.
        extra: what else the caller wants back (JSON).
    """

    path: Path
    bytes: int
    blake3: str
    extra: dict[str, Any] = field(default_factory=dict)


Row = tuple[str, str, str, str, float]


def root_name(root: Path) -> str:
    """The absolute path by which an output folder is known; symbolic links are not followed."""
    return plain(os.path.abspath(root))


def row(key: str, root: str, files: Sequence[SavedFile]) -> Row:
    """The table's row for what `key` wrote under `root`.

    Raises:
        TypeError, ValueError: an `extra` that is not JSON.
    """
    listed = []
    for file in files:
        path = os.path.abspath(os.path.join(root, file.path))
        if path.startswith(os.path.join(root, "")):  # so that `root` may be seen elsewhere
            path = os.path.relpath(path, root)
        listed.append([path, file.bytes, file.blake3, file.extra])
    text = json.dumps(listed, allow_nan=False, separators=(",", ":"))
    return key, root, text, _checksum(key, root, text), time.time()


def write(connection: sqlite3.Connection, row: Row) -> None:
    """Write the row over the one of the same key and root."""
    connection.execute("INSERT OR REPLACE INTO saved VALUES (?, ?, ?, ?, ?)", row)


def read_many(
    connection: sqlite3.Connection, keys: Sequence[str], root: str
) -> dict[str, list[SavedFile]]:
    """What was written under `root` for each of `keys`, whether or not it is still there."""
    found = {}
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        marks = ",".join("?" * len(chunk))
        query = f"SELECT key, files, checksum FROM saved WHERE root = ? AND key IN ({marks})"
        for key, text, checksum in connection.execute(query, (root, *chunk)):
            # A damaged row counts as no row: the node runs, and writes another.
            if isinstance(text, str) and _checksum(key, root, text) == checksum:
                found[key] = [
                    SavedFile(Path(root, path), size, digest, extra)
                    for path, size, digest, extra in json.loads(text)
                ]
    return found


def intact(files: Sequence[SavedFile], fingerprint: Callable[[Path], str]) -> bool:
    """Whether every file is there with the size and contents it was written with."""
    try:
        return all(
            file.path.stat().st_size == file.bytes and fingerprint(file.path) == file.blake3
            for file in files
        )
    except (OSError, StudioError):  # gone, unreadable, or a folder now
        return False


def _checksum(*texts: str) -> str:
    return blake3("\0".join(texts).encode(errors="surrogatepass")).hexdigest(length=8)
