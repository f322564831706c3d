"""Jobs denoised as one batch: the bits of single runs, whatever differs, whoever fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from batch_kit import POCKET, Batch, seeds
from fused_kit import fuse, held, with_sets
from graph_bench import graph as build

from studio.batch.fused import _predictor, prepare
from studio.execution import events
from studio.graph.files import load
from studio.session import locate

if TYPE_CHECKING:
    from graph_bench import Bench


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    "sets",
    [
        [{"sampler.seed": seed} for seed in range(5)],
        [{"sampler.cfg": cfg} for cfg in (1.0, 2.5, 7.0)],
        [{"positive.text": text} for text in ("a", "a blue square", "a word " * 90)],
        [{"sampler.sampler": name} for name in ("euler", "heun", "dpmpp_2m_sde", "lms")],
        [{"sampler.steps": steps} for steps in (1, 4, 2)],
        [{"sampler.denoise": share} for share in (1.0, 0.5, 0.0)],
        [{"latent.width": width} for width in (64, 80, 64)],
        [{"latent.batch": 2, "sampler.seed": 1}, {"latent.batch": 1, "sampler.seed": 2}],
        [{"sampler.sampler": "euler_cfg_pp", "sampler.seed": seed} for seed in range(3)],
        [{"sampler.sampler": "dpm_adaptive", "sampler.seed": seed} for seed in range(2)],
    ],
    ids=[
        "seed",
        "cfg",
        "text",
        "sampler",
        "steps",
        "denoise",
        "size",
        "batch",
        "cfg++",
        "adaptive",
    ],
)
def test_each_picture_has_the_bits_of_its_own_run(
    bench: Bench, fresh: Bench, sets: list[dict[str, Any]]
) -> None:
    graphs = [with_sets(each) for each in sets]
    distinct = list({bench.plan(g).signed["sampler"].key: g for g in graphs}.values())
    executor = bench.executor()
    assert fuse(bench, graphs, executor) == len(distinct)
    alone = fresh.executor()
    for each in distinct:
        assert fresh.run(each, executor=alone).status == "ok"
        found = held(bench, bench.plan(each))
        assert all(map(torch.equal, found, held(fresh, fresh.plan(each))))


@pytest.mark.parametrize(
    "name",
    ["text_to_image", "inpaint_only_masked", "hires_fix", "masked_latent", "custom_sampling"],
)
def test_whatever_samples_by_the_example_graphs(bench: Bench, fresh: Bench, name: str) -> None:
    path = locate(Path(name))
    raw = load(path)
    node = [each for each, it in raw.nodes.items() if it.type in SAMPLING][-1]
    graphs = []
    for seed in (11, 12, 13):
        params = {**raw.nodes[node].params, "seed": seed}
        if "steps" in params:
            params["steps"] = 3
        nodes = {**raw.nodes, node: raw.nodes[node].model_copy(update={"params": params})}
        graphs.append(raw.model_copy(update={"nodes": nodes}))
    bench.folder = fresh.folder = path.parent
    assert fuse(bench, graphs, bench.executor()) == 3
    alone = fresh.executor()
    for each in graphs:
        assert fresh.run(each, executor=alone).status == "ok"
        found = held(bench, bench.plan(each), node)
        assert all(map(torch.equal, found, held(fresh, fresh.plan(each), node)))


SAMPLING = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "Inpaint")


def test_the_pocket_is_fused_and_not_done_again_singly(bench: Bench) -> None:
    """On this machine's kernels: were they to differ, bits would stay, and the speed would go."""
    sets = [{"checkpoint.name": "pocket", "sampler.seed": seed} for seed in range(4)]
    executor = bench.executor()
    fuse(bench, [with_sets(each) for each in sets], executor)
    assert _predictor(executor).calls == 3


def test_calls_are_made_as_one(bench: Bench, tiny: Path) -> None:
    graphs = [with_sets({"sampler.seed": seed}) for seed in range(4)]
    executor = bench.executor()
    assert fuse(bench, graphs, executor) == 4
    assert _predictor(executor).calls == 3  # a step each, for all four
    assert fuse(bench, [*graphs, *graphs], executor) == 0  # all cached by now


def test_pictures_and_files_are_those_of_single_runs(
    bench: Bench, fresh: Bench, tiny: Path
) -> None:
    from studio.batch.pictured import read_pictured
    from studio.batch.pixels import compare

    graphs = [with_sets({"sampler.seed": seed}) for seed in range(3)]
    executor = bench.executor()
    fuse(bench, graphs, executor)
    for graph in graphs:
        (fused,) = bench.run(graph, executor=executor).outputs
        (single,) = fresh.run(graph).outputs
        assert compare(fused.path, single.path).equal
        ours, theirs = (read_pictured(each.path).about for each in (fused, single))
        for key in ("key", "graph", "seeds", "node", "policy", "libraries", "batch_index"):
            assert ours[key] == theirs[key]


def test_what_is_shared_runs_once(bench: Bench, tiny: Path) -> None:
    graphs = [with_sets({"sampler.seed": seed}) for seed in range(4)]
    fuse(bench, graphs, bench.executor())
    finished = [event.node for event in bench.events if isinstance(event, events.NodeFinished)]
    assert sorted(finished) == ["negative", "positive", "sampler"]
    steps = [e.step for e in bench.events if isinstance(e, events.NodeProgress)]
    assert steps == [1, 2, 3]  # one speaks for all


def test_one_plan_alone_isnt_touched(bench: Bench, tiny: Path) -> None:
    graph = with_sets({})
    assert fuse(bench, [graph], bench.executor()) == 0
    assert fuse(bench, [graph, graph], bench.executor()) == 0  # the same picture twice
    assert not bench.events


def test_nothing_to_sample(bench: Bench) -> None:
    plans = [
        bench.plan(build(solid=("SolidImage", {"colour": colour}), save=("SaveImage", {}, WIRED)))
        for colour in ("#000000", "#ffffff")
    ]
    environment = bench.session.environment(bench.folder / "graph.json")
    assert prepare(bench.executor(), plans, environment, bench.events.append) == 0


WIRED = {"image": "solid"}


# Whole batches


def test_a_batch_fused_and_singly_makes_the_same_pictures(tmp_path: Path) -> None:
    fused = Batch(tmp_path / "fused", POCKET, seeds(6))
    assert fused.run(batch_size=None).status == "ok"
    single = fused.at(tmp_path / "single")
    assert single.run(batch_size=1).status == "ok"
    found, expected = fused.pictures(), single.pictures()
    assert found.keys() == expected.keys()
    assert len(found) == 6
    for name, pixels in expected.items():
        assert (found[name] == pixels).all()
