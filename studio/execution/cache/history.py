"""What each node's key was at the last run: from it a plan says why a node runs again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of a node.

    Args:
        key: of its outputs, when it was last run or found in the cache.
        text: the signature as JSON; most are never looked at, so it is decoded on demand.
    """

    key: str
    text: str

    @property
    def signature(self) -> dict[str, Any]:
        """What went into the key, to be compared with today's; empty where it is damaged."""
        try:
            signature = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return signature if isinstance(signature, dict) else {}


Rows = list[tuple[str, str, str, str, float]]


def rows(graph: str, nodes: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Rows:
    """The table's rows for `nodes`: id to (key, signature).

    Raises:
        TypeError, ValueError: a signature that is not JSON.
    """
    now = time.time()
    dump = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    return [
        (graph, node, key, dump(dict(signature)), now)
        for node, (key, signature) in sorted(nodes.items())
    ]


def write(connection: sqlite3.Connection, rows: Rows) -> None:
    """Write the rows over what was remembered of the same nodes."""
    connection.executemany("INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?)", rows)


def read(connection: sqlite3.Connection, graph: str) -> dict[str, Remembered]:
    """All that is remembered of a graph, by node id."""
    query = "SELECT node, key, signature FROM history WHERE graph = ?"
    return {
        node: Remembered(key, text)
        for node, key, text in connection.execute(query, (graph,))
        if isinstance(key, str) and isinstance(text, str)  # else damaged: as if it never ran
    }
