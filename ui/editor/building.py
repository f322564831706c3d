"""Makes the items of a large graph in slices, so that the window stays alive meanwhile."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, QTimer, Signal

from studio.collector import Keepsake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ui.editor.keeping import Keeper

AT_ONCE = 2000
"""Graphs of so many nodes are made in one go: it takes less than half a second."""
SLICE = 0.025
"""Seconds of one slice."""
_CROWD = 16
"""Items in one cell of the scene's index, about."""


class Builder(QObject):
    """Makes a scene's items.

    Args:
        keeper: knows how.
        parent: Qt's.
    """

    done = Signal()
    """All items are there."""
    made = Signal(object)
    """list[str]: of a large graph these nodes and the wires into them are there now."""
    progressed = Signal(float)
    """The share of them that is, 0 to 1."""

    def __init__(self, keeper: Keeper, parent: QObject) -> None:
        super().__init__(parent)
        self._keeper = keeper
        self._steps: Iterator[None] | None = None
        self._fresh: list[str] = []
        self._done_steps = 0
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._go_on)
        self._keepsake = Keepsake()

    @property
    def running(self) -> bool:
        """There are items left to be made."""
        return self._steps is not None

    def start(self) -> None:
        """Begin; small graphs are done when this returns."""
        keeper, nodes = self._keeper, self._keeper.document.nodes
        keeper.cover()
        self._steps = self._make_all()
        if len(nodes) <= AT_ONCE:
            self.finish()
            return
        # By itself Qt makes its index anew, of all items, whenever they are twice as many.
        items = len(nodes) + sum(len(node.inputs) for node in nodes.values())
        keeper.scene.setBspTreeDepth(max(1, round(math.log2(items / _CROWD))))
        self._keepsake.begin()
        self.destroyed.connect(self._keepsake.end)
        self._timer.start()

    def finish(self) -> None:
        """Make all that is left, however long it takes."""
        self._work(float("inf"))

    def _make_all(self) -> Iterator[None]:
        """One item, or those of one node, at each step."""
        keeper, document = self._keeper, self._keeper.document
        for name in list(document.nodes):
            keeper.make_node(name)
            yield
        for name in list(document.nodes):
            keeper.make_wires(name)
            self._fresh.append(name)
            yield
        for name in list(document.frames):
            keeper.make_frame(name)
            yield

    def _go_on(self) -> None:
        self._work(time.perf_counter() + SLICE)
        if self.running:
            steps = 2 * len(self._keeper.document.nodes) + len(self._keeper.document.frames)
            self.progressed.emit(min(1.0, self._done_steps / max(1, steps)))

    def _work(self, end: float) -> None:
        if self._steps is None:
            return
        for _ in self._steps:
            self._done_steps += 1
            if self._done_steps % 16 == 0 and time.perf_counter() > end:
                self._tell()
                return
        self._steps = None
        if self._timer.isActive():
            self._timer.stop()
            self._keepsake.made()
        self._tell()
        self.done.emit()

    def _tell(self) -> None:
        # Asked for anything, Qt puts what is new into its index; else it would do so at last, with
        # all of it at once.
        self._keeper.scene.items(QPointF())
        fresh, self._fresh = self._fresh, []
        self.made.emit(fresh)
