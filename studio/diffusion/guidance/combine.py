"""Classifier-free guidance and its variants: pure functions of two predictions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from studio.diffusion.guidance.regions import percent_to_sigma

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from studio.diffusion.sigmas import SigmaSpace
    from studio.values import GuidanceOptions

_TINY = 1e-8


def combine(
    x: Tensor, sigma: float, cond: Tensor, uncond: Tensor, cfg: float, options: GuidanceOptions
) -> Tensor:
    """The guided x0: plain guidance, then dynamic thresholding, then rescaling, where asked for.

    Args:
        x: [B, C, h, w], what was denoised.
        sigma: its noise level.
        cond: x0 of the positive conditioning.
        uncond: x0 of the negative one.
        cfg: guidance scale (Ho and Salimans 2022, arXiv 2207.12598).
        options: which variants.
    """
    guided = uncond.lerp(cond, cfg)
    if options.threshold > 0:
        mimic = uncond.lerp(cond, options.mimic_cfg)
        guided = threshold(guided, mimic, options.threshold)
    if options.rescale > 0:
        guided = rescale(x, sigma, guided, cond, options.rescale)
    return guided


def rescale(x: Tensor, sigma: float, guided: Tensor, cond: Tensor, amount: float) -> Tensor:
    """Bring the contrast of a guided prediction back to the positive one's.

    Lin et al. 2023, arXiv 2305.08891, section 3.4: the standard deviation of each picture's
    velocity. As the peer does it the velocity is rescaled whatever the model predicts. It is
    (x / (sigma^2 + 1) - x0) times a factor that cancels out.

    Args:
        x, sigma: what was denoised.
        guided: x0 under guidance.
        cond: x0 of the positive conditioning.
        amount: 0 (nothing changes) to 1.
    """
    kept = x / (sigma * sigma + 1)
    velocity = kept - guided
    wanted = (kept - cond).std(dim=(1, 2, 3), keepdim=True)
    ratio = wanted / velocity.std(dim=(1, 2, 3), keepdim=True).clamp(min=_TINY)
    return kept - velocity * (1 - amount + amount * ratio)


def threshold(guided: Tensor, mimic: Tensor, percentile: float) -> Tensor:
    """Dynamic thresholding, in the form that the peers use on latents.

    Saharia et al. 2022, arXiv 2205.11487, section 2.3, clip |x0| at a percentile and divide by it,
    so that pixels end at 1. A latent has no such limit: each channel is taken around its mean, and
    what a lower guidance scale gives ("mimic") says how far values may reach.

    Args:
        guided: [B, C, h, w], x0 at the guidance scale asked for.
        mimic: x0 at the scale whose contrast is wanted.
        percentile: 0 to 1, of |guided| around its mean, beyond which values are clipped.
    """
    mean = guided.mean(dim=(2, 3), keepdim=True)
    centred = guided - mean
    reach = (mimic - mimic.mean(dim=(2, 3), keepdim=True)).abs().amax(dim=(2, 3), keepdim=True)
    # Picture by picture: quantile refuses more than 16 million numbers at once.
    quantile = torch.stack(
        [torch.quantile(each.abs().flatten(1), percentile, dim=1) for each in centred]
    )
    limit = reach.maximum(quantile.reshape(reach.shape)).clamp(min=_TINY)
    return mean + centred.maximum(-limit).minimum(limit) / limit * reach


@dataclass(frozen=True, slots=True)
class Levels:
    """Noise levels at which guidance is on: above `lowest`, up to `highest`."""

    highest: float = math.inf
    lowest: float = -math.inf

    def holds(self, sigma: float) -> bool:
        """Whether guidance is on at this level."""
        return self.lowest < sigma <= self.highest


def on_curve(curve: Sequence[float], sigmas: Tensor | None, sigma: float) -> float:
    """The guidance scale at a noise level.

    Args:
        curve: of the first step to the last, evenly spread, linear between; one at least.
        sigmas: the levels that the sampler visits, float [n + 1]; without them the first counts.
        sigma: the level. What a sampler evaluates within a step has that step's scale.
    """
    count = 0 if sigmas is None else len(sigmas) - 1
    if sigmas is None or count < 2 or len(curve) == 1:
        return curve[0]
    step = int((sigmas[:-1] >= sigma * (1 - 1e-6)).sum()) - 1
    place = max(step, 0) / (count - 1) * (len(curve) - 1)
    left = min(int(place), len(curve) - 2)
    return curve[left] + (place - left) * (curve[left + 1] - curve[left])


def guided_levels(options: GuidanceOptions, space: SigmaSpace, sigmas: Tensor | None) -> Levels:
    """Where guidance is on.

    Args:
        options: its `start` and `end` are shares of the steps: with n steps those from start * n
            up to, not with, end * n.
        space: the model's levels; shares of its timesteps count where no steps are known.
        sigmas: the levels that the sampler visits, float [n + 1]. What a sampler evaluates within
            a step belongs to the step whose levels enclose it.
    """
    start, end = options.start, options.end
    if start <= 0 and end >= 1:
        return Levels()
    if sigmas is None or len(sigmas) < 2:
        return Levels(percent_to_sigma(space, start), percent_to_sigma(space, end))
    steps = len(sigmas) - 1
    # 0.3 of 10 steps are 3, though 0.3 * 10 may come out a little larger.
    first, stop = (math.ceil(share * steps - 1e-6) for share in (start, end))
    if first >= stop:
        return Levels(-math.inf, math.inf)
    return Levels(
        float(sigmas[first]) if first > 0 else math.inf,
        float(sigmas[stop]) if stop < steps else -math.inf,
    )
