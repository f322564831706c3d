"""Checking a graph again of which only values changed, for those who run one graph many times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from studio.params import Marker

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from studio.environment import Environment
    from studio.graph.checked import CheckedGraph, CheckedNode
    from studio.graph.document import Graph, Node


def recheck(
    checked: CheckedGraph,
    graph: Graph,
    changed: Mapping[str, Collection[str]],
    environment: Environment,
) -> CheckedGraph | None:
    """Check a graph that differs from a checked one in values of widgets alone.

    Args:
        checked: from `check`.
        graph: the other one.
        changed: ids of the nodes whose values may differ, with the names of these widgets.
        environment: models and files, which the checks of some widgets look up.

    Returns:
        What `check` would give; None where only that can tell: a value is at fault, the node was
        folded or isn't needed, a wire feeds the widget, or the file is of an older version.
    """
    if checked.notes:
        return None
    nodes = dict(checked.nodes)
    for name, names in changed.items():
        node = nodes.get(name)
        other = node and _with_values(node, graph.nodes[name], names, environment)
        if other is None:
            return None
        nodes[name] = other
    return replace(checked, document=graph, nodes=nodes)


def _with_values(
    node: CheckedNode, document: Node, names: Collection[str], environment: Environment
) -> CheckedNode | None:
    values = dict(node.params)
    for name in names:
        if name not in values or name not in document.params or name in document.inputs:
            return None
        param = node.spec.param_by_name[name]
        try:
            value = values[name] = param.check(document.params[name])
        except ValueError:
            return None
        if value is not None and param.marker.fault(value, environment):
            return None
    for param in node.spec.params:
        value = values.get(param.name)
        if (
            value is not None
            and type(param.marker).misfit is not Marker.misfit
            and param.marker.misfit(value, values, environment)
        ):
            return None
    return replace(node, params=values)
