"""Two or more sides of a comparison, each a process of its own, computing in turn."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.random_model import POCKET
from benchmarks.report import interleaved, log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).parents[1]

PLAIN: dict[str, str | None] = {
    **{
        name: None
        for name in os.environ
        if name.startswith(("OMP_", "GOMP_", "KMP_", "MKL_", "MALLOC_", "GLIBC_", "THP_"))
    },
    "HF_HUB_OFFLINE": "1",
}
"""The environment that a user starts with: no settings of the CPU. None takes a variable away."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model and how it is run.

    Args:
        name: for the report.
        folder: of the model.
        size: of the picture, pixels.
        steps: of a call on idle cores; the first isn't counted.
        busy_steps: of a call on busy cores.
    """

    name: str
    folder: Path
    size: int
    steps: int
    busy_steps: int

    @property
    def options(self) -> dict[str, Any]:
        """What a child is told."""
        return {"folder": str(self.folder), "size": self.size}


def pocket() -> Subject:
    """The model that ships inside: tiny, so all that surrounds the arithmetic shows."""
    return Subject("pocket 128²", POCKET, 128, 21, 21)


def random(folder: Path) -> Subject:
    """The random model in `folder`: a second a step, nearly all of it arithmetic."""
    return Subject("random 256²", folder, 256, 3, 2)


@dataclass(frozen=True, slots=True)
class Side:
    """What a child is: its role and options (see `child.py`) and its environment."""

    role: str
    options: Mapping[str, Any]
    environment: Mapping[str, str | None] = field(default_factory=lambda: PLAIN)


class Child:
    """A running side."""

    def __init__(self, side: Side, module: str = "benchmarks.child") -> None:
        environment = {**os.environ, **side.environment}
        self.side = side
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, side.role, json.dumps(side.options)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in environment.items() if value is not None},
            text=True,
        )

    @cached_property
    def ready(self) -> Any:
        """What it says once it is loaded; waits for that."""
        return self._answer()

    def ask(self, **request: Any) -> Any:
        """Send a request and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a child died: {self.side}")
        return json.loads(line)


@contextlib.contextmanager
def running(sides: Mapping[str, Side]) -> Iterator[dict[str, Child]]:
    """A warm child for every side."""
    log(f"starting {', '.join(sides)}")
    with contextlib.ExitStack() as stack:
        children = {}
        for name, side in sides.items():
            children[name] = Child(side)
            stack.callback(children[name].close)
        for child in children.values():
            _ = child.ready
        yield children


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """Other programs that want every core: a process for each, multiplying matrices."""
    work = "import numpy as np\na = np.random.rand(400, 400)\nwhile True:\n    a @ a\n"
    single = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    processes = [
        subprocess.Popen([sys.executable, "-c", work], env={**os.environ, **single})
        for _ in os.sched_getaffinity(0)
    ]
    try:
        time.sleep(3)  # until they have settled on the cores
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def steps(
    children: Mapping[str, Child], subject: Subject, sampler: str, rounds: int, *, busy: bool
) -> dict[str, list[float]]:
    """Seconds a denoising step of each child: for every round a picture's, shared by its steps.

    A mean, as that is what a user waits for: where other programs want the cores, a few steps
    take as long as all others.

    Args:
        children: with the subject's model loaded.
        subject: says how many steps.
        sampler: "dpmpp_2m" or "euler".
        rounds: in each, every child is asked once; one more comes first and isn't counted.
        busy: let other programs want the cores meanwhile.
    """
    count = subject.busy_steps if busy else subject.steps

    def of(child: Child) -> Callable[[], float]:
        return lambda: statistics.mean(child.ask(steps=count, sampler=sampler))

    works = {name: of(child) for name, child in children.items()}
    log(f"{subject.name}, {sampler}, {'busy' if busy else 'idle'}")
    for child in children.values():
        child.ask(steps=2, sampler=sampler)
    with busy_cores() if busy else contextlib.nullcontext():
        runs = interleaved(works, rounds)
    for name, seconds in runs.items():
        log(f"  {name:<28} {' '.join(f'{value:.4f}' for value in seconds)}")
    return runs
