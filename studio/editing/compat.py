"""What a node shows (ports and widgets), what a wire carries, and why a wire fits or doesn't."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.editing.flow import path_to, reach, types_in
from studio.graph.checked import Source
from studio.graph.fitting import a, fits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from studio.editing.document import Document
    from studio.editing.flow import Wants
    from studio.spec import NodeSpec, Param, Port

_LONGEST_PATH = 6


@dataclass(frozen=True, slots=True)
class PortView:
    """A port as the canvas shows it.

    Args:
        name: of the socket, widget or output; "" for the only output of a node of unknown type.
        type: what it takes or gives; "any" where that isn't known. A reroute's is what it carries.
        optional: may be left open.
        is_param: a widget shown as a socket.
        wired: at least one wire is here.
        stray: the node's type has no such port; only a wire of the file says that it is there.
    """

    name: str
    type: str
    optional: bool = False
    is_param: bool = False
    wired: bool = False
    stray: bool = False


@dataclass(frozen=True, slots=True)
class NodePorts:
    """The ports of a node, in order of its declaration."""

    inputs: tuple[PortView, ...]
    outputs: tuple[PortView, ...]


@dataclass(frozen=True, slots=True)
class WidgetView:
    """A widget as the canvas shows it.

    Args:
        name: of the parameter.
        spec: None where the node's type is unknown or has no such parameter.
        value: in the document, else the default; None where there is neither.
        is_default: the document doesn't differ from the default.
    """

    name: str
    spec: Param | None
    value: Any
    is_default: bool


def ports(document: Document, name: str) -> NodePorts:
    """The ports that a node shows: sockets, and widgets that are wired or shown as sockets.

    A node of unknown type has those that wires go to.

    Raises:
        KeyError: there is no such node.
    """
    spec = document.spec(name)
    wired = document.wires_into(name)
    used = {wire.source.output for wire in document.wires_out_of(name)}
    if spec is None:
        return NodePorts(
            tuple(PortView(port, "any", wired=True, stray=True) for port in wired),
            tuple(PortView(port, "any", wired=True, stray=True) for port in sorted(used)),
        )
    shown = document.view_of(name).sockets
    inputs = [
        PortView(p.name, _shown_type(document, name, p), p.optional, wired=p.name in wired)
        for p in spec.inputs
    ]
    inputs += [
        PortView(p.name, p.kind, True, is_param=True, wired=p.name in wired)
        for p in spec.params
        if p.name in wired or p.name in shown
    ]
    known = {*spec.input_by_name, *spec.param_by_name}
    inputs += [PortView(p, "any", wired=True, stray=True) for p in wired if p not in known]
    outputs = [
        PortView(p.name, _shown_type(document, name, p), wired=p.name in used)
        for p in spec.outputs
    ]
    strays = sorted(used.difference(spec.output_by_name))
    outputs += [PortView(p, "any", wired=True, stray=True) for p in strays]
    return NodePorts(tuple(inputs), tuple(outputs))


def _shown_type(document: Document, name: str, port: Port) -> str:
    if port.variable is None:
        return port.type
    spec = document.specs[document.nodes[name].type]
    output = next((out.name for out in spec.outputs if out.variable == port.variable), None)
    if output is not None:
        return type_of(document, Source(name, output)) or "any"
    wire = document.wires_into(name).get(port.name)
    return (type_of(document, wire.source) if wire else None) or "any"


def widgets(document: Document, name: str) -> tuple[WidgetView, ...]:
    """The parameters that a node shows as widgets: those that aren't sockets now.

    Raises:
        KeyError: there is no such node.
    """
    node = document.nodes[name]
    spec = document.spec(name)
    if spec is None:
        return tuple(WidgetView(key, None, value, False) for key, value in node.params.items())
    hidden = {*document.wires_into(name), *document.view_of(name).sockets}
    found = []
    for param in spec.params:
        if param.name in hidden:
            continue
        value = node.params.get(param.name, param.default)
        plain = param.name not in node.params or (not param.required and value == param.default)
        found.append(WidgetView(param.name, param, value, plain))
    strays = [key for key in node.params if key not in spec.param_by_name]
    found += [WidgetView(key, None, node.params[key], False) for key in strays]
    return tuple(found)


def type_of(document: Document, source: Source) -> str | None:
    """The type that an output gives; None where it can't be known.

    A reroute gives what it gets; one that gets nothing, what those it feeds want.
    """
    return types_in(document).given(source)


def why_not(document: Document, source: Source, target: str, port: str) -> str | None:
    """Why a wire can't go from `source` to `port` of `target`, in words; None where it can."""
    return Matcher(document, source=source).why_not(target, port)


