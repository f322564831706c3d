"""Careless hands on the real window: nothing is lost, and nothing is done that nobody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.editing.edits import remove, rename, set_mode, set_param
from studio.graph.document import Graph
from tests.ui.hostile_kit import a_window, on_picture, pump, settle, strokes
from tests.ui.mask_kit import write_picture
from tests.ui.test_paint_panel import agree, drag, editor_of, opened
from ui.engine.job import Job
from ui.theme import instance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.paint.panel import PaintPanel
    from ui.window import MainWindow

LEFT = Qt.MouseButton.LeftButton
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(qtbot: QtBot, registry: Registry, tmp_path: Path) -> Iterator[MainWindow]:
    with a_window(qtbot, registry, on_picture(tmp_path)) as made:
        yield made


def begin(panel: PaintPanel) -> QPoint:
    """A stroke that isn't ended; where the mouse is."""
    view = panel.view
    QTest.mousePress(view, LEFT, pos=view.placement.to_view(30, 30).toPoint())
    place = view.placement.to_view(60, 50).toPoint()
    QTest.mouseMove(view, place)
    assert view.painting.painting
    return place


@pytest.mark.parametrize("what", ["theme", "rename", "mute", "grow", "zoom", "resize"])
def test_a_stroke_in_hand_outlives(window: MainWindow, qtbot: QtBot, what: str) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    document = editor.document
    place = begin(panel)
    match what:
        case "theme":
            instance().set("light")
        case "rename":
            editor.push(rename(document, "mask", "Sky"))
        case "mute":
            editor.push(set_mode(document, ["mask"], "mute"))
        case "grow":
            editor.push(set_param(document, "mask", "grow", 3.0))
        case "zoom":
            panel.view.zoom_to(1.0)
        case "resize":
            window.resize(1400, 800)
    pump()
    QTest.mouseRelease(panel.view, LEFT, pos=place + QPoint(10, 10))
    assert len(strokes(editor)) == 1
    agree(panel)


@pytest.mark.parametrize("what", ["tab", "closed", "removed", "dock", "full", "picture"])
def test_a_stroke_in_hand_is_given_up_and_the_ones_before_stay(
    window: MainWindow, qtbot: QtBot, what: str
) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    drag(panel, (10, 10), (20, 20))
    place = begin(panel)
    match what:
        case "tab":
            window.tabs.open_graph(Graph(), "Other")
        case "closed":
            editor.stack.setClean()
            window.tabs.close(editor)
        case "removed":
            editor.push(remove(editor.document, ["mask"]))
        case "dock":
            window.panels["paint"].close()
        case "full":
            window.commands.trigger("paint.full")
        case "picture":
            editor.push(set_param(editor.document, "load", "path", "nowhere.png"))
    pump()
    QTest.mouseMove(panel.view, place + QPoint(20, 20))
    QTest.mouseRelease(panel.view, LEFT, pos=place + QPoint(20, 20))
    settle(qtbot, panel)
    assert not panel.view.painting.painting
    assert not panel.view.hands.busy
    if what == "closed":
        return
    window.tabs.show_page(window.tabs.pages()[0])
    if what in ("removed", "picture"):
        editor.stack.undo()
    window.commands.trigger("paint.open")
    qtbot.waitUntil(lambda: panel.view.painting.ready)
    assert len(strokes(editor)) == 1
    agree(panel)


@pytest.mark.parametrize("what", ["close", "other", "remove"])
def test_the_whole_window_is_given_back_where_nothing_is_painted_on(
    window: MainWindow, qtbot: QtBot, what: str
) -> None:
    """A sheet without a canvas would hide the graph, and take no key that ends it."""
    panel = opened(window, qtbot)
    editor = editor_of(window)
    window.commands.trigger("paint.full")
    assert panel.full
    if what == "close":
        editor.stack.setClean()
        window.tabs.close(editor)
    elif what == "other":
        window.tabs.open_graph(Graph(), "Other")
    else:
        editor.push(remove(editor.document, ["mask"]))
    qtbot.waitUntil(lambda: not panel.full)
    assert window.panels["paint"].widget() is panel
    if window.editor is not None:
        assert window.editor.view.isVisible()
        assert window.editor.view.hasFocus()


