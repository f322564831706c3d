"""Pictures with many strokes: a draft of the mask first, the exact one then."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import events
import numpy as np
import pytest
from PySide6.QtCore import QObject, QPointF
from PySide6.QtWidgets import QApplication

from studio.editing.edits import set_param
from studio.editing.strokes import set_items
from studio.masks.items import (
    OPACITY,
    SIZE,
    UNIT,
    Brush,
    Ellipse,
    Fill,
    Invert,
    Item,
    Polygon,
    Raster,
    Rectangle,
    Strokes,
    clamp_points,
)
from studio.masks.raster import rasterise
from studio.masks.sketch import Sketch, Stroke, draw
from studio.masks.strokes import dump, parse
from tests.ui.mask_kit import gradient, paint_graph, stroke, write_picture
from tests.ui.paint_kit import a_view, grabbed
from ui.paint import draft, drawing
from ui.paint.bindings import Bindings
from ui.paint.waitline import WaitLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.graph.document import Graph
    from ui.editor.editor import GraphEditor
    from ui.paint.binding import Binding
    from ui.paint.view import PaintView

WIDTH, HEIGHT = 1300, 900


def walk(rng: np.random.Generator, pressure: int = 0, **about: Any) -> Brush:
    """A stroke as a hand draws it."""
    radius = int(rng.integers(UNIT // 300, UNIT // 30))
    turns = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.15, 40).cumsum()
    path = rng.uniform(0, UNIT, 2) + (radius / 4 * np.stack([np.cos(turns), np.sin(turns)], 1)
                                      ).cumsum(0)  # fmt: skip
    press = 150 + rng.normal(0, 8, 40).cumsum()[:, None]
    return Brush(
        radius=radius,
        hardness=int(rng.choice([0, 50, 80, 100])),
        points=clamp_points(np.concatenate([path, press], 1).round().astype(int), 3),
        pressure=pressure,
        **about,
    )


def many(count: int = 60, seed: int = 3) -> Strokes:
    rng = np.random.default_rng(seed)
    return Strokes(tuple(walk(rng, erase=n % 4 == 3) for n in range(count)))


def off(rough: Any, exact: Any) -> float:
    """The share of pixels that differ by more than a quarter."""
    return float((np.abs(rough.astype(int) - exact) > 64).mean())


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (900, 2101), (300, 200)])
@pytest.mark.parametrize("pressure", [0, SIZE, OPACITY, SIZE | OPACITY])
def test_a_draft_is_close_to_the_mask(size: tuple[int, int], pressure: int) -> None:
    rng = np.random.default_rng(pressure)
    items = [walk(rng, pressure, erase=n % 4 == 3, opacity=100 - n) for n in range(40)]
    strokes = Strokes(tuple(items))
    rough = draft.draft_mask(strokes, *size, {})
    exact = rasterise(strokes, *size)
    assert rough.shape == exact.shape
    assert not rough.flags.writeable
    assert exact.mean() > 10
    assert off(rough, exact) < 0.025


SHAPES: list[Item] = [
    Polygon(points=clamp_points([[3000, 2000], [60000, 9000], [30000, 40000]], 2)),
    Rectangle(box=(20000, 9000, 70000, 30000), opacity=40),
    Ellipse(box=(1000, 1000, 30000, 44000), erase=True),
    Brush(points=clamp_points([[30000, 20000, 255]], 3), radius=9000),
    Invert(),
    Fill(opacity=30),
    Raster(hash="a" * 64, opacity=60),
    Raster(hash="b" * 64, erase=True),
]


def test_a_draft_has_all_shapes() -> None:
    rasters = {"a" * 64: gradient(40, 30)[..., 0], "b" * 64: gradient(500, 700)[..., 1]}
    for count in range(1, len(SHAPES) + 1):
        strokes = Strokes(tuple(SHAPES[:count]))
        rough = draft.draft_mask(strokes, WIDTH, HEIGHT, rasters)
        assert off(rough, rasterise(strokes, WIDTH, HEIGHT, rasters=rasters)) < 0.01, count


def test_a_draft_of_a_sketch_is_close_to_it() -> None:
    rng = np.random.default_rng(8)
    layers = [
        Stroke(walk(rng, n % 3, opacity=60 + n), (n * 8, 255 - n * 9, 90))
        if n % 4 else Stroke(walk(rng, erase=True))
        for n in range(25)
    ]  # fmt: skip
    sketch = Sketch(tuple(layers))
    rough = draft.draft_layer(sketch, WIDTH, HEIGHT)
    assert rough is not None
    assert off(rough, draw(sketch, WIDTH, HEIGHT)) < 0.025
    assert draft.draft_layer(Sketch(), WIDTH, HEIGHT) is None


# ---------------------------------------------------------------- in the canvas


@pytest.fixture
def parent() -> Iterator[QObject]:
    made = QObject()
    yield made
    for bindings in made.findChildren(Bindings):
        bindings.close()


@pytest.fixture
def view(qapp: QApplication) -> Iterator[PaintView]:
    with a_view(None) as made:
        yield made


class Gate:
    """Holds exact drawing back until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        self._lay = drawing.lay
        self.began = 0
        monkeypatch.setattr(draft, "SLOW", 0.0)
        monkeypatch.setattr(drawing, "SLOW", 0.0)
        monkeypatch.setattr(drawing, "lay", self.lay)

    def lay(self, *args: Any) -> Any:
        self.began += 1
        assert self._open.wait(20)
        return self._lay(*args)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.open()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "picture.png", WIDTH, HEIGHT)


