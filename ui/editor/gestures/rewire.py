"""Wires that are there, taken elsewhere: by their input end, or all of an output at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from studio.editing import wiring
from studio.editing.compat import Matcher, type_of
from studio.graph.checked import Source
from ui.editor.gestures.base import ALT, CTRL, LEFT, SHIFT, Gesture
from ui.editor.gestures.drop import Landing
from ui.editor.gestures.wiring import DragWire
from ui.editor.marks import GhostWire

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from studio.editing.changes import Edit
    from studio.editing.document import Wire
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures
    from ui.editor.gestures.drop import Side

OFF = 5.0
"""Viewport pixels from its port at which a wire has come off."""


class ReattachWire(DragWire):
    """Left-drag off a wired input: its wire comes off, and goes to another input or away."""

    def __init__(self, gestures: Gestures, pointer: Pointer, wire: Wire) -> None:
        super().__init__(gestures, pointer)
        self.wire = wire
        self.own = wire.source.node
        self.matcher = Matcher(self.document, source=wire.source)
        known = wire.source.node in self.document.nodes
        self.type = type_of(self.document, wire.source) if known else None

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        target = pointer.target
        if pointer.button != LEFT or not target.is_part("port") or target.hit is None:
            return None
        if target.hit.side != "in" or pointer.modifiers & (ALT | SHIFT):
            return None
        wire = gestures.editor.document.wires_into(target.node).get(target.hit.name)
        return cls(gestures, pointer, wire) if wire is not None else None

    def begun(self, pointer: Pointer) -> None:
        super().begun(pointer)
        self.mark(hidden_wires=frozenset({self._place}))

    def judge(self, node: str, side: str, port: str) -> str | None:
        if side == "out":
            mine = (node, port) == (self.wire.source.node, self.wire.source.output)
            return None if mine else "A wire from an output goes to an input."
        if (node, port) == self._place:
            return None
        return self.matcher.why_not(node, port)

    def first_port(self, node: str) -> str | None:
        # Over the node it comes from, a wire stays where it is.
        return self.wire.port if node == self.wire.target else self.matcher.first_port(node)

    def weighed(self, found: Landing, pointer: Pointer) -> Landing:
        """Beside its own port a wire comes off; only right on it, or on its node, it stays."""
        if found.port is None or (found.port.node, found.port.port) != self._place:
            return found
        port = self.scene.port_pos(self.wire.target, "in", self.wire.port)
        away = (pointer.scene - port).manhattanLength() > self.reach(OFF)
        over = self.scene.nodes[self.wire.target].node_rect().contains(pointer.scene)
        return Landing() if away and not over else found

    @property
    def _place(self) -> tuple[str, str]:
        return self.wire.target, self.wire.port

    def ghosts(self, end: QPointF, valid: bool | None) -> tuple[GhostWire, ...]:
        source = self.wire.source
        if source.node not in self.scene.nodes:
            return ()
        start = self.scene.port_pos(source.node, "out", source.output)
        return (GhostWire(start, end, self.type, valid),)

    def connect(self, node: str, port: str) -> Edit:
        return wiring.reconnect(self.document, self.wire, node, port)

    def _replaces(self, port: tuple[str, str, str]) -> bool:
        return (port[0], port[2]) != self._place

    def words_over_nothing(self) -> str:
        return "Drop to remove the wire"

    def dropped_on_nothing(self, pointer: Pointer) -> None:
        self.editor.attempt(lambda: wiring.disconnect(self.document, [self.wire]))


class MoveWires(DragWire):
    """Ctrl+left-drag off an output: all its wires go to another output."""

    wanted: ClassVar[Side] = "out"

    def __init__(self, gestures: Gestures, pointer: Pointer, wires: list[Wire]) -> None:
        super().__init__(gestures, pointer)
        self.wires = wires
        self.source = wires[0].source
        self.type = type_of(self.document, self.source)
        self.matchers = [Matcher(self.document, target=(w.target, w.port)) for w in wires]

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        target = pointer.target
        if pointer.button != LEFT or not target.is_part("port") or target.hit is None:
            return None
        if target.hit.side != "out" or not pointer.holds(CTRL):
            return None
        wires = wiring.port_wires(gestures.editor.document, target.node, target.hit.name, "out")
        return cls(gestures, pointer, wires) if wires else None

    def begun(self, pointer: Pointer) -> None:
        super().begun(pointer)
        self.mark(hidden_wires=frozenset((wire.target, wire.port) for wire in self.wires))

    def judge(self, node: str, side: str, port: str) -> str | None:
        if side == "in":
            return "These wires' outputs move; drop them on another output."
        if (node, port) == (self.source.node, self.source.output):
            return None
        reasons = (matcher.why_not(node, port) for matcher in self.matchers)
        return next((reason for reason in reasons if reason), None)

    def first_port(self, node: str) -> str | None:
        if node == self.source.node:
            return self.source.output
        spots = self.scene.nodes[node].geometry.ports
        outputs = [spot.name for spot in spots if spot.side == "out"]
        return next((name for name in outputs if self.judge(node, "out", name) is None), None)

    def ghosts(self, end: QPointF, valid: bool | None) -> tuple[GhostWire, ...]:
        ends = [
            self.scene.port_pos(wire.target, "in", wire.port)
            for wire in self.wires
            if wire.target in self.scene.nodes
        ]
        return tuple(GhostWire(end, stop, self.type, valid) for stop in ends)

    def connect(self, node: str, port: str) -> Edit:
        return wiring.move_wires(self.document, self.wires, Source(node, port))

    def words_over_nothing(self) -> str:
        count = len(self.wires)
        return f"Drop on an output to move {count} wire{'' if count == 1 else 's'} there"
