"""The inspector: all about what is selected in the current graph, and the place to change it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedLayout, QWidget
from shiboken6 import isValid

from ui.panels.boxes import Empty
from ui.panels.inspector_graph import GraphPage, ManyPage
from ui.panels.inspector_node import NodePage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QShowEvent

    from studio.editing.changes import Change
    from ui.editor.editor import GraphEditor

    Page = NodePage | ManyPage | GraphPage


SLICE = 0.005
"""Seconds of the event loop that building a page may take at a time."""


class Inspector(QWidget):
    """Shows the selected node, several, or the graph.

    Args:
        parent: Qt's.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor: GraphEditor | None = None
        self.page: Page | None = None
        self._empty = Empty("sliders-horizontal", "No graph is open", "Open or make one.")
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(self._empty)
        # A rubber band changes the selection with every move: the last one counts.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)
        self._stale = False
        self._growing: tuple[NodePage, Iterator[None], int] | None = None
        self._grow_on = QTimer(self)
        self._grow_on.setSingleShot(True)
        self._grow_on.timeout.connect(self._grow)

    def set_editor(self, editor: GraphEditor | None) -> None:
        """Follow this editor's selection; None for none."""
        if editor is self.editor:
            return
        if self.editor is not None:
            self.editor.selection_changed.disconnect(self._on_selection)
            self.editor.destroyed.disconnect(self._on_destroyed)
            self.editor.document.changed.disconnect(self._on_changed)
        self.editor = editor
        self._stop_growing()
        self._drop()
        if editor is not None:
            editor.selection_changed.connect(self._on_selection)
            editor.destroyed.connect(self._on_destroyed)
            editor.document.changed.connect(self._on_changed)
        self.refresh()

    def refresh(self) -> None:
        """Show what is selected now; later, where the inspector isn't seen."""
        self._timer.stop()
        if self.editor is None:
            self._drop()
        elif not self.isVisible():
            self._stale = True
        else:
            self._stale = False
            self._turn_to(self.editor)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self._timer.start(0)

    # Inside

    def _turn_to(self, editor: GraphEditor) -> None:
        names = [name for name in editor.selected() if name in editor.document.nodes]
        self._stop_growing()
        page = self.page
        if isinstance(page, NodePage) and names == [page.name]:
            return
        if isinstance(page, ManyPage) and names == page.names:
            return
        if isinstance(page, GraphPage) and not names:
            return
        if not names:
            self._show(GraphPage(editor))
        elif len(names) == 1:
            grown = NodePage(editor, names[0], self)
            grown.hide()
            self._growing = (grown, grown.steps(), editor.document.revision)
            self._grow()
        else:
            self._show(ManyPage(editor, names))

    def _grow(self) -> None:
        """Go on building a page, a little of it at a time; it is shown when it is whole."""
        if self._growing is None:
            return
        page, steps, revision = self._growing
        if page.editor.document.revision != revision:
            # What was built so far may be wrong now.
            self._stop_growing()
            self._timer.start(0)
            return
        end = time.perf_counter() + SLICE
        for _ in steps:
            if time.perf_counter() > end:
                self._grow_on.start(0)
                return
        self._growing = None
        self._show(page)

    def _stop_growing(self) -> None:
        self._grow_on.stop()
        if self._growing is not None:
            self._growing[0].deleteLater()
            self._growing = None

    def _show(self, page: Page) -> None:
        self._stack.addWidget(page)
        self._stack.setCurrentWidget(page)
        self._drop()
        self.page = page

    def _drop(self) -> None:
        page, self.page = self.page, None
        if page is not None:
            # Hidden first: what is being typed there counts.
            page.hide()
            self._stack.removeWidget(page)
            page.deleteLater()

    def _on_selection(self) -> None:
        self._timer.start(0)

    def _on_changed(self, changes: tuple[Change, ...]) -> None:
        page = self.page
        if page is None or self.editor is None or not isValid(self):
            return
        nodes = self.editor.document.nodes
        gone = isinstance(page, NodePage) and page.name not in nodes
        if isinstance(page, ManyPage):
            gone = any(name not in nodes for name in page.names)
        if gone or (isinstance(page, NodePage) and _retyped(page, changes)):
            # The scene may not know yet; the selection follows.
            self._drop()
            self._timer.start(0)
        else:
            page.on_changed(changes)

    def _on_destroyed(self) -> None:
        # The document is gone with its editor, and so are the connections to it.
        self.editor = None
        self._stop_growing()
        self._drop()


def _retyped(page: NodePage, changes: tuple[Change, ...]) -> bool:
    """The node under this id is another one now."""
    return any(
        change.section == "nodes"
        and change.key == page.name
        and getattr(change.before, "type", None) != getattr(change.after, "type", None)
        for change in changes
    )
