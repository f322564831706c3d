"""The nodes of a scene as boxes and its wires as straight lines, kept in step with it.

Whatever shows the whole graph at once paints these: thousands of nodes cost a few milliseconds,
since Qt is asked a dozen times and not thousands of times.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor

from ui.theme import blend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PySide6.QtGui import QPainter

    from ui.editor.carrying import Carry
    from ui.editor.marks import WireKey
    from ui.editor.node_item import NodeItem
    from ui.editor.scene import GraphScene


@dataclass
class Layer:
    """Nodes that lie still to one another.

    Args:
        boxes: their rectangles by colour (RGB), muted ones greyed, and id.
        lines: the wires between them.
        at: how far the layer is from where those say, in scene pixels.
    """

    boxes: dict[int, dict[str, QRectF]] = field(default_factory=dict)
    lines: dict[WireKey, QLineF] = field(default_factory=dict)
    at: tuple[float, float] = (0.0, 0.0)
    _bounds: QRectF | None = field(default_factory=QRectF)

    def add(self, rgb: int, name: str, rect: QRectF) -> None:
        """One more node."""
        self.boxes.setdefault(rgb, {})[name] = rect
        if self._bounds is not None:
            self._bounds = self._bounds.united(rect)

    def drop(self, rgb: int, name: str, *, stays: bool) -> None:
        """One node less; one that `stays` comes back in the same place."""
        rect = self.boxes[rgb].pop(name)
        if self._bounds is None or stays:
            return
        # One at the edge may have been all that reached so far.
        if not self._bounds.adjusted(1, 1, -1, -1).contains(rect):
            self._bounds = None

    def coloured(self) -> list[tuple[QColor, list[QRectF]]]:
        """The boxes of each colour, always in the same order."""
        boxes = sorted(self.boxes.items())
        return [(QColor.fromRgb(rgb), list(rects.values())) for rgb, rects in boxes]

    def bounds(self) -> QRectF:
        """The box around all nodes, where they are now."""
        if self._bounds is None:
            rects = [rect for boxes in self.boxes.values() for rect in boxes.values()]
            self._bounds = box_around(rects)
        return self._bounds.translated(*self.at)

    @contextmanager
    def placed(self, painter: QPainter) -> Iterator[None]:
        """Paint in the layer's coordinates."""
        painter.translate(*self.at)
        yield
        painter.translate(-self.at[0], -self.at[1])


class Layers:
    """What is painted of a scene from afar.

    Args:
        scene: shown.
    """

    def __init__(self, scene: GraphScene) -> None:
        self._scene = scene
        self._whole: Layer | None = None
        self._rects: dict[str, QRectF] = {}
        self._colours: dict[str, int] = {}
        self._into: dict[str, set[WireKey]] = {}
        self._looks: dict[tuple[str, str | None, str], int] = {}
        self._stale: set[str] = set()
        self._parted: tuple[Carry, Layer, Layer] | None = None
        """While many nodes are dragged: those that stay, and those that go."""
        if scene.building:
            self._whole = Layer()
            scene.made.connect(self._take)
        scene.layout_changed.connect(self.forget)

    def forget(self, names: set[str] | None = None) -> None:
        """These nodes look otherwise, are elsewhere or gone; all are where it is None."""
        if names is None:
            self._whole = None
        else:
            self._stale |= names

    def now(self) -> list[Layer]:
        """All nodes: in one layer, and in two while a drag moves many of them."""
        carried = self._scene.carried
        whole = self._whole
        if whole is None or 2 * len(self._stale) > len(self._rects):
            whole = self._whole = self._gather(carried)
            self._parted = None
        elif self._stale:
            for name in self._stale:
                self._renew(whole, name, carried)
            self._parted = None
        self._stale.clear()
        if carried is None:
            self._parted = None
            return [whole]
        if self._parted is None or self._parted[0] is not carried:
            self._parted = (carried, *self._part(whole, carried))
        _, stay, go = self._parted
        go.at = (carried.dx, carried.dy)
        return [stay, go]

    def rects(self, names: Iterable[str]) -> tuple[list[QRectF], list[QRectF]]:
        """The boxes of nodes, in the coordinates of the layer of those that stay, and of the
        other."""
        carried = self._scene.carried
        stay: list[QRectF] = []
        go: list[QRectF] = []
        for name in names:
            if (rect := self._rects.get(name)) is not None:
                (stay if carried is None or name not in carried.nodes else go).append(rect)
        return stay, go

    def _take(self, names: list[str]) -> None:
        """Go along with the making of a very large graph, for all at once would be a stall."""
        if self._whole is not None:
            for name in names:
                self._renew(self._whole, name, self._scene.carried)

    def _gather(self, carried: Carry | None) -> Layer:
        made = Layer()
        self._rects, self._colours, self._looks, self._into = {}, {}, {}, {}
        for item in self._scene.nodes.values():
            self._add_node(made, item, item.pos() if carried is None else carried.origin(item))
        for key, wire in self._scene.wires.items():
            made.lines[key] = (
                QLineF(wire.start, wire.end) if carried is None else carried.line(wire)
            )
            self._into.setdefault(key[0], set()).add(key)
        return made

    def _renew(self, layer: Layer, name: str, carried: Carry | None) -> None:
        """One node and its wires as they are now."""
        for key in self._into.pop(name, ()):
            del layer.lines[key]
        item = self._scene.nodes.get(name)
        corner = QPointF()
        if item is not None:
            corner = item.pos() if carried is None else carried.origin(item)
        if (old := self._rects.get(name)) is not None:
            same = item is not None and item.geometry.rect.translated(corner) == old
            layer.drop(self._colours.pop(name), name, stays=same)
            del self._rects[name]
        if item is not None:
            self._add_node(layer, item, corner)
        for wire in self._scene.wires_of(name):
            layer.lines[wire.key] = (
                QLineF(wire.start, wire.end) if carried is None else carried.line(wire)
            )
            self._into.setdefault(wire.key[0], set()).add(wire.key)

    def _add_node(self, layer: Layer, item: NodeItem, corner: QPointF) -> None:
        document, theme = self._scene.document, self._scene.theme
        node = document.nodes[item.name]
        look = (node.type, document.view_of(item.name).colour, node.mode)
        rgb = self._looks.get(look)
        if rgb is None:
            strong = item.face.mark_colour(theme)
            share = 0.72 if node.mode == "normal" else 0.25
            rgb = self._looks[look] = blend(theme.canvas, strong, share).rgb()
        self._colours[item.name] = rgb
        rect = self._rects[item.name] = item.geometry.rect.translated(corner)
        layer.add(rgb, item.name, rect)

    def _part(self, whole: Layer, carried: Carry) -> tuple[Layer, Layer]:
        """Those that stay and those that go; the wires between them are `carried.strained`."""
        both = (Layer(), Layer())
        nodes = carried.nodes
        for name, rect in self._rects.items():
            both[name in nodes].add(self._colours[name], name, rect)
        for key, line in whole.lines.items():
            goes = key[0] in nodes
            if goes == (self._scene.wires[key].wire.source.node in nodes):
                both[goes].lines[key] = line
        return both


def box_around(rects: list[QRectF]) -> QRectF:
    """The smallest box around others; an empty one around none."""
    if not rects:
        return QRectF()
    left, top, right, bottom = zip(*(rect.getCoords() for rect in rects), strict=True)
    x, y = min(left), min(top)
    return QRectF(x, y, max(right) - x, max(bottom) - y)
