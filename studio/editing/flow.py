"""What flows where in a document: the types of wires, what leads to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.graph.checked import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from studio.editing.document import Document, Wire
    from studio.spec import NodeSpec


Wants = dict[str, tuple[str, str]]
"""Types that are wanted, each with one (node, port) that wants it."""


def types_in(document: Document) -> Types:
    """The types of a document's wires, worked out once until a node changes."""
    found = document.memo.get("types")
    if not isinstance(found, Types):
        found = document.memo["types"] = Types(document)
    return found


class Types:
    """Types of wires, each found once. No recursion: reroutes may be a chain of thousands."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._given: dict[Source, str | None] = {}
        self._wants: dict[Source, Wants] = {}

    def given(self, source: Source) -> str | None:
        """What an output gives; None where it can't be known.

        A reroute gives what it gets; one that gets nothing, what those it feeds want.
        """
        trail: dict[Source, None] = {}
        found = None
        while source not in self._given:
            if source in trail:
                break
            trail[source] = None
            spec = self._spec(source.node)
            output = spec.output_by_name.get(source.output) if spec else None
            if spec is None or output is None:
                break
            if output.variable is None:
                found = output.type
                break
            wired = self.document.wires_into(source.node)
            feeding = next(
                (
                    wired[port.name].source
                    for port in spec.inputs
                    if port.variable == output.variable and port.name in wired
                ),
                None,
            )
            if feeding is None:
                found = next(iter(self.wants(source)), None)
                break
            source = feeding
        else:
            found = self._given[source]
        self._given.update(dict.fromkeys(trail, found))
        return found

    def wants(self, source: Source) -> Wants:
        """What those want that an output feeds, through reroutes."""
        # Post-order: what a reroute's targets want is known before what is wanted of it.
        stack = [(source, False)]
        begun: set[Source] = set()
        while stack:
            at, seen = stack.pop()
            if seen:
                found: Wants = {}
                for wire in self._wires_from(at):
                    for onward in self._onward(wire):
                        found = self._wants.get(onward, {}) | found
                    found = self._wanted_at(wire) | found
                self._wants[at] = found
            elif at not in begun and at not in self._wants:
                begun.add(at)
                stack.append((at, True))
                stack += [(on, False) for wire in self._wires_from(at) for on in self._onward(wire)]
        return self._wants[source]

    def _wires_from(self, source: Source) -> list[Wire]:
        wires = self.document.wires_out_of(source.node)
        return [wire for wire in wires if wire.source.output == source.output]

    def _onward(self, wire: Wire) -> list[Source]:
        """The outputs that hand on what a wire carries."""
        spec = self._spec(wire.target)
        socket = spec.input_by_name.get(wire.port) if spec else None
        if spec is None or socket is None or socket.variable is None:
            return []
        outs = [out.name for out in spec.outputs if out.variable == socket.variable]
        return [Source(wire.target, name) for name in outs]

    def _wanted_at(self, wire: Wire) -> Wants:
        spec = self._spec(wire.target)
        if spec is None:
            return {}
        if (param := spec.param_by_name.get(wire.port)) is not None:
            return {} if param.kind == "json" else {param.kind: (wire.target, wire.port)}
        socket = spec.input_by_name.get(wire.port)
        if socket is None or socket.variable is not None:
            return {}
        return {socket.type: (wire.target, wire.port)}

    def _spec(self, name: str) -> NodeSpec | None:
        return self.document.spec(name) if name in self.document.nodes else None


def reach(start: str, step: Callable[[str], Iterable[str]]) -> set[str]:
    """`start` and all that `step` leads to."""
    seen = {start}
    stack = [start]
    while stack:
        for name in step(stack.pop()):
            if name not in seen:
                seen.add(name)
                stack.append(name)
    return seen


def path_to(start: str, end: str, step: Callable[[str], Iterable[str]]) -> list[str]:
    """A shortest path from `start` to `end`, both included; there must be one."""
    came: dict[str, str] = {start: start}
    ring = [start]
    while end not in came:
        ring_after = []
        for name in ring:
            for other in step(name):
                if other not in came:
                    came[other] = name
                    ring_after.append(other)
        ring = ring_after
    path = [end]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1]


def wire_text(document: Document, source: Source) -> str:
    """What a file says for a wire from `source`: "node" where it has one output only."""
    spec = document.spec(source.node) if source.node in document.nodes else None
    if not source.output or (spec is not None and len(spec.outputs) == 1):
        return source.node
    return f"{source.node}.{source.output}"
