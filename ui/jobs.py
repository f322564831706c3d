"""Work that touches the disk, off the GUI thread; what comes of it arrives on the GUI thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, QThreadPool, Signal

from studio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


PATIENCE = 10.0
"""Seconds that the end of the program waits for a drive that doesn't answer."""

_left: list[QThreadPool] = []


def left_behind() -> bool:
    """Work hangs that nobody waits for: the process can only be ended by `os._exit`."""
    return any(pool.activeThreadCount() for pool in _left)


class WorkFailed(StudioError):
    """A fault of the program, in a thread."""

    def __init__(self, error: Exception) -> None:
        text = " ".join(str(error).split())
        super().__init__(f"Something went wrong in the program: {text or type(error).__name__}")


class Job:
    """Something under way.

    Args:
        then: gets the result.
        failed: gets the error, a `StudioError` or an `OSError`.
    """

    def __init__(
        self, then: Callable[[Any], None], failed: Callable[[StudioError | OSError], None]
    ) -> None:
        self.then = then
        self.failed = failed
        self.cancelled = False

    def cancel(self) -> None:
        """Nobody wants the result any more. The work itself goes on to its end."""
        self.cancelled = True


class _Relay(QObject):
    """Carries results between threads. The work under way holds it, so it outlives its `Jobs`."""

    ended = Signal(object, object, object)


class Jobs(QObject):
    """Runs functions in threads of its own. Its end waits for what runs.

    Args:
        threads: 1 keeps the order.
        parent: Qt's.
        drop: what hasn't begun when it ends is never done: for reading what nobody sees any more.
    """

    def __init__(
        self, threads: int, parent: QObject | None = None, *, drop: bool = False
    ) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        # Threads that wait for more work would only keep a test or an exit waiting.
        self._pool.setExpiryTimeout(5_000)
        self._relay = _Relay()
        self._relay.ended.connect(self._deliver)
        self.waiting = 0
        """How many are under way."""
        self._closed = False
        if drop:
            # Before the pool, a child, goes: it would first do all that waits.
            # Not the bound method: where the garbage collector takes both, Qt looks for its name.
            pool = self._pool
            self.destroyed.connect(lambda: pool.clear())

    def run(
        self,
        work: Callable[[], _T],
        then: Callable[[_T], None],
        failed: Callable[[StudioError | OSError], None],
    ) -> Job:
        """Call `work` in a thread, then `then` or `failed` here.

        Any other error of `work` is a fault of the program: `failed` gets a `WorkFailed`, and the
        error is raised here.
        """
        job = Job(then, failed)
        if self._closed:
            job.cancel()  # at the end of the program nobody is there to hear of it
            return job
        self.waiting += 1
        relay = self._relay

        def go() -> None:
            result, error = None, None
            try:
                result = work()
            except Exception as caught:
                error = caught
            relay.ended.emit(job, result, error)

        self._pool.start(go)
        return job

    def close(self, patience: float = PATIENCE) -> None:
        """Wait until nothing runs. What hasn't been delivered yet never is, nor is more run.

        Args:
            patience: seconds; work that hangs for longer is left behind.
        """
        self._closed = True
        if not self._pool.waitForDone(int(1000 * patience)):
            # Its end would wait as well.
            self._pool.setParent(None)
            _left.append(self._pool)
        self.waiting = 0

    def _deliver(self, job: Job, result: Any, error: Exception | None) -> None:
        if self._closed:
            return
        self.waiting -= 1
        if error is None:
            if not job.cancelled:
                job.then(result)
        elif isinstance(error, StudioError | OSError):
            if not job.cancelled:
                job.failed(error)
        else:
            # Whoever waits mustn't wait for ever: a tab would never be saved again.
            if not job.cancelled:
                job.failed(WorkFailed(error))
            raise error
