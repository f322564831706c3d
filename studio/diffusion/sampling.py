"""From a latent and conditionings to a denoised latent: what a sampler node does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from studio.diffusion.guidance import (
    MaskedDenoise,
    Thresholds,
    concat_of_latent,
    fit_mask,
    guide,
)
from studio.diffusion.levels import check_sigmas, make_sigmas
from studio.diffusion.names import (
    BadSetting,
    SamplerRow,
    sampler_options,
    sampler_recipe,
    sampler_row,
)
from studio.diffusion.noise import (
    MAX_SEED,
    brownian_noise,
    gaussian_noise,
    initial_noise,
    scaled_noise,
)
from studio.diffusion.spaces import fits, scale, unscale
from studio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.samplers import Callback, Denoise, Noise
    from studio.diffusion.sigmas import SigmaSpace
    from studio.values import Conditioning, Latent, LatentSpace, Sampler

__all__ = ["BadSetting", "Sampled", "WrongLatentSpace", "WrongSize", "sample", "sample_sigmas"]


class WrongLatentSpace(InputError):
    """A latent of another family than the model."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(
            f"The latent is in the space {found}, the model works in {wanted}.",
            hint="Encode the picture with the vae of the checkpoint that the model is from.",
        )


class WrongSize(InputError):
    """A picture size that has no latent."""

    def __init__(self, width: int, height: int, downscale: int) -> None:
        good = [max(round(side / downscale), 1) * downscale for side in (width, height)]
        super().__init__(
            f"{width}x{height} pixels can't be made: this model needs multiples of {downscale}.",
            hint=f"Try {good[0]}x{good[1]}.",
        )


class Sampled(NamedTuple):
    """What sampling gives.

    Attributes:
        latent: the result, with the noise of the last level.
        denoised: the model's guess at the last step: the clean latent it was heading for.
    """

    latent: Latent
    denoised: Latent


def sample(
    model: LiveModel,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    *,
    seed: int,
    steps: int,
    cfg: float,
    sampler: str,
    schedule: str,
    denoise: float = 1.0,
    start_step: int | None = None,
    end_step: int | None = None,
    add_noise: bool = True,
    leftover_noise: bool = False,
    eta: float | None = None,
    progress: Callback | None = None,
) -> Latent:
    """Denoise a latent under classifier-free guidance, over the levels of a schedule.

    Args:
        model: the model, on its device.
        positive: what is wanted.
        negative: what is not; unused at cfg 1.
        latent: where to start, unscaled; an empty one starts from noise alone. Where its noise
            mask is 0 the result equals it.
        seed: of the noise, 0..2^64-1.
        steps: steps, at least 1.
        cfg: guidance scale; 1 = none.
        sampler: one of `names.SAMPLERS`.
        schedule: one of `names.SCHEDULES`.
        denoise: 0..1; below 1 only the last `steps` of `steps / denoise` run, so the latent is
            kept in part. 0 returns it unchanged.
        start_step: steps of the schedule to leave out at its beginning.
        end_step: the step to stop before.
        add_noise: False where the latent holds its noise already (left over by another run).
        leftover_noise: with `end_step`, leave the noise of that step in; else the last step
            removes all of it.
        eta: share of fresh noise a step; None = the sampler's own default.
        progress: called after every step with (steps finished, steps in all, x0), x0 the scaled
            latent [B, C, h, w] on the device that the model expects in the end. It may raise.

    Returns:
        The denoised latent, float32 on the CPU, unscaled, in the model's space, with the size
        and noise mask of `latent`.

    Raises:
        BadSetting: a setting out of range, or an unknown sampler or schedule.
        BadSeed: seed out of range.
        WrongLatentSpace, WrongSize: the latent doesn't fit the model.
        EmptyConditioning, WrongConditioningWidth: a conditioning doesn't.
    """
    row = sampler_row(sampler)
    # 0 asks for no noise: samplers that add none do that already.
    recipe = sampler_recipe(sampler, {"eta": eta if eta or row.eta is not None else None})
    sigmas = make_sigmas(
        model.sigmas,
        schedule,
        steps,
        denoise,
        start_step=start_step,
        end_step=end_step,
        leftover_noise=leftover_noise,
        drop_penultimate=row.drops_penultimate,
    )
    return sample_sigmas(
        model,
        positive,
        negative,
        latent,
        recipe,
        sigmas,
        seed=seed,
        cfg=cfg,
        add_noise=add_noise,
        progress=progress,
    ).latent


