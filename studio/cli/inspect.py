"""`nodes`, `cache` and `schema`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from studio.cli.show import output_console, table_of
from studio.describe import describe, json_schema
from studio.errors import InputError, StudioError
from studio.execution.cache import Cache, DiskInfo
from studio.places import Places
from studio.registry import Registry
from studio.settings import parse_size
from studio.words import nearest, size

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from studio.spec import NodeSpec

console = output_console()


class NoSuchNode(InputError):
    """`nodes NAME` of a type that isn't there."""

    def __init__(self, name: str, registry: Registry) -> None:
        super().__init__(f"There is no node type {name!r}.{nearest(name, registry)}")


def nodes(name: str | None, *, as_json: bool) -> int:
    """List the node types, or show one whole."""
    registry = Registry.load()
    if name is not None and name not in registry:
        raise NoSuchNode(name, registry)
    chosen = [registry[name]] if name else sorted(registry.values(), key=_by_category)
    if as_json:
        console.print_json(json.dumps([describe(spec) for spec in chosen]))
        return 0
    if name:
        _show(chosen[0])
    else:
        rows = [
            {"category": spec.category, "node": spec.type, "": spec.help.summary} for spec in chosen
        ]
        console.print(table_of(rows))
    for problem in registry.problems:
        console.print(f"warning: {problem}", markup=False)
    return 0


def _by_category(spec: NodeSpec) -> tuple[str, str]:
    return spec.category, spec.type


def _show(spec: NodeSpec) -> None:
    console.print(f"[bold]{spec.type}[/]  version {spec.version}, {spec.category}")
    console.print(spec.help.summary, markup=False)
    if spec.help.description:
        console.print("\n" + spec.help.description, markup=False)
    if spec.inputs:
        rows = [
            {
                "input": port.name,
                "type": port.type + (" (optional)" if port.optional else ""),
                "": spec.help.args.get(port.name, ""),
            }
            for port in spec.inputs
        ]
        console.print()
        console.print(table_of(rows))
    if spec.params:
        rows = []
        for param in spec.params:
            choices = param.marker.describe().get("choices")
            rows.append(
                {
                    "parameter": param.name,
                    "value": ", ".join(choices) if choices else param.range_words(),
                    "default": "(needed)" if param.required else json.dumps(param.default),
                    "": spec.help.args.get(param.name, ""),
                }
            )
        console.print()
        console.print(table_of(rows))
    if spec.outputs:
        console.print()
        console.print(table_of([{"output": p.name, "type": p.type} for p in spec.outputs]))
        console.print(spec.help.returns, markup=False)


class NoCache(StudioError):
    """The cache folder can't be used (the log says why)."""

    def __init__(self, places: Places) -> None:
        super().__init__(
            f"The cache folder {places.cache} can't be used.", hint="doctor says what is wrong."
        )


@contextmanager
def _disk() -> Iterator[tuple[Places, Cache, DiskInfo]]:
    """The cache of the user, and what its disk tier holds."""
    places = Places.load()
    with Cache(places.cache, places.settings.cache_budget) as cache:
        info = cache.info().disk
        if info is None:
            raise NoCache(places)
        yield places, cache, info


def cache_info(*, as_json: bool) -> int:
    """Show what the cache holds."""
    with _disk() as (_, _, info):
        pass
    if as_json:
        data = {
            "path": str(info.path),
            "entries": info.entries,
            "bytes": info.bytes,
            "budget": info.budget,
            "by_type": {
                name: {"entries": count, "bytes": total}
                for name, (count, total) in info.by_type.items()
            },
        }
        console.print_json(json.dumps(data))
        return 0
    console.print(f"{info.path}", markup=False)
    console.print(f"{info.entries} results, {size(info.bytes)} of {size(info.budget)}")
    if info.by_type:
        rows = [
            {"node type": name or "?", "results": str(count), "size": size(total)}
            for name, (count, total) in info.by_type.items()
        ]
        console.print(table_of(rows))
    return 0


def cache_clear() -> int:
    """Drop every result; pictures are untouched."""
    with _disk() as (_, cache, before):
        cache.clear()
    console.print(f"dropped {before.entries} results, {size(before.bytes)}")
    return 0


def cache_prune(to: str | None) -> int:
    """Drop the least recently used results down to a size."""
    with _disk() as (places, cache, before):
        cache.prune(parse_size(to) if to else places.settings.cache_budget)
        after = cache.info().disk
    assert after is not None
    console.print(
        f"dropped {before.entries - after.entries} results; {after.entries} left, "
        f"{size(after.bytes)}"
    )
    return 0


def schema(out: Path | None) -> int:
    """Print the JSON Schema of graph files."""
    text = json.dumps(json_schema(Registry.load()), indent=2)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)  # noqa: T201  - the result, for pipes
    return 0
