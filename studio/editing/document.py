"""The document that an editor holds: a graph, what wires where, and news of every change.

Values are never changed in place. Whoever edits makes `Change`s (`studio.editing.edits`), `apply`
sets them, and everyone who shows the graph hears the same list.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from studio.editing.changes import ABSENT
from studio.graph.checked import Source
from studio.graph.document import Frame, Graph, Node, NodeView
from studio.graph.files import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studio.editing.changes import Change
    from studio.spec import NodeSpec

FAR = 1e7
"""Positions beyond this, in pixels, are shown at this: a file may say 1e30."""

_HEAD = frozenset({"format", "version", "nodes", "layout", "view", "frames"})


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire, from an output to a socket or widget.

    Args:
        source: node and output it comes from.
        target: id of the node it goes to.
        port: socket or widget of that node.
    """

    source: Source
    target: str
    port: str


class Document:
    """A graph under edit.

    Args:
        graph: taken over; its parts are never changed in place.
        specs: node types.
    """

    changed = Signal(tuple)
    """tuple[Change, ...], after they were applied: once for every edit, undo and redo."""

    def __init__(self, graph: Graph, specs: Mapping[str, NodeSpec]) -> None:
        self.specs = specs
        self.nodes: dict[str, Node] = dict(graph.nodes)
        self.layout: dict[str, tuple[float, float]] = dict(graph.layout)
        self.view: dict[str, NodeView] = dict(graph.view)
        self.frames: dict[str, Frame] = dict(graph.frames)
        self.head: dict[str, Any] = {"title": graph.title, **(graph.model_extra or {})}
        self.revision = 0
        """Goes up by one with every change."""
        self.memo: dict[str, object] = {}
        """What others worked out of nodes and wires, by a word of theirs; emptied when any node
        changes."""
        self._in: dict[str, dict[str, Wire]] = {}
        self._out: dict[str, dict[tuple[str, str], Wire]] = {}
        for name, node in self.nodes.items():
            if node.inputs:
                self._add_wires(name, node)

    @property
    def title(self) -> str:
        return str(self.head.get("title", ""))

    # Changing

    def apply(self, changes: Sequence[Change]) -> None:
        """Set every change's `after`, then tell."""
        if not changes:
            return
        rewired: dict[str, None] = {}
        for change in changes:
            section: dict[str, Any] = getattr(self, change.section)
            if change.after is ABSENT:
                del section[change.key]
            else:
                section[change.key] = change.after
            if change.section == "nodes":
                rewired[change.key] = None
                # What a bare "node" means depends on the type of that node.
                rewired |= dict.fromkeys(wire.target for wire in self.wires_out_of(change.key))
        for name in rewired:
            self._read_wires(name)
        if rewired:
            self.memo.clear()
        self.revision += 1
        self.changed.emit(tuple(changes))

    def revert(self, changes: Sequence[Change]) -> None:
        """Set every change's `before`, last first, then tell."""
        self.apply([change.reversed for change in reversed(changes)])

    # Looking up

    def spec(self, name: str) -> NodeSpec | None:
        """The declaration of a node's type; None where the type is unknown."""
        return self.specs.get(self.nodes[name].type)

    def title_of(self, name: str) -> str:
        """What a node is called on the canvas."""
        return self.nodes[name].title or spaced(self.nodes[name].type)

    def position(self, name: str) -> tuple[float, float]:
        """Where a node is; (0, 0) where the file doesn't say, and never farther than `FAR`."""
        x, y = self.layout.get(name, (0.0, 0.0))
        return max(-FAR, min(FAR, x)), max(-FAR, min(FAR, y))

    def view_of(self, name: str) -> NodeView:
        return self.view.get(name, _PLAIN)

    def wires_into(self, name: str) -> Mapping[str, Wire]:
        """The wires that feed a node, by socket or widget; also those from nodes that are gone."""
        return self._in.get(name, {})

    def wires_out_of(self, name: str) -> list[Wire]:
        """The wires that a node feeds."""
        return list(self._out.get(name, {}).values())

    def wires(self) -> list[Wire]:
        return [wire for wires in self._in.values() for wire in wires.values()]

    def output_name(self, text: str) -> Source | None:
        """Where a wire's text leads; None where it leads nowhere."""
        # As `parse_wire` has it: what isn't a wire's text names no node that is here.
        node, dot, output = text.partition(".")
        if (origin := self.nodes.get(node)) is None or (dot and not output.isidentifier()):
            return None
        if not output:
            spec = self.specs.get(origin.type)
            output = spec.outputs[0].name if spec and len(spec.outputs) == 1 else ""
        return Source(node, output)

    # The whole

    def graph(self) -> Graph:
        """The graph as it is now. Cheap: the parts are shared, and never change."""
        graph = Graph.model_construct(
            format="latent-studio",
            version=1,
            nodes=dict(self.nodes),
            layout=dict(self.layout),
            view=dict(self.view),
            frames=dict(self.frames),
        )
        # Not as arguments: a file may have a key "cls".
        head = {key: value for key, value in self.head.items() if key not in _HEAD}
        return graph.model_copy(update=head)

    def dumps(self) -> str:
        """The text of the graph's file."""
        return dumps(self.graph())

    def _read_wires(self, name: str) -> None:
        for wire in self._in.pop(name, {}).values():
            self._out[wire.source.node].pop((wire.target, wire.port), None)
        if (node := self.nodes.get(name)) is not None and node.inputs:
            self._add_wires(name, node)

    def _add_wires(self, name: str, node: Node) -> None:
        found = self._in[name] = {}
        for port, text in node.inputs.items():
            # A wire from a node that isn't there is a fault of the file, and is kept.
            source = self.output_name(text)
            if source is None:
                node_name, _, output = text.partition(".")
                source = Source(node_name, output)
            found[port] = wire = Wire(source, name, port)
            self._out.setdefault(source.node, {})[name, port] = wire


_PLAIN = NodeView()


def spaced(type_name: str) -> str:
    """A type's name for people: "LoadCheckpoint" is "Load Checkpoint", "VAEDecode" "VAE Decode"."""
    words = _SEAM.sub(" ", type_name)
    return words.replace("K Sampler", "KSampler").replace("Lora", "LoRA").replace("Vae", "VAE")


_SEAM = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