def sample_sigmas(
    model: LiveModel,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    sampler: Sampler,
    sigmas: Tensor,
    *,
    seed: int,
    cfg: float,
    add_noise: bool = True,
    progress: Callback | None = None,
) -> Sampled:
    """Denoise a latent over given levels; `sample` says what the arguments are.

    Args:
        model, positive, negative, latent, seed, cfg, add_noise, progress: as in `sample`.
        sampler: name and options.
        sigmas: float [n + 1], falling, only the last may be 0; fewer than two do nothing.

    Returns:
        The latent with the last level's noise, and the last guess of the clean one.

    Raises:
        SamplerStuck: see `samplers.dpm_adaptive`. Else as in `sample`.
    """
    options = sampler_options(sampler)
    row = sampler_row(sampler.name)
    _check_latent(latent, model.space)
    check_sigmas(sigmas)
    original = latent.filled(model.space).float()
    batch, _, height, width = original.shape
    scaled = _scale(original, model.space)
    mask: Tensor | None = None
    if latent.noise_mask is not None:
        mask = fit_mask(latent.noise_mask, batch, height, width)
    guided = guide(
        model,
        positive,
        negative,
        cfg,
        batch,
        sigmas=sigmas,
        size=(height, width),
        concat=concat_of_latent(model, scaled, mask),
    )
    if len(sigmas) < 2:
        return Sampled(latent, latent)
    with torch.no_grad():
        scaled = scaled.to(model.device)
        shape = tuple(scaled.shape)
        noise = (initial_noise(shape, seed) if add_noise else torch.zeros(shape)).to(model.device)
        denoiser: Denoise = guided
        if mask is not None:
            shown = noise
            if row.own_mask_noise:
                shown = initial_noise(shape, (seed + 1) & MAX_SEED).to(model.device)
            denoiser = MaskedDenoise(
                guided, mask.to(model.device), scaled, shown, _thresholds(model, sigmas)
            )
        last = _Last(progress)
        step_noise = _step_noise(row, shape, seed, sigmas, model.device)
        x = row.run(
            denoiser,
            scaled.add(noise, alpha=_start(float(sigmas[0]), model.sigmas)),
            sigmas,
            scaled_noise(step_noise, options.pop("s_noise", 1.0)),
            last,
            **_keywords(row, options, model.sigmas),
        )
        ends = float(sigmas[-1]) == 0
        guess = x if last.x0 is None else last.x0
        result, denoised = (unscale(t.float().cpu(), model.space) for t in (x, guess))
        if mask is not None:
            # Scaling there and back costs the last bit; what was masked is kept to the bit.
            denoised = torch.where(mask == 0, original, denoised)
            result = torch.where(mask == 0, original, result) if ends else result
    return Sampled(
        replace(latent, samples=result, space=model.space),
        replace(latent, samples=denoised, space=model.space),
    )


class _Last:
    """Passes progress on and remembers the last x0."""

    def __init__(self, progress: Callback | None) -> None:
        self.progress = progress
        self.x0: Tensor | None = None

    def __call__(self, step: int, of: int, x0: Tensor) -> None:
        self.x0 = x0
        if self.progress is not None:
            self.progress(step, of, x0)


def _keywords(row: SamplerRow, options: dict[str, Any], space: SigmaSpace) -> dict[str, Any]:
    """The keywords of `row.run`."""
    if not row.windowed:
        return options
    shares = (options.pop("start"), options.pop("end"))
    last = len(space.sigmas) - 1
    # 0 and 1 stand for no bound at all, as in the peer.
    high = math.inf if shares[0] <= 0 else space.sigma(last * (1 - shares[0]))
    low = 0.0 if shares[1] >= 1 else space.sigma(last * (1 - shares[1]))
    return {**options, "window": (high, low)}


def _check_latent(latent: Latent, space: LatentSpace) -> None:
    if latent.samples is None:
        if latent.width % space.downscale or latent.height % space.downscale:
            raise WrongSize(latent.width, latent.height, space.downscale)
        return
    channels = latent.samples.shape[1]
    name = space.name if latent.space is None else latent.space.name
    if channels != space.channels or (latent.space and not fits(latent.space, space)):
        raise WrongLatentSpace(
            f"{name} ({channels} channels)", f"{space.name} ({space.channels} channels)"
        )


def _start(sigma: float, space: SigmaSpace) -> float:
    """What to multiply the first noise with."""
    # At the training schedule's end the peer gives x the variance that the model saw there, a
    # unit picture's included, since there is no picture yet.
    at_end = sigma > space.sigma_max or math.isclose(sigma, space.sigma_max, rel_tol=1e-5)
    return math.sqrt(1 + sigma * sigma) if at_end else sigma


def _thresholds(model: LiveModel, sigmas: Tensor) -> Thresholds | None:
    """How the model takes soft masks, over these levels."""
    strength = model.guidance.differential
    if not strength:
        return None
    space = model.sigmas
    last = max(float(sigmas[-1]), space.sigma_min)
    return Thresholds(space.t(float(sigmas[0])), space.t(last), strength, space.t)


def _step_noise(
    row: SamplerRow, shape: tuple[int, ...], seed: int, sigmas: Tensor, device: torch.device
) -> Noise:
    if row.brownian:
        above = sigmas[sigmas > 0]
        return brownian_noise(shape, seed, float(above.min()), float(above.max()), device)
    return gaussian_noise(shape, seed, device)


def _scale(samples: Tensor, space: LatentSpace) -> Tensor:
    # An all-zero latent stands for "nothing there" and stays zero, even where the space shifts.
    return scale(samples, space) if samples.any() else samples
