"""An attempt at a job on a worker: what it comes to, and what the driver hears of it."""

from __future__ import annotations

import errno
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from studio.batch.messages import Message, Noted, Over, Result, Stepped, Task
from studio.batch.model import Job, JobResult
from studio.errors import StudioError
from studio.execution import events
from studio.outputs import DiskFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.batch.naming import JobFolder

Emit = Callable[[events.Event], None]
Report = Callable[[Message], None]

STEP_INTERVAL = 0.1
"""Seconds between reports of steps."""


class Teller:
    """Tells how a task goes on: of steps, not too often, and of its jobs that have ended.

    Args:
        worker: its name.
        task: under way.
        report: told; from several threads.
        warned: what the user was warned of already; added to.
    """

    def __init__(self, worker: str, task: Task, report: Report, warned: set[str]) -> None:
        self._worker = worker
        self._task = task.id
        self._report = report
        self._warned = warned
        self._last = 0.0
        self._left = len(task.jobs)
        self._lock = threading.Lock()

    def __call__(self, event: events.Event) -> None:
        """A node, or a step of it."""
        now = time.monotonic()
        if now - self._last < STEP_INTERVAL:
            return
        if isinstance(event, events.NodeStarted):
            self._report(Stepped(self._worker, self._task, event.node, 0, 0))
        elif isinstance(event, events.NodeProgress):
            self._report(Stepped(self._worker, self._task, event.node, event.step, event.of))
        else:
            return
        self._last = now

    def warn(self, text: str, job: int) -> None:
        """Something that the user should know: once, not a thousand times."""
        if text not in self._warned:
            self._warned.add(text)
            self._report(Noted(self._worker, text, job))

    def end(self, result: JobResult | None) -> None:
        """A job ended, or was stopped (None)."""
        if result is not None:
            self._report(Result(self._worker, self._task, result))
        with self._lock:
            self._left -= 1
            over = not self._left
        if over:
            self._report(Over(self._worker, self._task))


class Attempt:
    """An attempt at a job, and what it comes to.

    Args:
        job: what is run.
        number: of the attempt, from 1.
        folder: where it writes.
        share: seconds spent on it before, together with others.
        teller: of its task.
    """

    def __init__(
        self, job: Job, number: int, folder: JobFolder, share: float, teller: Teller
    ) -> None:
        self.job = job
        self.folder = folder
        self._number = number
        self._start = time.perf_counter() - share
        self._teller = teller

    def emit(self, event: events.Event) -> None:
        """Something happened in its run."""
        if isinstance(event, events.Warned):
            self._teller.warn(event.message, self.job.index)
        self._teller(event)

    def done(self, outputs: Sequence[events.OutputWritten], *, reused: bool) -> JobResult:
        """It is done."""
        nodes = {output.path: output.node for output in outputs}
        files = tuple(
            replace(file, node=nodes.get(str(self.folder.root / file.path), ""))
            for file in self.folder.files
        )
        return JobResult(
            self.job.index,
            "done",
            seconds=self._seconds(),
            outputs=files,
            attempts=self._number,
            reused=reused,
        )

    def failed(self, error: BaseException) -> JobResult:
        """It has failed, and leaves nothing."""
        self.folder.discard()
        return JobResult(
            self.job.index,
            "failed",
            str(error) if isinstance(error, StudioError) else _words(error),
            self._seconds(),
            attempts=self._number,
            detail="" if _expected(error) else _trace(error),
            full=_disk_full(error),
        )

    def end(self, result: JobResult | None) -> None:
        """It is over: ended, or stopped (None)."""
        self._teller.end(result)

    def _seconds(self) -> float:
        return round(time.perf_counter() - self._start, 6)


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return found


def _disk_full(error: BaseException) -> bool:
    return any(
        isinstance(one, DiskFull)
        or (isinstance(one, OSError) and one.errno in (errno.ENOSPC, errno.EDQUOT))
        for one in _chain(error)
    )


def _expected(error: BaseException) -> bool:
    """Whether it is told in words that need no traceback."""
    return all(isinstance(one, StudioError) for one in _chain(error))


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
