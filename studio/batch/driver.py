"""The loop of a batch: jobs go to a runner in their order, results into the journal.

A job has ended when the journal says so; its files get their names after that. Results that come
in while the journal waits for the disk are written with the next ones, in one transaction.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from studio.batch import messages
from studio.batch.journal import Entry, JournalUnusable
from studio.batch.messages import Task
from studio.batch.model import (
    DEFAULT_BATCH,
    BatchFinished,
    BatchStarted,
    BatchStatus,
    BatchWarned,
    Job,
    JobEnded,
    JobProgress,
    JobResult,
    JobRetried,
    JobStarted,
    Summary,
    WorkerDied,
    WorkerReady,
)
from studio.batch.runners import make_runner
from studio.errors import StudioError
from studio.graph.files import from_json
from studio.outputs import LeadsOutside, OutputBlocked
from studio.registry import Registry

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from studio.batch.folder import BatchFolder
    from studio.batch.model import JobList, OutputFile, RunnerChoice, Setup
    from studio.batch.runners.base import Runner
    from studio.execution.events import Event

ATTEMPTS = 2
"""A job that failed is tried once more: a file server may have hiccuped."""

LOSSES = 3
"""A job whose worker died so often while it ran has killed them, and has failed."""

WAIT = 0.1
"""Seconds between looks at what the user wants, while nothing happens."""


def run(
    folder: BatchFolder,
    setup: Setup,
    jobs: JobList,
    order: Sequence[int],
    choice: RunnerChoice,
    *,
    emit: Callable[[Event], None],
    cancel: threading.Event,
    retry_failed: bool = False,
) -> Summary:
    """Run all jobs of a batch that haven't ended.

    Args:
        folder: taken with `open_folder`.
        setup: what the jobs share.
        jobs: all of them; asked for one by one.
        order: indices of all jobs, in the order to run them.
        choice: where to run them.
        emit: told what happens, in this thread.
        cancel: set it to stop after the denoising steps in flight.
        retry_failed: run jobs again that failed for good.

    Returns:
        What it came to; also where it had to stop (a full disk, no workers).

    Raises:
        StudioError: no worker can be started, or a folder can't be used.
        KeyboardInterrupt: passed on, after the workers are killed.
    """
    token = os.urandom(4).hex()
    with make_runner(choice, setup, folder.root, token) as runner:
        loop = _Loop(folder, setup, jobs, runner, emit, cancel, token)
        return loop.run(order, retry_failed=retry_failed)


@dataclass
class _Open:
    """A task that a runner has.

    Args:
        task: as submitted.
        left: indices of its jobs that haven't ended.
    """

    task: Task
    left: set[int]


class _Loop:
    def __init__(
        self,
        folder: BatchFolder,
        setup: Setup,
        jobs: JobList,
        runner: Runner,
        emit: Callable[[Event], None],
        cancel: threading.Event,
        token: str,
    ) -> None:
        self.folder = folder
        self.setup = setup
        self.jobs = jobs
        self.runner = runner
        self.emit = emit
        self.cancel = cancel
        self.token = token
        self.journal = folder.journal
        self.open: dict[int, _Open] = {}
        self.again: deque[tuple[Job, ...]] = deque()
        self.suspects: deque[Job] = deque()
        """Jobs that a worker had when it died."""
        self.attempts: dict[int, int] = {}
        """Attempts so far of jobs that were tried and haven't ended."""
        self.failures: dict[int, int] = {}
        self.losses: dict[int, int] = {}
        self.entries: list[Entry] = []
        """What the next transaction will hold besides results."""
        self.results: list[tuple[str, JobResult]] = []
        self.stopping = False
        self.blocked = ""
        self.number = 0
        self.living: set[str] = set()

    def run(self, order: Sequence[int], *, retry_failed: bool) -> Summary:
        start = time.perf_counter()
        ended = self.journal.ended(failed=not retry_failed)
        counts = self.journal.counts()
        self.done, self.failed = counts.done, 0 if retry_failed else counts.failed
        total = len(self.jobs)
        self.emit(BatchStarted(total, self.done, self.failed, self.runner.workers))
        pending = (self.jobs[index] for index in order if index not in ended)
        tasks = _grouped(pending, self.setup)
        first = next(tasks, None)
        if first is not None:
            self.again.append(first)
            self.living = set(self.runner.workers)
            self.runner.start()
            self._loop(tasks)
        left = total - self.done - self.failed
        status: BatchStatus = "failed" if self.failed else "ok"
        if left:
            status = "blocked" if self.blocked else "stopped"
        seconds = round(time.perf_counter() - start, 3)
        summary = Summary(status, self.done, self.failed, left, seconds, self.blocked)
        if not left:
            self.folder.names.clear()
        self.emit(BatchFinished(summary))
        return summary

    def _loop(self, tasks: Iterator[tuple[Job, ...]]) -> None:
        try:
            while self._feed(tasks) or self.open:
                for said in self.runner.poll(WAIT):
                    self._hear(said)
                self._write()
        except JournalUnusable as error:
            self._block(str(error))
        # What has ended by now counts, whatever stopped us.
        try:
            self._write()
        except StudioError as error:
            self._block(str(error))

    def _feed(self, tasks: Iterator[tuple[Job, ...]]) -> bool:
        """Give the runner what it has room for; False where there is nothing to give."""
        if (self.cancel.is_set() or self.blocked) and not self.stopping:
            self.stopping = True
            self.runner.cancel()
        if self.stopping:
            return False
        room = self.runner.room()
        while room > 0:
            group = self.again.popleft() if self.again else next(tasks, None)
            if group is None:
                # Alone and last: should its worker die again, it is clear why.
                if self.suspects and not self.open:
                    self._submit((self.suspects.popleft(),))
                return False
            self._submit(group)
            room -= 1
        return True

    def _submit(self, group: tuple[Job, ...]) -> None:
        self.number += 1
        for job in group:
            known = self.attempts.get(job.index)
            self.attempts[job.index] = (
                self.journal.attempts(job.index) if known is None else known
            ) + 1
        attempts = tuple(self.attempts[job.index] for job in group)
        task = Task(self.number, group, attempts)
        self.open[task.id] = _Open(task, set(task.indices))
        self.runner.submit(task)

    # What workers say

    def _hear(self, said: messages.Message) -> None:
        match said:
            case messages.Ready(worker=worker, device=device, pid=pid):
                self.emit(WorkerReady(worker, device, pid))
            case messages.Began(worker=worker, task=number) if number in self.open:
                task = self.open[number].task
                for job, attempt in zip(task.jobs, task.attempts, strict=True):
                    self.entries.append(Entry(job.index, "started", attempt, worker, sets=job.sets))
                self.emit(JobStarted(worker, task.indices))
            case messages.Stepped(worker=worker, task=number) if number in self.open:
                indices = self.open[number].task.indices
                self.emit(JobProgress(worker, indices, said.node, said.step, said.of))
            case messages.Result(worker=worker, task=number, result=result):
                opened = self.open.get(number)
                if opened is not None and result.index in opened.left:
                    opened.left.discard(result.index)
                    self.runner.took(result.seconds * len(opened.task.jobs))
                    self._end(worker, result, opened.task, said.data)
            case messages.Noted(text=text, job=index):
                self.emit(BatchWarned(text, index))
            case messages.Over(worker=worker, task=number):
                if (opened := self.open.pop(number, None)) is not None:
                    self._return(opened, worker, "stopped")
            case messages.Died():
                self._died(said)
            case _:
                pass

    def _end(
        self, worker: str, result: JobResult, task: Task, data: dict[str, bytes] | None
    ) -> None:
        if result.status == "done":
            if data:
                try:
                    self.folder.names.receive(data)
                except StudioError as error:
                    self._block(str(error))
                    self._put_off(worker, result, "stopped")
                    return
            self.results.append((worker, result))
            return
        if result.full:
            self._block(result.error)
            self._put_off(worker, result, "stopped")
            return
        failures = self.failures[result.index] = self.failures.get(result.index, 0) + 1
        if failures < ATTEMPTS:
            self._put_off(worker, result, "retry")
            self.emit(JobRetried(worker, result.index, result.error))
            self.again.append(tuple(job for job in task.jobs if job.index == result.index))
        else:
            self.results.append((worker, result))

    def _put_off(self, worker: str, result: JobResult, state: str) -> None:
        self.entries.append(replace(_entry(worker, result), state=state, outputs=()))

    def _return(self, opened: _Open, worker: str, state: str, error: str = "") -> list[Job]:
        """Jobs of a task that haven't ended go back."""
        left = [job for job in opened.task.jobs if job.index in opened.left]
        for job in left:
            self.entries.append(
                Entry(job.index, state, self.attempts.get(job.index, 1), worker, error=error)
            )
        return left

    def _died(self, said: messages.Died) -> None:
        lost: list[int] = []
        for number in (*said.waiting, *said.begun):
            if (opened := self.open.pop(number, None)) is None:
                continue
            begun = number in said.begun
            left = self._return(opened, said.worker, "lost", said.reason)
            if not begun:
                self.again.append(tuple(left))
                continue
            lost += [job.index for job in left]
            for job in left:
                losses = self.losses[job.index] = self.losses.get(job.index, 0) + 1
                if losses < LOSSES:
                    self.suspects.append(job)
                    continue
                error = f"its worker died {losses} times while it ran: {said.reason}"
                attempt = self.attempts.get(job.index, losses)
                result = JobResult(job.index, "failed", error, attempts=attempt)
                self.results.append((said.worker, result))
        self.emit(WorkerDied(said.worker, said.reason, tuple(lost)))
        if said.last:
            self.living.discard(said.worker)
            if not self.living:
                self._block(f"No worker is left: {said.reason}.")

    # The journal

    def _write(self) -> None:
        """Bring entries and results into the journal, then name the files."""
        if not self.results and len(self.entries) < 1000 and (self.open or not self.entries):
            return  # a start alone needn't wait for the disk
        results, self.results = self.results, []
        chosen: list[tuple[str, JobResult]] = []
        taken: set[str] = set()
        try:
            for worker, result in results:
                chosen.append((worker, self._choose(result, taken)))
            for name in sorted({file.staged.rpartition("/")[0] for file in _files(chosen)}):
                self.folder.names.sync(name)
            self.journal.add([*self.entries, *(_entry(*each) for each in chosen)])
        except (StudioError, OSError) as error:
            self._block(str(error))
            self.entries = []
            return
        self.entries = []
        named = [self._name(each) for each in chosen]
        for worker, result in named:
            if result.status == "done":
                self.done += 1
            else:
                self.failed += 1
            for record in (self.attempts, self.failures, self.losses):
                record.pop(result.index, None)
            self.emit(JobEnded(worker, result))

    def _choose(self, result: JobResult, taken: set[str]) -> JobResult:
        """A result with free names for its files; where they can't be used, its job has failed."""
        names = self.folder.names
        try:
            files = tuple(names.choose(file, taken) for file in result.outputs)
        except (LeadsOutside, OutputBlocked) as error:
            return replace(result, status="failed", error=str(error), outputs=())
        return replace(result, outputs=files)

    def _name(self, each: tuple[str, JobResult]) -> tuple[str, JobResult]:
        worker, result = each
        files: list[OutputFile] = []
        for file in result.outputs:
            try:
                named = self.folder.names.give(file)
            except (OSError, StudioError) as error:
                # It stays staged and in the journal: the next start names it.
                self._block(f"{file.path} couldn't be named: {error}")
                files.append(file)
                continue
            if named.path != file.path:
                self.journal.moved([named])
            files.append(replace(named, staged=""))
        return worker, replace(result, outputs=tuple(files))

    def _block(self, reason: str) -> None:
        self.blocked = self.blocked or reason


def _grouped(jobs: Iterable[Job], setup: Setup) -> Iterator[tuple[Job, ...]]:
    """Neighbours that can run as one together, as many as `setup` allows."""
    if setup.batch_size == 1:
        return ((job,) for job in jobs)
    from studio.batch.fused import groups

    graph, registry = from_json(dict(setup.graph)), Registry.load()
    return groups(jobs, graph, registry, setup.batch_size or DEFAULT_BATCH)


def _files(results: Iterable[tuple[str, JobResult]]) -> Iterator[OutputFile]:
    return (file for _, result in results for file in result.outputs)


def _entry(worker: str, result: JobResult) -> Entry:
    return Entry(
        result.index,
        result.status,
        result.attempts,
        worker,
        result.seconds,
        result.error,
        result.detail,
        outputs=result.outputs,
    )
