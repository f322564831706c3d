"""Stochastic and deterministic exponential multistep samplers beyond DPM-Solver++."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from studio.diffusion.samplers.contract import split_noise, steps_of, weighted
from studio.diffusion.samplers.weights import adams_weights

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers.contract import Callback, Denoise, Noise


def res_multistep(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 0.0,
) -> Tensor:
    """RES, second order multistep: Zhang et al. 2023, arXiv 2308.02157, table 2.

    x0 is extrapolated through the last two guesses and integrated exactly. Order 2 at eta 0.
    """
    steps = steps_of(sigmas)
    previous: Tensor | None = None
    node = 0.0  # half-log-SNR from where the last step went to where it came from
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = target = denoise(x, sigma)
        down, up = split_noise(sigma, sigma_next, eta)
        if down > 0:
            h = math.log(sigma / down)
            if previous is not None:
                kept = down / sigma
                # The weight of the older guess over that of both.
                share = (1 / (1 - kept) - 1 / h) * h / node
                target = x0.lerp(previous, share)
            node = math.log(down / sigma)
            previous = x0
        x = target.lerp(x, down / sigma)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def er_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    order: int = 3,
) -> Tensor:
    """ER-SDE-Solver-3: Cui et al. 2023, arXiv 2309.06169, algorithms 3 and 5.

    An SDE with less noise than DDPM's where sigma is small; its noise scale is the paper's
    phi(s) = s (exp(s^0.3) + 10). One evaluation a step; `order` is the highest stage, 1 to 3.
    """
    steps = steps_of(sigmas)
    guesses: list[Tensor] = []
    slopes: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        if sigma_next > 0:
            ratio = _er_scale(sigma_next) / _er_scale(sigma)
            x = x0.lerp(x, ratio)
            if guesses and order >= 2:
                first, second = _er_integrals(sigma, sigma_next)
                slope = (x0 - guesses[0]) / (sigma - steps[i - 1][0])
                x = x.add(slope, alpha=first)
                if slopes and order >= 3:
                    bend = (slope - slopes[0]) * (2 / (sigma - steps[i - 2][0]))
                    x = x.add(bend, alpha=second)
                slopes = [slope]
            up = math.sqrt(max(sigma_next**2 - (sigma * ratio) ** 2, 0.0))
            if up > 0:
                x = x.add(noise(sigma, sigma_next), alpha=up)
            guesses = [x0]
        else:
            x = x0
        callback(i + 1, len(steps), x0)
    return x


def _er_scale(sigma: float) -> float:
    return float(sigma * (math.exp(sigma**0.3) + 10))


def _er_integrals(sigma: float, sigma_next: float) -> tuple[float, float]:
    """Weights of the first and second differences of x0 over a step.

    With the paper's sum of 200 rectangles for the integral of 1 / phi: the peer has it so, and
    the picture hangs on it in the fourth digit.
    """
    step = (sigma - sigma_next) / 200
    places = [sigma_next + i * step for i in range(200)]
    scale = _er_scale(sigma_next)
    length = sigma_next - sigma
    flat = math.fsum(1 / _er_scale(s) for s in places) * step
    sloped = math.fsum((s - sigma) / _er_scale(s) for s in places) * step
    return length + flat * scale, length**2 / 2 + sloped * scale


def sa_solver(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 1.0,
    window: tuple[float, float] = (math.inf, 0.0),
    predictor_order: int = 3,
    corrector_order: int = 4,
    pece: bool = False,
) -> Tensor:
    """SA-Solver: Xue et al. 2023, arXiv 2309.05019, algorithm 1: a stochastic Adams pair.

    Predict, evaluate, correct. Orders are lower at the start and before a last step to 0.

    Args:
        eta: the paper's tau, the SDE's noise, inside the window.
        window: (highest, lowest) level that a step with noise may end at.
        predictor_order: guesses that predict a step, 1 to 4.
        corrector_order: guesses that correct it, the new one included; 0 = no corrector.
        pece: evaluate again after correcting: two evaluations a step.
    """
    levels, logs = sigmas.tolist(), sigmas.log().neg()
    n = len(levels) - 1
    history: deque[Tensor] = deque(maxlen=max(predictor_order, corrector_order, 1))
    start, tau, fresh = x, 0.0, None

    def step(i: int, order: int, newest: int) -> Tensor:
        """From `start` at level i to the next, by `order` guesses, the newest at this level."""
        known = logs[newest - order + 1 : newest + 1]
        weights = adams_weights(known, logs[i], logs[i + 1], tau)
        # The rest of the noise in x: e^(-h) for the ODE, e^(-h tau^2) more for the SDE.
        kept = (levels[i + 1] / levels[i]) ** (1 + tau * tau)
        moved: Tensor = start * kept + weighted(list(history)[:order], weights[::-1])
        return moved

    for i in range(n):
        sigma, sigma_next = levels[i], levels[i + 1]
        x0 = denoise(x, sigma)
        history.appendleft(x0)
        # Steps after this one, where the last of all goes to 0 and wants a lower order.
        left = n - 1 - i if levels[-1] == 0 else n
        order = min(corrector_order, len(history), left + 1)
        if i > 0 and order > 0 and (sigma_next > 0 or pece):
            x = step(i - 1, order, i)
            if fresh is not None:
                x = x + fresh
            if pece:
                x0 = denoise(x, sigma)
                history[0] = x0
        start, fresh = x, None
        if sigma_next > 0:
            order = min(predictor_order, len(history), max(left, 1))
            tau = eta if window[0] >= sigma_next >= window[1] else 0.0
            x = step(i, order, i)
            if tau > 0:
                h = math.log(sigma / sigma_next)
                up = sigma_next * math.sqrt(-math.expm1(-2 * tau * tau * h))
                fresh = noise(sigma, sigma_next) * up
                x = x + fresh
        else:
            x = x0
        callback(i + 1, n, x0)
    return x
