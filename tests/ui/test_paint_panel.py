"""The panel in the real window: opened from the node, painted on, pasted into, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.editing.edits import remove, set_param
from studio.graph.document import Graph, Node
from tests.ui.paint_window import a_window, agree, drag, editor_of, opened
from ui.actions import Actions
from ui.preferences import Preferences
from ui.theme import instance
from ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry


@pytest.fixture
def window(qtbot: QtBot, registry: Registry, tmp_path: Path) -> Iterator[MainWindow]:
    with a_window(qtbot, registry, tmp_path) as made:
        yield made


def test_a_click_on_the_nodes_field_opens_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    editor = editor_of(window)
    editor.view.zoom_to(1.0)
    editor.view.frame()
    editor.view.settle()
    spot = editor.scene.nodes["mask"].geometry.widget("strokes")
    assert spot is not None
    item = editor.scene.nodes["mask"]
    place = editor.view.mapFromScene(item.mapToScene(spot.rect.center()))
    QTest.mouseClick(editor.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    panel = window.workshop.paint_panel
    assert panel is not None
    assert window.panels["paint"].isVisible()
    assert panel.binding is not None
    assert panel.binding.node == "mask"
    qtbot.waitUntil(lambda: panel.view.painting.ready)
    assert panel.width() >= 480
    assert window.panels["inspector"].width() >= 240


def test_a_stroke_of_the_mouse_is_a_step_of_undo_and_counted_on_the_node(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    drag(panel, (30, 30), (40, 40), (60, 45), (80, 60))
    items = editor.document.nodes["mask"].params["strokes"]["items"]
    assert [item["t"] for item in items] == ["brush"]
    assert editor.stack.count() == 1
    agree(panel)
    assert panel.view.painting.mask.mask.any()
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert editor.stack.index() == 0
    assert not panel.view.painting.mask.mask.any()
    drag(panel, (30, 30), (60, 45), button=Qt.MouseButton.RightButton)
    assert editor.document.nodes["mask"].params["strokes"]["items"][0]["e"] == 1


def test_the_key_opens_what_is_selected_and_alt_8_the_panel(
    window: MainWindow, qtbot: QtBot
) -> None:
    editor = editor_of(window)
    editor.select(["mask"])
    editor.view.setFocus()
    QTest.keyClick(editor.view, Qt.Key.Key_P, Qt.KeyboardModifier.ShiftModifier)
    panel = window.workshop.paint_panel
    assert panel is not None
    assert panel.binding is not None
    dock = window.panels["paint"]
    assert dock.isVisible()
    window.commands.trigger("panel.paint")
    assert dock.isHidden()
    window.commands.trigger("panel.paint")
    assert dock.isVisible()
    assert panel.binding is not None


def test_the_window_closes_with_the_canvas_over_all_of_it(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = opened(window, qtbot)
    window.commands.trigger("paint.full")
    drag(panel, (30, 30), (60, 45))
    editor_of(window).stack.setClean()
    window.close()
    assert panel.binding is None


def test_a_low_panel_has_its_tools_in_two_columns(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    assert panel.tools.button("clear").x() == panel.tools.button("brush").x()
    window.resize(1280, 560)
    QApplication.processEvents()
    QApplication.processEvents()
    assert panel.tools.button("eraser").y() == panel.tools.button("brush").y()
    last = panel.tools.button("clear").geometry()
    assert panel.tools.rect().contains(last)


def test_tools_layers_and_deeds_are_chosen_by_buttons(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    QTest.mouseClick(panel.tools.button("rectangle"), Qt.MouseButton.LeftButton)
    assert panel.settings.tool == "rectangle"
    assert panel.options.fields["opacity"].isVisible()
    assert not panel.options.fields["size"].isVisible()
    drag(panel, (10, 10), (20, 20), (50, 50))
    items = editor_of(window).document.nodes["mask"].params["strokes"]["items"]
    assert items[-1]["t"] == "rect"
    QTest.mouseClick(panel.tools.button("invert"), Qt.MouseButton.LeftButton)
    agree(panel)
    assert panel.view.painting.mask.mask[2, 2] == 255
    QTest.mouseClick(panel.tools.button("clear"), Qt.MouseButton.LeftButton)
    assert not panel.view.painting.mask.mask.any()
    QTest.mouseClick(panel.layers.layers["sketch"], Qt.MouseButton.LeftButton)
    assert panel.settings.layer == "sketch"
    assert panel.layers.colour.isVisible()
    QTest.mouseClick(panel.tools.button("fill"), Qt.MouseButton.LeftButton)
    sketch = editor_of(window).document.nodes["mask"].params["sketch"]["items"]
    assert sketch[-1]["c"] == panel.settings.colour


def test_numbers_of_the_brush_are_typed_and_told(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    field = panel.options.fields["size"].field
    field.begin()
    QTest.keyClicks(field.main, "62")
    QTest.keyClick(field.main, Qt.Key.Key_Return)
    assert panel.settings.radius == 31
    panel.settings.radius = 10
    assert field.value == 20
    panel.settings.hardness = 33
    assert panel.options.fields["hardness"].field.value == 33


def test_the_nodes_shape_is_edited_under_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    editor.push(set_param(editor.document, "mask", "grow", 7.0))
    assert panel.view.painting.grow == 7.0
    editor.stack.undo()
    assert panel.view.painting.grow == 0.0


def test_the_whole_window_and_back(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    before = panel.width()
    window.commands.trigger("paint.full")
    QApplication.processEvents()
    assert panel.full
    assert panel.width() == window.width()
    drag(panel, (30, 30), (60, 45))
    agree(panel)
    window.resize(1280, 720)
    QApplication.processEvents()
    assert panel.width() == window.width()
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_Escape)
    assert not panel.full
    assert window.panels["paint"].widget() is panel
    assert panel.isVisible()
    window.resize(1600, 900)
    QApplication.processEvents()
    assert abs(panel.width() - before) < 400
    window.commands.trigger("paint.full")
    window.commands.trigger("view.reset_layout")
    assert not panel.full


def test_another_tab_shows_its_own_mask_and_the_first_comes_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = opened(window, qtbot)
    first = panel.binding
    editor = editor_of(window)
    window.tabs.open_graph(Graph(), "Empty")
    assert panel.binding is None
    assert panel.pages.currentIndex() == 0
    window.tabs.step(-1)
    assert window.editor is editor
    assert panel.binding is first
    window.tabs.step(1)
    QTest.mouseClick(panel.empty.add, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.binding is not None)
    assert "Wire a picture" in panel.view.painting.words


def test_a_removed_node_leaves_words_and_undo_brings_it_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    drag(panel, (30, 30), (60, 45))
    editor.push(remove(editor.document, ["mask"]))
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == 0)
    editor.stack.undo()
    qtbot.waitUntil(lambda: panel.pages.currentIndex() == 1)
    qtbot.waitUntil(lambda: panel.view.painting.ready)
    agree(panel)


def test_a_tab_that_closes_leaves_the_panel_empty(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    editor.stack.setClean()
    window.tabs.close(editor)
    qtbot.waitUntil(lambda: panel.binding is None)
    assert panel.pages.currentIndex() == 0


def test_floating_keeps_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    dock = window.panels["paint"]
    dock.setFloating(True)
    QApplication.processEvents()
    assert panel.isVisible()
    drag(panel, (30, 30), (60, 45))
    agree(panel)
    dock.setFloating(False)


def test_what_the_engine_made_is_painted_on(
    qtbot: QtBot, qapp: QApplication, registry: Registry, home: Path
) -> None:
    """A picture that no file holds: not made yet, made by the button, kept while it is stale."""
    preferences = Preferences()
    preferences.tour_done = True
    actions = Actions(preferences)
    window = MainWindow(registry, preferences, actions, instance())
    graph = Graph(
        nodes={
            "solid": Node(type="SolidImage", params={"width": 40, "height": 24}),
            "mask": Node(type="InpaintMask", inputs={"image": "solid"}),
            "save": Node(type="SaveImage", inputs={"image": "mask.image"}),
        },
        layout={"solid": (0, 0), "mask": (300, 0), "save": (600, 0)},
    )
    window.tabs.open_graph(graph, "Made")
    with qtbot.waitSignal(window.first_painted):
        window.show()
    editor = editor_of(window)
    editor.paint_wanted.emit("mask", "mask")
    panel = window.workshop.paint_panel
    assert panel is not None
    qtbot.waitUntil(lambda: panel.advice.button.isVisible(), timeout=60_000)
    assert "Run the graph up to here" in panel.advice.words.text()
    QTest.mouseClick(panel.advice.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.view.painting.ready, timeout=60_000)
    assert (panel.view.painting.width, panel.view.painting.height) == (40, 24)
    assert panel.view.painting.picture is not None
    assert (panel.view.painting.picture == 128).all()
    assert not panel.advice.isVisible()
    # Its picture is another now, and not made: one goes on with the old one, and is told.
    editor.push(set_param(editor.document, "solid", "colour", "#ff0000"))
    qtbot.waitUntil(lambda: panel.advice.isVisible(), timeout=10_000)
    assert panel.view.painting.ready
    drag(panel, (5, 5), (20, 12))
    QTest.mouseClick(panel.advice.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: panel.view.painting.ready
        and panel.view.painting.picture is not None
        and panel.view.painting.picture[0, 0].tolist() == [255, 0, 0],
        timeout=60_000,
    )
    agree(panel)
    editor.stack.setClean()
    window.close()
    window.actions_.deleteLater()
    window.deleteLater()
    qapp.sendPostedEvents()
    qapp.processEvents()
