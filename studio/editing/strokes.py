"""Edits of what is painted on a node: lists of items that grow and shrink at their end.

An item that is there already was checked when it came. The dicts of items are shared between all
states of the document and are never looked at again, so that one more stroke on a mask of
thousands costs a copy of a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.editing.draft import Draft
from studio.masks.items import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from studio.editing.changes import Edit
    from studio.editing.document import Document
    from studio.graph.document import Graph, Node

MASK, SKETCH = "strokes", "sketch"
"""The parameters that hold items."""


def items_of(document: Document, node: str, param: str) -> Sequence[Any]:
    """The items in a node's parameter as they stand in the document, not to be changed; none
    where it holds something else."""
    value = document.nodes[node].params.get(param)
    items = value.get("items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else ()


def add_items(
    document: Document,
    node: str,
    param: str,
    items: Iterable[Mapping[str, Any]],
    label: str,
    merge: str = "",
) -> Edit:
    """Put more items on, as one step.

    Args:
        document: where.
        node: the node's id.
        param: `MASK` or `SKETCH`.
        items: canonical JSON of sound ones; taken over, never to be changed.
        label: for the undo menu.
        merge: see `Edit`.

    Raises:
        EditRefused: there is no such node.
    """
    Draft(document).node(node)
    before = items_of(document, node, param)
    return set_items(document, node, {param: [*before, *items]}, label, merge)


def set_items(
    document: Document,
    node: str,
    items: Mapping[str, Iterable[Mapping[str, Any]]],
    label: str,
    merge: str = "",
) -> Edit:
    """Give parameters other items, as one step. The dicts are taken over; they must be sound.

    Raises:
        EditRefused: there is no such node.
    """
    draft = Draft(document)
    params = dict(draft.node(node).params)
    for name, found in items.items():
        params[name] = {"version": VERSION, "items": list(found)}
    draft.set_node(node, params=params)
    return draft.finish(label, merge=merge)


def imported_hashes(graph: Graph) -> tuple[str, ...]:
    """The imported masks that lie beside a graph, each once; what makes no sense is passed by."""
    return _hashes(graph.nodes.values())


def _hashes(nodes: Iterable[Node]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    seen: set[int] = set()  # states of a node share the dicts of their items
    for node in nodes:
        value = node.params.get(MASK)
        items = value.get("items") if isinstance(value, dict) else None
        for item in items if isinstance(items, list) else ():
            if id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, dict) and item.get("t") == "raster" and "data" not in item:
                name = item.get("hash")
                if isinstance(name, str) and len(name) == 64 and name.isalnum():
                    found[name] = None
    return tuple(found)


def carry_masks(graph: Graph, old: Path, new: Path, past: Sequence[Node] = ()) -> list[str]:
    """Copy the imported masks of a graph that is saved in another folder.

    Args:
        graph: it.
        old, new: folders.
        past: nodes as they were or may be again: undo and redo go on in the other folder.

    Returns:
        What couldn't be copied, in words for a person: the graph is saved all the same. Nothing
        is said of what is missing in the past alone.
    """
    if old == new:
        return []
    hashes = imported_hashes(graph)
    before = tuple(name for name in _hashes(past) if name not in hashes)
    if not hashes and not before:
        return []
    from studio.errors import StudioError
    from studio.masks.imported import moved
    from studio.masks.items import Raster, Strokes

    troubles = []
    for name in (*hashes, *before):
        try:
            moved(Strokes((Raster(hash=name),)), old, new)
        except StudioError as error:
            if name in hashes:
                troubles.append(str(error))
    return troubles
