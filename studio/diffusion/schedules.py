"""Schedules: which noise levels a sampler visits.

Each is a pure function `(n, space) -> sigmas`: n steps asked for, n >= 1; falling levels, the last
one 0. `ddim_uniform` and `beta` may give another number of steps than n.

The rules are the peer's (ComfyUI), so that equal settings give equal pictures, and so is the
precision: float32, by the same operations. The last bit counts: a level half-way between two
training timesteps goes to one or the other by it, and a Brownian path is another one at a level
that is 1e-6 away. This module loads torch only where a schedule is made: the names of the schedules
come from it, and the editor needs them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from studio.diffusion.sigmas import SigmaSpace


def normal(n: int, space: SigmaSpace) -> list[float]:
    """Evenly spaced training timesteps, from the noisiest to the cleanest, then 0."""
    return _at(_timesteps(n, space), space)


def sgm_uniform(n: int, space: SigmaSpace) -> list[float]:
    """As `normal` with one more, the cleanest left out (Stability's generative-models)."""
    return _at(_timesteps(n + 1, space)[:-1], space)


def _timesteps(n: int, space: SigmaSpace) -> list[float]:
    """n training timesteps, evenly from the last to 0; the last alone for n = 1."""
    import torch

    steps: list[float] = torch.linspace(len(space.sigmas) - 1, 0, n).tolist()
    return steps


def _at(timesteps: Iterable[float], space: SigmaSpace) -> list[float]:
    return [*(space.sigma(t) for t in timesteps), 0.0]


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
    return even_roots(n, space.sigma_max, space.sigma_min, 7.0)


def exponential(n: int, space: SigmaSpace) -> list[float]:
    """Evenly spaced in log sigma (Lu et al., arXiv 2206.00927), then 0."""
    return even_logs(n, space.sigma_max, space.sigma_min)


def even_roots(n: int, high: float, low: float, rho: float) -> list[float]:
    """n levels from high to low, even in the rho-th root, then 0."""
    import torch

    top, bottom = high ** (1 / rho), low ** (1 / rho)
    levels: list[float] = (((bottom - top) * torch.linspace(0, 1, n) + top) ** rho).tolist()
    return [*levels, 0.0]


def even_logs(n: int, high: float, low: float) -> list[float]:
    """n levels from high to low, even in the logarithm, then 0."""
    import torch

    levels: list[float] = torch.linspace(math.log(high), math.log(low), n).exp().tolist()
    return [*levels, 0.0]


def beta(n: int, space: SigmaSpace) -> list[float]:
    """Timesteps at quantiles of Beta(0.6, 0.6), dense at both ends (arXiv 2407.12173); then 0.

    Levels that fall together are visited once, so a large n gives fewer steps.
    """
    from scipy.special import betaincinv  # scipy.stats, its usual home, takes a second to import

    last = len(space.sigmas) - 1
    timesteps = [round(last * float(betaincinv(0.6, 0.6, 1 - i / n))) for i in range(n)]
    return [*(float(space.sigmas[t]) for t in dict.fromkeys(timesteps)), 0.0]


def linear_quadratic(n: int, space: SigmaSpace) -> list[float]:
    """Half the steps evenly over the first 2.5 % of sigma_max, the rest in a parabola down to 0.

    From Mochi 1 (Genmo 2024), made for flow matching: most steps at high noise.
    """
    if n == 1:
        return [space.sigma_max, 0.0]
    linear, threshold = n // 2, 0.025
    slope, length = threshold / linear, n - linear
    # The parabola goes on with the line's slope, and reaches 1 after n steps.
    bend = (1 - threshold - slope * length) / length**2

    def gone(i: int) -> float:
        past = max(i - linear, 0)
        return slope * i + bend * past * past

    shares = space.sigmas.new_tensor([1 - gone(i) for i in range(n)])
    levels: list[float] = (shares * space.sigmas[-1]).tolist()
    return [*levels, 0.0]


def kl_optimal(n: int, space: SigmaSpace) -> list[float]:
    """Evenly spaced in arctan sigma (Sabour et al., arXiv 2404.14507, equation 15); then 0."""
    import torch

    high, low = math.atan(space.sigma_max), math.atan(space.sigma_min)
    share = torch.arange(n, dtype=torch.float32) / max(n - 1, 1)
    levels: list[float] = (share * low + (1 - share) * high).tan().tolist()
    return [*levels, 0.0]
