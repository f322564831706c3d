"""A real worker, the pocket model, and SIGKILL at every stage of a run.

Whatever happens to the worker, the queue goes on, finished results are there, and files are whole.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from PIL import Image as Pil

from ui.engine.client import EngineClient
from ui.engine.command import default_command
from ui.engine.job import Job
from ui.engine.queue import RunQueue
from ui.engine.states import NodeStates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytestqt.qtbot import QtBot

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
WAIT = 120_000

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


def graph(seed: int = 1, steps: int = 4, side: int = 64) -> str:
    data = json.loads((WORKFLOWS / "text_to_image.json").read_text())
    data["nodes"]["sampler"]["params"].update(seed=seed, steps=steps)
    data["nodes"]["latent"]["params"].update(width=side, height=side)
    return json.dumps(data)


class Bench:
    """A client, its queue, and the states of one tab."""

    def __init__(self, folder: Path, qtbot: QtBot) -> None:
        self.folder, self.qtbot = folder, qtbot
        command = (*default_command(), "--device", "cpu", "--dtype", "float32")
        self.client = EngineClient(command, warm=False)
        self.queue = RunQueue(self.client)
        self.states = NodeStates()
        self.events: list[dict[str, Any]] = []
        self.deaths: list[str] = []
        self.client.received.connect(self.events.append)
        self.client.died.connect(lambda words, _: self.deaths.append(words))

    def add(self, text: str, title: str = "T") -> Job:
        return self.queue.add(
            Job(title, text, base=self.folder, name=title, out=self.folder / "out",
                states=self.states)
        )  # fmt: skip

    def until(self, check: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(check, timeout=WAIT)

    def saw(self, kind: str, node: str | None = None) -> bool:
        return any(
            event["event"] == kind and node in (None, event.get("node")) for event in self.events
        )

    def kill(self) -> None:
        os.kill(self.client.pid, signal.SIGKILL)

    def close(self) -> None:
        self.client.stop()
        for part in (self.queue, self.client, self.states):
            part.deleteLater()


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    before = set(psutil.Process().children(recursive=True))
    made = Bench(tmp_path, qtbot)
    made.client.start()
    yield made
    made.close()
    assert before >= set(psutil.Process().children(recursive=True)), "a worker is left"


def pictures(folder: Path) -> list[Path]:
    found = sorted((folder / "out").glob("*.png"))
    for path in found:
        with Pil.open(path) as image:
            image.load()
    return found


def test_killed_while_loading_sampling_and_writing(bench: Bench, tmp_path: Path) -> None:
    """One after the other, so that the torch of each worker is imported once."""
    loading = bench.add(graph(seed=1), "loading")
    sampling = bench.add(graph(seed=2, steps=400, side=256), "sampling")
    last = bench.add(graph(seed=3), "last")

    # While loading: the first node that needs the model has begun; torch is being imported.
    bench.until(lambda: bench.saw("node_started"))
    bench.kill()
    bench.until(lambda: loading.over)
    assert loading.status == "failed"
    assert "killed" in loading.error
    assert "It is started again" in loading.error
    assert bench.states.get("positive").status == "failed" or (
        bench.states.get("negative").status == "failed"
    )

    # While sampling: steps come with previews.
    bench.until(lambda: sampling.step >= 2)
    assert bench.states.get("sampler").status == "running"
    assert bench.states.get("sampler").of == 400
    bench.until(lambda: bench.states.preview("sampler") is not None)
    bench.kill()
    bench.until(lambda: sampling.over)
    assert sampling.status == "failed"
    assert bench.states.get("sampler").status == "failed"
    assert "killed" in bench.states.get("sampler").reason
    assert bench.states.preview("sampler") is not None, "what was seen stays"

    # The next goes on by itself, and uses what the dead had finished.
    bench.until(lambda: last.over)
    assert last.status == "done", last.error
    assert bench.saw("node_cached", "negative") or bench.saw("node_cached", "positive")
    assert [path.name for path in pictures(tmp_path)] == ["last_00001.png"]
    assert last.outputs == [tmp_path / "out" / "last_00001.png"]
    bench.until(lambda: last.thumbnail is not None)
    bench.until(lambda: bench.states.preview("save") is not None)
    assert bench.states.files("save") == tuple(last.outputs)
    assert bench.states.get("save").status == "done"
    assert len(bench.deaths) == 2

    # Again the very same: everything is there, whoever died.
    again = bench.queue.retry(last)
    bench.until(lambda: again.over)
    assert again.outputs == last.outputs


BIG = json.dumps(
    {
        "format": "latent-studio",
        "version": 1,
        "nodes": {
            "solid": {"type": "SolidImage", "params": {"width": 4096, "height": 4096}},
            "save": {"type": "SaveImage", "inputs": {"image": "solid"}},
            "more": {"type": "SaveImage", "inputs": {"image": "solid"},
                     "params": {"name": "more_{counter}"}},
        },
    }
)  # fmt: skip


def test_killed_while_writing_no_half_file_is_left(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    writing = bench.add(BIG, "writing")
    # A file of another name grows before the picture has its own.
    bench.until(lambda: writing.over or any(out.glob(".*.part")))
    bench.kill()
    bench.until(lambda: writing.over)
    whole = pictures(tmp_path)
    again = bench.add(BIG, "writing")
    bench.until(lambda: again.over)
    assert again.status == "done", again.error
    assert len(pictures(tmp_path)) >= max(2, len(whole))
    # What the dead began has a name that nobody takes for a picture; it is swept away later.
    assert all(path.suffix == ".png" or path.match(".*.part") for path in out.iterdir())


def test_cancelled_it_stops_within_a_step_and_lives_on(bench: Bench) -> None:
    long, after = bench.add(graph(steps=1000, side=256), "long"), bench.add(graph(), "after")
    bench.until(lambda: long.step >= 1)
    pid = bench.client.pid
    start = time.monotonic()
    bench.queue.cancel(long)
    bench.until(lambda: long.over)
    assert time.monotonic() - start < 20
    assert long.status == "cancelled"
    bench.until(lambda: after.over)
    assert after.status == "done", after.error
    assert bench.client.pid == pid
    assert bench.deaths == []


def test_stopped_for_good_by_a_signal_it_is_killed_after_five_seconds(bench: Bench) -> None:
    long, after = bench.add(graph(steps=1000, side=256), "long"), bench.add(graph(), "after")
    bench.until(lambda: long.step >= 1)
    os.kill(bench.client.pid, signal.SIGSTOP)
    bench.queue.cancel(long)
    start = time.monotonic()
    bench.until(lambda: long.over)
    assert 4.5 < time.monotonic() - start < 20
    assert "silent for 5 s" in bench.deaths[0]
    bench.until(lambda: after.over)
    assert after.status == "done", after.error


def test_a_graph_with_faults_is_rejected_and_the_next_runs(bench: Bench) -> None:
    bad, good = bench.add(graph(steps=0), "bad"), bench.add(graph(), "good")
    bench.until(lambda: good.over)
    assert bad.status == "failed"
    assert bad.error.startswith("steps is 0"), "without the place in the file"
    assert good.status == "done", good.error


def test_the_editor_dies_and_takes_its_worker_along(tmp_path: Path) -> None:
    """SIGKILL of the editor's process: the worker sees the end of its stdin."""
    import subprocess

    script = (
        "import sys\n"
        "from PySide6.QtCore import QCoreApplication\n"
        "from ui.engine.client import EngineClient\n"
        "app = QCoreApplication([])\n"
        "client = EngineClient(warm=False)\n"
        "client.ready.connect(lambda event: (print(event['pid'], flush=True)))\n"
        "client.start()\n"
        "app.exec()\n"
    )
    editor = subprocess.Popen(
        [sys.executable, "-c", script], cwd=WORKFLOWS.parent, stdout=subprocess.PIPE
    )
    assert editor.stdout is not None
    pid = int(editor.stdout.readline())
    assert psutil.pid_exists(pid)
    editor.kill()
    editor.communicate()
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
