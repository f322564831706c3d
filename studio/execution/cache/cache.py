"""The cache that the engine uses: memory and disk tier, saved files, what was last run.

Looking things up needs no torch, so a run that finds everything here imports none; only `get`
of an entry with tensors does. Nothing that happens to the folder (unwritable, full, damaged,
deleted) is an error to the caller: it is a miss, and one logged warning.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from studio.execution.cache import history, saved
from studio.execution.cache.disk import DEFAULT_BUDGET, DiskInfo, DiskTier, worth_keeping
from studio.execution.cache.entries import check_key
from studio.execution.cache.faults import CacheFault, Once
from studio.execution.cache.index import Index
from studio.execution.cache.memory import MemoryInfo, MemoryTier
from studio.execution.cache.writer import BackgroundWriter, Job
from studio.execution.filehash import FileHashes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from studio.execution.cache.history import Remembered
    from studio.execution.cache.saved import SavedFile

T = TypeVar("T")
Tier = Literal["memory", "disk"]


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What the cache holds.

    Args:
        memory: the memory tier.
        disk: the disk tier; None where there is none.
    """

    memory: MemoryInfo
    disk: DiskInfo | None


class Cache:
    """Node outputs by key. Thread-safe; several processes may use one folder at once.

    Args:
        folder: the cache folder, made if it is missing; None keeps everything in memory.
        budget_bytes: of the disk tier.
        memory_budget: bytes by kind of device ("cpu", "cuda", "mps"); 2 GiB for the others.

    Attributes:
        hashes: fingerprints of files, remembered in the same index.
    """

    def __init__(
        self,
        folder: Path | None,
        budget_bytes: int = DEFAULT_BUDGET,
        memory_budget: Mapping[str, int] | None = None,
    ) -> None:
        self._once = Once()
        self._enabled = True
        self._memory = MemoryTier(memory_budget)
        self._index: Index | None = None
        self._disk: DiskTier | None = None
        self._writer: BackgroundWriter | None = None
        self._hashing = threading.Lock()
        if folder is not None:
            self._open(folder, budget_bytes)
        self.hashes = FileHashes(self._index)

    @classmethod
    def disabled(cls) -> Cache:
        """A cache that holds nothing and finds nothing."""
        cache = cls(None)
        cache._enabled = False
        return cache

    @property
    def enabled(self) -> bool:
        """Whether it keeps anything."""
        return self._enabled

    def _open(self, folder: Path, budget_bytes: int) -> None:
        try:
            self._index = Index(folder)
            self._disk = DiskTier(folder, budget_bytes, index=self._index, once=self._once)
        except CacheFault as error:
            self._once(f"{folder}: the cache cannot be used ({error}); nothing is kept there.")
            if self._index is not None:
                self._index.close()
                self._index = None
            return
        self._writer = BackgroundWriter(self._disk_put)

    def where(self, keys: Iterable[str]) -> dict[str, Tier]:
        """The tier that holds each of `keys`; keys that none holds are left out."""
        wanted = list(keys)
        held = self._memory.contains_many(wanted)
        disk, writer = self._disk, self._writer  # another thread may close the cache
        if writer is not None:
            held |= writer.contains_many(wanted)
        found: dict[str, Tier] = dict.fromkeys(held, "memory")
        if disk is not None:
            rest = [key for key in wanted if key not in held]
            found.update(dict.fromkeys(disk.contains_many(rest), "disk"))
        return found

    def get(self, key: str) -> tuple[dict[str, Any], Tier] | None:
        """(outputs, the tier they came from), or None: also where `where` had found it, if the
        entry turned out to be damaged or was evicted since. A disk hit goes into memory."""
        outputs = self._memory.get(key)
        if outputs is not None:
            return outputs, "memory"
        disk, writer = self._disk, self._writer
        if disk is None or writer is None:
            return None
        pending = writer.find(key)  # too large for the memory tier, or evicted already
        if pending is not None:
            return dict(pending), "memory"
        outputs = disk.get(key)
        if outputs is None:
            return None
        self._memory.put(key, outputs)
        return outputs, "disk"

    def put(
        self, key: str, outputs: Mapping[str, Any], *, compute_seconds: float, node_type: str
    ) -> None:
        """Keep `outputs`: in memory now, on disk in the background.

        Args:
            key: letters, digits, "-" and "_".
            outputs: by name; they must never be mutated.
            compute_seconds: what making them took; decides whether they are worth the disk.
            node_type: for `info`.

        Raises:
            ValueError: a key with other characters.
        """
        if not self._enabled:
            return
        check_key(key)
        self._memory.put(key, outputs)
        writer = self._writer
        # What isn't worth the disk at any size needn't wake the thread, which costs more than
        # such a node does.
        if writer is not None and worth_keeping(compute_seconds, 0):
            writer.put(Job(key, dict(outputs), compute_seconds, node_type))

    def history(self, graph: str) -> dict[str, Remembered]:
        """What `remember` was last told of the nodes of `graph`, by node id."""
        return self._try({}, Index.read, lambda connection: history.read(connection, graph))

    def remember(self, graph: str, nodes: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
        """Remember (key, signature) of nodes of `graph`, over what was known of the same nodes.

        Args:
            graph: names the graph: its path, or what else stays the same between runs.
            nodes: by node id; a signature is a JSON object.

        Raises:
            TypeError, ValueError: a signature that is not JSON.
        """
        rows = history.rows(graph, nodes)
        self._try(None, Index.write, lambda connection: history.write(connection, rows))

    def saved(self, key: str, root: Path) -> list[SavedFile] | None:
        """The files that `key` wrote under the output folder `root`, if every one of them is
        still there with the contents it was written with; else None."""
        return self.saved_many([key], root).get(key)

    def saved_many(self, keys: Iterable[str], root: Path) -> dict[str, list[SavedFile]]:
        """`saved` for many keys; those that must run again are left out."""
        name = saved.root_name(root)
        wanted = list(dict.fromkeys(keys))
        nothing: dict[str, list[SavedFile]] = {}
        rows = self._try(
            nothing, Index.read, lambda connection: saved.read_many(connection, wanted, name)
        )
        with self._hashing:
            there = {
                key: files
                for key, files in rows.items()
                if saved.intact(files, self.hashes.fingerprint)
            }
            self.hashes.flush()
        return there

    def record_saved(self, key: str, root: Path, files: Sequence[SavedFile]) -> None:
        """Record the files that `key` wrote under `root`, over what was recorded before.

        Raises:
            TypeError, ValueError: an `extra` that is not JSON.
        """
        row = saved.row(key, saved.root_name(root), files)
        self._try(None, Index.write, lambda connection: saved.write(connection, row))

    def info(self) -> CacheInfo:
        """What both tiers hold."""
        return CacheInfo(self._memory.info(), self._disk.info() if self._disk else None)

    def clear(self) -> int:
        """Drop all outputs, in memory and on disk, and forget which files were saved (they
        stay); the bytes freed on disk."""
        if self._writer is not None:
            self._writer.drop()
        self._memory.clear()
        self._try(None, Index.write, lambda connection: connection.execute("DELETE FROM saved"))
        return self._disk.clear() if self._disk else 0

    def prune(self, to_bytes: int) -> int:
        """Evict from disk down to `to_bytes`; the bytes freed."""
        self.flush()
        return self._disk.prune(to_bytes) if self._disk else 0

    def flush(self) -> None:
        """Wait until all that was put is on disk."""
        if self._writer is not None:
            self._writer.flush()
        if self._disk is not None:
            self._disk.flush()
        self.hashes.flush()

    def close(self) -> None:
        """Write what is pending, end the thread, close the index. The memory tier goes on."""
        if self._writer is not None:
            self._writer.close()
        if self._disk is not None:
            self._disk.close()
        self.hashes.flush()
        if self._index is not None:
            self._index.close()
        self._writer = self._disk = self._index = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _disk_put(self, job: Job) -> None:
        if self._disk is not None:
            self._disk.put(
                job.key,
                job.outputs,
                compute_seconds=job.compute_seconds,
                node_type=job.node_type,
            )

    def _try(
        self,
        otherwise: T,
        how: Callable[[Index, Callable[[sqlite3.Connection], Any]], Any],
        work: Callable[[sqlite3.Connection], Any],
    ) -> T:
        index = self._index
        if index is None:
            return otherwise
        try:
            result: T = how(index, work)
        except CacheFault as error:
            self._once(f"{index.folder}: the cache's index cannot be used ({error}).")
            return otherwise
        return result
