"""What a batch is made of: jobs, their results, what is reported on the way. No torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from studio.execution.events import Event

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JSON = str | int | float | bool | None | list[Any] | dict[str, Any]

JobStatus = Literal["done", "failed"]
"""How a job ended. One that was stopped, or whose worker died, hasn't ended."""

BatchStatus = Literal["ok", "failed", "stopped", "blocked"]
"""How a batch ended: all done; some jobs failed; stopped by the user; stopped because nothing can
go on (the disk is full, no worker lives)."""

DEFAULT_BATCH = 16
"""Jobs that run as one where --batch-size is auto and memory allows; a bound, not a promise."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the graph.

    Args:
        index: place in the order that the user gave, from 0.
        sets: "node.param" to the value that this job has there, as JSON data of the parameter's
            own type (not text).
    """

    index: int
    sets: Mapping[str, JSON]


class JobList(Sequence[Job]):
    """All jobs of a batch. A job is made when it is asked for; none is kept.

    So that a hundred thousand of them cost nothing: `len(jobs)` and `jobs[index]` are all that
    an implementation brings, and both are fast. The same batch always gives the same jobs.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...
    @abstractmethod
    def __getitem__(self, index: int | slice) -> Job | Sequence[Job]: ...


class ListedJobs(JobList):
    """Jobs out of a list of sets, for few jobs and for tests."""

    def __init__(self, sets: Sequence[Mapping[str, JSON]]) -> None:
        self._sets = sets

    def __len__(self) -> int:
        return len(self._sets)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | Sequence[Job]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        return Job(place, self._sets[place])


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a job wrote.

    Args:
        path: relative to the batch's folder, parted by /.
        blake3: hash of its content, hexadecimal.
        bytes: its length.
        node: id of the node that wrote it.
        staged: its name in the staging folder until the journal holds it; "" once it is named.
    """

    path: str
    blake3: str
    bytes: int = 0
    node: str = ""
    staged: str = ""


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended.

    Args:
        index: of the job.
        status: "done" or "failed".
        error: one sentence or two for a person; "" where it is done.
        seconds: its own time; of jobs that ran as one, its share.
        outputs: what it wrote.
        attempts: how often it was started, this time included.
        detail: the traceback where the fault isn't the user's.
        full: the disk is full: no fault of the job, and no use to go on.
        reused: all but its files came from the cache, so its time says nothing of others'.
    """

    index: int
    status: JobStatus
    error: str = ""
    seconds: float = 0.0
    outputs: tuple[OutputFile, ...] = ()
    attempts: int = 1
    detail: str = ""
    full: bool = False
    reused: bool = False


@dataclass(frozen=True)
class Setup:
    """What all jobs of a batch share.

    Args:
        graph: the whole graph as in a file, with the constants of the batch applied.
        base: folder from which relative paths in it start.
        name: what {graph} means in names of pictures.
        count: number of all jobs: names of pictures have as many digits.
        only: ids of nodes to run to; empty takes every node that writes something.
        device: "auto", "cpu", "cuda", …; None takes the settings'.
        dtype: "auto", "float32", …; None takes the settings'.
        use_cache: use and keep results.
        batch_size: most jobs that run as one; None measures what memory allows; 1 fuses nothing.
    """

    graph: Mapping[str, Any]
    base: Path
    name: str
    count: int
    only: tuple[str, ...] = ()
    device: str | None = None
    dtype: str | None = None
    use_cache: bool = True
    batch_size: int | None = None


@dataclass(frozen=True)
class RunnerChoice:
    """Where jobs are run.

    Args:
        on: "here" (this process), "workers" (child processes), "ray" (a cluster).
        workers: how many; None takes one a GPU, or one where there is none.
    """

    on: Literal["here", "workers", "ray"] = "here"
    workers: int | None = None


@dataclass(frozen=True)
class Summary:
    """What a batch came to.

    Args:
        status: see `BatchStatus`.
        done: jobs that are done, those of earlier runs of this batch included.
        failed: jobs that failed and weren't tried again.
        left: jobs that haven't ended.
        seconds: of this run.
        reason: why it stopped early; "" otherwise.
    """

    status: BatchStatus
    done: int
    failed: int
    left: int
    seconds: float
    reason: str = ""

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 2 it can't go on, 130 stopped by the user."""
        return {"ok": 0, "failed": 1, "blocked": 2, "stopped": 130}[self.status]


# What a batch reports; `to_json` gives the line that --json prints.


@dataclass(frozen=True)
class BatchStarted(Event):
    """Work begins. `done` and `failed` are the jobs that ended in earlier runs."""

    total: int
    done: int
    failed: int
    workers: tuple[str, ...]


@dataclass(frozen=True)
class WorkerReady(Event):
    """A worker can take jobs. `device` is what people call it."""

    worker: str
    device: str = ""
    pid: int = 0


@dataclass(frozen=True)
class WorkerDied(Event):
    """A worker is gone; its jobs, if any, run elsewhere or again."""

    worker: str
    reason: str
    jobs: tuple[int, ...] = ()


@dataclass(frozen=True)
class JobStarted(Event):
    """A worker begins a job, or several that run as one."""

    worker: str
    jobs: tuple[int, ...]


@dataclass(frozen=True)
class JobProgress(Event):
    """A worker is at a node, at `step` of `of` (0 of 0 where it doesn't count).

    `jobs` names all that run as one.
    """

    worker: str
    jobs: tuple[int, ...]
    node: str
    step: int = 0
    of: int = 0


@dataclass(frozen=True)
class JobRetried(Event):
    """A job failed, or its worker died, and will be tried once more."""

    worker: str
    job: int
    error: str


@dataclass(frozen=True)
class JobEnded(Event):
    """A job is done or has failed for good; it is in the journal, and its files are named."""

    worker: str
    result: JobResult

    def to_json(self) -> dict[str, Any]:
        result = self.result
        return {
            "event": "job_ended",
            "worker": self.worker,
            "job": result.index,
            "status": result.status,
            "error": result.error,
            "seconds": result.seconds,
            "attempts": result.attempts,
            "outputs": [
                {"path": file.path, "blake3": file.blake3, "node": file.node}
                for file in result.outputs
            ],
        }


@dataclass(frozen=True)
class BatchWarned(Event):
    """Something the user should know though the batch goes on."""

    message: str
    job: int | None = None


@dataclass(frozen=True)
class BatchFinished(Event):
    """The last event of a batch."""

    summary: Summary

    def to_json(self) -> dict[str, Any]:
        return {
            "event": "batch_finished",
            **super().to_json()["summary"],
            "exit_code": self.summary.exit_code,
        }
