"""One run in the queue: what was asked for, and what became of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from studio.words import seconds
from ui.engine.rate import RateMeter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from PySide6.QtGui import QImage

    from ui.engine.states import NodeStates

JobStatus = Literal["waiting", "running", "done", "failed", "cancelled"]

_numbers = itertools.count(1)


@dataclass(eq=False)
class Job:
    """A run.

    Args:
        title: for people; the graph's.
        graph: JSON text of the graph as it was when the run was asked for.
        key: of the tab that it came from.
        base: folder that relative paths in the graph start from.
        name: of the graph, for names of pictures.
        history: what the graph's history is kept under.
        only: nodes to run to; empty takes all that write something.
        out: output folder; None takes the user's.
        states: of the tab's nodes, told what happens; None where nobody looks.
        id: of the submit.
        status: where it stands.
        total: nodes that it runs; 0 until the worker has planned it.
        finished: of these.
        node: the one that runs.
        step: of that node.
        of: its steps; 0 where it reports none.
        outputs: files it wrote or found.
        thumbnail: of the first output.
        error: what stopped it, for people.
        lines: the worker's last, where it died.
        seconds: it took.
        cancelling: it was asked to stop.
        accepted: the worker has it.
        put_back: it was sent once to a worker that died before it heard of it.
    """

    title: str
    graph: str
    key: str = ""
    base: Path | None = None
    name: str = "graph"
    history: str = ""
    only: tuple[str, ...] = ()
    out: Path | None = None
    states: NodeStates | None = None
    id: str = field(default_factory=lambda: f"run-{next(_numbers)}")
    status: JobStatus = "waiting"
    total: int = 0
    finished: int = 0
    node: str = ""
    step: int = 0
    of: int = 0
    outputs: list[Path] = field(default_factory=list)
    thumbnail: QImage | None = None
    error: str = ""
    lines: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cancelling: bool = False
    accepted: bool = False
    put_back: bool = False
    meter: RateMeter = field(default_factory=RateMeter, repr=False)

    @property
    def over(self) -> bool:
        """Neither waiting nor running."""
        return self.status in ("done", "failed", "cancelled")

    @property
    def progress(self) -> float:
        """0 to 1: nodes done, and the share of the one that runs."""
        if self.status == "done":
            return 1.0
        if not self.total:
            return 0.0
        share = self.step / self.of if self.of else 0.0
        return min(1.0, (self.finished + share) / self.total)

    @property
    def seconds_left(self) -> float | None:
        """Of the node that steps; None where it can't be told."""
        return (self.of - self.step) / self.meter.rate if self.meter.rate else None

    @property
    def words(self) -> str:
        """Where it stands, for people: "12 of 20 steps · 0.3 s left"."""
        match self.status:
            case "waiting":
                return "waiting"
            case "done":
                return f"done in {seconds(self.seconds)}"
            case "failed":
                return f"failed: {self.error.strip().partition(chr(10))[0]}"
            case "cancelled":
                return "cancelled"
        if self.cancelling:
            return "stopping …"
        if self.of:
            left = self.seconds_left
            rest = f" · {seconds(left)} left" if left is not None else ""
            return f"{self.step} of {self.of} steps{rest}"
        if self.node:
            return f"{self.node} · node {min(self.finished + 1, self.total)} of {self.total}"
        return "starting …"

    def place(self) -> dict[str, Any]:
        """What goes with the graph to the worker."""
        return {
            "base": self.base,
            "name": self.name,
            "history": self.history or self.key or self.name,
            "only": self.only,
            "out": self.out,
        }

    def again(self) -> Job:
        """The same run, once more."""
        return Job(
            self.title, self.graph, self.key, self.base, self.name, self.history, self.only,
            self.out, self.states,
        )  # fmt: skip

    def follow(self, event: Mapping[str, Any], now: float) -> None:
        """Count what an event of the run says of its progress.

        Args:
            event: of the worker.
            now: seconds, by any clock that goes on.
        """
        match event.get("event"):
            case "run_started":
                self.total = len(event.get("nodes", ()))
            case "node_started":
                self.node, self.step, self.of = event["node"], 0, 0
                self.meter = RateMeter()
            case "node_progress":
                if event["node"] != self.node:
                    self.node, self.meter = event["node"], RateMeter()
                self.step, self.of = int(event["step"]), int(event["of"])
                self.meter.mark(now, self.step)
            case "node_finished":
                self.finished += 1
                if event["node"] == self.node:
                    self.node, self.step, self.of = "", 0, 0


def refusal(event: Mapping[str, Any]) -> str:
    """Why the worker took no run or plan, for people: the first fault, without the file's name.

    Args:
        event: "rejected" or "error".
    """
    faults = event.get("faults") or ()
    if not faults:
        return str(event["message"])
    first = str(faults[0]["message"])
    return first if len(faults) == 1 else f"{first} (and {len(faults) - 1} more)"
