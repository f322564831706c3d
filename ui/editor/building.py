"""Makes the items of a large graph in slices, so that the window stays alive meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.editor.keeping import Keeper

AT_ONCE = 4000
"""Graphs of so many nodes are made in one go: it takes less than a second."""
SLICE = 0.025
"""Seconds of one slice."""


class Builder(QObject):
    """Makes a scene's items.

    Args:
        keeper: knows how.
        parent: Qt's.
    """

    done = Signal()
    """All items are there."""
    progressed = Signal(float)
    """The share of them that is, 0 to 1."""

    def __init__(self, keeper: Keeper, parent: QObject) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._steps: list[tuple[Callable[[str], None], str]] = []
        self._at = 0
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._go_on)

    @property
    def running(self) -> bool:
        """There are items left to be made."""
        return self._at < len(self._steps)

    def start(self) -> None:
        """Begin; small graphs are done when this returns."""
        keeper, document = self._keeper, self._keeper.document
        for make, names in (
            (keeper.make_node, document.nodes),
            (keeper.make_wires, document.nodes),
            (keeper.make_frame, document.frames),
        ):
            self._steps += [(make, name) for name in names]
        if len(document.nodes) <= AT_ONCE:
            self.finish()
        else:
            self._timer.start()

    def finish(self) -> None:
        """Make all that is left, however long it takes."""
        self._work(float("inf"))

    def stop(self) -> None:
        """Make no more: the scene is closed."""
        self._timer.stop()
        self._at = len(self._steps)

    def _go_on(self) -> None:
        self._work(time.perf_counter() + SLICE)
        if self.running:
            self.progressed.emit(self._at / len(self._steps))

    def _work(self, end: float) -> None:
        steps = self._steps
        while self._at < len(steps):
            make, name = steps[self._at]
            self._at += 1
            make(name)
            if self._at % 16 == 0 and time.perf_counter() > end:
                return
        self._timer.stop()
        self._steps, self._at = [], 0
        self._keeper.cover()
        self.done.emit()
