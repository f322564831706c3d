"""What the tests of the canvas in the real window share: the window, its panel, drags on it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from studio.masks.raster import rasterise
from studio.masks.strokes import parse
from tests.ui.mask_kit import paint_graph, write_picture
from ui.actions import Actions
from ui.preferences import Preferences
from ui.theme import instance
from ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.registry import Registry
    from ui.editor.editor import GraphEditor
    from ui.paint.panel import PaintPanel


@contextmanager
def a_window(qtbot: QtBot, registry: Registry, folder: Path) -> Iterator[MainWindow]:
    """The window on a graph that paints on a picture in `folder`; closed at the end."""
    preferences = Preferences()
    preferences.tour_done = True
    actions = Actions(preferences)
    made = MainWindow(registry, preferences, actions, instance(), start_engine=False)
    made.resize(1600, 900)
    picture = write_picture(folder / "picture.png")
    made.tabs.open_graph(paint_graph(str(picture)), "Masks")
    with qtbot.waitSignal(made.first_painted):
        made.show()
    made.activateWindow()
    yield made
    for editor in made.tabs.editors():
        editor.stack.setClean()
    made.close()
    made.actions_.deleteLater()
    made.deleteLater()
    QApplication.sendPostedEvents()
    QApplication.processEvents()


def editor_of(window: MainWindow) -> GraphEditor:
    assert window.editor is not None
    return window.editor


def opened(window: MainWindow, qtbot: QtBot, node: str = "mask") -> PaintPanel:
    """The canvas, open on a node, its picture read."""
    editor_of(window).paint_wanted.emit(node, "mask")
    panel = window.workshop.paint_panel
    assert panel is not None
    qtbot.waitUntil(lambda: panel.view.painting.ready, timeout=10_000)
    QApplication.processEvents()
    return panel


def agree(panel: PaintPanel) -> None:
    """The mask that is seen is what a run makes of the document."""
    binding = panel.binding
    assert binding is not None
    painting = binding.painting
    params = binding.editor.document.nodes[binding.node].params
    strokes = parse(params.get("strokes", {}))
    mask = rasterise(
        strokes, painting.width, painting.height, painting.picture, painting.rasters
    )
    assert (mask == painting.mask.mask).all()


def drag(
    panel: PaintPanel,
    *points: tuple[float, float],
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
) -> None:
    """Drag the mouse over the canvas, through points in picture pixels."""
    view = panel.view
    places = [view.placement.to_view(x, y).toPoint() for x, y in points]
    QTest.mousePress(view, button, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(view, place)
    QTest.mouseRelease(view, button, pos=places[-1])
