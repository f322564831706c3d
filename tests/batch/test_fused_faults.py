"""Jobs at fault among others that are denoised with them, and batches that are stopped."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch
from batch_kit import POCKET, Batch, seeds
from fused_kit import fuse, held, with_sets

from studio.batch.fused import prepare
from studio.batch.model import JobEnded
from studio.diffusion import sampling
from studio.diffusion.together import predictor as predicting
from studio.execution import events
from studio.execution.plan import Action

if TYPE_CHECKING:
    from pathlib import Path

    from graph_bench import Bench


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


# Whole batches


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
