"""The order in which jobs run: what many share is made once, before what few share.

Axes that change models (checkpoints, LoRAs) come first and change slowest; then those that change
how pictures are made (steps, sampler, size, a source picture); then texts, guidance and last
seeds, which may run as one batch. Inside a table, rows that need the same models stand together.
The order is computed by place, so it takes no memory for a product of a thousand million jobs.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, overload

from studio.graph.order import needed_by
from studio.params import Seed
from studio.values import RECIPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.batch.axes import Axis, Space
    from studio.batch.targets import Target
    from studio.graph.document import Graph
    from studio.spec import NodeSpec

MODELS, MAKING, TEXT, GUIDANCE, SEEDS = range(5)
"""How much a change costs, from all to nothing. From TEXT on jobs may run as one."""

MOST_SORTED = 3_000_000
"""Rows of a table that are put in order; sorting more takes longer than it saves."""

_RECIPE_TYPES = frozenset(cls.__name__ for cls in RECIPES if cls.__name__ != "Sampler")


class Order(Sequence[int]):
    """Job numbers in running order, each made when asked for.

    Args:
        space: the jobs.
        axes: numbers of its axes, the slowest first.
        sorted_places: places along an axis in running order, by its number.
    """

    def __init__(
        self, space: Space, axes: Sequence[int], sorted_places: Mapping[int, Sequence[int]]
    ) -> None:
        self.axes = tuple(axes)
        self._space = space
        self._places = sorted_places

    def __len__(self) -> int:
        return self._space.total

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        rest = range(len(self))[index]
        indices = [0] * len(self.axes)
        for number in reversed(self.axes):
            rest, at = divmod(rest, self._space.lengths[number])
            places = self._places.get(number)
            indices[number] = places[at] if places is not None else at
        return self._space.place(indices)


def running_order(space: Space, graph: Graph, specs: Mapping[str, NodeSpec]) -> Order:
    """The order in which jobs run.

    Args:
        space: the jobs.
        graph: migrated.
        specs: node types.
    """
    below = _Below(graph, specs)
    costs = {target.place: below.cost(target) for target in space.targets}
    ranks = [
        min((costs[place] for place in axis.columns), default=(SEEDS, 0)) for axis in space.axes
    ]
    axes = sorted(range(len(space.axes)), key=lambda number: (*ranks[number], number))
    places = {
        number: found
        for number, axis in enumerate(space.axes)
        if (found := _sorted_places(axis, costs)) is not None
    }
    return Order(space, axes, places)


class _Below:
    """What depends on each node."""

    def __init__(self, graph: Graph, specs: Mapping[str, NodeSpec]) -> None:
        self._graph = graph
        self._specs = specs
        self._fed: dict[str, list[str]] = {}
        for name, node in graph.nodes.items():
            for wire in node.inputs.values():
                self._fed.setdefault(wire.partition(".")[0], []).append(name)

    def cost(self, target: Target) -> tuple[int, int]:
        """How much a change of a widget costs: its class, and minus the nodes that run again."""
        reached = needed_by([target.node], self._fed)
        specs = [
            self._specs[self._graph.nodes[name].type]
            for name in reached
            if self._graph.nodes[name].type in self._specs
        ]
        if any(port.type in _RECIPE_TYPES for spec in specs for port in spec.outputs):
            kind = MODELS
        elif isinstance(target.param.marker, Seed):
            kind = SEEDS
        elif any(port.type == "Conditioning" for spec in specs for port in spec.outputs):
            kind = TEXT
        elif target.param.name == "cfg":
            kind = GUIDANCE
        else:
            kind = MAKING
        return kind, -len(reached)


def _sorted_places(axis: Axis, costs: Mapping[str, tuple[int, int]]) -> Sequence[int] | None:
    """Places along an axis of several columns, equal values of dear ones together; None as is."""
    dear = sorted(
        (place for place in axis.columns if costs[place][0] < TEXT), key=costs.__getitem__
    )
    if not dear or len(axis.columns) < 2 or len(axis) > MOST_SORTED:
        return None
    # By first appearance: what the user put first stays first.
    seen: list[dict[Any, int]] = [{} for _ in dear]
    keys = []
    for at in range(len(axis)):
        values = axis[at]
        keys.append(
            tuple(
                known.setdefault(_mark(values.get(place)), len(known))
                for known, place in zip(seen, dear, strict=True)
            )
        )
    places = sorted(range(len(axis)), key=keys.__getitem__)
    return None if places == list(range(len(axis))) else array("q", places)


def _mark(value: Any) -> Any:
    """What stands for a value: itself where it is short."""
    text = repr(value)
    return text if len(text) < 40 else blake2b(text.encode(), digest_size=8).digest()
