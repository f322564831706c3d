"""The paintings of a window: made when a node is first painted on, the last few kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from ui.jobs import Jobs
from ui.paint.binding import Binding

if TYPE_CHECKING:
    from ui.editor.editor import GraphEditor

KEPT = 3
"""Paintings that stay alive, so that coming back to one takes no time."""


class Bindings(QObject):
    """The bindings of a window: made when a node is first painted on, the last few kept.

    Args:
        parent: Qt's.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # One reads, one draws; a third, for what nobody wants any more but goes on to its end.
        self.jobs = Jobs(3, self, drop=True)
        self._made: list[Binding] = []

    def get(self, editor: GraphEditor, node: str) -> Binding:
        """The binding of a node, the same one as before where it is still kept.

        Args:
            editor: holds the graph.
            node: id of an InpaintMask in it.
        """
        for made in self._made:
            if made.editor is editor and made.node == node and not made.closed:
                self._made.remove(made)
                self._made.append(made)
                return made
        found = Binding(editor, node, self.jobs, self)
        found.lost.connect(lambda: self._drop(found))
        self._made.append(found)
        while len(self._made) > KEPT:
            self._drop(self._made[0])
        return found

    def close(self) -> None:
        """Let go of everything, and wait for what is being read."""
        for made in list(self._made):
            self._drop(made)
        self.jobs.close()

    def _drop(self, binding: Binding) -> None:
        if binding in self._made:
            self._made.remove(binding)
            binding.close()
            binding.deleteLater()
