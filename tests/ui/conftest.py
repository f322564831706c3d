"""Fixtures of the editor's tests: one size, one theme, one font, no motion, nothing left behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QLocale, QThreadPool
from PySide6.QtWidgets import QApplication

from studio.graph.document import Graph
from studio.graph.files import load
from ui.editor.editor import GraphEditor
from ui.theme import ThemeManager, manager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from studio.registry import Registry

SIZE = (1600, 900)
WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"


@pytest.fixture(scope="session", autouse=True)
def _plain_looks(qapp: QApplication) -> ThemeManager:
    """The dark theme without motion or a blinking cursor, in English."""
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom))
    qapp.setCursorFlashTime(0)
    return manager._Now.manager or ThemeManager(qapp, "dark", reduced_motion=True)


@pytest.fixture(autouse=True)
def _dark(_plain_looks: ThemeManager) -> Iterator[None]:
    """Whatever a test did to the theme is undone."""
    yield
    found = manager._Now.manager
    if found is not None:
        found.set("dark")
        found.reduced_motion = True


@pytest.fixture(autouse=True)
def _nothing_waits(qapp: QApplication) -> Iterator[None]:
    """Deleted objects, windows and child processes are gone, and pool threads are idle."""
    before = set(psutil.Process().children(recursive=True))
    yield
    assert QThreadPool.globalInstance().waitForDone(5000), "a job still runs in the pool"
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    qapp.processEvents()
    left = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
    assert not left, f"windows left open: {left}"
    children = set(psutil.Process().children(recursive=True)) - before
    _, alive = psutil.wait_procs(children, timeout=3)
    assert not alive, f"processes left running: {alive}"


@pytest.fixture
def make_editor(
    qapp: QApplication, registry: Registry
) -> Iterator[Callable[[Graph | Path | None], GraphEditor]]:
    """Makes shown editors, 1600 x 900: of a graph, of a file, or empty (None)."""
    made: list[GraphEditor] = []

    def make(graph: Graph | Path | None = None) -> GraphEditor:
        path = graph if isinstance(graph, Path) else None
        opened = load(path) if path is not None else graph or Graph()
        editor = GraphEditor(opened, registry, path)
        editor.resize(*SIZE)
        editor.show()
        editor.activateWindow()
        editor.setFocus()
        QApplication.processEvents()
        made.append(editor)
        return editor

    yield make
    for editor in made:
        editor.view.gestures.cancel()
        editor.close()
        editor.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def editor(make_editor: Callable[[Graph | Path | None], GraphEditor]) -> GraphEditor:
    """A shown editor on the text-to-image graph, everything in view at 100 %."""
    made = make_editor(WORKFLOWS / "text_to_image.json")
    made.view.zoom_to(1.0)
    made.view.frame()
    made.view.settle()
    return made
