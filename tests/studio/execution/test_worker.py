"""The worker as a real child process: protocol, cancelling, rubbish, and being killed.

Most of them are forked from a process that has imported the libraries already (tests/forks.py).
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from forks import Program
from PIL import Image as Pil

from studio.execution.worker import PLAN_PART

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forks import Forks

ROOT = Path(__file__).resolve().parents[3]
WORKFLOW = json.loads((ROOT / "workflows" / "text_to_image.json").read_text())
SOLID = {
    "format": "latent-studio",
    "version": 1,
    "nodes": {
        "solid": {"type": "SolidImage", "params": {"width": 8, "height": 8}},
        "save": {"type": "SaveImage", "inputs": {"image": "solid"}},
    },
}


class Worker:
    def __init__(self, forks: Forks | None, home: Path, folder: Path) -> None:
        environment = {**os.environ, "LATENT_STUDIO_HOME": str(home), "OMP_NUM_THREADS": "1"}
        arguments = ["worker", "--device", "cpu", "--dtype", "float32"]
        self.process = Program(forks, arguments, folder, environment)

    def send(self, request: dict[str, Any] | bytes) -> None:
        line = request if isinstance(request, bytes) else json.dumps(request).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        assert line, f"the worker ended: {self.process.errors()}"
        event: dict[str, Any] = json.loads(line)
        return event

    def until(self, kind: str, identity: str | None = None) -> list[dict[str, Any]]:
        """All events up to the first of `kind`."""
        events = [self.read()]
        while events[-1]["event"] != kind or (identity and events[-1].get("id") != identity):
            events.append(self.read())
        return events


@pytest.fixture
def worker(forks: Forks, home: Path, tmp_path: Path) -> Iterator[Worker]:
    started = Worker(forks, home, tmp_path)
    yield started
    started.process.close()


@pytest.fixture
def fresh(home: Path, tmp_path: Path) -> Iterator[Worker]:
    """A worker whose Python starts anew, as the editor's does."""
    started = Worker(None, home, tmp_path)
    yield started
    started.process.close()


def submit(identity: str, graph: Any = WORKFLOW, **other: Any) -> dict[str, Any]:
    return {"id": identity, "request": "submit", "graph": graph, "out": "out", **other}


def test_submit_plan_inspect_and_shut_down(fresh: Worker, tmp_path: Path) -> None:
    worker = fresh
    ready = worker.read()
    assert ready["event"] == "ready"
    assert ready["protocol"] == 1
    assert ready["device"] == "cpu"

    worker.send({"id": "p", "request": "plan", "graph": WORKFLOW})
    plan = worker.until("plan")[-1]
    assert {s["node"]: s["action"] for s in plan["steps"]}["sampler"] == "runs"

    worker.send(submit("a", name="first"))
    events = worker.until("run_finished")
    assert all(event["id"] in ("a", "p") for event in events)
    assert events[0]["event"] == "accepted"
    assert events[-1]["status"] == "ok"
    path = tmp_path / "out" / "first_00001.png"
    assert events[-1]["outputs"] == [{"node": "save", "path": str(path), "saved": False}]
    progress = [event for event in events if event["event"] == "node_progress"]
    steps = [event for event in progress if event["node"] == "sampler"]
    assert [event["step"] for event in steps] == list(range(1, 21))
    with Pil.open(io.BytesIO(base64.b64decode(steps[-1]["preview"]))) as preview:
        assert preview.format == "JPEG"
        assert preview.size == (16, 16)
        middle, corner = preview.getpixel((8, 8)), preview.getpixel((0, 0))
    assert middle[0] > middle[2], "the preview of a red circle isn't red"
    assert corner[2] > corner[0], "the preview of a blue background isn't blue"

    worker.send({"id": "i", "request": "inspect", "graph": WORKFLOW, "node": "sampler"})
    inspected = worker.until("inspected")[-1]
    assert inspected["tier"] == "memory"
    assert inspected["outputs"]["latent"]["tensors"][0]["shape"] == [1, 4, 16, 16]

    picture = {"request": "picture", "graph": WORKFLOW, "output": "image"}
    there = tmp_path / "there.png"
    worker.send({**picture, "id": "g", "node": "decode", "path": str(there)})
    assert worker.until("pictured")[-1]["path"] == str(there)
    with Pil.open(there) as made, Pil.open(path) as saved:
        assert made.tobytes() == saved.tobytes()
    for wrong, words in (
        ({"sets": ["sampler.seed=9"]}, "it hasn't been made yet"),
        ({"node": "sampler", "output": "latent"}, "it is no picture"),
        ({"output": "pixels"}, "it hasn't been made yet"),
    ):
        worker.send({**picture, "id": "w", "node": "decode", "path": str(there), **wrong})
        answer = worker.until("pictured")[-1]
        assert (answer["path"], answer["reason"]) == (None, words)
    worker.send({**picture, "id": "n", "node": "decode", "path": str(tmp_path / "no" / "x.png")})
    assert "can't be written" in worker.until("rejected")[-1]["message"]
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix in (".part", ".png")) == [
        "there.png"
    ]

    # Warm: the same models, only what changed.
    worker.send(submit("b", sets=["sampler.seed=5"]))
    events = worker.until("run_finished")
    assert [e["node"] for e in events if e["event"] == "node_started"] == [
        "sampler",
        "decode",
        "save",
    ]
    worker.send({"id": "s", "request": "shutdown"})
    assert worker.process.wait() == 0


