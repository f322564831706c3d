"""The live mask: equal to the whole rasteriser's, whatever was done to get there."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from painting import BRUSHES, ITEMS, SOMEWHERE, picture, walks

from studio.masks.imported import encode
from studio.masks.raster import Canvas, Rect, rasterise
from studio.masks.strokes import (
    UNIT,
    Brush,
    Bucket,
    Fill,
    Invert,
    Item,
    Raster,
    Strokes,
    StrokesFault,
    clamp_points,
    dumps,
    parse_item,
)
from studio.masks.tiles import TILE

SIZE = (150, 97)


def make(size: tuple[int, int] = SIZE, **more: Any) -> Canvas:
    return Canvas(*size, picture(*size), **more)


def whole(canvas: Canvas, colours: Any = None) -> Any:
    size = canvas.width, canvas.height
    return rasterise(canvas.strokes, *size, picture(*size) if colours is None else colours)


def outside(before: Any, after: Any, rects: list[Rect]) -> Any:
    """Where a mask changed and no rectangle says so."""
    odd = before != after
    for x, y, width, height in rects:
        odd[y : y + height, x : x + width] = False
    return odd.any()


@given(
    BRUSHES,
    st.lists(st.integers(1, 9), max_size=30),
    st.sampled_from([SIZE, (1, 1), (64, 64), (7, 300), (512, 400)]),
)
@settings(deadline=None, max_examples=250)
def test_a_stroke_painted_bit_by_bit_is_the_stroke(
    brush: Brush, cuts: list[int], size: tuple[int, int]
) -> None:
    canvas = make(size)
    canvas.begin(replace(brush, points=brush.points[:1]))
    at = 1
    for count in [*cuts, len(brush.points)]:
        before = canvas.mask.copy()
        changed = canvas.extend(brush.points[at : at + count])
        at = min(at + count, len(brush.points))
        assert not outside(before, canvas.mask, changed)
    assert np.array_equal(canvas.mask, whole(canvas))
    assert canvas.end() == brush
    assert canvas.strokes == Strokes((brush,))
    assert np.array_equal(canvas.mask, rasterise(Strokes((brush,)), *size))


@pytest.mark.parametrize("size", [(128, 128), (1155, 866), (4000, 4000)])
def test_large_strokes_bit_by_bit(size: tuple[int, int]) -> None:
    """Culling leaves out what can't be nearest: on large pictures, with every kind of path."""
    rng = np.random.default_rng(size[0])
    for number in range(40):
        count = int(rng.integers(2, 60))
        turn = rng.uniform(0, 7) + rng.normal(0, rng.choice([0.02, 0.2, 0.8]), count).cumsum()
        step = rng.choice([20, 200, 1500])
        steps = np.stack([np.cos(turn), np.sin(turn)], 1) * step
        path = rng.uniform(0, UNIT, 2) + steps.cumsum(0)
        rows = np.concatenate([path, rng.integers(0, 256, (count, 1))], 1).round().astype(int)
        brush = Brush(
            points=clamp_points(rows, 3),
            radius=int(rng.integers(1, 4000)),
            hardness=int(rng.choice([0, 30, 80, 100])),
            pressure=int(rng.choice([0, 0, 0, 3])),
        )
        canvas = Canvas(*size)
        canvas.begin(replace(brush, points=brush.points[:1]))
        cut = 1
        while cut < count:
            more = int(rng.integers(1, 5))
            canvas.extend(brush.points[cut : cut + more])
            cut += more
        assert np.array_equal(canvas.mask, rasterise(Strokes((brush,)), *size)), number


