"""The application: Qt set up, the window opened, errors caught. Nothing is imported too early."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from ui.jobs import left_behind
from ui.mishaps import Mishaps
from ui.preferences import Preferences
from ui.stopping import StopSignals
from ui.theme import ThemeManager, icons

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ui.window import MainWindow

NAME = "Latent Studio"


def make_application(
    argv: Sequence[str] | None = None, preferences: Preferences | None = None
) -> QApplication:
    """The application in the user's theme, with our font and icon.

    Args:
        argv: Qt's options; None takes the program's name alone.
        preferences: whose theme is worn; None reads them.

    Raises:
        FontMissing: what ships with the program isn't there.
    """
    # Before there is an application, so that X11 and Wayland group our windows by it.
    QCoreApplication.setApplicationName("latent-studio")
    QCoreApplication.setOrganizationName("latent-studio")
    app = QApplication(list(argv or ["latent-studio"]))
    app.setApplicationDisplayName(NAME)
    app.setDesktopFileName("latent-studio")
    app.setWindowIcon(icons.icon("latent-studio"))
    preferences = preferences or Preferences()
    ThemeManager(app, preferences.theme, reduced_motion=preferences.reduced_motion)
    return app


def run(
    paths: Sequence[Path] = (), opened: Callable[[MainWindow], None] = lambda _: None
) -> int:
    """Open the editor and stay until it is closed.

    Args:
        paths: graphs, or pictures of ours, to open in tabs.
        opened: gets the window just before it is shown; for scripts that drive it.

    Returns:
        The process's exit code.
    """
    preferences = Preferences()
    app = make_application(sys.argv[:1], preferences)
    mishaps = Mishaps(app)
    mishaps.install()
    # The heavy half of the start: the registry reads every node type.
    from studio.registry import Registry
    from ui.actions import Actions
    from ui.theme import instance
    from ui.window import MainWindow

    window = MainWindow(Registry.load(), preferences, Actions(preferences, app), instance())
    mishaps.window = window
    stopping = StopSignals(app)
    stopping.stop.connect(window.close)
    window.start(paths)
    opened(window)
    window.show()
    try:
        code = app.exec()
    finally:
        stopping.close()
        mishaps.uninstall()
        # Qt's objects go in order while Python still stands; at its exit the order is chance.
        window.deleteLater()
        app.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    if left_behind():
        os._exit(code)
    return code
