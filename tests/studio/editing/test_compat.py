"""What nodes show, what wires carry, what fits where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from edit_bench import FLOW, MESSY, open_document

from studio.editing.compat import Matcher, PortView, ports, type_of, why_not, widgets
from studio.graph.checked import Source

if TYPE_CHECKING:
    from studio.registry import Registry


def reroutes(count: int, first: str | None = None) -> dict[str, Any]:
    chain: dict[str, Any] = {"r0": {"type": "Reroute", "inputs": {"value": first} if first else {}}}
    for i in range(1, count):
        chain[f"r{i}"] = {"type": "Reroute", "inputs": {"value": f"r{i - 1}"}}
    return chain


def test_ports_of_a_known_type(registry: Registry) -> None:
    document = open_document(registry, view={"sampler": {"sockets": ["steps"]}})
    shown = ports(document, "sampler")
    assert [port.name for port in shown.inputs] == [
        "model", "positive", "negative", "latent", "steps",
    ]  # fmt: skip
    assert shown.inputs[0] == PortView("model", "Model", wired=True)
    assert shown.inputs[4] == PortView("steps", "int", True, is_param=True, wired=False)
    assert shown.outputs == (PortView("latent", "Latent", wired=True),)
    assert "steps" not in {widget.name for widget in widgets(document, "sampler")}


def test_widgets_say_what_differs(registry: Registry) -> None:
    document = open_document(registry)
    found = {widget.name: widget for widget in widgets(document, "sampler")}
    assert found["cfg"].value == 4
    assert not found["cfg"].is_default
    assert found["steps"].is_default, "the file gives the default itself"
    assert found["denoise"].value == 1.0
    assert found["denoise"].is_default
    assert found["seed"].spec is document.specs["KSampler"].param_by_name["seed"]


def test_placeholders_show_what_the_file_has(registry: Registry) -> None:
    document = open_document(registry, **MESSY)
    shown = ports(document, "alien")
    assert [(p.name, p.type, p.stray) for p in shown.inputs] == [
        ("y", "any", True), ("z", "any", True),
    ]  # fmt: skip
    assert shown.outputs == ()
    (widget,) = widgets(document, "alien")
    assert (widget.name, widget.spec, widget.value) == ("x", None, 1)
    nodes = {
        "alien": {"type": "Alien"},
        "save": {"type": "SaveImage", "inputs": {"image": "alien.picture", "odd": "alien"}},
        "more": {"type": "VAEDecode", "params": {"odd": 1}},
    }
    document = open_document(registry, nodes)
    assert [p.name for p in ports(document, "alien").outputs] == ["", "picture"]
    assert [(p.name, p.stray) for p in ports(document, "save").inputs] == [
        ("image", False), ("odd", True),
    ]  # fmt: skip
    assert widgets(document, "more")[0].spec is None


def test_a_reroute_has_the_type_it_carries(registry: Registry) -> None:
    document = open_document(registry, {**FLOW, **reroutes(3, "sampler.latent")})
    assert type_of(document, Source("r2", "any")) == "Latent"
    shown = ports(document, "r2")
    assert (shown.inputs[0].type, shown.outputs[0].type) == ("Latent", "Latent")
    document = open_document(registry, reroutes(2))
    assert ports(document, "r1").outputs[0].type == "any"
    assert type_of(document, Source("r1", "any")) is None


def test_a_reroute_that_gets_nothing_has_the_type_that_is_wanted(registry: Registry) -> None:
    nodes = {**FLOW, **reroutes(3)}
    nodes["save"] = {"type": "SaveImage", "inputs": {"image": "r2"}}
    document = open_document(registry, nodes)
    assert type_of(document, Source("r0", "any")) == "Image"
    assert ports(document, "r0").inputs[0].type == "Image"
    assert why_not(document, Source("decode", "image"), "r0", "value") is None
    assert why_not(document, Source("sampler", "latent"), "r0", "value") == (
        "It leads on to image of Save Image, which takes an Image; the wire carries a Latent."
    )


def test_types_follow_changes(registry: Registry) -> None:
    from studio.editing import wiring

    document = open_document(registry, {**FLOW, **reroutes(2)})
    assert type_of(document, Source("r1", "any")) is None
    document.apply(wiring.connect(document, Source("decode", "image"), "r0", "value").changes)
    assert type_of(document, Source("r1", "any")) == "Image"


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (("latent", "latent"), ("sampler", "latent"), None),
        (("decode", "image"), ("save", "image"), None),
        (("n", "int"), ("sampler", "cfg"), None),
        (("f", "float"), ("sampler", "cfg"), None),
        (("f", "float"), ("sampler", "steps"), "steps takes a whole number; the wire carries a n"),
        (("checkpoint", "vae"), ("decode", "latent"), "latent takes a Latent; the wire carries a"),
        (("save", "image"), ("decode", "latent"), "Save Image has no output 'image'."),
        (("latent", "latent"), ("sampler", "vae"), "KSampler has no input 'vae'."),
        (("nobody", "x"), ("sampler", "latent"), "There is no node 'nobody'."),
        (("latent", "latent"), ("nobody", "x"), "There is no node 'nobody'."),
        (("sampler", "latent"), ("sampler", "latent"), "circle: KSampler → KSampler."),
        (("sampler", "latent"), ("bend", "value"), "a circle: Reroute → KSampler → Reroute."),
    ],
)
def test_why_a_wire_fits_or_not(
    registry: Registry, source: tuple[str, str], target: tuple[str, str], words: str | None
) -> None:
    nodes = {
        **FLOW,
        "n": {"type": "Integer"},
        "f": {"type": "Float"},
        "bend": {"type": "Reroute", "inputs": {"value": "latent"}},
    }
    inputs = {**FLOW["sampler"]["inputs"], "latent": "bend"}
    nodes["sampler"] = {"type": "KSampler", "inputs": inputs}
    document = open_document(registry, nodes)
    told = why_not(document, Source(*source), *target)
    from_target = Matcher(document, target=target).why_not(*source)
    assert (told is None) == (from_target is None) == (words is None)
    if words is not None:
        assert words in str(told)


def test_a_long_circle_is_cut_short(registry: Registry) -> None:
    document = open_document(registry, reroutes(20))
    told = why_not(document, Source("r19", "any"), "r0", "value")
    assert told is not None
    assert told.count("→") == 6
    assert "…" in told


def test_the_first_port_on_a_body(registry: Registry) -> None:
    nodes = {**FLOW, "open": {"type": "KSampler"}, "n": {"type": "Integer"}}
    document = open_document(registry, nodes)
    conditioning = Matcher(document, source=Source("positive", "conditioning"))
    assert conditioning.first_port("open") == "positive"
    assert conditioning.first_port("sampler") == "positive", "a wired port, where none is open"
    assert conditioning.first_port("save") is None
    assert conditioning.first_port("nobody") is None
    assert Matcher(document, source=Source("n", "int")).first_port("open") == "seed"
    assert Matcher(document, target=("open", "model")).first_port("checkpoint") == "model"
    assert Matcher(document, target=("decode", "vae")).first_port("checkpoint") == "vae"
    assert Matcher(document, target=("decode", "vae")).first_port("save") is None


def test_the_node_types_that_take_a_wire(registry: Registry) -> None:
    document = open_document(registry, {**FLOW, "open": {"type": "KSampler"}})
    specs = document.specs
    latent = Matcher(document, source=Source("sampler", "latent"))
    assert latent.fits_type(specs["VAEDecode"]) == ["latent"]
    assert latent.fits_type(specs["Reroute"]) == ["value"]
    assert latent.fits_type(specs["SaveImage"]) == []
    prompt = Matcher(document, source=Source("positive", "conditioning"))
    assert prompt.fits_type(specs["KSampler"]) == ["positive", "negative"]
    model = Matcher(document, target=("open", "model"))
    assert model.fits_type(specs["LoadCheckpoint"]) == ["model"]
    assert model.fits_type(specs["EmptyLatent"]) == []
    steps = Matcher(document, target=("open", "steps"))
    assert steps.fits_type(specs["Integer"]) == ["int"]
    assert steps.fits_type(specs["Float"]) == []


def test_a_matcher_takes_one_end(registry: Registry) -> None:
    document = open_document(registry)
    with pytest.raises(ValueError, match="either"):
        Matcher(document)


def test_circles_of_the_file_do_no_harm(registry: Registry) -> None:
    nodes = reroutes(3, "r2")
    nodes["save"] = {"type": "SaveImage", "inputs": {"image": "r1"}}
    document = open_document(registry, nodes)
    assert type_of(document, Source("r0", "any")) is None
    assert [ports(document, name) for name in nodes]
    assert why_not(document, Source("r0", "any"), "r1", "value") is not None


def test_5000_reroutes_in_a_row_are_followed(registry: Registry) -> None:
    nodes = {**FLOW, **reroutes(5000, "sampler")}
    document = open_document(registry, nodes)
    found = [ports(document, name) for name in document.nodes]
    matcher = Matcher(document, source=Source("decode", "image"))
    told = [matcher.why_not(name, "value") for name in nodes if name not in FLOW]
    assert len(found) == len(nodes)
    assert not any(told)
