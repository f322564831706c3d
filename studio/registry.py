"""Finds node types: the built-in `nodes` package and plugins.

A plugin is an installed package with an entry point in the group `latent_studio.nodes` that names
a module; every function declared with `@node` in that module becomes a node.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from studio.errors import StudioError
from studio.spec import NodeSpec

if TYPE_CHECKING:
    from types import ModuleType

GROUP = "latent_studio.nodes"
BUILT_IN = "nodes"


class DuplicateNode(StudioError):
    """Two declarations share a type name."""

    def __init__(self, type_name: str, first: str, second: str) -> None:
        super().__init__(
            f"The node type {type_name} is declared twice: {first} and {second}.",
            hint="Rename one, or uninstall one of the plugins.",
        )


class Registry(Mapping[str, NodeSpec]):
    """Node types by name.

    Args:
        specs: the node types.
        problems: plugins that could not be loaded, in words.
    """

    def __init__(self, specs: Iterable[NodeSpec] = (), problems: Iterable[str] = ()) -> None:
        self._specs: dict[str, NodeSpec] = {}
        self.problems = tuple(problems)
        for spec in specs:
            if spec.type in self._specs:
                raise DuplicateNode(spec.type, self._specs[spec.type].source, spec.source)
            self._specs[spec.type] = spec

    @classmethod
    def load(cls) -> Registry:
        """The built-in nodes and those of every plugin that loads.

        A broken plugin is reported in `problems` and costs only its own nodes: the rest of the
        program, and graphs that don't use it, go on.
        """
        specs = list(built_in())
        taken = {spec.type: spec.source for spec in specs}
        problems: list[str] = []
        for entry in importlib.metadata.entry_points(group=GROUP):
            try:
                found = list(in_module(entry.load()))
            except Exception as error:
                problems.append(f"plugin {entry.name} ({entry.value}): {error}")
                continue
            for spec in found:
                if spec.type in taken:
                    clash = DuplicateNode(spec.type, taken[spec.type], spec.source)
                    problems.append(f"plugin {entry.name}: {clash}")
                    continue
                taken[spec.type] = spec.source
                specs.append(spec)
        return cls(specs, problems)

    def __getitem__(self, type_name: str) -> NodeSpec:
        return self._specs[type_name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)


def in_module(module: ModuleType) -> Iterator[NodeSpec]:
    """The nodes declared in a module (imported ones are left to their own module)."""
    for value in list(vars(module).values()):
        spec = getattr(value, "__node_spec__", None)
        if isinstance(spec, NodeSpec) and spec.function.__module__ == module.__name__:
            yield spec


def built_in() -> Iterator[NodeSpec]:
    """The nodes of the `nodes` package, by name, so that the engine never imports it statically."""
    package = importlib.import_module(BUILT_IN)
    for info in sorted(
        pkgutil.walk_packages(package.__path__, f"{BUILT_IN}."), key=lambda info: info.name
    ):
        yield from in_module(importlib.import_module(info.name))
