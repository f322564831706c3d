"""What a column of a batch sets: a widget of a node, named "node.param"."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from studio.graph.document import Graph
    from studio.spec import NodeSpec, Param

    Judges = Callable[["Target", Any], str | None]
    """Says what is wrong with a value of the right type (a model that isn't there), or None."""


class BadTarget(InputError):
    """A column that names no widget, or one that can't be set.

    Args:
        where: the option, or file, line and column.
        reason: what is wrong, a sentence or two.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")


@dataclass(frozen=True)
class Target:
    """A widget that jobs set.

    Args:
        place: "node.param".
        node: id.
        spec: the node's declaration.
        param: the widget's.
    """

    place: str
    node: str
    spec: NodeSpec
    param: Param

    def parse(self, text: str) -> Any:
        """A value as typed, by the widget's type.

        Raises:
            ValueError: with words for a person.
        """
        return self._plain(self.param.parse(text))

    def check(self, value: Any) -> Any:
        """A value as JSON or TOML has it.

        Raises:
            ValueError: with words for a person.
        """
        if self.param.kind == "json" and value is not None:
            # Through its text: pydantic takes a list for a tuple there.
            try:
                return self._plain(self.param.parse(json.dumps(value, allow_nan=False)))
            except TypeError:
                raise ValueError(f"{self.param.name} can't be {type(value).__name__}") from None
        return self.param.check(value)

    def _plain(self, value: Any) -> Any:
        """A rich value as the JSON that graphs hold."""
        rich = self.param.kind == "json" and value is not None
        return self.param.adapter.dump_python(value, mode="json") if rich else value


def find_target(place: str, graph: Graph, specs: Mapping[str, NodeSpec], where: str) -> Target:
    """The widget that "node.param" names.

    Args:
        place: as the user wrote it.
        graph: migrated.
        specs: node types.
        where: for messages.

    Raises:
        BadTarget: there is none, with the nearest; or a wire feeds it.
    """
    name, dot, key = place.strip().partition(".")
    if not dot or not key:
        raise BadTarget(where, f"{place!r} is not NODE.PARAM.{_fitting(name, graph, specs)}")
    if name not in graph.nodes:
        reason = f"there is no node {name!r}.{nearest(name, graph.nodes)}"
        raise BadTarget(where, reason if "Did" in reason else reason + _has(graph.nodes))
    node = graph.nodes[name]
    if (spec := specs.get(node.type)) is None:
        raise BadTarget(where, f"the type of {name}, {node.type!r}, is unknown.")
    if key in spec.input_by_name:
        raise BadTarget(where, f"{key} is a socket of {name} ({spec.type}): it takes a wire.")
    if (param := spec.param_by_name.get(key)) is None:
        raise BadTarget(
            where,
            f"{name} ({spec.type}) has no parameter {key!r}."
            f"{nearest(key, spec.param_by_name)}{_has(spec.param_by_name)}",
        )
    if key in node.inputs:
        raise BadTarget(
            where, f"a wire from {node.inputs[key]} feeds it; set a parameter of that node."
        )
    return Target(f"{name}.{key}", name, spec, param)


def with_sets(graph: Graph, sets: Mapping[str, Any]) -> Graph:
    """A copy of a graph with widgets set, by "node.param"."""
    changed: dict[str, dict[str, Any]] = {}
    for place, value in sets.items():
        name, _, key = place.partition(".")
        changed.setdefault(name, {})[key] = value
    nodes = dict(graph.nodes)
    for name, values in changed.items():
        node = nodes[name]
        nodes[name] = node.model_copy(update={"params": {**node.params, **values}})
    return graph.model_copy(update={"nodes": nodes})


def _has(names: Mapping[str, Any]) -> str:
    listed = ", ".join(list(names)[:12]) + (", …" if len(names) > 12 else "")
    return f" It has: {listed or 'none'}."


def _fitting(name: str, graph: Graph, specs: Mapping[str, NodeSpec]) -> str:
    """A hint for a name without its node: "seed", "prompt"."""
    places = {
        f"{id_}.{param.name}": param.name
        for id_, node in graph.nodes.items()
        if node.type in specs
        for param in specs[node.type].params
        if param.name not in node.inputs
    }
    if exact := [place for place, own in places.items() if own == name.lower()]:
        return f" Did you mean {' or '.join(exact[:3])}?"
    return nearest(name, places) or " Write for example sampler.seed."
