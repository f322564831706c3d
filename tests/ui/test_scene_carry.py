"""Dragging many nodes at once: only what is in sight moves, and it looks as if all did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import pytest
from events import CTRL
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication

from studio.editing import edits
from studio.graph.files import from_json
from ui.editor.carrying import MANY

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QImage

    from ui.editor.editor import GraphEditor

COLUMNS, ROWS = 16, 10
STEP = (300.0, 200.0)
NAMES = [f"n{number}" for number in range(COLUMNS * ROWS)]
HALF = NAMES[::2]
FRAMES = {
    "mixed": {"title": "Mixed", "rect": [600, 400, 100, 100], "nodes": ["n34", "n35"]},
    "going": {"title": "Going", "rect": [1500, 400, 100, 100], "nodes": ["n38", "n40"]},
    "alone": {"title": "Alone", "rect": [600, -400, 300, 200], "nodes": []},
}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> GraphEditor:
    nodes, layout = {}, {}
    for number, name in enumerate(NAMES):
        nodes[name] = {"type": "ScaleLatent"}
        # Wires to the next node, to the row below, and far across.
        for back in (1, 7, 45):
            if number >= back and number % 4 == back % 4:
                nodes[name]["inputs"] = {"latent": f"n{number - back}"}
        layout[name] = [STEP[0] * (number % COLUMNS), 2 * STEP[1] * (number // COLUMNS)]
    graph = {"format": "latent-studio", "version": 1, "nodes": nodes, "layout": layout,
             "frames": FRAMES}  # fmt: skip
    editor = make_editor(from_json(graph))
    assert len(HALF) > MANY
    # The map rounds to whole pixels of its own; what it shows is compared by its bounds.
    editor.view.minimap_shown = False
    look(editor, 1.0, QPointF(1200, 700))
    return editor


def look(editor: GraphEditor, zoom: float, centre: QPointF) -> None:
    editor.view.zoom_to(zoom)
    editor.view.centre_at(centre)
    editor.view.settle()
    QApplication.processEvents()


def picture(editor: GraphEditor) -> QImage:
    """What the viewport shows, with all of it painted anew."""
    QApplication.processEvents()
    return editor.view.viewport().grab().toImage()


def places(editor: GraphEditor, names: list[str]) -> dict[str, tuple[float, float]]:
    return {name: editor.document.position(name) for name in names}


def rects(editor: GraphEditor, names: list[str]) -> dict[str, tuple[float, ...]]:
    return {name: editor.document.frames[name].rect for name in names}


@pytest.mark.parametrize("names", [HALF, NAMES], ids=["half", "all"])
@pytest.mark.parametrize("zoom", [1.0, 0.35, 0.1])
@pytest.mark.parametrize("way", [[(40.0, 24.0)], [(900.0, 10.0), (-2500.0, -900.0)]])
def test_it_looks_as_if_every_node_moved(
    canvas: GraphEditor, names: list[str], zoom: float, way: list[tuple[float, float]]
) -> None:
    scene = canvas.scene
    look(canvas, zoom, QPointF(1200, 700))
    before = picture(canvas)
    nodes, frames = places(canvas, names), rects(canvas, ["alone"])
    for dx, dy in way:
        scene.carry(nodes, frames, dx, dy)
        picture(canvas)
    shown, bounds = picture(canvas), canvas.view.overview.bounds()
    scene.preview(
        {name: (x + dx, y + dy) for name, (x, y) in nodes.items()},
        {name: (x + dx, y + dy, w, h) for name, (x, y, w, h) in frames.items()},
    )
    assert shown == picture(canvas)
    assert bounds == canvas.view.overview.bounds()
    assert shown != before
    scene.end_preview()
    assert picture(canvas) == before


def test_what_comes_into_sight_on_the_way_has_moved_too(canvas: GraphEditor) -> None:
    scene = canvas.scene
    nodes = places(canvas, HALF)
    scene.carry(nodes, {}, 30.0, 30.0)
    for zoom, centre in ((1.0, QPointF(3600, 2800)), (0.1, QPointF(0, 0)), (0.5, QPointF(0, 0))):
        look(canvas, zoom, centre)
        scene.carry(nodes, {}, 70.0, 30.0)
        shown = picture(canvas)
        scene.preview({name: (x + 70, y + 30) for name, (x, y) in nodes.items()})
        assert shown == picture(canvas), zoom
        scene.carry(nodes, {}, 30.0, 30.0)


def test_nodes_out_of_sight_are_left_alone_until_the_drop(canvas: GraphEditor) -> None:
    scene, view = canvas.scene, canvas.view
    canvas.select(NAMES)
    port = view.viewport()
    start = view.mapFromScene(scene.nodes["n36"].pos() + QPointF(100, 12))
    events.drag_to(port, start, start + QPoint(60, 50), modifiers=CTRL)
    assert scene.nodes["n36"].pos() == QPointF(1260, 850)
    assert scene.nodes["n159"].pos() == QPointF(4500, 3600), "out of sight"
    assert canvas.document.position("n36") == (1200, 800)
    events.release(port, start + QPoint(60, 50), modifiers=CTRL)
    assert scene.carried is None
    for name in NAMES:
        assert scene.nodes[name].pos() == QPointF(*canvas.document.position(name))
    assert canvas.document.position("n159") == (4560, 3650)
    for wire in scene.wires.values():
        assert wire.start == scene.port_pos(wire.wire.source.node, "out", wire.wire.source.output)
        assert wire.end == scene.port_pos(wire.wire.target, "in", wire.wire.port)
        assert wire.rect() == wire.path().controlPointRect().adjusted(-8, -8, 8, 8)
    assert canvas.stack.count() == 1


def test_escape_puts_all_of_them_back(canvas: GraphEditor) -> None:
    before = picture(canvas)
    canvas.select(HALF)
    picture(canvas)
    port = canvas.view.viewport()
    start = canvas.view.mapFromScene(canvas.scene.nodes["n36"].pos() + QPointF(100, 12))
    events.drag_to(port, start, start + QPoint(300, 90))
    assert canvas.scene.carried is not None
    events.key(canvas.view, Qt.Key.Key_Escape)
    assert canvas.scene.carried is None
    events.release(port, start + QPoint(300, 90))
    canvas.select([])
    canvas.view.gestures.leave()
    assert picture(canvas) == before


def test_a_change_in_the_middle_of_the_drag_is_seen(canvas: GraphEditor) -> None:
    """As when an edit comes from elsewhere: the next move of the mouse goes on from it."""
    scene = canvas.scene
    nodes = places(canvas, NAMES)
    scene.carry(nodes, {}, 40.0, 0.0)
    canvas.push(edits.set_view(canvas.document, ["n36"], width=320))
    assert scene.carried is None
    assert scene.nodes["n36"].pos() == QPointF(1200, 800)
    scene.carry(nodes, {}, 48.0, 0.0)
    shown = picture(canvas)
    scene.preview({name: (x + 48, y) for name, (x, y) in nodes.items()})
    assert shown == picture(canvas)
