"""The window's panels: what they are called, where they begin, and how each is made."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer

from ui.docks import BOTTOM, RIGHT, PanelDock
from ui.theme import motion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PySide6.QtWidgets import QMainWindow, QWidget

TITLES = {
    "inspector": "Inspector",
    "paint": "Paint",
    "outputs": "Outputs",
    "models": "Models",
    "outline": "Outline",
    "problems": "Problems",
    "viewer": "Viewer",
    "queue": "Queue",
    "log": "Log",
}
AT_FIRST = ("inspector", "outputs")
"""What a window shows that was never arranged."""

WIDTH = 288
PAINT = 0.42
"""Share of the window's width that the canvas gets when it is first shown."""
PAINT_LEAST = 480
HEIGHT = 180


class PanelSet(QObject):
    """The docks of a window.

    Args:
        window: theirs.
        makers: how each panel is made, by name.
    """

    def __init__(self, window: QMainWindow, makers: dict[str, Callable[[], QWidget]]) -> None:
        super().__init__(window)
        self._window = window
        self.docks = {
            name: PanelDock(name, title, makers[name], window) for name, title in TITLES.items()
        }
        self._column = 0
        self.docks["paint"].visibilityChanged.connect(self._paint_seen)
        self.docks["paint"].topLevelChanged.connect(self._paint_seen)
        window.setDockNestingEnabled(True)
        self.follow_motion()
        # The side panels reach from the bar down to the status line.
        window.setCorner(Qt.Corner.BottomRightCorner, RIGHT)
        self.arrange()

    def __getitem__(self, name: str) -> PanelDock:
        return self.docks[name]

    def __iter__(self) -> Iterator[PanelDock]:
        return iter(self.docks.values())

    def follow_motion(self) -> None:
        """Panels glide to their places only where the user wants motion."""
        self._window.setAnimated(motion() > 0)

    def arrange(self) -> None:
        """Put every panel where it begins."""
        window, docks = self._window, self.docks
        for dock in self:
            dock.setFloating(False)
            window.removeDockWidget(dock)
        # The canvas stands between the graph and the column of the others.
        window.addDockWidget(RIGHT, docks["paint"])
        window.splitDockWidget(docks["paint"], docks["inspector"], Qt.Orientation.Horizontal)
        window.splitDockWidget(docks["inspector"], docks["outputs"], Qt.Orientation.Vertical)
        window.splitDockWidget(docks["outputs"], docks["viewer"], Qt.Orientation.Vertical)
        for name in ("models", "outline", "problems"):
            window.tabifyDockWidget(docks["inspector"], docks[name])
        for name in ("queue", "log"):
            window.addDockWidget(BOTTOM, docks[name])
        window.tabifyDockWidget(docks["queue"], docks["log"])
        for name, dock in docks.items():
            dock.setVisible(name in AT_FIRST)
        docks["inspector"].raise_()
        window.resizeDocks([docks["inspector"]], [WIDTH], Qt.Orientation.Horizontal)
        window.resizeDocks(
            [docks["inspector"], docks["outputs"]], [3, 2], Qt.Orientation.Vertical
        )
        window.resizeDocks([docks["queue"]], [HEIGHT], Qt.Orientation.Vertical)

    def widen_paint(self) -> None:
        """Give the canvas room, where it was never seen before."""
        window, dock = self._window, self.docks["paint"]
        if not dock.isFloating() and dock.width() < PAINT_LEAST:
            width = max(PAINT_LEAST, round(PAINT * window.width()))
            docks, widths = [dock], [width]
            beside = self.docks["inspector"]
            if beside.isVisible() and not beside.isFloating():
                # The room comes from the graph and not from the column beside it.
                docks.append(beside)
                widths.append(self._column or WIDTH)
            window.resizeDocks(docks, widths, Qt.Orientation.Horizontal)

    def note_column(self) -> None:
        """Remember how wide the column at the right is, before the canvas comes beside it."""
        beside = self.docks["inspector"]
        self._column = beside.width() if beside.isVisible() else 0

    def _paint_seen(self, *_: object) -> None:
        """The room that the canvas leaves is the graph's: the column beside it stays as wide."""
        paint = self.docks["paint"]
        if not (paint.isHidden() or paint.isFloating()) or not self._window.isVisible():
            return
        for name, dock in self.docks.items():
            in_column = self._window.dockWidgetArea(dock) == RIGHT and not dock.isFloating()
            if name != "paint" and dock.isVisible() and in_column:
                resize = partial(
                    self._window.resizeDocks, [dock], [dock.width()], Qt.Orientation.Horizontal
                )
                QTimer.singleShot(0, self, resize)
                return

    def fill(self) -> None:
        """Make the panels that are seen; the others when they are first shown."""
        for dock in self:
            dock.ready = True
            if not dock.isHidden():
                dock.fill()
