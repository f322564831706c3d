"""Moves many nodes together: while a drag lasts only what is in sight goes with the mouse.

Laying out 5,000 nodes and their wires takes a fifth of a second, and nobody sees but a few dozen
of them. All others follow when the drag ends and the document has them elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt

from ui.editor.node_item import NodeItem
from ui.editor.wire_item import BOW, WireItem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ui.editor.scene import GraphScene

MANY = 40
"""From so many nodes on it pays."""

_BY_BOX = Qt.ItemSelectionMode.IntersectsItemBoundingRect

Place = tuple[float, float]


class Carry:
    """Nodes under way together.

    Args:
        scene: has them.
        nodes: where each was when the drag began; kept as it is, to tell drags apart.
        frames: the frames that have any of them, each with all its nodes.
        lay: lays a wire anew, between the places that `place` tells.
    """

    def __init__(
        self,
        scene: GraphScene,
        nodes: Mapping[str, Place],
        frames: Mapping[str, Iterable[str]],
        lay: Callable[[WireItem], None],
    ) -> None:
        self.nodes = nodes
        self.dx = 0.0
        self.dy = 0.0
        self._scene = scene
        self._lay = lay
        self._moved: dict[str, NodeItem] = {}
        self._wires: set[WireItem] = set()
        """Wires between two of the nodes, as far as they were moved."""
        self._strained = {
            wire: _Strained(ahead, wire.start, wire.end)
            for wire in scene.wires.values()
            if (ahead := wire.wire.target in nodes) != (wire.wire.source.node in nodes)
        }
        self._stretched: set[WireItem] = set()
        """Wires of one of the nodes, as far as they were laid anew."""
        self._boxes = {frame: self._boxes_of(members) for frame, members in frames.items()}

    @property
    def frames(self) -> Iterable[str]:
        """The frames that have any of the nodes."""
        return self._boxes

    def place(self, item: NodeItem) -> QPointF:
        """Where a node is shown, or would be if it were in sight."""
        at = self.nodes.get(item.name)
        return item.pos() if at is None else QPointF(at[0] + self.dx, at[1] + self.dy)

    def origin(self, item: NodeItem) -> QPointF:
        """Where a node was when the drag began."""
        at = self.nodes.get(item.name)
        return item.pos() if at is None else QPointF(*at)

    def line(self, wire: WireItem) -> QLineF:
        """From end to end of a wire, where it was when the drag began."""
        if (strained := self._strained.get(wire)) is not None:
            return QLineF(*strained.ends)
        line = QLineF(wire.start, wire.end)
        return line.translated(-self.dx, -self.dy) if wire in self._wires else line

    def strained(self) -> list[QLineF]:
        """From end to end of the wires that have one end among the nodes, as they lie now."""
        return [QLineF(*one.now(self.dx, self.dy)) for one in self._strained.values()]

    def boxes_in(self, frame: str) -> list[QRectF]:
        """The boxes around a frame's nodes: those that stay, and those that go, as they lie now."""
        stay, go = self._boxes[frame]
        return [box for box in (stay, go.translated(self.dx, self.dy)) if not box.isEmpty()]

    def move(self, dx: float, dy: float, sight: QRectF) -> None:
        """Show them `dx` and `dy` scene pixels from where they began.

        Args:
            dx, dy: from there.
            sight: what is shown of the scene; empty where the view paints no items.
        """
        step = (dx - self.dx, dy - self.dy)
        self.dx, self.dy = dx, dy
        if not sight.isEmpty():
            # What leaves the sight, and what comes into it.
            found = [
                *self._scene.items(sight, _BY_BOX),
                *self._scene.items(sight.translated(-dx, -dy), _BY_BOX),
            ]
        else:
            found = []
        for wire in self._wires:
            wire.shift(*step)
        for item in found:
            if isinstance(item, NodeItem):
                if item.name in self.nodes:
                    self._moved[item.name] = item
            elif isinstance(item, WireItem):
                self._take_up(item)
        for name, item in self._moved.items():
            x, y = self.nodes[name]
            item.setPos(x + dx, y + dy)
        if not sight.isEmpty():
            self._stretched.update(
                wire for wire, one in self._strained.items() if one.near(dx, dy, sight)
            )
        for wire in self._stretched:
            self._lay(wire)

    def put_back(self) -> None:
        """Everything is where it began."""
        for name, node in self._moved.items():
            node.setPos(*self.nodes[name])
        for wire in self._wires:
            wire.shift(-self.dx, -self.dy)
        self.dx = self.dy = 0.0
        for wire in self._stretched:
            self._lay(wire)

    def _take_up(self, wire: WireItem) -> None:
        ends = (wire.wire.target in self.nodes) + (wire.wire.source.node in self.nodes)
        if ends == 1:
            self._stretched.add(wire)
        elif ends == 2 and wire not in self._wires:
            self._wires.add(wire)
            wire.shift(self.dx, self.dy)

    def _boxes_of(self, members: Iterable[str]) -> tuple[QRectF, QRectF]:
        stay, go = QRectF(), QRectF()
        for name in members:
            if (item := self._scene.nodes.get(name)) is None:
                continue
            if name in self.nodes:
                go = go.united(item.node_rect())
            else:
                stay = stay.united(item.node_rect())
        return stay, go


class _Strained:
    """A wire with one end among the nodes that move.

    Args:
        ahead: the end that moves is where it arrives.
        start, end: where it was when the drag began.
    """

    __slots__ = ("_ahead", "ends")

    def __init__(self, ahead: bool, start: QPointF, end: QPointF) -> None:
        self._ahead = ahead
        self.ends = (start.x(), start.y(), end.x(), end.y())

    def now(self, dx: float, dy: float) -> tuple[float, float, float, float]:
        """Both ends, one of them moved."""
        x1, y1, x2, y2 = self.ends
        return (x1, y1, x2 + dx, y2 + dy) if self._ahead else (x1 + dx, y1 + dy, x2, y2)

    def near(self, dx: float, dy: float, area: QRectF) -> bool:
        """Whether it might be seen in an area, where it would lie now."""
        x1, y1, x2, y2 = self.now(dx, dy)
        left, right = (x1, x2) if x1 < x2 else (x2, x1)
        top, bottom = (y1, y2) if y1 < y2 else (y2, y1)
        return (
            left - BOW < area.right() and right + BOW > area.left()
            and top - BOW < area.bottom() and bottom + BOW > area.top()
        )  # fmt: skip
