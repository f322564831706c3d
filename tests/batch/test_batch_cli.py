"""`batch` as its user meets it: real child processes, exit codes, stdout and stderr."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image as Pil

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflows" / "text_to_image.json"
SMALL = ("--set", "latent.width=64", "--set", "latent.height=64", "--no-sheet")


class Cli:
    """Runs `main.py batch` in a folder with a home of its own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "LATENT_STUDIO_HOME": str(home),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "160",
        }

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, str(ROOT / "main.py"), "batch", *map(str, arguments)]

    def __call__(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def cli(home: Path, tmp_path: Path) -> Cli:
    folder = tmp_path / "work"
    folder.mkdir()
    return Cli(home, folder)


def graph_of(path: Path) -> dict[str, dict[str, object]]:
    with Pil.open(path) as picture:
        picture.load()
        nodes: dict[str, dict[str, object]] = {
            name: node.get("params", {})
            for name, node in json.loads(picture.info["latent_studio"])["graph"]["nodes"].items()
        }
    return nodes


def test_a_batch_from_its_start_to_its_end(cli: Cli) -> None:
    sweeps = ("--sweep", "sampler.seed=1..3", "--sweep", "sampler.cfg=3,5")
    done = cli(WORKFLOW, *sweeps, "--set", "sampler.steps=2", *SMALL, "--out", "runs/one")
    folder = cli.folder / "runs" / "one"
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert sorted(paths) == sorted(folder.glob("*.png"))
    assert len(paths) == 6
    made = {(nodes["sampler"]["seed"], nodes["sampler"]["cfg"]) for nodes in map(graph_of, paths)}
    assert made == {(seed, cfg) for seed in (1, 2, 3) for cfg in (3.0, 5.0)}
    assert "6 jobs" in done.stderr
    assert "6 done in" in done.stderr
    # Once more into the same folder: refused, with the way to go on.
    again = cli(WORKFLOW, *sweeps, *SMALL, "--out", "runs/one", code=2)
    assert "--resume" in again.stderr
    # Nothing is left to do.
    assert cli("--resume", "runs/one", "--no-sheet").stdout == ""
    # The folder's job file runs it again, and what is known of its time is told.
    dry = cli("runs/one/batch.toml", "--dry-run")
    assert "6 jobs, about" in dry.stderr


def test_ctrl_c_and_going_on(cli: Cli) -> None:
    arguments = ("--sweep", "sampler.seed=1..8", "--set", "sampler.steps=3", *SMALL)
    with subprocess.Popen(
        cli.command(WORKFLOW, *arguments, "--batch-size", "1", "--out", "run"),
        cwd=cli.folder,
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        assert first.endswith(".png\n")
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "go on with: batch --resume" in errors
    before = {first.strip(), *rest.splitlines()}
    assert 1 <= len(before) < 8
    dry = cli("--resume", "run", "--dry-run")
    assert f"{len(before)} done, 0 failed, {8 - len(before)} to run" in dry.stderr
    done = cli("--resume", "run", "--no-sheet", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "batch_started"
    assert events[0]["done"] == len(before)
    assert events[-1] == events[-1] | {"event": "batch_finished", "done": 8, "left": 0}
    pictures = sorted((cli.folder / "run").glob("*.png"))
    assert {graph_of(path)["sampler"]["seed"] for path in pictures} == set(range(1, 9))
    assert len(pictures) == 8


def test_a_job_at_fault_and_trying_it_again(cli: Cli) -> None:
    """A picture that goes after the batch began is the fault of its job alone, the first too."""
    source = ROOT / "workflows" / "pictures" / "heart.png"
    for name in ("a.png", "b.png", "c.png"):
        shutil.copy(source, cli.folder / name)
    graph = ROOT / "workflows" / "image_to_image.json"
    arguments = ("--sweep", "picture.path=glob(*.png)", "--set", "sampler.steps=1")
    with subprocess.Popen(
        cli.command(graph, *arguments, "--no-sheet", "--json", "--out", "run"),
        cwd=cli.folder,
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert "batch_started" in process.stdout.readline()
        process.kill()
    (cli.folder / "a.png").unlink()
    failed = cli("--resume", "run", "--no-sheet", code=1)
    assert "job 1 (picture.path" in failed.stderr
    assert "a.png" in failed.stderr
    assert "2 done, 1 failed" in failed.stderr
    assert "--retry-failed" in failed.stderr
    # Failed jobs aren't tried again unasked.
    assert cli("--resume", "run", "--no-sheet", code=1).stdout == ""
    shutil.copy(source, cli.folder / "a.png")
    done = cli("--resume", "run", "--retry-failed", "--no-sheet")
    assert len(done.stdout.splitlines()) == 1
    assert len(list((cli.folder / "run").glob("*.png"))) == 3


def test_a_second_ctrl_c_stops_at_once(cli: Cli) -> None:
    arguments = ("--sweep", "sampler.seed=1..8", "--set", "sampler.steps=1000", *SMALL)
    with subprocess.Popen(
        cli.command(WORKFLOW, *arguments, "--batch-size", "1", "--json", "--out", "run"),
        cwd=cli.folder,
        env=cli.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if '"job_progress"' in line:
                break
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not list((cli.folder / "run").glob("*.png"))
    assert "8 to run" in cli("--resume", "run", "--dry-run").stderr


def test_a_dry_run_writes_nothing(cli: Cli) -> None:
    (cli.folder / "rows.csv").write_text("positive.text\na cat\n")
    done = cli(
        WORKFLOW, "--csv", "rows.csv", "--sweep", "sampler.seed=1..20", "--out", "x", "--dry-run"
    )
    assert "20 jobs" in done.stderr
    assert "and 12 more" in done.stderr
    told = json.loads(
        cli(WORKFLOW, "--csv", "rows.csv", "--out", "x", "--dry-run", "--json").stdout
    )
    assert told["jobs"] == 1
    assert told["first"] == [{"job": 0, "sets": {"positive.text": "a cat"}}]
    assert [path.name for path in cli.folder.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name a graph"),
        (("nothing.json",), "no such file"),
        ((WORKFLOW, "--sweep", "sampler.seed"), "write NODE.PARAM=VALUES"),
        ((WORKFLOW, "--sweep", "sampler.sed=1..3"), "Did you mean seed"),
        ((WORKFLOW, "--sweep", "sampler.seed=1..x"), "no range"),
        ((WORKFLOW, "--sweep", "sampler.seed=1..1000000000"), "--yes"),
        ((WORKFLOW, "--csv", "no.csv"), "no such file"),
        ((WORKFLOW, "--set", "sampler.seed=x"), "--set sampler.seed=x"),
        ((WORKFLOW, "--on", "wrkers"), "Did you mean workers"),
        ((WORKFLOW, "--workers", "0"), "1 to 1024"),
        ((WORKFLOW, "--batch-size", "many"), "auto"),
        ((WORKFLOW, "--retry-failed"), "--resume"),
        ((WORKFLOW, "--resume", "x"), "the same batch"),
        (("--resume", "x"), "no batch in"),
        ((WORKFLOW, "--device", "tpu"), "no device"),
        (("job.toml",), "no such file"),
    ],
    ids=range(16),
)
def test_bad_input_is_told_and_nothing_is_written(
    cli: Cli, arguments: tuple[str | Path, ...], words: str
) -> None:
    out = () if "--resume" in arguments else ("--out", "out")
    done = cli(*arguments, *out, code=2)
    assert words in done.stderr
    assert len([line for line in done.stderr.splitlines() if line]) <= 4
    assert done.stdout == ""
    assert list(cli.folder.iterdir()) == []
