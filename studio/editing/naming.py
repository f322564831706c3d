"""Ids of new nodes and frames: words a person can type, never one that is in use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from studio.editing.changes import EditRefused
from studio.editing.document import spaced
from studio.graph.document import ID_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from studio.editing.document import Document

_LONGEST = 64


def new_id(document: Document, type_name: str, taken: Collection[str] = ()) -> str:
    """An id for a new node of a type: "k_sampler", then "k_sampler_2" …

    Args:
        document: what the node will be in.
        type_name: of the node; an unknown one may be any text.
        taken: further ids that are in use.
    """
    words = re.sub(r"[^a-z0-9]+", "_", _snake(type_name)).strip("_")
    return free_id(document, words or "node", taken)


def free_id(document: Document, wish: str, taken: Collection[str] = ()) -> str:
    """`wish`, or with a number behind it where a node has that id already."""
    return _numbered(wish, lambda name: name in taken or _in_use(document, name))


def free_frame_id(document: Document, wish: str, taken: Collection[str] = ()) -> str:
    """`wish`, or with a number behind it where a frame has that id already."""
    return _numbered(wish, lambda name: name in taken or name in document.frames)


def checked_id(document: Document, name: str) -> str:
    """`name`, if a node can have it as its new id.

    Raises:
        EditRefused: it is no id, or in use.
    """
    if not re.match(ID_PATTERN, name):
        raise EditRefused(
            f"{name!r} can't be an id: it is a word of letters, digits, _ and -, starting with a "
            "letter, at most 64 characters."
        )
    if name in document.nodes:
        raise EditRefused(f"There is a node {name!r} already.")
    if _in_use(document, name):
        raise EditRefused(f"{name!r} is named by a wire or a frame of this graph already.")
    return name


def _snake(type_name: str) -> str:
    return spaced(type_name).replace("KSampler", "K_Sampler").lower()


def _in_use(document: Document, name: str) -> bool:
    # A wire of the file from a node that isn't there must not find one by chance.
    return (
        name in document.nodes
        or name in document.layout
        or name in document.view
        or bool(document.wires_out_of(name))
    )


def _numbered(wish: str, used: Callable[[str], bool]) -> str:
    stem = re.sub(r"_\d{1,6}$", "", wish) or "node"
    if not re.match(ID_PATTERN, stem[:1]):
        stem = f"_{stem}"
    stem = stem[: _LONGEST - 7].rstrip("_") or "node"
    if re.match(ID_PATTERN, wish) and not used(wish):
        return wish
    if not used(stem):
        return stem
    # The lowest where numbers run without gaps, and never a step for each: a graph may hold
    # thousands of reroutes.
    low, high = 1, 2
    while used(f"{stem}_{high}"):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if used(f"{stem}_{middle}"):
            low = middle
        else:
            high = middle
    return f"{stem}_{high}"
