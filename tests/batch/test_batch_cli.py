"""`batch` as its user meets it: real child processes, exit codes, stdout and stderr."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from forks import Program
from graph_bench import document
from PIL import Image as Pil

import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forks import Forks

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflows" / "text_to_image.json"
HEART = ROOT / "workflows" / "pictures" / "heart.png"

SOLID = document(
    solid=("SolidImage", {"width": 16, "height": 8, "colour": "#000000"}),
    save=("SaveImage", {"name": "{graph}_{counter}"}, {"image": "solid"}),
)
COPY = document(
    picture=("LoadImage", {"path": ""}),
    save=("SaveImage", {"name": "{graph}_{counter}"}, {"image": "picture.image"}),
)


class Done(NamedTuple):
    stdout: str
    stderr: str


class Cli:
    """Runs `main.py batch` in a folder with a home of its own."""

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

    def start(self, *arguments: str | Path) -> Program:
        words = ("batch", *arguments)
        self._open.append(Program(self.forks, words, self.folder, self.environment))
        return self._open[-1]

    def __call__(self, *arguments: str | Path, code: int = 0) -> Done:
        process = self.start(*arguments)
        done = Done(*process.communicate())
        assert process.returncode == code, f"exit {process.returncode}: {done}"
        assert "Traceback" not in done.stderr
        return done

    def here(self, *arguments: str | Path, code: int = 0) -> Done:
        """The same in this process, for what runs no job: a start costs more than all it does."""
        out, errors = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
            pytest.raises(SystemExit) as ended,
        ):
            main.main(["batch", *map(str, arguments)])
        done = Done(out.getvalue(), errors.getvalue())
        assert ended.value.code == code, done
        return done

    def graph(self, name: str, nodes: dict[str, Any]) -> Path:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(nodes))
        return path

    def close(self) -> None:
        for process in self._open:
            process.close()


@pytest.fixture
def cli(forks: Forks, home: Path, tmp_path: Path) -> Iterator[Cli]:
    folder = tmp_path / "work"
    folder.mkdir()
    made = Cli(forks, home, folder)
    yield made
    made.close()


def params_of(path: Path, node: str) -> dict[str, Any]:
    """What a node had where a picture was made, by the graph inside it."""
    with Pil.open(path) as picture:
        picture.load()
        nodes = json.loads(picture.info["latent_studio"])["graph"]["nodes"]
    found: dict[str, Any] = nodes[node]["params"]
    return found


def test_a_batch_from_its_start_to_its_end(cli: Cli) -> None:
    graph = cli.graph("solid", SOLID)
    sweeps = ("--sweep", "solid.width=1..3", "--sweep", "solid.colour=#ff0000,#00ff00")
    done = cli(graph, *sweeps, "--set", "solid.height=2", "--out", "runs/ü one")
    folder = cli.folder / "runs" / "ü one"
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert sorted(paths) == sorted(folder.glob("solid_*.png"))
    assert len(paths) == 6
    found = [params_of(path, "solid") for path in paths]
    assert {(one["width"], one["colour"], one["height"]) for one in found} == {
        (width, colour, 2) for width in (1, 2, 3) for colour in ("#ff0000", "#00ff00")
    }
    assert "3 solid.width × 2 solid.colour" in done.stderr  # noqa: RUF001  - a product
    assert "6 jobs" in done.stderr
    assert "6 done in" in done.stderr
    assert (folder / "contact-sheet.html").is_file()
    # Once more into the same folder: refused, with the way to go on.
    again = cli.here(graph, *sweeps, "--out", "runs/ü one", code=2)
    assert again.stderr.startswith("error: ")
    assert "--resume" in again.stderr
    # Nothing is left to do.
    rest = cli.here("--resume", "runs/ü one", "--no-sheet")
    assert rest.stdout == ""
    assert "no jobs left to run" in rest.stderr
    # The folder's job file runs it again, and what is known of its time is told.
    dry = cli.here("runs/ü one/batch.toml", "--dry-run")
    assert "6 jobs, about" in dry.stderr


def test_ctrl_c_and_going_on(cli: Cli) -> None:
    big = ("--set", "solid.width=1500", "--set", "solid.height=1500")
    colours = [f"#0000{n:02x}" for n in range(40)]
    sweep = ("--sweep", f"solid.colour={','.join(colours)}")
    process = cli.start(cli.graph("solid", SOLID), *sweep, *big, "--out", "run")
    first = process.stdout.readline().decode()
    assert first.endswith(".png\n")
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "go on with: batch --resume" in errors
    before = {first.strip(), *rest.splitlines()}
    assert 1 <= len(before) < 40
    dry = cli.here("--resume", "run", "--dry-run")
    assert f"{len(before)} done, 0 failed, {40 - len(before)} to run" in dry.stderr
    done = cli("--resume", "run", "--no-sheet", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "batch_started"
    assert events[0]["done"] == len(before)
    assert events[-1] == events[-1] | {"event": "batch_finished", "done": 40, "left": 0}
    pictures = sorted((cli.folder / "run").glob("*.png"))
    assert [params_of(path, "solid")["colour"] for path in pictures] == colours


def test_a_job_at_fault_and_trying_it_again(cli: Cli) -> None:
    """A picture that goes after the batch began is the fault of its job alone, the first too."""
    for name in ("a.png", "b.png", "c.png"):
        shutil.copy(HEART, cli.folder / name)
    sweep = ("--sweep", "picture.path=glob(*.png)")
    graph = cli.graph("copy", COPY)
    process = cli.start(graph, *sweep, "--no-sheet", "--json", "--out", "run")
    assert b"batch_started" in process.stdout.readline()
    process.close()
    (cli.folder / "a.png").unlink()
    failed = cli("--resume", "run", "--no-sheet", code=1)
    assert "job 1 (picture.path" in failed.stderr
    assert "a.png" in failed.stderr
    assert "2 done, 1 failed" in failed.stderr
    assert re.search(r"(?s)\n  1 with: .*a\.png", failed.stderr)
    assert "--retry-failed" in failed.stderr
    # Failed jobs aren't tried again unasked.
    assert cli.here("--resume", "run", "--no-sheet", code=1).stdout == ""
    # A picture that others were made from would make another batch of it.
    kept = (cli.folder / "b.png").read_bytes()
    Pil.new("RGB", (8, 8), "red").save(cli.folder / "b.png")
    refused = cli.here("--resume", "run", "--retry-failed", code=2)
    assert "b.png: the file has another content" in refused.stderr
    (cli.folder / "b.png").write_bytes(kept)
    # The one that was missing may come back as another: nothing was made from it.
    Pil.new("RGB", (8, 8), "red").save(cli.folder / "a.png")
    done = cli("--resume", "run", "--retry-failed", "--no-sheet")
    assert len(done.stdout.splitlines()) == 1
    assert len(list((cli.folder / "run").glob("*.png"))) == 3
    assert "no jobs left" in cli.here("--resume", "run", "--no-sheet").stderr


def test_a_second_ctrl_c_stops_at_once(cli: Cli) -> None:
    slow = ("--set", "sampler.steps=1000", "--set", "latent.width=64", "--set", "latent.height=64")
    process = cli.start(
        WORKFLOW, "--sweep", "sampler.seed=1..8", *slow, "--batch-size", "1", "--json",
        "--out", "run",
    )  # fmt: skip
    for line in process.stdout:
        if b'"job_progress"' in line:
            break
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate()[1]
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not list((cli.folder / "run").glob("*.png"))
    assert "8 to run" in cli.here("--resume", "run", "--dry-run").stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_ctrl_c_while_planning(cli: Cli) -> None:
    os.mkfifo(cli.folder / "rows.csv")
    process = cli.start(WORKFLOW, "--csv", "rows.csv", "--out", "run")
    with (cli.folder / "rows.csv").open("w") as rows:
        rows.write("sampler.seed\n1\n")
        rows.flush()
        process.send_signal(signal.SIGINT)
        errors = process.communicate()[1]
    assert (process.returncode, errors) == (130, "stopped\n")
    assert not (cli.folder / "run").exists()


def test_a_dry_run_writes_nothing(cli: Cli) -> None:
    (cli.folder / "rows.csv").write_text("positive.text\na [/b] cat\n")
    done = cli.here(
        WORKFLOW, "--csv", "rows.csv", "--sweep", "sampler.seed=1..20", "--out", "x", "--dry-run"
    )
    assert "1 row of positive.text × 20 sampler.seed" in done.stderr  # noqa: RUF001
    assert "20 jobs" in done.stderr
    assert "a [/b] cat" in done.stderr
    assert "and 12 more" in done.stderr
    told = json.loads(
        cli.here(WORKFLOW, "--csv", "rows.csv", "--out", "x", "--dry-run", "--json").stdout
    )
    assert told["jobs"] == 1
    assert told["first"] == [{"job": 0, "sets": {"positive.text": "a [/b] cat"}}]
    assert [path.name for path in cli.folder.iterdir()] == ["rows.csv"]


def test_the_job_file_that_ships_goes_by_its_name(cli: Cli) -> None:
    done = cli.here("sweep", "--dry-run")
    assert "24 jobs" in done.stderr
    assert not list(cli.folder.iterdir())


def test_the_command_line_goes_before_the_job_file(cli: Cli) -> None:
    cli.graph("solid", SOLID)
    (cli.folder / "job.toml").write_text(
        'graph = "solid.json"\n[set]\nsolid.width = 3\n[sweep]\nsolid.height = [1, 2]\n'
        '[run]\non = "workers"\nworkers = 2\n'
    )
    given = ("--set", "solid.height=4", "--sweep", "solid.width=5,6", "--on", "here")
    done = cli("job.toml", *given, "--out", "run", "--no-sheet")
    found = [params_of(Path(line), "solid") for line in done.stdout.splitlines()]
    assert sorted((one["width"], one["height"]) for one in found) == [(5, 4), (6, 4)]
    assert "workers" not in (cli.folder / "run" / "batch.toml").read_text()


def test_no_name_leads_out_of_the_folder(cli: Cli) -> None:
    graph = cli.graph("solid", SOLID)
    for name in ("../../x", "/x", "a/../../x"):
        done = cli.here(graph, "--sweep", f"save.name=fine,{name}", "--out", "run", code=2)
        assert "Outputs stay under the output folder" in done.stderr
    assert [path.name for path in cli.folder.iterdir()] == ["solid.json"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name a graph"),
        (("nothing.json",), "no such file"),
        (("text_to_imag",), "no such file. Did you mean text_to_image"),
        ((WORKFLOW, "--sweep", "sampler.seed"), "write NODE.PARAM=VALUES"),
        ((WORKFLOW, "--sweep", "sampler.sed=1..3"), "Did you mean seed"),
        ((WORKFLOW, "--sweep", "sampler.seed=1..x"), "no range"),
        ((WORKFLOW, "--sweep", "sampler.seed=1..1000000000"), "--yes"),
        ((WORKFLOW, "--csv", "no.csv"), "no such file"),
        ((WORKFLOW, "--set", "sampler.seed=x"), "--set sampler.seed=x"),
        ((WORKFLOW, "--on", "wrkers"), "Did you mean workers"),
        ((WORKFLOW, "--workers", "0"), "1 to 1024"),
        ((WORKFLOW, "--workers", "2", "--on", "here"), "leave one of them out"),
        ((WORKFLOW, "--workers", "1024"), "this machine has"),
        ((WORKFLOW, "--batch-size", "many"), "auto"),
        ((WORKFLOW, "--retry-failed"), "--resume"),
        ((WORKFLOW, "--resume", "x"), "the same batch"),
        (("--resume", "x"), "no batch in"),
        ((WORKFLOW, "--device", "tpu"), "no device"),
        (("job.toml",), "no such file"),
    ],
    ids=range(19),
)
def test_bad_input_is_told_and_nothing_is_written(
    cli: Cli, arguments: tuple[str | Path, ...], words: str
) -> None:
    out = () if "--resume" in arguments else ("--out", "out")
    done = cli.here(*arguments, *out, code=2)
    assert words in done.stderr
    assert len([line for line in done.stderr.splitlines() if line]) <= 4
    assert done.stdout == ""
    assert list(cli.folder.iterdir()) == []
