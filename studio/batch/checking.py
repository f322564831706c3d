"""Every job is valid before the first starts: looked at by what differs, not job by job.

Each different value of a widget is checked when it is read (`Judge`). Here the graph is checked as
a whole: with the first job, with a row of every shape, and with each value that goes elsewhere by
a wire (Integer, Text). Where one widget's value decides whether another's will do (a checkpoint
and its prediction), each combination in that node is looked at. So a hundred thousand seeds cost
one check of the graph.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from studio.batch.axes import RowsAxis, SweepAxis
from studio.batch.sequences import Seeds, Steps
from studio.batch.specs import ENDS
from studio.batch.targets import with_sets
from studio.errors import InputError
from studio.graph.check import check
from studio.graph.errors import GraphInvalid
from studio.params import Marker
from studio.words import cut, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set

    from studio.batch.axes import Axis, Space
    from studio.batch.targets import Target
    from studio.environment import Environment
    from studio.graph.checked import CheckedGraph
    from studio.graph.document import Graph
    from studio.spec import NodeSpec


TRIED = 50
"""Jobs looked at when a batch goes on."""

MOST_SEEN = 300_000
"""Values remembered as looked at: some 20 MB."""


class Misfit(InputError):
    """A value that is right by itself, and wrong beside the others of its node."""

    def __init__(self, source: str, sets: Mapping[str, Any], place: str, trouble: str) -> None:
        super().__init__(f"{source} with {_words(sets)}: {place}: {trouble}")


class Judge:
    """Says what is wrong with a value of the right type.

    Args:
        environment: models and files, which some widgets look up.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def __call__(self, target: Target, value: Any) -> str | None:
        marker = target.param.marker
        if value is None or type(marker).fault is Marker.fault:
            return None
        return marker.fault(value, self._environment)


def check_jobs(
    space: Space,
    graph: Graph,
    specs: Mapping[str, NodeSpec],
    environment: Environment,
    *,
    only: tuple[str, ...] = (),
    source: str = "graph",
    known: bool = False,
) -> tuple[CheckedGraph, tuple[str, ...]]:
    """Check the graph of every job.

    Args:
        space: the jobs; their values have been judged one by one.
        graph: migrated, constants applied.
        specs: node types.
        environment: models and files.
        only: ids to run to.
        source: the graph's file, for messages.
        known: all was checked when the batch began; one job that can run will do.

    Returns:
        the graph of the first job, checked; warnings, a sentence each.

    Raises:
        GraphInvalid: with every fault, and the values that it comes by.
        Misfit: a value doesn't go with its node's others.
    """
    first = space[0].sets
    if known:
        return _any_job(space, graph, specs, environment, only, source), ()
    checked = check(with_sets(graph, first), specs, environment, only=only, source=source)
    _check_misfits(space, graph, checked, environment, source)
    constants = ({**first, **sets} for sets in _combinations(space, _is_constant))
    for sets in itertools.chain(_shapes(space), constants):
        if sets == first:
            continue
        changed = {place: value for place, value in sets.items() if first.get(place) != value}
        where = f"{source} with {_words(changed)}" if changed else source
        check(with_sets(graph, sets), specs, environment, only=only, source=where)
    return checked, tuple(_idle(space, checked))


def _words(sets: Mapping[str, Any]) -> str:
    """ "sampler.seed = 3, sampler.cfg = 5"."""
    return cut(", ".join(f"{place} = {short(value, 30)}" for place, value in sets.items()), 200)


def _any_job(
    space: Space,
    graph: Graph,
    specs: Mapping[str, NodeSpec],
    environment: Environment,
    only: tuple[str, ...],
    source: str,
) -> CheckedGraph:
    """The graph of a job that can run: a file that went since the batch began is its job's fault.

    Raises:
        GraphInvalid: none of those looked at can run.
    """
    places = [*range(min(len(space), TRIED)), len(space) - 1]
    for place in places:
        sets = space[place].sets
        try:
            return check(with_sets(graph, sets), specs, environment, only=only, source=source)
        except GraphInvalid:
            if place == places[-1]:
                raise
    raise AssertionError("a batch has a job")


