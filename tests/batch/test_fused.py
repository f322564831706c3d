"""Jobs denoised as one batch: the bits of single runs, whatever differs, whoever fails."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from batch_kit import POCKET, Batch, seeds
from graph_bench import Bench
from graph_bench import graph as build

from studio.batch.fused import _predictor, prepare
from studio.batch.model import JobEnded
from studio.diffusion import sampling
from studio.diffusion.together import predictor as predicting
from studio.diffusion.together.apart import Apart
from studio.errors import Cancelled
from studio.execution import events
from studio.execution.plan import Action
from studio.graph.files import from_json, load
from studio.session import locate
from studio.values import tensors_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from studio.execution.executor import Executor
    from studio.execution.plan import Plan
    from studio.graph.document import Graph

TINY = {"checkpoint.name": "tiny", "sampler.steps": 3, "sampler.cfg": 4.0}


def with_sets(sets: Mapping[str, Any]) -> Graph:
    """The graph `POCKET` on the tiny model, with values of its own."""
    data = copy.deepcopy(POCKET)
    for place, value in {**TINY, **sets}.items():
        name, key = place.split(".")
        data["nodes"][name]["params"][key] = value
    return from_json(data)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A second session, with a cache of its own."""
    from studio.session import Session

    home = tmp_path / "home"
    other = tmp_path / "other"
    other.mkdir()
    (other / "settings.toml").write_text(f"model_folders = ['{home / 'models'}']\n")
    monkeypatch.setenv("LATENT_STUDIO_HOME", str(other))
    with Session.open(
        out=tmp_path / "single", device="cpu", dtype="float32", memory_cache=True
    ) as opened:
        yield Bench(opened, tmp_path)


def fuse(bench: Bench, graphs: list[Graph], executor: Executor, **options: Any) -> int:
    plans = [bench.plan(graph) for graph in graphs]
    environment = bench.session.environment(bench.folder / "graph.json")
    return prepare(executor, plans, environment, bench.events.append, **options)


def held(bench: Bench, plan: Plan, node: str = "sampler") -> list[torch.Tensor]:
    found = bench.session.cache.get(plan.signed[node].key)
    assert found is not None
    return list(tensors_of(list(found[0].values())))


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


# Poisoned jobs


