"""Errors that nobody caught: said in words, and the editor goes on."""

from __future__ import annotations

import sys
import threading
import traceback
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from studio.errors import StudioError

if TYPE_CHECKING:
    from types import TracebackType

    from PySide6.QtWidgets import QWidget

    from ui.mishap_box import MishapBox

MOST = 20
"""Errors that the box keeps; a fault in painting comes sixty times a second."""


class Mishaps(QObject):
    """Takes uncaught errors of all threads, prints them and shows them in one box.

    Args:
        parent: Qt's.
    """

    _told = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.window: QWidget | None = None
        """Over which the box is shown."""
        self.box: MishapBox | None = None
        self._known: set[str] = set()
        self._busy = False
        self._before = (sys.excepthook, threading.excepthook)
        # Errors of other threads arrive on this one.
        self._told.connect(self._show)

    def install(self) -> None:
        """Take errors from now on."""
        self._before = (sys.excepthook, threading.excepthook)
        sys.excepthook = self.caught
        threading.excepthook = self._caught_in_thread

    def uninstall(self) -> None:
        """Leave errors to whom they were before."""
        sys.excepthook, threading.excepthook = self._before

    def caught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Say that an error happened. From any thread."""
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        if sys.stderr is not None:  # there is none where Windows starts without a console
            sys.stderr.write(details)
        self._told.emit(_words(error), details)

    def _caught_in_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None:
            self.caught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)

    def _show(self, words: str, details: str) -> None:
        # The same fault again, or one while the box itself is made, is printed and no more.
        if self._busy or details in self._known or len(self._known) >= MOST:
            return
        self._known.add(details)
        self._busy = True
        try:
            from ui.mishap_box import MishapBox

            if self.box is None:
                self.box = MishapBox(self.window)
                self.box.finished.connect(self._closed)
            self.box.add(words, details)
            self.box.open()
        finally:
            self._busy = False

    def _closed(self) -> None:
        if self.box is not None:
            self.box.deleteLater()
            self.box = None
        # What comes after the user has read this is news again.
        self._known.clear()


def _words(error: BaseException) -> str:
    if isinstance(error, StudioError):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
