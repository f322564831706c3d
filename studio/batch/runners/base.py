"""What the driver of a batch knows of whatever runs its jobs."""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from studio.errors import StudioError

if TYPE_CHECKING:
    from studio.batch.messages import Message, Task

AHEAD = 2
"""Tasks that a worker has at least: the one it runs, and the next, so that it never waits. Until it
has ended one, it has that one alone."""

MOST_AHEAD = 64
AHEAD_SECONDS = 0.25
"""Of work that a worker has where jobs are short: the driver waits for the disk now and then."""


class NoWorkers(StudioError):
    """No worker could be started, or none is left."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"No worker can run jobs: {reason}", hint="--resume goes on from here.")


class Runner(ABC):
    """Runs tasks on one or several workers. Start it, close it. Used by one thread.

    Everything it has to say comes out of `poll`, in order for each worker.
    """

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._mean: float | None = None

    @property
    @abstractmethod
    def workers(self) -> tuple[str, ...]:
        """Names of the workers, as people read them: they don't change."""

    @abstractmethod
    def start(self) -> None:
        """Start the workers; each says `Ready` when it is.

        Raises:
            StudioError: they can't be started.
        """

    @abstractmethod
    def room(self) -> int:
        """How many tasks it would take now."""

    @abstractmethod
    def submit(self, task: Task) -> None:
        """Run a task on the worker that has least to do."""

    @abstractmethod
    def cancel(self) -> None:
        """Stop all tasks within a denoising step. Jobs that have run still end."""

    @abstractmethod
    def close(self, *, kill: bool = False) -> None:
        """End the workers; `kill` waits for nothing."""

    def took(self, seconds: float) -> None:
        """A task took that long; by it workers get as many as keep them at work."""
        self._mean = seconds if self._mean is None else 0.9 * self._mean + 0.1 * seconds

    def ahead(self, *, warm: bool = True) -> int:
        """Tasks that a worker should have; one that hasn't ended any may be loading for long."""
        if not warm:
            return 1
        if self._mean is None:
            return AHEAD
        return min(MOST_AHEAD, max(AHEAD, round(AHEAD_SECONDS / max(self._mean, 1e-6))))

    def poll(self, timeout: float) -> list[Message]:
        """What workers said meanwhile; waits up to `timeout` seconds for the first of it."""
        try:
            found = [self._messages.get(timeout=timeout)]
        except queue.Empty:
            return []
        while True:
            try:
                found.append(self._messages.get_nowait())
            except queue.Empty:
                return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(kill=kind is not None)