class Matcher:
    """Answers what a dragged wire fits. Made once a drag; then each answer takes microseconds.

    The document must not change while it is in use.

    Args:
        document: what the wire is in.
        source: the output that the wire is dragged from, or
        target: the (node, port) that it is dragged from. Exactly one of the two.
    """

    def __init__(
        self,
        document: Document,
        source: Source | None = None,
        target: tuple[str, str] | None = None,
    ) -> None:
        if (source is None) == (target is None):
            raise ValueError("give either a source or a target")
        self.document = document
        self.source = source
        self.target = target
        self._types = types_in(document)
        # A wire into one of these would close a circle.
        if source is not None:
            self._ring = reach(source.node, self._above)
            self._given = self._types.given(source)
            self.fault = _no_output(document, source)
        else:
            assert target is not None
            self._ring = reach(target[0], self._below)
            self.fault = _no_input(document, *target)
        """Why there can be no wire at that end at all, in words; None where there can."""

    def why_not(self, name: str, port: str) -> str | None:
        """Why the wire can't end at `port` of `name` (an input, or an output where the wire is
        dragged from an input), in words; None where it can."""
        if self.fault:
            return self.fault
        if self.source is not None:
            fault = _no_input(self.document, name, port)
            return fault or self.circle(name) or self._mistype(self._given, name, port)
        assert self.target is not None
        source = Source(name, port)
        fault = _no_output(self.document, source)
        return (
            fault or self.circle(name) or self._mistype(self._types.given(source), *self.target)
        )

    def first_port(self, name: str) -> str | None:
        """The port of a node that takes the wire when it is dropped on its body; None: none does.

        Open sockets come before wired ones, the very type before one that also fits, and widgets
        that aren't sockets yet come last.
        """
        if name not in self.document.nodes:
            return None
        shown = ports(self.document, name)
        if self.source is None:
            names = [port.name for port in shown.outputs]
            return next((port for port in names if self.why_not(name, port) is None), None)
        order = sorted(
            shown.inputs, key=lambda port: (port.wired, port.stray, port.type != self._given)
        )
        hidden = [
            widget.name
            for widget in widgets(self.document, name)
            if widget.spec and self._given and fits(self._given, widget.spec.kind)
            and widget.spec.kind != "json"
        ]
        names = [*(port.name for port in order), *hidden]
        return next((port for port in names if self.why_not(name, port) is None), None)

    def fits_type(self, spec: NodeSpec) -> list[str]:
        """The ports of a node type that could take the wire, the best first."""
        if self.fault:
            return []
        if self.source is None:
            assert self.target is not None
            wanted = self._wants(*self.target)
            found = [port for port in spec.outputs if fits_all(port.type, wanted)]
            return [p.name for p in sorted(found, key=lambda port: port.type not in wanted)]
        given = self._given
        sockets = [port for port in spec.inputs if fits(given, port.type)]
        sockets.sort(key=lambda port: (port.type != given, port.optional))
        # A widget takes what it can show; one of any kind would take all, and mean nothing.
        takers = [
            param.name
            for param in spec.params
            if given is not None and param.kind != "json" and fits(given, param.kind)
        ]
        return [*(port.name for port in sockets), *takers]

    def circle(self, name: str) -> str | None:
        """The circle that a wire to (or from) a node would close, in words; None where none."""
        if self.fault or name not in self._ring:
            return None
        # From the wire's target along the wires to its source, and back by the new wire.
        if self.source is not None:
            path = path_to(name, self.source.node, self._below)
        else:
            assert self.target is not None
            path = path_to(self.target[0], name, self._below)
        titles = [self.document.title_of(step) for step in path]
        if len(titles) > _LONGEST_PATH:
            titles = [*titles[:3], "…", *titles[-2:]]
        return f"That would make a circle: {' → '.join([*titles, titles[0]])}."

    def _wants(self, name: str, port: str) -> Wants:
        """What is wanted of a wire that arrives at a port."""
        spec = self.document.spec(name)
        if spec is None:
            return {}
        if (param := spec.param_by_name.get(port)) is not None:
            return {param.kind: (name, port)}
        socket = spec.input_by_name[port]
        if socket.variable is None:
            return {socket.type: (name, port)}
        wants: Wants = {}
        for out in spec.outputs:
            if out.variable == socket.variable:
                wants |= self._types.wants(Source(name, out.name))
        return wants

    def _mistype(self, given: str | None, name: str, port: str) -> str | None:
        for wanted, (node, place) in self._wants(name, port).items():
            if fits(given, wanted):
                continue
            assert given is not None
            if node == name:
                return f"{place} takes {a(wanted)}; the wire carries {a(given)}."
            return (
                f"It leads on to {place} of {self.document.title_of(node)}, which takes "
                f"{a(wanted)}; the wire carries {a(given)}."
            )
        return None

    def _above(self, name: str) -> Iterable[str]:
        nodes = self.document.nodes
        wires = self.document.wires_into(name).values()
        return [wire.source.node for wire in wires if wire.source.node in nodes]

    def _below(self, name: str) -> Iterable[str]:
        return [wire.target for wire in self.document.wires_out_of(name)]


def fits_all(given: str | None, wanted: Iterable[str]) -> bool:
    """Whether an output of type `given` can feed all that want these types."""
    return all(given == "any" or fits(given, one) for one in wanted)


def _no_output(document: Document, source: Source) -> str | None:
    if source.node not in document.nodes:
        return f"There is no node {source.node!r}."
    spec = document.spec(source.node)
    if spec is None:
        return None if source.output else "That node's type is unknown, and so are its outputs."
    if source.output in spec.output_by_name:
        return None
    return f"{document.title_of(source.node)} has no output {source.output!r}."


def _no_input(document: Document, name: str, port: str) -> str | None:
    if name not in document.nodes:
        return f"There is no node {name!r}."
    spec = document.spec(name)
    if spec is None:
        # A placeholder keeps the wires that the file gave it, and can be given them again.
        return None
    if port in spec.input_by_name or port in spec.param_by_name:
        return None
    return f"{document.title_of(name)} has no input {port!r}."
