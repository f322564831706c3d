"""Context menus, hovering and tool tips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import events
import gesture_kit as kit
import pytest
from events import RIGHT
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from studio.graph.checked import Source
from ui.editor.gestures.target import target_at
from ui.editor.gestures.tips import tip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtGui import QAction
    from PySide6.QtWidgets import QMenu, QWidget

    from ui.editor.editor import GraphEditor

FRAMES = {"prompts": {"title": "Prompts", "rect": [270, -60, 290, 480], "nodes": ["positive"]}}


@pytest.fixture
def canvas(make_editor: Callable[..., GraphEditor]) -> Iterator[GraphEditor]:
    editor = kit.settle(make_editor(kit.graph(frames=FRAMES)))
    yield editor
    if editor.view.gestures.menu is not None:
        editor.view.gestures.menu.close()


@pytest.fixture
def port(canvas: GraphEditor) -> QWidget:
    return canvas.view.viewport()


def opened(editor: GraphEditor) -> QMenu:
    menu = editor.view.gestures.menu
    assert menu is not None
    assert menu.isVisible()
    return menu


def row(menu: QMenu, text: str) -> QAction:
    found = {action.text().partition("\t")[0]: action for action in menu.actions()}
    return found[text]


def part(menu: QMenu, text: str) -> QMenu:
    inner = row(menu, text).menu()
    assert inner is not None
    return inner


def texts(menu: QMenu) -> list[str]:
    return [action.text().partition("\t")[0] for action in menu.actions() if action.text()]


class TestNode:
    def test_a_right_click_selects_and_shows_it(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        menu = opened(canvas)
        assert canvas.selected() == ["sampler"]
        assert {"Rename", "Bypass", "Mute", "Collapse", "Delete", "Colour"} <= set(texts(menu))
        row(menu, "Bypass").trigger()
        assert canvas.document.nodes["sampler"].mode == "bypass"

    def test_several_stay_selected(self, canvas: GraphEditor, port: QWidget) -> None:
        canvas.select(["sampler", "decode"])
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        menu = opened(canvas)
        assert "Align" in texts(menu)
        row(menu, "Mute").trigger()
        assert canvas.document.nodes["decode"].mode == "mute"

    def test_a_mode_that_is_on_is_ticked(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        row(opened(canvas), "Mute").trigger()
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        assert row(opened(canvas), "Mute").isChecked()
        assert not row(opened(canvas), "Bypass").isChecked()

    def test_the_cache_is_ticked_until_it_is_off(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        assert row(opened(canvas), "Use cached results").isChecked()
        row(opened(canvas), "Use cached results").trigger()
        assert not canvas.document.nodes["sampler"].cache
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        assert not row(opened(canvas), "Use cached results").isChecked()
        row(opened(canvas), "Use cached results").trigger()
        assert canvas.document.nodes["sampler"].cache

    def test_colour(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        row(part(opened(canvas), "Colour"), "Teal").trigger()
        assert canvas.document.view_of("sampler").colour == "#2a9d98"
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        row(part(opened(canvas), "Colour"), "Usual").trigger()
        assert canvas.document.view_of("sampler").colour is None

    def test_fields_become_sockets_and_fields_again(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        row(part(opened(canvas), "Fields as sockets"), "steps").trigger()
        assert canvas.document.view_of("sampler").sockets == ("steps",)
        events.click(port, kit.port(canvas, "sampler", "in", "steps"), RIGHT)
        row(opened(canvas), "Show steps as a field").trigger()
        assert canvas.document.view_of("sampler").sockets == ()

    def test_a_field_has_rows_of_its_own(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.field(canvas, "sampler", "cfg"), RIGHT)
        menu = opened(canvas)
        assert texts(menu)[:3] == ["Edit cfg", "Show cfg as a socket", "Reset cfg"]
        row(menu, "Reset cfg").trigger()
        assert "cfg" not in canvas.document.nodes["sampler"].params

    def test_actions_of_the_window_are_asked_for(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        wanted: list[str] = []
        canvas.view.gestures.action_wanted.connect(wanted.append)
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        row(opened(canvas), "Run to here").trigger()
        assert wanted == ["run.to_selected"]

    def test_shortcuts_shown_can_be_the_users(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        canvas.view.gestures.keys_of = lambda name: "Ctrl+J" if name == "graph.mute" else ""
        events.click(port, kit.title(canvas, "sampler"), RIGHT)
        assert row(opened(canvas), "Mute").text() == "Mute\tCtrl+J"
        assert row(opened(canvas), "Bypass").text() == "Bypass"


class TestOthers:
    def test_wire(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.wire(canvas, "save", "image"), RIGHT)
        menu = opened(canvas)
        assert "Go from VAE Decode" in texts(menu)
        row(menu, "Delete the wire").trigger()
        assert canvas.document.nodes["save"].inputs == {}

    def test_reroute_by_the_wires_menu(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.wire(canvas, "save", "image"), RIGHT)
        row(opened(canvas), "Add a reroute here").trigger()
        assert len(canvas.document.nodes) == 8

    def test_a_node_into_the_wire(self, canvas: GraphEditor, port: QWidget) -> None:
        found: list[tuple[object, ...]] = []
        canvas.view.palette_wanted.connect(lambda *what: found.append(what))
        events.click(port, kit.wire(canvas, "save", "image"), RIGHT)
        row(opened(canvas), "Add a node here...").trigger()
        assert found[0][1:] == (Source("decode", "image"), ("save", "image"))

    def test_port(self, canvas: GraphEditor, port: QWidget) -> None:
        events.click(port, kit.port(canvas, "checkpoint", "out", "clip"), RIGHT)
        row(opened(canvas), "Disconnect 2 wires").trigger()
        assert canvas.document.nodes["positive"].inputs == {}
        events.click(port, kit.port(canvas, "checkpoint", "out", "clip"), RIGHT)
        assert not any("Disconnect" in text for text in texts(opened(canvas)))

    def test_frame(self, canvas: GraphEditor, port: QWidget) -> None:
        at = canvas.scene.frames["prompts"].scene_rect().topLeft() + QPointF(100, 16)
        events.click(port, kit.pixel(canvas, at), RIGHT)
        menu = opened(canvas)
        assert canvas.scene.selected_frames() == ["prompts"]
        row(menu, "Delete it and what is inside").trigger()
        assert canvas.document.frames == {}
        assert "positive" not in canvas.document.nodes
        assert canvas.stack.count() == 1

    def test_canvas(self, canvas: GraphEditor, port: QWidget) -> None:
        found: list[tuple[QPointF, object, object]] = []
        canvas.view.palette_wanted.connect(lambda *what: found.append(what))
        events.click(port, kit.pixel(canvas, kit.EMPTY), RIGHT)
        row(opened(canvas), "Add a node...").trigger()
        assert (found[0][0] - kit.EMPTY).manhattanLength() < 2

    def test_a_right_drag_shows_no_menu(self, canvas: GraphEditor, port: QWidget) -> None:
        start = kit.pixel(canvas, kit.EMPTY)
        events.drag(port, start, start + QPoint(60, 0), RIGHT)
        assert canvas.view.gestures.menu is None

    def test_it_is_gone_after_it_was_closed(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        events.click(port, kit.pixel(canvas, kit.EMPTY), RIGHT)
        opened(canvas).close()
        assert canvas.view.gestures.menu is None


class TestHover:
    def test_what_is_under_the_mouse_is_marked(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        events.move(port, kit.port(canvas, "sampler", "in", "model"))
        assert canvas.scene.marks.hover_port == ("sampler", "in", "model")
        assert port.cursor().shape() == Qt.CursorShape.CrossCursor
        events.move(port, kit.wire(canvas, "sampler", "latent"))
        assert canvas.scene.marks.hover_port is None
        assert canvas.scene.marks.hover_wire == ("sampler", "latent")
        events.move(port, kit.field(canvas, "sampler", "steps"))
        assert canvas.scene.marks.hover_widget == ("sampler", "steps")
        assert canvas.scene.marks.hover_node == "sampler"
        assert port.cursor().shape() == Qt.CursorShape.SizeHorCursor
        events.move(port, kit.edge(canvas, "sampler"))
        assert port.cursor().shape() == Qt.CursorShape.SizeHorCursor
        events.move(port, kit.pixel(canvas, kit.EMPTY))
        assert canvas.scene.marks.hover_node is None
        assert port.cursor().shape() == Qt.CursorShape.ArrowCursor

    def test_it_is_forgotten_when_the_mouse_leaves(
        self, canvas: GraphEditor, port: QWidget
    ) -> None:
        events.move(port, kit.title(canvas, "sampler"))
        assert canvas.scene.marks.hover_node == "sampler"
        QApplication.sendEvent(port, QEvent(QEvent.Type.Leave))
        assert canvas.scene.marks.hover_node is None


class TestTips:
    def words(self, canvas: GraphEditor, at: QPoint) -> str:
        return tip(canvas, target_at(canvas.view, canvas.view.mapToScene(at)))

    def test_port(self, canvas: GraphEditor) -> None:
        words = self.words(canvas, kit.port(canvas, "sampler", "in", "positive"))
        assert "Conditioning" in words
        assert "from Text Encode" in words

    def test_field_says_its_range(self, canvas: GraphEditor) -> None:
        assert "from 1 to" in self.words(canvas, kit.field(canvas, "sampler", "steps"))

    def test_wire(self, canvas: GraphEditor) -> None:
        words = self.words(canvas, kit.wire(canvas, "save", "image"))
        assert "VAE Decode" in words
        assert "Save Image" in words

    def test_node(self, canvas: GraphEditor) -> None:
        words = self.words(canvas, kit.title(canvas, "sampler"))
        assert "sampler" in words
        assert "KSampler" in words

    def test_a_nodes_run(self, canvas: GraphEditor) -> None:
        step = {"node": "sampler", "key": "k", "action": "runs", "reason": "seed 1 → 7"}
        canvas.states.apply_event(
            {"event": "node_finished", "node": "sampler", "seconds": 11.3, "loading": 11.1}
        )
        canvas.states.set_plan([step])
        words = self.words(canvas, kit.title(canvas, "sampler"))
        assert words.count("seed 1 → 7") == 1, "the footer's words are the reason"
        assert "took 11 s, of which 11 s loading" in words

    def test_nothing(self, canvas: GraphEditor) -> None:
        assert self.words(canvas, kit.pixel(canvas, kit.EMPTY)) == ""

    def test_titles_are_no_markup(self, canvas: GraphEditor) -> None:
        from studio.editing import edits

        canvas.push(edits.rename(canvas.document, "sampler", "<b>x</b>"))
        assert "&lt;b&gt;x" in self.words(canvas, kit.title(canvas, "sampler"))

    def test_it_shows(self, canvas: GraphEditor, port: QWidget) -> None:
        at = kit.title(canvas, "sampler")
        event = QHelpEvent(QEvent.Type.ToolTip, at, port.mapToGlobal(at))
        QApplication.sendEvent(port, event)
        assert "KSampler" in QToolTip.text()
        QToolTip.hideText()
