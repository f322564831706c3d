"""The executor on real nodes: what ran and what was cached, failures, cancelling, dropping."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import Bench, graph
from PIL import Image as Pil

from studio.execution import events
from studio.registry import Registry, in_module
from studio.session import Session

SOLID = ("SolidImage", {"width": 8, "height": 8, "colour": "#ff8000"})
CHAIN: dict[str, Any] = {
    "solid": SOLID,
    "slow": ("Slow", {}, {"image": "solid"}),
    "invert": ("InvertImage", {}, {"image": "slow"}),
    "save": ("SaveImage", {}, {"image": "invert"}),
}


def pixels(path: str | Path) -> Any:
    with Pil.open(path) as picture:
        return np.asarray(picture)


def test_a_run_writes_the_picture_and_reports_every_node(bench: Bench) -> None:
    result = bench.run(graph(**CHAIN))
    assert result.status == "ok"
    assert bench.ran == ["solid", "slow", "invert", "save"]
    assert (pixels(result.outputs[0].path) == (255, 128, 0)).all()
    kinds = [type(event).__name__ for event in bench.events]
    assert kinds[0] == "RunStarted"
    assert kinds[-1] == "RunFinished"
    assert kinds.count("NodeFinished") == 4
    steps = [e for e in bench.events if isinstance(e, events.NodeProgress)]
    assert [(e.step, e.of) for e in steps] == [(1, 3), (2, 3), (3, 3)]
    for event in bench.events:
        json.dumps(event.to_json())
    assert bench.events[-1].to_json()["outputs"][0]["node"] == "save"


def test_again_nothing_runs_and_the_same_file_is_named(bench: Bench) -> None:
    first = bench.run(graph(**CHAIN))
    second = bench.run(graph(**CHAIN))
    assert bench.ran == []
    assert bench.cached == {"save": "saved"}
    assert [o.path for o in second.outputs] == [o.path for o in first.outputs]
    assert second.outputs[0].saved


def test_a_change_runs_only_what_is_below(bench: Bench) -> None:
    bench.run(graph(**CHAIN))
    nodes = {**CHAIN, "invert": ("Mean", {"weight": 0.5}, {"first": "slow", "second": "solid"})}
    result = bench.run(graph(**nodes))
    assert bench.ran == ["invert", "save"]
    assert set(bench.cached) == {"slow", "solid"}
    assert pixels(result.outputs[0].path)[0, 0].tolist() == [128, 128, 128]


def test_another_process_finds_what_was_dear_on_disk(bench: Bench, tmp_path: Path) -> None:
    bench.run(graph(**CHAIN))
    bench.session.cache.flush()
    with Session.open(out=tmp_path / "out", device="cpu", dtype="float32") as fresh:
        fresh.registry = bench.session.registry
        other = Bench(fresh, tmp_path)
        nodes = {**CHAIN, "save": ("SaveImage", {"name": "other"}, {"image": "invert"})}
        other.run(graph(**nodes))
        # The slow node is worth keeping; a picture is inverted in less time than it is read,
        # but on a busy machine even that may have seemed dear.
        assert other.ran in (["invert", "save"], ["save"])
        assert other.cached in ({"slow": "disk"}, {"invert": "disk"})


def test_a_damaged_entry_is_dropped_and_made_again(bench: Bench, tmp_path: Path) -> None:
    bench.run(graph(**CHAIN))
    bench.session.cache.flush()
    nodes = {**CHAIN, "save": ("SaveImage", {"name": "other"}, {"image": "invert"})}
    with Session.open(out=tmp_path / "out", device="cpu", dtype="float32") as fresh:
        fresh.registry = bench.session.registry
        other = Bench(fresh, tmp_path)
        plan = other.plan(graph(**nodes))
        assert plan.steps["slow"].tier == "disk"
        damaged = 0
        for file in fresh.places.cache.rglob("*.safetensors"):
            data = bytearray(file.read_bytes())
            data[-1] ^= 0xFF
            file.write_bytes(data)
            damaged += 1
        assert damaged
        import logging

        logging.getLogger("studio.cache").setLevel(logging.ERROR)
        try:
            result = other.run(graph(**nodes))
        finally:
            logging.getLogger("studio.cache").setLevel(logging.NOTSET)
        assert result.status == "ok"
        assert other.ran == ["solid", "slow", "invert", "save"]
        assert (pixels(result.outputs[0].path) == (255, 128, 0)).all()


def test_no_cache_neither_reads_nor_writes(bench: Bench, tmp_path: Path) -> None:
    bench.run(graph(**CHAIN))
    bench.session.cache.flush()
    before = sorted(bench.session.places.cache.rglob("*.safetensors"))
    with Session.open(
        out=tmp_path / "out", device="cpu", dtype="float32", use_cache=False
    ) as fresh:
        fresh.registry = bench.session.registry
        other = Bench(fresh, tmp_path)
        result = other.run(graph(**CHAIN))
        assert other.ran == ["solid", "slow", "invert", "save"]
        assert Path(result.outputs[0].path).name == "graph_00002.png"
    assert sorted(bench.session.places.cache.rglob("*.safetensors")) == before


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("studio", "bad (Fails): the widget is bent. Straighten it."),
        ("memory", "bad (Fails): out of memory."),
        ("value", "bad (Fails): ValueError: odd"),
        ("type", "declares image as Image and returned str"),
    ],
)
def test_a_node_that_fails_is_named_and_the_rest_is_kept(
    bench: Bench, how: str, words: str
) -> None:
    nodes = {**CHAIN, "invert": ("Fails", {"how": how}, {"image": "slow"})}
    nodes["bad"] = nodes.pop("invert")
    nodes["save"] = ("SaveImage", {}, {"image": "bad"})
    result = bench.run(graph(**nodes))
    assert result.status == "failed"
    assert result.exit_code == 1
    assert words in str(result.error)
    failed = [e for e in bench.events if isinstance(e, events.NodeFailed)]
    assert [e.node for e in failed] == ["bad"]
    assert bool(failed[0].detail) == (how != "studio")
    assert bench.events[-1].to_json()["status"] == "failed"
    bench.run(graph(**CHAIN))
    assert "slow" not in bench.ran, "what was finished before the failure was lost"


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf"])
def test_nan_stops_the_run_and_names_the_node(bench: Bench, bad: str) -> None:
    nodes = {
        "solid": SOLID,
        "poison": ("NotANumber", {"bad": bad}, {"image": "solid"}),
        "save": ("SaveImage", {}, {"image": "poison"}),
    }
    result = bench.run(graph(**nodes))
    assert result.status == "failed"
    assert "poison (NotANumber): image: 1 of 192 values are NaN or infinite" in str(result.error)
    assert "float32" in str(result.error)
    assert not result.outputs
    bench.run(graph(**nodes))
    assert "poison" in bench.ran, "a poisoned result was cached"


def test_a_number_from_a_wire_is_checked_when_it_comes(bench: Bench) -> None:
    nodes = {
        "solid": SOLID,
        "level": ("Level", {}, {"image": "solid"}),
        "scale": ("ScaleImage", {}, {"image": "solid", "factor": "level"}),
        "save": ("SaveImage", {}, {"image": "scale"}),
    }
    result = bench.run(graph(**nodes))
    assert pixels(result.outputs[0].path).shape == (12, 12, 3)
    nodes["solid"] = ("SolidImage", {"width": 8, "height": 8, "colour": "#000000"})
    result = bench.run(graph(**nodes))
    assert "factor is 0.0; it must be a number above 0 and up to 16" in str(result.error)
    assert "from level" in str(result.error)
    assert [e.node for e in bench.events if isinstance(e, events.NodeFailed)] == ["scale"]
    assert result.exit_code == 2


def test_cancelling_stops_inside_a_node(bench: Bench) -> None:
    nodes = {**CHAIN, "invert": ("Cancels", {}, {"image": "slow"})}
    result = bench.run(graph(**nodes))
    assert result.status == "cancelled"
    assert result.exit_code == 130
    assert bench.ran == ["solid", "slow", "invert"]
    assert not result.outputs


def test_cancelled_before_it_starts_nothing_runs(bench: Bench) -> None:
    cancel = threading.Event()
    cancel.set()
    assert bench.run(graph(**CHAIN), cancel=cancel).status == "cancelled"
    assert bench.ran == []


def test_tensors_are_dropped_when_no_longer_needed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    """While node n of a chain runs, at most its input and one more are alive."""
    import torch

    from studio.values import Image

    monkeypatch.setattr(bench.session.cache, "_enabled", False)
    alive: list[weakref.ref[Any]] = []
    most = 0
    original = in_module.__globals__["NodeSpec"].call

    def counted(self: Any, inputs: Any, params: Any, context: Any) -> Any:
        nonlocal most
        outputs = original(self, inputs, params, context)
        for value in outputs.values():
            if isinstance(value, Image):
                alive.append(weakref.ref(value.pixels))
        gc.collect()
        most = max(most, sum(1 for ref in alive if isinstance(ref(), torch.Tensor)))
        return outputs

    monkeypatch.setattr("studio.spec.NodeSpec.call", counted)
    nodes: dict[str, Any] = {"n0": SOLID}
    for i in range(1, 20):
        nodes[f"n{i}"] = ("InvertImage", {}, {"image": f"n{i - 1}"})
    nodes["save"] = ("SaveImage", {}, {"image": "n19"})
    assert bench.run(graph(**nodes)).status == "ok"
    assert len(alive) == 20
    assert most == 2


def test_two_savers_share_what_is_above(bench: Bench) -> None:
    nodes = {
        **CHAIN,
        "also": ("SaveImage", {"name": "also/{node}"}, {"image": "slow"}),
    }
    result = bench.run(graph(**nodes))
    assert bench.ran.count("slow") == 1
    assert {Path(o.path).parent.name for o in result.outputs} == {"out", "also"}


def test_only_gives_the_values_of_the_targets(bench: Bench) -> None:
    result = bench.run(graph(**CHAIN), only=["invert"])
    assert bench.ran == ["solid", "slow", "invert"]
    value = result.values["invert"]["image"]
    assert value.pixels.shape == (1, 3, 8, 8)
    again = bench.run(graph(**CHAIN), only=["invert"])
    assert bench.ran == []
    assert np.array_equal(again.values["invert"]["image"].pixels, value.pixels)


def test_the_picture_carries_its_graph(bench: Bench) -> None:
    from studio.graph.files import from_json, to_json
    from studio.pictures import read_png_text

    document = graph(**CHAIN)
    path = bench.run(document).outputs[0].path
    about = json.loads(read_png_text(path)["latent_studio"])
    assert to_json(from_json(about["graph"])) == to_json(document)
    assert about["node"] == "save"
    assert set(about["seconds"]) == {"solid", "slow", "invert"}
    assert about["policy"] == {"device": "cpu", "dtype": "float32"}
    assert "torch" in about["libraries"]


def test_a_chain_of_ten_thousand(bench: Bench) -> None:
    """No recursion anywhere (the peer refuses 1,000)."""
    nodes: dict[str, Any] = {"n0": ("SolidImage", {"width": 1, "height": 1})}
    for i in range(1, 10_000):
        nodes[f"n{i}"] = ("InvertImage", {}, {"image": f"n{i - 1}"})
    nodes["save"] = ("SaveImage", {}, {"image": "n9999"})
    document = graph(**nodes)
    assert bench.run(document).status == "ok"
    assert len(bench.ran) == 10_001
    bench.run(document)
    assert bench.ran == []


def test_a_long_chain_of_light_nodes(bench: Bench) -> None:
    nodes: dict[str, Any] = {"c0": ("LoadCheckpoint",)}
    nodes["p0"] = ("PassModel", {}, {"model": "c0.model"})
    for i in range(1, 2000):
        nodes[f"p{i}"] = ("PassModel", {}, {"model": f"p{i - 1}"})
    assert bench.run(graph(**nodes), only=["p1999"]).status == "ok"
