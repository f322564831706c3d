"""What a target needs, and in which order it runs. No recursion: a chain may be 100,000 long."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set


def needed_by(targets: Iterable[str], feeds: Mapping[str, Iterable[str]]) -> set[str]:
    """The targets and all that feeds them.

    Args:
        targets: ids.
        feeds: id to the ids that feed it.
    """
    seen: set[str] = set()
    stack = list(targets)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack.extend(feeds.get(name, ()))
    return seen


def run_order(
    nodes: Iterable[str], feeds: Mapping[str, Iterable[str]], needed: Set[str]
) -> tuple[list[str], list[list[str]]]:
    """The needed nodes, each after those that feed it, and the cycles that stand in the way.

    Args:
        nodes: all ids.
        feeds: id to the ids that feed it.
        needed: ids to keep; a cycle is given from one of them on where it holds any.

    Returns:
        the order, without the nodes of cycles, and one path for every knot of cycles.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(nodes, ()))
    for name, above in feeds.items():
        sorter.add(name, *above)
    try:
        return [name for name in sorter.static_order() if name in needed], []
    except CycleError:
        return _around_cycles(nodes, feeds, needed)


def _around_cycles(
    nodes: Iterable[str], feeds: Mapping[str, Iterable[str]], needed: Set[str]
) -> tuple[list[str], list[list[str]]]:
    # Imported only here: it takes as long as all else that a cached run does.
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(nodes)
    for name, above in feeds.items():
        graph.add_edges_from((other, name) for other in above)
    cycles: list[list[str]] = []
    for component in list(nx.strongly_connected_components(graph)):
        if len(component) == 1 and not graph.has_edge(*(2 * list(component))):
            continue
        path = [edge[0] for edge in nx.find_cycle(graph.subgraph(component))]
        # From a needed node on, so that the fault blocks exactly where it matters.
        start = min(range(len(path)), key=lambda i: (path[i] not in needed, path[i]))
        cycles.append([*path[start:], *path[:start]])
        graph.remove_nodes_from(component)
    return [name for name in nx.topological_sort(graph) if name in needed], cycles
