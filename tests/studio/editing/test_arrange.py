"""Where nodes stand: automatic layout, alignment, room for new ones."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from edit_bench import FLOW, MESSY, do, open_document

from studio.editing import arrange
from studio.editing.changes import EditRefused
from studio.editing.layered import layered

if TYPE_CHECKING:
    from studio.editing.document import Document
    from studio.registry import Registry

SIZE = (220.0, 160.0)


def boxes(document: Document, names: Any = None) -> dict[str, tuple[float, float, float, float]]:
    return {name: (*document.position(name), *SIZE) for name in names or document.nodes}


def overlapping(found: dict[str, tuple[float, float, float, float]]) -> list[tuple[str, str]]:
    return [
        (a, b)
        for a, (ax, ay, aw, ah) in found.items()
        for b, (bx, by, bw, bh) in found.items()
        if a < b and ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah
    ]


def test_layers_go_along_the_wires(registry: Registry) -> None:
    document = open_document(registry, layout={"checkpoint": (96, 40), "sampler": (500, 300)})
    edit = do(document, arrange.auto_layout(document, {}))
    assert edit.label == "Arrange 7 nodes"
    assert not overlapping(boxes(document))
    for wire in document.wires():
        left, right = document.position(wire.source.node), document.position(wire.target)
        assert left[0] + SIZE[0] < right[0]
    # Their corner stays.
    assert min(x for x, _ in document.layout.values()) == 96
    # What nothing feeds stands right before what it feeds.
    assert document.position("latent")[0] == document.position("positive")[0]
    assert not arrange.auto_layout(document, {}), "arranging twice changes nothing more"


def test_only_what_is_selected_is_arranged(registry: Registry) -> None:
    document = open_document(registry, layout={"decode": (5, 5), "save": (5, 5), "latent": (9, 9)})
    edit = do(document, arrange.auto_layout(document, {}, ["decode", "save"]))
    assert {change.key for change in edit.changes} == {"decode", "save"} - {
        name for name in ("decode", "save") if document.position(name) == (5, 5)
    }
    assert document.position("save")[0] > document.position("decode")[0] + 220
    with pytest.raises(EditRefused, match="no nodes to arrange"):
        arrange.auto_layout(document, {}, [])
    with pytest.raises(EditRefused, match="no node 'nobody'"):
        arrange.auto_layout(document, {}, ["nobody"])


def test_nodes_of_a_frame_stay_together(registry: Registry) -> None:
    frames = {
        "prompts": {"nodes": ["positive", "negative"]},
        "all": {"nodes": ["positive", "negative", "latent"]},
        "across": {"nodes": ["latent", "save", "decode", "sampler"]},
    }
    document = open_document(registry, frames=frames)
    do(document, arrange.auto_layout(document, {}))
    assert not overlapping(boxes(document))
    inner, outer = document.frames["prompts"].rect, document.frames["all"].rect
    assert outer[0] < inner[0]
    assert outer[1] < inner[1]
    assert outer[0] + outer[2] > inner[0] + inner[2]
    for name in ("checkpoint", "sampler", "decode", "save"):
        x, y = document.position(name)
        assert x >= outer[0] + outer[2] or x + 220 <= outer[0] or y >= outer[1] + outer[3], name


def test_a_messy_graph_is_arranged(registry: Registry) -> None:
    document = open_document(registry, **MESSY)
    do(document, arrange.auto_layout(document, {}))
    assert not overlapping(boxes(document))


@pytest.mark.parametrize("seed", range(5))
def test_random_boxes_never_overlap(seed: int) -> None:
    rng = Random(seed)
    count = 60
    sizes = [(rng.uniform(100, 400), rng.uniform(40, 600)) for _ in range(count)]
    edges = [(rng.randrange(count), rng.randrange(count)) for _ in range(count)]
    places = layered(sizes, edges)
    for i, ((ax, ay), (aw, ah)) in enumerate(zip(places, sizes, strict=True)):
        for (bx, by), (bw, bh) in list(zip(places, sizes, strict=True))[:i]:
            assert ax >= bx + bw or bx >= ax + aw or ay >= by + bh - 1e-6 or by >= ay + ah - 1e-6


def test_a_thousand_nodes_find_their_places(registry: Registry) -> None:
    rng = Random(1)
    nodes: dict[str, Any] = {"n0": {"type": "Reroute"}}
    for i in range(1, 1000):
        near = rng.randrange(max(0, i - 40), i)
        nodes[f"n{i}"] = {"type": "VAEDecode", "inputs": {"latent": f"n{near}", "vae": "n0"}}
    document = open_document(registry, nodes)
    document.apply(arrange.auto_layout(document, {}).changes)
    assert len(set(document.layout.values())) == 1000


@pytest.mark.parametrize(
    ("how", "places"),
    [
        ("left", {"a": (0, 0), "b": (0, 50)}),
        ("right", {"a": (200, 0), "b": (100, 50)}),
        ("top", {"a": (0, 0), "b": (100, 0)}),
        ("bottom", {"a": (0, 150), "b": (100, 50)}),
        ("centre", {"a": (100, 0), "b": (50, 50)}),
        ("middle", {"a": (0, 75), "b": (100, 25)}),
    ],
)
def test_aligning(registry: Registry, how: Any, places: dict[str, tuple[float, float]]) -> None:
    nodes = {"a": {"type": "Reroute"}, "b": {"type": "Reroute"}}
    document = open_document(registry, nodes, layout={"a": (0, 0), "b": (100, 50)})
    sizes = {"a": (100.0, 50.0), "b": (200.0, 150.0)}
    edit = do(document, arrange.align(document, sizes, ["a", "b"], how))
    assert edit.label == "Align 2 nodes"
    assert {name: document.position(name) for name in nodes} == places
    with pytest.raises(EditRefused, match="two nodes"):
        arrange.align(document, sizes, ["a"], how)


def test_distributing(registry: Registry) -> None:
    nodes = {name: {"type": "Reroute"} for name in "abc"}
    layout = {"c": (500, 0), "a": (0, 400), "b": (20, 100)}
    document = open_document(registry, nodes, layout=layout)
    sizes = dict.fromkeys("abc", (100.0, 50.0))
    do(document, arrange.distribute(document, sizes, "abc", "horizontal"))
    assert [document.position(name) for name in "abc"] == [(0, 400), (250, 100), (500, 0)]
    do(document, arrange.distribute(document, sizes, "abc", "vertical"))
    assert [document.position(name)[1] for name in "abc"] == [400, 200, 0]
    with pytest.raises(EditRefused, match="three nodes"):
        arrange.distribute(document, sizes, "ab", "vertical")


def test_neighbours_make_room(registry: Registry) -> None:
    nodes = {name: {"type": "Reroute"} for name in ("new", "left", "right", "next", "far")}
    layout = {"left": (-200, 0), "right": (150, 10), "next": (380, 0), "far": (150, 900)}
    document = open_document(registry, nodes, layout=layout)
    found = arrange.push_aside(document, {}, {"new": (0, 0)}, gap=20)
    assert found == {"left": (-240, 0), "right": (240, 10), "next": (480, 0)}
    assert arrange.push_aside(document, {}, ["far"]) == {}
    assert arrange.push_aside(document, {}, []) == {}


@pytest.mark.parametrize("seed", range(5))
def test_who_makes_room_stands_free_afterwards(registry: Registry, seed: int) -> None:
    rng = Random(seed)
    nodes = {f"n{i}": {"type": "Reroute"} for i in range(30)}
    # A grid, so that nothing overlaps before.
    layout = {f"n{i}": (i % 6 * 240, i // 6 * 180) for i in range(30)}
    document = open_document(registry, nodes, layout=layout)
    at = {"n3": (rng.uniform(0, 1000), rng.uniform(0, 600))}
    found = arrange.push_aside(document, {}, at, gap=10)
    document.layout.update({**at, **found})
    hits = overlapping(boxes(document))
    assert not [pair for pair in hits if "n3" in pair]
    assert not hits


def test_nodes_without_a_place_are_placed_below(registry: Registry) -> None:
    document = open_document(registry, layout={"save": (10, 10), "decode": (400, 200)})
    edit = do(document, arrange.place_missing(document, {}))
    assert {change.key for change in edit.changes} == set(FLOW) - {"save", "decode"}
    assert document.position("save") == (10, 10)
    assert not overlapping(boxes(document))
    assert not arrange.place_missing(document, {})


def test_a_free_spot(registry: Registry) -> None:
    nodes = {name: {"type": "Reroute"} for name in "abc"}
    layout = {"a": (0, 0), "b": (100, 200), "c": (1000, 0)}
    document = open_document(registry, nodes, layout=layout)
    assert arrange.free_spot(document, {}, (500, 0)) == (500, 0)
    assert arrange.free_spot(document, {}, (10, 10), gap=20) == (10, 380)
