"""The disk tier: outputs that survive restarts, shared by every process that uses the folder.

`<cache>/entries/<key>.<checksum>.safetensors` are the entries, `<cache>/tmp` what is being
written, `<cache>/index.sqlite` says what there is. A file is put in place, and taken away,
inside the transaction that writes its row, so at any moment one process at a time changes both;
a process killed in between leaves a file without a row or a row without a file, and both are
found and dealt with. A value that comes back was checked against the checksum of what was
written.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from studio.execution.cache import entries, sweep
from studio.execution.cache.codec import DamagedEntry, MissingEntry, NotStorable, encode
from studio.execution.cache.container import checksum, pack, unpack
from studio.execution.cache.faults import CacheFault, Once, logger
from studio.execution.cache.files import EntryFiles
from studio.execution.cache.index import Index

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

DEFAULT_BUDGET = 10 * 2**30

READ_SECONDS = 0.002
"""What finding and opening an entry costs at most, seconds."""

READ_RATE = 500e6
"""Bytes a second that come back from disk: a SATA drive's rate. Measured from the page cache
on one core, checksum included: 2.2e9."""

EVICT_TO = 0.95
"""Share of the budget that eviction goes down to, so that it is not due again at once."""

TOUCHES = 64  # uses remembered before they are written, in one transaction
CHUNK = 32  # files deleted in one transaction


@dataclass(frozen=True, slots=True)
class DiskInfo:
    """What the disk tier holds.

    Args:
        path: the cache folder.
        entries: how many.
        bytes: sum of the entries' files; the index comes on top.
        budget: bytes.
        by_type: (entries, bytes) by node type, largest first; "" where it is not known.
    """

    path: Path
    entries: int
    bytes: int
    budget: int
    by_type: dict[str, tuple[int, int]]


def worth_keeping(compute_seconds: float, size: int) -> bool:
    """Whether `size` bytes that took `compute_seconds` to make are quicker to read back."""
    return compute_seconds > READ_SECONDS + size / READ_RATE


class DiskTier:
    """Outputs by key, on disk. Thread-safe; several processes may use one folder at once.

    Args:
        folder: the cache folder; made if it is missing.
        budget_bytes: for the entries' files.
        index: the folder's index, if it is open already; closed by whoever opened it.
        once: how a failing disk is reported.

    Raises:
        CacheFault: the folder cannot be made or used.
    """

    def __init__(
        self,
        folder: Path,
        budget_bytes: int = DEFAULT_BUDGET,
        *,
        index: Index | None = None,
        once: Once | None = None,
    ) -> None:
        self._folder = folder
        self._budget = budget_bytes
        self._once = once or Once()
        self._owned = index is None
        self._index = index or Index(folder)
        self._lock = threading.Lock()
        self._used: dict[str, float] = {}
        self._generation = 0
        self._writable = True
        self._may_be_due = True
        try:
            self._files = EntryFiles(folder)
            sweep.sweep_temporaries(self._files.temporaries)
            self._read(entries.total_bytes)  # takes in the files that a lost index knew
        except (OSError, CacheFault) as error:
            self.close()
            raise CacheFault(str(error)) from error

    def contains_many(self, keys: Sequence[str]) -> set[str]:
        """Those of `keys` whose entries are there, as long as they were written. Does not read
        them, and does not count as a use."""
        try:
            found = self._read(lambda connection: entries.find_many(connection, keys))
        except (CacheFault, OSError) as error:
            self._once(f"{self._folder}: the cache cannot be read ({error}).")
            return set()
        return self._files.whole(found)

    def get(self, key: str) -> dict[str, Any] | None:
        """The outputs of `key`. A damaged or missing entry is dropped, with a warning."""
        try:
            for _ in range(3):
                entry = self._read(lambda connection: entries.find(connection, key))
                if entry is None:
                    return None
                path = self._files.folder / entry.file
                try:
                    outputs = unpack(key, path, entry.checksum)
                except DamagedEntry as damage:
                    if self._drop(entry, missing=isinstance(damage, MissingEntry)):
                        logger.warning("%s: dropped, %s.", path, damage)
                        return None
                    continue  # evicted or replaced by another process meanwhile
                self._touch(key)
                return outputs
        except (CacheFault, OSError) as error:
            self._once(f"{self._folder}: the cache cannot be read ({error}).")
        return None

    def put(
        self, key: str, outputs: Mapping[str, Any], *, compute_seconds: float, node_type: str
    ) -> bool:
        """Write an entry, and evict others to the budget; whether it was written.

        Not written: what is quicker to compute than to read back, what is larger than the
        budget, values that cannot be stored, and anything once writing has failed (a full disk,
        a folder that is read-only), which is reported once.

        Raises:
            ValueError: a key that cannot be part of a file name.
        """
        entries.check_key(key)
        if not self._writable:
            return False
        try:
            text, tensors = encode(outputs)
            size = len(text) + sum(tensor.nbytes for tensor in tensors.values())
            if size > self._budget or not worth_keeping(compute_seconds, size):
                return False
            data = pack(key, text, tensors)
        except (NotStorable, MemoryError) as error:
            logger.debug("%s (%s): not kept on disk: %s.", node_type, key, error)
            return False
        if len(data) > self._budget:
            return False
        digest = checksum(data)
        file = entries.file_name(key, digest)
        entry = entries.Entry(key, file, len(data), digest, node_type, compute_seconds)
        try:
            self._write(entry, data)
            self.flush()
            self._evict(self._budget, keep=key)
            if self._may_be_due:
                self._may_be_due = False
                if sweep.is_due(self._index):
                    sweep.reconcile(self._index, self._files.folder)
        except (OSError, CacheFault) as error:
            return self._failed(error)
        return True

    def prune(self, to_bytes: int) -> int:
        """Evict down to `to_bytes`, after making rows and files agree; the bytes freed."""
        try:
            sweep.sweep_temporaries(self._files.temporaries)
            sweep.reconcile(self._index, self._files.folder)
            return self._evict(to_bytes, share=1.0)
        except (OSError, CacheFault) as error:
            self._once(f"{self._folder}: the cache cannot be tidied ({error}).")
            return 0

    def clear(self) -> int:
        """Drop every entry; the bytes freed."""
        return self.prune(-1)  # below what no entries at all would have

    def info(self) -> DiskInfo:
        """Entries, bytes, budget and path; zeros where the index cannot be read."""
        try:
            by_type = self._read(entries.by_type)
        except (CacheFault, OSError):
            by_type = {}
        count, size = (sum(column) for column in zip((0, 0), *by_type.values(), strict=True))
        return DiskInfo(self._folder, count, size, self._budget, by_type)

    def flush(self) -> None:
        """Write when entries were last used. Never raises: that only orders the eviction."""
        with self._lock:
            used, self._used = self._used, {}
        if used:
            with contextlib.suppress(CacheFault):
                self._index.write(lambda connection: entries.touch(connection, used))

    def close(self) -> None:
        """Write the uses that are not yet written; close the index if it was opened here."""
        self.flush()
        if self._owned:
            self._index.close()

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result = self._index.read(work)
        if self._generation == self._index.generation:
            return result
        # The index is new, or was lost just now; its answer is worth nothing before this.
        self._generation = self._index.generation
        sweep.reconcile(self._index, self._files.folder)
        return self._index.read(work)

    def _drop(self, entry: entries.Entry, *, missing: bool) -> bool:
        """Delete an entry's row and file; False where another process has been at them."""

        def work(connection: sqlite3.Connection) -> bool:
            # Evicted and written again since it was read: the same name, and nothing wrong.
            if missing and (self._files.folder / entry.file).exists():
                return False
            if not entries.remove(connection, entry):
                return False
            self._files.remove([entry.file])
            return True

        return self._index.write(work)

    def _write(self, entry: entries.Entry, data: bytes) -> None:
        temporary = self._files.write_temporary(data)
        placed = False

        def work(connection: sqlite3.Connection) -> None:
            nonlocal placed
            if not placed:  # it may run twice, after damage to the index
                self._files.place(temporary, entry.file)
                placed = True
            before = entries.put(connection, entry)
            if before is not None:
                self._files.remove([before])

        try:
            self._index.write(work)
        except BaseException:
            if placed:
                self._files.remove([entry.file])
            else:
                temporary.unlink(missing_ok=True)
            raise

    def _evict(self, to_bytes: int, *, keep: str = "", share: float = EVICT_TO) -> int:
        """Evict where the entries exceed `to_bytes`, down to `share` of it, but never `keep`."""
        freed = 0
        if self._index.read(entries.total_bytes) <= to_bytes:
            return freed

        def work(connection: sqlite3.Connection) -> int:
            excess = entries.total_bytes(connection) - int(to_bytes * share)
            gone = 0
            for entry in entries.least_wanted(connection, CHUNK, keep):
                if gone >= excess:
                    break
                if entries.remove(connection, entry):
                    self._files.remove([entry.file])
                    gone += entry.bytes
            return gone

        while gone := self._index.write(work):
            freed += gone
        return freed

    def _touch(self, key: str) -> None:
        with self._lock:
            self._used[key] = time.time()
            due = len(self._used) >= TOUCHES
        if due:
            self.flush()

    def _failed(self, error: OSError | CacheFault) -> bool:
        passing = isinstance(error, FileNotFoundError) or getattr(error, "busy", False)
        if passing:  # the folder was deleted under us, or another process held the index
            logger.debug("%s: an entry was not written: %s", self._folder, error)
        else:
            self._writable = False
            self._once(f"{self._folder}: cannot be written ({error}); nothing more is kept there.")
        return False
