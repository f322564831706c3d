"""The queue of runs, with a worker that behaves and workers that don't."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ui.engine.client import EngineClient
from ui.engine.job import Job
from ui.engine.queue import KEPT, RunQueue
from ui.engine.states import NodeStates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

FAKE = Path(__file__).with_name("fake_worker.py")


def job(title: str = "T", **other: object) -> Job:
    graph = {"format": "latent-studio", "version": 1, "nodes": {}}
    graph |= other.pop("graph", {})  # type: ignore[arg-type]
    return Job(title=title, graph=json.dumps(graph), **other)  # type: ignore[arg-type]


@pytest.fixture
def client(qapp: object) -> Iterator[EngineClient]:
    made = EngineClient((sys.executable, str(FAKE), "good"), warm=False)
    yield made
    made.stop()
    made.deleteLater()


@pytest.fixture
def queue(client: EngineClient) -> Iterator[RunQueue]:
    made = RunQueue(client)
    yield made
    made.deleteLater()


def titles(queue: RunQueue) -> list[str]:
    return [job.title for job in queue.jobs]


def statuses(queue: RunQueue) -> list[str]:
    return [job.status for job in queue.jobs]


def all_over(queue: RunQueue) -> bool:
    return queue.load == 0


def test_jobs_wait_for_the_engine_and_go_one_at_a_time(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    order = []
    most = 0

    def note(changed: Job) -> None:
        nonlocal most
        most = max(most, statuses(queue).count("running"))
        if changed.status == "running" and changed.title not in order:
            order.append(changed.title)

    queue.job_changed.connect(note)
    for title in "abc":
        queue.add(job(title))
    queue.add(job("first"), front=True)
    assert titles(queue) == ["first", "a", "b", "c"]
    assert queue.running is None
    assert queue.load == 4
    client.start()
    with qtbot.waitSignal(queue.idle, timeout=10_000):
        pass
    assert order == ["first", "a", "b", "c"]
    assert most == 1
    assert statuses(queue) == ["done"] * 4
    done = queue.jobs[0]
    assert (done.total, done.finished, done.progress, done.seconds) == (2, 2, 1.0, 0.02)
    assert done.words == "done in 20 ms"


def test_order_pause_and_taking_out(queue: RunQueue, client: EngineClient, qtbot: QtBot) -> None:
    queue.set_paused(True)
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    a, b, c, d = (queue.add(job(title)) for title in "abcd")
    queue.move(d, 0)
    queue.move(a, 99)
    assert titles(queue) == ["d", "b", "c", "a"]
    queue.cancel(c)
    assert titles(queue) == ["c", "d", "b", "a"], "what is over stands first"
    assert (c.status, c.words) == ("cancelled", "cancelled")
    queue.move(c, 0)
    assert titles(queue)[0] == "c"
    qtbot.wait(100)
    assert queue.running is None
    queue.set_paused(False)
    qtbot.waitUntil(lambda: all_over(queue), timeout=10_000)
    assert titles(queue) == ["c", "d", "b", "a"]
    again = queue.retry(c)
    assert again is not c
    qtbot.waitUntil(lambda: again.status == "done", timeout=10_000)
    queue.remove(b)
    assert b not in queue.jobs
    queue.clear()
    assert queue.jobs == ()


def test_the_states_of_the_tab_hear_of_its_runs(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    states, other = NodeStates(), NodeStates()
    queue.add(job(states=states))
    client.start()
    qtbot.waitUntil(lambda: all_over(queue), timeout=10_000)
    assert states.get("a").status == "done"
    assert other.get("a").status == "unknown"
    # A tab may be closed while its job waits.
    queue.set_paused(True)
    queue.add(job(states=states))
    states.deleteLater()
    qtbot.wait(10)
    del states
    queue.set_paused(False)
    qtbot.waitUntil(lambda: all_over(queue), timeout=10_000)
    assert statuses(queue) == ["done", "done"]
    other.deleteLater()


def test_a_worker_that_dies_fails_its_job_and_the_next_goes_on(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    words: list[str] = []
    queue.message.connect(words.append)
    states = NodeStates()
    first = queue.add(job("one", states=states, graph={"mode": "die_on_submit"}))
    second = queue.add(job("two"))
    client.start()
    qtbot.waitUntil(lambda: first.over, timeout=10_000)
    assert first.status == "failed"
    assert "segmentation fault" in first.error
    assert "about to crash" in first.lines
    assert words == [f"one: {first.error}"]
    assert states.get("a").status == "failed"
    assert "segmentation fault" in states.get("a").reason
    assert states.get("b").status == "will_run"
    qtbot.waitUntil(lambda: second.status == "done", timeout=20_000)
    states.deleteLater()


def test_a_worker_that_hangs_is_killed_and_the_next_goes_on(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    client.silence = 0.4
    hung, after = queue.add(job("hung", graph={"mode": "hang"})), queue.add(job("after"))
    client.start()
    qtbot.waitUntil(lambda: hung.node == "a", timeout=10_000)
    queue.cancel(hung)
    assert hung.words == "stopping …"
    qtbot.waitUntil(lambda: hung.over, timeout=10_000)
    assert hung.status == "cancelled"
    qtbot.waitUntil(lambda: after.status == "done", timeout=10_000)


def test_killed_between_runs_nothing_is_lost(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    client.start()
    first = queue.add(job("first"))
    qtbot.waitUntil(lambda: first.over, timeout=10_000)
    os.kill(client.pid, signal.SIGKILL)
    second = queue.add(job("second"))
    qtbot.waitUntil(lambda: second.over, timeout=10_000)
    third = queue.add(job("third"))
    qtbot.waitUntil(lambda: third.status == "done", timeout=10_000)
    assert first.status == "done"


def test_while_the_engine_cannot_start_jobs_wait(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    client.command = (sys.executable, str(FAKE), "exit_at_start")
    words: list[str] = []
    queue.message.connect(words.append)
    waiting = queue.add(job())
    client.start()
    qtbot.waitUntil(lambda: client.state == "failed", timeout=20_000)
    assert waiting.status == "waiting"
    assert len(words) == 3
    client.restart((sys.executable, str(FAKE), "good"))
    qtbot.waitUntil(lambda: waiting.status == "done", timeout=10_000)


def test_cancelling_all(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    client.command = (sys.executable, str(FAKE), "hang")
    client.silence = 0.3
    jobs = [queue.add(job(str(n))) for n in range(5)]
    client.start()
    qtbot.waitUntil(lambda: queue.running is not None, timeout=10_000)
    with qtbot.waitSignal(queue.idle, timeout=10_000):
        queue.cancel_all()
    assert {j.status for j in jobs} == {"cancelled"}


def test_stopping_the_client_ends_the_run(
    queue: RunQueue, client: EngineClient, qtbot: QtBot
) -> None:
    client.command = (sys.executable, str(FAKE), "hang")
    running, waiting = queue.add(job("a")), queue.add(job("b"))
    client.start()
    qtbot.waitUntil(lambda: running.node == "a", timeout=10_000)
    client.stop()
    assert running.status == "cancelled"
    assert waiting.status == "waiting"


def test_old_jobs_fall_away(queue: RunQueue) -> None:
    for number in range(KEPT + 20):
        queue.cancel(queue.add(job(str(number))))
    assert len(queue.jobs) == KEPT
    assert titles(queue)[-1] == str(KEPT + 19)


def test_words_of_a_job_that_runs() -> None:
    running = job()
    assert running.words == "waiting"
    running.status = "running"
    assert running.words == "starting …"
    running.follow({"event": "run_started", "nodes": ["a", "b", "c", "d"]}, 0.0)
    running.follow({"event": "node_started", "node": "a"}, 0.0)
    assert running.words == "a · node 1 of 4"
    running.follow({"event": "node_finished", "node": "a"}, 0.0)
    running.follow({"event": "node_started", "node": "b"}, 0.0)
    for step in range(1, 13):
        running.follow({"event": "node_progress", "node": "b", "step": step, "of": 20}, step * 0.04)
    assert running.words == "12 of 20 steps · 0.32 s left"
    assert running.progress == pytest.approx((1 + 12 / 20) / 4)
