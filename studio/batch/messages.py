"""What the driver of a batch and its workers tell each other, as values and as JSON lines."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from studio.batch.model import Job, JobResult, OutputFile, Setup


@dataclass(frozen=True, slots=True)
class Task:
    """Jobs for a worker; several run as one.

    Args:
        id: of the task.
        jobs: one or more.
        attempts: for each job which attempt this is, from 1.
    """

    id: int
    jobs: tuple[Job, ...]
    attempts: tuple[int, ...]

    @property
    def indices(self) -> tuple[int, ...]:
        return tuple(job.index for job in self.jobs)

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.id,
            "jobs": [[job.index, dict(job.sets)] for job in self.jobs],
            "attempts": list(self.attempts),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Task:
        jobs = tuple(Job(index, sets) for index, sets in data["jobs"])
        return cls(data["task"], jobs, tuple(data["attempts"]))


@dataclass(frozen=True, slots=True)
class Message:
    """Base of what a worker says.

    Args:
        worker: its name, filled in by the runner.
    """

    worker: str

    def to_json(self) -> dict[str, Any]:
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        del data["worker"]
        return {"message": type(self).__name__, **data}


@dataclass(frozen=True, slots=True)
class Ready(Message):
    """It can take tasks. `device` is what people call it."""

    device: str
    pid: int


@dataclass(frozen=True, slots=True)
class Began(Message):
    """It begins a task."""

    task: int


@dataclass(frozen=True, slots=True)
class Stepped(Message):
    """It is at a node of a task, at `step` of `of` (0 of 0 where the node doesn't count)."""

    task: int
    node: str
    step: int
    of: int


@dataclass(frozen=True, slots=True)
class Result(Message):
    """A job has ended; its files are staged.

    `data` holds the files' contents by staged name where the worker has no part in the driver's
    disk (Ray's; JSON lines don't carry it).
    """

    task: int
    result: JobResult
    data: dict[str, bytes] | None = None

    def to_json(self) -> dict[str, Any]:
        result = self.result
        files = [
            {field.name: getattr(file, field.name) for field in fields(OutputFile)}
            for file in result.outputs
        ]
        values = {field.name: getattr(result, field.name) for field in fields(JobResult)}
        return {"message": "Result", "task": self.task, "result": {**values, "outputs": files}}


@dataclass(frozen=True, slots=True)
class Noted(Message):
    """Something that the user should know of a job."""

    text: str
    job: int | None = None


@dataclass(frozen=True, slots=True)
class Over(Message):
    """A task is over: each of its jobs has ended, or was stopped."""

    task: int


@dataclass(frozen=True, slots=True)
class Died(Message):
    """The worker is gone, and all tasks that it had with it.

    Args:
        reason: in words.
        begun: ids of the tasks that it had begun.
        waiting: ids of those that it hadn't.
        last: no other takes its place.
    """

    reason: str
    begun: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()
    last: bool = False


_KINDS = {kind.__name__: kind for kind in (Ready, Began, Stepped, Noted, Over)}


def message(worker: str, data: dict[str, Any]) -> Message:
    """What a line of a worker says.

    Raises:
        ValueError: it is no message.
    """
    try:
        name = data["message"]
        if name == "Result":
            values = dict(data["result"])
            outputs = tuple(OutputFile(**file) for file in values.pop("outputs"))
            return Result(worker, data["task"], JobResult(**values, outputs=outputs))
        rest = {key: value for key, value in data.items() if key != "message"}
        made: Message = _KINDS[name](worker, **rest)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a message of a worker: {str(data)[:200]}") from error
    return made


def setup_to_json(setup: Setup) -> dict[str, Any]:
    """A setup as JSON data."""
    data = {field.name: getattr(setup, field.name) for field in fields(Setup)}
    return {**data, "graph": dict(setup.graph), "base": str(setup.base), "only": list(setup.only)}


def setup_from_json(data: dict[str, Any]) -> Setup:
    """A setup out of JSON data."""
    return Setup(**{**data, "base": Path(data["base"]), "only": tuple(data["only"])})
