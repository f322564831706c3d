"""Keeps the items of a scene in step with its document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF

from studio.editing.changes import ABSENT
from studio.editing.compat import type_of
from studio.editing.document import FAR
from ui.editor.carrying import Carry
from ui.editor.frame_keeping import FrameKeeper
from ui.editor.node_item import NodeItem
from ui.editor.wire_item import WireItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from studio.editing.changes import Change
    from studio.editing.document import Wire
    from ui.editor.marks import WireKey
    from ui.editor.scene import GraphScene

Step = tuple[float, float]
"""How far something moved, in scene pixels across and down."""

_MARGIN = 2000.0
"""The index covers this much more than the nodes take, in pixels."""
_OUTLIERS = 0.01
"""The share of nodes on each side that the index may leave out: one at 1e7 would spoil it."""


class Keeper:
    """Makes, moves and drops the items of a scene.

    Args:
        scene: whose items they are.
    """

    def __init__(self, scene: GraphScene) -> None:
        self.scene = scene
        self.document = scene.document
        self._out: dict[str, dict[WireKey, WireItem]] = {}
        self._in: dict[str, dict[str, WireItem]] = {}
        self._frames = FrameKeeper(scene)
        self._moved: set[str] = set()
        self._top = 0.0
        self._carry: Carry | None = None

    # The whole

    def make_node(self, name: str) -> None:
        """Make the item of a node, if it is still wanted and isn't there yet."""
        if name in self.document.nodes and name not in self.scene.nodes:
            self._add_node(name)

    def make_wires(self, name: str) -> None:
        """Make the items of the wires into a node."""
        if name in self.scene.nodes:
            self._sync_wires(name)

    def make_frame(self, name: str) -> None:
        """Make the item of a frame."""
        self._frames.sync([name])

    def cover(self) -> None:
        """Let the scene's index lie over the nodes, so that it can tell them apart."""
        layout = self.document.layout
        places = [layout.get(name, (0.0, 0.0)) for name in self.document.nodes]
        if not places:
            self.scene.setSceneRect(QRectF(-_MARGIN, -_MARGIN, 2 * _MARGIN, 2 * _MARGIN))
            return
        across, down = (sorted(along) for along in zip(*places, strict=True))
        skip = int(len(places) * _OUTLIERS)
        left, right, top, bottom = (
            max(-FAR, min(FAR, along[place]))
            for along in (across, down) for place in (skip, -1 - skip)
        )  # fmt: skip
        box = QRectF(QPointF(left, top), QPointF(right, bottom))
        if not self.scene.sceneRect().contains(box):
            self.scene.setSceneRect(box.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN))

    # Changes

    def take(self, changes: tuple[Change, ...]) -> tuple[set[str], set[str]]:
        """Follow changes of the document.

        Returns:
            The ids of nodes and frames that are gone; and of all nodes that look otherwise, are
            elsewhere or gone.
        """
        self.end_carry()
        nodes = {change.key for change in changes if change.section == "nodes"}
        views = {change.key for change in changes if change.section == "view"}
        places = {change.key for change in changes if change.section == "layout"}
        frames = {change.key for change in changes if change.section == "frames"}
        gone = {name for name in nodes if name not in self.document.nodes}
        gone_frames = {name for name in frames if name not in self.document.frames}
        rewired = self._rewired(changes)
        for name in gone:
            self._drop_node(name)
        remeasure = (nodes | views | self._neighbours(rewired)) - gone
        fresh = {name for name in nodes if name not in gone and name not in self.scene.nodes}
        for name in self.document.nodes if fresh else ():
            if name in fresh:
                self._add_node(name)
        resized = {name for name in remeasure - fresh if self._remeasure(name)}
        for name in rewired:
            # One that isn't there is gone, or isn't made yet.
            if name in self.scene.nodes or name in self._in:
                self._sync_wires(name)
        moved = (places & self.scene.nodes.keys()) - fresh
        steps = {name: self._step_to(name, *self.document.position(name)) for name in moved}
        # A node that was given the id of one that went keeps the place of the other till now.
        self._moved -= moved | gone
        self._follow(steps, resized | fresh)
        self._frames.sync(frames, resized | moved | fresh | gone)
        area, position = self.scene.sceneRect(), self.document.position
        if not all(area.contains(QPointF(*position(name))) for name in fresh | moved):
            self.cover()
        touched = nodes | views | places | rewired | resized
        return gone | gone_frames, touched

    def take_states(self, names: Iterable[str]) -> None:
        """Follow news of the engine: states, and pictures, which may make a node taller."""
        grown = set()
        for name in names:
            if (item := self.scene.nodes.get(name)) is not None and self._regrow(item):
                grown.add(name)
        self._reroute(grown)
        self._frames.sync((), grown)
        if grown:
            self.scene.layout_changed.emit(grown)

    def take_pictures(self) -> None:
        """A file's picture is there now."""
        readers = [
            name for name in self.scene.nodes
            if (spec := self.document.spec(name)) is not None and not spec.inputs
            and any(param.marker.widget == "picture" for param in spec.params)
        ]  # fmt: skip
        self.take_states(readers)

    def _regrow(self, item: NodeItem) -> bool:
        shown = self.scene.picture_of(item.name)
        room = item.geometry.preview
        if shown is None and room is None:
            item.invalidate()
            return False
        before = room.size() if room is not None else None
        if not item.remeasure():
            return False
        after = item.geometry.preview
        return before is None or after is None or before != after.size()

    def _remeasure(self, name: str) -> bool:
        item = self.scene.nodes.get(name)
        return item is not None and item.remeasure()

    def _rewired(self, changes: tuple[Change, ...]) -> set[str]:
        """Nodes whose incoming wires may be other than before, in place, type or number."""
        found: set[str] = set()
        turned: list[str] = []
        for change in changes:
            if change.section != "nodes":
                continue
            before, after = change.before, change.after
            if before is ABSENT or after is ABSENT or before.type != after.type:
                found.add(change.key)
                turned.append(change.key)
            elif before.inputs != after.inputs:
                found.add(change.key)
                turned += [change.key] if self._is_reroute(change.key) else []
                turned += [n for n in self._sources(change.key) if self._is_reroute(n)]
        # What a reroute carries depends on all before it and, while nothing feeds it, after it.
        seen = set(turned)
        while turned:
            name = turned.pop()
            found.add(name)
            ahead = {item.wire.target for item in self._out.get(name, {}).values()}
            ahead |= {wire.target for wire in self.document.wires_out_of(name)}
            found |= ahead
            beside = {n for n in ahead | self._sources(name) if self._is_reroute(n)} - seen
            seen |= beside
            turned += beside
        return found

    def _sources(self, name: str) -> set[str]:
        """Nodes that feed a node, or did before this change."""
        before = {item.wire.source.node for item in self._in.get(name, {}).values()}
        return before | {wire.source.node for wire in self.document.wires_into(name).values()}

    def _is_reroute(self, name: str) -> bool:
        node = self.document.nodes.get(name)
        spec = self.document.specs.get(node.type) if node else None
        return spec is not None and spec.passthrough

    def _neighbours(self, rewired: set[str]) -> set[str]:
        """Those and the nodes that their wires came or come from: their ports look otherwise."""
        found = rewired.union(*(self._sources(name) for name in rewired))
        return {name for name in found if name in self.document.nodes}

    # Nodes

    def _add_node(self, name: str) -> None:
        item = NodeItem(self.scene, name)
        item.setPos(*self.document.position(name))
        self.scene.nodes[name] = item
        self.scene.addItem(item)

    def _drop_node(self, name: str) -> None:
        self.scene.faces.forget(name)
        for item in list(self._in.get(name, {}).values()):
            self._drop_wire(item)
        if (node := self.scene.nodes.pop(name, None)) is not None:
            self.scene.removeItem(node)

    def raise_nodes(self, names: list[str]) -> None:
        """Put nodes above all others."""
        if len(names) > 50:
            return
        for name in names:
            self._top += 1e-3
            self.scene.nodes[name].setZValue(self._top)

    # Wires

    def wires_of(self, name: str) -> list[WireItem]:
        """The wires into and out of a node."""
        into = self._in.get(name, {})
        return [*into.values(), *(w for w in self._out.get(name, {}).values())]

    def _sync_wires(self, target: str) -> None:
        """Make the items of the wires into a node what the document says."""
        wanted: Mapping[str, Wire] = {}
        if target in self.scene.nodes:
            wanted = self.document.wires_into(target)
        have = self._in.get(target, {})
        for port, item in list(have.items()):
            if port not in wanted or wanted[port].source.node != item.wire.source.node:
                self._drop_wire(item)
        for port, wire in wanted.items():
            known = wire.source.node in self.document.nodes
            type_name = type_of(self.document, wire.source) if known else None
            found = self._in.setdefault(target, {}).get(port)
            if found is None:
                found = WireItem(self.scene, wire, type_name)
                self.scene.wires[found.key] = found
                self._in[target][port] = found
                self._out.setdefault(wire.source.node, {})[found.key] = found
                self._lay(found)
                self.scene.addItem(found)
            else:
                found.wire, found.carries = wire, type_name
                self._lay(found)
                found.update()

    def _drop_wire(self, item: WireItem) -> None:
        self._in[item.wire.target].pop(item.wire.port, None)
        self._out.get(item.wire.source.node, {}).pop(item.key, None)
        self.scene.wires.pop(item.key, None)
        self.scene.removeItem(item)

    def _lay(self, item: WireItem) -> None:
        scene, wire = self.scene, item.wire
        start = None
        if (source := scene.nodes.get(wire.source.node)) is not None:
            start = self._place(source) + source.geometry.anchor("out", wire.source.output)
            item.start_shown = source.geometry.shows("out", wire.source.output)
        target = scene.nodes[wire.target]
        item.end_shown = target.geometry.shows("in", wire.port)
        item.set_ends(start, self._place(target) + target.geometry.anchor("in", wire.port))

    def _place(self, item: NodeItem) -> QPointF:
        return item.pos() if self._carry is None else self._carry.place(item)

    def _reroute(self, names: Iterable[str]) -> None:
        """Lay the wires of nodes that moved or changed their size."""
        wires = {item.key: item for name in names for item in self.wires_of(name)}
        for item in wires.values():
            self._lay(item)

    def _follow(self, steps: Mapping[str, Step], others: set[str]) -> None:
        """Let the wires of nodes follow.

        Args:
            steps: how far nodes moved that are otherwise as before.
            others: nodes that have another size, or are new.
        """
        self._reroute(others)
        for name, step in steps.items():
            if name in others:
                continue
            for item in self._in.get(name, {}).values():
                source = item.wire.source.node
                # Most of what moves, moves with its neighbours: the wire stays as it is.
                if steps.get(source) == step and source not in others:
                    item.shift(*step)
                else:
                    self._lay(item)
            for item in self._out.get(name, {}).values():
                if item.wire.target not in steps:
                    self._lay(item)

    def _step_to(self, name: str, x: float, y: float) -> Step:
        """Put a node somewhere; how far that is."""
        item = self.scene.nodes[name]
        before = item.pos()
        item.setPos(x, y)
        return (x - before.x(), y - before.y())

    # Previews

    def preview(
        self,
        positions: Mapping[str, tuple[float, float]],
        frames: Mapping[str, tuple[float, float, float, float]],
    ) -> set[str]:
        """See `GraphScene.preview`; the nodes that are elsewhere now."""
        self.end_carry()
        steps: dict[str, Step] = {}
        for name in self._moved - positions.keys():
            if name in self.scene.nodes:
                steps[name] = self._step_to(name, *self.document.position(name))
        for name, (x, y) in positions.items():
            if name in self.scene.nodes:
                steps[name] = self._step_to(name, x, y)
        self._moved = {*positions}
        self._follow(steps, set())
        changed = self._frames.hold({name: QRectF(*rect) for name, rect in frames.items()})
        for name in changed | self._frames.around(steps):
            self._frames.fit(name)
        return {*steps}

    def carry(
        self, nodes: Mapping[str, Step], frames: Mapping[str, QRectF], dx: float, dy: float
    ) -> set[str]:
        """See `GraphScene.carry`; the nodes that aren't previewed any more."""
        back: set[str] = set()
        if self._carry is None or self._carry.nodes is not nodes:
            back = self.preview({}, {})
            members = self._frames.nodes_of(self._frames.around(nodes))
            self._carry = Carry(self.scene, nodes, members, self._lay)
        self._carry.move(dx, dy, self.scene.sight())
        changed = self._frames.hold(
            {name: rect.translated(dx, dy) for name, rect in frames.items()}
        )
        for name in {*changed, *self._carry.frames}:
            self._frames.fit(name)
        return back

    @property
    def carried(self) -> Carry | None:
        """What a drag moves together, while it lasts."""
        return self._carry

    def end_carry(self) -> None:
        """Put back what a drag moved together; the document may have it elsewhere."""
        if (carry := self._carry) is not None:
            carry.put_back()
            self._carry = None
            for name in carry.frames:
                self._frames.fit(name)
