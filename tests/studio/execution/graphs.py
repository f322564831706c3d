"""Small real nodes for the tests of keys, plan and executor."""

from __future__ import annotations

from typing import NamedTuple

from graph_bench import Bench, graph

from studio.context import Context
from studio.errors import StudioError
from studio.node import node
from studio.registry import Registry, in_module
from studio.values import Image, Model

__all__ = ["Bench", "graph", "with_test_nodes"]


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


@node("PassModel", category="Test")
def pass_model(model: Model) -> Model:
    """A recipe from a recipe, as a LoRA would be."""
    return model


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
