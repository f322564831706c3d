"""Batches for the tests: a graph, its jobs, and how to run and judge them."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from graph_bench import document
from PIL import Image as Pil

from studio.batch.driver import run
from studio.batch.folder import open_folder
from studio.batch.journal import FILE
from studio.batch.model import JobList, ListedJobs, RunnerChoice, Setup, Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from studio.execution.events import Event

CHEAP = document(
    solid=("SolidImage", {"width": 16, "height": 8, "colour": "#000000"}),
    inverted=("InvertImage", {}, {"image": "solid"}),
    save=("SaveImage", {"name": "{graph}_{counter}"}, {"image": "inverted"}),
)
"""No model: a job takes a millisecond."""

POCKET = document(
    checkpoint=("LoadCheckpoint", {"name": "pocket"}),
    positive=("TextEncode", {"text": "a red circle"}, {"clip": "checkpoint.clip"}),
    negative=("TextEncode", {"text": ""}, {"clip": "checkpoint.clip"}),
    latent=("EmptyLatent", {"width": 64, "height": 64}),
    sampler=(
        "KSampler",
        {"seed": 1, "steps": 1, "cfg": 2.0},
        {
            "model": "checkpoint.model",
            "positive": "positive",
            "negative": "negative",
            "latent": "latent",
        },
    ),
    decode=("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    save=("SaveImage", {"name": "{graph}_{counter}"}, {"image": "decode"}),
)
"""The model that ships, at the least size."""


def colours(count: int) -> JobList:
    """Jobs of `CHEAP`, each of a colour of its own."""
    return ListedJobs([{"solid.colour": f"#{7919 * n % 2**24:06x}"} for n in range(count)])


def seeds(count: int) -> JobList:
    """Jobs of `POCKET`, each with a seed of its own."""
    return ListedJobs([{"sampler.seed": n} for n in range(count)])


def setup_of(graph: dict[str, Any], count: int, **other: Any) -> Setup:
    """A setup on the CPU in float32 that fuses nothing."""
    values: dict[str, Any] = {"device": "cpu", "dtype": "float32", "batch_size": 1, **other}
    return Setup(graph, Path.cwd(), "night", count, **values)


@dataclass
class Batch:
    """A batch in a folder, and what it reported.

    Args:
        root: its folder.
        graph: what it runs.
        jobs: all of them.
    """

    root: Path
    graph: dict[str, Any]
    jobs: JobList
    choice: RunnerChoice = field(default_factory=RunnerChoice)
    events: list[Event] = field(default_factory=list)
    cancel: threading.Event = field(default_factory=threading.Event)

    def run(
        self,
        *,
        resume: bool = False,
        order: Sequence[int] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
        retry_failed: bool = False,
        **setup: Any,
    ) -> Summary:
        self.events.clear()
        self.cancel.clear()

        def emit(event: Event) -> None:
            self.events.append(event)
            on_event(event)

        with open_folder(self.root, resume=resume) as folder:
            return run(
                folder,
                setup_of(self.graph, len(self.jobs), **setup),
                self.jobs,
                range(len(self.jobs)) if order is None else order,
                self.choice,
                emit=emit,
                cancel=self.cancel,
                retry_failed=retry_failed,
            )

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def pictures(self) -> dict[str, NDArray[np.uint8]]:
        return pictures(self.root)

    def at(self, root: Path) -> Batch:
        """The same batch in another folder."""
        return replace(self, root=root, events=[], cancel=threading.Event())


def pictures(root: Path) -> dict[str, NDArray[np.uint8]]:
    """The pixels of every picture under `root`, by path."""
    found = {}
    for path in sorted(root.rglob("*.png")):
        with Pil.open(path) as picture:
            picture.load()
            found[path.relative_to(root).as_posix()] = np.asarray(picture.convert("RGB"))
    return found


def rows(root: Path, query: str) -> list[Any]:
    """What the journal in `root` answers."""
    connection = sqlite3.connect(root / FILE)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def check_whole(root: Path, count: int, expected: dict[str, NDArray[np.uint8]]) -> None:
    """All jobs are done, each once, with the files that the journal says, and no others."""
    done = rows(root, "SELECT job FROM entries WHERE state = 'done' ORDER BY job")
    assert done == [(job,) for job in range(count)]
    paths = rows(root, "SELECT path FROM outputs ORDER BY path")
    found = pictures(root)
    assert [path for (path,) in paths] == sorted(found)
    assert found.keys() == expected.keys()
    for name, pixels in expected.items():
        assert np.array_equal(found[name], pixels), name
    left = {path.name for path in root.iterdir()} - {path.partition("/")[0] for (path,) in paths}
    assert left == {FILE}, "something was left behind"
