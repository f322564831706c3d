"""The view with real events: wheel, panning, framing, the map, the empty canvas, themes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from events import (
    ALT,
    LEFT,
    MIDDLE,
    SHIFT,
    click,
    drag,
    drag_to,
    key_press,
    key_release,
    move,
    press,
    release,
    wheel,
)
from PySide6.QtCore import QEvent, QMimeData, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QDropEvent, QFocusEvent, QImage
from PySide6.QtWidgets import QApplication

from studio.editing import edits
from studio.graph.files import from_json
from ui.editor.marks import CanvasMarks, GhostWire
from ui.editor.overview import BELOW
from ui.theme import instance
from ui.theme.theme import theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from studio.graph.document import Graph
    from ui.editor.editor import GraphEditor
    from ui.editor.view import GraphView


def near(one: QPointF, two: QPointF, within: float = 1.0) -> bool:
    return (one - two).manhattanLength() <= within


def pixel(editor: GraphEditor, scene_pos: QPointF) -> QColor:
    """The colour painted at a place of the canvas."""
    image: QImage = editor.view.viewport().grab().toImage()
    place = editor.view.viewportTransform().map(scene_pos)
    return image.pixelColor(math.floor(place.x()), math.floor(place.y()))


def alike(one: QColor, two: QColor, within: int = 3) -> bool:
    """The same but for rounding."""
    channels = zip(one.toTuple(), two.toTuple(), strict=True)
    return all(abs(a - b) <= within for a, b in channels)


def many(count: int) -> Graph:
    nodes = {f"n{number}": {"type": "KSampler"} for number in range(count)}
    layout = {f"n{number}": [300 * (number % 40), 460 * (number // 40)] for number in range(count)}
    return from_json({"format": "latent-studio", "version": 1, "nodes": nodes, "layout": layout})


# Zoom


@pytest.mark.parametrize("at", [QPointF(200, 150), QPointF(1400, 800), QPointF(800, 450)])
def test_the_wheel_zooms_at_the_mouse(editor: GraphEditor, at: QPointF) -> None:
    view = editor.view
    for notches in (1, 1, -1, -3, 2, 5, -4):
        before = view.to_scene(at)
        zoom = view.zoom
        wheel(view.viewport(), at, notches)
        assert view.zoom == pytest.approx(zoom * 1.2**notches, rel=1e-3)
        assert near(view.to_scene(at) * view.zoom, before * view.zoom)


def test_zoom_has_ends(editor: GraphEditor) -> None:
    wheel(editor.view.viewport(), QPointF(800, 400), 100)
    assert editor.view.zoom == 4.0
    wheel(editor.view.viewport(), QPointF(800, 400), -200)
    assert editor.view.zoom == 0.02
    editor.view.zoom_to(0)
    assert editor.view.zoom == 0.02


def test_shift_and_wheel_move_sideways(editor: GraphEditor) -> None:
    before = editor.view.area()
    wheel(editor.view.viewport(), QPointF(800, 400), -2, SHIFT)
    after = editor.view.area()
    assert after.left() > before.left()
    assert after.top() == before.top()
    assert editor.view.zoom == 1.0


def test_everything_is_sharp_a_moment_after_a_zoom(editor: GraphEditor, qtbot: QtBot) -> None:
    wheel(editor.view.viewport(), QPointF(800, 400), -1)
    QApplication.processEvents()
    assert editor.scene.faces.hurried
    qtbot.waitUntil(lambda: not editor.scene.faces.hurried, timeout=2000)
    QApplication.processEvents()
    sharp = editor.view.viewport().grab().toImage()
    editor.scene.faces.clear()
    editor.view.viewport().update()
    assert editor.view.viewport().grab().toImage() == sharp


# Panning


def pan_with_middle(view: GraphView, start: QPointF, end: QPointF) -> None:
    drag(view.viewport(), start, end, MIDDLE)


def pan_with_space(view: GraphView, start: QPointF, end: QPointF) -> None:
    key_press(view, Qt.Key.Key_Space)
    assert view.viewport().cursor().shape() == Qt.CursorShape.OpenHandCursor
    drag_to(view.viewport(), start, end, LEFT)
    assert view.viewport().cursor().shape() == Qt.CursorShape.ClosedHandCursor
    release(view.viewport(), end, LEFT)
    key_release(view, Qt.Key.Key_Space)


@pytest.mark.parametrize("pan", [pan_with_middle, pan_with_space])
def test_panning(editor: GraphEditor, pan: Callable[[GraphView, QPointF, QPointF], None]) -> None:
    view = editor.view
    sampler = editor.scene.nodes["sampler"].node_rect().center()
    start = view.viewportTransform().map(sampler)
    before = editor.document.dumps()
    pan(view, start, start + QPointF(-120, 77))
    assert near(view.viewportTransform().map(sampler), start + QPointF(-120, 77))
    assert editor.document.dumps() == before
    assert editor.selected() == []
    assert view.viewport().cursor().shape() == Qt.CursorShape.ArrowCursor


def test_panning_stops_when_the_focus_goes(editor: GraphEditor) -> None:
    view = editor.view
    key_press(view, Qt.Key.Key_Space)
    press(view.viewport(), QPointF(400, 700))
    QApplication.sendEvent(view, QFocusEvent(QEvent.Type.FocusOut))
    before = view.area()
    move(view.viewport(), QPointF(300, 600), LEFT)
    assert view.area() == before


def test_a_pan_paints_what_a_full_repaint_would(editor: GraphEditor) -> None:
    view = editor.view
    editor.select(["sampler"])
    view.viewport().grab()
    for step in ((-13, 4), (50, -31), (7, 90), (-200, -60)):
        view.pan_by(*step)
        QApplication.processEvents()
    shown = editor.grab().toImage()
    view.viewport().update()
    QApplication.processEvents()
    assert editor.grab().toImage() == shown


# Where it looks


def test_framing(editor: GraphEditor) -> None:
    view = editor.view
    view.frame()
    assert view.area().contains(editor.scene.bounds())
    assert view.zoom == 1.0, "small graphs aren't blown up"
    view.frame(["save"])
    assert near(view.area().center(), editor.scene.nodes["save"].node_rect().center(), 2)
    view.resize(500, 400)
    view.frame()
    assert view.zoom < 1.0
    assert view.area().contains(editor.scene.bounds())


def test_centre_on_makes_a_node_readable(editor: GraphEditor) -> None:
    editor.view.zoom_to(0.05)
    editor.view.centre_on("decode")
    assert editor.view.zoom >= 0.45
    assert near(editor.view.area().center(), editor.scene.nodes["decode"].node_rect().center(), 3)


def test_viewpoint_comes_back(
    editor: GraphEditor, make_editor: Callable[..., GraphEditor]
) -> None:
    editor.view.zoom_to(0.7, QPointF(100, 100))
    editor.view.pan_by(33, -210)
    other = make_editor(None)
    other.view.look_from(*editor.view.viewpoint())
    assert other.view.zoom == pytest.approx(0.7)
    assert near(other.view.area().center(), editor.view.area().center(), 2)


def test_a_new_editor_shows_the_whole_graph(make_editor: Callable[..., GraphEditor]) -> None:
    editor = make_editor(many(120))
    assert editor.view.area().contains(editor.scene.bounds())


def test_moved_is_told(editor: GraphEditor, qtbot: QtBot) -> None:
    with qtbot.waitSignal(editor.view.moved):
        editor.view.pan_by(5, 0)
    with qtbot.waitSignal(editor.view.moved):
        editor.view.zoom_to(0.8)


# The map


def test_dragging_on_the_map_moves_the_view(editor: GraphEditor) -> None:
    view = editor.view
    rect = view.minimap.rect()
    before = view.area().center()
    drag(view.viewport(), QPointF(rect.center()), QPointF(rect.left() + 20, rect.center().y()))
    assert view.area().center().x() < before.x() - 100
    assert editor.selected() == []
    assert editor.scene.marks.band is None


def test_the_map_hides(editor: GraphEditor, make_editor: Callable[..., GraphEditor]) -> None:
    view = editor.view
    inside = view.to_scene(QPointF(view.minimap.rect().topLeft()) + QPointF(0.5, 40))
    border = QColor(theme("dark").minimap_border)
    assert alike(pixel(editor, inside), border)
    view.minimap_shown = False
    assert not view.minimap.visible
    assert not alike(pixel(editor, inside), border)
    assert not make_editor(None).view.minimap.visible


def test_the_map_follows_the_graph(editor: GraphEditor, qtbot: QtBot) -> None:
    before = editor.view.viewport().grab(editor.view.minimap.rect()).toImage()
    editor.attempt(lambda: edits.add_node(editor.document, "Note", (2400, 900)))
    qtbot.waitUntil(
        lambda: editor.view.viewport().grab(editor.view.minimap.rect()).toImage() != before
    )


# What is painted


def test_an_empty_canvas_says_what_to_do(make_editor: Callable[..., GraphEditor]) -> None:
    editor = make_editor(None)
    assert editor.view._empty_hint.isVisible()
    plain = editor.view.grab().toImage()
    editor.attempt(lambda: edits.add_node(editor.document, "Note", (9000, 9000)))
    assert not editor.view._empty_hint.isVisible()
    editor.stack.undo()
    assert editor.view._empty_hint.isVisible()
    assert editor.view.grab().toImage() == plain


def test_colours_of_ports_wires_and_selection(editor: GraphEditor) -> None:
    dark = theme("dark")
    out = editor.scene.port_pos("decode", "out", "image")
    assert alike(pixel(editor, out), dark.port("Image"))
    wire = editor.scene.wires["save", "image"]
    assert alike(pixel(editor, wire.path().pointAtPercent(0.5)), dark.port("Image"), 48)
    edge = editor.scene.nodes["sampler"].node_rect().center()
    edge.setX(editor.scene.nodes["sampler"].node_rect().left() - 0.5)
    assert not alike(pixel(editor, edge), dark.selection)
    editor.select(["sampler"])
    assert alike(pixel(editor, edge + QPointF(0, 60)), dark.selection)


def test_a_fault_is_red(editor: GraphEditor) -> None:
    rect = editor.scene.nodes["checkpoint"].node_rect()
    edge = QPointF(rect.left() + 0.5, rect.center().y() + 40)
    assert alike(pixel(editor, edge), theme("dark").node_border)
    editor.scene.set_faults({"checkpoint": ["no such model"]})
    assert pixel(editor, edge).red() > 200


def test_another_theme_paints_all_anew(editor: GraphEditor) -> None:
    corner = editor.view.to_scene(QPointF(7, 7))
    inside = editor.scene.nodes["decode"].node_rect().center()
    assert alike(pixel(editor, corner), theme("dark").canvas)
    instance().set("light")
    assert alike(pixel(editor, corner), theme("light").canvas)
    assert alike(pixel(editor, inside), theme("light").node)


@pytest.mark.parametrize("zoom", [2.5, 1.0, 0.6, 0.44, 0.3, 0.19, 0.05, 0.02])
def test_every_level_of_detail_paints(editor: GraphEditor, zoom: float) -> None:
    view = editor.view
    editor.select(["save"])
    editor.scene.set_faults({"decode": ["x"]})
    start = editor.scene.port_pos("decode", "out", "image")
    editor.scene.set_marks(
        CanvasMarks(
            ghosts=(GhostWire(start, start + QPointF(80, 90), "Image", False),),
            judge=lambda *_: "no",
            snap=("save", "in", "image"),
            drop_node="save",
            band=QRectF(0, 0, 100, 100),
            cut=(QPointF(0, 0), QPointF(50, 50)),
            hover_node="sampler",
        )
    )
    view.zoom_to(zoom)
    view.centre_at(editor.scene.bounds().center())
    view.settle()
    image = view.viewport().grab().toImage()
    middle = image.pixelColor(view.viewport().rect().center())
    assert middle != theme("dark").canvas
    assert (view.zoom < BELOW) == (zoom < 0.2)


def test_two_grabs_are_alike(editor: GraphEditor) -> None:
    assert editor.grab().toImage() == editor.grab().toImage()


def test_pictures_of_nodes_stay_within_their_memory(
    make_editor: Callable[..., GraphEditor],
) -> None:
    editor = make_editor(many(400))
    editor.view.zoom_to(1.0)
    for number in range(0, 400, 11):
        editor.view.centre_on(f"n{number}")
        QApplication.processEvents()
    assert 0 < editor.scene.faces.bytes <= 48 * 2**20


# Things dropped


class _Takes:
    def __init__(self) -> None:
        self.got: list[tuple[str, QPointF]] = []

    def takes(self, mime: QMimeData) -> bool:
        return mime.hasFormat("application/x-test")

    def drop(self, mime: QMimeData, at: QPointF) -> None:
        self.got.append((bytes(mime.data("application/x-test").data()).decode(), at))


def test_drops_go_to_who_takes_them(editor: GraphEditor) -> None:
    target = _Takes()
    editor.view.drop_targets.append(target)
    mime = QMimeData()
    mime.setData("application/x-test", b"hello")
    other = QMimeData()
    other.setText("no")
    for data, taken in ((mime, True), (other, False)):
        event = QDropEvent(
            QPointF(300, 200), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier
        )
        editor.view.dropEvent(event)
        assert event.isAccepted() == taken
    assert [text for text, _ in target.got] == ["hello"]
    assert near(target.got[0][1], editor.view.to_scene(QPointF(300, 200)))


def test_keys_that_nobody_wants_go_on(editor: GraphEditor) -> None:
    before = editor.view.area()
    key_press(editor.view, Qt.Key.Key_PageDown)
    key_press(editor.view, Qt.Key.Key_M, ALT)
    assert editor.view.area() == before


def test_clicks_reach_the_gestures(editor: GraphEditor) -> None:
    title = editor.scene.nodes["decode"].pos() + QPointF(110, 12)
    click(editor.view.viewport(), editor.view.viewportTransform().map(title))
    assert editor.selected() == ["decode"]