def test_keys_go_to_the_canvas_that_hides_another_tab(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = opened(window, qtbot)
    window.commands.trigger("paint.full")
    window.tabs.open_graph(on_picture(tmp_path), "Other")
    qtbot.waitUntil(lambda: panel.binding is not None and panel.view.painting.ready)
    pump()
    editor = editor_of(window)
    editor.select(["load", "mask"])
    pump()
    assert panel.full
    assert panel.view.hasFocus()
    focused = QApplication.focusWidget()
    QTest.keyClick(focused, Qt.Key.Key_Delete)
    assert set(editor.document.nodes) == {"load", "mask"}
    QTest.keyClick(focused, Qt.Key.Key_Escape)
    assert not panel.full


def test_no_key_of_the_canvas_touches_the_graph(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    editor.select(["mask"])
    settle(qtbot, panel)
    panel.view.setFocus()
    letters = [*range(Qt.Key.Key_A, Qt.Key.Key_Z + 1)]
    for key in (*letters, Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_Tab):
        QTest.keyClick(panel.view, Qt.Key(key))
    for key in (Qt.Key.Key_D, Qt.Key.Key_X, Qt.Key.Key_A, Qt.Key.Key_G):
        QTest.keyClick(panel.view, key, CTRL)
    assert set(editor.document.nodes) == {"load", "mask"}
    assert editor.document.nodes["mask"].mode == "normal"
    assert editor.stack.count() == 0


def test_save_is_save_and_undo_is_undo_from_the_canvas(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = opened(window, qtbot)
    editor = editor_of(window)
    path = tmp_path / "graph.json"
    window.tabs.saver.dialogs.ask_save = lambda *_, **__: path  # type: ignore[method-assign]
    drag(panel, (30, 30), (60, 45))
    panel.view.setFocus()
    place = begin(panel)
    QTest.keyClick(panel.view, Qt.Key.Key_S, CTRL)
    assert not path.exists(), "not in the middle of a stroke"
    QTest.mouseRelease(panel.view, LEFT, pos=place)
    QTest.keyClick(panel.view, Qt.Key.Key_S, CTRL)
    qtbot.waitUntil(lambda: editor.path == path)
    assert path.read_text().count('"brush"') == 2
    QTest.keyClick(panel.view, Qt.Key.Key_Z, CTRL)
    QTest.keyClick(panel.view, Qt.Key.Key_Z, CTRL)
    assert strokes_or_none(window) == 0
    QTest.keyClick(panel.view, Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert strokes_or_none(window) == 1
    agree(panel)


def strokes_or_none(window: MainWindow) -> int:
    value = editor_of(window).document.nodes["mask"].params.get("strokes") or {}
    return len(value.get("items", ()))


def test_an_empty_clipboard_is_said(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    QGuiApplication.clipboard().clear()
    panel.incoming.paste()
    assert "no picture" in panel.notice.text()
    QGuiApplication.clipboard().setImage(QImage())
    panel.incoming.paste()
    assert panel.incoming.menu is None


def test_a_floating_canvas_that_is_closed_comes_back(window: MainWindow, qtbot: QtBot) -> None:
    panel = opened(window, qtbot)
    dock = window.panels["paint"]
    dock.setFloating(True)
    pump()
    begin(panel)
    dock.close()
    assert not panel.view.painting.painting
    window.commands.trigger("paint.open")
    pump()
    assert panel.isVisible()
    drag(panel, (30, 30), (60, 45))
    window.commands.trigger("paint.full")
    pump()
    assert panel.width() == window.width()
    window.commands.trigger("paint.full")
    pump()
    assert dock.isFloating()
    assert dock.isVisible()
    agree(panel)
    dock.setFloating(False)


def test_results_that_are_gone_broken_or_too_late(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    graph = on_picture(tmp_path)
    graph.nodes["save"] = graph.nodes["mask"].model_copy(
        update={"type": "SaveImage", "inputs": {"image": "mask.image"}}
    )
    window.tabs.open_graph(graph, "Results")
    panel = opened(window, qtbot)
    editor = editor_of(window)
    keeper = panel.surroundings.results
    before = editor.document.nodes["load"].params["path"]

    def wrote(path: Path) -> None:
        event = {"event": "output_written", "node": "save", "path": str(path)}
        window.workshop.queue.job_event.emit(Job("Run", "{}", states=editor.states), event)
        done()

    def done() -> None:
        pump()
        qtbot.waitUntil(lambda: not keeper.busy)
        pump()

    def accept() -> None:
        panel.view.setFocus()
        QTest.keyClick(panel.view, Qt.Key.Key_Return)

    drag(panel, (30, 30), (60, 45))
    gone = write_picture(tmp_path / "gone.png", 64, 48)
    wrote(gone)
    gone.unlink()
    accept()
    done()
    assert "isn't there any more" in panel.notice.text()
    (tmp_path / "bad.png").write_bytes(b"words")
    wrote(tmp_path / "bad.png")
    accept()
    done()
    assert "can't be shown" in panel.notice.text()
    assert editor.document.nodes["load"].params["path"] == before
    # Accepted, and the node is gone before the file is read: nothing is put in.
    good = write_picture(tmp_path / "good.png", 64, 48)
    wrote(good)
    accept()
    editor.push(remove(editor.document, ["mask"]))
    done()
    assert editor.document.nodes["load"].params["path"] == before
    editor.stack.undo()
    settle(qtbot, panel)
    wrote(good)
    accept()
    done()
    qtbot.waitUntil(lambda: panel.view.painting.width == 64 and panel.view.painting.ready)
    assert len(strokes(editor)) == 1
    agree(panel)
    editor.stack.undo()
    qtbot.waitUntil(lambda: panel.view.painting.width == 128 and panel.view.painting.ready)
    agree(panel)
