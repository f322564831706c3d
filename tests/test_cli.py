"""The command line as its user meets it: real child processes, exit codes, stdout and stderr.

Most of them are forked from a process that has imported the libraries already (tests/forks.py).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from forks import Program
from PIL import Image as Pil

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forks import Forks

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ROOT / "workflows" / "text_to_image.json"


class Cli:
    """Runs `main.py` in a folder with a home of its own."""

    def __init__(self, forks: Forks, home: Path, folder: Path) -> None:
        self.forks = forks
        self.folder = folder
        self.environment = {
            **os.environ,
            "LATENT_STUDIO_HOME": str(home),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "160",
        }
        self._open: list[Program] = []

    def __call__(
        self, *arguments: str | Path, code: int = 0, stdin: str = "", fresh: bool = False
    ) -> Done:
        process = self.popen(*arguments, fresh=fresh)
        out, errors = process.communicate(stdin.encode())
        assert process.returncode == code, f"exit {process.returncode}: {out}{errors}"
        assert "Traceback" not in errors
        return Done(out, errors)

    def popen(self, *arguments: str | Path, fresh: bool = False) -> Program:
        forks = None if fresh else self.forks
        self._open.append(Program(forks, arguments, self.folder, self.environment))
        return self._open[-1]

    def close(self) -> None:
        for process in self._open:
            process.close()


class Done(NamedTuple):
    stdout: str
    stderr: str


@pytest.fixture
def cli(forks: Forks, home: Path, tmp_path: Path) -> Iterator[Cli]:
    made = Cli(forks, home, tmp_path)
    yield made
    made.close()


def write(path: Path, nodes: dict[str, Any], **other: Any) -> Path:
    path.write_text(json.dumps({"format": "latent-studio", "version": 1, "nodes": nodes, **other}))
    return path


def solid(folder: Path, **save: Any) -> Path:
    return write(
        folder / "solid.json",
        {
            "solid": {"type": "SolidImage", "params": {"width": 8, "height": 8}},
            "save": {"type": "SaveImage", "params": save, "inputs": {"image": "solid"}},
        },
    )


def test_text_to_image_the_whole_story(cli: Cli, tmp_path: Path) -> None:
    """First run, second run, another seed: what the first page of the README promises."""
    first = cli("run", WORKFLOW, "--out", "out", fresh=True)
    path = Path(first.stdout.strip())
    assert path == tmp_path / "out" / "text_to_image_00001.png"
    assert "nodes to run (positive, negative, sampler, decode, save)" in first.stderr.replace(
        "negative, positive", "positive, negative"
    )
    assert "20/20 steps" in first.stderr
    assert "it/s" in first.stderr
    assert "[transformers]" not in first.stderr
    assert "Warning" not in first.stderr
    with Pil.open(path) as picture:
        pixels = np.asarray(picture).astype(int)
    # a red circle on a blue background
    centre, corner = pixels[56:72, 56:72].reshape(-1, 3).mean(0), pixels[:8, :8].mean((0, 1))
    assert centre[0] > centre[2] + 80, centre
    assert corner[2] > corner[0] + 80, corner

    second = cli("run", WORKFLOW, "--out", "out")
    assert second.stdout.strip() == str(path)
    assert "nothing to compute" in second.stderr
    assert len(list((tmp_path / "out").iterdir())) == 1

    third = cli("run", WORKFLOW, "--out", "out", "--set", "sampler.seed=2", "--json")
    lines = [json.loads(line) for line in third.stdout.splitlines()]
    assert [e["node"] for e in lines if e["event"] == "node_started"] == [
        "sampler",
        "decode",
        "save",
    ]
    assert {e["node"]: e["tier"] for e in lines if e["event"] == "node_cached"} == {
        "positive": "disk",
        "negative": "disk",
    }
    last = lines[-1]
    assert last["event"] == "run_finished"
    assert last["status"] == "ok"
    assert last["outputs"] == [
        {"node": "save", "path": str(tmp_path / "out" / "text_to_image_00002.png"), "saved": False}
    ]
    progress = [e for e in lines if e["event"] == "node_progress"]
    assert [e["step"] for e in progress if e["node"] == "sampler"] == list(range(1, 21))

    table = cli("plan", WORKFLOW, "--out", "out", "--seed", "3").stdout
    assert "seed 2 → 3" in table
    explained = cli("run", WORKFLOW, "--out", "out", "--explain", "--dry-run").stderr
    assert "its files are there: text_to_image_00001.png" in explained


def test_the_same_graph_gives_the_same_pixels_in_two_processes(cli: Cli, tmp_path: Path) -> None:
    paths = [
        Path(cli("run", WORKFLOW, "--out", out, "--no-cache", "-q", fresh=fresh).stdout.strip())
        for out, fresh in (("out", True), ("again", False))
    ]
    one, two = (np.asarray(Pil.open(path)) for path in paths)
    assert np.array_equal(one, two)


def test_a_fully_cached_run_imports_no_torch(cli: Cli) -> None:
    path = solid(cli.folder)
    cli("run", path, "--out", "out")
    code = (
        "import sys; sys.argv = ['x', 'run', 'solid.json', '--out', 'out']\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "import main\n"
        "try:\n    main.main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "bad = {'torch', 'diffusers', 'transformers', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cli.folder,
        env=cli.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "nothing to compute" in done.stderr


def test_stdin_only_seed_quiet(cli: Cli) -> None:
    text = WORKFLOW.read_text()
    done = cli("run", "-", "--only", "latent", "--only", "checkpoint", stdin=text)
    assert done.stdout == ""
    done = cli("run", "-", "--dry-run", "--json", "--seed", "9", stdin=text)
    steps = {step["node"]: step for step in json.loads(done.stdout)["steps"]}
    assert steps["sampler"]["action"] == "runs"
    assert cli("run", solid(cli.folder), "--out", "o", "-q").stderr == ""


def test_check(cli: Cli) -> None:
    assert "can run: 7 nodes" in cli("check", WORKFLOW).stderr
    bad = write(
        cli.folder / "bad.json",
        {"s": {"type": "KSamplr"}, "save": {"type": "SaveImage", "inputs": {"image": "s"}}},
    )
    text = cli("check", bad, code=2).stderr
    assert "nodes.s.type: the node type 'KSamplr' is unknown. Did you mean KSampler" in text
    data = json.loads(cli("check", bad, "--json", code=2).stdout)
    assert data["ok"] is False
    assert data["faults"][0]["node"] == "s"
    assert json.loads(cli("check", WORKFLOW, "--json").stdout)["ok"] is True


def test_lists(cli: Cli) -> None:
    listed = cli("nodes").stdout
    for name in ("LoadCheckpoint", "KSamplerAdvanced", "SetNoiseMask", "PreviewImage"):
        assert name in listed
    one = cli("nodes", "KSampler").stdout
    assert "classifier-free guidance" in one
    assert "from 1 to 1000" in one
    assert "dpmpp_2m" in one
    assert len(json.loads(cli("nodes", "--json").stdout)) >= 20
    assert "Did you mean KSampler" in cli("nodes", "KSmpler", code=2).stderr
    assert "pocket" in cli("models").stdout
    assert json.loads(cli("models", "--json").stdout)[0]["kind"] == "checkpoints"
    assert "latent-studio 0" in cli("--version", fresh=True).stdout


def test_the_schema_accepts_the_workflows_and_refuses_mistakes(cli: Cli) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(cli("schema").stdout)
    check = jsonschema.Draft202012Validator(schema).validate
    for path in (ROOT / "workflows").glob("*.json"):
        check(json.loads(path.read_text()))
    bad = json.loads(WORKFLOW.read_text())
    bad["nodes"]["sampler"]["params"]["steps"] = 0
    with pytest.raises(jsonschema.ValidationError):
        check(bad)


def test_the_cache_commands(cli: Cli) -> None:
    cli("run", WORKFLOW, "--only", "positive")
    info = json.loads(cli("cache", "info", "--json").stdout)
    assert info["by_type"]["TextEncode"]["entries"] == 1
    assert "TextEncode" in cli("cache", "info").stdout
    assert "0 left" in cli("cache", "prune", "--to", "1 B").stdout
    assert "dropped 0 results" in cli("cache", "clear").stdout
    assert "much" in cli("cache", "prune", "--to", "much", code=2).stderr


def test_doctor(cli: Cli) -> None:
    data = json.loads(cli("doctor", "--json", fresh=True).stdout)
    assert data["problems"] == []
    assert data["facts"]["checkpoints"] == "pocket, pocket-inpaint"
    assert "nothing wrong found" in cli("doctor").stdout
    home = Path(cli.environment["LATENT_STUDIO_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    (home / "settings.toml").write_text('devise = "cpu"\n')
    text = cli("doctor", code=1).stdout
    assert "devise" in text
    assert "device" in text
    assert "devise" in cli("run", WORKFLOW, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "nothing.json"], "there is no such file"),
        (["run", str(WORKFLOW), "--set", "sampler.steps=0"], "from 1 to 1000"),
        (["run", str(WORKFLOW), "--set", "latent.width=100"], "nearest: 96 or 104"),
        (["run", str(WORKFLOW), "--set", "latent.width=1000000"], "from 16 to 16384"),
        (["run", str(WORKFLOW), "--set", "checkpoint.name=poket"], "Did you mean pocket"),
        (["run", str(WORKFLOW), "--device", "tpu"], "tpu"),
        (["run", str(WORKFLOW), "--dtype", "float128"], "float128"),
        (["run", str(WORKFLOW), "--only", "nobody"], "no node 'nobody'"),
        (["run", str(WORKFLOW), "--set", "save.name=../x"], "stay under the output folder"),
        (["run", str(WORKFLOW), "--set", "save.name=/etc/x"], "relative"),
        (["run"], "Missing argument"),
        (["no-such-command"], "No such command"),
        (["run", str(WORKFLOW), "--steps", "3"], "No such option"),
    ],
)
def test_bad_arguments_exit_2_with_a_message(cli: Cli, arguments: list[str], words: str) -> None:
    done = cli(*arguments, code=2)
    assert words in done.stderr
    assert done.stdout == ""
    assert not (cli.folder / "out").exists()


def test_debug_shows_the_traceback(cli: Cli) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "--debug", "run", "nothing.json"],
        cwd=cli.folder,
        env=cli.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in done.stderr


def test_an_output_folder_that_cannot_be_written(cli: Cli) -> None:
    path = solid(cli.folder)
    (cli.folder / "file").write_text("x")
    assert "is a file" in cli("run", path, "--out", "file", code=2).stderr
    assert "is a file" in cli("run", path, "--out", "file/below", code=2).stderr


def test_ctrl_c_stops_within_a_step_and_leaves_nothing_half_written(cli: Cli) -> None:
    process = cli.popen(
        "run",
        WORKFLOW,
        "--out",
        "out",
        "--json",
        "--set",
        "sampler.steps=1000",
        "--set",
        "latent.width=512",
        "--set",
        "latent.height=512",
        fresh=True,
    )
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "node_progress" and event["step"] >= 2:
            break
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate()
    events = [json.loads(line) for line in rest.splitlines()]
    assert process.returncode == 130, errors
    assert events[-1]["status"] == "cancelled"
    # At most the steps in flight when the signal came are still reported.
    assert sum(event["event"] == "node_progress" for event in events) <= 20
    assert time.monotonic() - sent < 30
    assert "Traceback" not in errors
    assert "stopped" in errors
    assert list((cli.folder / "out").iterdir()) == []
    cli("run", WORKFLOW, "--out", "out")


def test_kill_in_mid_run_leaves_a_cache_that_the_next_run_uses(cli: Cli) -> None:
    process = cli.popen(
        "run",
        WORKFLOW,
        "--out",
        "out",
        "--json",
        "--set",
        "sampler.steps=1000",
    )
    for line in process.stdout:
        if json.loads(line)["event"] == "node_progress":
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (cli.folder / "out").exists() or list((cli.folder / "out").iterdir()) == []
    done = cli("run", WORKFLOW, "--out", "out", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["status"] == "ok"
    assert "sampler" in {e["node"] for e in events if e["event"] == "node_started"}


def test_two_processes_share_one_cache_and_one_folder(cli: Cli) -> None:
    """Four runs at once, two seeds twice: every picture whole, and equal for equal seeds."""
    processes = [
        cli.popen(
            "run",
            WORKFLOW,
            "--out",
            "out",
            "--json",
            "--seed",
            str(i % 2),
            "--set",
            "sampler.steps=4",
        )
        for i in range(4)
    ]
    by_seed: dict[int, list[bytes]] = {}
    for index, process in enumerate(processes):
        out, errors = process.communicate()
        assert process.returncode == 0, errors
        path = json.loads(out.splitlines()[-1])["outputs"][0]["path"]
        with Pil.open(path) as picture:
            by_seed.setdefault(index % 2, []).append(picture.tobytes())
    assert all(len(set(pictures)) == 1 for pictures in by_seed.values())
    assert len({pictures[0] for pictures in by_seed.values()}) == 2
    assert json.loads(cli("doctor", "--json").stdout)["problems"] == []
