"""Content fingerprints of the files that nodes name, remembered between runs.

A checkpoint of several GB is hashed once: a fingerprint is remembered by absolute path, size
and modification time. Git's "racy" rule guards the gap that leaves: a file that was modified
less than two seconds before it was hashed may be modified again with the same time stamp, so
its fingerprint is not remembered.
"""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from studio.errors import InputError
from studio.words import plain

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from studio.execution.cache.index import Index

RACY_NS = 2_000_000_000
"""Nanoseconds; the coarsest time stamps in use (FAT) step by two seconds."""

MAP_BYTES = 2**20  # from here on a file is mapped, and hashed by all cores
COMMIT_FILES = 64
COMMIT_BYTES = 16 * 2**20
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif", ".tiff"})
IGNORED = PICTURES | {".md"}


class FileUnreadable(InputError):
    """A file or folder that a node names cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: cannot be read ({reason}).", hint="Check the path.")
        self.path = path


class NothingToRead(InputError):
    """A folder that a node names holds no file that counts."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: holds no model files.",
            hint="Hidden files, *.md and pictures don't count; check the path.",
        )
        self.path = path


class FileHashes:
    """Fingerprints of files and folders.

    Not thread-safe by itself; calls from several threads hash twice at worst.

    Args:
        index: where they are remembered; None remembers nothing beyond this object.
    """

    def __init__(self, index: Index | None = None) -> None:
        self._index = index
        self._known: dict[str, tuple[int, int, str]] = {}
        self._pending: dict[str, tuple[int, int, str]] = {}
        self._pending_bytes = 0

    @classmethod
    def at(cls, folder: Path) -> FileHashes:
        """Remembered in the index of the cache folder `folder`, or, where that cannot be
        opened, in this object."""
        from studio.execution.cache.faults import CacheFault, logger
        from studio.execution.cache.index import Index

        try:
            return cls(Index(folder))
        except CacheFault as error:
            logger.warning(
                "%s: cannot be used (%s); file hashes are not remembered.", folder, error
            )
            return cls()

    def fingerprint(self, path: Path) -> str:
        """BLAKE3 (256 bits, hexadecimal) of a file's contents, or of a folder's.

        A folder's is taken over the relative names, sizes and fingerprints of its files at any
        depth, in the order of their names; hidden files and folders, *.md and pictures don't
        count. Symbolic links are followed.

        Raises:
            FileUnreadable: missing, not readable, or neither file nor folder.
            NothingToRead: a folder without a file that counts.
        """
        path = Path(os.path.abspath(path))
        try:
            if path.is_dir():
                return self._folder(path)
            return self._file(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise FileUnreadable(Path(error.filename or path), reason) from error

    def remembered(self, path: Path) -> str | None:
        """What `fingerprint` would say, where no file has to be read for it; else None."""
        path = Path(os.path.abspath(path))
        try:
            if not path.is_dir():
                return self._unread(path)
            digest, names = blake3(), sorted(_files(path), key=lambda item: item[0])
            for name, file in names:
                if (fingerprint := self._unread(file)) is None:
                    return None
                digest.update(_line(name, file, fingerprint))
            return digest.hexdigest() if names else None
        except OSError:
            return None

    def flush(self) -> None:
        """Write what is not yet remembered into the index. Never raises: it is hashed again."""
        pending, self._pending, self._pending_bytes = self._pending, {}, 0
        if self._index is None or not pending:
            return
        from studio.execution.cache.faults import CacheFault

        now = time.time()
        rows = [(path, *memo, now) for path, memo in pending.items()]
        try:
            self._index.write(
                lambda connection: connection.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows
                )
            )
        except CacheFault:
            return

    def _folder(self, folder: Path) -> str:
        digest = blake3()
        names = sorted(_files(folder), key=lambda item: item[0])
        if not names:
            raise NothingToRead(folder)
        for name, path in names:
            digest.update(_line(name, path, self._file(path)))
        return digest.hexdigest()

    def _unread(self, path: Path) -> str | None:
        status = path.stat()
        name = plain(str(path))
        known = self._known.get(name) or self._remembered(name)
        same = known is not None and known[:2] == (status.st_size, status.st_mtime_ns)
        return known[2] if known is not None and same else None

    def _file(self, path: Path) -> str:
        name = plain(str(path))
        before = path.stat()
        if not stat.S_ISREG(before.st_mode):
            raise FileUnreadable(path, "not a file")
        known = self._known.get(name) or self._remembered(name)
        if known is not None and known[:2] == (before.st_size, before.st_mtime_ns):
            self._known[name] = known
            return known[2]
        started = time.time_ns()
        fingerprint = hash_file(path, before.st_size)
        after = path.stat()
        memo = (after.st_size, after.st_mtime_ns, fingerprint)
        unchanged = memo[:2] == (before.st_size, before.st_mtime_ns)
        if unchanged and started - after.st_mtime_ns > RACY_NS:
            self._remember(name, memo)
        else:
            self._known.pop(name, None)
        return fingerprint

    def _remembered(self, name: str) -> tuple[int, int, str] | None:
        if self._index is None:
            return None
        from studio.execution.cache.faults import CacheFault

        try:
            row = self._index.read(lambda connection: _row(connection, name))
        except CacheFault:
            return None
        if row is None or not isinstance(row[2], str) or len(row[2]) != 64:
            return None
        return row

    def _remember(self, name: str, memo: tuple[int, int, str]) -> None:
        self._known[name] = self._pending[name] = memo
        self._pending_bytes += memo[0]
        if len(self._pending) >= COMMIT_FILES or self._pending_bytes >= COMMIT_BYTES:
            self.flush()


def hash_file(path: Path, size: int) -> str:
    """BLAKE3 of a file's contents, 256 bits, hexadecimal; `size` is a hint in bytes.

    Raises:
        OSError: the file cannot be read.
    """
    if size < MAP_BYTES:
        return blake3(path.read_bytes()).hexdigest()
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


def _line(name: str, path: Path, fingerprint: str) -> bytes:
    # The lengths' own separators: no two folders give one text.
    return plain(f"{name}\0{path.stat().st_size}\0{fingerprint}\n").encode()


def _row(connection: sqlite3.Connection, name: str) -> tuple[int, int, str] | None:
    query = "SELECT path, size, mtime_ns, blake3 FROM files WHERE path = ?"
    row = connection.execute(query, (name,)).fetchone()
    # A damaged page may give another row than was asked for.
    return None if row is None or row[0] != name else tuple(row[1:])


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """(relative name with forward slashes, path) of the files that count, in no order."""
    seen = set()
    pending = [("", folder)]
    while pending:
        prefix, current = pending.pop()
        status = current.stat()
        if (status.st_dev, status.st_ino) in seen:
            continue  # a link to a folder above it, which would never end
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(current) as items:
            for item in items:
                name = f"{prefix}{item.name}"
                if item.name.startswith("."):
                    continue
                if item.is_dir():
                    pending.append((f"{name}/", Path(item.path)))
                elif os.path.splitext(item.name)[1].lower() not in IGNORED:
                    yield name, Path(item.path)
