"""Edits of wires."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from edit_bench import FLOW, do, open_document

from studio.editing import wiring
from studio.editing.changes import EditRefused
from studio.editing.document import Wire
from studio.graph.checked import Source

if TYPE_CHECKING:
    from studio.registry import Registry

LOOSE = {**FLOW, "second": {"type": "KSampler"}, "other": {"type": "EmptyLatent"}}


def test_connecting_replaces_what_was_there(registry: Registry) -> None:
    document = open_document(registry, LOOSE)
    edit = do(document, wiring.connect(document, Source("other", "latent"), "sampler", "latent"))
    assert edit.label == "Connect latent"
    assert document.nodes["sampler"].inputs["latent"] == "other"
    assert document.wires_out_of("latent") == []
    assert not wiring.connect(document, Source("other", "latent"), "sampler", "latent")


def test_a_wire_names_the_output_where_there_are_several(registry: Registry) -> None:
    document = open_document(registry, {**LOOSE, "alien": {"type": "Alien"}})
    assert wiring.wire_text(document, Source("checkpoint", "vae")) == "checkpoint.vae"
    assert wiring.wire_text(document, Source("sampler", "latent")) == "sampler"
    assert wiring.wire_text(document, Source("alien", "x")) == "alien.x"
    assert wiring.wire_text(document, Source("alien", "")) == "alien"


def test_a_refusal_says_why(registry: Registry) -> None:
    document = open_document(registry)
    with pytest.raises(EditRefused, match="vae takes a VAE; the wire carries a Latent"):
        wiring.connect(document, Source("sampler", "latent"), "decode", "vae")


def test_a_wire_can_go_to_a_widget(registry: Registry) -> None:
    document = open_document(registry, {**FLOW, "n": {"type": "Integer"}})
    number = document.specs["Integer"].outputs[0].name
    do(document, wiring.connect(document, Source("n", number), "sampler", "cfg"))
    assert document.nodes["sampler"].inputs["cfg"] == "n"


def test_disconnecting(registry: Registry) -> None:
    document = open_document(registry)
    wires = document.wires_out_of("checkpoint")
    edit = do(document, wiring.disconnect(document, wires))
    assert edit.label == "Disconnect 4 wires"
    assert document.wires_out_of("checkpoint") == []
    with pytest.raises(EditRefused, match="isn't there any more"):
        wiring.disconnect(document, wires)


def test_clearing_a_port(registry: Registry) -> None:
    document = open_document(registry)
    do(document, wiring.clear_port(document, "checkpoint", "clip", "out"))
    assert {wire.port for wire in document.wires_out_of("checkpoint")} == {"model", "vae"}
    do(document, wiring.clear_port(document, "sampler", "latent", "in"))
    assert "latent" not in document.nodes["sampler"].inputs
    assert not wiring.clear_port(document, "sampler", "latent", "in")


def test_all_wires_of_an_output_move(registry: Registry) -> None:
    document = open_document(registry, {**LOOSE, "second_ck": {"type": "LoadCheckpoint"}})
    wires = wiring.port_wires(document, "checkpoint", "clip", "out")
    edit = do(document, wiring.move_wires(document, wires, Source("second_ck", "clip")))
    assert edit.label == "Move 2 wires"
    assert document.nodes["positive"].inputs == {"clip": "second_ck.clip"}
    assert document.nodes["negative"].inputs == {"clip": "second_ck.clip"}
    with pytest.raises(EditRefused, match="clip takes a CLIP"):
        wiring.move_wires(document, wires, Source("checkpoint", "vae"))
    with pytest.raises(EditRefused, match="one wire"):
        wiring.move_wires(document, wires, ("second", "model"))


def test_an_end_moves_to_another_input(registry: Registry) -> None:
    document = open_document(registry, LOOSE)
    wire = document.wires_into("sampler")["latent"]
    do(document, wiring.reconnect(document, wire, "second", "latent"))
    assert "latent" not in document.nodes["sampler"].inputs
    assert document.nodes["second"].inputs == {"latent": "latent"}
    here = document.wires_into("second")["latent"]
    assert not wiring.reconnect(document, here, "second", "latent")
    do(document, wiring.move_wires(document, [here], ("sampler", "latent")))
    assert document.nodes["sampler"].inputs["latent"] == "latent"


def test_a_node_goes_into_a_wire(registry: Registry) -> None:
    document = open_document(registry, LOOSE)
    wire = document.wires_into("decode")["latent"]
    assert wiring.insertion(document, "second", wire) == ("latent", "latent")
    push = {"decode": (900.0, 0.0)}
    edit = do(document, wiring.insert_on_wire(document, "second", wire, push=push))
    assert edit.label == "Insert KSampler"
    assert document.nodes["second"].inputs == {"latent": "sampler"}
    assert document.nodes["decode"].inputs["latent"] == "second"
    assert document.layout["decode"] == (900, 0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sampler", "is an end of this wire"),
        ("decode", "is an end of this wire"),
        ("save", "no open input"),
        ("latent", "no open input"),
        ("alien", "no output"),
    ],
)
def test_what_does_not_go_into_a_wire(registry: Registry, name: str, words: str) -> None:
    document = open_document(registry, {**LOOSE, "alien": {"type": "SaveLatent"}})
    wire = document.wires_into("decode")["latent"]
    with pytest.raises(EditRefused, match=words):
        wiring.insert_on_wire(document, name, wire)


def test_reroutes(registry: Registry) -> None:
    document = open_document(registry)
    wire = document.wires_into("decode")["vae"]
    edit = do(document, wiring.add_reroute(document, wire, (5, 6)))
    assert edit.created == ("reroute",)
    assert document.nodes["reroute"].inputs == {"value": "checkpoint.vae"}
    assert document.nodes["decode"].inputs["vae"] == "reroute"
    assert document.layout["reroute"] == (5, 6)
    with pytest.raises(EditRefused, match="isn't there"):
        wiring.add_reroute(document, Wire(Source("x", "y"), "save", "nothing"), (0, 0))


def test_a_node_is_added_with_its_wire(registry: Registry) -> None:
    document = open_document(registry)
    source = Source("sampler", "latent")
    edit = do(document, wiring.add_connected(document, "VAEDecode", (0, 0), source=source))
    assert edit.created == ("vae_decode",)
    assert document.nodes["vae_decode"].inputs == {"latent": "sampler"}
    target = ("sampler", "model")
    do(document, wiring.add_connected(document, "LoadCheckpoint", (0, 0), target=target))
    assert document.nodes["sampler"].inputs["model"] == "load_checkpoint.model"
    do(
        document,
        wiring.add_connected(
            document, "ScaleLatent", (0, 0), source=source, target=("decode", "latent")
        ),
    )
    assert document.nodes["decode"].inputs["latent"] == "scale_latent"
    assert document.nodes["scale_latent"].inputs == {"latent": "sampler"}
    with pytest.raises(EditRefused, match="Save Image has no input"):
        wiring.add_connected(document, "SaveImage", (0, 0), source=source)
    with pytest.raises(EditRefused, match="has no output for latent"):
        wiring.add_connected(document, "SaveImage", (0, 0), target=("decode", "latent"))
    with pytest.raises(EditRefused, match="no node 'nobody'"):
        wiring.add_connected(document, "ScaleLatent", (0, 0), source=Source("nobody", "x"))
    with pytest.raises(EditRefused, match="no node 'nobody'"):
        wiring.add_connected(document, "ScaleLatent", (0, 0), target=("nobody", "x"))
    with pytest.raises(EditRefused, match="circle"):
        wiring.add_connected(
            document, "ScaleLatent", (0, 0), source=source, target=("sampler", "latent")
        )
