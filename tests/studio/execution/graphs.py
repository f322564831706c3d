"""Small real nodes and helpers for the tests of keys, plan and executor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from studio.context import Context
from studio.errors import StudioError
from studio.execution import events
from studio.execution.executor import Executor, RunResult
from studio.graph.files import from_json
from studio.node import node
from studio.registry import Registry, in_module
from studio.values import Image

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from studio.execution.plan import Plan
    from studio.graph.document import Graph
    from studio.session import Session


class Pair(NamedTuple):
    first: Image
    second: Image


@node("Slow", category="Test")
def slow(image: Image, *, steps: int = 3, wait: float = 0.03, context: Context) -> Image:
    """Costs enough to be worth keeping on disk."""
    import time

    for step in range(steps):
        time.sleep(wait / steps)
        context.progress(step + 1, steps)
    return Image(1 - image.pixels)


@node("Split", category="Test")
def split(image: Image) -> Pair:
    """Two outputs."""
    return Pair(image, Image(1 - image.pixels))


@node("Mean", category="Test")
def mean(first: Image, second: Image | None = None, *, weight: float = 0.5) -> Image:
    """Two sockets, one of them optional."""
    if second is None:
        return first
    return Image(first.pixels * weight + second.pixels * (1 - weight))


@node("Fails", category="Test")
def fails(image: Image, *, how: str = "studio") -> Image:
    """Raises what it is told."""
    if how == "studio":
        raise StudioError("the widget is bent.", hint="Straighten it.")
    if how == "memory":
        raise MemoryError
    if how == "type":
        return how  # type: ignore[return-value]
    raise ValueError("odd")


@node("NotANumber", category="Test")
def not_a_number(image: Image, *, value: float = 0.0, bad: str = "nan") -> Image:
    """Poisons one pixel."""
    pixels = image.pixels.clone()
    pixels[0, 0, 0, 0] = float(bad)
    return Image(pixels)


@node("Level", category="Test")
def level(image: Image) -> float:
    """A number out of a picture."""
    return float(image.pixels.mean()) * 3


@node("Cancels", category="Test")
def cancels(image: Image, *, context: Context) -> Image:
    """Asks to be cancelled in the middle of its work."""
    context._run.executor.cancel.set()  # type: ignore[attr-defined]
    context.progress(1, 2)
    raise AssertionError("a cancelled node went on")


def with_test_nodes(registry: Registry) -> Registry:
    """The built-in nodes and those above."""
    import sys

    return Registry([*registry.values(), *in_module(sys.modules[__name__])])


def graph(**nodes: Sequence[Any]) -> Graph:
    """A graph of `name=(type, params, inputs)`."""
    documents = {
        name: {
            "type": parts[0],
            "params": parts[1] if len(parts) > 1 else {},
            "inputs": parts[2] if len(parts) > 2 else {},
        }
        for name, parts in nodes.items()
    }
    return from_json({"format": "latent-studio", "version": 1, "nodes": documents})


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

    def run(
        self,
        document: Graph,
        only: Sequence[str] = (),
        name: str = "graph",
        cancel: threading.Event | None = None,
    ) -> RunResult:
        self.events.clear()
        path = self.folder / f"{name}.json"
        executor = Executor(self.session.cache, self.session.policy, self.session.models, cancel)
        return executor.run(
            self.plan(document, only, name), self.session.environment(path), self.events.append
        )

    @property
    def ran(self) -> list[str]:
        return [e.node for e in self.events if isinstance(e, events.NodeStarted)]

    @property
    def cached(self) -> dict[str, str]:
        return {e.node: e.tier for e in self.events if isinstance(e, events.NodeCached)}