def test_nan_in_one_of_a_batch_stays_there(bench: Bench, fresh: Bench, tiny: Path) -> None:
    """Through the real network: what one picture holds reaches no other."""
    from studio.diffusion.noise import initial_noise

    def noise(shape: tuple[int, ...], seed: int) -> torch.Tensor:
        drawn = initial_noise(shape, seed)
        return drawn * float("nan") if seed == 2 else drawn

    graphs = [with_sets({"sampler.seed": seed}) for seed in (1, 2, 3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "initial_noise", noise)
        assert fuse(bench, graphs, bench.executor()) == 3
    assert bench.plan(graphs[1]).steps["sampler"].action is Action.RUN
    for graph in (graphs[0], graphs[2]):
        fresh.run(graph)
        assert torch.equal(held(bench, bench.plan(graph))[0], held(fresh, fresh.plan(graph))[0])


def test_memory_that_runs_out_halves_the_batch(
    bench: Bench, fresh: Bench, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = predicting.Predictor._one_call
    tried: list[int] = []

    def narrow(self: Any, live: Any, asks: Any) -> Any:
        tried.append(len(asks))
        if len(asks) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, live, asks)

    monkeypatch.setattr(predicting.Predictor, "_one_call", narrow)
    graphs = [with_sets({"sampler.seed": seed}) for seed in range(8)]
    executor = bench.executor()
    assert fuse(bench, graphs, executor) == 8
    assert tried[:2] == [8, 4]
    assert set(tried[2:]) == {2}  # remembered from then on
    for graph in graphs[:2]:
        fresh.run(graph)
        assert torch.equal(held(bench, bench.plan(graph))[0], held(fresh, fresh.plan(graph))[0])


def test_memory_that_never_suffices_leaves_the_jobs_to_themselves(
    bench: Bench, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.diffusion.denoiser import LiveModel

    def never(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    graphs = [with_sets({"sampler.seed": seed}) for seed in range(3)]
    executor = bench.executor()
    with monkeypatch.context() as patch:
        patch.setattr(LiveModel, "predict", never)
        assert fuse(bench, graphs, executor) == 3
    for graph in graphs:
        assert bench.plan(graph).steps["sampler"].action is Action.RUN
        assert bench.run(graph, executor=executor).status == "ok"


def test_a_fault_of_one_is_its_own(bench: Bench, tiny: Path) -> None:
    """A size that the model can't make is found out in the sampler; the others go on."""
    sets = [{"sampler.seed": 1}, {"latent.width": 72, "latent.height": 72}, {"sampler.seed": 4}]
    graphs = [with_sets(each) for each in sets]
    executor = bench.executor()
    with pytest.MonkeyPatch.context() as patch:
        real = sampling.guide

        def guide(*args: Any, **options: Any) -> Any:
            if options["size"] != (8, 8):
                raise sampling.WrongSize(72, 72, 16)
            return real(*args, **options)

        patch.setattr(sampling, "guide", guide)
        assert fuse(bench, graphs, executor) == 3
    actions = [bench.plan(each).steps["sampler"].action for each in graphs]
    assert actions == [Action.CACHED, Action.RUN, Action.CACHED]


def test_a_fault_above_the_sampler_is_its_own(bench: Bench, tiny: Path) -> None:
    graphs = [with_sets({"sampler.seed": seed, "positive.text": f"a {seed}"}) for seed in range(3)]
    from studio.diffusion.text import live

    real = live.LiveText.encode

    def encode(self: Any, text: Any, *args: Any, **options: Any) -> Any:
        if text == "a 1":
            raise RuntimeError("a damaged encoder")
        return real(self, text, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live.LiveText, "encode", encode)
        assert fuse(bench, graphs, bench.executor()) == 2
    assert not [event for event in bench.events if isinstance(event, events.NodeFailed)]
    actions = [bench.plan(each).steps["sampler"].action for each in graphs]
    assert actions == [Action.CACHED, Action.RUN, Action.CACHED]


# Stopping


def test_cancelling_stops_all_within_a_step(bench: Bench, tiny: Path) -> None:
    cancel = threading.Event()
    graphs = [with_sets({"sampler.seed": seed, "sampler.steps": 50}) for seed in range(4)]
    seen: list[int] = []

    def emit(event: events.Event) -> None:
        if isinstance(event, events.NodeProgress):
            seen.append(event.step)
            if event.step == 2:
                cancel.set()

    executor = bench.executor(cancel)
    plans = [bench.plan(graph) for graph in graphs]
    environment = bench.session.environment(bench.folder / "graph.json")
    prepare(executor, plans, environment, emit)
    assert max(seen) <= 3
    assert bench.plan(graphs[0]).steps["sampler"].action is Action.RUN


def test_ctrl_c_ends_every_thread(bench: Bench, tiny: Path) -> None:
    def interrupted(self: Any, asks: Any) -> Any:
        raise KeyboardInterrupt

    graphs = [with_sets({"sampler.seed": seed}) for seed in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predicting.Predictor, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fuse(bench, graphs, bench.executor())
    assert not [t for t in threading.enumerate() if t.name.startswith("latent-studio-turn")]


def test_turns_raise_cancelled_where_there_is_no_answer() -> None:
    from studio.diffusion.together import Turn, take_turns

    caught: list[type[BaseException]] = []

    def work(turn: Turn[int, int]) -> None:
        try:
            turn.ask(1)
        except Cancelled as error:
            caught.append(type(error))
            raise

    def answer(questions: Any) -> Any:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        take_turns([work, work], answer)
    assert caught == [Cancelled, Cancelled]


def test_who_breaks_off_the_wait_for_the_threads_leaves_none_behind() -> None:
    """As a second Ctrl-C does, while one of them still computes."""
    from studio.diffusion.together import Turn, take_turns
    from studio.diffusion.together import turns as turning

    going_on = threading.Event()

    def work(turn: Turn[int, int]) -> None:
        try:
            turn.ask(1)
        except Cancelled:
            going_on.wait(60)
            turn.ask(2)  # a sampler that didn't take no for an answer

    def answer(questions: Any) -> Any:
        raise RuntimeError("no answer")

    def interrupted(self: Any) -> None:
        raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turning.Turn, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            take_turns([work, work, work], answer)
    left = set(threading.enumerate()) - before
    assert len(left) == 3
    going_on.set()
    for thread in left:
        thread.join(60)
        assert not thread.is_alive()


# Operations


@pytest.mark.parametrize("sizes", [[2, 2, 2, 2], [1, 3, 2]], ids=["alike", "not"])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (torch.nn.Linear(32, 128), (32,)),
        (torch.nn.Linear(32, 16, bias=False), (7, 32)),
        (torch.nn.Conv2d(96, 32, 1), (96, 16, 16)),
        (torch.nn.Conv2d(16, 8, 1, stride=2), (16, 6, 6)),
        (torch.nn.Conv2d(16, 8, 1, padding=1, bias=False), (16, 6, 6)),
        (torch.nn.Conv2d(16, 8, 3, padding=1), (16, 6, 6)),
    ],
    ids=["linear", "tokens", "pixel", "stride", "padding", "conv"],
)
def test_parts_have_their_bits_from_the_first_time_on(
    layer: torch.nn.Module, shape: tuple[int, ...], sizes: list[int]
) -> None:
    known: dict[Any, Any] = {}
    for _ in range(2):
        x = torch.randn(sum(sizes), *shape)
        with torch.no_grad():
            with Apart(sizes, known):
                found = layer(x)
            expected = [layer(part.clone()) for part in torch.split(x, sizes)]
        assert torch.equal(found, torch.cat(expected))
    assert len(known) == 1


def test_layers_of_few_numbers_take_one_call_for_all_parts() -> None:
    """On this machine's kernels: were they to differ, bits would stay, and the speed would go."""
    known: dict[Any, Any] = {}
    linear, pixel = torch.nn.Linear(32, 128), torch.nn.Conv2d(96, 32, 1)
    with torch.no_grad(), Apart([2] * 16, known):
        linear(torch.randn(32, 32))
        pixel(torch.randn(32, 96, 16, 16))
    assert {way.__name__ for way in known.values()} <= {"_whole", "_matrices"}


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


def test_a_poisoned_job_fails_alone_in_a_fused_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = Batch(tmp_path / "clean", POCKET, seeds(5))
    assert clean.run(batch_size=None).status == "ok"
    real = sampling.initial_noise

    def noise(shape: tuple[int, ...], seed: int) -> torch.Tensor:
        return real(shape, seed) * (float("nan") if seed == 3 else 1.0)

    monkeypatch.setattr(sampling, "initial_noise", noise)
    poisoned = clean.at(tmp_path / "poisoned")
    summary = poisoned.run(batch_size=None, use_cache=False)
    assert (summary.done, summary.failed) == (4, 1)
    (failed,) = [e.result for e in poisoned.of(JobEnded) if e.result.status == "failed"]
    assert failed.index == 3
    assert "NaN" in failed.error
    expected = clean.pictures()
    found = poisoned.pictures()
    assert len(found) == 4
    for name, pixels in found.items():
        assert (pixels == expected[name]).all()
