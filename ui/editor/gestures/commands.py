"""What menus, keys and the command palette do on a canvas, by the ids of their actions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from PySide6.QtWidgets import QApplication

from studio.editing import arrange, clipboard, edits, framing, removal
from studio.editing.changes import Edit, EditRefused
from studio.editing.measures import count
from ui.editor.gestures import reroute
from ui.editor.gestures.title import edit_frame_title, edit_node_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ui.editor.editor import GraphEditor

Edge = Literal["left", "right", "top", "bottom", "centre", "middle"]
Way = Literal["horizontal", "vertical"]

BESIDE = (32.0, 32.0)
"""Canvas pixels from an original to its duplicate, and from one paste to the next there."""
ZOOM_STEP = 1.25


def canvas_actions(editor: GraphEditor) -> dict[str, Callable[[], object]]:
    """What each action of the canvas does in one editor, by the action's id."""
    commands = Commands(editor)
    found: dict[str, Callable[[], object]] = {
        "edit.undo": editor.stack.undo,
        "edit.redo": editor.stack.redo,
        "edit.cut": commands.cut,
        "edit.copy": commands.copy,
        "edit.paste": commands.paste,
        "edit.paste_with_inputs": partial(commands.paste, keep_incoming=True),
        "edit.duplicate": commands.duplicate,
        "edit.duplicate_with_inputs": partial(commands.duplicate, keep_incoming=True),
        "edit.delete": commands.delete,
        "edit.extract": commands.extract,
        "edit.select_all": commands.select_all,
        "edit.rename": commands.rename,
        "graph.add": commands.add,
        "graph.connect": commands.connect,
        "graph.add_reroute": commands.add_reroute,
        "graph.bypass": partial(commands.toggle_mode, "bypass"),
        "graph.mute": partial(commands.toggle_mode, "mute"),
        "graph.use_cache": commands.toggle_cache,
        "graph.collapse": commands.collapse,
        "graph.frame": commands.frame,
        "graph.layout": commands.layout,
        "view.frame_selected": commands.show_selection,
        "view.frame_all": partial(editor.view.frame, None),
        "view.zoom_100": partial(commands.zoom_to, 1.0),
        "view.zoom_in": partial(commands.zoom_by, ZOOM_STEP),
        "view.zoom_out": partial(commands.zoom_by, 1 / ZOOM_STEP),
    }
    for edge in get_args(Edge):
        found[f"graph.align_{edge}"] = partial(commands.align, edge)
    for way in get_args(Way):
        found[f"graph.distribute_{way}"] = partial(commands.distribute, way)
    return {name: partial(_after_gesture, editor, act) for name, act in found.items()}


def _after_gesture(editor: GraphEditor, act: Callable[[], object]) -> object:
    """A drag under way is given up first: no command may change what it holds."""
    editor.view.gestures.cancel()
    return act()


