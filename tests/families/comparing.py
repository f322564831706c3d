"""Runs a graph on both layouts of a model, and makes the library start where we start."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from family_files import Family, install
from graph_bench import graph
from tiny_folder import pipelines

from studio.diffusion.noise import initial_noise
from studio.execution.executor import Executor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from graph_bench import Bench

    from studio.diffusion.store import ModelStore

PROMPT, NEGATIVE = "a small orange heart on a yellow background", "a blue square"
SEED, BATCH, CFG, STEPS = 7, 2, 5.0, 4
WIDTH, HEIGHT = 64, 96
CLOSE = 1e-4

Nodes = dict[str, Any]


@dataclass
class Both:
    """Runs graphs in one session.

    Args:
        bench: runs them.
        home: the user's folder.
        family: the models.
        models: keeps those that earlier tests used.
    """

    bench: Bench
    home: Path
    family: Family
    models: ModelStore
    _installed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def run(self, nodes: Nodes, models: Mapping[str, str], only: Sequence[str]) -> dict[str, Any]:
        """What nodes give (their first output), the same from both layouts to the bit.

        Args:
            nodes: `name=(type, params, inputs)`.
            models: tiny models by the loaders to add; a loader is called as in `nodes`' inputs.
            only: the nodes to look at.
        """
        session = self.bench.session
        executor = Executor(session.cache, session.policy, lambda: self.models)
        found = []
        for layout in (0, 1):
            loaders = {
                loader: ("LoadCheckpoint", {"name": self.names(model)[layout]})
                for loader, model in models.items()
            }
            result = self.bench.run(graph(**loaders, **nodes), only, executor=executor)
            if result.error is not None:
                raise result.error
            assert not self.bench.warned
            assert set(only) <= set(self.bench.ran), "the other layout's results were taken"
            found.append({name: next(iter(result.values[name].values())) for name in only})
        for name in only:
            for first, second in zip(*(_tensors(values[name]) for values in found), strict=True):
                assert torch.equal(first, second), f"{name} differs between file and folder"
        return found[0]

    def names(self, model: str) -> tuple[str, str]:
        """What both layouts of a tiny model are called in graphs."""
        if model not in self._installed:
            self._installed[model] = install(self.family[model], self.home)
        return self._installed[model]


def _tensors(value: Any) -> list[torch.Tensor]:
    return [value.samples] if hasattr(value, "samples") else [value.pixels]


def texts(loader: str = "checkpoint") -> Nodes:
    """Both prompts, encoded."""
    wires = {"clip": f"{loader}.clip"}
    return {
        "positive": ("TextEncode", {"text": PROMPT}, wires),
        "negative": ("TextEncode", {"text": NEGATIVE}, wires),
    }


def empty(width: int = WIDTH, height: int = HEIGHT, batch: int = BATCH) -> Nodes:
    """A latent to start from."""
    return {"latent": ("EmptyLatent", {"width": width, "height": height, "batch": batch})}


def sampled(latent: str = "latent", *, prompts: str = "", **params: Any) -> Nodes:
    """A sampler and a decoder.

    Args:
        latent: where it starts.
        prompts: the node with the outputs positive and negative; "" for two nodes of these names.
        params: of the sampler.
    """
    settings = {"seed": SEED, "steps": STEPS, "cfg": CFG, "sampler": "euler", "schedule": "simple"}
    dot = f"{prompts}." if prompts else ""
    wires = {"positive": f"{dot}positive", "negative": f"{dot}negative", "latent": latent}
    return {
        "sampler": ("KSampler", {**settings, **params}, {"model": "checkpoint.model", **wires}),
        **decoded("sampler"),
    }


def decoded(latent: str) -> Nodes:
    return {"decode": ("VAEDecode", {}, {"latent": latent, "vae": "checkpoint.vae"})}


def over_levels(
    scheduler: Any, *, prompts: str, eta: float | None = None, latent: str = "latent", cfg: float
) -> Nodes:
    """Our ddim over the levels that a DDIM scheduler of the library visits (its timesteps set).

    Args:
        scheduler: gives the levels.
        prompts: as for `sampled`.
        eta: of both.
        latent: where it starts.
        cfg: guidance scale.
    """
    levels = ", ".join(repr(level) for level in ddim_levels(scheduler))
    dot = f"{prompts}." if prompts else ""
    wires = {"positive": f"{dot}positive", "negative": f"{dot}negative", "latent": latent}
    return {
        "levels": ("Sigmas", {"levels": levels}),
        "ddim": ("SelectSampler", {"name": "ddim", "eta": eta}),
        "sampler": (
            "SamplerCustom",
            {"seed": SEED, "cfg": cfg},
            {"model": "checkpoint.model", "sampler": "ddim", "sigmas": "levels", **wires},
        ),
        **decoded("sampler.latent"),
    }


def ddim_levels(scheduler: Any) -> list[float]:
    """Noise levels of the library's DDIM, the last as `set_alpha_to_one` has it."""
    kept = [float(scheduler.alphas_cumprod[t]) for t in scheduler.timesteps]
    return [math.sqrt(1 / a - 1) for a in (*kept, float(scheduler.final_alpha_cumprod))]