def shown(parent: QObject, editor: GraphEditor, qtbot: QtBot) -> Binding:
    """A binding that shows a draft."""
    binding = Bindings(parent).get(editor, "mask")
    qtbot.waitUntil(lambda: binding.painting.draft is not None, timeout=10_000)
    return binding


def agree(binding: Binding) -> None:
    params = binding.editor.document.nodes[binding.node].params
    strokes = parse(params.get("strokes", {}))
    painting = binding.painting
    assert strokes == painting.strokes
    exact = rasterise(strokes, painting.width, painting.height, painting.picture)
    assert (painting.mask.mask == exact).all()


def test_the_draft_is_seen_and_not_painted_on_then_the_mask_is(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    gate: Gate,
) -> None:  # fmt: skip
    strokes = many()
    editor = make_editor(paint_graph(str(picture), strokes=dump(strokes)))
    binding = shown(parent, editor, qtbot)
    painting = binding.painting
    assert not painting.ready
    assert painting.awaited
    assert not painting.words
    assert (painting.picture == gradient(WIDTH, HEIGHT)).all()
    exact = rasterise(strokes, WIDTH, HEIGHT)
    assert off(painting.seen_mask, exact) < 0.025
    # Nobody can take it for the mask.
    assert not painting.mask.mask.any()
    assert not len(painting.strokes)
    before = editor.document.nodes["mask"].params
    stroke(painting, [(20, 20), (60, 40)])
    assert not painting.add("mask", Fill())
    painting.say("", ready=True)
    stroke(painting, [(20, 20), (60, 40)])
    assert editor.document.nodes["mask"].params is before
    assert not editor.stack.count()
    replaced: list[bool] = []
    painting.replaced.connect(lambda: replaced.append(True))
    gate.open()
    qtbot.waitUntil(lambda: painting.ready)
    assert replaced == [True]
    assert painting.draft is None
    assert not painting.awaited
    agree(binding)
    stroke(painting, [(20, 20), (60, 40)])
    agree(binding)
    assert editor.stack.count() == 1


def test_a_hand_on_the_draft_is_told(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    gate: Gate, view: PaintView,
) -> None:  # fmt: skip
    editor = make_editor(paint_graph(str(picture), strokes=dump(many())))
    binding = shown(parent, editor, qtbot)
    view.set_painting(binding.painting)
    line = WaitLine(view)
    line.follow(binding.painting)
    QApplication.processEvents()
    said: list[str] = []
    view.said.connect(said.append)
    place, rough = view.placement, grabbed(view)
    qtbot.waitUntil(line.isVisible)
    spot = QPointF(view.rect().center())
    events.press(view, spot)
    events.move(view, spot + QPointF(30, 10))
    events.release(view, spot + QPointF(30, 10))
    assert any("still being drawn" in words for words in said)
    assert not editor.stack.count()
    gate.open()
    qtbot.waitUntil(lambda: binding.painting.ready)
    assert not line.isVisible()
    assert view.placement == place
    sharp = grabbed(view)
    # What is seen hardly changes: the same strokes on the same picture.
    assert (np.abs((sharp >> 16 & 255).astype(int) - (rough >> 16 & 255)) > 64).mean() < 0.05


