"""Bringing the nodes of an older file up to today's declarations, by name, never by position."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.graph.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.graph.document import Graph
    from studio.spec import NodeSpec


def migrate(graph: Graph, specs: Mapping[str, NodeSpec]) -> tuple[Graph, list[str], list[Fault]]:
    """The graph with every known node at its declared version.

    Returns:
        the graph (the same object where nothing changed), notes on what was migrated, and faults
        for nodes that are newer than their declaration.
    """
    changed, notes, faults = {}, [], []
    for name, node in graph.nodes.items():
        spec = specs.get(node.type)
        if spec is None or node.version == spec.version:
            continue
        if node.version > spec.version:
            faults.append(
                Fault(
                    f"nodes.{name}.version",
                    f"{node.type} was saved at version {node.version}; this program has version "
                    f"{spec.version}. Update Latent Studio or the plugin.",
                    node=name,
                )
            )
            continue
        new = node.model_copy(deep=True)
        for version in range(node.version, spec.version):
            spec.migrations[version](new.params, new.inputs)
        new.version = spec.version
        changed[name] = new
        notes.append(f"{name}: {node.type} from version {node.version} to {spec.version}")
    if not changed:
        return graph, notes, faults
    return graph.model_copy(update={"nodes": {**graph.nodes, **changed}}), notes, faults
