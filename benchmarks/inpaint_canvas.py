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
        Figure("16 MP, 500 strokes: open to painted", min(found["open"]), "s", "<= 1"),
        Figure("… of it the event loop is held", min(found["held"]), "ms"),
        Figure("the same from the disk", min(found["from disk"]), "s"),
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
    from studio.masks.strokes import Strokes
    from studio.png import encode_png
    view = _view()
    view.painting.show(_picture(256))
    _painted()
    picture = _picture(LARGE)
    rng = np.random.default_rng(5)
    strokes = Strokes(tuple(_stroke(rng, rng.uniform(20, 100), LARGE) for _ in range(STROKES)))
    opens, helds = [], []
    for _ in range(3):
        seconds, held = _open(view, lambda: picture, strokes)
        opens.append(seconds)
        helds.append(held)
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as folder:
        path = Path(folder) / "picture.png"
        path.write_bytes(encode_png(picture, {}))
        disk = [_open(view, lambda: _read(path), strokes)[0] for _ in range(2)]
    view.zoom_to(1.0)
    _painted()
    pan = [_timed(lambda: view.pan_by(13, 7)) for _ in range(60)]
    zoom = [_timed(lambda: view.zoom_to(view.zoom * 0.97)) for _ in range(60)]
    view.fit()
    _painted()
    memory, grown, undo = _steps(view)
    return {
        "open": opens, "held": helds, "from disk": disk, "undo": undo, "pan": pan, "zoom": zoom,
        "memory": [memory], "grown": [grown],
    }  # fmt: skip


def _read(path: Path) -> NDArray[np.uint8]:
    """A picture file as the canvas reads it."""
    from studio.pictures import read_rgb8

    return read_rgb8(path)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    _painted()
    return (time.perf_counter() - start) * 1000


def _open(
    view: PaintView, picture: Callable[[], NDArray[np.uint8]], strokes: Any
) -> tuple[float, float]:
    """Seconds from the wish to what is painted; milliseconds for which nothing else was done."""
    from PySide6.QtCore import QEventLoop
    from PySide6.QtWidgets import QApplication

    from studio.masks.sketch import Sketch
    from ui.jobs import Jobs
    from ui.paint.painting import prepare

    jobs = Jobs(1)
    done: list[float] = []

    def work() -> Any:
        found = picture()
        height, width = found.shape[:2]
        return prepare(width, height, found, strokes, Sketch())

    def then(found: Any) -> None:
        start = time.perf_counter()
        view.painting.take(found)
        _painted()
        done.append((time.perf_counter() - start) * 1000)

    start = time.perf_counter()
    jobs.run(work, then, _fail)
    while not done:
        # Asleep until something happens, as an application is: spinning would hold the threads up.
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    seconds = time.perf_counter() - start
    jobs.close()
    return seconds, done[0]


def _fail(error: Exception) -> None:
    raise error


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
