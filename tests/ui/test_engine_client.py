"""The engine client with real child processes: those that behave, and those that don't."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ui.engine.client import EngineClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

FAKE = Path(__file__).with_name("fake_worker.py")
Make = Callable[..., "tuple[EngineClient, Heard]"]
GRAPH = '{"format": "latent-studio", "version": 1, "nodes": {}}'


class Heard:
    """All that a client said."""

    def __init__(self, client: EngineClient) -> None:
        self.events: list[dict[str, Any]] = []
        self.deaths: list[tuple[str, list[str]]] = []
        self.states: list[str] = []
        self.log: list[str] = []
        client.received.connect(self.events.append)
        client.died.connect(lambda words, lines: self.deaths.append((words, lines)))
        client.state_changed.connect(self.states.append)
        client.log_line.connect(self.log.append)

    def kinds(self) -> list[str]:
        return [event["event"] for event in self.events]


@pytest.fixture
def make(qtbot: QtBot) -> Iterator[Callable[..., tuple[EngineClient, Heard]]]:
    made: list[EngineClient] = []
    before = set(psutil.Process().children(recursive=True))

    def make(mode: str, **options: Any) -> tuple[EngineClient, Heard]:
        client = EngineClient((sys.executable, str(FAKE), mode), warm=False, **options)
        made.append(client)
        return client, Heard(client)

    yield make
    for client in made:
        client.stop()
        client.deleteLater()
    assert before >= set(psutil.Process().children(recursive=True)), "a worker is left"




def test_start_run_and_stop(make: Make, qtbot: QtBot) -> None:
    client, heard = make("good")
    assert client.submit(GRAPH) == "", "nobody is there yet"
    client.start()
    client.start()
    assert heard.states == ["starting"]
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    assert client.words == "Engine ready · cpu · float32"
    assert client.pid == client.about["pid"]
    run = client.submit(GRAPH, run="mine", base=Path("/x"), only=("a",))
    assert run == "mine"
    qtbot.waitUntil(lambda: "run_finished" in heard.kinds(), timeout=10_000)
    plan = client.plan(GRAPH)
    qtbot.waitUntil(lambda: heard.kinds()[-1] == "plan", timeout=10_000)
    assert heard.events[-1]["id"] == plan
    pid = client.pid
    client.stop()
    assert client.state == "stopped"
    assert not psutil.pid_exists(pid)
    assert heard.deaths == [], "to be stopped is no death"


def test_rubbish_on_stdout_is_logged_and_not_fatal(make: Make, qtbot: QtBot) -> None:
    client, heard = make("rubbish")
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    assert any("Loading weights..." in line for line in heard.log)
    assert any("{not json}" in line for line in heard.log)
    assert any("[1, 2]" in line for line in heard.log)
    client.submit(GRAPH)
    qtbot.waitUntil(lambda: "run_finished" in heard.kinds(), timeout=10_000)
    assert heard.deaths == []


def test_a_flood_of_rubbish_never_holds_the_window_up(make: Make, qtbot: QtBot) -> None:
    from PySide6.QtCore import QTimer

    client, heard = make("flood")
    beats: list[float] = []
    timer = QTimer()
    timer.setInterval(1)
    timer.timeout.connect(lambda: beats.append(time.thread_time()))
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    timer.start()
    client.plan(GRAPH)
    qtbot.waitUntil(lambda: "plan" in heard.kinds(), timeout=60_000)
    timer.stop()
    # Of the processor's time: other processes may keep this one waiting.
    assert max(b - a for a, b in itertools.pairwise(beats)) < 0.1
    assert len(client.log) <= 2000


def test_killed_while_idle_it_is_started_again(make: Make, qtbot: QtBot) -> None:
    client, heard = make("good")
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    first = client.pid
    os.kill(first, signal.SIGKILL)
    qtbot.waitUntil(lambda: len(heard.deaths) == 1, timeout=10_000)
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    assert client.pid != first
    words, _ = heard.deaths[0]
    assert words.startswith("The engine died: it was killed")
    assert words.endswith("It is started again.")


def test_a_crash_in_a_run_tells_the_signal_and_the_last_lines(make: Make, qtbot: QtBot) -> None:
    client, heard = make("die_on_submit")
    client.start()
    # Runs that kill it don't count: the queue goes on however many there are.
    for number in range(1, 6):
        qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
        client.submit(GRAPH)
        qtbot.waitUntil(lambda number=number: len(heard.deaths) == number, timeout=10_000)
    words, lines = heard.deaths[-1]
    assert "segmentation fault" in words
    assert "about to crash" in lines
    assert any("Fatal Python error: Segmentation fault" in line for line in lines)
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("exit_at_start", "The device \"warp\" can't be used."),
        ("bad_import", "No module named 'a_package_that_is_not_there'"),
    ],
)
def test_one_that_dies_at_start_is_tried_three_times(
    make: Make, qtbot: QtBot, mode: str, cause: str
) -> None:
    client, heard = make(mode)
    client.start()
    qtbot.waitUntil(lambda: client.state == "failed", timeout=20_000)
    assert len(heard.deaths) == 3
    words, lines = heard.deaths[-1]
    assert words.startswith("The engine didn't start: ")
    assert cause in words
    assert words.endswith("It isn't started again by itself.")
    assert any(cause in line for line in lines)
    assert client.words == "Engine can't be started"
    assert client.plan(GRAPH) == ""
    # Asked for, it is tried again; with a command that works it works.
    client.restart((sys.executable, str(FAKE), "good"))
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)


def test_a_program_that_is_not_there(qtbot: QtBot) -> None:
    client = EngineClient(("/nowhere/python", "main.py"), warm=False)
    heard = Heard(client)
    client.start()
    qtbot.waitUntil(lambda: client.state == "failed", timeout=10_000)
    assert len(heard.deaths) == 1
    assert "/nowhere/python" in heard.deaths[0][0]
    client.stop()
    client.deleteLater()


def test_one_that_never_says_that_it_is_ready(make: Make, qtbot: QtBot) -> None:
    client, heard = make("slow_start")
    client.starting = 0.3
    client.start()
    qtbot.waitUntil(lambda: bool(heard.deaths), timeout=10_000)
    assert "said nothing for 0.3 s" in heard.deaths[0][0]
    assert client.state == "starting"


def test_one_that_hangs_is_killed_when_asked_to_stop(make: Make, qtbot: QtBot) -> None:
    client, heard = make("hang")
    client.silence = 0.5
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    first = client.pid
    run = client.submit(GRAPH)
    qtbot.waitUntil(lambda: "node_started" in heard.kinds(), timeout=10_000)
    qtbot.wait(800)
    assert heard.deaths == [], "silence alone is no fault: a step may take a minute"
    client.cancel(run)
    start = time.monotonic()
    qtbot.waitUntil(lambda: bool(heard.deaths), timeout=10_000)
    assert time.monotonic() - start < 2
    assert "silent for 0.5 s" in heard.deaths[0][0]
    qtbot.waitUntil(lambda: client.is_ready and client.pid != first, timeout=10_000)
    qtbot.waitUntil(lambda: not psutil.pid_exists(first), timeout=10_000)


def test_one_that_is_stopped_by_a_signal_is_killed_too(make: Make, qtbot: QtBot) -> None:
    client, heard = make("good")
    client.silence = 0.5
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    os.kill(client.pid, signal.SIGSTOP)
    client.cancel(client.submit(GRAPH))
    qtbot.waitUntil(lambda: bool(heard.deaths), timeout=10_000)
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)


def test_restart_loses_the_run_and_says_so(make: Make, qtbot: QtBot) -> None:
    client, heard = make("hang")
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)
    client.submit(GRAPH)
    start = time.monotonic()
    client.restart()
    assert time.monotonic() - start < 0.5, "the window doesn't wait"
    assert heard.deaths[0][0] == "The engine was started anew, as you asked."
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)


def test_stopped_in_the_middle_of_everything(make: Make, qtbot: QtBot) -> None:
    for mode in ("good", "flood", "exit_at_start", "slow_start"):
        client, _ = make(mode)
        client.ready.connect(client.stop)
        client.died.connect(client.stop)
        client.start()
        qtbot.wait(50)
        if mode != "slow_start":
            qtbot.waitUntil(lambda client=client: client.state == "stopped", timeout=10_000)