class Painting(RuleBasedStateMachine):
    """Random work on a canvas, beside a list of items and the whole rasteriser."""

    @initialize(kept=st.sampled_from([64 * 2**20, 4000, 0]))
    def begin(self, kept: int) -> None:
        self.canvas = make(kept=kept)
        self.items: list[Item] = []
        self.undone: list[Item] = []
        self.live: Brush | None = None

    @rule(item=ITEMS)
    @precondition(lambda self: self.live is None)
    def add(self, item: Item) -> None:
        self.watch(lambda: self.canvas.add(item))
        self.items.append(item)
        self.undone.clear()

    @rule(brush=BRUSHES)
    @precondition(lambda self: self.live is None)
    def begin_stroke(self, brush: Brush) -> None:
        self.watch(lambda: self.canvas.begin(brush))
        self.live = brush

    @rule(points=walks())
    @precondition(lambda self: self.live is not None)
    def extend(self, points: Any) -> None:
        assert self.live
        self.watch(lambda: self.canvas.extend(points))
        self.live = replace(self.live, points=np.concatenate([self.live.points, points]))

    @rule()
    @precondition(lambda self: self.live is not None)
    def end(self) -> None:
        assert self.live
        assert self.canvas.end() == self.live
        self.items.append(self.live)
        self.undone.clear()
        self.live = None

    @rule()
    def abandon(self) -> None:
        self.watch(self.canvas.abandon)
        self.live = None

    @rule()
    def undo(self) -> None:
        forgotten = not self.canvas._steps
        self.watch(self.canvas.undo)
        if self.live:
            self.live = None
        elif self.items:
            item = self.items.pop()
            self.undone = [] if forgotten else [*self.undone, item]

    @rule()
    def redo(self) -> None:
        self.watch(self.canvas.redo)
        if self.live is None and self.undone:
            self.items.append(self.undone.pop())

    @rule(keep=st.integers(0, 6), items=st.lists(ITEMS, max_size=2))
    def set(self, keep: int, items: list[Item]) -> None:
        # As a document gives it: new objects each time.
        self.items = [parse_item(item.json()) for item in [*self.items[:keep], *items]]
        self.watch(lambda: self.canvas.set(Strokes(tuple(self.items))))
        self.live = None
        self.undone = [step.entry for step in self.canvas._undone]

    def watch(self, work: Any) -> None:
        before = self.canvas.mask.copy()
        assert not outside(before, self.canvas.mask, work())

    @invariant()
    def is_what_the_rasteriser_draws(self) -> None:
        wanted = Strokes((*self.items, *([self.live] if self.live else [])))
        assert self.canvas.strokes == wanted
        assert self.canvas.painting == (self.live is not None)
        assert np.array_equal(self.canvas.mask, whole(self.canvas))


TestPainting = Painting.TestCase
TestPainting.settings = settings(deadline=None, max_examples=40, stateful_step_count=25)


