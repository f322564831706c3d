"""The canvas of one document: items for its nodes, wires and frames, kept in step with it.

Nothing here changes the document. What a gesture shows while it goes on is set by `set_marks` and
`preview`, and is gone when the gesture is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, QTimer, Signal
from PySide6.QtWidgets import QGraphicsScene

from studio.settings import home_folder
from ui.editor.building import Builder
from ui.editor.carrying import MANY
from ui.editor.faces import Faces
from ui.editor.following import follow
from ui.editor.keeping import Keeper
from ui.editor.marks import NO_MARKS, marked_nodes, marked_wires
from ui.editor.pictures import PreviewCache, Thumbnails
from ui.editor.searching import Searching
from ui.theme import current, motion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QImage

    from studio.editing.changes import Change
    from studio.editing.document import Document
    from ui.editor.carrying import Carry
    from ui.editor.frame_item import FrameItem
    from ui.editor.marks import CanvasMarks, WireKey
    from ui.editor.node_item import NodeItem
    from ui.editor.wire_item import WireItem
    from ui.engine.states import NodeStates
    from ui.theme import Theme

FEW = 200
"""Up to so many selected nodes have their wires lit up."""
_PHASES = 60
"""Steps of the bar of a node that tells of no steps; each is a repaint of its header."""


class GraphScene(QGraphicsScene):
    """The canvas.

    Args:
        document: shown; its `changed` is followed until `close`.
        states: what the engine says of its nodes.
        parent: Qt's. One with a `path` (an editor) tells where relative pictures are.
    """

    layout_changed = Signal(object)
    """set[str]: these nodes look otherwise, are elsewhere or gone."""

    made = Signal(object)
    """list[str]: of a very large graph these nodes and the wires into them have their items."""

    progressed = Signal(float)
    """The share of a very large graph's items that is made, 0 to 1."""

    def __init__(
        self, document: Document, states: NodeStates, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.document = document
        self.states = states
        self.theme: Theme = current()
        self.nodes: dict[str, NodeItem] = {}
        self.wires: dict[WireKey, WireItem] = {}
        self.frames: dict[str, FrameItem] = {}
        self.marks: CanvasMarks = NO_MARKS
        self.lit_wires: frozenset[WireKey] = frozenset()
        """Wires of the selected nodes, where those are few."""
        self.faces = Faces()
        self.previews = PreviewCache()
        self.exposed: tuple[QRectF, ...] = ()
        """What the view paints now, in scene coordinates; empty where it paints everything."""
        self.sights: list[Callable[[], QRectF]] = []
        """Each view's answer to what it shows item by item; empty where it paints no items."""
        self.phase = 0.6
        """Of the bar of nodes that run without steps, 0 to 1."""
        self._thumbnails = Thumbnails(self._picture_folders, self)
        self._thumbnails.loaded.connect(self._on_thumbnail)
        self._selected: dict[str, None] = {}
        self._selected_frames: dict[str, None] = {}
        self._faults: dict[str, tuple[str, ...]] = {}
        self._marked: set[str] = set()
        self._judged: dict[tuple[str, str, str], str | None] = {}
        self._spin = QTimer(self)
        self._spin.setInterval(40)
        self._spin.timeout.connect(self._on_spin)
        self._searching = Searching(self)
        self._keeper = Keeper(self)
        self._builder = Builder(self._keeper, self)
        self._builder.done.connect(self._on_built)
        self._builder.made.connect(self.made)
        self._builder.progressed.connect(self.progressed)
        self._builder.start()
        follow(document, self, self._on_changed)
        states.changed.connect(self._on_states)

    @property
    def building(self) -> bool:
        """The items of a very large graph are still being made."""
        return self._builder.running

    def finish(self) -> None:
        """Make all items now, however long it takes."""
        self._builder.finish()

    def _on_built(self) -> None:
        self.layout_changed.emit(set())

    # Following

    def _on_changed(self, changes: tuple[Change, ...]) -> None:
        gone, touched = self._keeper.take(changes)
        if gone:
            kept = [name for name in self._selected if name not in gone]
            frames = [name for name in self._selected_frames if name not in gone]
            self.set_selection(kept, frames)
        elif self._selected:
            self._light_wires()
        self.layout_changed.emit(touched)

    def _on_states(self, names: set[str]) -> None:
        self._keeper.take_states(names)
        active = self.states.active
        waiting = active is not None and not self.states.get(active).of
        if waiting and motion() and not self._spin.isActive():
            self._spin.start()
        elif not waiting:
            self._spin.stop()

    def _on_spin(self) -> None:
        self.phase = (self.phase + 1 / _PHASES) % 1.0
        active = self.states.active
        if active in self.nodes:
            item = self.nodes[active]
            item.update(item.geometry.header)

    def set_theme(self, theme: Theme) -> None:
        """Wear another theme."""
        self.theme = theme
        self.faces.clear()
        for item in self.nodes.values():
            item.invalidate()
        self.update()

    def set_faults(self, faults: Mapping[str, Sequence[str]]) -> None:
        """Show why nodes can't run: red outline, icon, the first of the words.

        Args:
            faults: words by id; nodes that aren't here have none.
        """
        new = {name: tuple(words) for name, words in faults.items() if words}
        changed = {
            name for name in {*new, *self._faults} if new.get(name) != self._faults.get(name)
        }
        self._faults = new
        for name in changed:
            if (item := self.nodes.get(name)) is not None:
                item.invalidate()

    def faulty(self) -> list[str]:
        """Ids of the nodes that have faults."""
        return list(self._faults)

    def faults_of(self, name: str) -> tuple[str, ...]:
        """What `set_faults` said of a node."""
        return self._faults.get(name, ())

    # Pictures

    def picture_of(self, name: str) -> QImage | None:
        """The picture that a node shows: its result, a preview, or the file that it reads."""
        if (image := self.states.preview(name)) is not None:
            return None if image.isNull() else image
        spec = self.document.spec(name)
        if spec is None or spec.inputs:
            return None
        for param in spec.params:
            if param.marker.widget == "picture":
                value = self.document.nodes[name].params.get(param.name, param.default)
                return self._thumbnails.get(value) if isinstance(value, str) else None
        return None

    def reload_pictures(self) -> None:
        """Look for the files of pictures again: the graph has another place."""
        self._thumbnails.forget()
        self._keeper.take_pictures()

    def _picture_folders(self) -> tuple[Path, ...]:
        editor: Any = self.parent()
        path, base = getattr(editor, "path", None), getattr(editor, "base", None)
        beside = Path(path).parent if path is not None else base or Path(os.curdir)
        return (beside, home_folder() / "input")

    def _on_thumbnail(self, _: str) -> None:
        self._keeper.take_pictures()

    # Selection

    def selected_nodes(self) -> list[str]:
        """Ids of the selected nodes, in the order in which they were selected."""
        return list(self._selected)

    def selected_frames(self) -> list[str]:
        """Ids of the selected frames."""
        return list(self._selected_frames)

    def select(self, names: Iterable[str], *, add: bool = False) -> None:
        """Select nodes, and nothing else unless `add`; unknown ids are left out."""
        nodes = [*self._selected, *names] if add else list(names)
        self.set_selection(nodes, self._selected_frames if add else ())

    def set_selection(self, nodes: Iterable[str], frames: Iterable[str]) -> None:
        """Select these and nothing else; `selectionChanged` tells once."""
        new = {name: None for name in nodes if name in self.nodes}
        new_frames = {name: None for name in frames if name in self.frames}
        if list(new) == list(self._selected) and list(new_frames) == list(self._selected_frames):
            return
        for name in {*self._selected} ^ {*new}:
            if (item := self.nodes.get(name)) is not None:
                item.selected = name in new
                item.update()
        for name in {*self._selected_frames} ^ {*new_frames}:
            if (frame := self.frames.get(name)) is not None:
                frame.selected = name in new_frames
                frame.update()
        self._keeper.raise_nodes([name for name in new if name not in self._selected])
        self._selected, self._selected_frames = new, new_frames
        self._light_wires()
        self.selectionChanged.emit()

    def _light_wires(self) -> None:
        lit: frozenset[WireKey] = frozenset()
        if len(self._selected) <= FEW:
            lit = frozenset(
                wire.key for name in self._selected for wire in self._keeper.wires_of(name)
            )
        for key in lit ^ self.lit_wires:
            if (wire := self.wires.get(key)) is not None:
                wire.update()
        self.lit_wires = lit

    # Marks of gestures

    def set_marks(self, marks: CanvasMarks) -> None:
        """Mark these places; what was marked before and isn't here is so no more."""
        old, self.marks = self.marks, marks
        if marks.judge is not old.judge:
            self._judged.clear()
            self.update()
        self._marked = marked_nodes(marks)
        if marks.hover_wire != old.hover_wire or (
            marked_wires(marks) != marked_wires(old)
        ):
            for key in marked_wires(marks) ^ marked_wires(old):
                if (wire := self.wires.get(key)) is not None:
                    wire.update()
        for name in marked_nodes(old) | self._marked:
            if (item := self.nodes.get(name)) is not None:
                item.update()
        for frame_name in {old.join_frame, marks.join_frame}:
            if frame_name in self.frames and old.join_frame != marks.join_frame:
                self.frames[frame_name].update()
        for area in self._searching.overlay_areas(old, marks):
            self.update(area)

    def judged(self, name: str, side: str, port: str) -> str | None:
        """What `marks.judge` says of a port; asked once for each wire that is drawn."""
        key = (name, side, port)
        if key not in self._judged:
            assert self.marks.judge is not None
            self._judged[key] = self.marks.judge(*key)
        return self._judged[key]

    def is_quiet(self, item: NodeItem) -> bool:
        """Nothing needs to be painted over the node's picture."""
        return not (
            item.selected
            or self.marks.judge is not None
            or item.name in self._marked
            or self.states.get(item.name).status == "running"
        )

    # Showing what isn't so yet

    def preview(
        self,
        positions: Mapping[str, tuple[float, float]],
        frames: Mapping[str, tuple[float, float, float, float]] | None = None,
    ) -> None:
        """Draw nodes and frames elsewhere; the document stays as it is.

        Args:
            positions: top left corners by id; all others are where the document has them.
            frames: left, top, width and height by id.
        """
        self.layout_changed.emit(self._keeper.preview(positions, frames or {}))

    def carry(
        self,
        nodes: Mapping[str, tuple[float, float]],
        frames: Mapping[str, tuple[float, float, float, float]],
        dx: float,
        dy: float,
    ) -> None:
        """Draw nodes and frames all as far from where they are in the document.

        Many nodes are moved as far as they are in sight; until `end_preview` the others stay.

        Args:
            nodes: top left corners by id, as in the document; the same object throughout a drag.
            frames: left, top, width and height by id.
            dx, dy: how far, in scene pixels.
        """
        if len(nodes) < MANY or self.building:
            self.preview(
                {name: (x + dx, y + dy) for name, (x, y) in nodes.items()},
                {name: (x + dx, y + dy, w, h) for name, (x, y, w, h) in frames.items()},
            )
            return
        held = {name: QRectF(*rect) for name, rect in frames.items()}
        self.layout_changed.emit(self._keeper.carry(nodes, held, dx, dy))

    @property
    def carried(self) -> Carry | None:
        """The many nodes that a drag moves, while it lasts."""
        return self._keeper.carried

    def sight(self) -> QRectF:
        """What the views show item by item, in scene coordinates."""
        return self._searching.sight()

    def end_preview(self) -> None:
        """Draw everything where the document has it."""
        self.layout_changed.emit(self._keeper.preview({}, {}))

    # Looking up

    def node_at(self, pos: QPointF) -> str | None:
        """The topmost node at a point, by its body or by a port that sticks out."""
        return self._searching.node_at(pos)

    def wire_at(self, pos: QPointF, reach: float = 8.0) -> WireKey | None:
        """The wire nearest to a point, if it is not farther than `reach` scene pixels."""
        return self._searching.wire_at(pos, reach)

    def frame_at(self, pos: QPointF) -> str | None:
        """The topmost frame at a point."""
        return self._searching.frame_at(pos)

    def names_in(self, area: QRectF) -> list[str]:
        """The nodes that an area touches."""
        return self._searching.names_in(area)

    def wires_in(self, area: QRectF) -> list[WireKey]:
        """The wires whose box an area touches."""
        return self._searching.wires_in(area)

    def sizes(self) -> dict[str, tuple[float, float]]:
        """Width and height of every node."""
        return {name: self.size_of(name) for name in self.nodes}

    def size_of(self, name: str) -> tuple[float, float]:
        """Width and height of a node."""
        geometry = self.nodes[name].geometry
        return (geometry.width, geometry.height)

    def port_pos(self, name: str, side: str, port: str) -> QPointF:
        """Where a wire ends at a port, in scene coordinates; see `NodeGeometry.anchor`."""
        item = self.nodes[name]
        return item.pos() + item.geometry.anchor(side, port)

    def wire_items(self, area: QRectF) -> list[WireItem]:
        """The wires whose box an area touches."""
        return self._searching.wire_items(area)

    def bounds(self, names: Iterable[str] | None = None) -> QRectF:
        """The box around nodes; around all nodes and frames where `names` is None."""
        return self._searching.bounds(names)

    def wires_of(self, name: str) -> list[WireItem]:
        """The wires into and out of a node."""
        return self._keeper.wires_of(name)
