"""Our samplers against diffusers' pipeline: same network, noise and levels, same latent."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_models import BETAS, live, random_conditioning

from studio.diffusion.denoiser import Steering
from studio.diffusion.guidance import guide
from studio.diffusion.names import SAMPLER_TABLE
from studio.diffusion.noise import brownian_noise, initial_noise
from studio.diffusion.sampling import sample
from studio.values import Latent

if TYPE_CHECKING:
    from collections.abc import Callable

# The library's own code under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CFG = 5.0
STEPS = 8
SHAPE = (2, 4, 8, 8)


@dataclasses.dataclass(frozen=True)
class Case:
    """A scheduler of the library and the sampler that should equal it.

    `vp`: the library keeps x / sqrt(1 + sigma^2). `levels`: its sigmas, from the scheduler.
    """

    sampler: str
    scheduler: str
    vp: bool
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    eta: float | None = None
    predictions: tuple[str, ...] = ("epsilon",)
    steps: int = STEPS


BOTH = ("epsilon", "v_prediction")
LEADING = {"timestep_spacing": "leading", "steps_offset": 1}
TRAILING = {"timestep_spacing": "trailing", "steps_offset": 1}
TO_FIRST = {"clip_sample": False, "set_alpha_to_one": False}
CASES = [
    Case("ddim", "DDIMScheduler", True, {**LEADING, **TO_FIRST}, eta=0.0, predictions=BOTH),
    Case("ddim", "DDIMScheduler", True, {**LEADING, **TO_FIRST}, eta=0.5),
    Case("ddim", "DDIMScheduler", True, {**TRAILING, "clip_sample": False}),
    Case("euler", "EulerDiscreteScheduler", False, LEADING),
    Case("euler", "EulerDiscreteScheduler", False, TRAILING, predictions=BOTH),
    Case("euler_ancestral", "EulerAncestralDiscreteScheduler", False, LEADING),
    Case("heun", "HeunDiscreteScheduler", False, LEADING),
    Case("dpmpp_2m", "DPMSolverMultistepScheduler", True, LEADING),
    Case("dpmpp_2m", "DPMSolverMultistepScheduler", True, TRAILING, steps=16),
    Case(
        "dpmpp_2m_sde",
        "DPMSolverMultistepScheduler",
        True,
        {**LEADING, "algorithm_type": "sde-dpmsolver++"},
    ),
    Case("plms", "PNDMScheduler", True, {**LEADING, "skip_prk_steps": True}),
    Case("lms", "LMSDiscreteScheduler", False, LEADING),
    Case("ddpm", "DDPMScheduler", True, {**LEADING, "clip_sample": False}),
]


def levels_of(scheduler: Any) -> torch.Tensor:
    """The sigmas that a scheduler of the library visits, float64, its last one included."""
    if hasattr(scheduler, "sigmas"):
        values = scheduler.sigmas.double().tolist()
        # Heun lists the inner ones twice.
        return torch.tensor(list(dict.fromkeys(values)), dtype=torch.float64)
    alphas = scheduler.alphas_cumprod.double()
    timesteps = list(dict.fromkeys(scheduler.timesteps.tolist()))  # PNDM lists one twice
    final = float(getattr(scheduler, "final_alpha_cumprod", torch.tensor(1.0)))
    visited = torch.cat([alphas[timesteps], torch.tensor([final], dtype=torch.float64)])
    return ((1 - visited) / visited).sqrt()


def by_the_library(
    unet: Any, scheduler: Any, noise: torch.Tensor, case: Case, callback: Callable[..., Any]
) -> torch.Tensor:
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline(
        vae=None,
        text_encoder=None,
        tokenizer=None,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    result = pipeline(
        prompt_embeds=random_conditioning(1, 7).entries[0].embeddings.repeat(2, 1, 1),
        negative_prompt_embeds=random_conditioning(2, 7).entries[0].embeddings.repeat(2, 1, 1),
        guidance_scale=CFG,
        num_inference_steps=case.steps,
        latents=noise,
        generator=torch.Generator().manual_seed(5),
        eta=case.eta or 0.0,
        output_type="latent",
        height=64,
        width=64,
        callback_on_step_end=callback,
    )
    assert isinstance(result.images, torch.Tensor)
    return result.images


@pytest.mark.parametrize(
    ("case", "prediction"),
    [
        pytest.param(
            case,
            prediction,
            id="-".join(
                [
                    case.sampler,
                    *([f"eta{case.eta}"] if case.eta is not None else []),
                    case.options["timestep_spacing"],
                    prediction,
                ]
            ),
        )
        for case in CASES
        for prediction in case.predictions
    ],
)
def test_equals_the_library(
    case: Case,
    prediction: Any,
    tiny_unet: Any,
    sd_sigmas: Any,
    tiny_space: Any,
) -> None:
    import diffusers

    scheduler = getattr(diffusers, case.scheduler)(
        **BETAS, **case.options, prediction_type=prediction
    )
    scheduler.set_timesteps(case.steps)
    sigmas = levels_of(scheduler)
    noise = initial_noise(SHAPE, 3)
    visited: list[torch.Tensor] = []

    def remember(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> Any:
        visited.append(tensors["latents"])
        return tensors

    theirs = by_the_library(tiny_unet, scheduler, noise, case, remember)

    model = live(tiny_unet, sd_sigmas, tiny_space, prediction)
    denoise = guide(model, random_conditioning(1, 7), random_conditioning(2, 7), CFG, len(noise))
    first, last = float(sigmas[0]), float(sigmas[-1])
    if case.sampler == "lms":
        # The library extrapolates its last step to 0, we (and the peer) take the model's x0.
        sigmas, theirs = sigmas[:-1], visited[-2]
    row = SAMPLER_TABLE[case.sampler]
    generator = torch.Generator().manual_seed(5)
    x = noise * float(scheduler.init_noise_sigma) * (math.hypot(1, first) if case.vp else 1.0)
    steps: list[tuple[int, int]] = []
    with torch.no_grad():
        ours = row.run(
            denoise,
            x,
            sigmas,
            lambda sigma, sigma_next: torch.randn(SHAPE, generator=generator),
            lambda step, of, x0: steps.append((step, of)),
            **({} if row.eta is None else {"eta": row.eta if case.eta is None else case.eta}),
        )
    ours = ours / math.hypot(1, last) if case.vp else ours

    difference = float((ours - theirs).abs().max())
    assert difference < 1e-4
    count = len(sigmas) - 1
    assert steps == [(i + 1, count) for i in range(count)]


def test_sample_equals_the_librarys_euler(tiny_model: Any, tiny_unet: Any, tiny_space: Any) -> None:
    """End to end: noise from the seed, schedule, start, guidance, scaling."""
    from diffusers import EulerDiscreteScheduler

    case = Case("euler", "EulerDiscreteScheduler", False)
    scheduler = EulerDiscreteScheduler(**BETAS, **TRAILING)
    scheduler.set_timesteps(STEPS)
    sigma_max = float(scheduler.sigmas[0])
    start = initial_noise(SHAPE, 11) * math.hypot(1, sigma_max) / sigma_max
    theirs = by_the_library(tiny_unet, scheduler, start, case, lambda p, s, t, tensors: tensors)

    ours = sample(
        tiny_model,
        random_conditioning(1, 7),
        random_conditioning(2, 7),
        Latent(None, None, 64, 64, batch=2),
        seed=11,
        steps=STEPS,
        cfg=CFG,
        sampler="euler",
        schedule="simple",  # the library's "trailing"
    )

    assert ours.samples is not None
    scaled = (ours.samples - tiny_space.shift) * tiny_space.scaling_factor
    torch.testing.assert_close(scaled, theirs, atol=1e-4, rtol=0)


@pytest.mark.filterwarnings("ignore:Should have t")  # the library asks torchsde out of its range
def test_dpmpp_sde_equals_the_librarys(tiny_model: Any, tiny_unet: Any) -> None:
    """Brownian noise included. Not through the pipeline: the library gives the model in the
    middle of a step a fractional timestep, we and the peer the nearest whole one."""
    from diffusers import DPMSolverSDEScheduler

    scheduler = DPMSolverSDEScheduler(**BETAS, **LEADING, noise_sampler_seed=5)
    scheduler.set_timesteps(STEPS)
    sigmas = levels_of(scheduler)
    embeddings = random_conditioning(1, 7).entries[0].embeddings.expand(2, -1, -1)
    start = initial_noise(SHAPE, 3) * float(scheduler.init_noise_sigma)
    with torch.no_grad():
        theirs = start
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(theirs, timestep)
            predicted = tiny_unet(scaled, timestep.round(), encoder_hidden_states=embeddings)[0]
            theirs = scheduler.step(predicted, timestep, theirs).prev_sample
        ours = SAMPLER_TABLE["dpmpp_sde"].run(
            lambda x, sigma: tiny_model.denoise(x, sigma, Steering(embeddings)),
            start,
            sigmas,
            brownian_noise(SHAPE, 5, float(sigmas[-2]), float(sigmas[0]), torch.device("cpu")),
            lambda *_: None,
            eta=1.0,
        )
    torch.testing.assert_close(ours, theirs.float(), atol=1e-4, rtol=0)
