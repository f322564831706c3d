"""Random strokes for tests of masks, and brushes computed the slow way."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

from studio.masks.strokes import (
    UNIT,
    Brush,
    Bucket,
    Ellipse,
    Fill,
    Invert,
    Item,
    Polygon,
    Rectangle,
    clamp_points,
)

PLACES = st.integers(-UNIT // 2, UNIT + UNIT // 2)
SOMEWHERE = st.one_of(PLACES, PLACES, st.integers(-4 * UNIT, 5 * UNIT))
RADII = st.one_of(st.integers(1, UNIT // 8), st.integers(1, 8 * UNIT))
PERCENT = st.integers(1, 100)


def _spread(values: list[Any], columns: int) -> Any:
    return clamp_points(np.array(values, np.int64).reshape(-1, columns), columns)


def points(columns: int, least: int, most: int) -> st.SearchStrategy[Any]:
    each = st.tuples(SOMEWHERE, SOMEWHERE, *([st.integers(0, 255)] * (columns - 2)))
    return st.lists(each, min_size=least, max_size=most).map(lambda rows: _spread(rows, columns))


@st.composite
def walks(draw: st.DrawFn) -> Any:
    """Points as a hand makes them: small steps, gentle turns and a sharp one now and then."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 40))
    sharp = rng.random(count) < 0.1
    turns = rng.normal(0, 0.3, count) + sharp * rng.uniform(-3, 3, count)
    turn = rng.uniform(0, 7) + turns.cumsum()
    step = draw(st.sampled_from([20, 400, 3000]))
    path = rng.uniform(0, UNIT, 2) + (np.stack([np.cos(turn), np.sin(turn)], 1) * step).cumsum(0)
    pressure = rng.integers(0, 256, (count, 1))
    return clamp_points(np.concatenate([path, pressure], 1).round().astype(np.int64), 3)


BRUSHES = st.builds(
    Brush,
    erase=st.booleans(),
    opacity=PERCENT,
    radius=RADII,
    hardness=st.integers(0, 100),
    points=st.one_of(walks(), points(3, 1, 12)),
    pressure=st.integers(0, 3),
)
BOXES = st.tuples(SOMEWHERE, SOMEWHERE, SOMEWHERE, SOMEWHERE).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)
OTHERS: st.SearchStrategy[Item] = st.one_of(
    st.builds(Polygon, erase=st.booleans(), opacity=PERCENT, points=points(2, 0, 9)),
    st.builds(Rectangle, erase=st.booleans(), opacity=PERCENT, box=BOXES),
    st.builds(Ellipse, erase=st.booleans(), opacity=PERCENT, box=BOXES),
    st.builds(Fill, erase=st.booleans(), opacity=PERCENT),
    st.just(Invert()),
)
BUCKETS = st.builds(
    Bucket,
    erase=st.booleans(),
    opacity=PERCENT,
    x=SOMEWHERE,
    y=SOMEWHERE,
    tolerance=st.integers(0, 255),
    everywhere=st.booleans(),
)
ITEMS: st.SearchStrategy[Item] = st.one_of(BRUSHES, BRUSHES, OTHERS, BUCKETS)


def picture(width: int, height: int) -> Any:
    """A picture of blocks and a slope, for buckets."""
    y, x = np.mgrid[:height, :width]
    planes = (x // 7 * 40 % 256, y // 5 * 60 % 256, (x + y) * 255 // (width + height))
    return np.stack(planes, -1).astype(np.uint8)


def slow_brush(brush: Brush, width: int, height: int) -> Any:
    """Coverage times opacity by the definition, in float64: [H, W], 0-255, not rounded."""
    scale = max(width, height) / UNIT
    hardness = brush.hardness / 100
    y, x = np.mgrid[:height, :width] + 0.5
    best = np.zeros((height, width))
    rows = brush.points.astype(float)
    pairs = [(rows[0], rows[0]), *pairwise(rows)]
    for number, ((ax, ay, ap), (bx, by, bp)) in enumerate(pairs):
        if number and (ax, ay, ap) == (bx, by, bp):
            continue  # a step that changes nothing is none
        ax, ay, bx, by = (v * scale for v in (ax, ay, bx, by))
        length2 = (bx - ax) ** 2 + (by - ay) ** 2
        at = np.ones_like(x)
        if length2:
            at = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2, 0, 1)
        distance = np.hypot(x - ax - at * (bx - ax), y - ay - at * (by - ay))
        share = [max(p / 255, 0.05) for p in (ap, bp)]
        radii = [max(brush.radius * scale * (s if brush.pressure & 1 else 1), 0.5) for s in share]
        force = [s if brush.pressure & 2 else 1.0 for s in share]
        radius = radii[0] + (radii[1] - radii[0]) * at
        wide = np.maximum(radius * (1 - hardness), 1)
        t = np.clip((radius * (1 + hardness) / 2 + wide / 2 - distance) / wide, 0, 1)
        best = np.maximum(best, t * t * (3 - 2 * t) * (force[0] + (force[1] - force[0]) * at))
    return best * 255 * brush.opacity / 100