def _shapes(space: Space) -> Iterator[dict[str, Any]]:
    """A job for each way in which rows leave columns out, beyond the first row's."""
    for number, axis in enumerate(space.axes):
        if not isinstance(axis, RowsAxis) or len(axis.rows.shapes) < 2:
            continue
        for row in axis.rows.shapes.values():
            indices = [0] * len(space.axes)
            indices[number] = row
            yield dict(space[space.place(indices)].sets)


def _combinations(space: Space, wanted: Callable[[NodeSpec], bool]) -> Iterator[dict[str, Any]]:
    """All that jobs set in each node of a kind, every combination once."""
    nodes = {target.node: target.spec for target in space.targets}
    for name, spec in nodes.items():
        if wanted(spec):
            columns = {target.place for target in space.targets if target.node == name}
            yield from combinations(space.axes, columns)


def _is_constant(spec: NodeSpec) -> bool:
    """Whether its widgets are other nodes' values."""
    return spec.light and not spec.inputs and not _has_misfits(spec)


def _has_misfits(spec: NodeSpec) -> bool:
    """Whether a widget's value may be wrong beside another's."""
    return any(type(param.marker).misfit is not Marker.misfit for param in spec.params)


def _check_misfits(
    space: Space,
    graph: Graph,
    checked: CheckedGraph,
    environment: Environment,
    source: str,
) -> None:
    """Raise Misfit where a value doesn't go with its node's others."""
    for sets in _combinations(space, _has_misfits):
        name = next(iter(sets)).partition(".")[0]
        if (node := checked.nodes.get(name)) is None:
            continue
        # What a row leaves out is what the graph says; a constant's value comes from elsewhere.
        own = graph.nodes[name].params
        values = {
            param.name: own.get(param.name, param.default)
            for param in node.spec.params
            if param.name in node.params
        }
        wired = {key: node.params[key] for key in graph.nodes[name].inputs if key in node.params}
        values |= wired | {place.partition(".")[2]: value for place, value in sets.items()}
        for param in node.spec.params:
            if type(param.marker).misfit is Marker.misfit or values.get(param.name) is None:
                continue
            if trouble := param.marker.misfit(values[param.name], values, environment):
                raise Misfit(source, sets, f"{name}.{param.name}", trouble)


def combinations(axes: Sequence[Axis], columns: Set[str]) -> Iterator[dict[str, Any]]:
    """The different values that jobs have in some columns, without keeping them."""
    own = [axis for axis in axes if not columns.isdisjoint(axis.columns)]
    if not own:
        return
    for point in different(own[0], columns):
        if len(own) == 1:
            yield point
        else:
            yield from ({**point, **rest} for rest in combinations(own[1:], columns))


def different(axis: Axis, columns: Set[str]) -> Iterator[dict[str, Any]]:
    """The different values that an axis gives some of its columns, all of them at once.

    Of a very long axis some may come again.
    """
    seen: set[int] = set()
    for at in _places(axis):
        values = axis[at]
        point = {place: values[place] for place in axis.columns if place in columns & values.keys()}
        key = hash(json.dumps(point, sort_keys=True))
        if point and key not in seen:
            if len(seen) >= MOST_SEEN:
                seen.clear()
            seen.add(key)
            yield point


def _places(axis: Axis) -> Iterable[int]:
    """All places; of evenly spaced numbers and seeds the ends, which say all."""
    count = len(axis)
    spaced = isinstance(axis, SweepAxis) and all(
        isinstance(spec.values, Steps | Seeds) for spec in axis.specs
    )
    if spaced and count > 2 * ENDS:
        return itertools.chain(range(ENDS), range(count - ENDS, count))
    return range(count)


def _idle(space: Space, checked: CheckedGraph) -> Iterator[str]:
    """Axes that change nothing."""
    needed = {*checked.nodes, *checked.folded}
    for target in space.targets:
        if target.node not in needed:
            yield f"{target.place} changes nothing: no output of this graph needs {target.node}."
