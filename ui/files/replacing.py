"""A document made equal to another graph, as one edit that can be undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.editing.changes import ABSENT, SECTIONS, Change, Edit
from studio.editing.document import Document

if TYPE_CHECKING:
    from studio.graph.document import Graph


def replace_graph(document: Document, graph: Graph, label: str) -> Edit:
    """The edit that turns a document into `graph`.

    Args:
        document: stays as it is.
        graph: taken over.
        label: for the undo menu.
    """
    wanted = Document(graph, document.specs)
    changes = []
    for section in SECTIONS:
        old: dict[str, Any] = getattr(document, section)
        new: dict[str, Any] = getattr(wanted, section)
        for key in {**old, **new}:
            before, after = old.get(key, ABSENT), new.get(key, ABSENT)
            if before != after:
                changes.append(Change(section, key, before, after))
    return Edit(label, tuple(changes))
