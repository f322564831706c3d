"""Where nodes stand: automatic layout, alignment, room for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from studio.editing.changes import Edit, EditRefused
from studio.editing.document import Document
from studio.editing.draft import Draft
from studio.editing.edits import move
from studio.editing.framing import HEAD, MARGIN, USUAL, around
from studio.editing.layered import GAP_Y, layered
from studio.editing.measures import count, point, rectangle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from studio.editing.measures import Point, Rect
    from studio.graph.document import Graph
    from studio.spec import NodeSpec

Sizes = dict[str, tuple[float, float]]
"""Width and height by node, in pixels; nodes that aren't in it are taken for `framing.USUAL`."""

Edge = Literal["left", "right", "top", "bottom", "centre", "middle"]
Way = Literal["horizontal", "vertical"]

GAP = 24.0
"""Between a node and those it pushes aside, in pixels."""

GRID = 8


def auto_layout(document: Document, sizes: Sizes, names: Iterable[str] | None = None) -> Edit:
    """Arrange nodes in layers from left to right; nodes of a frame stay together.

    The top left corner of what is arranged stays where it is, but for the grid of 8 pixels.

    Args:
        document: where.
        sizes: see `Sizes`.
        names: nodes; None takes all.

    Raises:
        EditRefused: no such node; there is none.
    """
    names = list(document.nodes if names is None else dict.fromkeys(names))
    draft = Draft(document)
    for name in names:
        draft.node(name)
    if not names:
        raise EditRefused("There are no nodes to arrange.")
    corners = _clustered(document, sizes, names)
    placed = [document.position(name) for name in names if name in document.layout]
    left = min((x for x, _ in placed), default=0.0)
    top = min((y for _, y in placed), default=0.0)
    shift_x = left - min(x for x, _ in corners.values())
    shift_y = top - min(y for _, y in corners.values())
    for name, (x, y) in corners.items():
        draft.put("layout", name, point((_snap(x + shift_x), _snap(y + shift_y))))
    _fit_frames(draft, sizes, set(names))
    return draft.finish(f"Arrange {count(document, names)}")


def align(document: Document, sizes: Sizes, names: Iterable[str], how: Edge) -> Edit:
    """Line nodes up at one edge, or at their centres ("centre": across, "middle": down).

    Raises:
        EditRefused: fewer than two nodes.
    """
    boxes = _boxes(document, sizes, names)
    if len(boxes) < 2:
        raise EditRefused("Select two nodes at least to align them.")
    left = min(box.left for box in boxes.values())
    right = max(box.right for box in boxes.values())
    top = min(box.top for box in boxes.values())
    bottom = max(box.bottom for box in boxes.values())
    places: dict[str, Point] = {}
    for name, box in boxes.items():
        places[name] = {
            "left": (left, box.top),
            "right": (right - box.width, box.top),
            "top": (box.left, top),
            "bottom": (box.left, bottom - box.height),
            "centre": ((left + right - box.width) / 2, box.top),
            "middle": (box.left, (top + bottom - box.height) / 2),
        }[how]
    edit = move(document, places)
    return Edit(f"Align {count(document, places)}", edit.changes)


def distribute(document: Document, sizes: Sizes, names: Iterable[str], how: Way) -> Edit:
    """Give nodes the same gap between one another; the first and the last stay.

    Raises:
        EditRefused: fewer than three nodes.
    """
    boxes = _boxes(document, sizes, names)
    if len(boxes) < 3:
        raise EditRefused("Select three nodes at least to distribute them.")
    across = how == "horizontal"
    order = sorted(boxes, key=lambda n: boxes[n].left if across else boxes[n].top)
    lengths = [boxes[name].width if across else boxes[name].height for name in order]
    first, last = boxes[order[0]], boxes[order[-1]]
    start = first.left if across else first.top
    end = last.right if across else last.bottom
    gap = (end - start - sum(lengths)) / (len(order) - 1)
    places: dict[str, Point] = {}
    for name, length in zip(order, lengths, strict=True):
        box = boxes[name]
        places[name] = (start, box.top) if across else (box.left, start)
        start += length + gap
    # Their ends may be far behind one another; the outer two stay whatever the gap is.
    places[order[-1]] = (last.left, last.top)
    edit = move(document, places)
    return Edit(f"Distribute {count(document, places)}", edit.changes)


