"""Buckets on large pictures: a thread puts them on, and what is painted meanwhile comes after."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QObject

from studio.masks.items import UNIT, Brush, Bucket, Invert, Strokes, clamp_points
from studio.masks.raster import rasterise
from studio.masks.strokes import parse
from tests.ui.mask_kit import bind, gradient, paint_graph, stroke, write_picture
from ui.jobs import Jobs
from ui.paint import behind
from ui.paint.bindings import Bindings
from ui.paint.files import Snapshot
from ui.paint.painting import Painting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.graph.document import Graph
    from ui.editor.editor import GraphEditor
    from ui.paint.binding import Binding

WIDTH, HEIGHT = 1300, 900


@pytest.fixture
def parent() -> Iterator[QObject]:
    made = QObject()
    yield made
    for bindings in made.findChildren(Bindings):
        bindings.close()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return write_picture(tmp_path / "picture.png", WIDTH, HEIGHT)


def agree(binding: Binding) -> None:
    params = binding.editor.document.nodes[binding.node].params
    strokes = parse(params.get("strokes", {}))
    painting = binding.painting
    assert strokes == painting.strokes
    exact = rasterise(strokes, painting.width, painting.height, painting.picture)
    assert (painting.mask.mask == exact).all()


@pytest.fixture
def slow_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Buckets are left to a thread, which waits until it may."""
    from studio.masks.board import Board

    may, alike = threading.Event(), Board._alike

    def late(self: Board, *args: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            assert may.wait(20)
        return alike(self, *args)

    monkeypatch.setattr(behind, "LARGE", 0)
    monkeypatch.setattr(Board, "_alike", late)
    yield may
    may.set()


BUCKET = Bucket(x=UNIT // 3, y=UNIT // 5, tolerance=30)


def test_what_is_painted_while_a_bucket_fills_comes_after_it(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    slow_bucket: threading.Event,
) -> None:  # fmt: skip
    editor = make_editor(paint_graph(str(picture)))
    binding = bind(qtbot, editor, parent)
    painting = binding.painting
    assert painting.add("mask", BUCKET)
    assert painting.awaited
    assert painting.ready
    stroke(painting, [(100, 100), (500, 300)], radius=40)
    assert painting.add("mask", Invert())
    painting.begin("sketch", Brush(points=clamp_points([[900, 900, 255]], 3)), (9, 8, 200))
    painting.end()
    painting.begin("mask", Brush(points=clamp_points([[9000, 9000, 255]], 3)))
    painting.extend([[30000, 30000, 255]])
    assert [item.kind for item in painting.strokes] == ["bucket", "brush", "invert", "brush"]
    assert editor.stack.count() == 4
    assert not painting.mask.mask.any()
    slow_bucket.set()
    qtbot.waitUntil(lambda: not painting.awaited)
    assert painting.painting
    painting.extend([[40000, 10000, 255]])
    painting.end()
    assert editor.stack.count() == 5
    assert painting.mask.mask.any()
    agree(binding)
    assert painting.sketch.layer is not None
    for _ in range(5):
        editor.stack.undo()
    agree(binding)
    for _ in range(5):
        editor.stack.redo()
    painting.finish()
    agree(binding)


def test_undo_and_saving_wait_for_a_bucket(
    make_editor: Callable[[Graph], GraphEditor], picture: Path, qtbot: QtBot, parent: QObject,
    slow_bucket: threading.Event,
) -> None:  # fmt: skip
    editor = make_editor(paint_graph(str(picture)))
    binding = bind(qtbot, editor, parent)
    painting = binding.painting
    stroke(painting, [(100, 100), (500, 300)], radius=40)
    painting.add("mask", BUCKET)
    stroke(painting, [(100, 300)], radius=40)
    threading.Timer(0.1, slow_bucket.set).start()
    editor.stack.undo()
    agree(binding)
    assert len(painting.strokes) == 2
    editor.stack.redo()
    painting.add("mask", BUCKET)
    stroke(painting, [(100, 600)], radius=40)
    saved = Snapshot(painting).mask()
    agree(binding)
    assert (saved == painting.mask.mask).all()
    painting.add("mask", BUCKET)
    painting.add("mask", BUCKET)
    qtbot.waitUntil(lambda: not painting.awaited)
    agree(binding)


def test_a_stroke_given_up_while_a_bucket_fills_never_was(
    qtbot: QtBot, slow_bucket: threading.Event
) -> None:
    jobs = Jobs(1)
    painting = Painting(None, jobs)
    painting.show(gradient(300, 200))
    painting.add("mask", BUCKET)
    painting.begin("mask", Brush(points=clamp_points([[900, 900, 255]], 3)))
    painting.abandon()
    assert [item.kind for item in painting.strokes] == ["bucket"]
    slow_bucket.set()
    qtbot.waitUntil(lambda: not painting.awaited)
    exact = rasterise(Strokes((BUCKET,)), 300, 200, painting.picture)
    assert (painting.mask.mask == exact).all()
    jobs.close()
