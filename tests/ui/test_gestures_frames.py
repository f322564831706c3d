"""Frames: resize, rename; moving them is among the tests of moving."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtWidgets import QLineEdit

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from ui.editor.editor import GraphEditor

FRAMES = {"box": {"title": "Box", "rect": [-40, 500, 320, 240], "nodes": []}}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    return kit.settle(make_editor(kit.graph(frames=FRAMES)))


@pytest.fixture
def port(canvas: GraphEditor) -> QWidget:
    return canvas.view.viewport()


def box(editor: GraphEditor) -> QRectF:
    return editor.scene.frames["box"].scene_rect()


@pytest.mark.parametrize(
    ("grip", "by", "wanted"),
    [
        ("right", (40, 0), (-40, 500, 360, 240)),
        ("left", (-40, 0), (-80, 500, 360, 240)),
        ("bottom", (0, 40), (-40, 500, 320, 280)),
        ("top", (0, 40), (-40, 540, 320, 200)),
        ("bottom_right", (40, 80), (-40, 500, 360, 320)),
        ("top_left", (40, 40), (0, 540, 280, 200)),
    ],
)
def test_a_side_is_pulled(
    canvas: GraphEditor,
    port: QWidget,
    grip: str,
    by: tuple[int, int],
    wanted: tuple[float, float, float, float],
) -> None:
    rect = box(canvas)
    x = rect.left() + 2 if "left" in grip else rect.right() - 2 if "right" in grip else 100.0
    y = rect.top() + 2 if "top" in grip else rect.bottom() - 2 if "bottom" in grip else 620.0
    start = kit.pixel(canvas, QPointF(x, y))
    assert canvas.scene.frames["box"].hit(QPointF(x, y) - rect.topLeft()) == grip
    events.drag_to(port, start, start + QPoint(*by))
    assert box(canvas) == QRectF(*wanted)
    assert canvas.document.frames["box"].rect == (-40, 500, 320, 240)
    events.release(port, start + QPoint(*by))
    assert canvas.document.frames["box"].rect == wanted
    assert canvas.stack.count() == 1
    canvas.stack.undo()
    assert box(canvas) == QRectF(-40, 500, 320, 240)


def test_it_never_turns_inside_out(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.pixel(canvas, QPointF(box(canvas).right() - 2, 620))
    events.drag(port, start, start - QPoint(600, 0))
    assert canvas.document.frames["box"].rect == (-40, 500, 80, 240)


def test_escape(canvas: GraphEditor, port: QWidget) -> None:
    start = kit.pixel(canvas, QPointF(box(canvas).right() - 2, 620))
    events.drag_to(port, start, start + QPoint(80, 0))
    events.key(canvas.view, Qt.Key.Key_Escape)
    assert box(canvas) == QRectF(-40, 500, 320, 240)
    events.release(port, start + QPoint(80, 0))
    assert canvas.stack.count() == 0


def test_a_click_on_its_title_selects_it(canvas: GraphEditor, port: QWidget) -> None:
    events.click(port, kit.pixel(canvas, box(canvas).topLeft() + QPointF(100, 16)))
    assert canvas.scene.selected_frames() == ["box"]
    assert canvas.stack.count() == 0


def test_a_double_click_types_its_title(canvas: GraphEditor, port: QWidget) -> None:
    events.double_click(port, kit.pixel(canvas, box(canvas).topLeft() + QPointF(100, 16)))
    (line,) = (
        found
        for found in port.findChildren(QLineEdit)
        if found.accessibleName() == "Title" and found.isVisible()
    )
    assert line.text() == "Box"
    events.type_text(line, "Bin\n")
    assert canvas.document.frames["box"].title == "Bin"
    assert canvas.stack.count() == 1


def test_a_double_click_inside_asks_for_a_node(canvas: GraphEditor, port: QWidget) -> None:
    found: list[object] = []
    canvas.view.palette_wanted.connect(lambda *what: found.append(what))
    events.double_click(port, kit.pixel(canvas, box(canvas).center()))
    assert len(found) == 1
