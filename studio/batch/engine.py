"""Runs jobs with the engine that runs everything else; each worker of a batch has one.

Each job is a plan and a run of its own: the usual keys, cache and executor. What many jobs share
is computed by the first of them and found in the cache by the others. The files of one job are
encoded and written while the next computes.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from concurrent import futures
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from studio.batch.attempt import Attempt, Teller
from studio.batch.messages import Began
from studio.batch.naming import JobFolder
from studio.batch.planner import Planner
from studio.environment import Environment
from studio.errors import StudioError
from studio.execution.cache import Cache
from studio.execution.executor import Begun, Executor
from studio.hardware import resolve_policy
from studio.outputs import OutputFolder
from studio.places import Places
from studio.registry import Registry
from studio.session import DEVICE_KINDS, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from studio.batch.attempt import Emit, Report
    from studio.batch.messages import Task
    from studio.batch.model import JobResult, Setup
    from studio.execution.cache import Remembered, SavedFile
    from studio.execution.plan import Plan

MEMORY = 256 * 2**20
"""Bytes of results a worker keeps in memory: what jobs share (texts, sources) is small, and what
only one of them needs is of no use afterwards."""

WRITING = 4
"""Jobs whose files may be on their way to the disk while the next one computes."""


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
        teller = Teller(self.name, task, report, self._warned)
        share, plans = self._fuse(task, teller)
        for job, attempt in zip(task.jobs, task.attempts, strict=True):
            if self.executor.cancel.is_set():
                teller.end(None)
                continue
            token = f"{self._token}/{job.index}-{attempt}"
            folder = JobFolder(self._root, job.index + 1, self.setup.count, token)
            self._job(Attempt(job, attempt, folder, share, teller), plans.get(job.index))

    def _job(self, one: Attempt, known: Plan | None) -> None:
        """Run a job's nodes; its files are finished in another thread.

        Args:
            one: the job.
            known: its plan, made before some of it was computed together with others.
        """
        try:
            environment = replace(self._environment, output=one.folder)
            planner = self._planner
            if known is None:
                known = plan = planner.plan(one.job, environment)
            else:
                plan = planner.again(known, environment)
            self._writing.acquire()
            try:
                begun = self.executor.begin(plan, environment, one.emit)
            except BaseException:
                self._writing.release()
                raise
        except Exception as error:
            one.end(one.failed(error))
            return
        self._finishers.submit(self._finish, one, begun, reused=not _computes(known))

    def _finish(self, one: Attempt, begun: Begun, *, reused: bool) -> None:
        result: JobResult | None = None
        try:
            run = begun.finish()
            if run.error is not None:
                result = one.failed(run.error)
            elif run.status == "cancelled":
                one.folder.discard()
            else:
                result = one.done(run.outputs, reused=reused)
        except Exception as error:
            result = one.failed(error)
        finally:
            self._writing.release()
            one.end(result)

    def _fuse(self, task: Task, emit: Emit) -> tuple[float, dict[int, Plan]]:
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
            prepare(self.executor, [*plans.values()], self._environment, emit, limit=limit)
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


def _computes(plan: Plan) -> bool:
    """Whether it runs more than what writes files."""
    return any(not plan.graph.nodes[name].spec.effects for name in plan.running)
