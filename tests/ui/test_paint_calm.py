"""What must not jump, linger or crowd around the canvas while one works in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.editing.edits import set_param
from studio.graph.document import Graph, Node
from tests.ui.mask_kit import paint_graph, write_picture
from tests.ui.paint_window import a_window, editor_of, opened
from ui.paint.decor import words_rect
from ui.paint.settings import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.window import MainWindow


@pytest.fixture
def window(qtbot: QtBot, registry: Registry, tmp_path: Path) -> Iterator[MainWindow]:
    with a_window(qtbot, registry, tmp_path) as made:
        yield made


def settle() -> None:
    for _ in range(4):
        QApplication.processEvents()


def test_the_canvas_stays_where_it_is_whatever_the_tool(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    panel.settings.tool = "brush"
    settle()
    before = panel.view.geometry()
    for tool in TOOLS:
        panel.settings.tool = tool
        settle()
        assert panel.view.geometry() == before, tool


def test_what_was_said_about_one_mask_isnt_said_about_the_next(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = opened(window, qtbot)
    panel.tell("It is saved.")
    assert panel.notice.isVisible()
    window.tabs.open_graph(paint_graph(str(write_picture(tmp_path / "other.png"))), "Other")
    opened(window, qtbot)
    assert not panel.notice.isVisible()


def test_the_canvas_gives_its_room_back_to_the_graph(window: MainWindow, qtbot: QtBot) -> None:
    opened(window, qtbot)
    settle()
    inspector, editor = window.panels["inspector"], editor_of(window)
    wide, graph = inspector.width(), editor.width()
    window.commands.trigger("panel.paint")
    qtbot.waitUntil(lambda: editor.width() > graph)
    settle()
    assert inspector.width() == wide
    window.commands.trigger("panel.paint")
    settle()
    assert inspector.width() == wide
    window.panels["paint"].setFloating(True)
    qtbot.waitUntil(lambda: editor.width() > graph)
    settle()
    assert inspector.width() == wide


def test_the_middle_stays_in_the_middle_in_the_whole_window(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = opened(window, qtbot)
    view = panel.view
    view.zoom_to(4.0)
    middle = view.placement.to_picture(view.rect().center().toPointF())
    window.commands.trigger("paint.full")
    settle()
    now = view.placement.to_picture(view.rect().center().toPointF())
    assert abs(now.x() - middle.x()) < 1
    assert abs(now.y() - middle.y()) < 1
    # What comes below the canvas leaves the picture where it is.
    at = view.placement
    view.window().resize(view.window().width(), view.window().height() - 60)
    settle()
    assert view.placement == at


def test_there_is_room_around_the_outpaint_frame_in_the_whole_window(
    window: MainWindow, qtbot: QtBot
) -> None:
    panel = opened(window, qtbot)
    view = panel.view
    panel.settings.tool = "frame"
    settle()
    small = view.zoom
    window.commands.trigger("paint.full")
    settle()
    qtbot.waitUntil(lambda: view.zoom > small)
    frame = view.frames[2]
    assert frame is not None
    seen = view.placement.rect(frame).center() - view.rect().center().toPointF()
    assert abs(seen.x()) < 2
    assert abs(seen.y()) < 2
    panel.settings.tool = "brush"
    settle()
    assert view.fits


def test_no_ring_where_the_divider_is_taken_hold_of(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    view = panel.view
    panel.settings.tool = "brush"
    result = QImage(128, 96, QImage.Format.Format_RGB32)
    result.fill(QColor("#204080"))
    view.show_result(result, compare="slider")
    at = view.rect().center()
    at.setX(round(view.divider))
    QTest.mouseMove(view, at)
    assert view.hands.ring is None
    at.setX(at.x() - 60)
    QTest.mouseMove(view, at)
    assert view.hands.ring is not None


def test_words_and_button_stand_in_the_empty_canvas(window: MainWindow, qtbot: QtBot) -> None:
    graph = Graph(
        nodes={
            "solid": Node(type="SolidImage", params={"width": 40, "height": 24}),
            "mask": Node(type="InpaintMask", inputs={"image": "solid"}),
        },
        layout={"solid": (0, 0), "mask": (300, 0)},
    )
    window.tabs.open_graph(graph, "Made")
    editor_of(window).paint_wanted.emit("mask", "mask")
    panel = window.workshop.paint_panel
    assert panel is not None
    assert panel.binding is not None
    panel.binding.source._not_made("it hasn't been made yet")
    settle()
    words = panel.view.painting.words
    assert words == "The picture hasn't been made yet. Run the graph up to here to paint on it."
    button = panel.advice.button
    assert button.parent() is panel.view
    assert button.isVisible()
    assert not panel.advice.isVisible()
    below = words_rect(panel.view.rect().toRectF(), words)
    assert button.y() > below.bottom()
    assert panel.view.rect().contains(button.geometry())
    window.tabs.close(window.tabs.editors()[-1])


def test_a_small_panel_cuts_nothing_off(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    dock = window.panels["paint"]
    dock.setFloating(True)
    dock.resize(10, 10)
    settle()
    for name, button in panel.tools.buttons.items():
        assert panel.tools.rect().contains(button.geometry()), name
    assert QRect(panel.options.rect()).contains(panel.options.childrenRect())
    editor = editor_of(window)
    editor.push(set_param(editor.document, "mask", "grow", 120.0))
    assert panel._fields[0].width() >= 70
    dock.resize(900, 900)
    settle()
    assert panel.tools.button("clear").x() == panel.tools.button("brush").x()
    assert Qt.DockWidgetArea.RightDockWidgetArea == window.dockWidgetArea(dock)
