"""What nodes are doing, from plans and events."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QColor, QImage

from ui.engine.pictures import PictureLoader, read_scaled
from ui.engine.states import PICTURE_SIDE, UNKNOWN, NodeStates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def states(qapp: object, clock: Clock) -> Iterator[NodeStates]:
    made = NodeStates(clock=clock)
    made.told = []  # type: ignore[attr-defined]
    made.changed.connect(made.told.append)  # type: ignore[attr-defined]
    yield made
    made.deleteLater()


def step(node: str, action: str = "runs", **other: Any) -> dict[str, Any]:
    return {"node": node, "type": "T", "key": f"key of {node}", "action": action, "tier": "",
            "reason": "", "notes": [], "files": [], **other}  # fmt: skip


def started(*nodes: str) -> dict[str, Any]:
    return {"event": "run_started", "nodes": list(nodes)}


def picture(colour: str, side: int = 16) -> QImage:
    image = QImage(side, side, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    return image


def jpeg(colour: str) -> str:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture(colour).save(buffer, "JPEG")
    return base64.b64encode(data.data()).decode()


def test_nothing_is_known_at_first(states: NodeStates) -> None:
    assert states.get("a") == UNKNOWN
    assert states.preview("a") is None
    assert states.files("a") == ()


def test_a_plan_says_of_every_node_what_would_happen(states: NodeStates) -> None:
    states.set_plan(
        [
            step("a", "cached", tier="disk", reason="same inputs and parameters as before"),
            step("b", "runs", reason="seed 41 → 42", notes=["a note"]),
            step("c", "runs", reason="never ran in this graph"),
            step("d", "saved", reason="its files are there: x.png"),
            step("e", "light", reason="costs nothing, made when needed"),
            step("f", "not needed", reason="what it feeds is there already"),
        ],
        folded={"g": "reroute"},
        modes={"h": "mute", "i": "bypass"},
        names=list("abcdefghij"),
    )
    found = {name: states.get(name).status for name in "abcdefghij"}
    assert found == {
        "a": "cached", "b": "will_run", "c": "never", "d": "saved", "e": "light", "f": "cached",
        "g": "light", "h": "muted", "i": "bypassed", "j": "unused",
    }  # fmt: skip
    assert states.get("a").reason == "same inputs and parameters as before (on disk)"
    assert states.get("a").tier == "disk"
    assert states.get("f").words == "up to date"
    assert states.get("b").words == "will run · seed 41 → 42"
    assert states.get("b").reason == "seed 41 → 42; a note"
    assert states.get("c").words == "never ran"
    assert states.told == [set("abcdefghij")]  # type: ignore[attr-defined]
    states.set_plan([step("a", "cached")], names=["a"])
    assert states.get("b") == UNKNOWN, "nodes that are gone are forgotten"


def test_a_plan_may_come_in_parts(states: NodeStates) -> None:
    names = ["a", "b", "c", "gone"]
    states.set_plan([step(name, "cached") for name in names], names=names)
    states.set_plan([step("a")], more=True)
    assert states.get("a").status == "will_run"
    assert states.get("c").status == "cached", "nothing is said of it yet"
    states.set_plan([step("b")], names=["a", "b", "c"])
    assert [states.get(name).status for name in names] == [
        "will_run", "will_run", "unused", "unknown",
    ]  # fmt: skip
    # One that was broken off leaves nothing behind.
    states.set_plan([step("a")], more=True)
    states.set_faulty("faults")
    states.set_plan([step("b")], names=["a", "b", "c"])
    assert states.get("a").status == "unused"


def test_the_same_plan_twice_is_no_news(states: NodeStates) -> None:
    for _ in range(2):
        states.set_plan([step("a"), step("b", "cached")], names=["a", "b"])
    assert states.told == [{"a", "b"}]  # type: ignore[attr-defined]


def test_a_run_from_its_start_to_its_end(states: NodeStates, clock: Clock) -> None:
    states.set_plan([step("a", reason="seed 1 → 2"), step("b")], names=["a", "b"])
    states.apply_event({"event": "planned", "steps": [step("a", reason="seed 1 → 2"), step("b")]})
    states.apply_event(started("a", "b"))
    assert states.running
    assert states.get("a").words == "waiting"
    states.apply_event({"event": "node_started", "node": "a", "type": "T"})
    assert states.active == "a"
    assert states.get("a").status == "running"
    assert states.get("a").reason == "seed 1 → 2", "why it runs is told while it runs"
    for number in range(1, 4):
        clock.now += 0.5
        states.apply_event({"event": "node_progress", "node": "a", "step": number, "of": 4})
    state = states.get("a")
    assert (state.step, state.of, state.rate) == (3, 4, pytest.approx(2))
    # A plan that arrives meanwhile doesn't take away that it runs.
    states.set_plan([step("a"), step("b")], names=["a", "b"])
    assert states.get("a").status == "running"
    memory = {"device": "cpu", "used": 5, "peak": 9, "total": 10}
    states.apply_event(
        {"event": "node_finished", "node": "a", "seconds": 2.5, "loading": 1.0, "memory": memory}
    )
    state = states.get("a")
    assert (state.status, state.seconds, state.loading) == ("done", 2.5, 1.0)
    assert (state.memory, state.peak, state.of) == (5, 9, 0)
    states.apply_event({"event": "warned", "node": "b", "message": "watch out"})
    states.apply_event({"event": "node_cached", "node": "b", "tier": "memory"})
    assert (states.get("b").status, states.get("b").tier) == ("cached", "memory")
    assert states.get("b").message == "watch out"
    states.apply_event({"event": "run_finished", "status": "ok"})
    assert not states.running
    assert states.active is None
    states.set_plan([step("a", "cached"), step("b", "cached")], names=["a", "b"])
    assert states.get("a").status == "cached"
    assert states.get("a").seconds == 2.5, "its time is still told"


def test_a_run_to_some_nodes_leaves_the_others_out(states: NodeStates) -> None:
    steps = [step(name) for name in "abc"]
    states.set_plan(steps, modes={"m": "mute"}, names=["a", "b", "c", "m"])
    states.apply_event({"event": "planned", "steps": [step("a")], "needed": ["a"]})
    states.apply_event(started("a"))
    now = {name: states.get(name).status for name in "abcm"}
    assert now == {"a": "will_run", "b": "unused", "c": "unused", "m": "muted"}
    assert "run to" in states.get("b").reason
    # A plan for the whole graph, as edits meanwhile ask for one, doesn't bring them back.
    states.set_plan(steps, modes={"m": "mute"}, names=["a", "b", "c", "m"])
    assert states.get("b").status == "unused"
    states.apply_event({"event": "run_finished", "status": "ok"})
    assert states.get("b").status == "unknown"
    states.set_plan(steps, modes={"m": "mute"}, names=["a", "b", "c", "m"])
    assert states.get("b").status == "will_run"
    # A run of everything leaves nothing out.
    states.apply_event({"event": "planned", "steps": steps})
    assert states.get("b").status == "will_run"


def test_a_failure_stays_until_the_node_would_run_differently(states: NodeStates) -> None:
    states.apply_event({"event": "planned", "steps": [step("a")]})
    states.apply_event(started("a"))
    states.apply_event({"event": "node_started", "node": "a", "type": "T"})
    states.apply_event({"event": "node_failed", "node": "a", "message": "It broke.\nIn two."})
    states.apply_event({"event": "run_finished", "status": "failed", "message": "It broke."})
    assert states.get("a").status == "failed"
    assert states.get("a").words == "failed: It broke."
    assert states.get("a").reason == "It broke.\nIn two."
    states.set_plan([step("a")], names=["a"])
    assert states.get("a").status == "failed"
    states.set_faulty("the graph has faults")
    assert states.get("a").status == "failed"
    states.set_plan([{**step("a"), "key": "another"}], names=["a"])
    assert states.get("a").status == "will_run"


def test_a_failure_does_not_name_its_own_node(states: NodeStates) -> None:
    message = "a (Slow): the widget is bent.\nStraighten it."
    states.apply_event({"event": "node_failed", "node": "a", "message": message})
    assert states.get("a").words == "failed: the widget is bent."
    assert states.get("a").reason == message


@pytest.mark.parametrize(
    ("status", "expected"), [("failed", "failed"), ("cancelled", "will_run")]
)
def test_a_run_that_ends_in_the_middle(states: NodeStates, status: str, expected: str) -> None:
    states.apply_event(started("a", "b"))
    states.apply_event({"event": "node_started", "node": "a", "type": "T"})
    states.apply_event({"event": "run_finished", "status": status, "message": "The engine died."})
    assert states.get("a").status == expected
    assert states.get("b").status == "will_run"
    if status == "failed":
        assert states.get("a").reason == "The engine died."


def test_a_graph_with_faults_says_so_of_every_node(states: NodeStates) -> None:
    states.set_plan([step("a"), step("b")], names=["a", "b"])
    states.set_faulty("sampler: no model", {"b": "mute"})
    assert (states.get("a").status, states.get("a").reason) == ("unknown", "sampler: no model")
    assert states.get("b").status == "muted"


def test_previews_are_told_fifteen_times_a_second_at_most(
    states: NodeStates, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    from ui.engine import states as module

    monkeypatch.setattr(module, "_decode", lambda text: decoded.append(text) or picture("red"))
    states.apply_event(started("a"))
    states.apply_event({"event": "node_started", "node": "a", "type": "T"})
    told = states.told  # type: ignore[attr-defined]
    told.clear()
    for number in range(100):
        states.apply_event(
            {"event": "node_progress", "node": "a", "step": number, "of": 100, "preview": "x"}
        )
    assert told == []
    qtbot.waitUntil(lambda: bool(told), timeout=1000)
    assert told == [{"a"}]
    assert decoded == [], "nobody looked"
    assert states.preview("a") is not None
    assert states.preview("a") is not None
    assert decoded == ["x"]


def test_a_preview_is_decoded_and_rubbish_is_none(states: NodeStates) -> None:
    progress = {"event": "node_progress", "node": "a", "step": 1, "of": 2}
    states.apply_event({**progress, "preview": jpeg("red")})
    image = states.preview("a")
    assert image is not None
    assert image.size().width() == 16
    assert image.pixelColor(8, 8).red() > 200
    for rubbish in ("%%%", base64.b64encode(b"no picture").decode()):
        states.apply_event({**progress, "preview": rubbish})
        assert states.preview("a") is image, "the last good one stays"


def test_output_pictures_are_read_off_the_thread_and_scaled(
    states: NodeStates, qtbot: QtBot, tmp_path: Path
) -> None:
    big, small = tmp_path / "big.png", tmp_path / "small.png"
    assert picture("blue", 2000).save(str(big))
    assert picture("red", 20).save(str(small))
    states.apply_event(started("save"))
    for path in (big, small):
        states.apply_event(
            {"event": "output_written", "node": "save", "path": str(path), "saved": False}
        )
    assert states.files("save") == (big, small)
    assert states.preview("save") is None
    qtbot.waitUntil(lambda: states.preview("save") is not None, timeout=5000)
    image = states.preview("save")
    assert image is not None
    assert image.width() in (PICTURE_SIDE, 20)
    states.apply_event(started("save"))
    states.apply_event(
        {"event": "output_written", "node": "save", "path": str(small), "saved": False}
    )
    assert states.files("save") == (small,), "a new run replaces the files of the last"
    qtbot.waitUntil(lambda: states.preview("save").width() == 20, timeout=5000)


def test_a_plan_brings_the_pictures_of_an_earlier_run(
    states: NodeStates, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    assert picture("green").save(str(path))
    states.set_plan([step("save", "saved", files=[str(path)])], names=["save"])
    assert states.files("save") == (path,)
    qtbot.waitUntil(lambda: states.preview("save") is not None, timeout=5000)


def test_clear_forgets_all(states: NodeStates, tmp_path: Path) -> None:
    states.set_plan([step("a")], names=["a"])
    states.clear()
    assert states.get("a") == UNKNOWN
    assert states.told[-1] == {"a"}  # type: ignore[attr-defined]


def test_the_loader_survives_what_is_no_picture(qtbot: QtBot, tmp_path: Path) -> None:
    loader = PictureLoader()
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    found: dict[object, QImage] = {}
    loader.loaded.connect(found.__setitem__)
    loader.load("bad", bad, 64)
    loader.load("gone", tmp_path / "gone.png", 64)
    loader.load("forgotten", bad, 64)
    loader.forget("forgotten")
    qtbot.waitUntil(lambda: not loader.busy, timeout=5000)
    assert set(found) == {"bad", "gone"}
    assert all(image.isNull() for image in found.values())
    assert read_scaled(bad, 64).isNull()
    loader.deleteLater()


def test_a_loader_may_go_while_it_loads(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert picture("green", 1500).save(str(path))
    for _ in range(20):
        loader = PictureLoader()
        loader.load("a", path, 64)
        loader.deleteLater()
        del loader
    qtbot.wait(200)
