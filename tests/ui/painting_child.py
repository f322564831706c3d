"""A whole editor that paints a stroke with the mouse, imports a mask, and waits to be killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from studio.registry import Registry
from ui.actions import Actions
from ui.app import make_application
from ui.preferences import Preferences
from ui.theme import instance
from ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable


def main(path: Path, picture: Path) -> None:
    preferences = Preferences()
    preferences.tour_done = True
    app = make_application(["child"], preferences)
    actions = Actions(preferences, app)
    window = MainWindow(Registry.load(), preferences, actions, instance(), start_engine=False)
    window.resize(1600, 900)
    window.start([path])
    window.show()

    def wait(until: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not until() and time.monotonic() < end:
            app.processEvents()
            time.sleep(0.01)

    wait(lambda: window.editor is not None and "mask" in window.editor.document.nodes)
    editor = window.editor
    assert editor is not None
    editor.paint_wanted.emit("mask", "mask")
    panel = window.workshop.paint_panel
    assert panel is not None
    view = panel.view
    wait(lambda: view.painting.ready)
    panel.incoming.as_mask(picture)
    wait(lambda: editor.stack.count() == 1 and view.painting.ready)
    places = [view.placement.to_view(*at).toPoint() for at in ((30, 30), (50, 40), (70, 60))]
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(view, place)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=places[-1])
    sys.stdout.write(f"{editor.stack.count()} steps\n")
    sys.stdout.flush()
    app.exec()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
