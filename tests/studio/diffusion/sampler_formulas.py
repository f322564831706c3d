"""Every sampler once more, as plain formulas: float64 numpy, nothing shared with the program.

In the terms of the papers and of k-diffusion: d is the predicted noise, t = -log sigma, alpha and
std a variance-preserving model's; integrals by quadrature, weights by linear systems. `D(x, sigma)`
is x0, `N(sigma, sigma_next)` the noise. Slow and simple; each returns the last x.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import quad

if TYPE_CHECKING:
    from collections.abc import Callable

    Denoiser = Callable[[Any, float], Any]
    Draw = Callable[[float, float], Any]


def ancestral_step(high: float, low: float, eta: float) -> tuple[float, float]:
    """(sigma_down, sigma_up) as k-diffusion defines them."""
    up = min(low, eta * math.sqrt(low**2 * (high**2 - low**2) / high**2))
    return math.sqrt(low**2 - up**2), up


def lagrange(nodes: list[float], j: int, place: Any) -> Any:
    return math.prod((place - n) / (nodes[j] - n) for k, n in enumerate(nodes) if k != j)


def euler(D: Denoiser, x: Any, s: list[float], N: Draw) -> Any:
    for a, b in itertools.pairwise(s):
        x = x + (x - D(x, a)) / a * (b - a)
    return x


def euler_ancestral(D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 1.0) -> Any:
    for a, b in itertools.pairwise(s):
        down, up = ancestral_step(a, b, eta)
        x = x + (x - D(x, a)) / a * (down - a)
        if up:
            x = x + N(a, b) * up
    return x


def ddpm(D: Denoiser, x: Any, s: list[float], N: Draw) -> Any:
    """Ho et al., algorithm 2, in the variance-preserving variables it is written in."""
    for a, b in itertools.pairwise(s):
        bar, bar_next = 1 / (1 + a * a), 1 / (1 + b * b)
        alpha = bar / bar_next
        noise = (x - D(x, a)) / a
        y = (x * math.sqrt(bar) - (1 - alpha) / math.sqrt(1 - bar) * noise) / math.sqrt(alpha)
        if b:
            y = y + math.sqrt((1 - alpha) * (1 - bar_next) / (1 - bar)) * N(a, b)
        x = y / math.sqrt(bar_next)
    return x


def heun(D: Denoiser, x: Any, s: list[float], N: Draw) -> Any:
    for a, b in itertools.pairwise(s):
        d = (x - D(x, a)) / a
        ahead = x + d * (b - a)
        x = ahead if b == 0 else x + (d + (ahead - D(ahead, b)) / b) / 2 * (b - a)
    return x


def dpm_2(D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 0.0) -> Any:
    for a, b in itertools.pairwise(s):
        down, up = ancestral_step(a, b, eta)
        d = (x - D(x, a)) / a
        if down == 0:
            x = x + d * (down - a)
            continue
        middle = math.exp((math.log(a) + math.log(down)) / 2)
        half = x + d * (middle - a)
        x = x + (half - D(half, middle)) / middle * (down - a)
        if up:
            x = x + N(a, b) * up
    return x


def lcm(D: Denoiser, x: Any, s: list[float], N: Draw) -> Any:
    for a, b in itertools.pairwise(s):
        x = D(x, a)
        if b:
            x = x + b * N(a, b)
    return x


def lms(D: Denoiser, x: Any, s: list[float], N: Draw, order: int = 4) -> Any:
    slopes: list[Any] = []
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0 = D(x, a)
        slopes.append((x - x0) / a)
        if b == 0:
            return x0
        k = min(i + 1, order)
        nodes = [s[i - j] for j in range(k)]
        for j in range(k):
            x = x + quad(lambda v, j=j, n=nodes: lagrange(n, j, v), a, b)[0] * slopes[i - j]
    return x


def ipndm(D: Denoiser, x: Any, s: list[float], N: Draw, order: int = 4) -> Any:
    past: list[Any] = []
    for a, b in itertools.pairwise(s):
        x0 = D(x, a)
        past.append((x - x0) / a)
        d = past[::-1]
        match min(len(past), order):
            case 1:
                slope = d[0]
            case 2:
                slope = (3 * d[0] - d[1]) / 2
            case 3:
                slope = (23 * d[0] - 16 * d[1] + 5 * d[2]) / 12
            case _:
                slope = (55 * d[0] - 59 * d[1] + 37 * d[2] - 9 * d[3]) / 24
        x = x0 if b == 0 else x + slope * (b - a)
    return x


def deis(D: Denoiser, x: Any, s: list[float], N: Draw, order: int = 3) -> Any:
    """The integrals over t by a sum of 10,000 places, ends included, as ComfyUI takes them."""
    low, high = math.log(0.002**2 + 1), math.log(80**2 + 1)
    beta_d = 2 * (low / 1e-3 - high) / (1e-3 - 1)
    beta_min = high - beta_d / 2
    count = 10_000

    def time(sigma: float) -> float:
        square = beta_min**2 + 2 * beta_d * math.log(sigma**2 + 1)
        return (math.sqrt(square) - beta_min) / beta_d

    def rate(t: Any) -> Any:
        variance = np.exp(beta_d * t * t / 2 + beta_min * t) - 1
        return (variance + 1) * (beta_d * t + beta_min) / (2 * np.sqrt(variance))

    slopes: list[Any] = []
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0 = D(x, a)
        slopes.append((x - x0) / a)
        if b == 0:
            return x0
        if i == 0 or order == 1:
            x = x + (b - a) * slopes[i]
            continue
        k = min(i + 1, order)
        nodes = [time(s[i - j]) for j in range(k)]
        places = np.linspace(nodes[0], time(b), count)
        for j in range(k):
            bent = np.sum(lagrange(nodes, j, places) * rate(places))
            x = x + bent * (time(b) - nodes[0]) / count * slopes[i - j]
    return x


def dpmpp_2s_ancestral(D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 1.0) -> Any:
    for a, b in itertools.pairwise(s):
        x0 = D(x, a)
        down, up = ancestral_step(a, b, eta)
        if down == 0:
            x = x0
        else:
            t, t_next = -math.log(a), -math.log(down)
            h = t_next - t
            middle = math.exp(-(t + h / 2))
            x_2 = middle / a * x - math.expm1(-h / 2) * x0
            x = down / a * x - math.expm1(-h) * D(x_2, middle)
        if up:
            x = x + N(a, b) * up
    return x


def dpmpp_sde(
    D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 1.0, r: float = 0.5
) -> Any:
    for a, b in itertools.pairwise(s):
        x0 = D(x, a)
        if b == 0:
            return x0
        t, t_next = -math.log(a), -math.log(b)
        middle = math.exp(-(t + r * (t_next - t)))
        down, up = ancestral_step(a, middle, eta)
        x_2 = down / a * x - math.expm1(t + math.log(down)) * x0
        if up:
            x_2 = x_2 + N(a, middle) * up
        x0_2 = D(x_2, middle)
        down, up = ancestral_step(a, b, eta)
        mixed = (1 - 1 / (2 * r)) * x0 + 1 / (2 * r) * x0_2
        x = down / a * x - math.expm1(t + math.log(down)) * mixed
        if up:
            x = x + N(a, b) * up
    return x


def dpmpp_2m(D: Denoiser, x: Any, s: list[float], N: Draw) -> Any:
    old = None
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0 = D(x, a)
        if b == 0:
            return x0
        h = math.log(a) - math.log(b)
        mixed = x0
        if old is not None:
            r = (math.log(s[i - 1]) - math.log(a)) / h
            mixed = (1 + 1 / (2 * r)) * x0 - 1 / (2 * r) * old
        x = b / a * x - math.expm1(-h) * mixed
        old = x0
    return x


def dpmpp_2m_sde(
    D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 1.0, heun: bool = False
) -> Any:
    old = None
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0 = D(x, a)
        if b == 0:
            return x0
        h = math.log(a) - math.log(b)
        k = h * (1 + eta)
        x = b / a * math.exp(-eta * h) * x + (1 - math.exp(-k)) * x0
        if old is not None:
            r = (math.log(s[i - 1]) - math.log(a)) / h
            weight = 1 - (1 - math.exp(-k)) / k if heun else (1 - math.exp(-k)) / 2
            x = x + weight / r * (x0 - old)
        if eta:
            x = x + b * math.sqrt(1 - math.exp(-2 * eta * h)) * N(a, b)
        old = x0
    return x


def dpmpp_3m_sde(D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 1.0) -> Any:
    past: list[Any] = []
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0 = D(x, a)
        if b == 0:
            return x0
        h = math.log(a / b)
        k = h * (1 + eta)
        x = math.exp(-k) * x + (1 - math.exp(-k)) * x0
        phi_2 = (math.exp(-k) - 1) / k + 1
        phi_3 = phi_2 / k - 0.5
        if i >= 2:
            r0, r1 = math.log(s[i - 1] / a) / h, math.log(s[i - 2] / s[i - 1]) / h
            first = (x0 - past[-1]) / r0
            before = (past[-1] - past[-2]) / r1
            d1 = first + (first - before) * r0 / (r0 + r1)
            d2 = (first - before) / (r0 + r1)
            x = x + phi_2 * d1 - phi_3 * d2
        elif i == 1:
            x = x + phi_2 * (x0 - past[-1]) / (math.log(s[0] / a) / h)
        if eta:
            x = x + b * math.sqrt(1 - math.exp(-2 * eta * h)) * N(a, b)
        past.append(x0)
    return x


def euler_cfg_pp(D: Any, x: Any, s: list[float], N: Draw, eta: float = 0.0) -> Any:
    for a, b in itertools.pairwise(s):
        x0, uncond = D.both(x, a)
        down, up = ancestral_step(a, b, eta)
        x = x0 + (x - uncond) / a * down
        if up:
            x = x + N(a, b) * up
    return x


def dpmpp_2m_cfg_pp(D: Any, x: Any, s: list[float], N: Draw) -> Any:
    old = None
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0, uncond = D.both(x, a)
        if b == 0:
            return x0
        h = math.log(a / b)
        mixed = -math.exp(-h) * uncond
        if old is not None:
            r = math.log(s[i - 1] / a) / h
            mixed = mixed - math.expm1(-h) / (2 * r) * (x0 - old)
        x = x0 + mixed + math.exp(-h) * x
        old = uncond
    return x


def res_multistep(D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 0.0) -> Any:
    old, old_down = None, 0.0
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0 = D(x, a)
        down, up = ancestral_step(a, b, eta)
        if down == 0 or old is None:
            x = x + (x - x0) / a * (down - a)
        else:
            h = math.log(a / down)
            c2 = (-math.log(s[i - 1]) + math.log(old_down)) / h
            phi_1 = (math.exp(-h) - 1) / -h
            phi_2 = (phi_1 - 1) / -h
            x = math.exp(-h) * x + h * ((phi_1 - phi_2 / c2) * x0 + phi_2 / c2 * old)
        if up:
            x = x + N(a, b) * up
        old, old_down = x0, down
    return x
