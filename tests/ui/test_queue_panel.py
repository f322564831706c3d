"""The queue and the log as panels, with real events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from ui.engine.client import EngineClient
from ui.engine.job import Job
from ui.engine.queue import RunQueue
from ui.panels.log import LINES, LogPanel
from ui.panels.queue import QueuePanel
from ui.panels.queue_model import JOB, MIME
from ui.panels.queue_row import button_spot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot


@pytest.fixture
def queue(qapp: object) -> Iterator[RunQueue]:
    """A queue whose engine never starts: jobs stay as they are put."""
    client = EngineClient(warm=False)
    made = RunQueue(client)
    yield made
    made.deleteLater()
    client.deleteLater()


@pytest.fixture
def panel(queue: RunQueue, qtbot: QtBot) -> QueuePanel:
    made = QueuePanel(queue)
    qtbot.addWidget(made)
    made.resize(300, 500)
    with qtbot.waitExposed(made):
        made.show()
    return made


def job(title: str) -> Job:
    return Job(title, json.dumps({"nodes": {}}))


def shown(panel: QueuePanel) -> list[str]:
    return [panel.model.index(row).data() for row in range(panel.model.rowCount())]


def choose(panel: QueuePanel, wanted: Job) -> None:
    index = panel.model.index(panel.model.row_of(wanted))
    where = panel.list.visualRect(index).center()
    QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert panel.selected() is wanted


def test_it_says_what_to_do_and_then_shows_the_jobs(panel: QueuePanel, queue: RunQueue) -> None:
    assert panel.empty.isVisible()
    assert panel.words.text() == "idle"
    assert not panel.stop.isEnabled()
    a, b = queue.add(job("a")), queue.add(job("b"))
    assert panel.list.isVisible()
    assert shown(panel) == ["a", "b"]
    assert panel.words.text() == "2 waiting"
    queue.cancel(a)
    assert shown(panel) == ["b", "a"], "what is over stands below"
    assert panel.model.index(1).data(Qt.ItemDataRole.AccessibleTextRole) == "a, cancelled"
    assert panel.clear.isEnabled()
    QTest.mouseClick(panel.clear, Qt.MouseButton.LeftButton)
    assert queue.jobs == (b,)
    QTest.mouseClick(panel.pause, Qt.MouseButton.LeftButton)
    assert queue.paused
    assert panel.words.text() == "1 waiting · paused"
    QTest.mouseClick(panel.pause, Qt.MouseButton.LeftButton)
    assert not queue.paused
    QTest.mouseClick(panel.stop, Qt.MouseButton.LeftButton)
    assert b.status == "cancelled"


def test_keys_move_and_take_out(panel: QueuePanel, queue: RunQueue) -> None:
    a, b, c = (queue.add(job(title)) for title in "abc")
    choose(panel, c)
    alt = Qt.KeyboardModifier.AltModifier
    QTest.keyClick(panel.list, Qt.Key.Key_Up, alt)
    assert shown(panel) == ["a", "c", "b"]
    assert panel.selected() is c, "it stays chosen where it goes"
    QTest.keyClick(panel.list, Qt.Key.Key_Down, alt)
    QTest.keyClick(panel.list, Qt.Key.Key_Down, alt)
    assert shown(panel) == ["a", "b", "c"]
    choose(panel, b)
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert b.status == "cancelled"
    assert shown(panel) == ["a", "c", "b"]
    assert panel.selected() is c, "the next is chosen"
    choose(panel, b)
    QTest.keyClick(panel.list, Qt.Key.Key_Delete)
    assert b not in queue.jobs
    assert a in queue.jobs


def test_the_button_of_a_row(panel: QueuePanel, queue: RunQueue) -> None:
    a = queue.add(job("a"))
    queue.add(job("b"))

    def press(row: int) -> None:
        spot = button_spot(panel.list.visualRect(panel.model.index(row))).center()
        QTest.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=spot)

    press(0)
    assert a.status == "cancelled"
    assert shown(panel) == ["b", "a"]
    press(1)
    assert shown(panel) == ["b", "a", "a"], "run again"
    assert [j.title for j in queue.waiting] == ["b", "a"]


def test_dragging_changes_the_order(panel: QueuePanel, queue: RunQueue) -> None:
    a, b, c = (queue.add(job(title)) for title in "abc")
    model = panel.model

    def drop(dragged: Job, row: int) -> None:
        data = model.mimeData([model.index(model.row_of(dragged))])
        move, root = Qt.DropAction.MoveAction, model.index(-1)
        assert model.canDropMimeData(data, move, row, 0, root)
        model.dropMimeData(data, move, row, 0, root)

    drop(c, 0)
    assert queue.waiting == [c, a, b]
    drop(c, 3)
    assert queue.waiting == [a, b, c]
    drop(a, 2)
    assert queue.waiting == [b, a, c]
    drop(b, -1)
    assert queue.waiting == [a, c, b]
    queue.cancel(a)
    assert not model.flags(model.index(model.row_of(a))) & Qt.ItemFlag.ItemIsDragEnabled
    stray = QMimeData()
    stray.setData(MIME, b"no job")
    assert not model.dropMimeData(stray, Qt.DropAction.MoveAction, 0, 0, model.index(-1))


def test_the_menu_of_each_kind_of_job(panel: QueuePanel, queue: RunQueue, qtbot: QtBot) -> None:
    a, b = queue.add(job("a")), queue.add(job("b"))

    def words(of: Job) -> list[str]:
        return [action.text().partition("\t")[0] for action in panel.menu_for(of).actions()
                if action.text() and action.isEnabled()]  # fmt: skip

    assert words(a) == ["Move down", "Take out", "Open the graph as it ran"]
    assert words(b) == ["Run next", "Move up", "Take out", "Open the graph as it ran"]
    b.status, b.error, b.lines, b.outputs = "failed", "It broke.", ["last line"], [Path("x.png")]
    assert words(b) == [
        "Run again", "Remove from the list", "See its pictures", "Open the graph as it ran",
        "Copy the error",
    ]  # fmt: skip
    actions = {action.text(): action for action in panel.menu_for(b).actions()}
    actions["Copy the error"].trigger()
    assert QGuiApplication.clipboard().text() == "It broke.\nlast line"
    with qtbot.waitSignal(panel.view_requested):
        actions["See its pictures"].trigger()
    with qtbot.waitSignal(panel.open_graph):
        actions["Open the graph as it ran"].trigger()
    queue.job_changed.emit(b)
    with qtbot.waitSignal(panel.view_requested):
        choose(panel, b)
        QTest.keyClick(panel.list, Qt.Key.Key_Return)


def test_trouble_with_the_engine_is_said_with_a_way_out(
    panel: QueuePanel, queue: RunQueue, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not panel.trouble.isVisible()
    queue.client.command = ("/nowhere/python",)
    queue.client.start()
    qtbot.waitUntil(lambda: queue.client.state == "failed", timeout=10_000)
    assert panel.trouble.isVisible()
    assert "/nowhere/python" in panel.trouble.words.text()
    tried: list[int] = []
    monkeypatch.setattr(EngineClient, "restart", lambda self: tried.append(1))
    QTest.mouseClick(panel.trouble.button, Qt.MouseButton.LeftButton)
    assert tried == [1]


def test_every_kind_of_row_is_painted(panel: QueuePanel, queue: RunQueue) -> None:
    jobs = [queue.add(job(title)) for title in "abcde"]
    statuses = ("running", "waiting", "done", "failed", "cancelled")
    for one, status in zip(jobs, statuses, strict=True):
        one.status = status  # type: ignore[assignment]
    jobs[0].total, jobs[0].step, jobs[0].of = 2, 1, 4
    panel.list.setCurrentIndex(panel.model.index(1))
    image = panel.grab().toImage()
    assert not image.isNull()
    for row in range(5):
        rect = panel.list.visualRect(panel.model.index(row))
        top = panel.list.viewport().mapTo(panel, rect.topLeft())
        colours = {image.pixel(top + QPoint(x, 19)) for x in range(60, 120)}
        assert len(colours) > 2, "there is text"


def test_rows_know_their_jobs(panel: QueuePanel, queue: RunQueue) -> None:
    a = queue.add(job("a"))
    assert panel.model.index(0).data(JOB) is a
    assert panel.model.row_of(job("other")) == -1


def test_the_log_shows_lines_as_they_come(qtbot: QtBot) -> None:
    client = EngineClient(warm=False)
    client.log.append("before the panel was there")
    panel = LogPanel(client)
    qtbot.addWidget(panel)
    panel.resize(400, 200)
    panel.show()
    assert panel.text.toPlainText() == "before the panel was there"
    assert panel.state.text() == "Engine stopped"
    for number in range(3 * LINES):
        client.log_line.emit(f"line {number}")
    assert panel.text.blockCount() == 1, "they are added together"
    qtbot.waitUntil(lambda: panel.text.toPlainText().endswith(f"line {3 * LINES - 1}"))
    assert panel.text.blockCount() <= LINES
    bar = panel.text.verticalScrollBar()
    assert bar.value() == bar.maximum(), "the end is in sight"
    bar.setValue(10)
    client.log_line.emit("one more")
    panel.copy_all()
    assert QGuiApplication.clipboard().text().endswith("one more")
    assert bar.value() < bar.maximum(), "who reads above isn't disturbed"
    panel.clear_view()
    assert panel.text.toPlainText() == ""
    client.deleteLater()


def test_the_log_tells_the_state_of_the_engine(qtbot: QtBot) -> None:
    client = EngineClient(("/nowhere/python",), warm=False)
    panel = LogPanel(client)
    qtbot.addWidget(panel)
    client.start()
    qtbot.waitUntil(lambda: panel.state.text() == "Engine can't be started", timeout=10_000)
    qtbot.waitUntil(lambda: "didn't start" in panel.text.toPlainText())
    client.deleteLater()
