"""DPM-Solver, singlestep: Lu et al. 2022, arXiv 2206.00927, on the predicted noise.

Both samplers run from the first level to the last one above 0 and stop there, as the peer's do:
the last level's noise (3 % of a latent's scale, for Stable Diffusion) stays in the result. They
choose the levels between by themselves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studio.diffusion.samplers.contract import split_noise
from studio.errors import StudioError

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers.contract import Callback, Denoise, Noise

MAX_ADAPTIVE_STEPS = 10_000


class SamplerStuck(StudioError):
    """An adaptive sampler that gets nowhere."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"dpm_adaptive can't go on: {what}.", hint=hint)


def _ends(sigmas: Tensor) -> tuple[float, float]:
    """The first level and the last one above 0."""
    levels = sigmas.tolist()
    return levels[0], levels[-1] if levels[-1] > 0 else levels[-2]


def _to_one_guess(denoise: Denoise, x: Tensor, sigma: float, callback: Callback) -> Tensor:
    """A single step to 0: nothing lies between the ends, so the model's guess is the answer."""
    x0 = denoise(x, sigma)
    callback(1, 1, x0)
    return x0


def _singlestep(
    denoise: Denoise, x: Tensor, x0: Tensor, sigma: float, target: float, order: int
) -> tuple[Tensor, Tensor]:
    """One step from sigma to target.

    Equation 3.7 (order 1), algorithms 1 (order 2, r1 = 1/2) and 2 (order 3, r1 = 1/3, r2 = 2/3).

    Returns:
        (the result of this order, that of one order less from the same evaluations).
    """
    slope = (x - x0) / sigma
    first = x.add(slope, alpha=target - sigma)
    if order == 1:
        return first, first
    r1 = 1 / order
    h = math.log(sigma / target)
    middle = sigma * math.exp(-r1 * h)
    ahead = x.add(slope, alpha=middle - sigma)
    bend = (ahead - denoise(ahead, middle)) / middle - slope
    second = first.add(bend, alpha=(target - sigma) / (2 * r1))
    if order == 2:
        return second, first
    r2 = 2 / 3
    later = sigma * math.exp(-r2 * h)
    ahead = x.add(slope, alpha=later - sigma)
    ahead = ahead.add(bend, alpha=-later * r2 / r1 * (math.expm1(r2 * h) / (r2 * h) - 1))
    bend = (ahead - denoise(ahead, later)) / later - slope
    return first.add(bend, alpha=-target / r2 * (math.expm1(h) / h - 1)), second


def dpm_fast(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 0.0,
) -> Tensor:
    """DPM-Solver-fast: section 3.4: steps of order 3, the last ones of order 2 and 1.

    For n steps asked for it evaluates the model n times, in n // 3 + 1 steps that are even in
    log sigma; `eta` makes each ancestral.
    """
    n = len(sigmas) - 1
    start, end = _ends(sigmas)
    if start == end:
        return _to_one_guess(denoise, x, start, callback)
    count = n // 3 + 1
    orders = [3] * (count - 2) + [2, 1] if n % 3 == 0 else [3] * (count - 1) + [n % 3]
    levels = [start * (end / start) ** (i / count) for i in range(count)] + [end]
    for i, order in enumerate(orders):
        sigma, sigma_next = levels[i], levels[i + 1]
        down, up = _within(sigma, sigma_next, eta, end)
        x0 = denoise(x, sigma)
        x, _ = _singlestep(denoise, x, x0, sigma, down, order)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, count, x0)
    return x


def dpm_adaptive(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
) -> Tensor:
    """DPM-Solver-12 and -23, of adaptive steps: appendix C, with k-diffusion's step control.

    Two orders are computed from the same evaluations; where they differ by more than the
    tolerance the step is tried again, shorter. How many steps that takes isn't known beforehand,
    so the callback gets the percentage of the way in log sigma.

    Args:
        order: 2 or 3 evaluations a step.
        rtol, atol: the tolerance is max(atol, rtol * |x|).
        h_init: the first step's length in log sigma.
        pcoeff, icoeff, dcoeff: of the PID controller (Söderlind 2003) that sets the next length.
        accept_safety: a step is taken where the controller wouldn't shrink it below this share.
        eta: share of fresh noise a step.

    Raises:
        SamplerStuck: the model gives NaN, or the tolerance asks for too many steps.
    """
    start, end = _ends(sigmas)
    if start == end:
        return _to_one_guess(denoise, x, start, callback)
    weight = 1.5 if eta else order
    powers = (
        (pcoeff + icoeff + dcoeff) / weight,
        -(pcoeff + 2 * dcoeff) / weight,
        dcoeff / weight,
    )
    errors: list[float] = []  # inverse, of the step at hand and the last two accepted
    sigma, h, low_before = start, h_init, x
    x0: Tensor | None = None
    for _ in range(MAX_ADAPTIVE_STEPS):
        # 1e-5 in log sigma is within float32 of the end.
        if math.log(sigma / end) <= 1e-5:
            return x
        sigma_next = max(end, sigma * math.exp(-h))
        down, up = _within(sigma, sigma_next, eta, end)
        if x0 is None:
            x0 = denoise(x, sigma)
        high, low = _singlestep(denoise, x, x0, sigma, down, order)
        inverse = 1 / (_difference(low, high, low_before, rtol, atol) + 1e-8)
        errors = [inverse, *errors[1:]] if errors else [inverse] * 3
        factor = 1 + math.atan(math.prod(e**p for e, p in zip(errors, powers, strict=True)) - 1)
        done = round(100 * math.log(start / sigma) / math.log(start / end))
        shown = x0
        if factor >= accept_safety:
            errors = [inverse, *errors[:2]]
            x, low_before = high, low
            if up > 0:
                x = x.add(noise(sigma, sigma_next), alpha=up)
            sigma, x0 = sigma_next, None
            done = round(100 * math.log(start / sigma) / math.log(start / end))
        h *= factor
        callback(done, 100, shown)
    raise SamplerStuck(
        f"{MAX_ADAPTIVE_STEPS} steps weren't enough", "Raise rtol or atol, or take another sampler."
    )


def _within(sigma: float, sigma_next: float, eta: float, end: float) -> tuple[float, float]:
    """`split_noise`, but never down below the end."""
    down, up = split_noise(sigma, sigma_next, eta)
    if down < end:
        down = min(end, sigma_next)
        up = math.sqrt(max(sigma_next**2 - down**2, 0.0))
    return down, up


def _difference(low: Tensor, high: Tensor, before: Tensor, rtol: float, atol: float) -> float:
    """How far two results differ, in tolerances: the root mean square over all values."""
    tolerance = low.abs().maximum(before.abs()).mul(rtol).clamp(min=atol)
    error = float(((low - high) / tolerance).square().mean().sqrt())
    if not math.isfinite(error):
        raise SamplerStuck("the model gave a value that is no number", "Look at the model's dtype.")
    return error
