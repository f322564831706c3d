"""The whole window in a process of its own: one job, one JSON object on stdout.

`python -m benchmarks.editor_window JOB`, offscreen, at 1600 x 900. The home folder is the one that
the environment names, and so is the moment of the start.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.window import MainWindow

_REST = 20_000
"""Milliseconds in which a plan of 50,000 nodes is made and has come."""
HEAVY = ("torch", "diffusers", "transformers")
TYPES = 500
WORDS = ("latent", "ksamp", "image", "load vae", "condi", "mask")


BORN = "BENCHMARK_BORN"
"""Environment variable: when the parent started this process, by `time.time`."""


def since_birth() -> float:
    """Milliseconds since this process was started, its interpreter's start among them."""
    return (time.time() - float(os.environ[BORN])) * 1000


def start() -> dict[str, list[float]]:
    """Process start to the first painted window, as `main.py` starts it; then its memory."""
    from ui.app import run

    found: dict[str, list[float]] = {}

    def watch(window: MainWindow) -> None:
        window.resize(1600, 900)
        window.first_painted.connect(lambda: found.setdefault("start", [since_birth()]))

        def leave() -> None:
            import psutil

            found["memory"] = [psutil.Process().memory_info().rss / 1e6]
            window.close()

        from PySide6.QtCore import QTimer

        # The panels are filled and the palette is ready by then.
        QTimer.singleShot(6000, window, leave)

    run([], opened=watch)
    return found


def running() -> dict[str, list[float]]:
    """The longest time between two turns of the event loop while the graph runs."""
    from ui.app import run

    found: dict[str, list[float]] = {}

    def watch(window: MainWindow) -> None:
        window.resize(1600, 900)
        _watch_run(window, found)

    run([], opened=watch)
    return found


def _watch_run(window: MainWindow, found: dict[str, list[float]]) -> None:
    from PySide6.QtCore import QTimer

    from studio.editing.edits import set_params

    workshop = window.workshop
    turns: list[float] = []
    clock = QTimer(window)
    clock.setInterval(1)
    last = [0.0]

    def turn() -> None:
        now = time.perf_counter()
        if last[0]:
            turns.append((now - last[0]) * 1000)
        last[0] = now

    clock.timeout.connect(turn)

    def begin() -> None:
        editor = window.editor
        assert editor is not None
        # A seed that no run of this home had: nothing of the sampler's is in the cache.
        values = {"steps": 60, "seed": int(time.time() * 1000)}
        editor.push(set_params(editor.document, {"sampler": values}, "Set"))
        last[0] = 0.0
        clock.start()
        window.actions_.action("run.run").trigger()

    def over(job: Any) -> None:
        if job.status != "done":
            raise RuntimeError(job.error)
        if len(turns) < 100:
            raise RuntimeError(f"the run was over after {len(turns)} turns: it computed nothing")
        turns.sort()
        found["stall"] = [turns[-1]]
        found["turn"] = [turns[len(turns) * 99 // 100]]
        QTimer.singleShot(500, window, leave)

    def leave() -> None:
        editor = window.editor
        assert editor is not None
        editor.stack.setClean()
        window.close()

    workshop.queue.job_finished.connect(over)
    # Warm, with all panels made: the run alone is measured.
    workshop.client.ready.connect(lambda _: QTimer.singleShot(12_000, window, begin))


def large(count: int) -> dict[str, list[float]]:
    """The longest times between two turns of the event loop with a large file: while it opens,
    while its plan comes, and after an edit."""
    from benchmarks.editor_graphs import grid
    from studio.graph.files import dumps
    from ui.app import run

    path = Path(os.environ["LATENT_STUDIO_HOME"]) / f"{count}.json"
    path.write_text(dumps(grid(count)), "utf-8")
    found: dict[str, list[float]] = {}

    def watch(window: MainWindow) -> None:
        window.resize(1600, 900)
        _watch_large(window, path, found)

    run([], opened=watch)
    return found


def _watch_large(window: MainWindow, path: Path, found: dict[str, list[float]]) -> None:
    from PySide6.QtCore import QTimer

    from studio.editing.edits import set_param

    clock = QTimer(window)
    clock.setInterval(0)
    last = [0.0, ""]
    began = [0.0]

    def turn() -> None:
        now, phase = time.perf_counter(), last[1]
        worst = found.setdefault(phase, [0.0])
        worst[0] = max(worst[0], (now - last[0]) * 1000)
        last[0] = now

    def begin(phase: str) -> None:
        last[:] = [time.perf_counter(), phase]

    def open_file() -> None:
        began[0] = time.perf_counter()
        begin("open")
        clock.start()
        window.tabs.open(path)
        wait()

    def wait() -> None:
        editor = window.editor
        if editor is None or editor.path != path or editor.scene.building:
            QTimer.singleShot(50, window, wait)
            return
        found["opened"] = [(time.perf_counter() - began[0]) * 1000]
        begin("plan")
        QTimer.singleShot(_REST, window, edit)

    def edit() -> None:
        editor = window.editor
        assert editor is not None
        begin("edit")
        editor.push(set_param(editor.document, "node_1", "text", "something else"))
        QTimer.singleShot(_REST, window, leave)

    def leave() -> None:
        clock.stop()
        editor = window.editor
        assert editor is not None
        editor.stack.setClean()
        window.close()

    clock.timeout.connect(turn)
    # The engine is there and the panels are filled by then.
    QTimer.singleShot(8000, window, open_file)


def palette() -> dict[str, list[float]]:
    """A keystroke in the palette to the list shown, with 500 node types."""
    from dataclasses import replace

    from PySide6.QtCore import QPointF, Qt, QTimer
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication

    from studio.registry import Registry
    from ui.app import run

    specs = dict(Registry.load())
    known = list(specs.values())
    for number in range(TYPES - len(known)):
        spec = known[number % len(known)]
        name = f"{spec.type}{number}"
        specs[name] = replace(spec, type=name)
    found: dict[str, list[float]] = {"keystroke": []}

    def type_words(window: MainWindow) -> None:
        window.specs = specs
        editor = window.tabs.new()
        editor.document.specs = specs
        window.commands.open_palette(QPointF(0, 0))
        QApplication.processEvents()
        for word in WORDS:
            for letter in word:
                focus = QApplication.focusWidget()
                begun = time.perf_counter()
                QTest.keyClicks(focus, letter)
                QApplication.processEvents()
                found["keystroke"].append((time.perf_counter() - begun) * 1000)
                QTest.qWait(60)
            for _ in word:
                QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Backspace)
        window.close()

    def watch(window: MainWindow) -> None:
        window.resize(1600, 900)
        QTimer.singleShot(3000, window, lambda: type_words(window))

    run([], opened=watch)
    return found


JOBS: dict[str, Callable[[], dict[str, list[float]]]] = {
    "start": start, "run": running, "palette": palette,
    "large-5000": lambda: large(5000), "large-50000": lambda: large(50_000),
}  # fmt: skip


def main() -> None:
    """Do the job that is named, and say what it gave."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    found: dict[str, Any] = JOBS[sys.argv[1]]()
    found["heavy"] = [name for name in HEAVY if name in sys.modules]
    with output:
        json.dump(found, output)


if __name__ == "__main__":
    main()
