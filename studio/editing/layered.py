"""Boxes in layers, from left to right along their wires (Sugiyama, Tagawa and Toda, 1981).

Layers by the longest path, order in a layer by barycentres (with stand-ins where a wire crosses a
layer), heights by weighted isotonic regression towards the neighbours, so that nothing overlaps.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from studio.editing.measures import Point

GAP_X = 72.0
"""Between columns, in pixels: room for wires."""
GAP_Y = 32.0
"""Between boxes of a column, in pixels."""

_SWEEPS = 6
_STANDIN_HEIGHT = 8.0
_STANDIN_WEIGHT = 0.25
_MOST_STANDINS = 8
"""Stand-ins for each box, at most; beyond, long wires don't count."""


def layered(sizes: Sequence[Point], edges: Iterable[tuple[int, int]]) -> list[Point]:
    """Top left corners for boxes, from (0, 0) on; unconnected parts stand below one another.

    Args:
        sizes: width and height by box, in pixels. Boxes that come first stand above, where the
            wires leave it open.
        edges: pairs of boxes, left to right; circles are allowed.
    """
    # Only here: it takes longer to import than the editor has to start.
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(sizes)))
    graph.add_edges_from((one, other) for one, other in edges if one != other)
    for knot in list(nx.strongly_connected_components(graph)):
        if len(knot) > 1:
            back = [(i, j) for i, j in graph.subgraph(knot).edges if i > j]
            graph.remove_edges_from(back)
    places: list[Point] = [(0.0, 0.0)] * len(sizes)
    parts = sorted((sorted(part) for part in nx.weakly_connected_components(graph)), key=min)
    lone = [part[0] for part in parts if len(part) == 1]
    top = 0.0
    for part in parts:
        if len(part) == 1:
            continue
        order = list(nx.lexicographical_topological_sort(graph.subgraph(part)))
        drawing = _Drawing(sizes, order, {i: list(graph.successors(i)) for i in order})
        found, height = drawing.places()
        for i, (x, y) in found.items():
            places[i] = (x, y + top)
        top += height + 2 * GAP_Y
    for i, (x, y) in _rows(sizes, lone).items():
        places[i] = (x, y + top)
    return places


def _rows(sizes: Sequence[Point], boxes: Sequence[int]) -> dict[int, Point]:
    """Boxes that nothing joins, in rows about as wide as they are high."""
    area = sum((sizes[i][0] + GAP_X) * (sizes[i][1] + GAP_Y) for i in boxes)
    widest = area**0.5 * 1.3
    places: dict[int, Point] = {}
    x = y = row = 0.0
    for i in boxes:
        width, height = sizes[i]
        if x > 0 and x + width > widest:
            x, y, row = 0.0, y + row + GAP_Y, 0.0
        places[i] = (x, y)
        x, row = x + width + GAP_X, max(row, height)
    return places


@dataclass
class _Cell:
    """A box or the stand-in of a long wire.

    Args:
        box: its number; -1 for a stand-in.
        layer: its column.
        height: in pixels.
        weight: how much it counts when heights are found.
    """

    box: int
    layer: int
    height: float
    weight: float = 1.0
    left: list[_Cell] = field(default_factory=list)
    right: list[_Cell] = field(default_factory=list)
    row: int = 0
    y: float = 0.0


