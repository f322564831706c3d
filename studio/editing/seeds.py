"""Seeds between runs: fixed, drawn, counted up or down; and which one the last run had."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

from studio.editing.changes import Change, Edit, EditRefused, tidy
from studio.params import SEED_MAX, Seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.editing.document import Document
    from studio.graph.document import Node

SeedMode = Literal["fixed", "random", "increment", "decrement"]
MODES: tuple[SeedMode, ...] = ("fixed", "random", "increment", "decrement")

DRAWN = 2**32
"""Drawn seeds are below this: ten digits can be read out and typed, and never run out."""


def advance_seeds(document: Document, rng: random.Random) -> Edit:
    """Give every seed that isn't fixed its next value; to be done before each queued run.

    Args:
        document: what `NodeView.seeds` says of its seeds decides.
        rng: draws the random ones.

    Returns:
        an edit; empty where all seeds are fixed or come by wires.
    """
    values: dict[str, dict[str, int]] = {}
    for name, param, mode in _moving(document):
        value = _value(document, name, param)
        values.setdefault(name, {})[param] = _next(value, mode, rng)
    changes = [_set(document, name, params) for name, params in values.items()]
    return Edit("Next seed" if len(changes) == 1 else "Next seeds", tidy(changes))


def roll(document: Document, name: str, param: str, rng: random.Random | None = None) -> Edit:
    """Throw the dice once: another seed, whatever its mode.

    Raises:
        EditRefused: it comes by a wire, or there is no such seed.
    """
    _demand_seed(document, name, param)
    if param in document.wires_into(name):
        raise EditRefused(f"{param} of {document.title_of(name)} comes by a wire")
    value = (rng or random.SystemRandom()).randrange(DRAWN)
    return Edit("New seed", tidy([_set(document, name, {param: value})]))


def mode_of(document: Document, name: str, param: str) -> SeedMode:
    """What happens to a seed before each run."""
    return document.view_of(name).seeds.get(param, "fixed")


def set_seed_mode(document: Document, name: str, param: str, mode: SeedMode) -> Edit:
    """Say what happens to a seed before each run.

    Raises:
        EditRefused: there is no such seed.
    """
    from studio.editing.edits import set_view

    _demand_seed(document, name, param)
    seeds = {key: value for key, value in document.view_of(name).seeds.items() if key != param}
    if mode != "fixed":
        seeds[param] = mode
    edit = set_view(document, [name], seeds=seeds)
    return Edit(f"Seed {mode}", edit.changes)


_last: WeakKeyDictionary[Document, dict[tuple[str, str], int]] = WeakKeyDictionary()


def remember(document: Document) -> None:
    """Note the seeds as they are: a run was queued with them."""
    noted = _last.setdefault(document, {})
    for name, node in document.nodes.items():
        spec = document.specs.get(node.type)
        for param in spec.params if spec else ():
            if isinstance(param.marker, Seed) and param.name not in node.inputs:
                value = _value(document, name, param.name)
                if isinstance(value, int):
                    noted[name, param.name] = value


def last_used(document: Document, name: str, param: str) -> int | None:
    """The seed that the last queued run had; None where it had none."""
    return _last.get(document, {}).get((name, param))


def _moving(document: Document) -> Iterator[tuple[str, str, SeedMode]]:
    for name, view in document.view.items():
        if not view.seeds or (node := document.nodes.get(name)) is None:
            continue
        for param, mode in view.seeds.items():
            if param not in node.inputs and _is_seed(document, node, param):
                yield name, param, mode


def _value(document: Document, name: str, param: str) -> object:
    node = document.nodes[name]
    spec = document.specs[node.type]
    return node.params.get(param, spec.param_by_name[param].default)


def _is_seed(document: Document, node: Node, param: str) -> bool:
    spec = document.specs.get(node.type)
    found = spec.param_by_name.get(param) if spec else None
    return found is not None and isinstance(found.marker, Seed)


def _demand_seed(document: Document, name: str, param: str) -> None:
    node = document.nodes.get(name)
    if node is None or not _is_seed(document, node, param):
        raise EditRefused(f"{name} has no seed {param}")


def _next(value: object, mode: SeedMode, rng: random.Random) -> int:
    if mode == "random":
        return rng.randrange(DRAWN)
    now = value if isinstance(value, int) and 0 <= value <= SEED_MAX else 0
    return (now + (1 if mode == "increment" else -1)) % (SEED_MAX + 1)


def _set(document: Document, name: str, params: dict[str, int]) -> Change:
    node = document.nodes[name]
    return Change("nodes", name, node, node.model_copy(update={"params": node.params | params}))
