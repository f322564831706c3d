"""Edits of nodes: adding, removing, parameters, places, names, modes and looks.

Every function makes an `Edit` and changes nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from studio.editing.changes import ABSENT, Edit, EditRefused
from studio.editing.document import spaced
from studio.editing.draft import Draft
from studio.editing.measures import checked_title, count, point, rectangle, words
from studio.editing.naming import checked_id, free_id, new_id
from studio.editing.removal import extract, remove
from studio.editing.values import checked_value
from studio.graph.document import MAX_NODES, Node, NodeView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from studio.editing.document import Document
    from studio.editing.measures import Point, Rect

__all__ = [
    "add_node",
    "extract",
    "move",
    "new_id",
    "remove",
    "rename",
    "rename_id",
    "reset_param",
    "set_mode",
    "set_param",
    "set_params",
    "set_title",
    "set_view",
    "show_socket",
    "toggle_mode",
    "use_cache",
]

Mode = Literal["normal", "mute", "bypass"]


def add_node(
    document: Document,
    type_name: str,
    at: Point,
    params: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
) -> Edit:
    """Add a node.

    Args:
        document: where.
        type_name: of a known type.
        at: its top left corner on the canvas, in pixels.
        params: values that differ from the defaults.
        name: the id to give it, with a number where that is taken; None takes it from the type.

    Raises:
        EditRefused: unknown type, or a value that a widget doesn't take.
    """
    spec = document.specs.get(type_name)
    if spec is None:
        raise EditRefused(f"There is no node type {type_name!r}; a plugin may be missing.")
    if len(document.nodes) >= MAX_NODES:
        raise EditRefused(f"A graph holds {MAX_NODES:,} nodes at most.")
    node = Node(type=type_name, version=spec.version)
    node.params = {key: checked_value(document, node, key, v) for key, v in (params or {}).items()}
    new = new_id(document, type_name) if name is None else free_id(document, name)
    draft = Draft(document)
    draft.put("nodes", new, node)
    draft.put("layout", new, point(at))
    return draft.finish(f"Add {spaced(type_name)}", created=(new,))


# Parameters


def set_param(
    document: Document, name: str, param: str, value: Any, *, merge: str = ""
) -> Edit:
    """Give a parameter a value.

    Args:
        document: where.
        name: the node's id.
        param: of it. A node of unknown type takes any.
        value: JSON.
        merge: see `Edit`.

    Raises:
        EditRefused: no such node or parameter, or the widget doesn't take the value.
    """
    return set_params(document, {name: {param: value}}, f"Change {words(param)}", merge)


def set_params(
    document: Document, values: Mapping[str, Mapping[str, Any]], label: str, merge: str = ""
) -> Edit:
    """Give parameters values, by node and parameter, in one step.

    Raises:
        EditRefused: as `set_param`; then none is set.
    """
    draft = Draft(document)
    for name, given in values.items():
        node = draft.node(name)
        checked = {key: checked_value(document, node, key, value) for key, value in given.items()}
        draft.set_node(name, params={**node.params, **checked})
    return draft.finish(label, merge=merge)


def reset_param(document: Document, name: str, param: str) -> Edit:
    """Take a parameter's value out, so that it has its default.

    Raises:
        EditRefused: no such node.
    """
    draft = Draft(document)
    params = {key: v for key, v in draft.node(name).params.items() if key != param}
    draft.set_node(name, params=params)
    return draft.finish(f"Reset {words(param)}")


# Places


def move(
    document: Document,
    places: Mapping[str, Point],
    *,
    frames: Mapping[str, Rect] | None = None,
    merge: str = "",
) -> Edit:
    """Put nodes and frames where they are given; nodes stand on whole pixels.

    Args:
        document: where.
        places: top left corner by node, in pixels.
        frames: left, top, width and height by frame, in pixels.
        merge: see `Edit`.

    Raises:
        EditRefused: no such node or frame, or a number that isn't finite.
    """
    frames = frames or {}
    draft = Draft(document)
    for name, place in places.items():
        draft.node(name)
        draft.put("layout", name, point(place))
    for name, rect in frames.items():
        draft.set_frame(name, rect=rectangle(rect))
    return draft.finish(f"Move {count(document, places, frames)}", merge=merge)


# Names and modes


def rename(document: Document, name: str, title: str) -> Edit:
    """Call a node something else on the canvas; nothing, or its type's name, takes the usual one.

    Raises:
        EditRefused: no such node, or the title is too long.
    """
    draft = Draft(document)
    title = checked_title(title)
    usual = spaced(draft.node(name).type)
    draft.set_node(name, title="" if title == usual else title)
    return draft.finish(f"Rename to {title or usual}")


def rename_id(document: Document, name: str, new: str) -> Edit:
    """Give a node another id; its wires, place, looks and frames follow.

    Raises:
        EditRefused: no such node, or the id is no word or taken.
    """
    draft = Draft(document)
    node = draft.node(name)
    if new == name:
        return draft.finish("Rename")
    draft.put("nodes", checked_id(document, new), node)
    draft.put("nodes", name, ABSENT)
    for wire in document.wires_out_of(name):
        target = new if wire.target == name else wire.target
        _, dot, output = draft.node(target).inputs[wire.port].partition(".")
        draft.set_wire(target, wire.port, new + dot + output)
    for section in ("layout", "view"):
        if (value := draft.get(section, name)) is not ABSENT:
            draft.put(section, new, value)
            draft.put(section, name, ABSENT)
    for key, frame in document.frames.items():
        if name in frame.nodes:
            names = tuple(new if other == name else other for other in frame.nodes)
            draft.set_frame(key, nodes=names)
    return draft.finish(f"Rename to {new}", created=(new,))


def set_title(document: Document, title: str) -> Edit:
    """Give the graph a title.

    Raises:
        EditRefused: it is too long.
    """
    draft = Draft(document)
    draft.put("head", "title", checked_title(title))
    return draft.finish("Change title")


def set_mode(document: Document, names: Iterable[str], mode: Mode) -> Edit:
    """Mute, bypass or enable nodes.

    Raises:
        EditRefused: no such node.
    """
    names = list(names)
    draft = Draft(document)
    for name in names:
        draft.set_node(name, mode=mode)
    verb = {"normal": "Enable", "mute": "Mute", "bypass": "Bypass"}[mode]
    return draft.finish(f"{verb} {count(document, names)}")


def toggle_mode(document: Document, names: Iterable[str], mode: Mode) -> Edit:
    """Set nodes to a mode; if all have it already, back to normal.

    Raises:
        EditRefused: no such node.
    """
    names = list(names)
    draft = Draft(document)
    everywhere = all(draft.node(name).mode == mode for name in names)
    return set_mode(document, names, "normal" if everywhere else mode)


def use_cache(document: Document, names: Iterable[str], on: bool) -> Edit:
    """Let earlier results stand for runs of nodes, or have them run every time.

    Raises:
        EditRefused: no such node.
    """
    names = list(names)
    draft = Draft(document)
    for name in names:
        draft.set_node(name, cache=on)
    verb = "Use the cache of" if on else "Always run"
    return draft.finish(f"{verb} {count(document, names)}")


# Looks


def set_view(document: Document, names: Iterable[str], *, merge: str = "", **fields: Any) -> Edit:
    """Change how nodes look.

    Args:
        document: where.
        names: ids.
        merge: see `Edit`.
        **fields: of `NodeView`: collapsed, width, colour, sockets, seeds.

    Raises:
        EditRefused: no such node, or a value that can't be, in words.
    """
    names = list(names)
    draft = Draft(document)
    for name in names:
        draft.node(name)
        try:
            view = NodeView.model_validate({**draft.view(name).model_dump(), **fields})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise EditRefused(f"{first['loc'][0]}: {first['msg']}.") from None
        draft.set_view(name, view)
    verbs = {"collapsed": "Collapse" if fields.get("collapsed") else "Expand", "width": "Resize"}
    verb = verbs.get(next(iter(fields), ""), "Change")
    return draft.finish(f"{verb} {count(document, names)}", merge=merge)


def show_socket(document: Document, name: str, param: str, shown: bool) -> Edit:
    """Show a widget as a socket, or a socket as a widget again (a wire to it goes).

    Raises:
        EditRefused: no such node or widget.
    """
    draft = Draft(document)
    draft.node(name)
    spec = document.spec(name)
    if spec is None or param not in spec.param_by_name:
        raise EditRefused(f"{document.title_of(name)} has no widget {param!r}.")
    view = draft.view(name)
    sockets = tuple(other for other in view.sockets if other != param)
    if shown:
        sockets = (*sockets, param) if param not in view.sockets else view.sockets
    draft.set_view(name, view.model_copy(update={"sockets": sockets}))
    if not shown and param in document.wires_into(name):
        draft.set_wire(name, param, None)
    return draft.finish(f"Show {words(param)} as {'a socket' if shown else 'a widget'}")
