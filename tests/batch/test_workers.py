"""Worker processes: jobs that kill them, workers that can't start, and what they send."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from batch_kit import CHEAP, POCKET, Batch, colours, setup_of
from hypothesis import given
from hypothesis import strategies as st

from studio.batch.messages import (
    Began,
    Message,
    Noted,
    Over,
    Ready,
    Result,
    Stepped,
    Task,
    message,
    setup_from_json,
    setup_to_json,
)
from studio.batch.model import (
    Job,
    JobEnded,
    JobResult,
    JobStarted,
    ListedJobs,
    OutputFile,
    RunnerChoice,
    WorkerDied,
    WorkerReady,
)
from studio.batch.runners.workers import worker_devices
from studio.hardware import DeviceMissing, cuda_count

if TYPE_CHECKING:
    from pathlib import Path

    from studio.execution.events import Event


def test_a_job_that_kills_its_worker_fails_and_the_others_live(tmp_path: Path) -> None:
    # Large, so that it can't have ended before it is killed.
    sets = [{"solid.width": 2048, "solid.height": 2048} if n == 1 else {} for n in range(5)]
    batch = Batch(tmp_path / "night", CHEAP, ListedJobs(sets), RunnerChoice("workers", 1))
    pids: dict[str, int] = {}

    def on_event(event: Event) -> None:
        if isinstance(event, WorkerReady):
            pids[event.worker] = event.pid
        if isinstance(event, JobStarted) and 1 in event.jobs:
            os.kill(pids[event.worker], signal.SIGKILL)

    summary = batch.run(on_event=on_event, order=[1, 0, 2, 3, 4])
    assert (summary.status, summary.done, summary.failed) == ("failed", 4, 1)
    (failed,) = [e.result for e in batch.of(JobEnded) if e.result.status == "failed"]
    assert failed.index == 1
    assert "its worker died 3 times" in failed.error
    assert len(batch.of(WorkerDied)) == 3
    assert len(batch.pictures()) == 4


def test_workers_that_never_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no such module >&2\nexit 7\n")
    program.chmod(0o755)
    batch = Batch(tmp_path / "night", CHEAP, colours(3), RunnerChoice("workers", 2))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(program))
        summary = batch.run()
    assert (summary.status, summary.exit_code, summary.left) == ("blocked", 2, 3)
    assert "No worker is left: ended with exit code 7: no such module." in summary.reason
    batch.choice = RunnerChoice("here")
    assert batch.run(resume=True).status == "ok"


def test_devices_of_workers() -> None:
    setup = setup_of(CHEAP, 1)
    assert worker_devices(setup, None) == ("cpu",)
    assert worker_devices(setup, 3) == ("cpu",) * 3
    missing = setup_of(CHEAP, 1, device=f"cuda:{cuda_count()}")
    with pytest.raises(DeviceMissing):
        worker_devices(missing, 1)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
FILES = st.builds(OutputFile, TEXT, TEXT, st.integers(0), TEXT, TEXT)
RESULTS = st.builds(
    JobResult,
    st.integers(0),
    st.sampled_from(["done", "failed"]),
    TEXT,
    st.floats(0, 1e9),
    st.lists(FILES).map(tuple),
    st.integers(1),
    TEXT,
    st.booleans(),
)
WORKER = st.just("w1")
MESSAGES = st.one_of(
    st.builds(Ready, WORKER, TEXT, st.integers(0)),
    st.builds(Began, WORKER, st.integers(0)),
    st.builds(Stepped, WORKER, st.integers(0), TEXT, st.integers(0), st.integers(0)),
    st.builds(Noted, WORKER, TEXT, st.none() | st.integers(0)),
    st.builds(Over, WORKER, st.integers(0)),
    st.builds(Result, WORKER, st.integers(0), RESULTS),
)


@given(MESSAGES)
def test_messages_survive_the_line(said: Message) -> None:
    assert message("w1", json.loads(json.dumps(said.to_json()))) == said


@pytest.mark.parametrize(
    "data", [{}, {"message": "No"}, {"message": "Over"}, {"message": "Result", "result": {}}]
)
def test_rubbish_is_no_message(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a message"):
        message("w1", data)


def test_tasks_and_setups_survive_the_line() -> None:
    task = Task(3, (Job(0, {"a.b": [1, None, "é"]}), Job(2, {})), (1, 2))
    assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task
    setup = setup_of(POCKET, 7, only=("save",), batch_size=None)
    assert setup_from_json(json.loads(json.dumps(setup_to_json(setup)))) == setup
