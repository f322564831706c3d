"""What a batch shows while it runs."""

from __future__ import annotations

import io
import json
import os

import pytest
from rich.console import Console

from studio.batch import model
from studio.batch.model import JobResult, ListedJobs, OutputFile, Summary
from studio.batch.progress import WINDOW, Counts, Reporter, told_failures


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


def test_jobs_that_run_as_one_count_as_they_go() -> None:
    clock = Clock()
    counts = Counts(clock)
    jobs = tuple(range(16))
    counts.see(model.BatchStarted(32, 0, 0, ("here",)))
    counts.see(model.JobStarted("here", jobs))
    clock.now += 3
    counts.see(model.JobProgress("here", jobs, "checkpoint", 1, 1))
    assert counts.eta is None  # nobody knows yet
    clock.now += 5
    counts.see(model.JobProgress("here", jobs, "sampler", 10, 20))
    assert counts.rate == pytest.approx(1)
    assert counts.eta == pytest.approx(24)
    clock.now += 8
    counts.see(model.JobProgress("here", jobs, "sampler", 20, 20))
    assert counts.eta == pytest.approx(17, rel=0.1)
    before = counts.eta
    counts.see(ended(0))  # one of sixteen; the others are nearly there
    assert counts.eta == pytest.approx(before, rel=0.05)
    counts.see(model.JobProgress("here", jobs, "decode", 1, 1))
    assert counts.eta == pytest.approx(before, rel=0.05)
    for index in jobs[1:]:
        counts.see(ended(index))
    assert counts.eta == pytest.approx(16)
    assert counts.workers["here"].node == ""


def test_what_jobs_failed_with_is_counted() -> None:
    results = [JobResult(n, "failed", "too large") for n in range(5)]
    results += [JobResult(n, "failed", f"fault {n}") for n in range(5, 9)]
    results += [JobResult(9, "done"), JobResult(10, "failed", "fault 5")]
    assert told_failures(results) == [
        "5 with: too large",
        "2 with: fault 5",
        "1 with: fault 6",
        "2 more faults; the journal holds all",
    ]
    assert told_failures([JobResult(0, "done")]) == []


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width)
    reporter = Reporter(ListedJobs([{}]), console)
    names = tuple(f"w{number}" for number in range(20))
    reporter.counts.see(model.BatchStarted(12_000, 1_200, 9, names))
    reporter.counts.see(model.WorkerReady("w1", "NVIDIA H100 80GB HBM3 (cuda:1)"))
    reporter.counts.see(model.JobStarted("w1", tuple(range(5000, 5016))))
    reporter.counts.see(model.JobProgress("w1", (5000,), "[bold]sampler", 4, 20))
    with console.capture() as captured:
        console.print(reporter.table())
    lines = captured.get().splitlines()
    assert any("5,001 +15" in line and "[bold]sampler" in line for line in lines)
    assert any("… 4 more" in line for line in lines)
    assert len(lines) <= 21


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
        "job 3 (sampler.seed = 2, sampler.cfg = 5): sampler ran out of memory. Once more.\n"
        "warning: w2 is gone: killed by signal 9\n"
        "warning: the cache is full\n"
        "2/3 job 2 (sampler.seed = 1, sampler.cfg = 5): 1.0 s\n"
        "job 3 (sampler.seed = 2, sampler.cfg = 5) failed: decode: NaN.\n"
        "---\n"
        "p_1.png\n"
    )


def test_a_fault_that_stays_the_same_is_told_once() -> None:
    again = model.JobRetried("w1", 2, "decode: NaN.")
    text = report(EVENTS[0], again, ended(2, "decode: NaN."), ended(1))
    assert text.count("decode: NaN.") == 1
    assert "job 3 (sampler.seed = 2, sampler.cfg = 5) failed again, in the same way\n" in text


def test_of_a_path_the_end_is_told() -> None:
    console = Console(file=io.StringIO(), width=120)
    path = "/home/somebody/pictures of mine/photos/a_holiday_00003.png"
    reporter = Reporter(ListedJobs([{"picture.path": path, "a.on": True, "a.x": None}]), console)
    assert (
        reporter.name(0)
        == "job 1 (picture.path = …/photos/a_holiday_00003.png, a.on = on, a.x = none)"
    )


@pytest.mark.parametrize("as_json", [True, False])
def test_a_reader_that_leaves_ends_nothing(as_json: bool) -> None:
    text = io.StringIO()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        reporter = Reporter(
            ListedJobs([{}, {}]), Console(file=text, width=120), out, as_json=as_json
        )
        for event in (model.BatchStarted(2, 0, 0, ("here",)), ended(0), ended(1)):
            reporter(event)
    assert reporter.counts.done == 2
    assert text.getvalue().count("stdout is closed (Broken pipe)") == 1


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
    for words in (
        "w1",
        "cuda:0",
        "sampler",
        "3/20",
        "killed by signal 9",
        "[bold]NaN",
        "2 of 3 done",
    ):
        assert words in shown