def test_nodes_are_described(worker: Worker) -> None:
    worker.send({"id": "n", "request": "nodes"})
    described = {item["type"]: item for item in worker.until("nodes")[-1]["nodes"]}
    sampler = described["KSampler"]
    seed = next(param for param in sampler["params"] if param["name"] == "seed")
    assert seed["widget"] == "seed"
    assert seed["limits"]["le"] == 2**64 - 1
    assert seed["help"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"rubbish", "isn't JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "valid dictionary"),
        (b'{"request": "fly", "id": "x"}', "fly"),
        (b'{"request": "submit", "id": "x"}', "graph"),
        (b'{"request": "submit", "id": "x", "graph": {}, "grpah": 1}', "grpah"),
        (b'{"request": "nodes"}', "id"),
        (b"\xff\xfe", "JSON"),
    ],
)
def test_a_malformed_line_gets_an_error_and_the_worker_lives_on(
    worker: Worker, line: bytes, words: str
) -> None:
    worker.send(line)
    error = worker.until("error")[-1]
    assert words in error["message"]
    worker.send(b"")
    worker.send({"id": "n", "request": "nodes"})
    assert worker.until("nodes")[-1]["id"] == "n"


def test_a_bad_graph_is_rejected_with_its_faults(worker: Worker) -> None:
    bad = json.loads(json.dumps(WORKFLOW))
    bad["nodes"]["sampler"]["params"]["steps"] = 0
    worker.send(submit("a", bad))
    rejected = worker.until("rejected")[-1]
    assert rejected["id"] == "a"
    assert rejected["faults"][0]["node"] == "sampler"
    assert rejected["faults"][0]["port"] == "steps"
    worker.send(submit("b", {"format": "other"}))
    assert "no Latent Studio graph" in worker.until("rejected")[-1]["message"]
    worker.send(submit("c", SOLID))
    assert worker.until("run_finished")[-1]["status"] == "ok"


def test_cancel_a_running_and_a_waiting_run(worker: Worker) -> None:
    long = json.loads(json.dumps(WORKFLOW))
    long["nodes"]["sampler"]["params"]["steps"] = 1000
    long["nodes"]["latent"]["params"].update(width=512, height=512)
    worker.send(submit("long", long))
    worker.send(submit("waiting", WORKFLOW))
    worker.send(submit("last", SOLID))
    worker.until("node_progress")
    worker.send(submit("long", long))
    assert "under way" in worker.until("error")[-1]["message"]
    worker.send({"id": "c1", "request": "cancel", "run": "waiting"})
    cancelled = worker.until("run_finished", "waiting")[-1]
    assert cancelled["status"] == "cancelled"
    worker.send({"id": "c2", "request": "cancel", "run": "long"})
    events = worker.until("run_finished", "long")
    assert events[-1]["status"] == "cancelled"
    assert sum(event["event"] == "node_progress" for event in events) <= 20
    assert worker.until("run_finished", "last")[-1]["status"] == "ok"


def test_the_end_of_stdin_ends_the_worker_and_its_run(worker: Worker, tmp_path: Path) -> None:
    long = json.loads(json.dumps(WORKFLOW))
    long["nodes"]["sampler"]["params"]["steps"] = 1000
    worker.send(submit("long", long))
    worker.until("node_progress")
    out, errors = worker.process.communicate()
    assert worker.process.returncode == 0
    assert json.loads(out.splitlines()[-1])["status"] == "cancelled"
    assert "Traceback" not in errors


def test_killed_in_mid_run_the_next_worker_goes_on(
    worker: Worker, forks: Forks, home: Path, tmp_path: Path
) -> None:
    worker.send(submit("a"))
    worker.until("node_progress")
    worker.process.send_signal(signal.SIGKILL)
    assert worker.process.wait() == -signal.SIGKILL
    other = Worker(forks, home, tmp_path)
    try:
        other.send(submit("a"))
        events = other.until("run_finished")
        assert events[-1]["status"] == "ok"
        assert {e["node"] for e in events if e["event"] == "node_started"} >= {"sampler"}
    finally:
        other.process.close()


def test_what_libraries_print_goes_to_stderr(home: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "noisy-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "noisy.py").write_text(
        "import os\nprint('hello from python')\nos.write(1, b'hello from below\\n')\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[latent_studio.nodes]\nnoisy = noisy\n")
    environment = {
        **os.environ,
        "LATENT_STUDIO_HOME": str(home),
        "PYTHONPATH": str(site),
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "worker"],
        cwd=tmp_path,
        env=environment,
        input=b'{"id": "s", "request": "shutdown"}\n',
        capture_output=True,
        check=True,
    )
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["ready"]
    assert b"hello from python" in done.stderr
    assert b"hello from below" in done.stderr


