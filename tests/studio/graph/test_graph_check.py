"""Validation: every fault, all at once; what is folded, what is left out; overrides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from studio.graph.checked import CheckedGraph, Source
from studio.graph.errors import GraphInvalid
from studio.graph.files import from_json
from studio.graph.overrides import BadOverride, NoSeed, apply_seed, apply_sets
from studio.node import node
from studio.registry import Registry
from studio.values import Image

if TYPE_CHECKING:
    from pathlib import Path

    from studio.graph.document import Graph
    from studio.session import Session

Check = Callable[..., CheckedGraph]


def graph(**nodes: Any) -> Graph:
    """A graph of `name=(type, params, inputs)`."""
    documents = {
        name: {
            "type": parts[0],
            "params": parts[1] if len(parts) > 1 else {},
            "inputs": parts[2] if len(parts) > 2 else {},
        }
        for name, parts in nodes.items()
    }
    return from_json({"format": "latent-studio", "version": 1, "nodes": documents})


SOLID = ("SolidImage", {"width": 8, "height": 8})
TEXT_TO_IMAGE: dict[str, Any] = {
    "checkpoint": ("LoadCheckpoint",),
    "positive": ("TextEncode", {"text": "a red circle"}, {"clip": "checkpoint.clip"}),
    "latent": ("EmptyLatent", {"width": 64, "height": 64}),
    "sampler": (
        "KSampler",
        {"steps": 2},
        {
            "model": "checkpoint.model",
            "positive": "positive",
            "negative": "positive",
            "latent": "latent",
        },
    ),
    "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    "save": ("SaveImage", {}, {"image": "decode"}),
}


@pytest.fixture
def check(session: Session, tmp_path: Path) -> Check:
    def run(document: Graph, only: tuple[str, ...] = ()) -> CheckedGraph:
        path = tmp_path / "graph.json"
        return session.check(document, session.environment(path), path, only)

    return run


def faults(check: Check, document: Graph, only: tuple[str, ...] = ()) -> dict[str, str]:
    with pytest.raises(GraphInvalid) as caught:
        check(document, only)
    assert caught.value.exit_code == 2
    return {fault.path: fault.message for fault in caught.value.faults}


def test_a_sound_graph_comes_in_run_order(check: Check) -> None:
    checked = check(graph(**TEXT_TO_IMAGE))
    order = list(checked.nodes)
    for name, item in checked.nodes.items():
        for source in item.wires.values():
            assert order.index(source.node) < order.index(name)
    assert checked.targets == ("save",)
    assert checked.nodes["sampler"].params["cfg"] == 7.0
    assert checked.nodes["decode"].wires["latent"] == Source("sampler", "latent")


def test_every_fault_is_reported_at_once(check: Check) -> None:
    document = graph(
        checkpoint=("LoadCheckpoint", {"name": "pockett"}),
        positive=("TextEncod", {"text": "x"}, {"clip": "checkpoint.clip"}),
        latent=("EmptyLatent", {"width": 100, "height": 1_000_000, "depth": 3}),
        sampler=(
            "KSampler",
            {"steps": 0, "sampler": "dpmpp2m", "seed": -1},
            {
                "model": "checkpoint.modle",
                "positive": "positive",
                "negative": "nobody",
                "latent": "checkpoint",
                "colour": "latent",
            },
        ),
        decode=("VAEDecode", {"latent": 3}, {"latent": "checkpoint.clip"}),
        save=("SaveImage", {"name": "../x"}, {"image": "de code"}),
        again=("SaveImage", {}, {"image": "decode"}),
        third=("SaveImage", {}, {"image": "sampler"}),
        decode2=("VAEDecode", {}, {"latent": "latent", "vae": "checkpoint.vae"}),
        fourth=("SaveImage", {}, {"image": "decode2"}),
    )
    found = faults(check, document)
    expected = {
        "nodes.checkpoint.params.name": "Did you mean pocket?",
        "nodes.positive.type": "Did you mean TextEncode",
        "nodes.latent.params.width": "nearest: 96 or 104",
        "nodes.latent.params.height": "from 16 to 16384",
        "nodes.latent.params.depth": "no parameter 'depth'",
        "nodes.sampler.params.steps": "steps is 0; it must be a whole number from 1 to 1000",
        "nodes.sampler.params.sampler": "Did you mean dpmpp_2m",
        "nodes.sampler.params.seed": "seed is -1",
        "nodes.sampler.inputs.model": "no output 'modle'. Did you mean model?",
        "nodes.sampler.inputs.negative": "there is no such node",
        "nodes.sampler.inputs.latent": "several outputs; write one of checkpoint.model",
        "nodes.sampler.inputs.colour": "no input 'colour'",
        "nodes.decode.params.latent": "is a socket",
        "nodes.decode.inputs.latent": "wants a Latent, and checkpoint.clip gives a Clip",
        "nodes.decode.inputs.vae": "needs a Vae here; connect one (for example checkpoint.vae)",
        "nodes.save.params.name": "",
        "nodes.save.inputs.image": "is not a wire",
        "nodes.third.inputs.image": "wants an Image, and sampler.latent gives a Latent",
    }
    for path, words in expected.items():
        assert words in found[path], (path, found.get(path))
    assert set(found) == set(expected)


def test_a_cycle_names_its_path(check: Check) -> None:
    document = graph(
        a=("InvertImage", {}, {"image": "c"}),
        b=("InvertImage", {}, {"image": "a"}),
        c=("InvertImage", {}, {"image": "b"}),
        save=("SaveImage", {}, {"image": "c"}),
    )
    found = faults(check, document)
    assert list(found) == ["nodes.a.inputs"]
    assert "a → b → c → a" in found["nodes.a.inputs"]


def test_a_node_that_feeds_itself_and_reroutes_in_a_circle(check: Check) -> None:
    found = faults(
        check, graph(a=("Reroute", {}, {"value": "a"}), save=("SaveImage", {}, {"image": "a"}))
    )
    assert "a → a" in found["nodes.a.inputs"]
    found = faults(
        check,
        graph(
            a=("Reroute", {}, {"value": "b"}),
            b=("Reroute", {}, {"value": "a"}),
            save=("SaveImage", {}, {"image": "a"}),
        ),
    )
    assert "a → b → a" in next(iter(found.values()))


def test_nothing_to_run(check: Check) -> None:
    found = faults(check, graph(a=SOLID))
    assert "no node writes anything" in found["nodes"]
    assert "SaveImage" in found["nodes"]
    assert "nothing to run" in next(iter(faults(check, graph()).values()))
    found = faults(check, graph(a=SOLID), only=("b",))
    assert "no node 'b'" in found[""]


def test_what_no_target_needs_only_warns(check: Check) -> None:
    document = graph(
        a=SOLID,
        save=("SaveImage", {}, {"image": "a"}),
        gone=("FromAnotherWorld", {"x": 1}),
        loop1=("InvertImage", {}, {"image": "loop2"}),
        loop2=("InvertImage", {}, {"image": "loop1"}),
        open=("InvertImage",),
    )
    checked = check(document)
    assert list(checked.nodes) == ["a", "save"]
    assert {fault.node for fault in checked.warnings} == {"gone", "loop1", "open"}


def test_only_picks_other_targets(check: Check) -> None:
    checked = check(graph(**TEXT_TO_IMAGE), only=("positive",))
    assert list(checked.nodes) == ["checkpoint", "positive"]


def test_reroutes_and_constants_vanish(check: Check) -> None:
    nodes = dict(TEXT_TO_IMAGE)
    plain = check(graph(**nodes))
    nodes["bend"] = ("Reroute", {}, {"value": "checkpoint.model"})
    nodes["bend2"] = ("Reroute", {}, {"value": "bend"})
    nodes["two"] = ("Integer", {"value": 2})
    nodes["two_bent"] = ("Reroute", {}, {"value": "two"})
    nodes["sampler"] = (
        "KSampler",
        {},
        {**TEXT_TO_IMAGE["sampler"][2], "model": "bend2", "steps": "two_bent"},
    )
    checked = check(graph(**nodes))
    assert set(checked.folded) == {"bend", "bend2", "two", "two_bent"}
    assert checked.nodes["sampler"].wires == plain.nodes["sampler"].wires
    assert checked.nodes["sampler"].params == plain.nodes["sampler"].params


def test_a_constant_out_of_range_is_caught_before_running(check: Check) -> None:
    nodes = dict(TEXT_TO_IMAGE)
    nodes["none"] = ("Integer", {"value": 0})
    nodes["sampler"] = ("KSampler", {}, {**TEXT_TO_IMAGE["sampler"][2], "steps": "none"})
    assert "steps is 0" in faults(check, graph(**nodes))["nodes.sampler.inputs.steps"]
    nodes["none"] = ("Text", {"value": "x"})
    assert "wants an int" in faults(check, graph(**nodes))["nodes.sampler.inputs.steps"]


def test_whole_numbers_fit_where_a_number_is_wanted(check: Check) -> None:
    nodes = dict(TEXT_TO_IMAGE)
    nodes["four"] = ("Integer", {"value": 4})
    nodes["sampler"] = ("KSampler", {}, {**TEXT_TO_IMAGE["sampler"][2], "cfg": "four"})
    assert check(graph(**nodes)).nodes["sampler"].params["cfg"] == 4.0


def test_the_type_behind_a_reroute_is_checked(check: Check) -> None:
    document = graph(
        checkpoint=("LoadCheckpoint",),
        bend=("Reroute", {}, {"value": "checkpoint.clip"}),
        save=("SaveImage", {}, {"image": "bend"}),
    )
    assert "gives a Clip" in faults(check, document)["nodes.save.inputs.image"]


def test_older_nodes_are_migrated_by_name(session: Session, tmp_path: Path) -> None:
    def to_2(params: dict[str, Any], inputs: dict[str, str]) -> None:
        params["amount"] = params.pop("strength")

    def to_3(params: dict[str, Any], inputs: dict[str, str]) -> None:
        inputs["image"] = inputs.pop("picture")

    @node("Fade", category="Test", version=3, migrations={1: to_2, 2: to_3})
    def fade(image: Image, *, amount: float = 0.5) -> Image:
        """Fade."""
        return image

    session.registry = Registry([*session.registry.values(), fade.__node_spec__])  # type: ignore[attr-defined]
    document = graph(
        a=SOLID,
        fade=("Fade", {"strength": 0.25}, {"picture": "a"}),
        save=("SaveImage", {}, {"image": "fade"}),
    )
    environment = session.environment(tmp_path / "x.json")
    checked = session.check(document, environment, "x.json")
    assert checked.nodes["fade"].params == {"amount": 0.25}
    assert checked.nodes["fade"].wires == {"image": Source("a", "image")}
    assert checked.notes == ("fade: Fade from version 1 to 3",)
    assert document.nodes["fade"].params == {"strength": 0.25}, "the loaded graph was changed"

    document.nodes["fade"].version = 4
    with pytest.raises(GraphInvalid, match="saved at version 4; this program has version 3"):
        session.check(document, environment, "x.json")


def test_overrides(registry: Registry) -> None:
    document = graph(**TEXT_TO_IMAGE)
    changed = apply_sets(
        document,
        registry,
        ["sampler.seed=7", "sampler.cfg=2", "positive.text=a = b", "sampler.eta=none"],
    )
    assert changed.nodes["sampler"].params == {"steps": 2, "seed": 7, "cfg": 2.0, "eta": None}
    assert changed.nodes["positive"].params == {"text": "a = b"}
    assert document.nodes["sampler"].params == {"steps": 2}
    assert apply_seed(document, registry, 9).nodes["sampler"].params["seed"] == 9


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sampler.steps=0", "a whole number from 1 to 1000"),
        ("sampler.steps=many", "a whole number from 1 to 1000"),
        ("sampler.cfg=nan", "a number from 0 to 100"),
        ("sampler.step=3", "Did you mean steps?"),
        ("sample.steps=3", "Did you mean sampler?"),
        ("sampler.steps", "NODE.PARAM=VALUE"),
        ("steps=3", "NODE.PARAM=VALUE"),
        ("sampler.model=3", "no parameter 'model'"),
    ],
)
def test_bad_overrides(registry: Registry, text: str, words: str) -> None:
    with pytest.raises(BadOverride) as caught:
        apply_sets(graph(**TEXT_TO_IMAGE), registry, [text])
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_overrides_respect_wires(registry: Registry) -> None:
    nodes = dict(TEXT_TO_IMAGE, seed=("Seed", {"value": 3}))
    nodes["sampler"] = ("KSampler", {}, {**TEXT_TO_IMAGE["sampler"][2], "seed": "seed"})
    document = graph(**nodes)
    with pytest.raises(BadOverride, match="a wire from seed feeds it"):
        apply_sets(document, registry, ["sampler.seed=5"])
    changed = apply_seed(document, registry, 5)
    assert changed.nodes["seed"].params == {"value": 5}
    with pytest.raises(NoSeed):
        apply_seed(graph(a=SOLID), registry, 5)


def test_a_seed_that_is_none_stays_none(registry: Registry) -> None:
    picture = {"image": "solid.image", "vae": "checkpoint.vae"}
    document = graph(
        checkpoint=("LoadCheckpoint",),
        solid=SOLID,
        likeliest=("VAEEncode", {}, picture),
        drawn=("VAEEncode", {"seed": 1}, picture),
    )
    changed = apply_seed(document, registry, 5)
    assert changed.nodes["drawn"].params == {"seed": 5}
    assert changed.nodes["likeliest"].params == {}
