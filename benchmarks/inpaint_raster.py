"""Painted masks without a window: rasterising many strokes, and what one dab costs a canvas.

The strokes are random walks as hands draw them: gentle turns, 50 points each a tenth of the
brush's diameter apart, radii of 20 to 100 pixels, hard and soft, some of them erasing.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.report import Figure, log
from studio.masks.raster import Canvas, rasterise
from studio.masks.strokes import UNIT, Brush, Strokes, clamp_points

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE = 4096
STROKES = 500
POINTS = 50
ROUNDS = 5


def measure() -> list[Figure]:
    """The figures of painted masks."""
    rng = np.random.default_rng(5)
    log(f"{STROKES} strokes at 16 MP")
    strokes = Strokes(tuple(_stroke(rng, rng.uniform(20, 100), SIDE) for _ in range(STROKES)))
    brushes = (item for item in strokes if isinstance(item, Brush))
    pressed = Strokes(tuple(replace(brush, pressure=3) for brush in brushes))
    canvas = Canvas(SIDE, SIDE)
    figures = [
        Figure("16 MP, 500 strokes, headless", _least(lambda: _drawn(strokes)), "s", "<= 1"),
        Figure("the same with pressure on size and opacity", _least(lambda: _drawn(pressed)), "s"),
        Figure("the same on a canvas, with undo", _least(lambda: canvas.set(strokes), 1), "s"),
        Figure("memory of 500 undo steps", canvas.bytes_kept / 2**20, "MB", "<= 64"),
        Figure("undo of one stroke, 95th percentile", _undo(canvas), "ms", "<= 50"),
    ]
    for name, wide, high in (("4 MP", 2048, 2048), ("16 MP", SIDE, SIDE)):
        log(f"dabs at {name}")
        dabs = _dabs(rng, wide, high)
        figures += [
            Figure(f"dab of radius 50 px at {name}, median", statistics.median(dabs), "ms", "<= 8"),
            Figure(f"… 95th percentile at {name}", float(np.percentile(dabs, 95)), "ms", "<= 16"),
        ]
    return figures


def _drawn(strokes: Strokes) -> None:
    rasterise(strokes, SIDE, SIDE)


def _least(job: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the quickest round: what else the machine did counts least in it."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        job()
        times.append(time.perf_counter() - start)
    return min(times)


def _undo(canvas: Canvas) -> float:
    times = []
    for _ in range(100):
        start = time.perf_counter()
        canvas.undo()
        times.append((time.perf_counter() - start) * 1000)
    return float(np.percentile(times, 95))


def _dabs(rng: np.random.Generator, width: int, height: int) -> list[float]:
    """Milliseconds of each event of strokes that are painted point by point."""
    canvas = Canvas(width, height)
    times = []
    for _ in range(20):
        brush = _stroke(rng, 50, max(width, height))
        canvas.begin(replace(brush, points=brush.points[:1]))
        for point in brush.points[1:]:
            start = time.perf_counter()
            canvas.extend(point[None])
            times.append((time.perf_counter() - start) * 1000)
        canvas.end()
    return times


def _stroke(rng: np.random.Generator, radius: float, side: int) -> Brush:
    turns = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.15, POINTS - 1).cumsum()
    steps = radius / 5 * UNIT / side * np.stack([np.cos(turns), np.sin(turns)], 1)
    path = rng.uniform(0, UNIT, 2) + np.concatenate([np.zeros((1, 2)), steps.cumsum(0)])
    press = (128 + rng.normal(0, 10, POINTS).cumsum())[:, None]
    return Brush(
        erase=bool(rng.random() < 0.3),
        radius=max(round(radius * UNIT / side), 1),
        hardness=int(rng.choice([0, 50, 80, 100])),
        points=clamp_points(np.concatenate([path, press], 1).round().astype(int), 3),
    )
