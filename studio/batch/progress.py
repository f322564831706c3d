"""How a batch is shown: a live table on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from studio.batch import model
from studio.batch.wording import cut
from studio.words import plain, seconds, short

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.live import Live

    from studio.batch.model import JobList
    from studio.execution.events import Event

WINDOW = 200
"""Jobs ended last, from which the rate is taken."""

EACH = 200
"""Jobs up to which every one gets a line where nobody looks at a terminal."""

PAUSE = 10.0
"""Seconds between lines beyond that."""

SHOWN = 16
"""Workers that the table shows."""

FAILURES = 3
"""Shown at once."""


@dataclass
class _Worker:
    device: str = ""
    jobs: tuple[int, ...] = ()
    node: str = ""
    step: int = 0
    of: int = 0
    gone: str = ""


class Counts:
    """What a batch has come to so far, and how fast.

    Args:
        clock: seconds; tests bring their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.total = self.done = self.failed = self.ended = self.bytes = 0
        self.workers: dict[str, _Worker] = {}
        self.failures: deque[tuple[int, str]] = deque(maxlen=FAILURES)
        self._began = clock()
        self._ends: deque[float] = deque(maxlen=WINDOW)

    @property
    def left(self) -> int:
        """Jobs that haven't ended."""
        return max(self.total - self.done - self.failed, 0)

    @property
    def elapsed(self) -> float:
        """Seconds of this run."""
        return self._clock() - self._began

    @property
    def rate(self) -> float:
        """Jobs a second, over the last ones; 0 before one has ended."""
        if not self._ends:
            return 0.0
        full = len(self._ends) == WINDOW
        start = self._ends[0] if full else self._began
        spent = max(self._clock() - start, 1e-9)
        return (len(self._ends) - full) / spent

    @property
    def eta(self) -> float | None:
        """Seconds to the end; None before a job has ended."""
        return self.left / self.rate if self.rate else None

    def see(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case model.BatchStarted():
                self.total, self.done, self.failed = event.total, event.done, event.failed
                self.workers = {name: _Worker() for name in event.workers}
                self._began = self._clock()
            case model.WorkerReady(worker=worker, device=device):
                self.workers[worker] = _Worker(device)
            case model.WorkerDied(worker=worker, reason=reason):
                self._of(worker).gone = reason
                self._of(worker).jobs = ()
            case model.JobStarted(worker=worker, jobs=jobs):
                self.workers[worker] = _Worker(self._of(worker).device, jobs)
            case model.JobProgress(worker=worker):
                one = self._of(worker)
                one.jobs, one.node, one.step, one.of = (
                    event.jobs, event.node, event.step, event.of
                )  # fmt: skip
            case model.JobEnded(worker=worker, result=result):
                self._ended(result)
                one = self._of(worker)
                one.jobs = tuple(job for job in one.jobs if job != result.index)
            case _:
                pass

    def _ended(self, result: model.JobResult) -> None:
        self.ended += 1
        self._ends.append(self._clock())
        self.bytes += sum(file.bytes for file in result.outputs)
        if result.status == "done":
            self.done += 1
        else:
            self.failed += 1
            self.failures.append((result.index, result.error))

    def _of(self, worker: str) -> _Worker:
        return self.workers.setdefault(worker, _Worker())

    def line(self) -> str:
        """ "120 of 200 done, 2 failed, 1.4 jobs/s, 55 s left"."""
        words = [f"{self.done:,} of {self.total:,} done"]
        if self.failed:
            words.append(f"{self.failed:,} failed")
        if self.rate:
            words.append(
                f"{self.rate:.1f} jobs/s" if self.rate >= 1 else f"{seconds(1 / self.rate)} a job"
            )
        if self.left and self.eta is not None:
            words.append(f"{seconds(self.eta)} left")
        return ", ".join(words)


class Reporter:
    """Shows a batch as it goes. Events may come from several threads, one at a time.

    Args:
        jobs: to name what a job sets.
        console: of stderr.
        out: where paths or JSON lines go; None prints neither.
        as_json: print events as JSON lines on `out`, and nothing else.
        quiet: paths and failures only.
        root: the batch's folder, for paths.
    """

    def __init__(
        self,
        jobs: JobList,
        console: Console,
        out: TextIO | None = None,
        *,
        as_json: bool = False,
        quiet: bool = False,
        root: Path | None = None,
    ) -> None:
        self.counts = Counts()
        self._root = root
        self._jobs = jobs
        self._console = console
        self._out = out
        self._json = as_json
        self._quiet = quiet
        self._live: Live | None = None
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        self.counts.see(event)
        if self._json:
            if self._out:
                self._write(json.dumps(event.to_json(), ensure_ascii=False))
            return
        self._tell(event)
        if self._live:
            self._live.update(self.table())

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()
            self._live = None

    def say(self, text: str) -> None:
        """A line for the user, above the table where there is one."""
        (self._live.console if self._live else self._console).print(text, markup=False)

    def encoded(self, count: int) -> None:
        """So many texts were encoded before the first job."""
        now = time.monotonic()
        if not self._json and not self._quiet and now - self._last >= PAUSE:
            self._last = now
            self.say(f"{count:,} texts encoded")

    def _write(self, text: str) -> None:
        assert self._out is not None
        self._out.write(plain(text) + "\n")
        self._out.flush()

    def _tell(self, event: Event) -> None:
        match event:
            case model.BatchStarted():
                if event.done or event.failed:
                    self.say(f"going on: {event.done:,} of {event.total:,} done before")
                if self._console.is_terminal and not self._quiet:
                    self._start()
            case model.WorkerDied(worker=worker, reason=reason):
                self.say(f"warning: {worker} is gone: {reason}")
            case model.JobRetried(job=job, error=error):
                self.say(f"{self.name(job)}: {cut(error, 300)} Once more.")
            case model.BatchWarned(message=message, job=job):
                self.say(f"warning: {'' if job is None else f'{self.name(job)}: '}{message}")
            case model.JobEnded(result=result):
                self._ended(result)
            case _:
                pass

    def _ended(self, result: model.JobResult) -> None:
        if self._out:
            for file in result.outputs:
                self._write(str(self._root / file.path) if self._root else file.path)
        if result.status == "failed":
            self.say(f"{self.name(result.index)} failed: {cut(result.error, 400)}")
        if self._live or self._quiet:
            return
        if self.counts.total <= EACH:
            if result.status == "done":
                self.say(
                    f"{self.counts.done + self.counts.failed:,}/{self.counts.total:,} "
                    f"{self.name(result.index)}: {seconds(result.seconds)}"
                )
            return
        now = time.monotonic()
        if now - self._last >= PAUSE:
            self._last = now
            self.say(self.counts.line())

    def name(self, index: int) -> str:
        """ "job 13 (sampler.seed = 3, sampler.cfg = 5)"."""
        sets = self._jobs[index].sets
        words = ", ".join(
            f"{place} = {short(value, 30)}" for place, value in list(sets.items())[:4]
        )
        more = ", …" if len(sets) > 4 else ""
        return f"job {index + 1:,}" + (f" ({words}{more})" if words else "")

    # The table

    def _start(self) -> None:
        from rich.live import Live

        self._live = Live(self.table(), console=self._console, refresh_per_second=8, transient=True)
        self._live.start()

    def table(self) -> RenderableType:
        """The batch as it stands: a bar, a row a worker, the last failures."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        counts = self.counts
        ended = counts.done + counts.failed
        head = Table.grid(padding=(0, 1))
        head.add_row(
            ProgressBar(total=max(counts.total, 1), completed=ended, width=30), Text(counts.line())
        )
        workers = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("worker", "job", "node", "step"):
            workers.add_column(title, no_wrap=True)
        for name, one in list(counts.workers.items())[:SHOWN]:
            label = f"{name} {one.device}".strip()
            if one.gone and not one.jobs:
                workers.add_row(Text(label, "red"), Text(cut(one.gone, 60)), "", "")
                continue
            jobs = f"{one.jobs[0] + 1:,}" if one.jobs else "-"
            if len(one.jobs) > 1:
                jobs += f" and {len(one.jobs) - 1} more"
            step = f"{one.step}/{one.of}" if one.of else ""
            workers.add_row(Text(label), jobs, Text(one.node), step)
        if len(counts.workers) > SHOWN:
            workers.add_row(f"… {len(counts.workers) - SHOWN} more", "", "", "")
        failures = [
            Text(f"job {index + 1:,} failed: {cut(error, 120)}", "red")
            for index, error in counts.failures
        ]
        return Group(head, workers, *failures)
