"""Work off the GUI thread: who hears of its end, and on which thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QObject

from studio.errors import StudioError
from ui.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


@pytest.fixture
def jobs(qtbot: QtBot) -> Iterator[Jobs]:
    made = Jobs(1)
    yield made
    made.close()


def test_the_result_arrives_on_the_gui_thread(qtbot: QtBot, jobs: Jobs) -> None:
    told: list[tuple[threading.Thread, threading.Thread]] = []
    jobs.run(
        threading.current_thread,
        lambda worker: told.append((worker, threading.current_thread())),
        pytest.fail,
    )
    assert jobs.waiting == 1
    qtbot.waitUntil(lambda: not jobs.waiting)
    ((worker, here),) = told
    assert here is threading.main_thread() is not worker


@pytest.mark.parametrize("error", [StudioError("no such thing"), OSError("disk full")])
def test_errors_for_people_go_to_failed(
    qtbot: QtBot, jobs: Jobs, error: StudioError | OSError
) -> None:
    def work() -> None:
        raise error

    told: list[Exception] = []
    jobs.run(work, pytest.fail, told.append)
    qtbot.waitUntil(lambda: not jobs.waiting)
    assert told == [error]


def test_a_fault_of_ours_is_raised_here(qtbot: QtBot, jobs: Jobs) -> None:
    with qtbot.capture_exceptions() as caught:
        told: list[Exception] = []
        jobs.run(lambda: {}["nothing"], pytest.fail, told.append)
        qtbot.waitUntil(lambda: not jobs.waiting)
    assert [kind for kind, _, _ in caught] == [KeyError]
    # Whoever waits for the work hears that it failed, too.
    assert "Something went wrong in the program: 'nothing'" in str(told[0])


def test_a_cancelled_job_runs_and_tells_nobody(qtbot: QtBot, jobs: Jobs) -> None:
    ran = threading.Event()
    jobs.run(ran.set, pytest.fail, pytest.fail).cancel()
    qtbot.waitUntil(lambda: not jobs.waiting)
    assert ran.is_set()


def test_closed_it_waits_for_what_runs_and_runs_no_more(qtbot: QtBot) -> None:
    jobs, go, ran = Jobs(1), threading.Event(), []

    def work() -> None:
        go.wait(10)
        ran.append(1)

    jobs.run(work, pytest.fail, pytest.fail)
    threading.Timer(0.05, go.set).start()
    jobs.close()
    assert ran == [1]
    assert jobs.run(lambda: ran.append(2), pytest.fail, pytest.fail).cancelled
    qtbot.wait(20)
    assert ran == [1]


@pytest.mark.parametrize(("drop", "done"), [(True, [0]), (False, [0, 1, 2])])
def test_what_waits_at_the_end_is_done_unless_it_may_be_dropped(
    qtbot: QtBot, drop: bool, done: list[int]
) -> None:
    owner = QObject()
    jobs = Jobs(1, owner, drop=drop)
    begun, go, ran = threading.Event(), threading.Event(), []

    def work(number: int) -> None:
        begun.set()
        go.wait(10)
        ran.append(number)

    for number in range(3):
        jobs.run(lambda number=number: work(number), pytest.fail, pytest.fail)
    assert begun.wait(10)
    threading.Timer(0.05, go.set).start()
    owner.deleteLater()
    qtbot.waitUntil(lambda: ran == done)
    qtbot.wait(20)
    assert ran == done
