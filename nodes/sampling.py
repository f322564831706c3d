"""Nodes that denoise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from studio.context import Context
from studio.diffusion.names import SAMPLERS, SCHEDULES
from studio.node import node
from studio.params import OneOf, Seed
from studio.values import Conditioning, Latent, Model

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.samplers import Callback

Steps = Annotated[int, Field(ge=1, le=1000)]
Cfg = Annotated[float, Field(ge=0, le=100)]
Fraction = Annotated[float, Field(ge=0, le=1)]
SamplerName = Annotated[str, OneOf(SAMPLERS)]
ScheduleName = Annotated[str, OneOf(SCHEDULES)]


@node("KSampler", category="Sampling")
def k_sampler(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    *,
    seed: Annotated[int, Seed()] = 0,
    steps: Steps = 20,
    cfg: Cfg = 7.0,
    sampler: SamplerName = "dpmpp_2m",
    schedule: ScheduleName = "karras",
    denoise: Fraction = 1.0,
    eta: Fraction | None = None,
    context: Context,
) -> Latent:
    """Denoise a latent under classifier-free guidance.

    Args:
        model: the denoiser.
        positive: what the picture should show.
        negative: what it should not show.
        latent: an empty latent for a new picture, or an encoded picture to change.
        seed: of the noise; the same seed gives the same picture.
        steps: how many steps to take; 20 to 30 are usual. Some samplers ask the model twice a
            step, and dpm_adaptive takes as many as it needs.
        cfg: strength of the guidance; 1 ignores the negative text and takes half the time. The
            cfg_pp samplers want 0.5 to 2, and use the negative text at any strength.
        sampler: how the steps are taken.
        schedule: how the noise levels are spaced.
        denoise: how much of the latent is replaced: 1 starts from pure noise, 0.5 keeps the
            rough composition.
        eta: how much fresh noise each step adds, for samplers that do (ancestral, ddpm and sde
            samplers: 1; ddim, dpm_fast, dpm_adaptive, res_multistep: 0); none takes the sampler's
            own. More options: SelectSampler and SamplerCustom.

    Returns:
        The denoised latent.
    """
    return _sample(
        context,
        model,
        positive,
        negative,
        latent,
        seed=seed,
        steps=steps,
        cfg=cfg,
        sampler=sampler,
        schedule=schedule,
        denoise=denoise,
        eta=eta,
    )


@node("KSamplerAdvanced", category="Sampling")
def k_sampler_advanced(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    *,
    add_noise: bool = True,
    seed: Annotated[int, Seed()] = 0,
    steps: Steps = 20,
    cfg: Cfg = 7.0,
    sampler: SamplerName = "dpmpp_2m",
    schedule: ScheduleName = "karras",
    start_step: Annotated[int, Field(ge=0, le=1000)] = 0,
    end_step: Annotated[int, Field(ge=1, le=1000)] | None = None,
    leftover_noise: bool = False,
    eta: Fraction | None = None,
    context: Context,
) -> Latent:
    """Denoise over a part of the schedule, so that several samplers can share one picture.

    Args:
        model: the denoiser.
        positive: what the picture should show.
        negative: what it should not show.
        latent: where to start.
        add_noise: add noise of the first step's level; off where the latent still holds it.
        seed: of the noise.
        steps: of the whole schedule.
        cfg: strength of the guidance.
        sampler: how the steps are taken.
        schedule: how the noise levels are spaced.
        start_step: the first step to take, from 0.
        end_step: the step to stop before; none goes to the end.
        leftover_noise: keep the noise that is left at the end step, for the next sampler.
        eta: how much fresh noise each step adds; none takes the sampler's own.

    Returns:
        The latent, denoised or with its leftover noise.
    """
    return _sample(
        context,
        model,
        positive,
        negative,
        latent,
        seed=seed,
        steps=steps,
        cfg=cfg,
        sampler=sampler,
        schedule=schedule,
        start_step=start_step,
        end_step=end_step,
        add_noise=add_noise,
        leftover_noise=leftover_noise,
        eta=eta,
    )


def _sample(
    context: Context,
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    **settings: Any,
) -> Latent:
    from studio.diffusion.sampling import sample

    live = context.models.model(model, context.warn)
    context.check_cancelled()
    return sample(live, positive, negative, latent, progress=reporter(context, live), **settings)


def reporter(context: Context, live: LiveModel) -> Callback:
    """What a sampler calls after every step: progress with a preview, and a look for a cancel."""
    from studio.diffusion.preview import latent_to_rgb

    def progress(step: int, of: int, x0: Tensor) -> None:
        def preview() -> Any:
            pictures = latent_to_rgb(x0, live.space)
            return None if pictures is None else pictures[0]

        context.progress(step, of, preview)

    return progress
