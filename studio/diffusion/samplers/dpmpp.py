"""DPM-Solver++ and its stochastic forms: Lu et al. 2022, arXiv 2211.01095.

They integrate x0 over the half-log-SNR, which is -log sigma here; h is a step's length in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studio.diffusion.samplers.contract import ancestral_down, level_between, split_noise, steps_of

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers.contract import Callback, Denoise, DenoiseBoth, Noise


def dpmpp_2s_ancestral(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 1.0,
) -> Tensor:
    """DPM-Solver++(2S), algorithm 1 with r = 1/2, ancestral with eta. Order 2 at eta 0.

    Two evaluations a step, one in a last step to 0.
    """
    steps = steps_of(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = target = denoise(x, sigma)
        _, up = split_noise(sigma, sigma_next, eta)
        down = float(end := ancestral_down(sigmas[i], sigmas[i + 1], eta))
        if down > 0:
            middle = level_between(sigmas[i], end, 0.5)
            target = denoise(x0.lerp(x, middle / sigma), middle)
        x = target.lerp(x, down / sigma)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def dpmpp_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 1.0,
    r: float = 0.5,
) -> Tensor:
    """SDE-DPM-Solver++(2S), as k-diffusion has it: both halves of a step are ancestral.

    `r` is where in the step the second evaluation lies. Two evaluations a step, one in a last
    step to 0.
    """
    steps = steps_of(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = target = denoise(x, sigma)
        down, up = 0.0, 0.0
        if sigma_next > 0:
            middle = level_between(sigmas[i], sigmas[i + 1], r)
            down, up = split_noise(sigma, middle, eta)
            halfway = x0.lerp(x, down / sigma)
            if up > 0:
                halfway = halfway.add(noise(sigma, middle), alpha=up)
            target = x0.lerp(denoise(halfway, middle), 1 / (2 * r))
            down, up = split_noise(sigma, sigma_next, eta)
        x = target.lerp(x, down / sigma)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def dpmpp_2m(
    denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback
) -> Tensor:
    """DPM-Solver++(2M), algorithm 2. Order 2; the first step and a last one to 0 are of order 1."""
    return dpmpp_2m_sde(denoise, x, sigmas, noise, callback, eta=0.0)


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 1.0,
    heun: bool = False,
) -> Tensor:
    """SDE-DPM-Solver++(2M), section 5.

    `eta` scales the SDE's noise as in k-diffusion; at 0 it is `dpmpp_2m`. `heun` weighs the
    difference of the last two x0 with the exact integral, in place of the midpoint's 1/2.
    """
    steps = steps_of(sigmas)
    previous: Tensor | None = None
    h_last = 0.0
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = target = denoise(x, sigma)
        kept, up = 0.0, 0.0
        if sigma_next > 0:
            h = math.log(sigma / sigma_next)
            rate = (1 + eta) * h
            kept = math.exp(-rate)
            up = sigma_next * math.sqrt(-math.expm1(-2 * eta * h))
            if previous is not None:
                # Extrapolate x0 to the middle of the step, in log sigma.
                ahead = 1 / (1 - kept) - 1 / rate if heun else 0.5
                target = previous.lerp(x0, 1 + ahead * h / h_last)
            previous, h_last = x0, h
        x = target.lerp(x, kept)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def dpmpp_3m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 1.0,
) -> Tensor:
    """SDE-DPM-Solver++(3M), as k-diffusion has it.

    It weighs the second difference of x0 half as much as the exact integral would, and so is of
    order 2 at eta 0, as in the peer.
    """
    steps = steps_of(sigmas)
    guesses: list[Tensor] = []
    lengths: list[float] = []  # of the steps before, newest first
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        if sigma_next > 0:
            h = math.log(sigma / sigma_next)
            rate = (1 + eta) * h
            x = x0.lerp(x, math.exp(-rate))
            phi_2 = math.expm1(-rate) / rate + 1
            if lengths:
                r0 = lengths[0] / h
                slope = (x0 - guesses[0]) / r0
                x = x.add(slope, alpha=phi_2)
                if len(lengths) > 1:
                    r1 = lengths[1] / h
                    bend = (slope - (guesses[0] - guesses[1]) / r1) / (r0 + r1)
                    x = x.add(bend, alpha=phi_2 * r0 - (phi_2 / rate - 0.5))
            if eta > 0:
                up = sigma_next * math.sqrt(-math.expm1(-2 * eta * h))
                x = x.add(noise(sigma, sigma_next), alpha=up)
            guesses, lengths = [x0, *guesses[:1]], [h, *lengths[:1]]
        else:
            x = x0
        callback(i + 1, len(steps), x0)
    return x


def dpmpp_2m_cfg_pp(
    denoise: DenoiseBoth, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback
) -> Tensor:
    """DPM-Solver++(2M) under CFG++: Chung et al. 2024, arXiv 2406.08070, algorithm 4.

    The noise that is kept points away from the unconditional x0; what is extrapolated is the
    guided x0 against the unconditional one of the step before, as the peer has it.
    """
    steps = steps_of(sigmas)
    previous: Tensor | None = None
    h_last = 0.0
    for i, (sigma, sigma_next) in enumerate(steps):
        x0, uncond = denoise.both(x, sigma)
        kept = sigma_next / sigma
        x = x0.add(x - uncond, alpha=kept)
        if sigma_next > 0:
            h = math.log(sigma / sigma_next)
            if previous is not None:
                x = x.add(x0 - previous, alpha=(1 - kept) * h / (2 * h_last))
            previous, h_last = uncond, h
        callback(i + 1, len(steps), x0)
    return x
