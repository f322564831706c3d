"""Nodes as text and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from edit_bench import FLOW, MESSY, do, open_document

from studio.editing import clipboard
from studio.editing.changes import EditRefused
from studio.graph.files import loads

if TYPE_CHECKING:
    from studio.registry import Registry

PLACES = {"sampler": (100, 50), "decode": (400, 80)}


def test_what_is_copied_is_a_graph_file(registry: Registry) -> None:
    frames = {"box": {"nodes": ["sampler"]}, "wide": {"nodes": ["sampler", "save"]}}
    document = open_document(
        registry, layout=PLACES, view={"decode": {"collapsed": True}}, frames=frames
    )
    text = clipboard.copy_text(document, ["decode", "sampler"])
    graph = loads(text)
    assert set(graph.nodes) == {"sampler", "decode"}
    assert graph.nodes["decode"].inputs == {"latent": "sampler"}
    assert graph.layout["sampler"] == (100, 50)
    assert graph.view["decode"].collapsed
    assert set(graph.frames) == {"box"}, "a frame comes when all its nodes do"
    outside = json.loads(text)["outside"]
    assert outside["decode"] == {"vae": "checkpoint.vae"}
    assert outside["sampler"]["model"] == "checkpoint.model"
    with_frame = loads(clipboard.copy_text(document, ["sampler"], ["wide"]))
    assert with_frame.frames["wide"].nodes == ("sampler",)
    with pytest.raises(EditRefused, match="Nothing is selected"):
        clipboard.copy_text(document, [])


def test_pasting_makes_ids_new_and_keeps_wires_inside(registry: Registry) -> None:
    document = open_document(registry, layout=PLACES, frames={"box": {"nodes": ["sampler"]}})
    text = clipboard.copy_text(document, ["decode", "sampler"])
    edit = do(document, clipboard.paste(document, text, (1000, 1000)))
    assert set(edit.created) == {"decode_2", "sampler_2"}
    assert edit.label == "Paste 2 nodes"
    assert document.nodes["decode_2"].inputs == {"latent": "sampler_2"}
    assert document.nodes["sampler_2"].params == FLOW["sampler"]["params"]
    # The frame's corner is the top left one.
    assert document.frames["box_2"].rect[:2] == (1000, 1000)
    assert document.layout["sampler_2"] == (1100, 1050)
    assert document.layout["decode_2"] == (1400, 1080)
    assert document.frames["box_2"].nodes == ("sampler_2",)


def test_pasting_with_incoming_wires(registry: Registry) -> None:
    document = open_document(registry)
    text = clipboard.copy_text(document, ["decode"])
    do(document, clipboard.paste(document, text, (0, 0), keep_incoming=True))
    assert document.nodes["decode_2"].inputs == FLOW["decode"]["inputs"]
    # Elsewhere only what is there and fits.
    nodes = {"checkpoint": {"type": "LoadCheckpoint"}, "sampler": {"type": "LoadImage"}}
    other = open_document(registry, nodes)
    do(other, clipboard.paste(other, text, (0, 0), keep_incoming=True))
    assert other.nodes["decode"].inputs == {"vae": "checkpoint.vae"}


def test_a_wire_finds_no_other_node_of_that_name(registry: Registry) -> None:
    document = open_document(registry)
    text = clipboard.copy_text(document, ["save"]).replace('"outside"', '"other"')
    do(document, clipboard.paste(document, text, (0, 0)))
    assert document.nodes["save_2"].inputs == {}


def test_text_goes_through_a_chat(registry: Registry) -> None:
    document = open_document(registry)
    text = clipboard.copy_text(document, ["sampler"])
    chat = f"Try this:\n\n```json\n{text}```\n\nGood luck!"
    assert do(document, clipboard.paste(document, chat, (0, 0))).created == ("sampler_2",)


def test_a_graph_without_places_is_arranged(registry: Registry) -> None:
    text = json.dumps({"format": "latent-studio", "version": 1, "nodes": FLOW})
    document = open_document(registry, {})
    do(document, clipboard.paste(document, text, (10, 20)))
    assert set(document.nodes) == set(FLOW)
    assert len(set(document.layout.values())) == len(FLOW)
    assert min(x for x, _ in document.layout.values()) == 10
    assert min(y for _, y in document.layout.values()) == 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "There are no nodes in the clipboard."),
        ("", "There are no nodes in the clipboard."),
        ("{", "The clipboard isn't JSON"),
        ("{}", "The clipboard is JSON, but no Latent Studio graph"),
        ('{"format": "latent-studio", "version": 1}', "That graph is empty"),
        ('{"format": "latent-studio", "version": 9}', "format version 9"),
        (
            '{"format": "latent-studio", "version": 1, "nodes": {"2": {"type": "X"}, "a": {}}}',
            "(and 1 more).",
        ),
        (
            '{"format": "latent-studio", "version": 1, "nodes": {"a": {"type": "X"}}, '
            '"layout": {"a": [NaN, 0]}}',
            "NaN",
        ),
    ],
)
def test_what_cannot_be_pasted(registry: Registry, text: str, words: str) -> None:
    with pytest.raises(EditRefused) as refused:
        clipboard.paste(open_document(registry), text, (0, 0))
    assert words in str(refused.value)


def test_strange_outside_wires_are_left_out(registry: Registry) -> None:
    graph = {
        "format": "latent-studio",
        "version": 1,
        "nodes": {"a": {"type": "VAEDecode"}, "b": {"type": "Odd"}},
        "outside": {
            "a": {"latent": 3, "vae": "a b", "odd": "checkpoint.vae"},
            "b": {"x": "checkpoint.vae"},
            "c": 1,
        },
    }
    document = open_document(registry)
    text = json.dumps(graph)
    do(document, clipboard.paste(document, text, (0, 0), keep_incoming=True))
    assert document.nodes["a"].inputs == {}
    assert document.nodes["b"].inputs == {}


def test_far_places_come_near(registry: Registry) -> None:
    graph = {
        "format": "latent-studio",
        "version": 1,
        "nodes": {"a": {"type": "Reroute"}},
        "layout": {"a": [1e30, -1e30]},
    }
    document = open_document(registry)
    do(document, clipboard.paste(document, json.dumps(graph), (5, 6)))
    assert document.layout["a"] == (5, 6)


def test_duplicating(registry: Registry) -> None:
    document = open_document(registry, layout=PLACES)
    edit = do(document, clipboard.duplicate(document, ["sampler", "decode"], (24, 24)))
    assert edit.label == "Duplicate 2 nodes"
    assert document.layout["sampler_2"] == (124, 74)
    assert document.nodes["decode_2"].inputs == {"latent": "sampler_2"}
    edit = do(
        document, clipboard.duplicate(document, ["decode"], (24, 24), keep_incoming=True)
    )
    assert edit.created == ("decode_3",)
    assert document.nodes["decode_3"].inputs == FLOW["decode"]["inputs"]
    with pytest.raises(EditRefused, match="no node 'nobody'"):
        clipboard.duplicate(document, ["nobody"], (0, 0))


def test_a_thousand_of_one_kind_get_ids_quickly(registry: Registry) -> None:
    document = open_document(registry, {"reroute": {"type": "Reroute"}})
    for _ in range(10):
        document.apply(clipboard.duplicate(document, list(document.nodes), (1, 1)).changes)
    assert set(document.nodes) == {"reroute", *(f"reroute_{i}" for i in range(2, 1025))}


def test_all_of_a_messy_file_is_copied_and_pasted(registry: Registry) -> None:
    document = open_document(registry, **MESSY)
    text = clipboard.copy_text(document, list(document.nodes), list(document.frames))
    other = open_document(registry, {})
    do(other, clipboard.paste(other, text, (0, 0)))
    assert set(other.nodes) == set(document.nodes)
    assert other.nodes["loop"].inputs == {"value": "loop"}
    assert other.nodes["again"].inputs == {"latent": "bend"}
    assert set(other.frames) == {"box", "outer"}
