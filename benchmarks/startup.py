"""Whole processes, as a user starts them: a cached run, --help, a picture from nothing.

Every process is a real child with a home of its own; a run "after a restart" is a new process that
finds on disk what an earlier one left. Imports are timed in a child that does nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from benchmarks.report import Figure, interleaved, log, medians

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / "workflows" / "text_to_image.json"
ROUNDS = 9
COLD_ROUNDS = 3

# What the program imports for this graph, in its order; a line of seconds by library.
IMPORTS = """
import json, time
seconds = {}
def timed(name, statement):
    start = time.perf_counter()
    exec(statement)
    seconds[name] = time.perf_counter() - start
timed("torch", "import torch")
timed("transformers", "from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer")
timed("diffusers", "from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel; "
      "from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL")
print(json.dumps(seconds))
"""
LIBRARIES = ("torch", "transformers", "diffusers")


def measure() -> list[Figure]:
    """The figures of starting."""
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as temporary:
        folder = Path(temporary)
        return [*_cold(folder), *_warm(folder)]


def _cold(folder: Path) -> list[Figure]:
    log("cold runs")
    number = iter(range(1, 100))
    imports: list[dict[str, float]] = []

    def from_nothing() -> float:
        return _run(folder / f"cold{next(number)}", _arguments())[0]

    def import_all() -> float:
        seconds, output = _python(folder, ["-c", IMPORTS])
        imports.append(json.loads(output))
        return seconds

    from_nothing()  # makes the .pyc files and fills the page cache
    found = medians(interleaved({"cold": from_nothing, "imports": import_all}, COLD_ROUNDS))
    by_library = medians({name: [each[name] for each in imports] for name in LIBRARIES})
    log("cold, after a reboot")
    _forget_libraries()
    rebooted = from_nothing()
    return [
        Figure("text_to_image on the pocket, cold, whole process", found["cold"], "s", "<= 12"),
        Figure("the imports of that, in a process of their own", found["imports"], "s"),
        *(Figure(f"of which {name}", by_library[name], "s") for name in LIBRARIES),
        Figure("the same with the libraries' files read from the disk, as after a reboot; once",
               rebooted, "s", "<= 12"),
    ]  # fmt: skip


def _warm(folder: Path) -> list[Figure]:
    home = folder / "cold1"
    log("cached runs and --help")
    seed = iter(range(100, 200))

    def cached() -> float:
        seconds, output = _run(home, [*_arguments(), "--json"])
        events = [json.loads(line) for line in output.splitlines()]
        if any(event["event"] == "node_started" for event in events):
            raise RuntimeError(f"the run wasn't cached: {output}")
        return seconds

    found = medians(
        interleaved(
            {
                "cached": cached,
                "help": lambda: _run(home, ["--help"])[0],
                "plan": lambda: _run(home, ["plan", *_arguments()[1:]])[0],
                "python": lambda: _python(home, ["-c", "pass"])[0],
            },
            ROUNDS,
        )
    )
    log("another seed")
    seeds = {"seed": lambda: _run(home, [*_arguments(), "--seed", str(next(seed))])[0]}
    another = medians(interleaved(seeds, COLD_ROUNDS))["seed"]
    return [
        Figure("`run` of a fully cached graph after a restart, whole process", found["cached"],
               "s", "<= 0.6"),
        Figure("`main.py --help`, whole process", found["help"], "s", "<= 0.35"),
        Figure("`plan`, whole process", found["plan"], "s"),
        Figure("python alone, whole process", found["python"], "s"),
        Figure("another seed after a restart, whole process", another, "s"),
    ]  # fmt: skip


def _arguments() -> list[str]:
    return ["run", str(WORKFLOW), "--out", "out"]


def _run(home: Path, arguments: list[str]) -> tuple[float, str]:
    home.mkdir(exist_ok=True)
    return _python(home, [str(ROOT / "main.py"), *arguments])


def _python(home: Path, arguments: list[str]) -> tuple[float, str]:
    """(seconds, standard output) of a whole process."""
    environment = {**os.environ, "LATENT_STUDIO_HOME": str(home / "home")}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=home, env=environment, capture_output=True, check=False
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stderr.decode()}")
    return seconds, done.stdout.decode()


def _forget_libraries() -> None:
    """Ask the system to drop the libraries' files from its page cache, where nobody uses them."""
    for path in Path(sysconfig.get_path("purelib")).rglob("*"):
        if path.suffix in (".py", ".pyc", ".so") or ".so." in path.name:
            with contextlib.suppress(OSError), path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