def push_aside(
    document: Document,
    sizes: Sizes,
    names: Iterable[str] | Mapping[str, Point],
    gap: float = GAP,
) -> dict[str, Point]:
    """Where the neighbours of nodes go to make room: to the side on which they are.

    Args:
        document: where.
        sizes: see `Sizes`.
        names: nodes that stay; a mapping says where they are about to be.
        gap: to leave free, in pixels.

    Returns:
        new corners of those that move; they may push others in turn.
    """
    at = dict(names) if isinstance(names, Mapping) else {n: document.position(n) for n in names}
    fixed = [_box(place, sizes.get(name, USUAL)) for name, place in at.items()]
    if not fixed:
        return {}
    middle = (min(box.left for box in fixed) + max(box.right for box in fixed)) / 2
    others = _boxes(document, sizes, (n for n in document.nodes if n not in at))
    right = {name: box for name, box in others.items() if box.middle >= middle}
    left = {name: box.mirrored for name, box in others.items() if name not in right}
    pushed = _pushed(fixed, right, gap)
    mirrored = _pushed([box.mirrored for box in fixed], left, gap)
    pushed |= {name: box.mirrored for name, box in mirrored.items()}
    return {name: (box.left, box.top) for name, box in pushed.items()}


def _pushed(fixed: list[_Box], others: Mapping[str, _Box], gap: float) -> dict[str, _Box]:
    """Those of `others` that must move right, where they end up."""
    moved: dict[str, _Box] = {}
    blockers = list(fixed)
    # From left to right, and each once: who has moved isn't pushed again by who comes after.
    for name, box in sorted(others.items(), key=lambda item: (item[1].left, item[0])):
        at = box
        while ends := [other.right for other in blockers if at.meets(other, gap)]:
            at = _Box(max(ends) + gap, at.top, at.width, at.height)
        if at is not box:
            moved[name] = at
            blockers.append(at)
    return moved


def with_places(graph: Graph, specs: Mapping[str, NodeSpec]) -> Graph:
    """The graph with a place for every node: a file written by hand may give none.

    Args:
        graph: stays as it is; it is returned where nothing is missing.
        specs: node types.
    """
    if graph.layout.keys() >= graph.nodes.keys():
        return graph
    document = Document(graph, specs)
    document.apply(place_missing(document, {}).changes)
    return document.graph()


def place_missing(document: Document, sizes: Sizes) -> Edit:
    """Place the nodes for which the file says nothing: arranged, below those that have a place."""
    missing = [name for name in document.nodes if name not in document.layout]
    draft = Draft(document)
    if missing:
        placed = _boxes(document, sizes, (n for n in document.nodes if n in document.layout))
        left = min((box.left for box in placed.values()), default=0.0)
        top = max((box.bottom + 3 * GAP_Y for box in placed.values()), default=0.0)
        for name, (x, y) in _clustered(document, sizes, missing).items():
            draft.put("layout", name, point((_snap(left + x), _snap(top + y))))
        _fit_frames(draft, sizes, set(missing))
    return draft.finish(f"Place {count(document, missing)}")


def free_spot(
    document: Document,
    sizes: Sizes,
    at: Point,
    size: tuple[float, float] = USUAL,
    gap: float = GAP,
) -> Point:
    """The first place at `at` or straight below it where a node of a size overlaps no other."""
    box = _box(point(at), size)
    others = _boxes(document, sizes, document.nodes).values()
    for other in sorted(others, key=lambda other: other.top):
        if box.meets(other, gap):
            box = _Box(box.left, other.bottom + gap, box.width, box.height)
    return box.left, box.top


# Layout with frames


