"""What a batch shows while it runs."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from studio.batch import model
from studio.batch.model import JobResult, ListedJobs, OutputFile, Summary
from studio.batch.progress import WINDOW, Counts, Reporter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ended(index: int, error: str = "") -> model.JobEnded:
    file = OutputFile(f"p_{index}.png", "00", 1000)
    result = (
        JobResult(index, "failed", error) if error else JobResult(index, "done", "", 1, (file,))
    )
    return model.JobEnded("here", result)


def test_rate_and_rest_come_from_the_last_jobs() -> None:
    clock = Clock()
    counts = Counts(clock)
    counts.see(model.BatchStarted(1000, 100, 5, ("here",)))
    assert counts.eta is None
    assert counts.left == 895
    for index in range(10):
        clock.now += 2
        counts.see(ended(index))
    assert counts.rate == pytest.approx(0.5)
    assert counts.eta == pytest.approx(885 / 0.5)
    assert counts.line() == "110 of 1,000 done, 5 failed, 2.0 s a job, 29 min 30 s left"
    for index in range(WINDOW + 1):
        clock.now += 0.1
        counts.see(ended(index))
    assert counts.rate == pytest.approx(10, rel=0.02)
    assert counts.bytes == 1000 * (WINDOW + 11)


def report(*events: model.Event, terminal: bool = False, count: int = 3, **options: bool) -> str:
    text, out = io.StringIO(), io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, highlight=False)
    jobs = ListedJobs([{"sampler.seed": n, "sampler.cfg": 5.0} for n in range(count)])
    reporter = Reporter(jobs, console, out, **options)
    for event in events:
        reporter(event)
    reporter.close()
    return text.getvalue() + "---\n" + out.getvalue()


EVENTS = (
    model.BatchStarted(3, 1, 0, ("w1", "w2")),
    model.WorkerReady("w1", "cuda:0"),
    model.JobStarted("w1", (1, 2)),
    model.JobProgress("w1", (1, 2), "sampler", 3, 20),
    model.JobRetried("w1", 2, "sampler ran out of memory."),
    model.WorkerDied("w2", "killed by signal 9", (2,)),
    model.BatchWarned("the cache is full"),
    ended(1),
    ended(2, "decode: NaN."),
    model.BatchFinished(Summary("failed", 2, 1, 0, 3.0)),
)


def test_lines_where_nobody_looks_at_a_terminal() -> None:
    assert report(*EVENTS) == (
        "going on: 1 of 3 done before\n"
        "job 3 (sampler.seed = 2, sampler.cfg = 5.0): sampler ran out of memory. Once more.\n"
        "warning: w2 is gone: killed by signal 9\n"
        "warning: the cache is full\n"
        "2/3 job 2 (sampler.seed = 1, sampler.cfg = 5.0): 1.0 s\n"
        "job 3 (sampler.seed = 2, sampler.cfg = 5.0) failed: decode: NaN.\n"
        "---\n"
        "p_1.png\n"
    )


def test_quiet_tells_failures_only() -> None:
    text = report(*EVENTS, quiet=True)
    assert "2/3" not in text
    assert "failed: decode: NaN." in text
    assert text.endswith("---\np_1.png\n")


def test_json_lines_are_events() -> None:
    text = report(*EVENTS, as_json=True)
    before, _, lines = text.partition("---\n")
    assert before == ""
    found = [json.loads(line) for line in lines.splitlines()]
    assert [event["event"] for event in found][:3] == [
        "batch_started",
        "worker_ready",
        "job_started",
    ]
    assert found[-1]["exit_code"] == 1


def test_many_jobs_dont_fill_the_log() -> None:
    events = [model.BatchStarted(1000, 0, 0, ("here",)), *map(ended, range(300))]
    assert report(*events, count=1000).startswith("---\n")


def test_the_table_shows_every_worker_and_failure() -> None:
    shown = report(*EVENTS[:-2], ended(2, "decode: [bold]NaN."), terminal=True)
    for words in ("w1 cuda:0", "sampler", "3/20", "killed by signal 9", "[bold]NaN", "2 of 3 done"):
        assert words in shown
