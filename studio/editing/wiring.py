"""Edits of wires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.editing.changes import ABSENT, Edit, EditRefused
from studio.editing.compat import Matcher, why_not
from studio.editing.document import spaced
from studio.editing.draft import Draft
from studio.editing.edits import add_node
from studio.editing.flow import wire_text
from studio.editing.measures import point, words
from studio.editing.naming import new_id
from studio.graph.checked import Source
from studio.graph.document import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal

    from studio.editing.document import Document, Wire
    from studio.editing.measures import Point

__all__ = [
    "add_connected",
    "add_reroute",
    "clear_port",
    "connect",
    "disconnect",
    "insert_on_wire",
    "insertion",
    "move_wires",
    "port_wires",
    "reconnect",
    "wire_text",
]


def connect(document: Document, source: Source, target: str, port: str) -> Edit:
    """Draw a wire; one that was there goes.

    Raises:
        EditRefused: it doesn't fit, with the reason.
    """
    draft = Draft(document)
    _join(draft, source, target, port)
    return draft.finish(f"Connect {words(port)}")


def disconnect(document: Document, wires: Iterable[Wire]) -> Edit:
    """Take wires away.

    Raises:
        EditRefused: one isn't there.
    """
    draft = Draft(document)
    wires = list(wires)
    for wire in wires:
        _cut(draft, wire)
    label = f"{len(wires)} wires" if len(wires) != 1 else words(wires[0].port)
    return draft.finish(f"Disconnect {label}")


def clear_port(document: Document, name: str, port: str, side: Literal["in", "out"]) -> Edit:
    """Take all wires of a port away.

    Raises:
        EditRefused: there is no such node.
    """
    Draft(document).node(name)
    return disconnect(document, port_wires(document, name, port, side))


def port_wires(
    document: Document, name: str, port: str, side: Literal["in", "out"]
) -> list[Wire]:
    """The wires at a port."""
    if side == "in":
        wire = document.wires_into(name).get(port)
        return [wire] if wire else []
    return [wire for wire in document.wires_out_of(name) if wire.source.output == port]


def move_wires(
    document: Document, wires: Iterable[Wire], to: Source | tuple[str, str]
) -> Edit:
    """Lead wires elsewhere: all to come from another output, or one to go to another input.

    Raises:
        EditRefused: one doesn't fit there; several wires to one input.
    """
    wires = list(wires)
    if isinstance(to, Source):
        draft = Draft(document)
        matcher = Matcher(document, source=to)
        for wire in wires:
            if reason := matcher.why_not(wire.target, wire.port):
                raise EditRefused(reason)
            draft.set_wire(wire.target, wire.port, wire_text(document, to))
        return draft.finish(f"Move {len(wires)} wire{'' if len(wires) == 1 else 's'}")
    if len(wires) != 1:
        raise EditRefused("An input takes one wire.")
    return reconnect(document, wires[0], *to)


def reconnect(document: Document, wire: Wire, new_target: str, new_port: str) -> Edit:
    """Lead a wire to another input.

    Raises:
        EditRefused: it doesn't fit there, with the reason.
    """
    draft = Draft(document)
    if (new_target, new_port) != (wire.target, wire.port):
        _cut(draft, wire)
        _join(draft, wire.source, new_target, new_port)
    return draft.finish("Move 1 wire")


def insert_on_wire(
    document: Document,
    name: str,
    wire: Wire,
    *,
    push: Mapping[str, Point] | None = None,
) -> Edit:
    """Put a node into a wire: its first open fitting input and its first fitting output take over.

    Args:
        document: where.
        name: the node.
        wire: which one.
        push: new places of nodes that make room (`arrange.push_aside`).

    Raises:
        EditRefused: the node is an end of the wire, or doesn't fit into it.
    """
    port, output = insertion(document, name, wire)
    draft = Draft(document)
    draft.set_wire(name, port, wire_text(document, wire.source))
    draft.set_wire(wire.target, wire.port, wire_text(document, Source(name, output)))
    for other, place in (push or {}).items():
        draft.node(other)
        draft.put("layout", other, point(place))
    return draft.finish(f"Insert {document.title_of(name)}")


def insertion(document: Document, name: str, wire: Wire) -> tuple[str, str]:
    """The input and the output by which a node would go into a wire.

    Raises:
        EditRefused: it doesn't fit into it.
    """
    Draft(document).node(name)
    title = document.title_of(name)
    if name in (wire.source.node, wire.target):
        raise EditRefused(f"{title} is an end of this wire.")
    port = Matcher(document, source=wire.source).first_port(name)
    if port is None or port in document.wires_into(name):
        raise EditRefused(f"{title} has no open input for what this wire carries.")
    output = Matcher(document, target=(wire.target, wire.port)).first_port(name)
    if output is None:
        raise EditRefused(f"{title} has no output that {words(wire.port)} takes.")
    return port, output


def add_reroute(document: Document, wire: Wire, at: Point) -> Edit:
    """Put a reroute into a wire.

    Args:
        document: where.
        wire: which one.
        at: the reroute's top left corner on the canvas, in pixels.

    Raises:
        EditRefused: the wire isn't there, or no node type is a reroute.
    """
    spec = next((spec for spec in document.specs.values() if spec.passthrough), None)
    if spec is None:
        raise EditRefused("There is no node type that passes its input on.")
    draft = Draft(document)
    text = _text_of(draft, wire)
    name = new_id(document, spec.type)
    node = Node(type=spec.type, version=spec.version, inputs={spec.inputs[0].name: text})
    draft.put("nodes", name, node)
    draft.put("layout", name, point(at))
    draft.set_wire(wire.target, wire.port, name)
    return draft.finish("Add reroute", created=(name,))


def add_connected(
    document: Document,
    type_name: str,
    at: Point,
    *,
    source: Source | None = None,
    target: tuple[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
) -> Edit:
    """Add a node with a wire to it from `source`, a wire from it to `target`, or both.

    The wires go to the ports that `Matcher.fits_type` names first.

    Args:
        document: where.
        type_name: of a known type.
        at: its top left corner on the canvas, in pixels.
        source: an output.
        target: an input, as (node, port).
        params: as in `edits.add_node`.

    Raises:
        EditRefused: unknown type, a value that doesn't fit, or no port that takes the wire.
    """
    added = add_node(document, type_name, at, params)
    draft, name = Draft(document), added.created[0]
    for change in added.changes:
        draft.put(change.section, change.key, change.after)
    spec = document.specs[type_name]
    if source is not None:
        matcher = Matcher(document, source=source)
        if matcher.fault:
            raise EditRefused(matcher.fault)
        if target is not None and (circle := matcher.circle(target[0])):
            raise EditRefused(circle)
        ports = matcher.fits_type(spec)
        if not ports:
            raise EditRefused(f"{spaced(type_name)} has no input for that wire.")
        draft.set_wire(name, ports[0], wire_text(document, source))
    if target is not None:
        matcher = Matcher(document, target=target)
        if matcher.fault:
            raise EditRefused(matcher.fault)
        ports = matcher.fits_type(spec)
        if not ports:
            raise EditRefused(f"{spaced(type_name)} has no output for {words(target[1])}.")
        text = name if len(spec.outputs) == 1 else f"{name}.{ports[0]}"
        draft.set_wire(*target, text)
    return draft.finish(added.label, created=added.created)


def _join(draft: Draft, source: Source, target: str, port: str) -> None:
    if reason := why_not(draft.document, source, target, port):
        raise EditRefused(reason)
    draft.set_wire(target, port, wire_text(draft.document, source))


def _cut(draft: Draft, wire: Wire) -> None:
    _text_of(draft, wire)
    draft.set_wire(wire.target, wire.port, None)


def _text_of(draft: Draft, wire: Wire) -> str:
    """What the file says for a wire that is there."""
    node = draft.get("nodes", wire.target)
    if node is ABSENT or wire.port not in node.inputs:
        raise EditRefused("That wire isn't there any more.")
    return str(node.inputs[wire.port])
