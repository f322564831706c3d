"""Edits that take nodes away, or out of the flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.editing.changes import ABSENT, Edit
from studio.editing.compat import type_of
from studio.editing.draft import Draft
from studio.editing.flow import wire_text
from studio.editing.measures import count
from studio.graph.fitting import fits
from studio.graph.modes import through

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

    from studio.editing.document import Document, Wire
    from studio.graph.checked import Source


def remove(document: Document, names: Iterable[str], frames: Iterable[str] = ()) -> Edit:
    """Delete nodes with their wires, and frames (their nodes stay).

    What a deleted reroute joined stays joined.

    Raises:
        EditRefused: no such node or frame.
    """
    names, frames = list(dict.fromkeys(names)), list(dict.fromkeys(frames))
    draft = Draft(document)
    for name in names:
        draft.node(name)
    for key in frames:
        draft.frame(key)
    going = set(names)
    for name in names:
        for wire in document.wires_out_of(name):
            if wire.target not in going:
                source = _before_reroutes(document, wire.source, going)
                text = wire_text(document, source) if source else None
                draft.set_wire(wire.target, wire.port, text)
    for name in names:
        draft.put("nodes", name, ABSENT)
        draft.put("layout", name, ABSENT)
        draft.put("view", name, ABSENT)
    for key, frame in document.frames.items():
        if not going.isdisjoint(frame.nodes):
            draft.set_frame(key, nodes=tuple(n for n in frame.nodes if n not in going))
    for key in frames:
        draft.put("frames", key, ABSENT)
    return draft.finish(f"Delete {count(document, names, frames)}")


def extract(document: Document, names: Iterable[str]) -> Edit:
    """Take nodes out of the flow, which goes on without them as if they were bypassed.

    The nodes stay where they are, with the wires among themselves.

    Raises:
        EditRefused: no such node.
    """
    names = list(dict.fromkeys(names))
    draft = Draft(document)
    for name in names:
        draft.node(name)
    out = set(names)
    for name in names:
        for wire in document.wires_into(name).values():
            if wire.source.node not in out:
                draft.set_wire(name, wire.port, None)
        for wire in document.wires_out_of(name):
            if wire.target not in out:
                draft.set_wire(wire.target, wire.port, _around(document, wire, out))
    return draft.finish(f"Extract {count(document, names)}")


def _before_reroutes(document: Document, source: Source, going: Set[str]) -> Source | None:
    """Where a wire comes from, behind the reroutes that go; None: nothing that stays feeds it."""
    seen: set[str] = set()
    while source.node in going:
        spec = document.spec(source.node)
        feeding = document.wires_into(source.node)
        if spec is None or not spec.passthrough or not feeding or source.node in seen:
            return None
        seen.add(source.node)
        source = next(iter(feeding.values())).source
    return source


def _around(document: Document, wire: Wire, out: Set[str]) -> str | None:
    """What feeds a wire's target when the nodes of `out` hand on what they get; None: nothing."""
    source = wire.source
    seen: set[Source] = set()
    while source.node in out:
        spec = document.spec(source.node)
        feeding = document.wires_into(source.node)
        port = through(spec, source.output, feeding) if spec else None
        if port is None or source in seen:
            return None
        seen.add(source)
        source = feeding[port].source
    if source.node not in document.nodes:
        return None
    given, carried = type_of(document, source), type_of(document, wire.source)
    return wire_text(document, source) if carried is None or fits(given, carried) else None
