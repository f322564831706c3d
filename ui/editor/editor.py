"""One tab: a document, its undo stack, and the canvas that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.collector import held_back
from studio.editing.changes import Edit, EditRefused
from studio.editing.document import Document
from studio.editing.graphtext import GraphText
from ui.editor.scene import GraphScene
from ui.editor.undo import EditCommand
from ui.editor.view import GraphView
from ui.engine.states import NodeStates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from studio.graph.document import Graph
    from studio.spec import NodeSpec
    from ui.engine.catalogue import ModelCatalogue
    from ui.engine.client import EngineClient


class GraphEditor(QWidget):
    """A graph under edit.

    Args:
        graph: taken over.
        specs: node types.
        path: its file; None for a new graph.
        parent: Qt's.
    """

    message = Signal(str)
    """Words for the status bar: why something was refused, what was done."""
    selection_changed = Signal()
    paint_wanted = Signal(str, str)
    """Id of a node to paint on, and the layer: "mask", "sketch" or "" for the one at hand."""
    title_changed = Signal()
    """The title, the path or whether there are unsaved changes."""

    def __init__(
        self,
        graph: Graph,
        specs: Mapping[str, NodeSpec],
        path: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.path = path
        self.base: Path | None = None
        """Folder where relative paths of the graph start, where it has no file."""
        with held_back():
            self.document = Document(graph, specs)
            self.stack = QUndoStack(self)
            self.states = NodeStates(self)
            self.scene = GraphScene(self.document, self.states, self)
        self.text = GraphText()
        """The graph as the engine gets it; whoever asks shares what is made already."""
        self._place_missing()
        self.view = GraphView(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.setFocusProxy(self.view)
        self.catalogue: ModelCatalogue | None = None
        """What models there are, once the window has an engine."""
        self.client: EngineClient | None = None
        self._gesture = 0
        self.scene.selectionChanged.connect(self.selection_changed)
        self.stack.cleanChanged.connect(self._clean_changed)

    def _place_missing(self) -> None:
        """A file written by hand may give no places: all nodes would lie on one heap."""
        document = self.document
        if not document.layout.keys() >= document.nodes.keys():
            from studio.editing.arrange import place_missing  # rarely needed

            document.apply(place_missing(document, self.scene.sizes()).changes)

    # Editing

    def push(self, edit: Edit) -> bool:
        """Make an edit one undo step; one that changes nothing leaves none. True if it did."""
        if not edit:
            return False
        self.stack.push(EditCommand(self.document, edit))
        if edit.created:
            self.select(edit.created)
        return True

    def attempt(self, make: Callable[[], Edit]) -> bool:
        """Push what `make` gives; a refusal goes to the status bar."""
        try:
            return self.push(make())
        except EditRefused as refused:
            self.message.emit(str(refused))
            return False

    def new_gesture(self) -> str:
        """A word that no other gesture has, for `Edit.merge`: one drag is one undo step."""
        self._gesture += 1
        return f"gesture {self._gesture}"

    # Selection

    def selected(self) -> list[str]:
        """Ids of the selected nodes."""
        return self.scene.selected_nodes()

    def select(self, names: Iterable[str], *, add: bool = False) -> None:
        """Select these nodes (and nothing else, unless `add`)."""
        self.scene.select(names, add=add)

    # The file

    def name(self) -> str:
        """What the tab is called: the title, else the file's name, else "Untitled"."""
        if title := self.document.title:
            return title
        return self.path.stem if self.path else "Untitled"

    def _clean_changed(self, _: bool) -> None:
        self.title_changed.emit()

    @property
    def unsaved(self) -> bool:
        return not self.stack.isClean()
