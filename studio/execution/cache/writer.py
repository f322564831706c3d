"""The one background thread that writes entries to disk."""

from __future__ import annotations

import atexit
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.execution.cache.codec import nbytes
from studio.execution.cache.faults import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PENDING_BYTES = 512 * 2**20
"""Tensors that may wait to be written; whoever brings more waits until there is room."""


@dataclass(frozen=True, slots=True)
class Job:
    """An entry to be written."""

    key: str
    outputs: dict[str, Any]
    compute_seconds: float
    node_type: str


class BackgroundWriter:
    """Writes jobs in the order they came, on a thread that starts with the first of them.

    A slow disk slows the run once `limit_bytes` wait, instead of filling the memory.

    Args:
        write: writes one job; its exceptions are logged.
        limit_bytes: bytes of tensors that may wait; a larger job waits alone.
    """

    def __init__(self, write: Callable[[Job], object], limit_bytes: int = PENDING_BYTES) -> None:
        self._write = write
        self._limit = limit_bytes
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, tuple[Job, int]] = OrderedDict()
        self._writing: Job | None = None
        self._bytes = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    def put(self, job: Job) -> None:
        """Have `job` written; waits while too much is pending. Dropped after `close`."""
        size = sum(nbytes(job.outputs).values())
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or not self._bytes or self._bytes + size <= self._limit
            )
            if self._closing:
                return
            _, replaced = self._waiting.pop(job.key, (None, 0))
            self._waiting[job.key] = (job, size)
            self._bytes += size - replaced
            self._start()
            self._changed.notify_all()

    def find(self, key: str) -> Mapping[str, Any] | None:
        """The outputs of a job that is not yet on disk."""
        with self._changed:
            if key in self._waiting:
                return self._waiting[key][0].outputs
            if self._writing is not None and self._writing.key == key:
                return self._writing.outputs
            return None

    def contains_many(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that are not yet on disk."""
        with self._changed:
            pending = {*self._waiting, *([self._writing.key] if self._writing else [])}
        return pending.intersection(keys) if pending else pending

    def flush(self) -> None:
        """Wait until all is written."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and self._writing is None)

    def drop(self) -> None:
        """Forget what waits, and wait for the one that is being written."""
        with self._changed:
            self._bytes -= sum(size for _, size in self._waiting.values())
            self._waiting.clear()
            self._changed.notify_all()
        self.flush()

    def close(self) -> None:
        """Write what waits and end the thread."""
        with self._changed:
            self._closing = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join()
            atexit.unregister(self.close)

    def _start(self) -> None:
        if self._thread is None:
            # A daemon, as Python would otherwise wait for it for ever where nobody called
            # `close`; at exit it is asked to end, so that nothing pending is lost.
            atexit.register(self.close)
            self._thread = threading.Thread(
                target=self._run, name="studio-cache-writer", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                _, (self._writing, size) = self._waiting.popitem(last=False)
                job = self._writing
            try:
                self._write(job)
            except Exception:
                logger.exception("%s (%s): writing it to disk failed.", job.node_type, job.key)
            del job  # or its tensors would live on until the next one comes
            with self._changed:
                self._writing = None
                self._bytes -= size
                self._changed.notify_all()
