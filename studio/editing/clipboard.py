"""Nodes as text and back: what is copied is a small graph file, so it also goes through a chat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from studio.editing.arrange import with_places
from studio.editing.changes import Edit, EditRefused
from studio.editing.compat import type_of
from studio.editing.document import Document
from studio.editing.draft import Draft
from studio.editing.framing import frames_within
from studio.editing.measures import count, point, rectangle
from studio.editing.naming import free_frame_id, free_id
from studio.graph.document import MAX_NODES, Graph
from studio.graph.errors import GraphFileError
from studio.graph.files import dumps, loads
from studio.graph.fitting import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from studio.editing.measures import Point

OUTSIDE = "outside"
"""The key of the text under which wires from nodes that weren't copied stand."""

Outside = dict[str, dict[str, str]]

_FENCE = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL)


def copy_text(document: Document, names: Iterable[str], frames: Iterable[str] = ()) -> str:
    """Nodes as a graph file, with the frames around them and the wires among them.

    Args:
        document: where from.
        names: nodes.
        frames: further frames; those that hold only copied nodes come anyway.

    Raises:
        EditRefused: no such node or frame; neither nodes nor frames.
    """
    graph, outside = _part(document, names, frames)
    if outside:
        graph = graph.model_copy(update={OUTSIDE: outside})
    return dumps(graph)


def paste(document: Document, text: str, at: Point, *, keep_incoming: bool = False) -> Edit:
    """Add the nodes and frames of a graph's text; their ids are made new where they are taken.

    Args:
        document: where to.
        text: of `copy_text`, or any graph file; also within a code fence.
        at: where the top left corner of them all goes, in pixels.
        keep_incoming: draw the wires again that came from nodes which weren't copied, where
            those are in this graph and fit.

    Raises:
        EditRefused: the text is no graph, with the reason.
    """
    graph = _read(text)
    extra = (graph.model_extra or {}).get(OUTSIDE)
    outside = _checked_outside(graph, extra)
    graph = with_places(graph, document.specs)
    left, top = _corner(document, graph)
    draft, new = _add(document, graph, (at[0] - left, at[1] - top))
    if keep_incoming:
        _reconnect(draft, new, outside, checked=True)
    frames = [] if graph.nodes else graph.frames
    return draft.finish(f"Paste {count(document, new, frames)}", created=tuple(new.values()))


def duplicate(
    document: Document, names: Iterable[str], offset: Point, *, keep_incoming: bool = False
) -> Edit:
    """Add copies of nodes, with the frames that hold only them.

    Args:
        document: where.
        names: nodes.
        offset: from each to its copy, in pixels.
        keep_incoming: the copies are fed by what feeds the originals, also from outside.

    Raises:
        EditRefused: no such node; none at all.
    """
    names = list(dict.fromkeys(names))
    graph, outside = _part(document, names, ())
    draft, new = _add(document, graph, offset)
    if keep_incoming:
        _reconnect(draft, new, outside, checked=False)
    return draft.finish(f"Duplicate {count(document, names)}", created=tuple(new.values()))


def _part(
    document: Document, names: Iterable[str], frames: Iterable[str]
) -> tuple[Graph, Outside]:
    """Some nodes and frames as a graph, and the wires that came from outside."""
    names = list(dict.fromkeys(names))
    draft = Draft(document)
    keys = dict.fromkeys([*frames, *frames_within(document, names)])
    if not names and not keys:
        raise EditRefused("Nothing is selected.")
    inside = set(names)
    nodes, outside = {}, {}
    for name in names:
        node = draft.node(name)
        kept = {p: w for p, w in node.inputs.items() if w.partition(".")[0] in inside}
        if lost := {port: text for port, text in node.inputs.items() if port not in kept}:
            outside[name] = lost
        nodes[name] = node.model_copy(update={"inputs": kept})
    boxes = {}
    for key in keys:
        frame = draft.frame(key)
        held = tuple(name for name in frame.nodes if name in inside)
        boxes[key] = frame.model_copy(update={"nodes": held})
    graph = Graph.model_construct(
        format="latent-studio",
        version=1,
        title="",
        nodes=nodes,
        layout={name: document.position(name) for name in names},
        view={name: document.view[name] for name in names if name in document.view},
        frames=boxes,
    )
    return graph, outside


