"""Muted and bypassed nodes: what a graph is without them.

A muted node isn't there, nor is anything that can't do without it. A bypassed node hands on what
it gets: a wire from one of its outputs comes instead from what feeds its input of that type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from studio.graph.document import parse_wire
from studio.graph.fitting import fits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from studio.graph.document import Graph, Node
    from studio.spec import NodeSpec


@dataclass(frozen=True)
class Resolved:
    """A graph without its muted and bypassed nodes.

    Args:
        graph: what is left; the same object where every node is normal.
        gone: why each node that isn't left is gone, "is muted".
        cut: why a wire that is needed leads nowhere, by (node, port); the file's text of it is
            still in `graph`.
    """

    graph: Graph
    gone: Mapping[str, str] = field(default_factory=dict)
    cut: Mapping[tuple[str, str], str] = field(default_factory=dict)


def resolve(graph: Graph, specs: Mapping[str, NodeSpec]) -> Resolved:
    """The graph without its muted and bypassed nodes, and what that did to the rest."""
    if all(node.mode == "normal" for node in graph.nodes.values()):
        return Resolved(graph)
    bypasses = _Bypasses(graph, specs)
    kept: dict[str, Node] = {}
    cut: dict[tuple[str, str], str] = {}
    gone: dict[str, str] = {}
    for name, node in graph.nodes.items():
        if node.mode == "mute":
            gone[name] = "is muted"
        elif node.mode == "bypass":
            gone[name] = "is bypassed"
        else:
            kept[name] = _rewired(name, node, bypasses, specs, cut)
    gone |= _dependents(kept, specs, [name for name, why in gone.items() if why == "is muted"])
    left = {
        name: _without_gone(name, node, gone, cut)
        for name, node in kept.items()
        if name not in gone
    }
    return Resolved(
        graph.model_copy(update={"nodes": left}),
        gone,
        {place: words for place, words in cut.items() if place[0] in left},
    )


def through(spec: NodeSpec, output: str, wired: Collection[str]) -> str | None:
    """The input that a bypassed node's output is taken from; None where there is none.

    Of the wired inputs of the output's type: the one in the same place among the sockets as the
    output among the outputs, else the first socket, else the first widget. Only where there is
    none, one whose type fits (a whole number for a number).

    Args:
        spec: of the bypassed node.
        output: its output's name.
        wired: the sockets and widgets that a wire feeds.
    """
    port = spec.output_by_name.get(output)
    if port is None:
        return None
    place = spec.outputs.index(port)
    inputs = [
        (other.name, other.type, other.variable, index == place)
        for index, other in enumerate(spec.inputs)
    ] + [(param.name, param.kind, None, False) for param in spec.params]
    found = [
        (given != port.type, not same_place, index, name)
        for index, (name, given, variable, same_place) in enumerate(inputs)
        if name in wired and variable == port.variable and fits(given, port.type)
    ]
    return min(found)[3] if found else None


class _Bypasses:
    """Where wires come from when bypassed nodes hand on. No recursion: chains may be long."""

    def __init__(self, graph: Graph, specs: Mapping[str, NodeSpec]) -> None:
        self.nodes = graph.nodes
        self.specs = specs
        self._ends: dict[str, str | None] = {}

    def end(self, text: str) -> str | None:
        """The wire that `text` stands for; None where a bypassed node has nothing to hand on."""
        trail: list[str] = []
        on_trail: set[str] = set()
        while text not in self._ends:
            following = self._step(text)
            if following == text:
                self._ends[text] = text
            elif following is None or following in on_trail:
                self._ends[text] = None
            else:
                trail.append(text)
                on_trail.add(text)
                text = following
        found = self._ends[text]
        for step in trail:
            self._ends[step] = found
        return found

    def _step(self, text: str) -> str | None:
        """What a wire is taken from instead; the same where it starts at no bypassed node."""
        try:
            name, output = parse_wire(text)
        except ValueError:
            return text
        node = self.nodes.get(name)
        if node is None or node.mode != "bypass":
            return text
        if (spec := self.specs.get(node.type)) is None:
            return None
        if output is None and len(spec.outputs) == 1:
            output = spec.outputs[0].name
        port = through(spec, output or "", node.inputs)
        return None if port is None else node.inputs[port]


def _rewired(
    name: str,
    node: Node,
    bypasses: _Bypasses,
    specs: Mapping[str, NodeSpec],
    cut: dict[tuple[str, str], str],
) -> Node:
    """A node with its wires led around bypassed ones; those that lead nowhere go into `cut`."""
    inputs: dict[str, str] = {}
    for port, text in node.inputs.items():
        end = bypasses.end(text)
        if end is not None:
            inputs[port] = end
        elif _needs(node, port, specs):
            inputs[port] = text
            source = text.partition(".")[0]
            wanted = _type_wanted(node, port, specs)
            cut[name, port] = f"{source} is bypassed, and has {wanted} to hand on"
    return node if inputs == node.inputs else node.model_copy(update={"inputs": inputs})


def _dependents(
    kept: Mapping[str, Node], specs: Mapping[str, NodeSpec], muted: list[str]
) -> dict[str, str]:
    """Why each node that can't do without a muted one is gone."""
    fed: dict[str, list[tuple[str, str]]] = {}
    for name, node in kept.items():
        for port, text in node.inputs.items():
            fed.setdefault(text.partition(".")[0], []).append((name, port))
    why: dict[str, str] = {}
    stack = [(name, name) for name in muted]
    while stack:
        source, root = stack.pop()
        for name, port in fed.get(source, ()):
            if name not in why and _needs(kept[name], port, specs):
                why[name] = f"needs {root}, which is muted"
                stack.append((name, root))
    return why


def _without_gone(
    name: str, node: Node, gone: Mapping[str, str], cut: Mapping[tuple[str, str], str]
) -> Node:
    inputs = {
        port: text
        for port, text in node.inputs.items()
        if text.partition(".")[0] not in gone or (name, port) in cut
    }
    return node if len(inputs) == len(node.inputs) else node.model_copy(update={"inputs": inputs})


def _needs(node: Node, port: str, specs: Mapping[str, NodeSpec]) -> bool:
    """Whether a node can't do without the wire at `port`."""
    spec = specs.get(node.type)
    if spec is None:
        return True
    if (param := spec.param_by_name.get(port)) is not None:
        return param.required and port not in node.params
    socket = spec.input_by_name.get(port)
    return socket is None or not socket.optional


def _type_wanted(node: Node, port: str, specs: Mapping[str, NodeSpec]) -> str:
    spec = specs.get(node.type)
    socket = spec.input_by_name.get(port) if spec else None
    if socket is None or socket.type == "any":
        return "nothing"
    return f"no {socket.type}"
