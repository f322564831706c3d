"""The brush canvas: mouse events through the real view until they are painted; opening; memory.

Offscreen, at 1600 x 900, in a process of its own. A dab is a move of the mouse with a brush of
radius 50 px, far enough for a point of the stroke; its time is that of the event, of what follows
from it, and of painting the window.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import Figure, log

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from PySide6.QtCore import QPointF

    from ui.paint.view import PaintView

ROOT = Path(__file__).parents[1]
SIDE = 2048
LARGE = 4096
STROKES = 500
OPENINGS = 4
BEAT = 5
"""Milliseconds."""
ROUNDS = 8
DABS = 25
ZOOMS = (("all of it in view", 0.0), ("at 50 %", 0.5), ("at 100 %", 1.0), ("at 400 %", 4.0))
LOOKS = ("tint", "contour", "checker")


def measure() -> list[Figure]:
    """The figures of the brush canvas."""
    figures = []
    for job, words in (("dabs-4", "4 MP"), ("dabs-16", "16 MP")):
        log(job)
        goals = ("<= 8", "<= 16") if job == "dabs-4" else ("", "")
        for name, times in _run(job).items():
            what = f"dab of radius 50 px at {words}, {name}, event to painted"
            goal = goals if "tint" in name else ("", "")
            figures += [
                Figure(f"{what}, median", statistics.median(times), "ms", goal[0]),
                Figure("… 95th percentile", statistics.quantiles(times, n=20)[-1], "ms", goal[1]),
            ]
    log("open")
    found = _run("open")
    figures += [
        Figure("16 MP, 500 strokes: click to painted", min(found["seen"]), "s", "<= 1"),
        Figure("… to the exact mask, which can be painted on", min(found["exact"]), "s"),
        Figure("… the event loop is held, longest", min(found["held"]), "ms"),
        Figure("bucket on 16 MP, click to painted", min(found["bucket"]), "ms"),
        Figure("… the event loop is held, longest", min(found["bucket held"]), "ms", "<= 33"),
        Figure("undo of one stroke, 95th percentile", _slow(found["undo"]), "ms", "<= 50"),
        Figure("pan, a frame", statistics.median(found["pan"]), "ms"),
        Figure("zoom step", statistics.median(found["zoom"]), "ms"),
        Figure("memory of 100 undo steps on 16 MP", found["memory"][0], "MB", "<= 64"),
        Figure("… as the process grew", found["grown"][0], "MB"),
    ]
    return figures


def _slow(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _run(job: str) -> dict[str, list[float]]:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.inpaint_canvas", job],
        cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, list[float]] = json.loads(answer.stdout)
    return found


# ------------------------------------------------------------------ in the process of its own


def _view() -> PaintView:
    from PySide6.QtWidgets import QApplication

    from ui.paint.painting import Painting
    from ui.paint.settings import PaintSettings
    from ui.paint.view import PaintView
    from ui.theme import ThemeManager, fonts

    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    fonts.load()
    ThemeManager(app, "dark", reduced_motion=True)
    view = PaintView(Painting(app), PaintSettings(app))
    view.resize(1600, 900)
    view.settings.radius = 50
    view.show()
    QApplication.processEvents()
    return view


def _picture(side: int) -> NDArray[np.uint8]:
    import numpy as np

    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (side // 32, side // 32, 3), np.uint8)
    found = np.repeat(np.repeat(small, 32, 0), 32, 1)
    found += rng.integers(0, 24, found.shape, np.uint8)
    return found


def _mouse(view: PaintView, kind: Any, at: QPointF, held: bool) -> None:
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    button = none if kind == QMouseEvent.Type.MouseMove else left
    event = QMouseEvent(
        kind, at, view.mapToGlobal(at), button, left if held else none,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def _painted() -> None:
    from PySide6.QtWidgets import QApplication

    QApplication.processEvents()


def dabs(side: int) -> dict[str, list[float]]:
    """Milliseconds of each move of the mouse, by how it is seen."""
    from PySide6.QtCore import QPointF

    view = _view()
    view.painting.show(_picture(side))
    found: dict[str, list[float]] = {}
    for look in LOOKS:
        view.settings.overlay = look
        for name, zoom in ZOOMS:
            if look != "tint" and zoom not in (0.0, 4.0):
                continue
            if zoom:
                view.zoom_to(zoom)
            else:
                view.fit()
            _painted()
            found[f"{look}, {name}"] = _stroked(view, QPointF(800, 450))
    return found


def _stroked(view: PaintView, middle: QPointF) -> list[float]:
    """Strokes around the middle of the view, each on an empty mask, so that every move paints."""
    from studio.masks.sketch import Sketch
    from studio.masks.strokes import Strokes

    times: list[float] = []
    for _ in range(ROUNDS):
        times += _arc(view, middle)
        view.painting.set(Strokes(), Sketch())
        _painted()
    return times


def _arc(view: PaintView, middle: QPointF) -> list[float]:
    import math

    from PySide6.QtCore import QEvent, QPointF

    radius, turn = 280.0, 0.0
    step = max(50 * view.settings.spacing / 100 * view.placement.zoom * 1.1, 2.0)

    def point() -> QPointF:
        return middle + QPointF(radius * math.cos(turn), radius * math.sin(turn))

    _mouse(view, QEvent.Type.MouseMove, point(), held=False)
    _mouse(view, QEvent.Type.MouseButtonPress, point(), held=True)
    _painted()
    times = []
    told: list[object] = []
    view.painting.changed.connect(told.append)
    for _ in range(DABS):
        told.clear()
        turn += step / radius
        start = time.perf_counter()
        _mouse(view, QEvent.Type.MouseMove, point(), held=True)
        # A tool may gather a few moves before it paints them.
        while not told or not view.up_to_date:
            _painted()
            if time.perf_counter() - start > 1:
                raise RuntimeError("a move of the mouse painted nothing")
        times.append((time.perf_counter() - start) * 1000)
    view.painting.changed.disconnect(told.append)
    _mouse(view, QEvent.Type.MouseButtonRelease, point(), held=False)
    _painted()
    return times


def opened() -> dict[str, list[float]]:
    """16 megapixels and 500 strokes: opening them, undoing them, moving about."""
    import tempfile

    import numpy as np

    from benchmarks.inpaint_raster import _stroke
    from studio.masks.sketch import Sketch
    from studio.masks.strokes import Strokes
    from studio.png import encode_png
    from ui.paint.painting import prepare

    view = _view()
    plain = view.painting
    plain.show(_picture(256))
    _painted()
    picture = _picture(LARGE)
    rng = np.random.default_rng(5)
    strokes = Strokes(tuple(_stroke(rng, rng.uniform(20, 100), LARGE) for _ in range(STROKES)))
    found: dict[str, list[float]] = {
        name: [] for name in ("seen", "exact", "held", "bucket", "bucket held")
    }
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as folder:
        path = Path(folder) / "picture.png"
        path.write_bytes(encode_png(picture, {}))
        for _ in range(OPENINGS):
            for name, value in _open(view, path, strokes).items():
                found[name].append(value)
            view.set_painting(plain)
            _painted()
    plain.take(prepare(LARGE, LARGE, picture, strokes, Sketch()))
    _painted()
    view.zoom_to(1.0)
    _painted()
    pan = [_timed(lambda: view.pan_by(13, 7)) for _ in range(60)]
    zoom = [_timed(lambda: view.zoom_to(view.zoom * 0.97)) for _ in range(60)]
    view.fit()
    _painted()
    memory, grown, undo = _steps(view)
    return found | {
        "undo": undo, "pan": pan, "zoom": zoom, "memory": [memory], "grown": [grown]
    }  # fmt: skip


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    _painted()
    return (time.perf_counter() - start) * 1000


def _open(view: PaintView, path: Path, strokes: Any) -> dict[str, float]:
    """Seconds from the wish to paint on a node until something, and all, is painted; then one
    bucket. Milliseconds for which nothing else could be done."""
    from PySide6.QtWidgets import QApplication

    from studio.graph.document import Graph, Node
    from studio.masks.items import Bucket
    from studio.masks.strokes import dump
    from studio.registry import Registry
    from ui.editor.editor import GraphEditor
    from ui.paint.bindings import Bindings

    graph = Graph(
        nodes={
            "load": Node(type="LoadImage", params={"path": str(path)}),
            "mask": Node(
                type="InpaintMask", params={"strokes": dump(strokes)},
                inputs={"image": "load.image"},
            ),
        }
    )  # fmt: skip
    editor = GraphEditor(graph, Registry.load())
    bindings = Bindings(QApplication.instance())
    held = _Held()
    start = time.perf_counter()
    painting = bindings.get(editor, "mask").painting
    view.set_painting(painting)
    _until(lambda: painting.picture is not None and view.up_to_date)
    seen = time.perf_counter() - start
    _until(lambda: painting.ready and view.up_to_date)
    exact = time.perf_counter() - start
    longest = held.longest()
    start = time.perf_counter()
    # Dark enough and up to a half of its noise: about a tenth of the picture.
    painting.add("mask", Bucket(x=30000, y=30000, tolerance=90, everywhere=True))
    began = (time.perf_counter() - start) * 1000
    _until(lambda: not painting.awaited and view.up_to_date)
    bucket = (time.perf_counter() - start) * 1000
    bucket_held = max(held.longest(), began)
    held.close()
    bindings.close()
    editor.close()
    editor.deleteLater()
    return {
        "seen": seen, "exact": exact, "held": longest, "bucket": bucket,
        "bucket held": bucket_held,
    }  # fmt: skip


def _until(true: Callable[[], bool]) -> None:
    """Let events happen until it is so, and has been painted."""
    from PySide6.QtCore import QEventLoop
    from PySide6.QtWidgets import QApplication

    while not true():
        # Asleep until something happens, as an application is: spinning would hold the threads up.
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    _painted()


class _Held:
    """For how long events have to wait, milliseconds: a timer's beats come that late."""

    def __init__(self) -> None:
        from PySide6.QtCore import QTimer

        self._longest = 0.0
        self._since = time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT)

    def longest(self) -> float:
        """Since it was asked for last."""
        self._beat()
        found, self._longest = self._longest, 0.0
        return found

    def close(self) -> None:
        self._timer.stop()

    def _beat(self) -> None:
        now = time.perf_counter()
        self._longest = max(self._longest, (now - self._since) * 1000 - BEAT)
        self._since = now


