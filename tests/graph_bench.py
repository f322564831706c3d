"""Runs graphs in one session as the command line does, and remembers what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studio.execution import events
from studio.execution.executor import Executor, RunResult
from studio.graph.files import from_json

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from studio.execution.plan import Plan
    from studio.graph.document import Graph
    from studio.session import Session


def document(**nodes: Sequence[Any]) -> dict[str, Any]:
    """The JSON of a graph of `name=(type, params, inputs)`."""
    return {
        "format": "latent-studio",
        "version": 1,
        "nodes": {
            name: {
                "type": parts[0],
                "params": parts[1] if len(parts) > 1 else {},
                "inputs": parts[2] if len(parts) > 2 else {},
            }
            for name, parts in nodes.items()
        },
    }


def graph(**nodes: Sequence[Any]) -> Graph:
    """A graph of `name=(type, params, inputs)`."""
    return from_json(document(**nodes))


@dataclass
class Bench:
    """Plans and runs graphs in one session; remembers what happened."""

    session: Session
    folder: Path
    events: list[events.Event] = field(default_factory=list)

    def plan(self, document: Graph, only: Sequence[str] = (), name: str = "graph") -> Plan:
        path = self.folder / f"{name}.json"
        environment = self.session.environment(path)
        checked = self.session.check(document, environment, path, only)
        return self.session.plan(checked, environment, path)

    def executor(self, cancel: threading.Event | None = None) -> Executor:
        return Executor(self.session.cache, self.session.policy, self.session.models, cancel)

    def run(
        self,
        document: Graph,
        only: Sequence[str] = (),
        name: str = "graph",
        cancel: threading.Event | None = None,
        executor: Executor | None = None,
    ) -> RunResult:
        """Run a graph; `executor` keeps models warm between runs."""
        self.events.clear()
        path = self.folder / f"{name}.json"
        executor = executor or self.executor(cancel)
        return executor.run(
            self.plan(document, only, name), self.session.environment(path), self.events.append
        )

    def value(self, document: Graph, node: str, output: str | None = None, **options: Any) -> Any:
        """What a node of a graph gives; the test fails where the run does."""
        result = self.run(document, [node], **options)
        if result.error is not None:
            raise result.error
        values = result.values[node]
        return values[output] if output else next(iter(values.values()))

    @property
    def ran(self) -> list[str]:
        return [e.node for e in self.events if isinstance(e, events.NodeStarted)]

    @property
    def cached(self) -> dict[str, str]:
        return {e.node: e.tier for e in self.events if isinstance(e, events.NodeCached)}

    @property
    def warned(self) -> list[str]:
        return [e.message for e in self.events if isinstance(e, events.Warned)]
