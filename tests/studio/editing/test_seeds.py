"""Seeds between runs."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from studio.editing import seeds
from studio.editing.changes import EditRefused
from studio.editing.document import Document
from studio.graph.document import Graph, Node, NodeView
from studio.params import SEED_MAX

if TYPE_CHECKING:
    from studio.registry import Registry


@pytest.fixture
def document(registry: Registry) -> Document:
    nodes = {
        "a": Node(type="KSampler", params={"seed": 41}),
        "b": Node(type="KSampler", params={"seed": SEED_MAX}),
        "c": Node(type="Seed"),
        "d": Node(type="KSampler", inputs={"seed": "c"}),
        "e": Node(type="Gone", params={"seed": 1}),
    }
    return Document(Graph(nodes=nodes), registry)


def mode(document: Document, name: str, param: str, mode: seeds.SeedMode) -> None:
    document.apply(seeds.set_seed_mode(document, name, param, mode).changes)


def seed(document: Document, name: str, param: str = "seed") -> object:
    return document.nodes[name].params.get(param)


def test_fixed_seeds_stay(document: Document) -> None:
    assert not seeds.advance_seeds(document, random.Random(1))


def test_every_mode(document: Document) -> None:
    mode(document, "a", "seed", "increment")
    mode(document, "b", "seed", "increment")
    mode(document, "c", "value", "decrement")
    edit = seeds.advance_seeds(document, random.Random(1))
    before = document.dumps()
    document.apply(edit.changes)
    assert seed(document, "a") == 42
    assert seed(document, "b") == 0
    assert seed(document, "c", "value") == SEED_MAX
    document.revert(edit.changes)
    assert document.dumps() == before


def test_random_ones_are_drawn(document: Document) -> None:
    mode(document, "a", "seed", "random")
    drawn = set()
    rng = random.Random(5)
    for _ in range(20):
        document.apply(seeds.advance_seeds(document, rng).changes)
        drawn.add(seed(document, "a"))
    assert len(drawn) == 20
    assert all(isinstance(value, int) and 0 <= value < 2**32 for value in drawn)


def test_modes_are_kept_in_the_view_and_undone(document: Document) -> None:
    before = document.dumps()
    edit = seeds.set_seed_mode(document, "a", "seed", "random")
    document.apply(edit.changes)
    assert document.view["a"] == NodeView(seeds={"seed": "random"})
    assert seeds.mode_of(document, "a", "seed") == "random"
    assert edit.label == "Seed random"
    mode(document, "a", "seed", "fixed")
    assert document.dumps() == before


def test_wired_seeds_are_left_alone(document: Document) -> None:
    mode(document, "d", "seed", "random")
    assert not seeds.advance_seeds(document, random.Random(1))
    with pytest.raises(EditRefused, match="comes by a wire"):
        seeds.roll(document, "d", "seed")


def test_the_dice(document: Document) -> None:
    edit = seeds.roll(document, "a", "seed", random.Random(3))
    document.apply(edit.changes)
    assert seed(document, "a") == random.Random(3).randrange(seeds.DRAWN)
    for name, param in (("a", "steps"), ("gone", "seed"), ("e", "seed")):
        with pytest.raises(EditRefused):
            seeds.roll(document, name, param)
        with pytest.raises(EditRefused):
            seeds.set_seed_mode(document, name, param, "random")


def test_the_seed_used_last(document: Document) -> None:
    assert seeds.last_used(document, "a", "seed") is None
    seeds.remember(document)
    document.apply(seeds.roll(document, "a", "seed", random.Random(3)).changes)
    assert seeds.last_used(document, "a", "seed") == 41
    assert seeds.last_used(document, "c", "value") == 0
    assert seeds.last_used(document, "d", "seed") is None
