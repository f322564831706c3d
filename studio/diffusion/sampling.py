"""From a latent and conditionings to a denoised latent: what a sampler node does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from studio.diffusion.guidance import MaskedDenoise, fit_mask, guide
from studio.diffusion.names import SAMPLER_TABLE, SAMPLERS, SCHEDULE_TABLE, SCHEDULES, Sampler
from studio.diffusion.noise import MAX_SEED, brownian_noise, gaussian_noise, initial_noise
from studio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.samplers import Callback, Denoise, Noise
    from studio.diffusion.sigmas import SigmaSpace
    from studio.values import Conditioning, Latent, LatentSpace

# Longest whole schedule where denoise < 1: 1,000 steps at denoise 0.01.
_MAX_STEPS = 100_000


class BadSetting(InputError):
    """A setting of the sampler that makes no sense."""


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
    """Denoise a latent under classifier-free guidance.

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
    row = _sampler(sampler, eta)
    eta = row.eta if eta is None else eta
    _check_latent(latent, model.space)
    sigmas = _sigmas(model.sigmas, schedule, steps, denoise, start_step, end_step, leftover_noise)
    original = latent.filled(model.space).float()
    batch, _, height, width = original.shape
    guided = guide(model, positive, negative, cfg, batch)
    if len(sigmas) < 2:
        return latent
    with torch.no_grad():
        scaled = _scale(original, model.space).to(model.device)
        shape = tuple(scaled.shape)
        noise = (initial_noise(shape, seed) if add_noise else torch.zeros(shape)).to(model.device)
        denoiser: Denoise = guided
        if latent.noise_mask is not None:
            mask = fit_mask(latent.noise_mask, batch, height, width)
            shown = noise
            if row.own_mask_noise and add_noise:
                shown = initial_noise(shape, (seed + 1) & MAX_SEED).to(model.device)
            denoiser = MaskedDenoise(guided, mask.to(model.device), scaled, shown)
        options = {} if row.eta is None else {"eta": eta}
        x = row.run(
            denoiser,
            scaled.add(noise, alpha=_start(float(sigmas[0]), model.sigmas)),
            sigmas,
            _step_noise(row, shape, seed, sigmas, model.device),
            progress or (lambda step, of, x0: None),
            **options,
        )
        result = _unscale(x.float().cpu(), model.space)
        if latent.noise_mask is not None and float(sigmas[-1]) == 0:
            # Scaling there and back costs the last bit; what was masked is kept to the bit.
            result = torch.where(mask == 0, original, result)
    return replace(latent, samples=result, space=model.space)


def _sampler(name: str, eta: float | None) -> Sampler:
    row = SAMPLER_TABLE.get(name)
    if row is None:
        raise BadSetting(f"There is no sampler {name!r}.", hint=f"Known: {', '.join(SAMPLERS)}.")
    if eta is not None and not 0 <= eta <= 1:
        raise BadSetting(f"eta is {eta}.", hint="Give 0 (no fresh noise) to 1.")
    if eta and row.eta is None:
        takers = ", ".join(other for other in SAMPLERS if SAMPLER_TABLE[other].eta is not None)
        raise BadSetting(
            f"The sampler {name} adds no noise, so eta {eta} means nothing to it.",
            hint=f"Leave eta out, or take one of {takers}.",
        )
    return row


def _check_latent(latent: Latent, space: LatentSpace) -> None:
    if latent.samples is None:
        if latent.width % space.downscale or latent.height % space.downscale:
            raise WrongSize(latent.width, latent.height, space.downscale)
        return
    channels = latent.samples.shape[1]
    name = space.name if latent.space is None else latent.space.name
    if name != space.name or channels != space.channels:
        raise WrongLatentSpace(
            f"{name} ({channels} channels)", f"{space.name} ({space.channels} channels)"
        )


def _sigmas(
    space: SigmaSpace,
    schedule: str,
    steps: int,
    denoise: float,
    start_step: int | None,
    end_step: int | None,
    leftover_noise: bool,
) -> Tensor:
    """The levels to visit, float32; fewer than two where there is nothing to do."""
    make = SCHEDULE_TABLE.get(schedule)
    if make is None:
        raise BadSetting(
            f"There is no schedule {schedule!r}.", hint=f"Known: {', '.join(SCHEDULES)}."
        )
    if steps < 1:
        raise BadSetting(f"steps is {steps}.", hint="Give at least 1.")
    if not 0 <= denoise <= 1:
        raise BadSetting(f"denoise is {denoise}.", hint="Give 0 to 1.")
    start = 0 if start_step is None else start_step
    end = steps if end_step is None else min(end_step, steps)
    if not 0 <= start < end:
        raise BadSetting(
            f"Nothing to do from start_step {start} to end_step {end} of {steps} steps.",
            hint="Give 0 <= start_step < end_step, and start_step < steps.",
        )
    if denoise == 0:
        return torch.empty(0)
    if steps / denoise > _MAX_STEPS:
        raise BadSetting(
            f"denoise {denoise} makes a schedule of {steps / denoise:.0f} steps.",
            hint=f"Give 0, or at least {steps / _MAX_STEPS:g}.",
        )
    if denoise > 0.9999:
        levels = make(steps, space)
    else:
        levels = make(int(steps / denoise), space)[-(steps + 1) :]
    if end_step is not None and end_step < len(levels) - 1:
        levels = levels[: end_step + 1]
        if not leftover_noise:
            levels[-1] = 0.0
    sigmas = torch.tensor(levels[start:], dtype=torch.float32)
    # A schedule of more steps than the model has levels visits some twice: a step to itself
    # does nothing, but its length 0 would be divided by.
    different = sigmas[1:] != sigmas[:-1]
    return torch.cat([sigmas[:1], sigmas[1:][different]])


def _start(sigma: float, space: SigmaSpace) -> float:
    """What to multiply the first noise with."""
    # At the training schedule's end the peer gives x the variance that the model saw there, a
    # unit picture's included, since there is no picture yet.
    at_end = sigma > space.sigma_max or math.isclose(sigma, space.sigma_max, rel_tol=1e-5)
    return math.sqrt(1 + sigma * sigma) if at_end else sigma


def _step_noise(
    row: Sampler, shape: tuple[int, ...], seed: int, sigmas: Tensor, device: torch.device
) -> Noise:
    if row.brownian:
        above = sigmas[sigmas > 0]
        return brownian_noise(shape, seed, float(above.min()), float(above.max()), device)
    return gaussian_noise(shape, seed, device)


def _scale(samples: Tensor, space: LatentSpace) -> Tensor:
    # An all-zero latent stands for "nothing there" and stays zero, even where the space shifts.
    if not samples.any():
        return samples
    scaled: Tensor = (samples - space.shift) * space.scaling_factor
    return scaled


def _unscale(samples: Tensor, space: LatentSpace) -> Tensor:
    unscaled: Tensor = samples / space.scaling_factor + space.shift
    return unscaled
