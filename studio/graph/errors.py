"""Faults of a graph: each says where, what, and what to do; all are reported at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a graph.

    Args:
        path: place in the file, "nodes.sampler.params.steps"; empty for the file as a whole.
        message: what is wrong and what to do.
        node: id of the node, where it is one node's fault.
        port: socket, widget or output of that node.
        blocking: False where nothing that is asked for depends on it.
    """

    path: str
    message: str
    node: str | None = None
    port: str | None = None
    blocking: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "message": self.message,
            "node": self.node,
            "port": self.port,
            "blocking": self.blocking,
        }


class GraphError(InputError):
    """A graph that can't be loaded or run, with every fault found.

    Args:
        source: the file, or "standard input".
        faults: at least one.
    """

    def __init__(self, source: str, faults: Sequence[Fault]) -> None:
        self.source = source
        self.faults = tuple(faults)
        head = f"{source}: {len(faults)} faults" if len(faults) > 1 else source
        separator = "\n  " if len(faults) > 1 else ": "
        super().__init__(head + "".join(f"{separator}{fault}" for fault in faults))


class GraphFileError(GraphError):
    """The file isn't a graph of this format."""


class GraphInvalid(GraphError):
    """The graph is well formed and can't run."""
