"""Files dropped on the window: graphs open in tabs, other pictures become nodes that load them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from studio.editing.edits import add_node, set_param
from studio.params import PictureFile
from ui.editor import inline
from ui.files.reading import GRAPH_SUFFIXES, PICTURE_SUFFIXES, PICTURES, has_graph

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData

    from ui.editor.editor import GraphEditor
    from ui.files.tabs import EditorTabs

STEP = 32
"""Pixels between nodes of several pictures dropped at once."""


class FileDrop(QObject):
    """Takes files that are dropped on the tabs, their pages and their canvases.

    With Shift held every picture becomes a node, also those with a graph inside.

    Args:
        tabs: where graphs open.
        loader: node type that loads pictures, and its widget for the path.
        parent: Qt's.
    """

    hovering = Signal(bool)
    """Files that can be dropped are over the window."""

    def __init__(
        self,
        tabs: EditorTabs,
        loader: tuple[str, str] = ("LoadImage", "path"),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tabs = tabs
        self._loader = loader
        for widget in (tabs.bar, tabs.stack):
            self.accept_on(widget)
        tabs.editor_added.connect(self._editor_added)

    def accept_on(self, widget: QWidget) -> None:
        """Take files there as well: the window itself."""
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDragMoveEvent):  # QDragEnterEvent is one as well
            if not self._wants(event.mimeData()):
                return False
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            if isinstance(event, QDragEnterEvent):
                self.hovering.emit(True)
            return True
        if event.type() is QEvent.Type.DragLeave:
            self.hovering.emit(False)
            return False
        # A drag that moves is a QDropEvent too, and was dealt with above.
        if isinstance(event, QDropEvent) and (paths := self._wants(event.mimeData())):
            self.hovering.emit(False)
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            # What comes from our own panels is to be used here, not opened.
            as_nodes = _is_ours(event.mimeData()) or bool(
                event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            )
            place = event.position().toPoint()
            here = watched.mapToGlobal(place) if isinstance(watched, QWidget) else place
            self.take(paths, here, as_nodes=as_nodes)
            return True
        return False

    def take(self, paths: list[Path], here: QPoint, *, as_nodes: bool = False) -> None:
        """Open these files, or make nodes of them.

        Args:
            paths: graphs and pictures.
            here: where they were dropped, on the screen.
            as_nodes: make nodes of all pictures.
        """
        editor = self._tabs.current
        pictures = [path for path in paths if path.suffix.lower() in PICTURES]
        self._tabs.open_all(path for path in paths if path.suffix.lower() in GRAPH_SUFFIXES)
        ours = [] if as_nodes else [p for p in pictures if p.suffix.lower() in PICTURE_SUFFIXES]
        nodes = [path for path in pictures if path not in ours]
        if not ours:
            self._add_nodes(editor, nodes, here)
            return

        def found(graphs: list[Path]) -> None:
            self._tabs.open_all(graphs)
            self._add_nodes(editor, [p for p in pictures if p not in graphs], here)

        self._tabs.jobs.run(
            lambda: [path for path in ours if has_graph(path)],
            found,
            lambda error: self._tabs.status.emit(str(error)),
        )

    def _add_nodes(self, editor: GraphEditor | None, paths: list[Path], here: QPoint) -> None:
        if not paths:
            return
        if editor is None or editor not in self._tabs.editors():
            self._tabs.status.emit(f"{paths[0].name} has no graph in it, so nothing was opened.")
            return
        view = editor.view
        at = view.mapToScene(view.viewport().mapFromGlobal(here))
        under = editor.scene.node_at(at)
        if len(paths) == 1 and under is not None and _give(editor, under, paths[0]):
            return
        type_name, param = self._loader
        merge = editor.new_gesture()
        for count, path in enumerate(paths):
            spot = (at.x() + count * STEP, at.y() + count * STEP)
            edit = add_node(editor.document, type_name, spot, {param: str(path)})
            # All of them are one step of undo.
            editor.push(replace(edit, merge=merge))

    def _wants(self, data: QMimeData) -> list[Path]:
        """The files that are taken here; none where the canvas has a better use for them."""
        editor = self._tabs.current
        if editor and any(target.takes(data) for target in editor.view.drop_targets):
            return []
        return _files(data)

    def _editor_added(self, editor: GraphEditor) -> None:
        self.accept_on(editor.view.viewport())


def _give(editor: GraphEditor, name: str, path: Path) -> bool:
    """Have a node read this picture; False where it reads none, or a wire says which."""
    spec = editor.document.spec(name)
    wired = editor.document.wires_into(name)
    for param in spec.params if spec else ():
        if isinstance(param.marker, PictureFile) and param.name not in wired:
            text = inline.text_of_path(editor, param, path)
            return editor.attempt(partial(set_param, editor.document, name, param.name, text))
    return False


def _is_ours(data: QMimeData) -> bool:
    return any(name.startswith("application/x-latent-studio") for name in data.formats())


def _files(data: QMimeData) -> list[Path]:
    """The files of a drag that mean something to us."""
    known = {*GRAPH_SUFFIXES, *PICTURES}
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() in known]
