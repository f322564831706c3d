"""Edits of nodes: adding, removing, parameters, places, names, modes, looks."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from edit_bench import FLOW, do, open_document

from studio.editing import edits
from studio.editing.changes import EditRefused, same, tidy
from studio.editing.document import Document
from studio.graph.document import Node, NodeView
from studio.graph.files import loads

if TYPE_CHECKING:
    from studio.registry import Registry


def test_ids_are_words_with_numbers(registry: Registry) -> None:
    document = open_document(registry, {})
    first = do(document, edits.add_node(document, "KSampler", (0, 0)))
    second = do(document, edits.add_node(document, "KSampler", (0, 0)))
    assert first.created == ("k_sampler",)
    assert second.created == ("k_sampler_2",)
    assert first.label == "Add KSampler"
    assert edits.new_id(document, "VAEDecode") == "vae_decode"
    assert edits.new_id(document, "LoadLora") == "load_lora"
    assert edits.new_id(document, "K Sampler!", taken=["k_sampler_3"]) == "k_sampler_4"
    assert edits.new_id(document, "3 bodies") == "_3_bodies"
    assert edits.new_id(document, "…") == "node"
    assert len(edits.new_id(document, "x" * 200)) <= 64


def test_a_new_node_takes_no_id_that_a_stray_wire_names(registry: Registry) -> None:
    nodes = {"save": {"type": "SaveImage", "inputs": {"image": "vae_decode"}}}
    document = open_document(registry, nodes)
    added = do(document, edits.add_node(document, "VAEDecode", (0, 0)))
    assert added.created == ("vae_decode_2",)


def test_adding_gives_version_place_and_checked_params(registry: Registry) -> None:
    document = open_document(registry, {})
    do(document, edits.add_node(document, "KSampler", (10.4, -3.6), {"cfg": 3}, name="mine"))
    assert document.nodes["mine"] == Node(type="KSampler", params={"cfg": 3.0})
    assert isinstance(document.nodes["mine"].params["cfg"], float)
    assert document.layout["mine"] == (10, -4)


@pytest.mark.parametrize(
    ("type_name", "params", "words"),
    [
        ("NoSuch", {}, "no node type 'NoSuch'"),
        ("KSampler", {"steps": 0}, "steps is 0; it must be a whole number from 1 to 1000."),
        ("KSampler", {"stepz": 1}, "no parameter 'stepz'. Did you mean steps?"),
        ("KSampler", {"sampler": "eula"}, "'eula' is not one of"),
    ],
)
def test_what_cannot_be_added(
    registry: Registry, type_name: str, params: dict[str, object], words: str
) -> None:
    with pytest.raises(EditRefused, match=r".*") as refused:
        edits.add_node(open_document(registry), type_name, (0, 0), params)
    assert words in str(refused.value)


@pytest.mark.parametrize("at", [(math.nan, 0), (0, math.inf)])
def test_a_place_must_be_finite(registry: Registry, at: tuple[float, float]) -> None:
    document = open_document(registry)
    with pytest.raises(EditRefused, match="place on the canvas"):
        edits.add_node(document, "Reroute", at)
    with pytest.raises(EditRefused, match="place on the canvas"):
        edits.move(document, {"save": at})


def test_removing_takes_wires_place_looks_and_membership(registry: Registry) -> None:
    document = open_document(
        registry,
        layout={"sampler": (1, 2)},
        view={"sampler": {"width": 300}},
        frames={"box": {"nodes": ["sampler", "decode"]}, "other": {}},
    )
    edit = do(document, edits.remove(document, ["sampler"], frames=["other"]))
    assert edit.label == "Delete 1 node and a frame"
    assert "sampler" not in document.nodes
    assert "sampler" not in document.layout
    assert "sampler" not in document.view
    assert document.frames["box"].nodes == ("decode",)
    assert "other" not in document.frames
    assert document.nodes["decode"].inputs == {"vae": "checkpoint.vae"}
    assert document.wires_out_of("latent") == []


def test_removed_reroutes_leave_what_they_joined(registry: Registry) -> None:
    nodes = {
        **FLOW,
        "a": {"type": "Reroute", "inputs": {"value": "checkpoint.vae"}},
        "b": {"type": "Reroute", "inputs": {"value": "a"}},
        "decode": {"type": "VAEDecode", "inputs": {"latent": "sampler", "vae": "b"}},
    }
    document = open_document(registry, nodes)
    do(document, edits.remove(document, ["b", "a"]))
    assert document.nodes["decode"].inputs["vae"] == "checkpoint.vae"
    loop = {"a": {"type": "Reroute", "inputs": {"value": "b"}}, "b": {"type": "Reroute"}}
    loop["b"]["inputs"] = {"value": "a"}
    document = open_document(registry, {**loop, "c": {"type": "Reroute", "inputs": {"value": "a"}}})
    do(document, edits.remove(document, ["a", "b"]))
    assert document.nodes["c"].inputs == {}


def test_extracting_keeps_nodes_and_flow(registry: Registry) -> None:
    document = open_document(registry)
    edit = do(document, edits.extract(document, ["sampler"]))
    assert edit.label == "Extract KSampler"
    assert document.nodes["sampler"].inputs == {}
    assert document.nodes["decode"].inputs == {"latent": "latent", "vae": "checkpoint.vae"}


def test_extracting_several_keeps_wires_among_them(registry: Registry) -> None:
    document = open_document(registry)
    do(document, edits.extract(document, ["sampler", "decode"]))
    assert document.nodes["decode"].inputs == {"latent": "sampler"}
    assert document.nodes["save"].inputs == {}, "nothing gives an image any more"


def test_params(registry: Registry) -> None:
    document = open_document(registry)
    edit = do(document, edits.set_param(document, "sampler", "steps", 30))
    assert edit.label == "Change steps"
    assert document.nodes["sampler"].params["steps"] == 30
    assert not edits.set_param(document, "sampler", "steps", 30)
    do(document, edits.reset_param(document, "sampler", "steps"))
    assert "steps" not in document.nodes["sampler"].params
    assert not edits.reset_param(document, "sampler", "steps")
    do(document, edits.set_param(document, "sampler", "eta", None))
    both = {"sampler": {"steps": 5, "cfg": 2.5}, "positive": {"text": "x"}}
    edit = do(document, edits.set_params(document, both, "Change three"))
    assert edit.label == "Change three"
    assert document.nodes["sampler"].params == {"steps": 5, "cfg": 2.5, "eta": None}


def test_4_and_4_0_differ(registry: Registry) -> None:
    # The file of FLOW says 4 for a number that is written 4.0.
    document = open_document(registry)
    assert edits.set_param(document, "sampler", "cfg", 4.0)
    assert not same(4, 4.0)
    assert not same({"a": True}, {"a": 1})
    assert tidy(edits.set_param(document, "sampler", "cfg", 4.0).changes)


def test_one_bad_param_refuses_all(registry: Registry) -> None:
    document = open_document(registry)
    with pytest.raises(EditRefused, match="steps is -1"):
        edits.set_params(document, {"positive": {"text": "x"}, "sampler": {"steps": -1}}, "")
    with pytest.raises(EditRefused, match="no node 'nobody'"):
        edits.set_param(document, "nobody", "steps", 1)


def test_unknown_types_take_anything_a_file_can_hold(registry: Registry) -> None:
    document = open_document(registry, {"alien": {"type": "Alien"}})
    do(document, edits.set_param(document, "alien", "x", {"deep": [1, None, "…"]}))
    assert document.nodes["alien"].params == {"x": {"deep": [1, None, "…"]}}
    for bad in (math.nan, "\ud800", object(), {1, 2}):
        with pytest.raises(EditRefused, match="can't be written"):
            edits.set_param(document, "alien", "x", bad)


def test_a_number_that_no_file_holds_is_refused(registry: Registry) -> None:
    document = open_document(registry, {"number": {"type": "Float"}})
    with pytest.raises(EditRefused):
        edits.set_param(document, "number", "value", math.nan)


def test_moving(registry: Registry) -> None:
    document = open_document(registry, frames={"box": {}})
    rect = (1.2, 2.7, 300.0, 200.0)
    edit = do(
        document,
        edits.move(document, {"save": (1.4, 2), "decode": (1e30, 0)}, frames={"box": rect}),
    )
    assert edit.label == "Move 2 nodes and a frame"
    assert document.layout == {"save": (1, 2), "decode": (1e7, 0)}
    assert document.frames["box"].rect == (1, 3, 300, 200)
    assert edits.move(document, {"save": (5, 5)}).label == "Move Save Image"
    assert not edits.move(document, {"save": (1, 2)})


def test_renaming(registry: Registry) -> None:
    document = open_document(registry)
    do(document, edits.rename(document, "sampler", "  Main\nsampler "))
    assert document.title_of("sampler") == "Main sampler"
    do(document, edits.rename(document, "sampler", "KSampler"))
    assert document.nodes["sampler"].title == ""
    do(document, edits.set_title(document, "A graph"))
    assert document.title == "A graph"
    with pytest.raises(EditRefused, match="1000 characters"):
        edits.set_title(document, "x" * 1001)
    with pytest.raises(EditRefused, match="1000 characters"):
        edits.rename(document, "save", "x" * 1001)


def test_a_new_id_is_followed_by_all_that_names_it(registry: Registry) -> None:
    document = open_document(
        registry,
        layout={"checkpoint": (1, 2)},
        view={"checkpoint": {"collapsed": True}},
        frames={"box": {"nodes": ["checkpoint", "save"]}},
    )
    do(document, edits.rename_id(document, "checkpoint", "model"))
    assert "checkpoint" not in document.dumps().replace("LoadCheckpoint", "")
    assert document.nodes["decode"].inputs["vae"] == "model.vae"
    assert document.frames["box"].nodes == ("model", "save")
    assert document.layout["model"] == (1, 2)
    assert document.view["model"].collapsed
    do(document, edits.rename_id(document, "sampler", "k"))
    assert document.nodes["decode"].inputs["latent"] == "k"
    assert not edits.rename_id(document, "k", "k")


@pytest.mark.parametrize(
    ("new", "words"), [("2x", "can't be an id"), ("save", "already"), ("ghost", "already")]
)
def test_ids_that_cannot_be(registry: Registry, new: str, words: str) -> None:
    document = open_document(registry, layout={"ghost": (0, 0)})
    with pytest.raises(EditRefused, match=words):
        edits.rename_id(document, "sampler", new)


def test_modes(registry: Registry) -> None:
    document = open_document(registry)
    both = ["sampler", "decode"]
    do(document, edits.set_mode(document, ["sampler"], "mute"))
    assert edits.toggle_mode(document, both, "mute").label == "Mute 2 nodes"
    do(document, edits.toggle_mode(document, both, "mute"))
    assert document.nodes["decode"].mode == "mute"
    do(document, edits.toggle_mode(document, both, "bypass"))
    assert document.nodes["decode"].mode == "bypass"
    do(document, edits.toggle_mode(document, both, "bypass"))
    assert document.nodes["sampler"].mode == "normal"


def test_the_cache_of_nodes(registry: Registry) -> None:
    document = open_document(registry)
    before = document.dumps()
    edit = edits.use_cache(document, ["sampler", "decode"], False)
    assert edit.label == "Always run 2 nodes"
    do(document, edit)
    assert '"cache": false' in document.dumps()
    assert not document.nodes["decode"].cache
    do(document, edits.use_cache(document, ["sampler", "decode"], True))
    assert document.dumps() == before
    with pytest.raises(EditRefused):
        edits.use_cache(document, ["nobody"], False)


def test_looks(registry: Registry) -> None:
    document = open_document(registry)
    do(document, edits.set_view(document, ["save", "decode"], collapsed=True, width=300))
    assert document.view["save"] == NodeView(collapsed=True, width=300)
    do(document, edits.set_view(document, ["save"], collapsed=False, width=None))
    assert "save" not in document.view, "a view that says nothing isn't kept"
    for fields in ({"width": 5}, {"width": math.nan}, {"colour": "red"}, {"seeds": {"s": "odd"}}):
        with pytest.raises(EditRefused):
            edits.set_view(document, ["save"], **fields)


def test_widgets_become_sockets_and_back(registry: Registry) -> None:
    nodes = {**FLOW, "steps": {"type": "Integer"}}
    document = open_document(registry, nodes)
    do(document, edits.show_socket(document, "sampler", "steps", True))
    assert document.view["sampler"].sockets == ("steps",)
    assert not edits.show_socket(document, "sampler", "steps", True)
    nodes["sampler"] = {**FLOW["sampler"], "inputs": {"steps": "steps"}}
    document = open_document(registry, nodes, view={"sampler": {"sockets": ["steps", "cfg"]}})
    do(document, edits.show_socket(document, "sampler", "steps", False))
    assert document.nodes["sampler"].inputs == {}
    assert document.view["sampler"].sockets == ("cfg",)
    with pytest.raises(EditRefused, match="no widget 'latent'"):
        edits.show_socket(document, "sampler", "latent", True)


@pytest.mark.parametrize("key", ["cls", "self", "_fields_set", "values", "notes"])
def test_keys_that_nobody_knows_survive_whatever_they_are_called(key: str) -> None:
    text = json.dumps({"format": "latent-studio", "version": 1, "nodes": {}, key: [5]})
    assert json.loads(Document(loads(text), {}).dumps())[key] == [5]
