"""What samplers take, and the arithmetic they share."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

Denoise: TypeAlias = "Callable[[Tensor, float], Tensor]"
Noise: TypeAlias = "Callable[[float, float], Tensor]"
Callback: TypeAlias = "Callable[[int, int, Tensor], None]"


class DenoiseBoth(Protocol):
    """A denoiser that can also tell what it sees without the positive conditioning."""

    def __call__(self, x: Tensor, sigma: float, /) -> Tensor:
        """x0 under guidance."""

    def both(self, x: Tensor, sigma: float, /) -> tuple[Tensor, Tensor]:
        """x0 under guidance, and the unconditional x0."""


def steps_of(sigmas: Tensor) -> list[tuple[float, float]]:
    """The steps as (sigma, sigma_next)."""
    return list(pairwise(sigmas.tolist()))


def level_between(sigma: Tensor, sigma_next: Tensor, share: float) -> float:
    """The level after a share of a step, in log sigma.

    In the precision of the levels and by the peer's operations: what a Brownian path gives changes
    by a thousandth where the level moves by its last bit.

    Args:
        sigma, sigma_next: of no dimension, above 0.
        share: 0 to 1.
    """
    start = sigma.log()
    return float((start + share * (sigma_next.log() - start)).exp())


def ancestral_down(sigma: Tensor, sigma_next: Tensor, eta: float) -> Tensor:
    """`split_noise`'s sigma_down in the precision of the levels and by the peer's operations.

    At eta 1 the middle of a step to it is sigma_next itself but for rounding, and that may lie
    half-way between two timesteps: the last bit then decides which of them the model is told.

    Args:
        sigma, sigma_next: of no dimension, sigma above 0.
        eta: as for `split_noise`.
    """
    fresh = eta * (sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2) ** 0.5
    up = min(sigma_next, fresh)
    down: Tensor = (sigma_next**2 - up**2) ** 0.5
    return down


def split_noise(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """Share the noise at sigma_next between what is kept and what is fresh.

    DDIM, arXiv 2010.02502, equation 16, divided by sqrt(alpha-bar): eta 0 is deterministic, eta 1
    the posterior of DDPM (arXiv 2006.11239, equation 7).

    Returns:
        (sigma_down, sigma_up): step to sigma_down, then add noise times sigma_up;
        sigma_down^2 + sigma_up^2 = sigma_next^2.
    """
    up = eta * sigma_next * math.sqrt(max(1 - (sigma_next / sigma) ** 2, 0.0))
    up = min(up, sigma_next)
    return math.sqrt(sigma_next**2 - up**2), up


def weighted(terms: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The sum of terms times weights; as many of each, one at least."""
    total = terms[0] * weights[0]
    for term, weight in zip(terms[1:], weights[1:], strict=True):
        total = total.add(term, alpha=weight)
    return total
