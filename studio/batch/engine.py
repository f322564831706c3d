"""Runs jobs with the engine that runs everything else; each worker of a batch has one.

Each job is a plan and a run of its own: the usual keys, cache and executor. What many jobs share
is computed by the first of them and found in the cache by the others. The files of one job are
encoded and written while the next computes.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import threading
import time
import traceback
from concurrent import futures
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from studio.batch.messages import Began, Message, Noted, Over, Result, Stepped, Task
from studio.batch.model import Job, JobResult, OutputFile, Setup
from studio.batch.naming import JobFolder
from studio.batch.planner import Planner
from studio.environment import Environment
from studio.errors import StudioError
from studio.execution import events
from studio.execution.cache import Cache
from studio.execution.executor import Begun, Executor
from studio.hardware import resolve_policy
from studio.outputs import DiskFull, OutputFolder
from studio.places import Places
from studio.registry import Registry
from studio.session import DEVICE_KINDS, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from studio.execution.cache import Remembered, SavedFile
    from studio.execution.plan import Plan

    Report = Callable[[Message], None]

MEMORY = 256 * 2**20
"""Bytes of results a worker keeps in memory: what jobs share (texts, sources) is small, and what
only one of them needs is of no use afterwards."""

WRITING = 4
"""Jobs whose files may be on their way to the disk while the next one computes."""

STEP_INTERVAL = 0.1
"""Seconds between reports of steps."""


class BatchCache(Cache):
    """The user's cache, for a batch: every job gets files of its own, though another job or an
    earlier run wrote the same picture; and nobody asks why a node of a batch runs again."""

    def history(self, graph: str) -> dict[str, Remembered]:
        return {}

    def remember(self, graph: str, nodes: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
        pass

    def saved_many(self, keys: object, root: Path) -> dict[str, list[SavedFile]]:
        return {}

    def record_saved(self, key: str, root: Path, files: Sequence[SavedFile]) -> None:
        pass


def open_session(setup: Setup, root: Path) -> Session:
    """The surroundings of a batch's worker. Close it.

    Args:
        setup: of the batch.
        root: the batch's folder.

    Raises:
        InputError: settings, device or dtype that make no sense.
    """
    places = Places.load()
    settings = places.settings
    memory = min(settings.memory_budget, MEMORY)
    return Session(
        places=places,
        registry=Registry.load(),
        cache=BatchCache(
            # Without a cache on disk, jobs share what they have in common through memory.
            places.cache if setup.use_cache else None,
            settings.cache_budget,
            memory_budget=dict.fromkeys(DEVICE_KINDS, memory),
        ),
        policy=resolve_policy(setup.device or settings.device, setup.dtype or settings.dtype),
        output=OutputFolder(root),
    )


class JobEngine:
    """Runs jobs of one batch, one after another. Close it.

    Args:
        setup: of the batch.
        session: from `open_session`; closed with the engine.
        root: the batch's folder.
        token: name of the folder for staged files, unlike that of any other worker.
        name: of the worker, for its messages.
    """

    def __init__(
        self, setup: Setup, session: Session, root: Path, token: str, name: str = ""
    ) -> None:
        self.setup = setup
        self.session = session
        self.name = name
        self.executor = Executor(session.cache, session.policy, session.models)
        self._root = root
        self._token = token
        self._environment = Environment(
            session.places, session.cache.hashes, session.output, setup.base, setup.name
        )
        self._planner = Planner(setup, session, self._environment)
        self._writing = threading.BoundedSemaphore(WRITING)
        self.executor.make_writer = _Later
        self._finishers = futures.ThreadPoolExecutor(
            WRITING, thread_name_prefix="latent-studio-finish"
        )
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def cancel(self) -> None:
        """Stop within a denoising step; files of jobs that have run are still written."""
        self.executor.cancel.set()

    def close(self) -> None:
        """Wait for the files under way, and close the session."""
        self._finishers.shutdown(wait=True)
        self.session.close()

    def run(self, task: Task, report: Report) -> None:
        """Run the jobs of a task.

        Args:
            task: what to run.
            report: told of the beginning, of steps, of each job that ended, and, when the last
                file is written, that the task is over. Called from several threads.
        """
        report(Began(self.name, task.id))
        steps = _Steps(self.name, task.id, report)
        share, plans = self._fuse(task, steps)
        ends = _Ends(self.name, task, report)
        for job, attempt in zip(task.jobs, task.attempts, strict=True):
            if self.executor.cancel.is_set():
                ends.end(None)
            else:
                self._job(job, attempt, share, plans.get(job.index), steps, ends)

    def _job(
        self,
        job: Job,
        attempt: int,
        share: float,
        known: Plan | None,
        steps: _Steps,
        ends: _Ends,
    ) -> None:
        start = time.perf_counter() - share
        token = f"{self._token}/{job.index}-{attempt}"
        folder = JobFolder(self._root, job.index + 1, self.setup.count, token)
        environment = replace(self._environment, output=folder)

        def failed(error: BaseException) -> JobResult:
            folder.discard()
            return JobResult(
                job.index,
                "failed",
                str(error) if isinstance(error, StudioError) else _words(error),
                round(time.perf_counter() - start, 6),
                attempts=attempt,
                detail="" if _expected(error) else _trace(error),
                full=_disk_full(error),
            )

        def emit(event: events.Event) -> None:
            if isinstance(event, events.Warned) and event.message not in self._warned:
                self._warned.add(event.message)  # once, not a thousand times
                ends.report(Noted(self.name, event.message, job.index))
            steps(event)

        def finish(begun: Begun) -> None:
            result: JobResult | None = None
            try:
                run = begun.finish()
                if run.error is not None:
                    result = failed(run.error)
                elif run.status == "cancelled":
                    folder.discard()
                else:
                    result = JobResult(
                        job.index,
                        "done",
                        seconds=round(time.perf_counter() - start, 6),
                        outputs=_by_node(folder, run.outputs),
                        attempts=attempt,
                    )
            except Exception as error:
                result = failed(error)
            finally:
                self._writing.release()
                ends.end(result)

        try:
            planner = self._planner
            plan = planner.again(known, environment) if known else planner.plan(job, environment)
            self._writing.acquire()
            try:
                begun = self.executor.begin(plan, environment, emit)
            except BaseException:
                self._writing.release()
                raise
        except Exception as error:
            ends.end(failed(error))
            return
        self._finishers.submit(finish, begun)

    def _fuse(self, task: Task, steps: _Steps) -> tuple[float, dict[int, Plan]]:
        """Compute what the jobs of a task can compute as one.

        Returns:
            the seconds it took for each job; the plans of jobs, by index, as they were before.
        """
        if len(task.jobs) < 2 or self.setup.batch_size == 1 or self.executor.cancel.is_set():
            return 0.0, {}
        from studio.batch.fused import prepare

        start = time.perf_counter()
        plans: dict[int, Plan] = {}
        for job in task.jobs:
            # One that can't be planned says so when its turn comes.
            with contextlib.suppress(StudioError):
                plans[job.index] = self._planner.plan(job)
        if len(plans) > 1:
            limit = self.setup.batch_size
            prepare(self.executor, [*plans.values()], self._environment, steps, limit=limit)
        return (time.perf_counter() - start) / len(task.jobs), plans


class _Late(futures.Future[Any]):
    """Done when somebody wants the result, in their thread."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work

    def result(self, timeout: float | None = None) -> Any:
        return self._work()


class _Later(futures.Executor):
    """Writes the files of a run when it is finished: that has a thread of its own here."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        return _Late(functools.partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass


class _Steps:
    """Tells of nodes and their steps, not too often."""

    def __init__(self, worker: str, task: int, report: Report) -> None:
        self._worker = worker
        self._task = task
        self._report = report
        self._last = 0.0

    def __call__(self, event: events.Event) -> None:
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


class _Ends:
    """Counts the jobs of a task that have ended or were stopped."""

    def __init__(self, worker: str, task: Task, report: Report) -> None:
        self.report = report
        self._worker = worker
        self._task = task
        self._left = len(task.jobs)
        self._lock = threading.Lock()

    def end(self, result: JobResult | None) -> None:
        """A job ended, or was stopped (None)."""
        if result is not None:
            self.report(Result(self._worker, self._task.id, result))
        with self._lock:
            self._left -= 1
            over = not self._left
        if over:
            self.report(Over(self._worker, self._task.id))


def _by_node(folder: JobFolder, outputs: Sequence[events.OutputWritten]) -> tuple[OutputFile, ...]:
    nodes = {output.path: output.node for output in outputs}
    return tuple(
        replace(file, node=nodes.get(str(folder.root / file.path), "")) for file in folder.files
    )


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
