"""Work that touches the disk, off the GUI thread; what comes of it arrives on the GUI thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QThreadPool, Signal

from studio.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Callable


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


class Jobs(QObject):
    """Runs functions in threads of its own.

    Args:
        threads: 1 keeps the order.
        parent: Qt's.
    """

    _ended = Signal(object, object, object)

    def __init__(self, threads: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        # Threads that wait for more work would only keep a test or an exit waiting.
        self._pool.setExpiryTimeout(5_000)
        self._ended.connect(self._deliver)
        self.waiting = 0
        """How many are under way."""
        self._closed = False

    def run(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        failed: Callable[[StudioError | OSError], None],
    ) -> Job:
        """Call `work` in a thread, then `then` or `failed` here.

        Any other error of `work` is a fault of the program, and is raised here.
        """
        job = Job(then, failed)
        if self._closed:
            job.cancel()  # at the end of the program nobody is there to hear of it
            return job
        self.waiting += 1

        def go() -> None:
            result, error = None, None
            try:
                result = work()
            except Exception as caught:
                error = caught
            self._ended.emit(job, result, error)

        self._pool.start(go)
        return job

    def close(self) -> None:
        """Wait until nothing runs. What hasn't been delivered yet never is, nor is more run."""
        self._closed = True
        self._pool.waitForDone()
        self.waiting = 0

    def _deliver(self, job: Job, result: Any, error: Exception | None) -> None:
        if self._closed:
            return
        self.waiting -= 1
        if error is None:
            if not job.cancelled:
                job.then(result)
        elif not isinstance(error, StudioError | OSError):
            raise error
        elif not job.cancelled:
            job.failed(error)
