"""The graph against the library's pipelines: same folder, prompt, noise and levels, same picture.

Everything of ours is used as a user uses it: a checkpoint on disk, a session, a graph, the
executor. The library's `StableDiffusionPipeline` has the modules that the folder was saved from.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil
from tiny_folder import BETAS, make_pipeline, pipelines

from studio.diffusion.noise import initial_noise

if TYPE_CHECKING:
    from pathlib import Path

# The library's own code under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PROMPT, NEGATIVE = "a small orange heart on a yellow background", "a blue square"
SEED, BATCH, CFG, STEPS = 7, 2, 5.0, 10
SHAPE = (BATCH, 4, 8, 6)
CLOSE = 1e-4

TRAILING = {"timestep_spacing": "trailing", "steps_offset": 1}
LEADING = {"timestep_spacing": "leading", "steps_offset": 1}


@dataclass(frozen=True)
class Case:
    """A sampler and a schedule, and the library's scheduler that should equal them.

    Args:
        sampler: ours.
        schedule: ours.
        scheduler: the library's class.
        options: of the scheduler.
        vp: the library keeps x / sqrt(1 + sigma^2).
        eta: for both; None is their own default.
        predictions: that the scheduler knows how to use as we do.
        steps: a divisor of 1,000, so that our "simple" is the library's "trailing".
    """

    sampler: str
    schedule: str
    scheduler: str
    options: dict[str, Any] = field(default_factory=dict)
    vp: bool = False
    eta: float | None = None
    predictions: tuple[str, ...] = ("epsilon", "v_prediction")
    steps: int = STEPS

    @property
    def id(self) -> str:
        eta = "" if self.eta is None else f"-eta{self.eta:g}"
        return f"{self.sampler}-{self.schedule}{eta}"


PLAIN = {"clip_sample": False}
CASES = [
    Case("euler", "simple", "EulerDiscreteScheduler", TRAILING),
    Case("euler_ancestral", "simple", "EulerAncestralDiscreteScheduler", TRAILING),
    Case("heun", "simple", "HeunDiscreteScheduler", TRAILING),
    Case("dpmpp_2m", "simple", "DPMSolverMultistepScheduler", TRAILING, vp=True),
    Case("dpmpp_2m", "simple", "DPMSolverMultistepScheduler", TRAILING, vp=True, steps=20),
    Case(
        "dpmpp_2m",
        "karras",
        "DPMSolverMultistepScheduler",
        {**TRAILING, "use_karras_sigmas": True},
        vp=True,
        steps=20,
    ),
    Case("ddim", "simple", "DDIMScheduler", {**TRAILING, **PLAIN}, vp=True),
    Case("ddim", "ddim_uniform", "DDIMScheduler", {**LEADING, **PLAIN}, vp=True),
    Case("ddim", "ddim_uniform", "DDIMScheduler", {**LEADING, **PLAIN}, vp=True, eta=0.5),
    Case("ddpm", "simple", "DDPMScheduler", {**TRAILING, **PLAIN}, vp=True),
    # The library mixes predictions over steps, we mix slopes: the same for epsilon only.
    Case(
        "plms",
        "ddim_uniform",
        "PNDMScheduler",
        {**LEADING, "skip_prk_steps": True, "set_alpha_to_one": True},
        vp=True,
        predictions=("epsilon",),
    ),
]
LMS = Case("lms", "simple", "LMSDiscreteScheduler", TRAILING)
EVERY = [
    pytest.param(case, prediction, id=f"{case.id}-{case.steps}-{prediction}")
    for case in CASES
    for prediction in case.predictions
]


@pytest.fixture(scope="module")
def theirs() -> Any:
    """The library's pipeline of the modules that `tiny` was saved from."""
    return make_pipeline()


def schedule_with(case: Case, prediction: str) -> Any:
    scheduler = getattr(pipelines(), case.scheduler)
    return scheduler(**BETAS, **case.options, prediction_type=prediction)


def predicts(folder: Path, prediction: str) -> None:
    path = folder / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "prediction_type": prediction}))


def nodes(case: Case, kind: str = "KSampler", **params: Any) -> dict[str, Any]:
    settings = {
        "seed": SEED,
        "steps": case.steps,
        "cfg": CFG,
        "sampler": case.sampler,
        "schedule": case.schedule,
        "eta": case.eta,
    }
    wires = {"model": "checkpoint.model", "positive": "positive", "negative": "negative"}
    return {
        "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
        "positive": ("TextEncode", {"text": PROMPT}, {"clip": "checkpoint.clip"}),
        "negative": ("TextEncode", {"text": NEGATIVE}, {"clip": "checkpoint.clip"}),
        "empty": ("EmptyLatent", {"width": 48, "height": 64, "batch": BATCH}),
        "sampler": (kind, {**settings, **params}, {**wires, "latent": "empty"}),
        "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    }


def by_the_library(pipeline: Any, case: Case, scheduler: Any, **options: Any) -> Any:
    """What `pipeline` gives from the noise that our seed gives."""
    pipeline.scheduler = scheduler
    scheduler.set_timesteps(case.steps)
    first = first_level(scheduler)
    # Where the model was trained to start, our x has the variance that it saw there; elsewhere
    # it is noise alone.
    sigma_max = math.sqrt(1 / float(scheduler.alphas_cumprod[-1]) - 1)
    start = math.hypot(1, first) if math.isclose(first, sigma_max, rel_tol=1e-5) else first
    scale = math.hypot(1, first) if case.vp else float(scheduler.init_noise_sigma)
    return pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        num_images_per_prompt=BATCH,
        guidance_scale=options.pop("guidance_scale", CFG),
        num_inference_steps=case.steps,
        eta=case.eta or 0.0,
        latents=initial_noise(SHAPE, SEED) * (start / scale),
        # Draws what our samplers draw: a fresh generator of the same seed.
        generator=torch.Generator().manual_seed(SEED),
        width=48,
        height=64,
        **options,
    ).images