def test_a_run_says_first_what_it_will_do_and_then_what_memory_it_takes(worker: Worker) -> None:
    worker.send(submit("a", SOLID))
    events = worker.until("run_finished")
    kinds = [event["event"] for event in events if event["event"] != "ready"]
    assert kinds[:3] == ["accepted", "planned", "run_started"]
    planned = next(event for event in events if event["event"] == "planned")
    assert {step["node"]: step["reason"] for step in planned["steps"]} == {
        "solid": "never ran in this graph",
        "save": "never ran in this graph",
    }
    finished = [event for event in events if event["event"] == "node_finished"]
    for event in [*finished, events[-1]]:
        memory = event["memory"]
        assert memory["device"] == "cpu"
        assert 0 < memory["used"] <= memory["peak"]
        assert memory["total"] > 0


def test_a_run_to_some_nodes_says_what_they_need(worker: Worker) -> None:
    worker.send(submit("a", SOLID, only=["solid"]))
    planned = next(e for e in worker.until("run_finished") if e["event"] == "planned")
    assert planned["needed"] == ["solid"]
    worker.send(submit("b", SOLID))
    planned = next(e for e in worker.until("run_finished") if e["event"] == "planned")
    assert "needed" not in planned


def test_ready_names_the_device(worker: Worker) -> None:
    assert worker.read()["device_name"] == "CPU"


def test_models_come_by_kind_names_first(worker: Worker, home: Path) -> None:
    folder = home / "models" / "loras" / "styles"
    folder.mkdir(parents=True)
    (folder / "broken.safetensors").write_bytes(b"rubbish")
    worker.send({"id": "m", "request": "models"})
    pages = [worker.until("models", "m")[-1]]
    while not pages[-1]["last"]:
        pages.append(worker.until("models", "m")[-1])
    first, second = pages[: len(pages) // 2], pages[len(pages) // 2 :]
    assert [page["kind"] for page in first] == [page["kind"] for page in second]
    assert not any(page["whole"] for page in first)
    assert all(page["whole"] for page in second)

    def models(pages: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
        return {m["name"]: m for page in pages if page["kind"] == kind for m in page["models"]}

    name = "styles/broken.safetensors"
    assert models(first, "loras")[name]["fault"] == ""
    assert models(second, "loras")[name]["fault"]
    assert models(first, "checkpoints")["pocket"]["bytes"] > 0
    pocket = models(second, "checkpoints")["pocket"]
    assert pocket["family"]
    assert pocket["about"]["family"]
    assert Path(pocket["path"]).is_dir()

    # Asked again, what was read comes at once; a file that changed is read again.
    (folder / "broken.safetensors").write_bytes(b"other rubbish")
    worker.send({"id": "n", "request": "models", "kinds": ["loras", "checkpoints"]})
    pages = [worker.until("models", "n")[-1] for _ in range(4)]
    assert pages[-1]["last"]
    assert models(pages[:2], "checkpoints")["pocket"]["family"] == pocket["family"]
    assert models(pages[:2], "loras")[name]["fault"] == ""
    assert models(pages[2:], "loras")[name]["bytes"] == len(b"other rubbish")
    worker.send({"id": "x", "request": "models", "kinds": ["cars"]})
    assert "kinds" in worker.until("error", "x")[-1]["message"]


def test_warm_imports_what_a_run_needs(fresh: Worker) -> None:
    worker = fresh
    worker.send({"id": "w", "request": "warm"})
    warmed = worker.until("warmed", "w")[-1]
    assert warmed["seconds"] > 0
    assert warmed["memory"]["used"] > 0
    worker.send({"id": "again", "request": "warm"})
    assert worker.until("warmed", "again")[-1]["seconds"] < 0.1


def test_models_are_listed_while_a_run_goes_on_and_the_end_waits_for_neither(
    worker: Worker,
) -> None:
    long = json.loads(json.dumps(WORKFLOW))
    long["nodes"]["sampler"]["params"]["steps"] = 1000
    worker.send(submit("long", long))
    worker.until("node_progress")
    worker.send({"id": "m", "request": "models"})
    worker.until("models", "m")
    worker.send({"id": "s", "request": "shutdown"})
    assert worker.process.wait() == 0


def test_the_plan_of_a_big_graph_comes_in_parts(worker: Worker) -> None:
    nodes: dict[str, Any] = {"solid": SOLID["nodes"]["solid"]}
    for number in range(PLAN_PART):
        nodes[f"save{number}"] = {"type": "SaveImage", "inputs": {"image": "solid"}}
    nodes["alone"] = {"type": "KSampler"}
    worker.send({"id": "p", "request": "plan", "graph": {**SOLID, "nodes": nodes}})
    first = worker.until("plan")[-1]
    second = worker.until("plan")[-1]
    assert (first["last"], second["last"]) == (False, True)
    assert len(first["steps"]) == PLAN_PART
    assert len(second["steps"]) == 1
    assert first["faults"] == []
    assert {fault["node"] for fault in second["faults"]} == {"alone"}
