"""A painting tied to a node of a graph: strokes become edits, edits become pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal

from studio.editing.changes import ABSENT, EditRefused
from studio.editing.strokes import MASK, SKETCH, add_items
from studio.errors import sentence
from studio.masks.items import Item, Raster, Strokes, StrokesFault
from studio.masks.sketch import Sketch, Stroke, parse_stroke
from studio.masks.strokes import EMPTY, parse_item
from ui.editor.following import follow
from ui.engine.planner import place_of
from ui.paint.drawing import Drawing, Drawn, Wish
from ui.paint.painting import SOON, Painting
from ui.paint.reading import ItemReader, value_or_empty
from ui.paint.source import PictureSource

if TYPE_CHECKING:
    from pathlib import Path

    from studio.editing.changes import Change, Edit
    from studio.errors import StudioError
    from studio.graph.document import Node
    from ui.editor.editor import GraphEditor
    from ui.jobs import Jobs
    from ui.paint.behind import Layer
    from ui.paint.draft import Draft
    from ui.paint.mips import PictureLevels

_T = TypeVar("_T")

TYPE = "InpaintMask"
OLD = "This is the picture of the run before. Run up to here for the new."
OFFLINE = "The engine isn't running. This is the picture of the run before."
SLOW = 250
"""Milliseconds of drawing or reading after which it is told of."""


class Binding(QObject):
    """Ties a `Painting` to one InpaintMask of one editor, for as long as both live.

    A stroke becomes one step of the editor's undo stack; what else changes in the document (undo,
    redo, edits by hand) is painted. A node that is given another id is followed.

    Args:
        editor: holds the graph.
        node: id of the node.
        jobs: where files are read and masks drawn.
        parent: Qt's.
    """

    changed = Signal()
    """Title, source or notice, or whether the node is there (`alive`)."""
    lost = Signal()
    """The editor is gone; the binding is of no use any more."""

    def __init__(
        self, editor: GraphEditor, node: str, jobs: Jobs, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.editor = editor
        self.node = node
        """Id of the node."""
        self.painting = Painting(self, jobs)
        self.source = PictureSource(editor, jobs, self)
        self.alive = True
        """The node is in the graph, and the graph in a tab."""
        self.notice = ""
        """What should be known though one can paint: the picture is an old one."""
        self._jobs = jobs
        self._picture: PictureLevels | None = None
        self._size: tuple[int, int] | None = None
        self._drawing: Drawing | None = None
        self._mask: ItemReader[Item] = ItemReader(parse_item)
        self._sketch: ItemReader[Stroke] = ItemReader(parse_stroke)
        self._seen: tuple[Any, Any] = (None, None)
        self._own = False
        self.closed = False
        """It let go of the graph, or the graph is gone."""
        self._waiting = ""
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(SLOW)
        self._slow.timeout.connect(self._say_waiting)
        self.painting.committed.connect(self._committed)
        self.source.sized.connect(self._sized)
        self.source.found.connect(self._found)
        self.source.missing.connect(self._missing)
        self.source.busy.connect(self._busy)
        editor.destroyed.connect(self._editor_gone)
        follow(editor.document, self, self._on_changed)
        self._shape()
        self._seen = self._values()
        self.source.follow(node)

    # What there is

    @property
    def title(self) -> str:
        """What the node is called."""
        return self.editor.document.title_of(self.node) if self.alive else ""

    @property
    def base(self) -> Path:
        """Folder that the graph's files lie beside."""
        base: Path = place_of(self.editor)["base"]
        return base

    def is_bare(self) -> bool:
        """Nothing is painted, and nothing stands there that can't be read either."""
        return all(value in (None, EMPTY) for value in self._values())

    def push(self, edit: Edit) -> bool:
        """Make an edit of the graph one undo step. True if it did something."""
        return not self.closed and self.editor.push(edit)

    def look_again(self) -> None:
        """The window was entered: the picture's file may be another now."""
        if self.alive:
            self.source.look_again()

    def refresh(self) -> None:
        """Get the picture anew."""
        if self.alive:
            self.source.follow(self.node, anew=True)

    def close(self) -> None:
        """Let go of the graph."""
        if not self.closed:
            self.closed = True
            self.alive = False
            self._stop_drawing()
            self.source.close()

    # From the hand

    def _committed(self, layer: Layer, items: list[dict[str, Any]], label: str) -> None:
        if not self.alive:
            return
        document, param = self.editor.document, MASK if layer == "mask" else SKETCH
        made = self.painting.newest(layer, len(items))
        if layer == "mask":
            self._mask.keep([(data, item) for data, (item, _) in _pairs(items, made)], trim=False)
        else:
            drawn = [(data, Stroke(item, colour)) for data, (item, colour) in _pairs(items, made)]
            self._sketch.keep(drawn, trim=False)
        self._own = True
        try:
            self.editor.push(add_items(document, self.node, param, items, label))
        except EditRefused as refused:
            self.editor.message.emit(str(refused))
        finally:
            self._own = False
        self._seen = self._values()

    # From the document

    def _on_changed(self, changes: tuple[Change, ...]) -> None:
        if self.closed:
            return
        nodes = {change.key: change for change in changes if change.section == "nodes"}
        if not nodes:
            return
        mine = nodes.get(self.node)
        if mine is not None and mine.after is ABSENT and (new := _renamed(mine, nodes)):
            self.node = new
        there = self._there()
        if there != self.alive:
            self.alive = there
            if not there:
                self.painting.say("This mask isn't in the graph any more. Undo brings it back.")
                self._stop_drawing()
                self.changed.emit()
                return
            self._sync()
        if not there:
            return
        if mine is not None or self.node in nodes:
            self._shape()
            if not self._own and _differ(self._values(), self._seen):
                self._sync()
        if not self._own:
            self.source.follow(self.node)
            self.changed.emit()

    def _there(self) -> bool:
        node = self.editor.document.nodes.get(self.node)
        return node is not None and node.type == TYPE

    def _values(self) -> tuple[Any, Any]:
        node: Node | None = self.editor.document.nodes.get(self.node)
        params = node.params if node is not None else {}
        return params.get(MASK), params.get(SKETCH)

    def _shape(self) -> None:
        params = self.editor.document.nodes[self.node].params
        grow, feather = (_number(params.get(name)) for name in ("grow", "feather"))
        self.painting.set_shape(grow, feather, params.get("invert") is True)

    def _sync(self) -> None:
        """Show what the document says: at once where that is little work, else by a thread."""
        strokes, sketch = self._seen = self._values()
        if not self.painting.ready or self._mask.unknown(strokes) + self._sketch.unknown(
            sketch
        ) > SOON:
            self._draw()
            return
        try:
            items = self._mask.read_all(value_or_empty(strokes))
            layers = self._sketch.read_all(value_or_empty(sketch))
            mask = Strokes(tuple(item for _, item in items))
            drawn = Sketch(tuple(stroke for _, stroke in layers))
            if (
                not set(mask.hashes) <= self.painting.rasters.keys()
                or _embedded(mask, self.painting.strokes)
                or not self.painting.near(mask, drawn)
            ):
                self._draw()
                return
            self._mask.keep(items)
            self._sketch.keep(layers)
            self.painting.set(mask, drawn)
        except StrokesFault as fault:
            self._fail(fault)

    def _draw(self) -> None:
        """Draw everything in threads; the canvas says so where it takes a moment."""
        self._stop_drawing()
        picture = self._picture
        size = self._size if picture is None else (picture.width, picture.height)
        if size is None:
            return  # the source says why
        self._wait("Drawing the mask …" if picture is not None else self.source.words)
        strokes, sketch = self._values()
        known = self._mask.snapshot(), self._sketch.snapshot()
        wish = Wish(size, strokes, sketch, known, self.base)
        drawing = self._drawing = Drawing((self._mask, self._sketch), self._jobs, wish, self)
        drawing.drafted.connect(self._drafted)
        drawing.done.connect(self._take)
        drawing.failed.connect(self._fail)
        if picture is not None:
            drawing.give(picture)

    def _stop_drawing(self) -> None:
        self._slow.stop()
        drawing, self._drawing = self._drawing, None
        if drawing is not None:
            drawing.cancel()
            drawing.deleteLater()

    def _drafted(self, draft: Draft) -> None:
        self._slow.stop()
        self.painting.show_draft(draft)

    def _take(self, drawn: Drawn) -> None:
        self._stop_drawing()
        self._mask.keep(drawn.strokes)
        self._sketch.keep(drawn.sketch)
        self.painting.take(drawn.prepared)

    def _fail(self, error: StudioError | OSError) -> None:
        self._stop_drawing()
        words = str(error)
        if isinstance(error, StrokesFault):
            words = f"The strokes of this mask can't be drawn: {words}"
        self.painting.say(sentence(words))

    # The picture

    def _busy(self) -> None:
        # What the engine makes anew is awaited with the old picture in view.
        if self.source.path_wanted or self._picture is None:
            self._stop_drawing()
            self._picture = self._size = None
            self._wait(self.source.words)

    def _sized(self, width: int, height: int) -> None:
        """What is painted can be drawn while the picture is being read."""
        if self._picture is None:
            self._size = width, height
            self._draw()

    def _found(self, picture: PictureLevels) -> None:
        self._picture = picture
        self._set_notice("")
        drawing = self._drawing
        if drawing is not None and drawing.awaits(picture):
            drawing.give(picture)
        else:
            self._draw()
        self.changed.emit()

    def _missing(self) -> None:
        if self._picture is not None and (self.source.can_run or self.source.offline):
            self._set_notice(OFFLINE if self.source.offline else OLD)
        else:
            self._stop_drawing()
            self._picture = self._size = None
            self._set_notice("")
            self.painting.say(self.source.words)
        self.changed.emit()

    def _wait(self, words: str) -> None:
        self._waiting = words
        self.painting.say("" if self.painting.picture is not None else words)
        self._slow.start()

    def _say_waiting(self) -> None:
        # The picture itself stays in view.
        shown = self._picture is not None and self.painting.picture is self._picture.picture
        if not self.painting.ready and not shown:
            self.painting.say(self._waiting)

    def _set_notice(self, words: str) -> None:
        if words != self.notice:
            self.notice = words
            self.changed.emit()

    def _editor_gone(self) -> None:
        self.close()
        self.lost.emit()


def _pairs(items: list[dict[str, Any]], made: list[_T]) -> list[tuple[dict[str, Any], _T]]:
    return list(zip(items, made, strict=True))


def _renamed(gone: Change, changes: dict[str, Change]) -> str:
    """The id that a node which went has now; empty where it is really gone."""
    for key, change in changes.items():
        if change.before is ABSENT and change.after.params is gone.before.params:
            return key
    return ""


def _differ(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Whether values are other objects: those of a document never change in place."""
    return any(a is not b for a, b in zip(one, other, strict=True))


def _embedded(new: Strokes, now: Strokes) -> bool:
    """Whether imported masks have to be decoded that aren't on the canvas."""
    have = {id(item) for item in now}
    return any(
        isinstance(item, Raster) and item.data is not None and id(item) not in have for item in new
    )


def _number(value: Any) -> float:
    """A number of a parameter; 0 for what a file may have in its place."""
    ok = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if ok and abs(value) < 1e6 else 0.0