def test_edits_meanwhile_are_drawn(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    gate: Gate,
) -> None:  # fmt: skip
    editor = make_editor(paint_graph(str(picture), strokes=dump(many())))
    binding = shown(parent, editor, qtbot)
    first = binding.painting.draft
    items = dump(many(30, 9))["items"]
    binding.push(set_items(editor.document, "mask", {"strokes": items}, "Other"))
    assert not binding.painting.ready
    gate.open()
    qtbot.waitUntil(lambda: binding.painting.ready)
    assert len(binding.painting.strokes) == 30
    assert binding.painting.draft is None
    assert first is not None
    agree(binding)


def test_another_picture_meanwhile_is_shown(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    gate: Gate, tmp_path: Path,
) -> None:  # fmt: skip
    editor = make_editor(paint_graph(str(picture), strokes=dump(many())))
    binding = shown(parent, editor, qtbot)
    other = write_picture(tmp_path / "other.png", 700, 1100)
    binding.push(set_param(editor.document, "load", "path", str(other)))
    gate.open()
    qtbot.waitUntil(lambda: binding.painting.ready)
    assert (binding.painting.width, binding.painting.height) == (700, 1100)
    agree(binding)


def test_switching_and_closing_meanwhile(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    gate: Gate, view: PaintView,
) -> None:  # fmt: skip
    graph = paint_graph(str(picture), strokes=dump(many()))
    graph.nodes["other"] = graph.nodes["mask"].model_copy(update={"params": {}})
    editor = make_editor(graph)
    bindings = Bindings(parent)
    one = bindings.get(editor, "mask")
    qtbot.waitUntil(lambda: one.painting.draft is not None)
    view.set_painting(one.painting)
    two = bindings.get(editor, "other")
    view.set_painting(two.painting)
    assert bindings.get(editor, "mask") is one
    view.set_painting(one.painting)
    assert not one.painting.ready
    gate.open()
    qtbot.waitUntil(lambda: one.painting.ready and two.painting.ready)
    agree(one)
    agree(two)


def test_closing_before_anything_is_drawn(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    gate: Gate,
) -> None:  # fmt: skip
    editor = make_editor(paint_graph(str(picture), strokes=dump(many())))
    bindings = Bindings(parent)
    binding = bindings.get(editor, "mask")
    qtbot.waitUntil(lambda: binding.painting.draft is not None)
    binding.close()
    gate.open()
    bindings.close()
    assert not binding.painting.ready


def test_strokes_are_drawn_while_the_picture_is_read(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from ui.paint import source

    may_read, laid = threading.Event(), threading.Event()
    read, lay = source.read_rgb8, drawing.lay

    def late(path: Path) -> Any:
        assert may_read.wait(20)
        return read(path)

    def told(*args: Any) -> Any:
        found = lay(*args)
        laid.set()
        return found

    monkeypatch.setattr(source, "read_rgb8", late)
    monkeypatch.setattr(drawing, "lay", told)
    editor = make_editor(paint_graph(str(picture), strokes=dump(many(20))))
    binding = Bindings(parent).get(editor, "mask")
    qtbot.waitUntil(laid.is_set)
    assert binding.painting.picture is None
    may_read.set()
    qtbot.waitUntil(lambda: binding.painting.ready)
    agree(binding)
    # A bucket needs the picture.
    laid.clear()
    may_read.clear()
    items = [*dump(many(20))["items"], {"t": "bucket", "o": 100, "x": 900, "y": 900, "tol": 20}]
    items += dump(many(15, 1))["items"]
    binding.push(set_items(editor.document, "mask", {"strokes": items}, "With a bucket"))
    binding.refresh()
    qtbot.wait(50)
    laid.clear()
    may_read.set()
    qtbot.waitUntil(lambda: binding.painting.ready)
    agree(binding)