def _steps(view: PaintView) -> tuple[float, float, list[float]]:
    """100 strokes on what is open: megabytes they keep, by which the process grew, and
    milliseconds of undoing each."""
    import numpy as np
    import psutil

    from benchmarks.inpaint_raster import _stroke
    from studio.masks.sketch import Sketch
    from studio.masks.strokes import Strokes

    painting = view.painting
    rng = np.random.default_rng(11)
    process = psutil.Process()
    before, kept = process.memory_info().rss, painting.mask.bytes_kept
    for _ in range(100):
        painting.add("mask", _stroke(rng, rng.uniform(20, 100), LARGE))
        _painted()
    grown = (process.memory_info().rss - before) / 2**20
    memory = (painting.mask.bytes_kept - kept) / 2**20
    times = []
    for _ in range(100):
        less = Strokes(painting.strokes.items[:-1])
        times.append(_timed(lambda less=less: painting.set(less, Sketch())))  # type: ignore[misc]
    return memory, grown, times


JOBS: dict[str, Callable[[], dict[str, list[float]]]] = {
    "dabs-4": lambda: dabs(SIDE), "dabs-16": lambda: dabs(LARGE), "open": opened,
}  # fmt: skip


def main() -> None:
    """Do the job that is named, and say what it gave."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    found = JOBS[sys.argv[1]]()
    with output:
        json.dump(found, output)


if __name__ == "__main__":
    main()
