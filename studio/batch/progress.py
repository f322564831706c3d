"""How a batch is shown: a live table on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from studio.batch import model
from studio.batch.labels import label
from studio.words import cut, plain, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.live import Live

    from studio.batch.model import JobList, JobResult
    from studio.execution.events import Event

WINDOW = 200
"""Jobs ended last, from which the rate is taken."""

EACH = 200
"""Jobs up to which every one gets a line where nobody looks at a terminal."""

PAUSE = 10.0
"""Seconds between lines beyond that."""

SHOWN = 16
"""Workers that the table shows."""

ONE_LINE = 96
"""Columns of a terminal from which on the bar and its words share a line."""

DEVICES = 60
"""Columns from which on devices are named."""

ESTIMATED = 0.1
"""Of a job that must be done before time and rate are told at all."""


@dataclass
class _Worker:
    device: str = ""
    jobs: tuple[int, ...] = ()
    node: str = ""
    step: int = 0
    of: int = 0
    gone: str = ""
    part: float = 0.0

    def at(self, node: str, step: int, of: int) -> None:
        """It has come to a step; of nodes that count none, nobody knows how long they take."""
        self.node, self.step, self.of = node, step, of
        if of > 1:
            self.part = max(self.part, min(step / of, 0.95))


class Counts:
    """What a batch has come to so far, and how fast.

    Args:
        clock: seconds; tests bring their own.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.total = self.done = self.failed = self.ended = self.bytes = 0
        self.reused = 0
        """Jobs of this run that are done and computed nothing."""
        self.workers: dict[str, _Worker] = {}
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
    def begun(self) -> float:
        """What the jobs in flight have come to, in jobs: one that is half done counts as half."""
        return sum(len(one.jobs) * one.part for one in self.workers.values())

    @property
    def rate(self) -> float:
        """Jobs a second, over the last ones; 0 before anything can be said."""
        full = len(self._ends) == WINDOW
        start = self._ends[0] if full else self._began
        # Jobs that run as one end at once: until many have ended, those in flight count too.
        made = len(self._ends) - 1 if full else len(self._ends) + self.begun
        return made / max(self._clock() - start, 1e-9) if made >= ESTIMATED else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds to the end; None before anything can be said."""
        return max(self.left - self.begun, 0) / self.rate if self.rate else None

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
                self._of(worker).at(event.node, event.step, event.of)
            case model.JobEnded(worker=worker, result=result):
                self._ended(result)
                one = self._of(worker)
                one.jobs = tuple(job for job in one.jobs if job != result.index)
                if not one.jobs:
                    self.workers[worker] = _Worker(one.device)
            case _:
                pass

    def _ended(self, result: JobResult) -> None:
        self.ended += 1
        self._ends.append(self._clock())
        self.bytes += sum(file.bytes for file in result.outputs)
        if result.status == "done":
            self.done += 1
            self.reused += result.reused
        else:
            self.failed += 1

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
        self._retried: dict[int, str] = {}
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        self.counts.see(event)
        if self._json:
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
        if self._out is None:
            return
        try:
            self._out.write(plain(text) + "\n")
            self._out.flush()
        except OSError as error:
            # Whoever read it left; what is still in its buffer would fail again at exit.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._out.fileno())
            self._out = None
            self.say(f"warning: stdout is closed ({error.strerror}); the batch goes on without it")

    def _tell(self, event: Event) -> None:
        match event:
            case model.BatchStarted():
                if event.done or event.failed:
                    failed = f", {event.failed:,} failed" if event.failed else ""
                    self.say(f"going on: {event.done:,} of {event.total:,} done before{failed}")
                if self._console.is_terminal and not self._quiet:
                    self._start()
            case model.WorkerDied(worker=worker, reason=reason):
                self.say(f"warning: {worker} is gone: {reason}")
            case model.JobRetried(job=job, error=error):
                self._retried[job] = error
                self.say(f"{self.name(job)}: {cut(error, 300)} Once more.")
            case model.BatchWarned(message=message, job=job):
                self.say(f"warning: {'' if job is None else f'{self.name(job)}: '}{message}")
            case model.JobEnded(result=result):
                self._ended(result)
            case _:
                pass

    def _ended(self, result: JobResult) -> None:
        for file in result.outputs:
            self._write(str(self._root / file.path) if self._root else file.path)
        before = self._retried.pop(result.index, None)
        if result.status == "failed":
            again = before == result.error
            words = (
                "failed again, in the same way" if again else f"failed: {cut(result.error, 400)}"
            )
            self.say(f"{self.name(result.index)} {words}")
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
            f"{place} = {label(value, 30)}" for place, value in list(sets.items())[:4]
        )
        more = ", …" if len(sets) > 4 else ""
        return f"job {index + 1:,}" + (f" ({words}{more})" if words else "")

    # The table

    def _start(self) -> None:
        from rich.live import Live

        self._live = Live(self.table(), console=self._console, refresh_per_second=8, transient=True)
        self._live.start()

    def table(self) -> RenderableType:
        """The batch as it stands: a bar, how fast it goes, and a row a worker."""
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        counts = self.counts
        ended = counts.done + counts.failed
        bar = ProgressBar(total=max(counts.total, 1), completed=ended, width=30)
        line = Text(counts.line())
        if counts.failed:
            line.highlight_words([f"{counts.failed:,} failed"], "red")
        head = Table.grid(padding=(0, 1))
        if self._console.width < ONE_LINE:
            head.add_row(bar)
            head.add_row(line)
        else:
            head.add_row(bar, line)
        workers = Table(box=None, pad_edge=False, header_style="dim")
        most = 5 if self._console.width >= DEVICES else 4
        for title in ("worker", "job", "node", "step", "device")[:most]:
            workers.add_column(title, no_wrap=True)
        for name, one in list(counts.workers.items())[:SHOWN]:
            cells = [name, *_doing(one), one.device][:most]
            gone = one.gone and not one.jobs
            workers.add_row(*map(Text, cells), style="red" if gone else None)
        if len(counts.workers) > SHOWN:
            workers.add_row(f"… {len(counts.workers) - SHOWN} more")
        return Group(head, workers)


def _doing(one: _Worker) -> tuple[str, str, str]:
    """Job, node and step of a worker."""
    if not one.jobs:
        return "gone" if one.gone else "-", "", ""
    more = f" +{len(one.jobs) - 1}" if len(one.jobs) > 1 else ""
    return f"{one.jobs[0] + 1:,}{more}", one.node, f"{one.step}/{one.of}" if one.of else ""


def told_failures(results: Iterable[JobResult], most: int = 3) -> list[str]:
    """What jobs failed with, the most frequent first: "12 with: crop (CropToMask): …"."""
    found = Counter(cut(one.error, 300) for one in results if one.status == "failed")
    lines = [f"{count:,} with: {error}" for error, count in found.most_common(most)]
    if (more := len(found) - most) > 0:
        lines.append(f"{more:,} more fault{'s' * (more > 1)}; the journal holds all")
    return lines
