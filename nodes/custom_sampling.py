"""Samplers for those who compose: levels, a sampler and its options, each a node of its own."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from nodes.sampling import Cfg, Fraction, SamplerName, ScheduleName, Steps, reporter
from studio.context import Context
from studio.diffusion.names import sampler_recipe
from studio.node import node
from studio.params import Seed
from studio.values import Conditioning, Latent, Model, Sampler, Sigmas

Level = Annotated[float, Field(gt=0, le=10_000)]


class Sampled(NamedTuple):
    """The outputs of SamplerCustom."""

    latent: Latent
    denoised: Latent


@node("SamplerCustom", category="Sampling/Custom")
def sampler_custom(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    sampler: Sampler,
    sigmas: Sigmas,
    latent: Latent,
    *,
    add_noise: bool = True,
    seed: Annotated[int, Seed()] = 0,
    cfg: Cfg = 7.0,
    context: Context,
) -> Sampled:
    """Denoise a latent with a sampler and levels of your own.

    Args:
        model: the denoiser.
        positive: what the picture should show.
        negative: what it should not show.
        sampler: how the steps are taken (SelectSampler).
        sigmas: the noise levels to visit (SchedulerSigmas, Sigmas …).
        latent: where to start.
        add_noise: add noise of the first level; off where the latent still holds it.
        seed: of the noise.
        cfg: strength of the guidance.

    Returns:
        latent: with the noise of the last level, none where that is 0.
        denoised: the model's last guess of the picture without noise.
    """
    from studio.diffusion.sampling import sample_sigmas

    live = context.models.model(model, context.warn)
    context.check_cancelled()
    sampled = sample_sigmas(
        live,
        positive,
        negative,
        latent,
        sampler,
        sigmas.levels,
        seed=seed,
        cfg=cfg,
        add_noise=add_noise,
        progress=reporter(context, live),
    )
    return Sampled(sampled.latent, sampled.denoised)


@node("SelectSampler", category="Sampling/Custom")
def select_sampler(
    *,
    name: SamplerName = "dpmpp_2m_sde",
    eta: Fraction | None = None,
    s_noise: Annotated[float, Field(ge=0, le=10)] | None = None,
    order: Annotated[int, Field(ge=1, le=4)] | None = None,
    options: dict[str, float] | None = None,
) -> Sampler:
    """A sampler with its options, for SamplerCustom.

    Args:
        name: how the steps are taken.
        eta: how much fresh noise each step adds; none takes the sampler's own.
        s_noise: multiplies that noise.
        order: how many steps a multistep sampler looks back.
        options: others by name, as {"rtol": 0.01}; docs/samplers.md lists them.

    Returns:
        The sampler's recipe.
    """
    named = {"eta": eta, "s_noise": s_noise, "order": order}
    given = {option: value for option, value in named.items() if value is not None}
    return sampler_recipe(name, {**(options or {}), **given})


@node("SchedulerSigmas", category="Sampling/Custom")
def scheduler_sigmas(
    model: Model,
    *,
    schedule: ScheduleName = "karras",
    steps: Steps = 20,
    denoise: Fraction = 1.0,
    context: Context,
) -> Sigmas:
    """The noise levels that a schedule visits.

    KSampler takes these too, but one level more for dpm_2, dpm_2_ancestral, uni_pc and uni_pc_bh2,
    which it then leaves out, the last above 0.

    Args:
        model: whose levels they are.
        schedule: how they are spaced.
        steps: how many steps they make.
        denoise: how much of a latent is to be replaced; below 1, the last steps of a schedule
            that much longer.

    Returns:
        The levels, falling to 0; none for denoise 0.
    """
    from studio.diffusion.levels import make_sigmas

    space = context.models.sigma_space(model)
    levels = make_sigmas(space, schedule, steps, denoise)
    # Schedules that pick training levels may give some more than asked for; the peer's node keeps
    # the last ones, its KSampler all.
    return Sigmas(levels[-(steps + 1) :])


@node("KarrasSigmas", category="Sampling/Custom")
def karras_sigmas(
    *,
    steps: Steps = 20,
    sigma_max: Level = 14.614642,
    sigma_min: Level = 0.0291675,
    rho: Annotated[float, Field(gt=0, le=100)] = 7.0,
) -> Sigmas:
    """Noise levels even in their rho-th root (Karras et al., arXiv 2206.00364), then 0.

    Args:
        steps: how many steps they make.
        sigma_max: the first level; Stable Diffusion's is 14.6146.
        sigma_min: the last level above 0.
        rho: 7 is usual; higher puts more steps at low noise.

    Returns:
        The levels.
    """
    from studio.diffusion.levels import spaced_sigmas

    return Sigmas(spaced_sigmas(steps, sigma_max, sigma_min, rho))


@node("ExponentialSigmas", category="Sampling/Custom")
def exponential_sigmas(
    *, steps: Steps = 20, sigma_max: Level = 14.614642, sigma_min: Level = 0.0291675
) -> Sigmas:
    """Noise levels even in their logarithm, then 0.

    Args:
        steps: how many steps they make.
        sigma_max: the first level; Stable Diffusion's is 14.6146.
        sigma_min: the last level above 0.

    Returns:
        The levels.
    """
    from studio.diffusion.levels import spaced_sigmas

    return Sigmas(spaced_sigmas(steps, sigma_max, sigma_min, 0))


@node("Sigmas", category="Sampling/Custom")
def sigmas(*, levels: str = "14.6, 4.2, 1.6, 0.6, 0.2, 0") -> Sigmas:
    """Noise levels of your own.

    Args:
        levels: numbers that fall, the last usually 0, with commas or spaces between.

    Returns:
        The levels.
    """
    from studio.diffusion.levels import parse_sigmas

    return Sigmas(parse_sigmas(levels))


class Split(NamedTuple):
    """The outputs of SplitSigmas."""

    high: Sigmas
    low: Sigmas


@node("SplitSigmas", category="Sampling/Custom")
def split_sigmas(sigmas: Sigmas, *, step: Annotated[int, Field(ge=0, le=1000)] = 0) -> Split:
    """Part noise levels in two, for two samplers that share a picture.

    The level between is the last of the one and the first of the other.

    Args:
        sigmas: the levels.
        step: how many steps the first part has.

    Returns:
        high: the levels of the first steps, the noisier ones.
        low: the levels of the rest.
    """
    from studio.diffusion import levels

    return Split(*(Sigmas(part) for part in levels.split_sigmas(sigmas.levels, step)))


@node("SplitSigmasDenoise", category="Sampling/Custom")
def split_sigmas_denoise(sigmas: Sigmas, *, denoise: Fraction = 1.0) -> Split:
    """Part noise levels where a share of the steps is left.

    Args:
        sigmas: the levels.
        denoise: the share of the steps, rounded, that the second part has.

    Returns:
        high: the levels of the first steps, the noisier ones.
        low: the levels of the rest.
    """
    from studio.diffusion import levels

    steps = max(len(sigmas.levels) - 1, 0)
    step = steps - round(steps * denoise)
    return Split(*(Sigmas(part) for part in levels.split_sigmas(sigmas.levels, step)))
