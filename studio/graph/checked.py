"""What validation leaves: nodes that can run, in run order, and where their wires come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.graph.document import Graph
    from studio.graph.errors import Fault
    from studio.spec import NodeSpec


@dataclass(frozen=True, slots=True)
class Source:
    """Where a wire comes from."""

    node: str
    output: str


@dataclass(frozen=True, slots=True)
class CheckedNode:
    """A node that can run.

    Args:
        id: in the document.
        spec: its declaration.
        params: validated values of the widgets that no wire feeds, defaults included.
        wires: socket or widget name to where it comes from.
        constants: scalar sockets fed by a constant.
    """

    id: str
    spec: NodeSpec
    params: Mapping[str, Any]
    wires: Mapping[str, Source]
    constants: Mapping[str, Any]


@dataclass(frozen=True)
class CheckedGraph:
    """A graph that can run.

    Args:
        document: as checked, migrations applied.
        nodes: what the targets need, every node after those that feed it.
        targets: ids of what was asked for.
        folded: ids of needed passthroughs and constants, with their word ("reroute", "constant").
        warnings: faults that nothing asked for depends on.
        notes: what was migrated.
        fresh: ids of the nodes that run every time: their cache is off, or that of a node that
            feeds them.
    """

    document: Graph
    nodes: Mapping[str, CheckedNode]
    targets: tuple[str, ...]
    folded: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    fresh: frozenset[str] = frozenset()
