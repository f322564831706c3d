"""Batches whose processes are killed, for real: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from batch_kit import CHEAP, Batch, check_whole, colours, pictures, rows

from studio.batch.folder import FolderInUse, FolderTaken
from studio.batch.model import JobEnded, JobStarted, RunnerChoice, WorkerDied, WorkerReady

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Server

    from studio.execution.events import Event


def check_named(root: Path) -> None:
    """Whatever has a name is whole, and the journal knows it."""
    known = {path for (path,) in rows(root, "SELECT path FROM outputs")}
    assert {path for path in pictures(root) if not path.startswith(".")} <= known


@pytest.mark.parametrize(
    ("jobs", "kills", "fused"), [(200, 50, False), (60, 12, True)], ids=["alone", "fused"]
)
def test_sigkill_at_random_moments(
    server: Server, tmp_path: Path, jobs: int, kills: int, fused: bool
) -> None:
    whole, root = tmp_path / "whole", tmp_path / "killed"
    server.start(whole, "pocket", jobs)
    assert server.until("gone")[-1]["code"] == 0
    expected = pictures(whole)
    assert len(expected) == jobs

    # Without the cache, or they would find there what the first batch made.
    how = {"cache": False, "batch_size": 4 if fused else 1}
    moments = random.Random(3)
    ended: list[str] = []
    for killed in range(1, kills + 1):
        pid = server.start(root, "pocket", jobs, resume=root.exists(), **how)
        for _ in range(moments.randrange(7)):
            ended.append(server.until("job_ended", "gone")[-1]["event"])
        time.sleep(moments.random() * 0.03)
        os.kill(pid, signal.SIGKILL)
        assert server.until("gone")[-1]["code"] == -signal.SIGKILL
        if killed % 5 == 0:
            check_named(root)
    assert set(ended) == {"job_ended"}, "it was done before it had been killed often enough"
    server.start(root, "pocket", jobs, resume=True, **how)
    assert server.until("gone")[-1]["code"] == 0
    check_whole(root, jobs, expected)


def test_sigkill_of_one_local_worker(tmp_path: Path) -> None:
    alone = Batch(tmp_path / "alone", CHEAP, colours(200))
    assert alone.run().status == "ok"
    batch = Batch(tmp_path / "night", CHEAP, colours(200), RunnerChoice("workers", 2))
    pids: dict[str, int] = {}
    victims: list[str] = []

    def on_event(event: Event) -> None:
        if isinstance(event, WorkerReady):
            pids[event.worker] = event.pid
        if isinstance(event, JobStarted) and len(batch.of(JobEnded)) >= 6 and not victims:
            victims.append(event.worker)
            os.kill(pids[event.worker], signal.SIGKILL)

    summary = batch.run(on_event=on_event, use_cache=False)
    assert (summary.status, summary.done) == ("ok", 200)
    (death,) = batch.of(WorkerDied)
    assert death.worker == victims[0]
    assert "SIGKILL" in death.reason
    assert len([event for event in batch.of(WorkerReady) if event.worker == victims[0]]) <= 2
    check_whole(batch.root, 200, alone.pictures())


def test_workers_of_a_killed_batch_end_by_themselves(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "night"
    pid = server.start(root, "cheap", 3000, on="workers", workers=2)
    server.until("job_ended")
    children = psutil.Process(pid).children(recursive=True)
    assert len(children) == 2
    os.kill(pid, signal.SIGKILL)
    server.until("gone")
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive, "workers outlived their batch"
    check_named(root)


def test_killed_while_its_folder_is_new(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "night"
    pid = server.start(root, "cheap", 20)
    os.kill(pid, signal.SIGKILL)
    server.until("gone")
    server.start(root, "cheap", 20, resume=(root / "journal.sqlite").exists())
    assert server.until("gone")[-1]["code"] == 0
    assert len(pictures(root)) == 20


@pytest.mark.parametrize("on", ["here", "workers"])
def test_two_batches_into_one_folder(server: Server, tmp_path: Path, on: str) -> None:
    root = tmp_path / "night"
    pid = server.start(root, "cheap", 3000, on=on, workers=1)
    server.until("job_ended")
    for resume in (False, True):
        second = Batch(root, CHEAP, colours(3))
        with pytest.raises(FolderInUse, match=rf"at work in .*night \(process {pid}, since"):
            second.run(resume=resume)
    os.kill(pid, signal.SIGKILL)
    server.until("gone")
    # Its lock went with it; its pictures are still nobody else's.
    with pytest.raises(FolderTaken, match="holds a batch already"):
        Batch(root, CHEAP, colours(3)).run()
