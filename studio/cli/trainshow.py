"""Shows a training: a bar a stage on a terminal, a line now and then elsewhere, or JSON."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress, TaskID

OFTEN = 30.0
"""Seconds from one line to the next where there is no terminal."""

RECENT = 50
"""Steps that a figure is the mean of."""


class Shown:
    """A watcher of trainings.

    Args:
        console: where to show them.
        as_json: print an event a line on stdout instead.
    """

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._json = as_json
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._steps = 0
        self._first: tuple[float, int] | None = None
        self._last = 0.0
        self._figures: dict[str, deque[float]] = {}

    def __enter__(self) -> Shown:
        if self._console.is_terminal and not self._json:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description:<12}", markup=False),
                BarColumn(bar_width=30),
                TextColumn("{task.completed}/{task.total}"),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()
            self._progress = None

    def begin(self, stage: str, steps: int) -> None:
        """A stage begins, or goes on."""
        self._stage, self._steps = stage, steps
        self._first, self._last = None, time.monotonic()
        self._figures.clear()
        if self._json:
            self._emit({"event": "stage", "stage": stage, "steps": steps})
        elif self._progress:
            self._task = self._progress.add_task(stage, total=steps, figures="")

    def step(self, done: int, figures: Mapping[str, float]) -> None:
        """So many steps are done."""
        now = time.monotonic()
        self._first = self._first or (now, done)
        for name, value in figures.items():
            self._figures.setdefault(name, deque(maxlen=RECENT)).append(value)
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=done, figures=self._words())
        elif now - self._last >= OFTEN or done == self._steps:
            self._last = now
            self._line(now, done)

    def say(self, text: str) -> None:
        """Say something between stages."""
        if not self._json:
            self._console.print(text, markup=False)

    def done(self, made: Path, figures: Mapping[str, Any]) -> None:
        """Name what was made."""
        if self._json:
            self._emit({"event": "made", "path": str(made), "figures": dict(figures)})
        else:
            print(made)  # noqa: T201

    def _line(self, now: float, done: int) -> None:
        means = {name: sum(values) / len(values) for name, values in self._figures.items()}
        if self._json:
            self._emit(
                {"event": "step", "stage": self._stage, "step": done, "of": self._steps, **means}
            )
            return
        assert self._first is not None
        since, before = self._first
        left = ""
        if done > before and done < self._steps:
            minutes = (now - since) / (done - before) * (self._steps - done) / 60
            left = f"  {max(1, round(minutes))} min left"
        text = f"{self._stage:<12} {done}/{self._steps}  {self._words()}{left}"
        self._console.print(text.rstrip(), markup=False)

    def _words(self) -> str:
        return "  ".join(
            f"{name} {sum(values) / len(values):.4g}" for name, values in self._figures.items()
        )

    def _emit(self, event: Mapping[str, Any]) -> None:
        print(json.dumps(event, ensure_ascii=False), flush=True)  # noqa: T201
