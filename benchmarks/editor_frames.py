"""Frames of the editor's canvas, offscreen, 1600 x 900: `python -m benchmarks.editor_frames JOB`.

A process of its own: it must hold no torch, and its memory is the editor's. A frame is an event
and all that it sets off, up to the last pixel.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.editor_parts import find, parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QPointF

    from ui.editor.editor import GraphEditor

ROOT = Path(__file__).parents[1]
SIZE = (1600, 900)
FRAMES = 60


class Bench:
    """An editor that paints into memory."""

    def __init__(self) -> None:
        from PySide6.QtWidgets import QApplication

        from studio.registry import Registry
        from ui.theme import ThemeManager

        self.app = QApplication.instance() or QApplication([])
        self.themes = ThemeManager(self.app, "dark", reduced_motion=True)  # type: ignore[arg-type]
        self.registry = Registry.load()

    def editor(self, graph: Any, path: Path | None = None) -> GraphEditor:
        """Shown and painted."""
        from ui.editor.editor import GraphEditor

        editor = GraphEditor(graph, self.registry, path)
        editor.resize(*SIZE)
        editor.show()
        self.paint()
        while editor.scene.building:
            self.paint()
        return editor

    def paint(self) -> None:
        """Everything that waits is done, and the window is painted."""
        self.app.processEvents()

    def frames(self, step: Callable[[int], object], count: int = FRAMES) -> list[float]:
        """Milliseconds of each of `count` steps with the painting that follows."""
        gc.collect()
        found = []
        for number in range(count):
            start = time.perf_counter()
            step(number)
            self.paint()
            found.append(1000 * (time.perf_counter() - start))
        return found


def jobs() -> dict[str, Callable[[], dict[str, Any]]]:
    """What can be measured, by name."""
    return {
        "moving-1000": lambda: moving(1000),
        "moving-5000": lambda: moving(5000),
        "group": group,
        "parts": lambda: parts(Bench()),
        "open": open_file,
        "hostile": hostile,
        "memory": memory,
    }


def moving(count: int) -> dict[str, Any]:
    """Pan, drag a node, zoom, show everything."""
    from PySide6.QtCore import QPointF

    from benchmarks.editor_graphs import grid

    bench = Bench()
    editor = bench.editor(grid(count))
    view = editor.view
    found: dict[str, Any] = {}
    for zoom, name in ((1.0, "pan"), (0.5, "pan at 50 %"), (0.25, "pan at 25 %")):
        view.zoom_to(zoom)
        view.centre_at(editor.scene.bounds().center())
        view.settle()
        bench.paint()
        found[name] = bench.frames(lambda n: view.pan_by(-9 if n % 40 < 20 else 9, -5))
    view.zoom_to(1.0)
    view.centre_at(editor.scene.bounds().center())
    view.settle()
    bench.paint()
    found["repaint"] = bench.frames(lambda n: view.viewport().update(), 20)
    found["drag"] = drag(bench, editor)
    middle = QPointF(view.viewport().rect().center())
    found["zoom"] = bench.frames(lambda n: view.zoom_by(-1 if n % 16 < 8 else 1, middle), 48)
    found["zoom, fine"] = bench.frames(lambda n: view.zoom_by(-0.2 if n % 16 < 8 else 0.2, middle))
    view.zoom_to(1.0)
    view.settle()
    bench.paint()

    def fit(number: int) -> None:
        if number % 2:
            view.zoom_to(1.0)
            view.settle()
        else:
            view.frame()

    both = bench.frames(fit, 24)
    found["fit"], found["back from fit"] = both[::2], both[1::2]
    view.frame()
    found["pan, all in view"] = bench.frames(lambda n: view.pan_by(-9 if n % 40 < 20 else 9, -5))
    found["select all"] = bench.frames(
        lambda n: editor.select(editor.document.nodes if n % 2 else ()), 8
    )
    return found


def group() -> dict[str, Any]:
    """Many nodes dragged together, dropped and put back; then the find bar on as many."""
    from benchmarks.editor_graphs import grid

    bench = Bench()
    found: dict[str, Any] = {}
    for count, chosen in ((1000, 200), (5000, 5000), (5000, 2500)):
        editor = bench.editor(grid(count))
        view, middle = editor.view, editor.scene.bounds().center()
        view.zoom_to(1.0)
        view.centre_at(middle)
        view.settle()
        nodes = editor.scene.nodes
        near = sorted(
            nodes, key=lambda name: (nodes[name].node_rect().center() - middle).manhattanLength()
        )
        # The nearest, or every other one: then each wire has one end that moves.
        editor.select(near[:chosen] if chosen in (200, count) else near[::2])
        bench.paint()
        found[f"drag {chosen} of {count}"] = drag(bench, editor)
        found[f"undo {chosen} of {count}"] = bench.frames(editor.stack.setIndex, 1)
        if chosen == count:
            found |= find(bench, editor)
        editor.close()
        editor.deleteLater()
        bench.paint()
    return found


def drag(bench: Bench, editor: GraphEditor) -> list[float]:
    """The node in the middle dragged by its title with the mouse, and all that is selected."""
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent

    view, viewport = editor.view, editor.view.viewport()
    name = editor.scene.node_at(view.area().center())
    if name is None:
        found = editor.scene.names_in(view.area().adjusted(300, 200, -300, -200))
        name = found[0]
    item = editor.scene.nodes[name]
    start = view.viewportTransform().map(item.pos() + QPointF(100, 12))

    def send(kind: QEvent.Type, at: QPointF, held: Qt.MouseButton) -> None:
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        bench.app.sendEvent(
            viewport,
            QMouseEvent(kind, at, viewport.mapToGlobal(at), button, held,
                        Qt.KeyboardModifier.NoModifier),
        )  # fmt: skip

    LEFT = Qt.MouseButton.LeftButton
    send(QEvent.Type.MouseButtonPress, start, LEFT)
    steps = bench.frames(
        lambda n: send(QEvent.Type.MouseMove, start + QPointF(3 * (n % 30), 2 * (n % 30)), LEFT)
    )
    send(QEvent.Type.MouseButtonRelease, start + QPointF(30, 20), Qt.MouseButton.NoButton)
    bench.paint()
    return steps


def open_file() -> dict[str, Any]:
    """A file of 1,000 nodes, from the disk to the painted window; 5,000 for comparison."""
    from benchmarks.editor_graphs import grid
    from studio.graph.files import dumps, load

    bench = Bench()
    bench.editor(load(ROOT / "workflows" / "text_to_image.json")).close()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as folder:
        for count in (1000, 5000):
            path = Path(folder) / f"{count}.json"
            path.write_text(dumps(grid(count)), "utf-8")
            times = []
            for _ in range(5):
                gc.collect()
                start = time.perf_counter()
                editor = bench.editor(load(path), path)
                times.append(1000 * (time.perf_counter() - start))
                editor.close()
                editor.deleteLater()
                bench.paint()
            found[f"open {count}"] = times
    return found


def hostile() -> dict[str, Any]:
    """The longest stall of the window while 50,000 nodes are laid out, and with them in view."""
    from benchmarks.editor_graphs import grid
    from ui.editor.editor import GraphEditor

    bench = Bench()
    graph = grid(50_000)
    start = time.perf_counter()
    stalls = []
    last = start
    editor = GraphEditor(graph, bench.registry)
    editor.resize(*SIZE)
    editor.show()
    while True:
        bench.paint()
        now = time.perf_counter()
        stalls.append(1000 * (now - last))
        last = now
        if not editor.scene.building:
            break
    bench.paint()
    stalls.append(1000 * (time.perf_counter() - last))
    whole = 1000 * (time.perf_counter() - start)
    view = editor.view
    return {
        "stall": [max(stalls)],
        "whole": [whole],
        "pan": bench.frames(lambda _: view.pan_by(5, 3), 10),
    }


def memory() -> dict[str, Any]:
    """MB of a process that shows the default graph; and the modules that mustn't be there."""
    import psutil

    from studio.graph.files import load

    path = ROOT / "workflows" / "text_to_image.json"
    bench = Bench()
    editor = bench.editor(load(path), path)
    bench.paint()
    used = psutil.Process().memory_info().rss / 1e6
    editor.close()
    return {
        "memory": [used],
        "heavy": [name for name in ("torch", "diffusers", "transformers") if name in sys.modules],
    }


def main(job: str) -> int:
    """Print the measurements of one job as JSON."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    found = jobs()[job]()
    with output:
        json.dump(found, output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