def test_a_thousand_operations_and_all_the_way_back() -> None:
    rng = random.Random(4)
    canvas = make((300, 200))
    done = [canvas.mask.copy()]
    documents = {0: dumps(canvas.strokes)}
    for number in range(1, 1001):
        if rng.random() < 0.9:
            x, y = rng.randrange(UNIT), rng.randrange(UNIT)
            path = [[x + i * rng.randrange(900), y + i * rng.randrange(900), 200] for i in range(5)]
            canvas.begin(
                Brush(
                    erase=rng.random() < 0.4,
                    radius=rng.randrange(1, UNIT // 10),
                    hardness=rng.randrange(101),
                    points=clamp_points(path[:2], 3),
                )
            )
            canvas.extend(path[2:])
            canvas.end()
        else:
            canvas.add(rng.choice([Invert(), Fill(erase=True), Bucket(x=UNIT // 2, y=UNIT // 3)]))
        done.append(canvas.mask.copy())
        if number % 50 == 0:
            documents[number] = dumps(canvas.strokes)
    for number in range(999, -1, -1):
        canvas.undo()
        assert np.array_equal(canvas.mask, done[number])
        if number in documents:
            assert dumps(canvas.strokes) == documents[number]
    for number in range(1, 1001):
        canvas.redo()
        assert np.array_equal(canvas.mask, done[number])
    assert dumps(canvas.strokes) == documents[1000]
    assert not canvas.redo()


def test_a_hundred_steps_at_16_megapixels_fit_the_memory() -> None:
    rng = np.random.default_rng(2)
    canvas = Canvas(4000, 4000)
    for _ in range(100):
        path = rng.uniform(0, UNIT, 2) + rng.normal(0, 800, (30, 2)).cumsum(0)
        rows = np.concatenate([path, np.full((30, 1), 255)], 1).round().astype(int)
        canvas.add(Brush(points=clamp_points(rows, 3), radius=1500, hardness=0))
    assert len(canvas._steps) == 100
    assert canvas.bytes_kept < 64 * 2**20
    for _ in range(100):
        canvas.undo()
    assert not canvas.mask.any()


def test_what_was_forgotten_is_drawn_anew() -> None:
    canvas = make(kept=1)
    items = [Fill(), Invert(), Fill(opacity=30), Bucket(x=9, y=9)]
    for item in items:
        canvas.add(item)
    assert not canvas._steps or canvas.bytes_kept <= 1
    for count in range(3, -1, -1):
        assert canvas.undo() == [Rect(0, 0, *SIZE)] or count
        assert canvas.strokes == Strokes(tuple(items[:count]))
        assert np.array_equal(canvas.mask, whole(canvas))
    assert canvas.undo() == []


def test_set_does_no_more_than_it_must() -> None:
    canvas = make()
    dot = Brush(points=clamp_points([[UNIT // 2, UNIT // 3, 255]], 3), radius=2000)
    corner = replace(dot, points=clamp_points([[0, 0, 255]], 3))
    canvas.set(Strokes((Fill(erase=True), dot)))
    assert canvas.set(canvas.strokes) == []
    (changed,) = canvas.set(Strokes((Fill(erase=True), dot, corner)))
    assert changed.x == changed.y == 0
    assert changed.width < 20
    assert all(r.width <= TILE for r in canvas.set(Strokes((Fill(erase=True), dot))))
    # Done again, from what undoing it kept.
    steps = canvas._undone[-1]
    canvas.set(Strokes((Fill(erase=True), dot, corner)))
    assert canvas._steps[-1] is steps


def test_strokes_are_begun_and_ended_in_turn() -> None:
    canvas = make()
    dot = Brush(points=clamp_points([[5, 5, 255]], 3))
    for call in (canvas.end, lambda: canvas.extend([[1, 1, 1]])):
        with pytest.raises(RuntimeError, match="no stroke has begun"):
            call()
    with pytest.raises(StrokesFault, match="a point at least"):
        canvas.begin(Brush())
    assert not canvas.painting
    canvas.begin(dot)
    for busy in (lambda: canvas.begin(dot), lambda: canvas.add(Fill())):
        with pytest.raises(RuntimeError, match="hasn't ended"):
            busy()
    assert canvas.redo() == []
    assert canvas.extend([]) == []
    for points in ([[float("nan"), 1, 1]], [[1.5, 1, 1]], [[1, 1]]):
        with pytest.raises(StrokesFault, match="whole numbers"):
            canvas.extend(points)
    canvas.extend([[10**12, -(10**12), 999]])
    assert canvas.end().points.tolist() == [[5, 5, 255], [5 * UNIT, -4 * UNIT, 255]]
    with pytest.raises(ValueError, match="read-only"):
        canvas.mask[0, 0] = 1


def test_what_can_not_be_put_on_leaves_the_canvas_alone() -> None:
    canvas = Canvas(*SIZE)
    canvas.add(Fill(opacity=20))
    before = canvas.mask.copy()
    for item in (Bucket(), Raster(hash=64 * "a"), Raster(data=b"x")):
        with pytest.raises(StrokesFault):
            canvas.add(item)
        assert canvas.strokes == Strokes((Fill(opacity=20),))
        assert np.array_equal(canvas.mask, before)
    with pytest.raises(StrokesFault, match="there is no picture"):
        canvas.set(Strokes((Invert(), Bucket(), Fill())))
    assert canvas.strokes == Strokes((Invert(),))
    assert (canvas.mask == 255).all()
    # Imported masks that come later are seen.
    rasters: dict[str, Any] = {}
    later = Canvas(4, 4, rasters=rasters)
    rasters["a" * 64] = np.full((2, 2), 9, np.uint8)
    later.add(Raster(hash="a" * 64))
    later.add(Raster(data=encode(np.full((4, 4), 77, np.uint8))))
    assert (later.mask == 77).all()


def test_what_no_graph_may_hold_can_not_be_painted() -> None:
    canvas = Canvas(16, 16)
    wide = Brush(points=clamp_points([[0, 0, 255]], 3), radius=8 * UNIT)
    canvas.begin(wide)
    canvas.extend([[i, 0, 255] for i in range(3999)])
    with pytest.raises(StrokesFault, match="4,000 times"):
        canvas.extend([[0, 1, 255]])
    assert len(canvas.end().points) == 4000
    with pytest.raises(StrokesFault, match="4,000 times"):
        canvas.begin(wide)
    assert not canvas.painting
    canvas.undo()
    canvas.add(wide)
    parse_item(canvas.strokes.items[0].json())


@given(st.lists(st.tuples(SOMEWHERE, SOMEWHERE), min_size=1, max_size=5))
@settings(deadline=None, max_examples=50)
def test_abandoned_strokes_leave_nothing(places: list[tuple[int, int]]) -> None:
    canvas = make()
    canvas.add(Bucket(x=100, y=100))
    canvas.add(Fill(opacity=7))
    canvas.undo()
    before = canvas.mask.copy()
    canvas.begin(Brush(points=clamp_points([[x, y, 9] for x, y in places], 3), radius=9000))
    canvas.extend([[UNIT, UNIT, 200]])
    changed = canvas.abandon()
    assert np.array_equal(canvas.mask, before)
    assert all(r.x >= 0 and r.x + r.width <= SIZE[0] for r in changed)
    # What had been undone can still be done again.
    assert canvas.redo()
    assert canvas.abandon() == []
