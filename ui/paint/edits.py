"""What results and outpainting do to a graph, each as one step of undo."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from studio.editing.arrange import free_spot
from studio.editing.changes import EditRefused
from studio.editing.draft import Draft
from studio.editing.naming import new_id
from studio.editing.strokes import MASK, SKETCH, items_of
from studio.graph.document import Node
from studio.masks.items import (
    MAX_RADIUS,
    UNIT,
    VERSION,
    Box,
    Brush,
    Bucket,
    Fill,
    Item,
    Polygon,
    Rectangle,
    StrokesFault,
    clamp_points,
)
from studio.masks.strokes import parse_item
from ui.paint.chain import CROPS, PADS, origin, pad_of, pictures_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studio.editing.arrange import Sizes
    from studio.editing.changes import Edit
    from studio.editing.document import Document
    from studio.graph.checked import Source

LOADS = "LoadImage"
GAP = 68.0
"""Pixels of the graph's canvas between a node and one that is put beside it."""


class Beyond(NamedTuple):
    """Pixels that a picture grows by; none is below 0."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0


# Results


def accept(
    document: Document,
    node: str,
    path: str,
    sizes: Sizes,
    size: tuple[int, int] = (1, 1),
    grown: Beyond | None = None,
) -> Edit:
    """A result becomes the picture that is painted on.

    The LoadImage that the picture comes from gets another path. Where something else gives it, a
    LoadImage is added that takes over all of its wires. The sketch goes, since it is in the result;
    the mask stays.

    Args:
        document: where.
        node: id of the node that paints.
        path: of the result, as the graph is to name it.
        sizes: of nodes, as in `arrange`.
        size: width and height of the picture until now, in pixels.
        grown: the result is larger than the picture by this: outpainting is switched off, and the
            mask goes where it belongs on the larger picture. Steps that have no place of their own
            (an inversion, an imported mask) can't: then the mask is emptied.

    Raises:
        EditRefused: the node has no picture.
    """
    draft = Draft(document)
    wire = document.wires_into(node).get("image") if node in document.nodes else None
    if wire is None:
        raise EditRefused("The mask has no picture that the result could replace.")
    source = origin(document, wire.source)
    giver = document.nodes.get(source.node)
    created: tuple[str, ...] = ()
    if giver is not None and giver.type == LOADS and source.output == "image":
        draft.set_node(source.node, params={**giver.params, "path": path})
        if "path" in giver.inputs:
            draft.set_wire(source.node, "path", None)
    else:
        created = (_load_instead(draft, source, path, sizes),)
    params = {key: value for key, value in draft.node(node).params.items() if key != SKETCH}
    if grown is not None and (pad := pad_of(document, node)) is not None:
        _switch(draft, pad, Beyond())
        items = moved(items_of(document, node, MASK), size, grown)
        params[MASK] = {"version": VERSION, "items": items or []}
    draft.set_node(node, params=params)
    return draft.finish("Accept the result", created=created)


def _load_instead(draft: Draft, source: Source, path: str, sizes: Sizes) -> str:
    document = draft.document
    spec = document.specs.get(LOADS)
    if spec is None:
        raise EditRefused("There is no node that loads pictures.")
    name = new_id(document, LOADS)
    x, y = document.position(source.node)
    high = sizes[source.node][1] if source.node in sizes else 0.0
    draft.put("nodes", name, Node(type=LOADS, version=spec.version, params={"path": path}))
    draft.put("layout", name, free_spot(document, sizes, (x, y + high + GAP)))
    for wire in document.wires_out_of(source.node):
        if wire.source.output == source.output:
            draft.set_wire(wire.target, wire.port, f"{name}.image")
    return name


def moved(
    items: Sequence[Mapping[str, Any]], size: tuple[int, int], grown: Beyond
) -> list[dict[str, Any]] | None:
    """Strokes where they belong once their picture has grown.

    Args:
        items: as a graph has them.
        size: width and height of the picture before, in pixels.
        grown: by what.

    Returns:
        None where a step has no place of its own, or can't be read.
    """
    width, height = size
    before = max(width, height)
    after = max(width + grown.left + grown.right, height + grown.top + grown.bottom)
    scale = before / after
    shift = np.array([grown.left, grown.top]) * (UNIT / after)
    try:
        read = [parse_item(item) for item in items]
        found = [_moved(item, scale, shift, size) for item in read]
    except StrokesFault:
        return None
    return [item.json() for item in found if item is not None] if None not in found else None


def _moved(item: Item, scale: float, shift: Any, size: tuple[int, int]) -> Item | None:
    def place(x: float, y: float) -> tuple[int, int]:
        return round(x * scale + shift[0]), round(y * scale + shift[1])

    match item:
        case Brush() | Polygon():
            points = item.points.astype(np.float64)
            points[:, :2] = points[:, :2] * scale + shift
            whole = clamp_points(np.rint(points).astype(np.int64), points.shape[1])
            if isinstance(item, Polygon):
                return replace(item, points=whole)
            radius = min(max(round(item.radius * scale), 1), MAX_RADIUS)
            return replace(item, points=whole, radius=radius)
        case Box():
            left, top, right, bottom = item.box
            return replace(item, box=(*place(left, top), *place(right, bottom)))
        case Bucket():
            x, y = place(item.x, item.y)
            return replace(item, x=x, y=y)
        case Fill():
            unit = UNIT / max(size)
            box = (*place(0, 0), *place(size[0] * unit, size[1] * unit))
            return Rectangle(item.erase, item.opacity, box)
    return None


# Outpainting


def pad(document: Document, node: str, beyond: Beyond, sizes: Sizes) -> Edit:
    """Let the picture grow before it is sampled.

    A PadForOutpaint behind the node is set (and bypassed where nothing is to be added: it would
    refuse to run). Without one, one is put in behind the picture and the mask.

    Args:
        document: where.
        node: id of the node that paints.
        beyond: by how much.
        sizes: of nodes, as in `arrange`.

    Raises:
        EditRefused: there is no such node, or nothing that pads.
    """
    draft = Draft(document)
    draft.node(node)
    label = "Outpaint" if any(beyond) else "Don't outpaint"
    there = pad_of(document, node)
    if there is not None:
        _switch(draft, there, beyond)
        return draft.finish(label)
    if not any(beyond):
        return draft.finish(label)
    spec = document.specs.get(PADS)
    if spec is None:
        raise EditRefused("There is no node that makes room around a picture.")
    name = new_id(document, PADS)
    inputs = {"image": f"{node}.image", "mask": f"{node}.mask"}
    params: dict[str, Any] = beyond._asdict()
    draft.put("nodes", name, Node(type=PADS, version=spec.version, params=params, inputs=inputs))
    x, y = document.position(node)
    wide = sizes[node][0] if node in sizes else 0.0
    draft.put("layout", name, free_spot(document, sizes, (x + wide + GAP, y)))
    pictures = pictures_of(document, node)
    for wire in document.wires_out_of(node):
        if wire.source.output in inputs:
            draft.set_wire(wire.target, wire.port, f"{name}.{wire.source.output}")
        if wire.source.output == "mask" and document.nodes[wire.target].type in (*CROPS, "Stitch"):
            # The picture may go there past the node that paints.
            other = document.wires_into(wire.target).get("image")
            if other is not None and origin(document, other.source) in pictures:
                draft.set_wire(wire.target, "image", f"{name}.image")
    return draft.finish(label, created=(name,))


def _switch(draft: Draft, name: str, beyond: Beyond) -> None:
    """Set a PadForOutpaint; one that adds nothing is bypassed."""
    for side in beyond._asdict():
        if side in draft.node(name).inputs:
            draft.set_wire(name, side, None)
    mode = "normal" if any(beyond) else "bypass"
    draft.set_node(name, params={**draft.node(name).params, **beyond._asdict()}, mode=mode)
