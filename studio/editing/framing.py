"""Edits of frames: titled boxes whose nodes move with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from studio.editing.changes import ABSENT, Edit, EditRefused
from studio.editing.draft import Draft
from studio.editing.measures import checked_title, count, rectangle
from studio.editing.naming import free_frame_id
from studio.graph.document import Frame

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from studio.editing.document import Document
    from studio.editing.measures import Point, Rect

MARGIN = 24.0
"""Room between a frame and its nodes, in pixels; above them there is `HEAD` more."""
HEAD = 32.0

USUAL = (220.0, 160.0)
"""The size of a node where nobody measured it, in pixels."""


def add_frame(
    document: Document,
    names: Iterable[str],
    title: str = "",
    rect: Rect | None = None,
    *,
    sizes: Mapping[str, tuple[float, float]] | None = None,
) -> Edit:
    """Draw a frame around nodes. Its id is the key of the edit's only change.

    Args:
        document: where.
        names: nodes that will move with it; none for an empty frame, which needs a `rect`.
        title: for people.
        rect: its place; None fits it around the nodes and the frames that hold
            only some of them.
        sizes: width and height by node, for that.

    Raises:
        EditRefused: no such node; neither nodes nor a place.
    """
    names = list(dict.fromkeys(names))
    draft = Draft(document)
    for name in names:
        draft.node(name)
    if rect is None:
        if not names:
            raise EditRefused("Select the nodes that the frame goes around.")
        inner = [document.frames[key].rect for key in frames_within(document, names)]
        places = {name: document.position(name) for name in names}
        rect = around(places, sizes or {}, inner)
    frame = Frame(title=checked_title(title), rect=rectangle(rect), nodes=tuple(names))
    draft.put("frames", free_frame_id(document, "frame"), frame)
    return draft.finish(f"Frame {count(document, names)}" if names else "Add frame")


def set_frame(document: Document, name: str, *, merge: str = "", **fields: Any) -> Edit:
    """Change a frame.

    Args:
        document: where.
        name: the frame's id.
        merge: see `Edit`.
        **fields: title, rect, colour ("#rrggbb" or None), nodes.

    Raises:
        EditRefused: no such frame or node, or a value that can't be.
    """
    draft = Draft(document)
    draft.frame(name)
    if unknown := fields.keys() - {"title", "rect", "colour", "nodes"}:
        raise TypeError(f"a frame has no {', '.join(sorted(unknown))}")
    if "title" in fields:
        fields["title"] = checked_title(fields["title"])
    if "rect" in fields:
        fields["rect"] = rectangle(fields["rect"])
    if (colour := fields.get("colour")) and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise EditRefused(f"{colour!r} is not a colour. Write it as #rrggbb.")
    if "nodes" in fields:
        fields["nodes"] = tuple(dict.fromkeys(fields["nodes"]))
        for node in fields["nodes"]:
            draft.node(node)
    draft.set_frame(name, **fields)
    verbs = {"title": "Rename frame", "rect": "Resize frame", "colour": "Colour frame"}
    return draft.finish(verbs.get(next(iter(fields), ""), "Change frame"), merge=merge)


def remove_frames(document: Document, frames: Iterable[str]) -> Edit:
    """Delete frames; their nodes stay.

    Raises:
        EditRefused: no such frame.
    """
    frames = list(dict.fromkeys(frames))
    draft = Draft(document)
    for name in frames:
        draft.frame(name)
        draft.put("frames", name, ABSENT)
    return draft.finish(f"Delete {count(document, (), frames)}")


def toggle_membership(document: Document, frame: str, names: Iterable[str]) -> Edit:
    """Put nodes into a frame; if all are in it already, take them out.

    Raises:
        EditRefused: no such frame or node.
    """
    names = list(dict.fromkeys(names))
    draft = Draft(document)
    members = draft.frame(frame).nodes
    for name in names:
        draft.node(name)
    if set(names) <= set(members):
        nodes = tuple(name for name in members if name not in names)
        label = f"Take {count(document, names)} out of a frame"
    else:
        nodes = tuple(dict.fromkeys([*members, *names]))
        label = f"Put {count(document, names)} into a frame"
    draft.set_frame(frame, nodes=nodes)
    return draft.finish(label)


def frames_within(document: Document, names: Collection[str]) -> list[str]:
    """Frames that move when all these nodes move: those that hold some, and no others."""
    names = set(names)
    return [
        key
        for key, frame in document.frames.items()
        if (held := {name for name in frame.nodes if name in document.nodes}) and held <= names
    ]


def around(
    places: Mapping[str, Point],
    sizes: Mapping[str, tuple[float, float]],
    frames: Iterable[Rect] = (),
) -> Rect:
    """The place of a frame that fits around nodes and other frames.

    Args:
        places: top left corners by node; at least one, or a frame.
        sizes: width and height by node; `USUAL` for those that aren't in it.
        frames: places of the frames inside.
    """
    boxes = [(*place, *sizes.get(name, USUAL)) for name, place in places.items()]
    boxes += frames
    left = min(x for x, _, _, _ in boxes) - MARGIN
    top = min(y for _, y, _, _ in boxes) - MARGIN - HEAD
    right = max(x + width for x, _, width, _ in boxes) + MARGIN
    bottom = max(y + height for _, y, _, height in boxes) + MARGIN
    return left, top, right - left, bottom - top