class _Drawing:
    """One connected part.

    Args:
        sizes: of all boxes.
        order: the boxes of this part, each after those before it.
        after: what each leads to.
    """

    def __init__(
        self, sizes: Sequence[Point], order: Sequence[int], after: dict[int, list[int]]
    ) -> None:
        self.sizes = sizes
        layer = _layers(order, after)
        self.cells = {i: _Cell(i, layer[i], sizes[i][1]) for i in order}
        self.columns: list[list[_Cell]] = [[] for _ in range(max(layer.values()) + 1)]
        for cell in self.cells.values():
            self.columns[cell.layer].append(cell)
        self._join(order, after)

    def places(self) -> tuple[dict[int, Point], float]:
        """Corners by box, and the height of it all."""
        self._order_rows()
        self._find_heights()
        top = min(cell.y for cell in self.cells.values())
        bottom = max(cell.y + cell.height for cell in self.cells.values())
        x, lefts = 0.0, []
        for column in self.columns:
            lefts.append(x)
            widths = [self.sizes[cell.box][0] for cell in column if cell.box >= 0]
            x += max(widths, default=0.0) + GAP_X
        found = {i: (lefts[cell.layer], cell.y - top) for i, cell in self.cells.items()}
        return found, bottom - top

    def _join(self, order: Sequence[int], after: dict[int, list[int]]) -> None:
        """Neighbours in adjacent columns; a wire to a farther one goes by stand-ins, which all
        wires of a box share."""
        budget = _MOST_STANDINS * len(order)
        for i in order:
            cell = self.cells[i]
            targets = sorted((self.cells[j] for j in after[i]), key=lambda other: other.layer)
            last = cell
            for target in targets:
                if target.layer - last.layer - 1 > budget:
                    break
                while last.layer < target.layer - 1:
                    step = _Cell(-1, last.layer + 1, _STANDIN_HEIGHT, _STANDIN_WEIGHT)
                    self.columns[step.layer].append(step)
                    _tie(last, step)
                    last, budget = step, budget - 1
                _tie(last, target)

    def _order_rows(self) -> None:
        for column in self.columns:
            _number(column)
        best, fewest = self._rows_now(), self._crossings()
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            forward = sweep % 2 == 0
            for column in self.columns if forward else reversed(self.columns):
                centres = {id(cell): _centre(cell, forward) for cell in column}
                column.sort(key=lambda cell: (centres[id(cell)], cell.row))
                _number(column)
            if (crossings := self._crossings()) < fewest:
                best, fewest = self._rows_now(), crossings
        self.columns = best
        for column in self.columns:
            _number(column)

    def _rows_now(self) -> list[list[_Cell]]:
        return [list(column) for column in self.columns]

    def _crossings(self) -> int:
        """How many pairs of wires between adjacent columns cross."""
        total = 0
        for column in self.columns:
            seen: list[int] = []
            for cell in column:
                rows = [other.row for other in cell.right]
                total += sum(len(seen) - bisect_left(seen, row + 1) for row in rows)
                for row in rows:
                    insort(seen, row)
        return total

    def _find_heights(self) -> None:
        for column in self.columns:
            y = 0.0
            for cell in column:
                cell.y = y
                y += cell.height + GAP_Y
        for sweep in range(_SWEEPS):
            forward = sweep % 2 == 0
            for column in self.columns if forward else reversed(self.columns):
                wishes = [_wish(cell, forward) for cell in column]
                _settle(column, wishes)
        for column in self.columns:
            _settle(column, [(_wish(c, True) + _wish(c, False)) / 2 for c in column])


def _layers(order: Sequence[int], after: dict[int, list[int]]) -> dict[int, int]:
    layer = dict.fromkeys(order, 0)
    fed: set[int] = set()
    for i in order:
        for j in after[i]:
            layer[j] = max(layer[j], layer[i] + 1)
            fed.add(j)
    # What nothing feeds stands right before what it feeds, not at the far left.
    for i in order:
        if i not in fed:
            layer[i] = max(layer[i], min(layer[j] for j in after[i]) - 1)
    least = min(layer.values())
    return {i: number - least for i, number in layer.items()}


def _tie(left: _Cell, right: _Cell) -> None:
    left.right.append(right)
    right.left.append(left)


def _number(column: Sequence[_Cell]) -> None:
    for row, cell in enumerate(column):
        cell.row = row


def _centre(cell: _Cell, forward: bool) -> float:
    near = cell.left if forward else cell.right
    return sum(other.row for other in near) / len(near) if near else float(cell.row)


def _wish(cell: _Cell, forward: bool) -> float:
    """The height at which a cell stands in one line with its neighbours: that of their median."""
    near = sorted(other.y for other in (cell.left if forward else cell.right))
    if not near:
        return cell.y
    return (near[(len(near) - 1) // 2] + near[len(near) // 2]) / 2


def _settle(column: Sequence[_Cell], wishes: Sequence[float]) -> None:
    """Heights nearest to the wishes (least squares) that keep the order and the gaps."""
    blocks: list[tuple[float, float, int]] = []
    offsets, offset = [], 0.0
    for cell, wish in zip(column, wishes, strict=True):
        offsets.append(offset)
        mean, weight, size = wish - offset, cell.weight, 1
        # Pool adjacent violators.
        while blocks and blocks[-1][0] > mean:
            other_mean, other_weight, other_size = blocks.pop()
            total = weight + other_weight
            mean = (mean * weight + other_mean * other_weight) / total
            weight, size = total, size + other_size
        blocks.append((mean, weight, size))
        offset += cell.height + GAP_Y
    means = [mean for mean, _, size in blocks for _ in range(size)]
    for cell, mean, shift in zip(column, means, offsets, strict=True):
        cell.y = mean + shift
