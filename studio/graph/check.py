"""Validation before running: every fault of a graph in one go, and what is left in run order.

On the way three kinds of node vanish, so that they can't change a key: passthroughs (Reroute) are
replaced by what feeds them, constants (Integer, Text …) by their value, and nodes that no target
needs are left out. Before that, muted and bypassed nodes go (`studio.graph.modes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.collector import held_back
from studio.graph.checked import CheckedGraph, Source
from studio.graph.document import parse_wire
from studio.graph.errors import Fault, GraphInvalid
from studio.graph.fitting import fits
from studio.graph.folding import Unfolded, fold
from studio.graph.migrate import migrate
from studio.graph.modes import resolve
from studio.graph.order import needed_by, run_order
from studio.params import Marker
from studio.words import a, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from studio.environment import Environment
    from studio.graph.checked import CheckedNode
    from studio.graph.document import Graph
    from studio.spec import NodeSpec, Port


@held_back()
def check(
    graph: Graph,
    specs: Mapping[str, NodeSpec],
    environment: Environment,
    *,
    only: Sequence[str] = (),
    source: str = "graph",
) -> CheckedGraph:
    """Validate a graph for a run.

    Args:
        graph: as loaded.
        specs: node types by name.
        environment: models and files, which the checks of some widgets look up.
        only: ids to run to; empty takes every node with effects.
        source: the file's name, for messages.

    Raises:
        GraphInvalid: with every fault found.
    """
    return _Checker(graph, specs, environment).run(only, source)


class _Checker:
    def __init__(
        self, graph: Graph, specs: Mapping[str, NodeSpec], environment: Environment
    ) -> None:
        self.document, self.notes, self.faults = migrate(graph, specs)
        self.modes = resolve(self.document, specs)
        self.graph = self.modes.graph
        self.specs = specs
        self.environment = environment
        self.wires: dict[str, dict[str, Source]] = {}
        self.params: dict[str, dict[str, Any]] = {}
        self._types: dict[Source, str | None] = {}

    def run(self, only: Sequence[str], source: str) -> CheckedGraph:
        for name, node in self.graph.nodes.items():
            if (spec := self.specs.get(node.type)) is None:
                self._fault(
                    name,
                    "type",
                    f"the node type {node.type!r} is unknown."
                    f"{nearest(node.type, self.specs)} A plugin may be missing.",
                )
                self._loose_wires(name)
                continue
            self._read_wires(name, spec)
        for name in self.wires:
            if spec := self.specs.get(self.graph.nodes[name].type):
                self._check_types(name, spec)
                self._check_params(name, spec)
        targets = self._targets(only)
        feeds = {
            name: [source.node for source in wires.values()] for name, wires in self.wires.items()
        }
        needed = needed_by(targets, feeds)
        order, cycles = run_order(self.graph.nodes, feeds, needed)
        self._blame_cycles(cycles)
        faults = [
            fault
            if fault.node is None or fault.node in needed or not targets
            else Fault(fault.path, fault.message, fault.node, fault.port, blocking=False)
            for fault in self.faults
        ]
        if any(fault.blocking for fault in faults):
            raise GraphInvalid(source, [fault for fault in faults if fault.blocking])
        sound = {
            name: Unfolded(
                self.specs[self.graph.nodes[name].type], self.params[name], self.wires[name]
            )
            for name in order
        }
        nodes, folded, misfits = fold(order, sound, targets, self.environment)
        if misfits:
            raise GraphInvalid(source, misfits)
        return CheckedGraph(
            self.document,
            nodes,
            targets,
            folded,
            tuple(faults),
            tuple(self.notes),
            self._fresh(nodes),
        )

    def _fresh(self, nodes: Mapping[str, CheckedNode]) -> frozenset[str]:
        """What runs every time: every node comes after those that feed it."""
        fresh: set[str] = set()
        for name, node in nodes.items():
            fed = (source.node for source in node.wires.values())
            if not self.graph.nodes[name].cache or not fresh.isdisjoint(fed):
                fresh.add(name)
        return frozenset(fresh)

    def _fault(self, node: str, place: str, message: str, port: str | None = None) -> None:
        path = f"nodes.{node}.{place}" if place else f"nodes.{node}"
        self.faults.append(Fault(path, message, node=node, port=port))

    # Wires

    def _loose_wires(self, name: str) -> None:
        """Wires of a node of unknown type: they only say what it needs."""
        self.wires[name] = {}
        for port, text in self.graph.nodes[name].inputs.items():
            node = text.partition(".")[0]
            if node in self.graph.nodes:
                self.wires[name][port] = Source(node, "")

    def _read_wires(self, name: str, spec: NodeSpec) -> None:
        wires = self.wires[name] = {}
        for port, text in self.graph.nodes[name].inputs.items():
            place = f"inputs.{port}"
            if port not in spec.input_by_name and port not in spec.param_by_name:
                known = [*spec.input_by_name, *spec.param_by_name]
                self._fault(
                    name,
                    place,
                    f"{spec.type} has no input {port!r}."
                    f"{nearest(port, known)} It has: {', '.join(known) or 'none'}.",
                    port,
                )
                continue
            if reason := self.modes.cut.get((name, port)):
                self._fault(name, place, f"{reason}. Connect another, or mute {name}.", port)
                continue
            try:
                node, output = parse_wire(text)
            except ValueError as error:
                self._fault(name, place, str(error), port)
                continue
            if (origin := self.graph.nodes.get(node)) is None:
                self._fault(
                    name,
                    place,
                    f"the wire comes from {node!r}, and there is no such "
                    f"node.{nearest(node, self.graph.nodes)}",
                    port,
                )
                continue
            origin_spec = self.specs.get(origin.type)
            if origin_spec is None:
                wires[port] = Source(node, output or "")
                continue
            outputs = list(origin_spec.output_by_name)
            if output is None and len(outputs) == 1:
                output = outputs[0]
            if output is None and outputs:
                self._fault(
                    name,
                    place,
                    f"{node} has several outputs; write one of "
                    f"{', '.join(f'{node}.{o}' for o in outputs)}",
                    port,
                )
            elif output not in outputs:
                self._fault(
                    name,
                    place,
                    f"{node} ({origin.type}) has no output "
                    f"{output or ''!r}.{nearest(output or '', outputs)} It has: "
                    f"{', '.join(outputs) or 'none'}.",
                    port,
                )
            else:
                assert output is not None
                wires[port] = Source(node, output)

    def _type_of(self, source: Source) -> str | None:
        """The type a wire carries; None where it can't be known. Follows reroutes."""
        trail: list[Source] = []
        while source not in self._types:
            trail.append(source)
            spec = self.specs.get(self.graph.nodes[source.node].type)
            output = spec.output_by_name.get(source.output) if spec else None
            if spec is None or output is None:
                self._types[source] = None
            elif output.variable is None:
                self._types[source] = output.type
            else:
                feeding = next(
                    (
                        self.wires[source.node][port.name]
                        for port in spec.inputs
                        if port.variable == output.variable and port.name in self.wires[source.node]
                    ),
                    None,
                )
                if feeding is None or feeding in trail:
                    self._types[source] = None
                else:
                    source = feeding
        for step in trail:
            self._types.setdefault(step, self._types[source])
        return self._types[source]

    def _check_types(self, name: str, spec: NodeSpec) -> None:
        wires = self.wires[name]
        for port in spec.inputs:
            if port.name not in wires:
                if not port.optional and port.name not in self.graph.nodes[name].inputs:
                    self._fault(
                        name,
                        f"inputs.{port.name}",
                        f"{spec.type} needs {a(port.type)} here; connect one{self._offers(port)}.",
                        port.name,
                    )
                continue
            self._check_wire(name, port.name, port.type, wires[port.name])
        for param in spec.params:
            if param.name in wires:
                self._check_wire(name, param.name, param.kind, wires[param.name])

    def _check_wire(self, name: str, port: str, wanted: str, source: Source) -> None:
        given = self._type_of(source)
        if given is not None and not fits(given, wanted):
            self._fault(
                name,
                f"inputs.{port}",
                f"wants {a(wanted)}, and {source.node}.{source.output} gives {a(given)}.",
                port,
            )

    def _offers(self, port: Port) -> str:
        """A hint which nodes of this graph could feed an open socket."""
        found = []
        for name, node in self.graph.nodes.items():
            for output in self.specs[node.type].outputs if node.type in self.specs else ():
                if output.type == port.type:
                    found.append(f"{name}.{output.name}")
            if len(found) >= 3:
                break
        return f" (for example {' or '.join(found)})" if found else ""

    # Widgets

    def _check_params(self, name: str, spec: NodeSpec) -> None:
        given = self.graph.nodes[name].params
        values = self.params[name] = {}
        late = []
        for key in given:
            if key not in spec.param_by_name:
                message = f"{spec.type} has no parameter {key!r}.{nearest(key, spec.param_by_name)}"
                if key in spec.input_by_name:
                    message = f"{key} is a socket of {spec.type}: connect a wire under inputs."
                self._fault(name, f"params.{key}", message, key)
        for param in spec.params:
            if param.name in self.wires[name]:
                continue
            place = f"params.{param.name}"
            if param.name not in given:
                if param.required:
                    self._fault(
                        name,
                        place,
                        f"is missing; {spec.type} needs {param.range_words()}.",
                        param.name,
                    )
                    continue
                value = param.default
            else:
                value = given[param.name]
            try:
                value = param.check(value)
            except ValueError as error:
                self._fault(name, place, f"{error}.", param.name)
                continue
            if value is not None and type(param.marker) is not Marker:
                trouble = param.marker.fault(value, self.environment)
                if trouble:
                    self._fault(name, place, trouble, param.name)
                    continue
                if type(param.marker).misfit is not Marker.misfit:
                    late.append(param)
            values[param.name] = value
        for param in late:
            trouble = param.marker.misfit(values[param.name], values, self.environment)
            if trouble:
                self._fault(name, f"params.{param.name}", trouble, param.name)

    # What is needed, and in which order

    def _targets(self, only: Sequence[str]) -> tuple[str, ...]:
        if only:
            for name in only:
                if name not in self.graph.nodes:
                    self.faults.append(Fault("", self._no_target(name)))
            return tuple(name for name in only if name in self.graph.nodes)
        found = tuple(name for name, node in self.graph.nodes.items() if self._writes(node.type))
        if not found:
            documented = self.document.nodes
            silenced = [name for name in self.modes.gone if self._writes(documented[name].type)]
            kinds = ", ".join(sorted(spec.type for spec in self.specs.values() if spec.effects))
            what = f"add one of {kinds}, or name a node with --only."
            if silenced:
                first = silenced[0]
                what = f"{first} {self.modes.gone[first]}; set it back to normal, or {what}"
            self.faults.append(
                Fault("nodes", f"no node writes anything, so there is nothing to run; {what}")
            )
        return found

    def _no_target(self, name: str) -> str:
        if why := self.modes.gone.get(name):
            return f"{name} can't run: it {why}."
        return f"there is no node {name!r} to run.{nearest(name, self.graph.nodes)}"

    def _writes(self, type_name: str) -> bool:
        return type_name in self.specs and self.specs[type_name].effects

    def _blame_cycles(self, cycles: Iterable[Sequence[str]]) -> None:
        for path in cycles:
            self._fault(
                path[0],
                "inputs",
                f"these nodes feed each other in a circle: "
                f"{' → '.join([*path, path[0]])}. Remove one of the wires.",
            )
