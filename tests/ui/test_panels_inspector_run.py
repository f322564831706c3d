"""What the inspector says of runs and results, and how it writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from events import click
from panels_kit import node_page, shown_inspector
from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication

from ui.engine.states import NodeState
from ui.panels.boxes import Section
from ui.panels.facts import Facts
from ui.panels.inspector_run import pending_rows, result_rows, run_rows

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from ui.editor.editor import GraphEditor
    from ui.panels.inspector import Inspector
    from ui.panels.inspector_node import NodePage


@pytest.fixture
def inspector(qtbot: QtBot, editor: GraphEditor) -> Inspector:
    made = shown_inspector(editor)
    qtbot.addWidget(made)
    return made


# The run


def test_this_run(inspector: Inspector, editor: GraphEditor, qtbot: QtBot) -> None:
    page = node_page(inspector, "sampler")
    for event in (
        {"event": "run_started", "nodes": ["sampler"]},
        *({"event": "node_cached", "node": name, "tier": "memory"}
          for name in ("checkpoint", "positive", "negative")),
        {"event": "node_started", "node": "sampler"},
        {"event": "node_progress", "node": "sampler", "step": 12, "of": 20},
    ):  # fmt: skip
        editor.states.apply_event(event)
    qtbot.waitUntil(lambda: dict(page.run.facts.rows())["state"] == "running")
    rows = dict(page.run.facts.rows())
    assert "step 12 of 20" in rows
    assert rows["cached upstream"] == "3 of 4 nodes"
    editor.states.apply_event({"event": "node_failed", "node": "sampler", "message": "No room."})
    qtbot.waitUntil(lambda: page.run.error.text() == "No room.")
    assert page.run.error.isVisibleTo(page)


def test_the_rows_of_a_run() -> None:
    state = NodeState(
        "will_run", reason="seed 41 to 42", step=3, of=20, rate=41.0, seconds=2.5, loading=2.0,
        tier="disk", memory=212_000_000, peak=236_000_000,
    )  # fmt: skip
    assert run_rows(state, (4, 4), {}) == [
        ("state", "will run"),
        ("step 3 of 20", "24 ms a step"),
        ("last run", "2.5 s, 2.0 s of it loading"),
        ("runs because", "seed 41 to 42"),
        ("result", "on disk"),
        ("cached upstream", "4 of 4 nodes"),
        ("memory", "212.0 MB, peak 236.0 MB"),
    ]
    assert run_rows(NodeState(), (0, 0), {}) == [("state", "not planned yet")]
    assert run_rows(NodeState(step=1, of=2, rate=0.4), (0, 1), {"used": 5e6, "peak": 6e6}) == [
        ("state", "not planned yet"), ("step 1 of 2", "2.5 s a step"),
        ("cached upstream", "0 of 1 node"), ("memory", "5.0 MB, peak 6.0 MB"),
    ]  # fmt: skip
    # What isn't needed has no use for what is above it.
    assert run_rows(NodeState("unused"), (0, 4), {}) == [("state", "not needed now")]


def test_how_many_nodes_a_run_would_compute() -> None:
    states = [NodeState(status) for status in ("cached", "will_run", "never", "unused")]
    assert pending_rows(states) == [("will run", "2 of 4 nodes")]
    assert pending_rows([NodeState(), NodeState()]) == []


class Client(QObject):
    """What the inspector needs of the engine's client."""

    received = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.is_ready = True
        self.memory: dict[str, int] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def inspect(self, graph: str, node: str, **place: Any) -> str:
        self.asked.append((node, place))
        return f"inspect-{len(self.asked)}"


LATENT = {"type": "Latent", "value": None, "tensors": [
    {"shape": [1, 4, 16, 16], "dtype": "float32", "bytes": 4096,
     "min": -3.25, "max": 3.5, "mean": 0.015}]}  # fmt: skip


def opened(page: NodePage, title: str) -> Section:
    section = next(s for s in page.findChildren(Section) if s.head.text() == title)
    if not section.open:
        click(section.head, section.head.rect().center())
    return section


