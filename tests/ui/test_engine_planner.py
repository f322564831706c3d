"""Plans of the tab in front: asked for after edits, never in anyone's way."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QTimer

from studio.editing.changes import Change
from studio.graph.document import Graph, Node
from studio.graph.files import load
from studio.session import locate
from ui.editor.editor import GraphEditor
from ui.engine.catalogue import ModelCatalogue, ModelEntry
from ui.engine.client import EngineClient
from ui.engine.command import default_command
from ui.engine.planner import Planner, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry

FAKE = Path(__file__).with_name("fake_worker.py")


class Editor(GraphEditor):
    """An editor whose parameters are quick to set."""

    def set(self, name: str, /, **params: Any) -> None:
        old = self.document.nodes[name]
        new = old.model_copy(update={"params": {**old.params, **params}})
        self.document.apply([Change("nodes", name, old, new)])


@pytest.fixture
def client(qtbot: QtBot) -> Iterator[EngineClient]:
    command = (*default_command(), "--device", "cpu", "--dtype", "float32")
    made = EngineClient(command, warm=False)
    yield made
    made.stop()
    made.deleteLater()


@pytest.fixture
def editor(registry: Registry) -> Iterator[Editor]:
    path = locate(Path("text_to_image"))
    made = Editor(load(path), registry, path)
    yield made
    made.deleteLater()


@pytest.fixture
def planner(client: EngineClient) -> Iterator[Planner]:
    made = Planner(client)
    yield made
    made.set_editor(None)
    made.deleteLater()


def asked(client: EngineClient) -> list[str]:
    """Ids of the plans that came."""
    found: list[str] = []
    client.received.connect(
        lambda event: found.append(event["id"]) if event["event"] == "plan" else None
    )
    return found


def test_plans_and_faults_follow_the_edits(
    client: EngineClient, planner: Planner, editor: Editor, qtbot: QtBot
) -> None:
    told: list[tuple[Any, ...]] = []
    planner.faults_changed.connect(lambda editor, faults: told.append((editor, faults)))
    planner.set_editor(editor)
    client.start()
    qtbot.waitUntil(lambda: editor.states.get("sampler").status == "never", timeout=30_000)
    assert planner.faults == ()

    editor.set("sampler", steps=0)
    qtbot.waitUntil(lambda: bool(planner.faults), timeout=10_000)
    fault = planner.faults[0]
    assert (fault.node, fault.port, fault.blocking) == ("sampler", "steps", True)
    assert told[-1] == (editor, planner.faults)
    assert editor.states.get("sampler").status == "unknown"
    assert "steps is 0" in editor.states.get("sampler").reason

    editor.set("sampler", steps=3)
    qtbot.waitUntil(lambda: not planner.faults, timeout=10_000)
    assert editor.states.get("sampler").status == "never"

    # A worker that died is asked again when the next one is there.
    editor.states.clear()
    client.restart()
    qtbot.waitUntil(lambda: editor.states.get("sampler").status == "never", timeout=30_000)


def test_a_plan_after_a_run_says_cached(
    client: EngineClient, planner: Planner, qtbot: QtBot, registry: Registry, tmp_path: Path
) -> None:
    nodes = {
        "solid": Node(type="SolidImage", params={"width": 8, "height": 8}),
        "turned": Node(type="InvertImage", inputs={"image": "solid"}),
        "save": Node(type="SaveImage", inputs={"image": "turned"}),
        "alone": Node(type="SolidImage"),
    }
    editor = Editor(Graph(nodes=nodes), registry, tmp_path / "g.json")
    planner.set_editor(editor)
    client.start()
    qtbot.waitUntil(lambda: editor.states.get("save").status == "never", timeout=30_000)
    assert editor.states.get("alone").status == "unused"
    client.submit(editor.text.whole(editor.document.graph()), **place_of(editor))
    qtbot.waitUntil(lambda: editor.states.get("save").status == "saved", timeout=60_000)
    assert len(editor.states.files("save")) == 1
    qtbot.waitUntil(lambda: editor.states.preview("save") is not None, timeout=10_000)
    editor.set("save", name="other")
    qtbot.waitUntil(lambda: editor.states.get("save").status == "will_run", timeout=10_000)
    assert editor.states.get("save").words == 'will run · name "{graph}_{counter}" → "other"'
    editor.deleteLater()


def test_the_plan_of_a_big_graph_is_put_together(
    client: EngineClient, planner: Planner, qtbot: QtBot, registry: Registry, tmp_path: Path
) -> None:
    nodes = {f"n{i}": Node(type="SolidImage", params={"width": 8 + 8 * (i // 2)}) if i % 2 == 0
             else Node(type="SaveImage", inputs={"image": f"n{i - 1}"}) for i in range(900)}
    nodes["alone"] = Node(type="SolidImage")  # fmt: skip
    editor = Editor(Graph.model_construct(nodes=nodes), registry, tmp_path / "g.json")
    planner.set_editor(editor)
    client.start()
    with qtbot.waitSignal(planner.planned, timeout=60_000):
        pass
    found = {name: editor.states.get(name).status for name in nodes}
    assert found.pop("alone") == "unused"
    assert set(found.values()) == {"never"}
    editor.deleteLater()


def fake(qtbot: QtBot, client: EngineClient) -> None:
    client.command = (sys.executable, str(FAKE), "good")
    client.start()
    qtbot.waitUntil(lambda: client.is_ready, timeout=10_000)


def test_edits_in_a_row_ask_once_and_moves_not_at_all(
    client: EngineClient, planner: Planner, editor: Editor, qtbot: QtBot
) -> None:
    fake(qtbot, client)
    plans = asked(client)
    planner.set_editor(editor)
    qtbot.waitUntil(lambda: len(plans) == 1, timeout=10_000)
    for seed in range(10):
        editor.set("sampler", seed=seed)
    assert planner.busy
    qtbot.waitUntil(lambda: not planner.busy, timeout=10_000)
    assert len(plans) == 2
    editor.document.apply([Change("layout", "sampler", (560.0, 0.0), (1.0, 1.0))])
    assert not planner.busy


def test_a_long_scrub_is_planned_while_it_lasts(
    client: EngineClient, planner: Planner, editor: Editor, qtbot: QtBot
) -> None:
    fake(qtbot, client)
    planner.set_editor(editor)
    plans = asked(client)
    for seed in range(100):
        editor.set("sampler", seed=seed)
        qtbot.wait(10)
    assert 2 <= len(plans) <= 8


def test_another_tab_and_closed_tabs(
    client: EngineClient, planner: Planner, editor: Editor, qtbot: QtBot, registry: Registry
) -> None:
    fake(qtbot, client)
    other = Editor(Graph(nodes={"x": Node(type="Seed")}), registry)
    planner.set_editor(editor)
    planner.set_editor(other)
    qtbot.waitUntil(lambda: other.states.get("x").status == "never", timeout=10_000)
    assert editor.states.get("sampler").status == "unknown"
    editor.set("sampler", seed=4)
    assert not planner.busy, "the tab behind isn't looked at"
    document = other.document
    other.deleteLater()
    qtbot.wait(20)
    assert planner.editor is None
    node = document.nodes["x"]
    document.apply([Change("nodes", "x", node, node.model_copy(update={"title": "t"}))])
    assert not planner.busy


def test_the_text_of_a_big_graph_is_made_in_between(
    client: EngineClient,
    planner: Planner,
    qtbot: QtBot,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake(qtbot, client)
    monkeypatch.setattr("ui.engine.planner.SLICE", 0)  # the least that a slice can be
    nodes = {f"n{i}": Node(type="Float", params={"value": float(i)}) for i in range(1000)}
    editor = Editor(Graph.model_construct(nodes=nodes), registry)
    plans = asked(client)
    beats: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(len(plans)))
    timer.start(0)
    planner.set_editor(editor)
    qtbot.waitUntil(lambda: len(plans) == 1, timeout=30_000)
    timer.stop()
    assert beats.count(0) > 1000 / 16 / 2, "the window had its turn between the slices"
    editor.deleteLater()
    editor.deleteLater()


def test_where_a_graph_without_a_file_is(registry: Registry) -> None:
    editor = Editor(Graph(title="My graph: 1/2"), registry)
    place = place_of(editor)  # type: ignore[arg-type]
    assert place["name"] == "my_graph__1_2"
    assert place["base"] == Path.home()
    editor.base = Path("/templates")
    assert place_of(editor)["base"] == Path("/templates")  # type: ignore[arg-type]
    editor.path = Path("/some/where/graph.json")
    assert place_of(editor) == {  # type: ignore[arg-type]
        "base": Path("/some/where"), "name": "graph", "history": "/some/where/graph.json",
    }  # fmt: skip
    editor.deleteLater()


def test_the_catalogue_lists_what_graphs_can_name(
    client: EngineClient, qtbot: QtBot, home: Path
) -> None:
    folder = home / "models" / "embeddings" / "styles"
    folder.mkdir(parents=True)
    (folder / "old.pt").write_bytes(b"no model")
    catalogue = ModelCatalogue(client)
    assert catalogue.entries("checkpoints") == ()
    client.start()
    qtbot.waitUntil(lambda: client.is_ready and not catalogue.busy, timeout=30_000)
    pocket = catalogue.find("checkpoints", "pocket")
    assert pocket is not None
    assert pocket.known
    assert pocket.layout == "diffusers folder"
    assert Path(pocket.path).is_dir()
    assert pocket.words.startswith(pocket.family)
    assert pocket.family in catalogue.families("checkpoints")
    assert "loras" in catalogue.kinds
    old = catalogue.find("embeddings", "styles/old")
    assert old is not None
    assert old.fault
    assert old.words == old.fault
    assert old.in_prompt == "embedding:styles/old"
    assert catalogue.find("embeddings", "none") is None
    # New files are found when asked for; nothing is told where nothing is new.
    told: list[None] = []
    catalogue.changed.connect(lambda: told.append(None))
    catalogue.refresh()
    qtbot.waitUntil(lambda: not catalogue.busy, timeout=30_000)
    assert told == []
    (folder / "old.pt").unlink()
    catalogue.refresh()
    qtbot.waitUntil(lambda: not catalogue.busy, timeout=30_000)
    assert catalogue.entries("embeddings") == ()
    assert told
    catalogue.deleteLater()


def test_words_of_an_entry() -> None:
    entry = ModelEntry("a.safetensors", "loras", "sdxl", 6_900_000_000, dtype="fp16")
    assert entry.words == "sdxl · fp16 · 6.9 GB"
    assert entry.in_prompt == ""


def test_a_graph_that_hasnt_begun_has_no_problems(
    client: EngineClient, planner: Planner, registry: Registry, qtbot: QtBot
) -> None:
    said: list[str] = []
    client.received.connect(lambda event: said.append(event["event"]))
    empty = Editor(Graph(), registry)
    planner.set_editor(empty)
    client.start()
    qtbot.waitUntil(lambda: "rejected" in said and not planner.busy, timeout=30_000)
    assert planner.faults == ()
    planner.set_editor(None)
    empty.deleteLater()
