"""Drawing wires: from an output to an input, and from an open input back to an output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt

from studio.editing import wiring
from studio.editing.compat import Matcher, type_of
from studio.graph.checked import Source
from ui.editor.gestures.base import ALT, CTRL, LEFT, SHIFT, Gesture
from ui.editor.gestures.drop import Landing, Side, land
from ui.editor.marks import GhostWire

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from studio.editing.changes import Edit
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures


class DragWire(Gesture, ABC):
    """The free end of one or more wires, dragged: says what fits while it goes.

    Every port that would take it is ringed and every other dimmed; beside the mouse stands what a
    release would do, or why it wouldn't.
    """

    cursor = Qt.CursorShape.CrossCursor
    wanted: ClassVar[Side] = "in"
    """The side of the ports that take it."""

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        self.landing = Landing()
        self.own = ""
        """The node that it comes from."""

    # What kinds of it differ in

    @abstractmethod
    def judge(self, node: str, side: str, port: str) -> str | None:
        """Why a port doesn't take the wire, in words; None where it does."""

    @abstractmethod
    def first_port(self, node: str) -> str | None:
        """The port of a node that takes it when it is dropped on its body."""

    @abstractmethod
    def ghosts(self, end: QPointF, valid: bool | None) -> tuple[GhostWire, ...]:
        """The wires to draw while it goes."""

    @abstractmethod
    def connect(self, node: str, port: str) -> Edit:
        """The edit of a release over that port.

        Raises:
            EditRefused: it doesn't fit after all.
        """

    def dropped_on_nothing(self, pointer: Pointer) -> None:
        """The release over empty canvas."""

    def words_over_nothing(self) -> str:
        """What to say over empty canvas."""
        return ""

    # The drag

    def begun(self, pointer: Pointer) -> None:
        self.mark(judge=self.judge)

    def dragged(self, pointer: Pointer) -> None:
        found = land(
            self.scene,
            pointer.scene,
            self.wanted,
            self.judge,
            self.first_port,
            self.view.zoom,
            self.own,
        )
        found = self.landing = self.weighed(found, pointer)
        valid = True if found.port else False if found.refusal else None
        end = found.end or pointer.scene
        self.mark(
            ghosts=self.ghosts(end, valid),
            snap=tuple(found.port) if found.port and found.end else None,
            drop_node=found.node if found.port or found.refusal else None,
            drop_bad=bool(found.refusal),
        )
        self.hint(self._words(), pointer.pos, bad=bool(found.refusal))

    def weighed(self, found: Landing, pointer: Pointer) -> Landing:
        """The landing after second thoughts."""
        return found

    def _words(self) -> str:
        found = self.landing
        if found.refusal:
            return found.refusal
        if found.port is None:
            return "" if found.node else self.words_over_nothing()
        title = self.document.title_of(found.port.node)
        words = f"{title} · {found.port.port.replace('_', ' ')}"
        wire = self.document.wires_into(found.port.node).get(found.port.port)
        if self.wanted == "in" and wire is not None and self._replaces(found.port):
            words += f" (replaces {self._name_of(wire.source)})"
        return words

    def _replaces(self, port: tuple[str, str, str]) -> bool:
        """The wire at this port goes if the drag ends here."""
        return True

    def _name_of(self, source: Source) -> str:
        known = source.node in self.document.nodes
        return self.document.title_of(source.node) if known else source.node

    def dropped(self, pointer: Pointer) -> None:
        self.dragged(pointer)
        found = self.landing
        self._clear()
        if found.port is not None:
            port = found.port
            self.editor.attempt(lambda: self.connect(port.node, port.port))
        elif found.refusal:
            self.editor.message.emit(found.refusal)
        elif not found.node:
            self.dropped_on_nothing(pointer)

    def cancelled(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.mark(
            judge=None,
            ghosts=(),
            snap=None,
            drop_node=None,
            drop_bad=False,
            hidden_wires=frozenset(),
        )


class PullOutput(DragWire):
    """Left-drag off an output: a new wire. Over empty canvas it asks for a new node.

    Shift-drag off a wired input draws a second wire from the same output.
    """

    def __init__(self, gestures: Gestures, pointer: Pointer, source: Source) -> None:
        super().__init__(gestures, pointer)
        self.source = source
        self.own = source.node
        self.matcher = Matcher(self.document, source=source)
        self.type = type_of(self.document, source)

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        target = pointer.target
        if pointer.button != LEFT or not target.is_part("port") or target.hit is None:
            return None
        if pointer.modifiers & (ALT | CTRL):
            return None
        if target.hit.side == "out":
            return cls(gestures, pointer, Source(target.node, target.hit.name))
        wire = gestures.editor.document.wires_into(target.node).get(target.hit.name)
        if wire is not None and pointer.holds(SHIFT):
            return cls(gestures, pointer, wire.source)
        return None

    def judge(self, node: str, side: str, port: str) -> str | None:
        if side == "out":
            mine = (node, port) == (self.source.node, self.source.output)
            return None if mine else "A wire from an output goes to an input."
        return self.matcher.why_not(node, port)

    def first_port(self, node: str) -> str | None:
        return self.matcher.first_port(node)

    def ghosts(self, end: QPointF, valid: bool | None) -> tuple[GhostWire, ...]:
        start = self.scene.port_pos(self.source.node, "out", self.source.output)
        return (GhostWire(start, end, self.type, valid),)

    def connect(self, node: str, port: str) -> Edit:
        return wiring.connect(self.document, self.source, node, port)

    def words_over_nothing(self) -> str:
        return "Drop to add a node here"

    def dropped_on_nothing(self, pointer: Pointer) -> None:
        self.view.palette_wanted.emit(pointer.scene, self.source, None)


class PullInput(DragWire):
    """Left-drag off an open input: a wire sought backwards, from some output."""

    wanted: ClassVar[Side] = "out"

    def __init__(self, gestures: Gestures, pointer: Pointer) -> None:
        super().__init__(gestures, pointer)
        assert pointer.target.hit is not None
        self.node, self.port = pointer.target.node, pointer.target.hit.name
        self.own = self.node
        self.matcher = Matcher(self.document, target=(self.node, self.port))
        spots = self.scene.nodes[self.node].geometry.ports
        self.type = next(
            (s.type for s in spots if s.side == "in" and s.name == self.port), None
        )

    @classmethod
    def at(cls, gestures: Gestures, pointer: Pointer) -> Gesture | None:
        target = pointer.target
        if pointer.button != LEFT or not target.is_part("port") or target.hit is None:
            return None
        wired = gestures.editor.document.wires_into(target.node)
        if target.hit.side == "in" and target.hit.name not in wired and not pointer.holds(ALT):
            return cls(gestures, pointer)
        return None

    def judge(self, node: str, side: str, port: str) -> str | None:
        if side == "in":
            mine = (node, port) == (self.node, self.port)
            return None if mine else "A wire from an input goes to an output."
        return self.matcher.why_not(node, port)

    def first_port(self, node: str) -> str | None:
        return self.matcher.first_port(node)

    def ghosts(self, end: QPointF, valid: bool | None) -> tuple[GhostWire, ...]:
        start = self.scene.port_pos(self.node, "in", self.port)
        return (GhostWire(end, start, self.type, valid),)

    def connect(self, node: str, port: str) -> Edit:
        return wiring.connect(self.document, Source(node, port), self.node, self.port)

    def words_over_nothing(self) -> str:
        return "Drop to add a node here"

    def dropped_on_nothing(self, pointer: Pointer) -> None:
        self.view.palette_wanted.emit(pointer.scene, None, (self.node, self.port))