def test_results_are_asked_for_when_someone_looks(
    inspector: Inspector, editor: GraphEditor, qtbot: QtBot
) -> None:
    client = Client()
    editor.client = client  # type: ignore[assignment]
    page = node_page(inspector, "sampler")
    assert client.asked == []
    opened(page, "Results")
    qtbot.waitUntil(lambda: len(client.asked) == 1)
    assert client.asked[0][0] == "sampler"
    assert client.asked[0][1]["only"] == ["sampler"]
    answer = {"event": "inspected", "id": "other", "outputs": {"latent": LATENT}}
    client.received.emit(answer)
    assert page.results.facts.rows() == []
    client.received.emit({**answer, "id": "inspect-1"})
    assert page.results.facts.rows() == result_rows({"latent": LATENT})
    # A run that ends asks again.
    editor.states.apply_event({"event": "node_finished", "node": "sampler", "seconds": 1.0})
    qtbot.waitUntil(lambda: len(client.asked) == 2)
    client.received.emit({"event": "inspected", "id": "inspect-2", "outputs": None})
    assert "no result yet" in page.results.words.text()


def test_an_engine_that_refuses_or_is_away_is_told(
    inspector: Inspector, editor: GraphEditor, qtbot: QtBot
) -> None:
    page = node_page(inspector, "sampler")
    opened(page, "Results")
    qtbot.waitUntil(lambda: page.results.words.text() == "The engine isn't ready.")
    client = Client()
    editor.client = client  # type: ignore[assignment]
    page = node_page(inspector, "positive")
    opened(page, "Results")
    qtbot.waitUntil(lambda: len(client.asked) == 1)
    client.received.emit({"event": "rejected", "id": "inspect-1", "message": "no model"})
    assert page.results.words.text() == "no model"


def test_the_rows_of_results() -> None:
    assert result_rows({"latent": LATENT}) == [
        ("latent", "Latent\n1 \u00d7 4 \u00d7 16 \u00d7 16 · float32 · 4.1 kB\n"
                   "-3.25 to 3.5, mean 0.015")
    ]  # fmt: skip
    assert result_rows({"value": {"type": "int", "value": 7, "tensors": []}}) == [("value", "7")]
    scalar = {"type": "Mask", "tensors": [{"shape": [], "dtype": "bool", "bytes": 1}]}
    assert result_rows({"m": scalar}) == [("m", "Mask\none number · bool · 1 B")]


def test_memory_of_the_engine_stands_in_for_the_node_s(
    inspector: Inspector, editor: GraphEditor
) -> None:
    client = Client()
    client.memory = {"used": 10_000_000, "peak": 20_000_000}
    editor.client = client  # type: ignore[assignment]
    page = node_page(inspector, "sampler")
    assert dict(page.run.facts.rows())["memory"] == "10.0 MB, peak 20.0 MB"


# Facts


def test_long_values_are_broken_over_lines_and_can_be_copied(qtbot: QtBot) -> None:
    facts = Facts()
    qtbot.addWidget(facts)
    facts.set_rows([("short", "1"), ("file", "/a/very/long/path" * 12), ("two", "one\ntwo")])
    narrow, wide = facts.heightForWidth(160), facts.heightForWidth(2000)
    assert narrow > wide
    facts.resize(160, narrow)
    facts.show()
    facts.grab()
    facts.menu(1).actions()[0].trigger()
    assert QApplication.clipboard().text() == "/a/very/long/path" * 12
    facts.menu(0).actions()[1].trigger()
    assert QApplication.clipboard().text() == facts.text()
    spot = QPoint(20, narrow - 4)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, facts.mapToGlobal(spot))
    QApplication.sendEvent(facts, event)
    menu = QApplication.activePopupWidget()
    assert menu is not None
    assert menu.actions()[0].text() == "Copy two"
    menu.close()
    assert "file: /a/very" in facts.accessibleDescription()
    facts.set_rows([])
    assert facts.heightForWidth(160) == 0
