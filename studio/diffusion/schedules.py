"""Schedules: which noise levels a sampler visits.

Each is a pure function `(n, space) -> sigmas`: n steps asked for, n >= 1; falling levels, the last
one 0. `ddim_uniform` and `beta` may give another number of steps than n. The rules are the peer's
(ComfyUI), so that equal settings give equal pictures. This module loads no torch: the names of
the schedules come from it, and the editor needs them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.diffusion.sigmas import SigmaSpace


def _ramp(n: int) -> list[float]:
    """n values from 0 to 1, both included; 0 alone for n = 1."""
    return [i / max(n - 1, 1) for i in range(n)]


def normal(n: int, space: SigmaSpace) -> list[float]:
    """Evenly spaced training timesteps, from the noisiest to the cleanest, then 0."""
    last = len(space.sigmas) - 1
    return [*(space.sigma(last * (1 - share)) for share in _ramp(n)), 0.0]


def sgm_uniform(n: int, space: SigmaSpace) -> list[float]:
    """As `normal` with one more, the cleanest left out (Stability's generative-models)."""
    last = len(space.sigmas) - 1
    return [*(space.sigma(last * (1 - share)) for share in _ramp(n + 1)[:-1]), 0.0]


def simple(n: int, space: SigmaSpace) -> list[float]:
    """Every (T/n)-th training level, counted from the noisiest, then 0."""
    stride = len(space.sigmas) / n
    return [*(float(space.sigmas[-1 - int(i * stride)]) for i in range(n)), 0.0]


def ddim_uniform(n: int, space: SigmaSpace) -> list[float]:
    """Every (T//n)-th training level, counted from timestep 1 (Song et al., arXiv 2010.02502).

    It may take more steps than n (n = 30 of 1000: 31) and start below sigma_max.
    """
    levels: list[float] = space.sigmas[1 :: max(len(space.sigmas) // n, 1)].tolist()
    return [*reversed(levels), 0.0]


def karras(n: int, space: SigmaSpace) -> list[float]:
    """Karras et al. 2022, arXiv 2206.00364, equation 5, rho = 7; then 0."""
    rho = 7.0
    high, low = space.sigma_max ** (1 / rho), space.sigma_min ** (1 / rho)
    return [*((high + share * (low - high)) ** rho for share in _ramp(n)), 0.0]


def exponential(n: int, space: SigmaSpace) -> list[float]:
    """Evenly spaced in log sigma (Lu et al., arXiv 2206.00927), then 0."""
    high, low = math.log(space.sigma_max), math.log(space.sigma_min)
    return [*(math.exp(high + share * (low - high)) for share in _ramp(n)), 0.0]


def beta(n: int, space: SigmaSpace) -> list[float]:
    """Timesteps at quantiles of Beta(0.6, 0.6), dense at both ends (arXiv 2407.12173); then 0.

    Levels that fall together are visited once, so a large n gives fewer steps.
    """
    from scipy.special import betaincinv  # scipy.stats, its usual home, takes a second to import

    last = len(space.sigmas) - 1
    timesteps = [round(last * float(betaincinv(0.6, 0.6, 1 - i / n))) for i in range(n)]
    return [*(float(space.sigmas[t]) for t in dict.fromkeys(timesteps)), 0.0]
