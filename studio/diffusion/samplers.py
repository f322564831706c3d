"""Samplers: from noise to a clean latent in steps.

Each is a pure function `(denoise, x, sigmas, noise, callback) -> x`, some with a keyword `eta`:

- `denoise(x, sigma) -> x0`: the model's guess of the clean latent, for x = clean + sigma * noise.
- `x`: [B, C, h, w], any float type; never changed in place.
- `sigmas`: float [n + 1], falling, above 0 but for the last, which may be 0.
- `noise(sigma, sigma_next)`: standard normal noise like x, for the step between these levels.
- `eta`: share of fresh noise a step, 0 to 1.
- `callback(step, of, x0)`: called after every step, `step` = steps finished, 1 to `of`. It may
  raise to stop the run.

Most steps are one formula, `x0 + (x - x0) * ratio`: keep `ratio` of the noise in x. This is
Euler's step of the probability-flow ODE, DDIM's step and DPM-Solver++'s exponential integrator
alike; `x0.lerp(x, ratio)` computes it in one pass. The levels are Python floats (float64), so the
arithmetic of a step costs no device work. This module loads no torch.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

Denoise: TypeAlias = "Callable[[Tensor, float], Tensor]"
Noise: TypeAlias = "Callable[[float, float], Tensor]"
Callback: TypeAlias = "Callable[[int, int, Tensor], None]"


def _levels(sigmas: Tensor) -> list[tuple[float, float]]:
    """The steps as (sigma, sigma_next)."""
    return list(pairwise(sigmas.tolist()))


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


def euler(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Euler's method: Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn. Order 1."""
    steps = _levels(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        x = x0.lerp(x, sigma_next / sigma)
        callback(i + 1, len(steps), x0)
    return x


def ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float,
) -> Tensor:
    """DDIM with eta: Song et al., arXiv 2010.02502, equation 12, in sigma space.

    At eta 1 it is DDPM's ancestral sampling with the small variance (arXiv 2006.11239) and, which
    comes to the same numbers, k-diffusion's Euler ancestral; at eta 0 it is `euler`.
    """
    steps = _levels(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        down, up = split_noise(sigma, sigma_next, eta)
        x = x0.lerp(x, down / sigma)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def heun(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Heun's method: Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn. Order 2.

    Two evaluations a step, one in a last step to 0.
    """
    steps = _levels(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        slope = (x - x0) / sigma
        if sigma_next > 0:
            ahead = x.add(slope, alpha=sigma_next - sigma)
            slope = (slope + (ahead - denoise(ahead, sigma_next)) / sigma_next) / 2
            x = x.add(slope, alpha=sigma_next - sigma)
        else:
            x = x0
        callback(i + 1, len(steps), x0)
    return x


def dpmpp_2m(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback
) -> Tensor:
    """DPM-Solver++(2M): Lu et al. 2022, arXiv 2211.01095, algorithm 2. Order 2.

    The first step and a last step to 0 are of order 1.
    """
    steps = _levels(sigmas)
    previous: Tensor | None = None
    h_last = 0.0
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        target = x0
        if sigma_next > 0:
            h = math.log(sigma / sigma_next)
            if previous is not None:
                # Extrapolate x0 to the middle of the step, in log sigma.
                target = previous.lerp(x0, 1 + h / (2 * h_last))
            previous, h_last = x0, h
        x = target.lerp(x, sigma_next / sigma)
        callback(i + 1, len(steps), x0)
    return x


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float,
) -> Tensor:
    """SDE-DPM-Solver++(2M), midpoint form: Lu et al. 2022, arXiv 2211.01095, section 5.

    `eta` scales the SDE's noise as in k-diffusion; at 0 it is `dpmpp_2m`.
    """
    steps = _levels(sigmas)
    previous: Tensor | None = None
    h_last = 0.0
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        if sigma_next > 0:
            h = math.log(sigma / sigma_next)
            target = x0 if previous is None else previous.lerp(x0, 1 + h / (2 * h_last))
            x = target.lerp(x, sigma_next / sigma * math.exp(-eta * h))
            if eta > 0:
                up = sigma_next * math.sqrt(-math.expm1(-2 * eta * h))
                x = x.add(noise(sigma, sigma_next), alpha=up)
            previous, h_last = x0, h
        else:
            x = x0
        callback(i + 1, len(steps), x0)
    return x


def dpmpp_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float,
) -> Tensor:
    """SDE-DPM-Solver++(2S) with r = 1/2: Lu et al. 2022, arXiv 2211.01095, as k-diffusion has it.

    Two evaluations a step, one in a last step to 0.
    """
    steps = _levels(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = target = denoise(x, sigma)
        down, up = 0.0, 0.0
        if sigma_next > 0:
            middle = math.sqrt(sigma * sigma_next)
            down, up = split_noise(sigma, middle, eta)
            halfway = x0.lerp(x, down / sigma)
            if up > 0:
                halfway = halfway.add(noise(sigma, middle), alpha=up)
            # r = 1/2 weighs the first evaluation with 1 - 1/(2r) = 0.
            target = denoise(halfway, middle)
            down, up = split_noise(sigma, sigma_next, eta)
        x = target.lerp(x, down / sigma)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


# Adams-Bashforth weights, newest first, by the number of slopes known.
_ADAMS_BASHFORTH: dict[int, tuple[float, ...]] = {
    1: (1.0,),
    2: (3 / 2, -1 / 2),
    3: (23 / 12, -16 / 12, 5 / 12),
    4: (55 / 24, -59 / 24, 37 / 24, -9 / 24),
}


def plms(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Pseudo linear multistep: Liu et al. 2022, arXiv 2202.09778, without its Runge-Kutta start.

    Adams-Bashforth weights up to order 4 on the predicted noise, as if steps were even; the
    first step is an improved Euler step (two evaluations, n + 1 in all). Global order 2.
    """
    steps = _levels(sigmas)
    slopes: deque[Tensor] = deque(maxlen=4)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        slopes.appendleft((x - x0) / sigma)
        if i == 0 and sigma_next > 0:
            ahead = x.add(slopes[0], alpha=sigma_next - sigma)
            slope = (slopes[0] + (ahead - denoise(ahead, sigma_next)) / sigma_next) / 2
        else:
            slope = _weighted(slopes, _ADAMS_BASHFORTH[len(slopes)])
        x = x.add(slope, alpha=sigma_next - sigma)
        callback(i + 1, len(steps), x0)
    return x


def lms(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Linear multistep of order up to 4 on uneven steps, as k-diffusion and the peer do it.

    The slopes of the last four steps are interpolated (Lagrange) and integrated exactly; a last
    step to 0 takes the model's x0.
    """
    steps = _levels(sigmas)
    slopes: deque[Tensor] = deque(maxlen=4)
    nodes: deque[float] = deque(maxlen=4)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        slopes.appendleft((x - x0) / sigma)
        nodes.appendleft(sigma)
        if sigma_next > 0:
            weights = tuple(
                _lagrange_integral(tuple(nodes), j, sigma, sigma_next) for j in range(len(nodes))
            )
            x = x + _weighted(slopes, weights)
        else:
            x = x0
        callback(i + 1, len(steps), x0)
    return x


def _weighted(terms: deque[Tensor], weights: tuple[float, ...]) -> Tensor:
    """The sum of terms times weights."""
    total = terms[0] * weights[0]
    for term, weight in zip(list(terms)[1:], weights[1:], strict=True):
        total = total.add(term, alpha=weight)
    return total


def _lagrange_integral(nodes: tuple[float, ...], j: int, start: float, end: float) -> float:
    """Integral from start to end of the Lagrange polynomial that is 1 at nodes[j], 0 elsewhere.

    Gauss-Legendre with two points: exact up to degree 3, that is four nodes.
    """
    half, middle = (end - start) / 2, (end + start) / 2
    total = 0.0
    for point in (middle - half / math.sqrt(3), middle + half / math.sqrt(3)):
        total += math.prod(
            (point - node) / (nodes[j] - node) for k, node in enumerate(nodes) if k != j
        )
    return total * half
