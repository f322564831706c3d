"""Changing parameters from outside (`--set node.param=value`, `--seed`), by the widget's type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.errors import InputError
from studio.params import Seed
from studio.words import nearest, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studio.graph.document import Graph
    from studio.spec import NodeSpec


class BadOverride(InputError):
    """A `--set` or `--seed` that doesn't fit the graph."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"--set {text}: {reason}")


class NoSeed(InputError):
    """`--seed` on a graph that draws no noise."""

    def __init__(self) -> None:
        super().__init__("--seed: no node of this graph has a seed.", hint="Leave the option out.")


def apply_sets(graph: Graph, specs: Mapping[str, NodeSpec], sets: Sequence[str]) -> Graph:
    """A copy of the graph with `node.param=value` texts applied in order.

    Raises:
        BadOverride: unknown node or parameter (nearest named), or a value out of range.
    """
    nodes = dict(graph.nodes)
    for text in sets:
        if plain(text) != text:
            raise BadOverride(plain(text), "it isn't text in UTF-8.")
        place, equals, value = text.partition("=")
        name, dot, key = place.strip().partition(".")
        if not equals or not dot:
            raise BadOverride(text, "write it as NODE.PARAM=VALUE, for example sampler.seed=7.")
        if name not in nodes:
            raise BadOverride(text, f"there is no node {name!r}.{nearest(name, nodes)}")
        node = nodes[name]
        if (spec := specs.get(node.type)) is None:
            raise BadOverride(text, f"the type of {name}, {node.type!r}, is unknown.")
        if (param := spec.param_by_name.get(key)) is None:
            known = ", ".join(spec.param_by_name) or "none"
            raise BadOverride(
                text,
                f"{name} ({spec.type}) has no parameter {key!r}."
                f"{nearest(key, spec.param_by_name)} It has: {known}.",
            )
        if key in node.inputs:
            raise BadOverride(
                text, f"a wire from {node.inputs[key]} feeds it; set a parameter of that node."
            )
        try:
            parsed = param.parse(value)
        except ValueError as error:
            raise BadOverride(text, f"{error}.") from None
        nodes[name] = node.model_copy(update={"params": {**node.params, key: parsed}})
    return graph.model_copy(update={"nodes": nodes})


def apply_seed(graph: Graph, specs: Mapping[str, NodeSpec], seed: int) -> Graph:
    """A copy of the graph with every seed that no wire feeds set to `seed`.

    One that is left at none stays so: its node doesn't draw anything.

    Raises:
        NoSeed: there is none.
        BadOverride: out of range.
    """
    sets = [
        f"{name}.{param.name}={seed}"
        for name, node in graph.nodes.items()
        if node.type in specs
        for param in specs[node.type].params
        if isinstance(param.marker, Seed)
        and param.name not in node.inputs
        and not (param.nullable and node.params.get(param.name, param.default) is None)
    ]
    if not sets:
        raise NoSeed
    return apply_sets(graph, specs, sets)
