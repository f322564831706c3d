"""The editor: starting, panning, dragging, zooming, opening, typing, stalls in a run, memory.

Every job has a process of its own, offscreen, at 1600 x 900. Of frames the median is what counts;
the 95th percentile tells of hitches.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, log

ROOT = Path(__file__).parents[1]

# What of each job is told: measurement, words, what to reach.
_TOLD: dict[str, tuple[tuple[str, str, str], ...]] = {
    "moving-1000": (
        ("pan", "pan at 1:1, 1,000 nodes, a frame", "<= 5"),
        ("drag", "node drag at 1:1, 1,000 nodes, a frame", "<= 5"),
        ("zoom", "zoom step, 1,000 nodes", "<= 16"),
        ("zoom, fine", "zoom step of a touch pad, 1,000 nodes", ""),
        ("repaint", "the whole window at 1:1, sharp, 1,000 nodes", ""),
    ),
    "moving-5000": (
        ("pan", "pan at 1:1, 5,000 nodes, a frame", "<= 5"),
        ("drag", "node drag at 1:1, 5,000 nodes, a frame", "<= 5"),
        ("fit", "fit-all, 5,000 nodes", "<= 33"),
        ("back from fit", "back from fit-all to 1:1, 5,000 nodes", ""),
        ("pan, all in view", "pan with all of 5,000 nodes in view, a frame", ""),
        ("pan at 50 %", "pan at 50 %, 5,000 nodes, a frame", ""),
        ("pan at 25 %", "pan at 25 %, 5,000 nodes, a frame", ""),
        ("zoom", "zoom step, 5,000 nodes", ""),
    ),
    "group": (
        ("drag 200 of 1000", "drag of 200 of 1,000 nodes at 1:1, a frame", "<= 16"),
        ("drag 5000 of 5000", "drag of all of 5,000 nodes at 1:1, a frame", "<= 16"),
        ("drag 2500 of 5000", "drag of every other one of 5,000 nodes at 1:1, a frame", "<= 16"),
        ("undo 5000 of 5000", "the move of 5,000 nodes undone", ""),
        ("find", "find bar opened on 5,000 nodes", ""),
        ("find, first letter", "first letter in the find bar, 5,000 nodes", "<= 30"),
        ("find, a letter", "a letter in the find bar, 5,000 nodes", "<= 16"),
    ),
    "parts": (
        ("lay out", "1,000 nodes laid out", "<= 1000"),
        ("match", "what a wire fits among 5,000 reroutes in a row", ""),
        ("outline", "outline of 5,000 nodes filled", ""),
        ("problems", "50,000 faults shown", ""),
    ),
    "open": (
        ("open 1000", "open 1,000 nodes, from disk to painted", "<= 700"),
        ("open 5000", "open 5,000 nodes, from disk to painted", ""),
    ),
    "hostile": (
        ("stall", "longest stall while 50,000 nodes are laid out", "<= 300"),
        ("whole", "50,000 nodes, from the graph to painted", ""),
        ("pan", "pan with all of 50,000 nodes in view, a frame", ""),
    ),
    "memory": (("memory", "memory of a process with the canvas of the default graph", ""),),
}

# The same for jobs of the whole window.
_WINDOW: dict[str, tuple[tuple[str, str, str], ...]] = {
    "start": (
        ("start", "process start to the first painted window, default graph", "<= 800"),
        ("memory", "memory of the editor's process, default graph, all at rest", "<= 180"),
    ),
    "palette": (("keystroke", "keystroke in the palette to the list shown, 500 types", "<= 8"),),
    "large-5000": (
        ("open", "longest stall of the window while a file of 5,000 nodes is opened", "<= 300"),
        ("plan", "longest stall while its plan comes and its panels are filled", "<= 30"),
        ("edit", "longest stall while an edit of it is kept and planned", "<= 30"),
    ),
    "large-50000": (
        ("open", "longest stall of the window while a file of 50,000 nodes is opened", "<= 300"),
        ("opened", "file of 50,000 nodes, from the wish to its nodes in the window", ""),
        ("plan", "longest stall while its plan comes and its panels are filled", ""),
        ("edit", "longest stall while an edit of it is kept and planned", "<= 300"),
    ),
    "run": (
        ("stall", "longest stall of the event loop in a run with previews", "<= 30"),
        ("turn", "99th percentile of the turns of the event loop in that run", ""),
    ),
}
STARTS = 9
RUNS = 3


def measure() -> list[Figure]:
    """The figures of the canvas."""
    figures = []
    for job, told in _TOLD.items():
        log(f"{job}")
        found = run(job)
        for key, words, reach in told:
            figures += _figures(words, found[key], reach, "MB" if job == "memory" else "ms")
    for job, told in _WINDOW.items():
        log(f"window: {job}")
        found = _window(job, {"start": STARTS, "run": RUNS}.get(job, 1))
        for key, words, reach in told:
            figures += _figures(words, found[key], reach, "MB" if key == "memory" else "ms")
    return figures


def _window(job: str, times: int) -> dict[str, list[float]]:
    """What one job of `editor_window` measured, in `times` processes of their own, one home."""
    gathered: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as home:
        for number in range(times + 1):
            environment = {
                **os.environ,
                "QT_QPA_PLATFORM": "offscreen",
                "PYTHONPATH": str(ROOT),
                "LATENT_STUDIO_HOME": home,
                # As everywhere but in a container that forbids it: compiled once, not each time.
                "PYTHONDONTWRITEBYTECODE": "",
                "PYTHONPYCACHEPREFIX": os.path.join(home, "bytecode"),
                "BENCHMARK_BORN": repr(time.time()),
            }
            answer = subprocess.run(
                [sys.executable, "-m", "benchmarks.editor_window", job],
                cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            if number == 0 and times > 1:
                continue  # the first reads everything from the disk
            found: dict[str, Any] = json.loads(answer.stdout)
            if heavy := found.pop("heavy"):
                raise RuntimeError(f"the editor's process holds {', '.join(heavy)}")
            for key, values in found.items():
                gathered.setdefault(key, []).extend(values)
    return gathered


def run(job: str) -> dict[str, Any]:
    """What one job of `editor_frames` measured, in a process of its own."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.editor_frames", job],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(answer.stdout)
    if found.get("heavy"):
        raise RuntimeError(f"the editor's process holds {', '.join(found['heavy'])}")
    return found


def _figures(words: str, values: list[float], reach: str, unit: str) -> list[Figure]:
    middle = Figure(words, statistics.median(values), unit, reach)
    if len(values) < 8:
        return [middle]
    slow = statistics.quantiles(values, n=20)[-1]
    return [middle, Figure(f"{words}: 95th percentile", slow, unit)]