@dataclass(frozen=True)
class _Cluster:
    """Nodes that keep their places towards one another: one node, or what a frame holds."""

    places: dict[str, Point]
    width: float
    height: float


def _clustered(document: Document, sizes: Sizes, names: list[str]) -> dict[str, Point]:
    """Corners by node. Frames are arranged from the inside out, each then one box of the next."""
    # What stands above now stands above afterwards, where the wires leave it open.
    names = sorted(names, key=lambda n: (document.position(n)[1], document.position(n)[0], n))
    home = {name: _Cluster({name: (0.0, 0.0)}, *sizes.get(name, USUAL)) for name in names}
    rank = {name: number for number, name in enumerate(names)}
    frames = sorted(document.frames.values(), key=lambda frame: len(frame.nodes))
    for frame in frames:
        members = sorted({name for name in frame.nodes if name in home}, key=rank.__getitem__)
        inside = {id(home[name]): home[name] for name in members}
        held = {name for cluster in inside.values() for name in cluster.places}
        # Frames that overlap without one holding the other can't both keep together.
        if not members or held != set(members):
            continue
        joined = _joined(document, list(inside.values()), pad=True)
        home |= dict.fromkeys(members, joined)
    clusters = list({id(home[name]): home[name] for name in names}.values())
    return _joined(document, clusters, pad=False).places


def _joined(document: Document, clusters: list[_Cluster], *, pad: bool) -> _Cluster:
    """Clusters in layers, as one; `pad` leaves room for a frame's border and title."""
    owner = {name: i for i, cluster in enumerate(clusters) for name in cluster.places}
    edges = {
        (owner[wire.source.node], i)
        for name, i in owner.items()
        for wire in document.wires_into(name).values()
        if wire.source.node in owner
    }
    corners = layered([(c.width, c.height) for c in clusters], sorted(edges))
    margin, head = (MARGIN, MARGIN + HEAD) if pad else (0.0, 0.0)
    places = {
        name: (x + left + margin, y + top + head)
        for cluster, (left, top) in zip(clusters, corners, strict=True)
        for name, (x, y) in cluster.places.items()
    }
    pairs = list(zip(clusters, corners, strict=True))
    width = max(x + cluster.width for cluster, (x, _) in pairs)
    height = max(y + cluster.height for cluster, (_, y) in pairs)
    return _Cluster(places, width + 2 * margin, height + head + margin)


def _fit_frames(draft: Draft, sizes: Sizes, names: set[str]) -> None:
    """Draw the frames of moved nodes around them again."""
    document = draft.document
    fitted: list[tuple[set[str], Rect]] = []
    for key, frame in sorted(document.frames.items(), key=lambda item: len(item[1].nodes)):
        held = {name for name in frame.nodes if name in document.nodes}
        if held and held <= names:
            inside = [rect for nodes, rect in fitted if nodes < held]
            places = {name: draft.get("layout", name) for name in held}
            rect = rectangle(around(places, sizes, inside))
            draft.set_frame(key, rect=rect)
            fitted.append((held, rect))


def _snap(value: float) -> float:
    return float(round(value / GRID) * GRID)


# Boxes


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> float:
        return self.left + self.width / 2

    @property
    def mirrored(self) -> _Box:
        """The same at the other side of x = 0."""
        return _Box(-self.right, self.top, self.width, self.height)

    def meets(self, other: _Box, gap: float) -> bool:
        """Whether there is less than `gap` between them."""
        return (
            self.left < other.right + gap
            and other.left < self.right + gap
            and self.top < other.bottom + gap
            and other.top < self.bottom + gap
        )


def _box(at: Point, size: tuple[float, float]) -> _Box:
    return _Box(*at, *size)


def _boxes(document: Document, sizes: Sizes, names: Iterable[str]) -> dict[str, _Box]:
    """
    Raises:
        EditRefused: no such node.
    """
    boxes = {}
    for name in names:
        if name not in document.nodes:
            raise EditRefused(f"There is no node {name!r}.")
        boxes[name] = _box(document.position(name), sizes.get(name, USUAL))
    return boxes