def _read(text: str) -> Graph:
    if (fenced := _FENCE.search(text)) is not None:
        text = fenced[1]
    text = text.strip()
    if not text.startswith("{"):
        raise EditRefused("There are no nodes in the clipboard.")
    try:
        return loads(text, "the clipboard")
    except GraphFileError as error:
        fault = error.faults[0]
        words = f": {fault}" if fault.path else f" {fault.message}"
        more = f" (and {len(error.faults) - 1} more)" if len(error.faults) > 1 else ""
        raise EditRefused(f"The clipboard{words.rstrip('.')}{more}.") from None


def _checked_outside(graph: Graph, extra: Any) -> Outside:
    """The wires from outside that a text names; what isn't a wire is no reason to paste nothing."""
    if not isinstance(extra, dict):
        return {}
    return {
        name: {port: text for port, text in wires.items() if isinstance(text, str)}
        for name, wires in extra.items()
        if name in graph.nodes and isinstance(wires, dict)
    }


def _corner(document: Document, graph: Graph) -> Point:
    """The top left corner of a graph's nodes and frames."""
    if not graph.nodes and not graph.frames:
        raise EditRefused("That graph is empty; there is nothing to paste.")
    shown = Document(graph, document.specs)
    points = [shown.position(name) for name in graph.nodes]
    points += [point(frame.rect[:2]) for frame in graph.frames.values()]
    return min(x for x, _ in points), min(y for _, y in points)


def _add(document: Document, graph: Graph, offset: Point) -> tuple[Draft, dict[str, str]]:
    """The nodes and frames of a graph under new ids, and the new id of each node."""
    if len(document.nodes) + len(graph.nodes) > MAX_NODES:
        raise EditRefused(f"A graph holds {MAX_NODES:,} nodes at most.")
    draft = Draft(document)
    new: dict[str, str] = {}
    taken: set[str] = set()
    for name in graph.nodes:
        new[name] = free_id(document, name, taken)
        taken.add(new[name])
    shown = Document(graph, document.specs)
    for name, node in graph.nodes.items():
        inputs = {}
        for port, text in node.inputs.items():
            source, dot, output = text.partition(".")
            # A wire from a node that the text doesn't hold must not find one here by chance.
            if source in new:
                inputs[port] = new[source] + dot + output
        draft.put("nodes", new[name], node.model_copy(update={"inputs": inputs}))
        x, y = shown.position(name)
        draft.put("layout", new[name], point((x + offset[0], y + offset[1])))
        if name in graph.view:
            draft.set_view(new[name], graph.view[name])
    boxes: set[str] = set()
    for key, frame in graph.frames.items():
        left, top, width, height = frame.rect
        box = free_frame_id(document, key, boxes)
        boxes.add(box)
        fields = {
            "rect": rectangle((left + offset[0], top + offset[1], width, height)),
            "nodes": tuple(new[name] for name in frame.nodes if name in new),
        }
        draft.put("frames", box, frame.model_copy(update=fields))
    return draft, new


def _reconnect(
    draft: Draft, new: Mapping[str, str], outside: Outside, *, checked: bool
) -> None:
    """Draw the wires from outside again; `checked` leaves out those that don't fit here.

    Copies feed nothing but copies, so such a wire can't close a circle.
    """
    for name, wires in outside.items():
        for port, text in wires.items():
            if not checked or _fits_here(draft.document, draft.node(new[name]).type, port, text):
                draft.set_wire(new[name], port, text)


def _fits_here(document: Document, type_name: str, port: str, text: str) -> bool:
    source, spec = document.output_name(text), document.specs.get(type_name)
    if source is None or spec is None:
        return False
    from_spec = document.spec(source.node)
    if from_spec is None or source.output not in from_spec.output_by_name:
        return False
    given = type_of(document, source)
    if (param := spec.param_by_name.get(port)) is not None:
        return fits(given, param.kind)
    socket = spec.input_by_name.get(port)
    return socket is not None and fits(given, socket.type)