def first_level(scheduler: Any) -> float:
    if hasattr(scheduler, "sigmas"):
        return float(scheduler.sigmas[0])
    return math.sqrt(1 / float(scheduler.alphas_cumprod[scheduler.timesteps[0]]) - 1)


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert ours.shape == theirs.shape
    assert ours.dtype == torch.float32
    return float((ours - theirs).abs().max())


def scaled(latent: Any) -> torch.Tensor:
    """As a denoiser sees it."""
    result: torch.Tensor = latent.samples * latent.space.scaling_factor
    return result


@pytest.mark.parametrize(("case", "prediction"), EVERY)
def test_a_graph_gives_the_pipelines_latent_and_picture(
    bench: Bench,
    tiny: Path,
    theirs: Any,
    case: Case,
    prediction: str,
) -> None:
    predicts(tiny, prediction)
    values = bench.run(graph(**nodes(case)), ["sampler", "decode"]).values
    latent = values["sampler"]["latent"]
    wanted = by_the_library(theirs, case, schedule_with(case, prediction), output_type="latent")
    assert latent.samples.shape == SHAPE
    # It is far from where it began, and the two pictures differ: there is something to compare.
    assert difference(wanted, initial_noise(SHAPE, SEED)) > 0.1
    assert difference(wanted[0], wanted[1]) > 0.1
    found = difference(scaled(latent), wanted)
    assert found < CLOSE

    picture = by_the_library(theirs, case, schedule_with(case, prediction), output_type="pt")
    assert float(picture.std()) > 0.01
    pixels = difference(values["decode"]["image"].pixels, picture)
    assert pixels < CLOSE


@pytest.mark.parametrize("prediction", LMS.predictions)
def test_lms_up_to_its_last_step(bench: Bench, tiny: Path, theirs: Any, prediction: str) -> None:
    """The library extrapolates into the last step to 0; we, and the peer, take the model's x0."""
    predicts(tiny, prediction)
    visited: list[torch.Tensor] = []

    def remember(_pipeline: Any, _step: int, _time: Any, tensors: dict[str, Any]) -> Any:
        visited.append(tensors["latents"])
        return tensors

    by_the_library(
        theirs,
        LMS,
        schedule_with(LMS, prediction),
        output_type="latent",
        callback_on_step_end=remember,
    )
    settings = {"end_step": STEPS - 1, "leftover_noise": True}
    latent = bench.value(graph(**nodes(LMS, "KSamplerAdvanced", **settings)), "sampler")
    assert len(visited) == STEPS
    found = difference(scaled(latent), visited[-2])
    assert found < CLOSE


@pytest.mark.usefixtures("tiny")
def test_without_guidance(bench: Bench, theirs: Any) -> None:
    """At cfg 1 neither asks the model about the negative text."""
    case = CASES[0]
    latent = bench.value(graph(**nodes(case, cfg=1.0)), "sampler")
    wanted = by_the_library(
        theirs, case, schedule_with(case, "epsilon"), output_type="latent", guidance_scale=1.0
    )
    found = difference(scaled(latent), wanted)
    assert found < CLOSE


# Samplers that draw at every step are left out: the library's generator goes on after the
# picture's noise, ours begins anew, as the peers' does.
IMAGE_TO_IMAGE = [
    case
    for case in CASES
    if (case.schedule, case.steps) == ("simple", STEPS)
    and case.sampler not in ("euler_ancestral", "ddpm")
]


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("case", IMAGE_TO_IMAGE, ids=lambda case: case.id)
def test_image_to_image(
    bench: Bench,
    tiny: Path,
    tmp_path: Path,
    theirs: Any,
    case: Case,
    prediction: str,
) -> None:
    """Half of twice the steps. The library draws its noise from a generator of our seed."""
    predicts(tiny, prediction)
    data = np.random.default_rng(0).integers(0, 256, (64, 48, 3), np.uint8)
    Pil.fromarray(data).save(tmp_path / "picture.png")
    document = {
        **nodes(case, denoise=0.5),
        "picture": ("LoadImage", {"path": "picture.png"}),
        "empty": ("VAEEncode", {}, {"image": "picture.image", "vae": "checkpoint.vae"}),
    }
    values = bench.run(graph(**document), ["sampler", "decode"]).values

    pipeline = pipelines().StableDiffusionImg2ImgPipeline(
        **theirs.components, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    pixels = torch.from_numpy(data).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        # The mode, as we take it; given a picture the library would draw a sample.
        encoded = theirs.vae.encode(2 * pixels - 1).latent_dist.mode()

    def run(output_type: str) -> torch.Tensor:
        pipeline.scheduler = schedule_with(case, prediction)
        images: torch.Tensor = pipeline(
            PROMPT,
            negative_prompt=NEGATIVE,
            image=encoded * theirs.vae.config.scaling_factor,
            strength=0.5,
            num_inference_steps=2 * STEPS,
            guidance_scale=CFG,
            generator=torch.Generator().manual_seed(SEED),
            output_type=output_type,
        ).images
        return images

    latents = difference(scaled(values["sampler"]["latent"]), run("latent"))
    assert latents < CLOSE
    found = difference(values["decode"]["image"].pixels, run("pt"))
    assert found < CLOSE
