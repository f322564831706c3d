"""Muted and bypassed nodes: what is left of a graph, and what the check says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.graph.check import check
from studio.graph.document import Graph
from studio.graph.errors import GraphInvalid
from studio.graph.modes import resolve, through

if TYPE_CHECKING:
    from pathlib import Path

    from graph_bench import Bench

    from studio.environment import Environment
    from studio.registry import Registry
    from studio.session import Session

def graph(nodes: dict[str, Any], **modes: str) -> Graph:
    """A graph with the modes of some nodes."""
    given = {name: {**node, "mode": modes.get(name, "normal")} for name, node in nodes.items()}
    return Graph.model_validate({"nodes": given})


def images(registry: Registry) -> dict[str, Any]:
    """A chain of picture nodes, whatever the registry calls them."""
    middle = next(
        spec
        for spec in registry.values()
        if not spec.effects
        and [port.type for port in spec.inputs] == ["Image"]
        and [port.type for port in spec.outputs] == ["Image"]
        and not any(param.required for param in spec.params)
    )
    loader = registry["LoadImage"]
    value = {loader.params[0].name: "a.png"}
    place, out = middle.inputs[0].name, registry["SaveImage"].inputs[0].name
    return {
        "picture": {"type": "LoadImage", "params": value},
        "first": {"type": middle.type, "inputs": {place: f"picture.{loader.outputs[0].name}"}},
        "second": {"type": middle.type, "inputs": {place: "first"}},
        "save": {"type": "SaveImage", "inputs": {out: "second"}},
    }


def test_a_normal_graph_is_left_alone(registry: Registry) -> None:
    whole = graph(images(registry))
    assert resolve(whole, registry).graph is whole


def test_a_bypassed_node_hands_on(registry: Registry) -> None:
    nodes = images(registry)
    left = resolve(graph(nodes, first="bypass", second="bypass"), registry).graph
    assert set(left.nodes) == {"picture", "save"}
    (wire,) = left.nodes["save"].inputs.values()
    assert wire.startswith("picture")


def test_what_needs_a_muted_node_goes_with_it(registry: Registry) -> None:
    nodes = images(registry)
    resolved = resolve(graph(nodes, first="mute"), registry)
    assert set(resolved.graph.nodes) == {"picture"}
    assert resolved.gone == {
        "first": "is muted",
        "second": "needs first, which is muted",
        "save": "needs first, which is muted",
    }


def test_a_bypassed_node_between_is_as_muted_as_what_feeds_it(registry: Registry) -> None:
    resolved = resolve(graph(images(registry), picture="mute", first="bypass"), registry)
    assert not resolved.graph.nodes
    assert resolved.gone["first"] == "is bypassed"
    assert resolved.gone["save"] == "needs picture, which is muted"


def test_optional_sockets_and_widgets_do_without(registry: Registry) -> None:
    nodes = {
        "n": {"type": "Integer", "params": {"value": 5}},
        "latent": {"type": "EmptyLatent", "inputs": {"width": "n"}, "params": {"width": 64}},
    }
    for mode in ("mute", "bypass"):
        left = resolve(graph(nodes, n=mode), registry).graph
        assert left.nodes["latent"].inputs == {}
        assert left.nodes["latent"].params == {"width": 64}


def test_nodes_of_unknown_type(registry: Registry) -> None:
    nodes = {
        "alien": {"type": "Alien"},
        "other": {"type": "Alien", "inputs": {"x": "alien"}},
        "save": {"type": "SaveImage", "inputs": {"image": "alien"}},
    }
    assert set(resolve(graph(nodes, alien="mute"), registry).gone) == {"alien", "other", "save"}
    resolved = resolve(graph(nodes, alien="bypass"), registry)
    assert set(resolved.cut) == {("other", "x"), ("save", "image")}
    assert resolved.cut["save", "image"] == "alien is bypassed, and has no Image to hand on"


def test_broken_wires_stay_as_they_are(registry: Registry) -> None:
    nodes = {
        "bend": {"type": "Reroute", "inputs": {"value": "nobody"}},
        "save": {"type": "SaveImage", "inputs": {"image": "bend"}},
        "odd": {"type": "SaveImage", "inputs": {"image": "a b"}},
    }
    left = resolve(graph(nodes, bend="bypass"), registry).graph
    assert left.nodes["save"].inputs == {"image": "nobody"}
    assert left.nodes["odd"].inputs == {"image": "a b"}


def test_a_circle_of_bypassed_nodes_hands_on_nothing(registry: Registry) -> None:
    nodes = {
        "a": {"type": "Reroute", "inputs": {"value": "b"}},
        "b": {"type": "Reroute", "inputs": {"value": "a"}},
        "save": {"type": "SaveImage", "inputs": {"image": "a"}},
    }
    resolved = resolve(graph(nodes, a="bypass", b="bypass"), registry)
    assert ("save", "image") in resolved.cut


def test_50000_bypassed_nodes_in_a_row(registry: Registry) -> None:
    nodes: dict[str, Any] = {"r0": {"type": "Reroute"}}
    for i in range(1, 50_000):
        nodes[f"r{i}"] = {"type": "Reroute", "inputs": {"value": f"r{i - 1}"}, "mode": "bypass"}
    whole = Graph.model_validate({"nodes": {**nodes, "end": {"type": "Reroute"}}})
    whole.nodes["end"].inputs["value"] = "r49999"
    assert resolve(whole, registry).graph.nodes["end"].inputs == {"value": "r0"}


def test_which_input_is_handed_on(registry: Registry) -> None:
    sampler = registry["KSampler"]
    assert through(sampler, "latent", ["model", "latent"]) == "latent"
    assert through(sampler, "latent", ["model"]) is None
    assert through(sampler, "nothing", ["latent"]) is None
    assert through(registry["Reroute"], "any", ["value"]) == "value"
    pair = next(
        spec
        for spec in registry.values()
        if [p.type for p in spec.inputs][:2] == ["Conditioning"] * 2
        and [p.type for p in spec.outputs] == ["Conditioning"]
    )
    one, other = (port.name for port in pair.inputs[:2])
    output = pair.outputs[0].name
    assert through(pair, output, [one, other]) == one
    assert through(pair, output, [other]) == other


# Through the check


@pytest.fixture
def environment(session: Session, tmp_path: Path) -> Environment:
    """What checks of widgets look up."""
    return session.environment(tmp_path / "x.json")


def faults(whole: Graph, registry: Registry, environment: Environment, **options: Any) -> str:
    with pytest.raises(GraphInvalid) as invalid:
        check(whole, registry, environment, **options)
    return str(invalid.value)


NUMBERS: dict[str, Any] = {
    "ck": {"type": "LoadCheckpoint", "params": {"name": "pocket"}},
    "latent": {"type": "EmptyLatent"},
    "half": {"type": "ScaleLatent", "inputs": {"latent": "latent"}},
    "decode": {"type": "VAEDecode", "inputs": {"latent": "half", "vae": "ck.vae"}},
    "save": {"type": "SaveImage", "inputs": {"image": "decode"}},
}


def test_the_check_sees_what_is_left(registry: Registry, environment: Environment) -> None:
    whole = graph(NUMBERS, half="bypass")
    checked = check(whole, registry, environment)
    assert set(checked.nodes) == {"ck", "latent", "decode", "save"}
    assert checked.nodes["decode"].wires["latent"].node == "latent"
    assert checked.document is whole, "what is saved with a picture is the whole graph"
    muted = check(graph({**NUMBERS, "more": NUMBERS["save"]}, more="mute"), registry, environment)
    assert muted.targets == ("save",)


def test_modes_leave_keys_as_they_are(bench: Bench) -> None:
    # A bypassed or muted node's key is that of a graph which never had the node.
    direct = {**NUMBERS, "decode": {**NUMBERS["decode"]}}
    direct["decode"]["inputs"] = {"latent": "latent", "vae": "ck.vae"}
    del direct["half"]
    extra = {"half": NUMBERS["half"], "spare": NUMBERS["save"]}
    whole = bench.plan(graph({**NUMBERS, **extra}, half="bypass", spare="mute"))
    keys = {name: whole.signed[name].key for name in direct}
    plain = bench.plan(graph(direct))
    assert keys == {name: plain.signed[name].key for name in direct}


def test_faults_of_modes_in_words(registry: Registry, environment: Environment) -> None:
    assert "save is muted; set it back to normal" in faults(
        graph(NUMBERS, save="mute"), registry, environment
    )
    assert "save needs latent, which is muted" in faults(
        graph(NUMBERS, latent="mute"), registry, environment
    )
    assert "half can't run: it is muted." in faults(
        graph(NUMBERS, half="mute"), registry, environment, only=["half"]
    )
    assert "half can't run: it is bypassed." in faults(
        graph(NUMBERS, half="bypass"), registry, environment, only=["half"]
    )
    assert "nodes.half.inputs.latent: latent is bypassed, and has no Latent to hand on" in faults(
        graph(NUMBERS, latent="bypass"), registry, environment
    )


@given(
    modes=st.lists(st.sampled_from(["normal", "mute", "bypass"]), min_size=12, max_size=12),
    feeds=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=12, max_size=12),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_modes(
    registry: Registry, modes: list[str], feeds: list[tuple[int, int]]
) -> None:
    types = ["EmptyLatent", "ScaleLatent", "KSampler", "VAEDecode", "Reroute", "Alien"]
    nodes: dict[str, Any] = {}
    for i, pair in enumerate(feeds):
        name = types[i % len(types)]
        ports = [p.name for p in registry[name].inputs] if name in registry else ["x", "y"]
        wires = zip(ports, (f"n{j}" for j in pair), strict=False)
        nodes[f"n{i}"] = {"type": name, "mode": modes[i], "inputs": dict(wires)}
    whole = Graph.model_validate({"nodes": nodes})
    before = whole.model_dump_json()
    resolved = resolve(whole, registry)
    assert whole.model_dump_json() == before, "the graph itself is never changed"
    left = resolved.graph.nodes
    assert left.keys() | resolved.gone.keys() == nodes.keys()
    assert not left.keys() & resolved.gone.keys()
    for name, node in left.items():
        assert node.mode == "normal"
        for port, text in node.inputs.items():
            known = text.partition(".")[0] in left
            assert known != ((name, port) in resolved.cut)
    # Once more changes nothing.
    if not resolved.cut:
        assert resolve(resolved.graph, registry).graph is resolved.graph
