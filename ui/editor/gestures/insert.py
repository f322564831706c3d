"""Dropping a loose node on a wire: which wire takes it, and who makes room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

from studio.editing import arrange, wiring
from studio.editing.changes import Edit, EditRefused

if TYPE_CHECKING:
    from studio.editing.document import Document, Wire
    from ui.editor.gestures.dragged import Place
    from ui.editor.scene import GraphScene

GAP = 40.0
"""Canvas pixels that the inserted node and its neighbours keep between them."""
INSET = 8.0
"""A wire that only grazes the node's edge isn't meant."""
MOST = 24
"""Wires under one node that are looked at."""


@dataclass(frozen=True)
class Splice:
    """A node about to go into a wire.

    Args:
        node: its id.
        wire: that takes it.
        words: what it goes between.
        label: of the edit.
    """

    node: str
    wire: Wire
    words: str
    label: str

    @property
    def key(self) -> tuple[str, str]:
        return self.wire.target, self.wire.port


class Finder:
    """Finds the wire that a dragged node goes into. Made once a drag: the graph stays as it is.

    Only a node that feeds nothing goes into a wire: one in use was only moved across it.

    Args:
        scene: the canvas.
        name: of the node.
    """

    def __init__(self, scene: GraphScene, name: str) -> None:
        self._scene = scene
        self._name = name
        self._loose = not scene.document.wires_out_of(name)
        self._found: dict[tuple[str, str], Splice | None] = {}

    def at(self, place: Place) -> Splice | None:
        """The wire for a node that stands there, the nearest to its middle."""
        if not self._loose:
            return None
        scene = self._scene
        box = QRectF(*place, *scene.size_of(self._name))
        inside = box.adjusted(INSET, INSET, -INSET, -INSET)
        crossing = [key for key in scene.wires_in(box)[:MOST] if scene.wires[key].near(inside)]
        crossing.sort(key=lambda key: (scene.wires[key].distance(box.center()), key))
        return next((found for key in crossing if (found := self._into(key))), None)

    def _into(self, key: tuple[str, str]) -> Splice | None:
        if key not in self._found:
            wire = self._scene.document.wires_into(key[0]).get(key[1])
            self._found[key] = _splice(self._scene.document, self._name, wire) if wire else None
        return self._found[key]


def _splice(document: Document, name: str, wire: Wire) -> Splice | None:
    try:
        label = wiring.insert_on_wire(document, name, wire).label
    except EditRefused:
        return None
    ends = [document.title_of(end) for end in (wire.source.node, wire.target)]
    return Splice(name, wire, f"between {ends[0]} and {ends[1]}", label)


def edit(scene: GraphScene, splice: Splice) -> Edit:
    """The edit, made where the node stands now; those after it make room.

    Raises:
        EditRefused: the wire is gone, or doesn't take it.
    """
    document = scene.document
    push = arrange.push_aside(document, scene.sizes(), [splice.node], GAP)
    return wiring.insert_on_wire(document, splice.node, splice.wire, push=push)