def ddim(pipeline: Any) -> Any:
    """Gives the pipeline DDIM as its checkpoint has it, its timesteps set; the scheduler."""
    pipeline.scheduler = ddim_like(pipeline.scheduler)
    return pipeline.scheduler


def ddim_like(scheduler: Any) -> Any:
    """DDIM with the betas, timesteps and prediction of another scheduler."""
    made = pipelines().DDIMScheduler.from_config(scheduler.config)
    made.set_timesteps(STEPS)
    return made


def start_of(scheduler: Any) -> float:
    """What to multiply noise with, so that the library's x at the first step is ours.

    Ours is noise at the first level, with the variance that the model saw where it was trained to
    start; a DDIM scheduler keeps x / sqrt(1 + sigma^2), Euler's keeps x.
    """
    ve = hasattr(scheduler, "sigmas")
    first = float(scheduler.sigmas[0]) if ve else ddim_levels(scheduler)[0]
    sigma_max = math.sqrt(1 / float(scheduler.alphas_cumprod[-1]) - 1)
    at_end = math.isclose(first, sigma_max, rel_tol=1e-5)
    return (math.hypot(1, first) if at_end else first) / (1 if ve else math.hypot(1, first))


def ours(latent: Any, scheduler: Any = None) -> torch.Tensor:
    """A latent of ours as a pipeline of the library gives it.

    Args:
        latent: unscaled.
        scheduler: a DDIM scheduler whose last level isn't 0.
    """
    scaled: torch.Tensor = latent.samples * latent.space.scaling_factor
    return scaled if scheduler is None else scaled / math.hypot(1, ddim_levels(scheduler)[-1])


def euler(pipeline: Any, steps: int = STEPS) -> Any:
    """Gives the pipeline Euler's method over levels that our "simple" has too; its scheduler.

    Betas and prediction are those of the scheduler that it came with.
    """
    scheduler = pipelines().EulerDiscreteScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="trailing", steps_offset=1
    )
    scheduler.set_timesteps(steps)
    pipeline.scheduler = scheduler
    return scheduler


def noise_for(scheduler: Any, shape: tuple[int, ...]) -> torch.Tensor:
    """`latents=` for a pipeline that multiplies them with the scheduler's init_noise_sigma."""
    return initial_noise(shape, SEED) * (start_of(scheduler) / float(scheduler.init_noise_sigma))


def by_the_library(pipeline: Any, *args: Any, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """What a pipeline of the library gives: the latent that it decodes, scaled; and the picture."""
    stage = pipeline.vae if hasattr(pipeline, "vae") else pipeline.vqvae
    with patch.object(stage, "decode", wraps=stage.decode) as decode:
        images = pipeline(*args, **options, output_type="pt").images
    ((latent,), _) = decode.call_args
    if not isinstance(images, torch.Tensor):
        # LDMPipeline knows no "pt".
        images = torch.from_numpy(images).permute(0, 3, 1, 2)
    return latent * stage.config.scaling_factor, images


def deviation(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The largest difference; of what is larger than a unit, a share of its largest value."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype == torch.float32
    assert wanted.isfinite().all()
    # There is something to compare.
    assert float(wanted.std()) > 1e-3
    return float((found - wanted).abs().max()) / max(1.0, float(wanted.abs().max()))