class Commands:
    """The canvas's commands.

    Args:
        editor: what they act on: what is selected in it.
    """

    def __init__(self, editor: GraphEditor) -> None:
        self.editor = editor
        self._pasted_at: tuple[float, float] | None = None
        self._pasted = 0

    # The clipboard

    def copy(self) -> bool:
        """Put the selection on the clipboard, as text. False where there is nothing to copy."""
        scene = self.editor.scene
        try:
            text = clipboard.copy_text(
                self.editor.document, scene.selected_nodes(), scene.selected_frames()
            )
        except EditRefused as refused:
            self.editor.message.emit(str(refused))
            return False
        QApplication.clipboard().setText(text)
        return True

    def cut(self) -> bool:
        """Copy the selection, and remove it."""
        nodes, frames = self.editor.scene.selected_nodes(), self.editor.scene.selected_frames()
        if not self.copy():
            return False
        return self.editor.attempt(lambda: self._cut(nodes, frames))

    def _cut(self, nodes: list[str], frames: list[str]) -> Edit:
        edit = removal.remove(self.editor.document, nodes, frames)
        return Edit(f"Cut {count(self.editor.document, nodes, frames)}", edit.changes)

    def paste(self, *, keep_incoming: bool = False) -> bool:
        """Add the nodes of the clipboard's text under the mouse; again there, a step beside."""
        text = QApplication.clipboard().text()
        if not text.strip():
            self.editor.message.emit("The clipboard holds no text to paste.")
            return False
        at = self.editor.view.gestures.mouse_in_scene
        corner = (float(round(at.x())), float(round(at.y())))
        self._pasted = self._pasted + 1 if corner == self._pasted_at else 0
        self._pasted_at = corner
        dx, dy = BESIDE
        place = (corner[0] + dx * self._pasted, corner[1] + dy * self._pasted)
        return self._adding(
            lambda: clipboard.paste(
                self.editor.document, text, place, keep_incoming=keep_incoming
            )
        )

    def duplicate(self, *, keep_incoming: bool = False) -> bool:
        """Add copies of the selection beside it."""
        names = self._with_contents()
        return self._adding(
            lambda: clipboard.duplicate(
                self.editor.document, names, BESIDE, keep_incoming=keep_incoming
            )
        )

    def _adding(self, make: Callable[[], Edit]) -> bool:
        """Push what `make` gives, and select all that it added, frames too."""
        frames = set(self.editor.document.frames)
        nodes = set(self.editor.document.nodes)
        if not self.editor.attempt(make):
            return False
        self.editor.scene.set_selection(
            [name for name in self.editor.document.nodes if name not in nodes],
            [name for name in self.editor.document.frames if name not in frames],
        )
        return True

    def _with_contents(self) -> list[str]:
        """The selected nodes, and those in selected frames."""
        document = self.editor.document
        names = dict.fromkeys(self.editor.selected())
        for frame in self.editor.scene.selected_frames():
            names |= dict.fromkeys(n for n in document.frames[frame].nodes if n in document.nodes)
        return list(names)

    # Nodes

    def delete(self) -> bool:
        """Remove the selection with its wires; the nodes in a selected frame stay."""
        nodes, frames = self.editor.selected(), self.editor.scene.selected_frames()
        if not nodes and not frames:
            return self._nothing()
        return self.editor.attempt(
            lambda: removal.remove(self.editor.document, nodes, frames)
        )

    def extract(self) -> bool:
        """Take the selected nodes out of the flow, which goes on without them."""
        return self._on_nodes(lambda names: removal.extract(self.editor.document, names))

    def toggle_mode(self, mode: Literal["mute", "bypass"]) -> bool:
        """Mute or bypass the selected nodes; those that all are, no longer."""
        return self._on_nodes(lambda n: edits.toggle_mode(self.editor.document, n, mode))

    def toggle_cache(self) -> bool:
        """Have the selected nodes run every time; those that all do, no longer."""
        return self._on_nodes(self._toggle_cache)

    def _toggle_cache(self, names: list[str]) -> Edit:
        document = self.editor.document
        return edits.use_cache(document, names, not any(document.nodes[n].cache for n in names))

    def collapse(self) -> bool:
        """Fold the selected nodes up; open them, if all are folded."""
        return self._on_nodes(self._collapse)

    def _collapse(self, names: Iterable[str]) -> Edit:
        document = self.editor.document
        names = list(names)
        open_ones = any(not document.view_of(name).collapsed for name in names)
        return edits.set_view(document, names, collapsed=open_ones)

    def rename(self) -> bool:
        """Type the title of the selected node, or frame."""
        nodes, frames = self.editor.selected(), self.editor.scene.selected_frames()
        if len(nodes) == 1:
            edit_node_title(self.editor.view.gestures, nodes[0])
        elif len(frames) == 1 and not nodes:
            edit_frame_title(self.editor.view.gestures, frames[0])
        else:
            self.editor.message.emit("Select one node or frame to rename it.")
            return False
        return True

    def select_all(self) -> None:
        """Select every node and frame."""
        document = self.editor.document
        self.editor.scene.set_selection(document.nodes, document.frames)

    def add(self) -> None:
        """Ask which node to add, under the mouse."""
        view = self.editor.view
        view.palette_wanted.emit(view.gestures.mouse_in_scene, None, None)

    def connect(self) -> None:
        """Join two ports by keyboard."""
        from ui.editor.connect_dialog import ConnectDialog

        ConnectDialog(self.editor).open()

    def add_reroute(self) -> bool:
        """Put a reroute into the wire under the mouse."""
        key = self.editor.scene.marks.hover_wire
        if key is None:
            self.editor.message.emit("Put the mouse over a wire first.")
            return False
        return reroute.add(self.editor, key, self.editor.view.gestures.mouse_in_scene)

    # Places

    def frame(self) -> bool:
        """Draw a frame around the selected nodes, and ask for its title."""
        before = set(self.editor.document.frames)
        made = self._on_nodes(
            lambda n: framing.add_frame(
                self.editor.document, n, sizes=self.editor.scene.sizes()
            )
        )
        for frame in self.editor.document.frames.keys() - before:
            self.editor.scene.set_selection((), (frame,))
            edit_frame_title(self.editor.view.gestures, frame)
        return made

    def layout(self) -> bool:
        """Arrange the selected nodes, or all."""
        names = self._with_contents()
        sizes = self.editor.scene.sizes()
        return self.editor.attempt(
            lambda: arrange.auto_layout(self.editor.document, sizes, names or None)
        )

    def align(self, edge: Edge) -> bool:
        """Line the selected nodes up."""
        sizes = self.editor.scene.sizes()
        names = self.editor.selected()
        return self.editor.attempt(
            lambda: arrange.align(self.editor.document, sizes, names, edge)
        )

    def distribute(self, way: Way) -> bool:
        """Make the gaps between the selected nodes equal."""
        sizes = self.editor.scene.sizes()
        names = self.editor.selected()
        return self.editor.attempt(
            lambda: arrange.distribute(self.editor.document, sizes, names, way)
        )

    # The view

    def show_selection(self) -> None:
        """Fit the selection into the view; everything, where nothing is selected."""
        self.editor.view.frame(self._with_contents() or None)

    def zoom_to(self, zoom: float) -> None:
        """Zoom at the mouse, if it is over the view."""
        gestures = self.editor.view.gestures
        self.editor.view.zoom_to(zoom, self.editor.view.mapFromScene(gestures.mouse_in_scene))

    def zoom_by(self, factor: float) -> None:
        """Zoom in or out at the mouse."""
        self.zoom_to(self.editor.view.zoom * factor)

    # Inside

    def _on_nodes(self, make: Callable[[list[str]], Edit]) -> bool:
        names = self._with_contents()
        if not names:
            return self._nothing()
        return self.editor.attempt(lambda: make(names))

    def _nothing(self) -> bool:
        self.editor.message.emit("Nothing is selected.")
        return False
