"""What the tests share that try to lose what was painted: a window, and ways to wait for it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from tests.ui.mask_kit import paint_graph, write_picture
from ui.actions import Actions
from ui.preferences import Preferences
from ui.theme import instance
from ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from studio.graph.document import Graph
    from studio.registry import Registry
    from ui.editor.editor import GraphEditor
    from ui.paint.panel import PaintPanel


@contextlib.contextmanager
def a_window(
    qtbot: QtBot, registry: Registry, graph: Graph | None = None, *, engine: bool = False
) -> Iterator[MainWindow]:
    """A shown window, with a graph in a tab; without an engine, but where one is asked for."""
    preferences = Preferences()
    preferences.tour_done = True
    made = MainWindow(registry, preferences, Actions(preferences), instance(), start_engine=engine)
    made.resize(1600, 900)
    if graph is not None:
        made.tabs.open_graph(graph, "Masks")
    with qtbot.waitSignal(made.first_painted):
        made.show()
    made.activateWindow()
    try:
        yield made
    finally:
        for editor in made.tabs.editors():
            editor.stack.setClean()
        made.close()
        made.actions_.deleteLater()
        made.deleteLater()
        pump()


def on_picture(folder: Path) -> Graph:
    """A graph that paints on a picture in a folder."""
    return paint_graph(str(write_picture(folder / "picture.png")))


def pump() -> None:
    """Handle what is waiting, and what comes of it."""
    for _ in range(5):
        QApplication.sendPostedEvents()
        QApplication.processEvents()


def settle(qtbot: QtBot, panel: PaintPanel) -> None:
    """What is read or drawn has come, whatever came of it."""
    pump()
    qtbot.waitUntil(
        lambda: not panel.bindings.jobs.waiting and not panel.jobs.waiting, timeout=20_000
    )
    pump()


def look(qtbot: QtBot, panel: PaintPanel) -> None:
    """Come back to the window from another program."""
    QApplication.sendEvent(panel, QEvent(QEvent.Type.WindowActivate))
    settle(qtbot, panel)


def strokes(editor: GraphEditor, node: str = "mask") -> list[dict[str, object]]:
    """The items of a mask in the document."""
    found: list[dict[str, object]] = editor.document.nodes[node].params["strokes"]["items"]
    return found
