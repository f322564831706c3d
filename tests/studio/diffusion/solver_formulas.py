"""`sampler_formulas`, part two: the larger solvers."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from sampler_formulas import ancestral_step, lagrange
from scipy.integrate import quad

if TYPE_CHECKING:
    from sampler_formulas import Denoiser, Draw


def er_sde(D: Denoiser, x: Any, s: list[float], N: Draw, order: int = 3) -> Any:
    def phi(v: Any) -> Any:
        return v * (np.exp(v**0.3) + 10)

    past: list[Any] = []
    slopes: list[Any] = []
    for i, (a, b) in enumerate(itertools.pairwise(s)):
        x0 = D(x, a)
        if b == 0:
            return x0
        r = phi(b) / phi(a)
        x = r * x + (1 - r) * x0
        step = (a - b) / 200
        places = b + np.arange(200) * step
        if i >= 1 and order >= 2:
            slopes.append((x0 - past[-1]) / (a - s[i - 1]))
            x = x + (b - a + np.sum(1 / phi(places)) * step * phi(b)) * slopes[-1]
        if i >= 2 and order >= 3:
            area = np.sum((places - a) / phi(places)) * step
            bend = (slopes[-1] - slopes[-2]) / ((a - s[i - 2]) / 2)
            x = x + ((b - a) ** 2 / 2 + area * phi(b)) * bend
        x = x + math.sqrt(b**2 - a**2 * r**2) * N(a, b)
        past.append(x0)
    return x


def sa_solver(
    D: Denoiser,
    x: Any,
    s: list[float],
    N: Draw,
    eta: float = 1.0,
    window: tuple[float, float] = (math.inf, 0.0),
    predictor_order: int = 3,
    corrector_order: int = 4,
    pece: bool = False,
) -> Any:
    def lam(v: float) -> float:
        return -math.log(v)

    def adams(y: Any, a: float, b: float, nodes: list[float], values: list[Any], tau: float) -> Any:
        k = 1 + tau**2
        total = b / a * math.exp(-(tau**2) * (lam(b) - lam(a))) * y
        for j, value in enumerate(values):
            weight, _ = quad(
                lambda u, j=j: k * math.exp(k * (u - lam(b))) * lagrange(nodes, j, u),
                lam(a),
                lam(b),
                epsabs=1e-13,
                epsrel=1e-12,
            )
            total = total + weight * value
        return total

    values: list[Any] = []
    n = len(s) - 1
    y, tau, noise = x, 0.0, None
    for i in range(n):
        x0 = D(x, s[i])
        values.append(x0)
        corrector = 0 if i == 0 or (s[i + 1] == 0 and not pece) else min(corrector_order, i + 1)
        predictor = min(predictor_order, i + 1)
        if s[-1] == 0:
            predictor, corrector = min(predictor, n - 1 - i), min(corrector, n - i)
        if corrector:
            nodes = [lam(v) for v in s[i - corrector + 1 : i + 1]]
            x = adams(y, s[i - 1], s[i], nodes, values[-corrector:], tau)
            if noise is not None:
                x = x + noise
            if pece:
                x0 = values[-1] = D(x, s[i])
        if s[i + 1] == 0:
            return x0
        y, noise = x, None
        tau = eta if window[0] >= s[i + 1] >= window[1] else 0.0
        nodes = [lam(v) for v in s[i - predictor + 1 : i + 1]]
        x = adams(y, s[i], s[i + 1], nodes, values[-predictor:], tau)
        if tau:
            h = lam(s[i + 1]) - lam(s[i])
            noise = s[i + 1] * math.sqrt(1 - math.exp(-2 * tau**2 * h)) * N(s[i], s[i + 1])
            x = x + noise
    return x


def uni_pc(
    D: Denoiser, x: Any, s: list[float], N: Draw, order: int = 3, variant: str = "bh1"
) -> Any:
    """In the variance-preserving variables of the paper, weights by linear systems."""
    s = [*s[:-1], 0.001] if s[-1] == 0 else s
    alpha = [1 / math.sqrt(1 + v * v) for v in s]
    std = [v / math.sqrt(1 + v * v) for v in s]
    lam = [math.log(a / b) for a, b in zip(alpha, std, strict=True)]
    n = len(s) - 1
    top = max(1, min(order, n - 1))

    def model(y: Any, i: int) -> Any:
        return D(y / alpha[i], s[i])

    def update(y: Any, past: list[Any], i: int, p: int, correct: bool) -> tuple[Any, Any]:
        h = lam[i] - lam[i - 1]
        rs = [(lam[i - 1 - k] - lam[i - 1]) / h for k in range(1, p)]
        differences = [(past[-1 - k] - past[-1]) / r for k, r in zip(range(1, p), rs, strict=True)]
        big = -h if variant == "bh1" else math.expm1(-h)
        phis, value = [], math.expm1(-h) / -h - 1
        for k in range(1, p + 1):
            phis.append(value * math.factorial(k) / big)
            value = value / -h - 1 / math.factorial(k + 1)
        rows = np.array([[r**k for r in [*rs, 1.0]] for k in range(p)])
        base = std[i] / std[i - 1] * y - alpha[i] * math.expm1(-h) * past[-1]
        result = base
        if p == 2:
            result = base - alpha[i] * big * 0.5 * differences[0]
        elif p > 2:
            rho = np.linalg.solve(rows[:-1, :-1], phis[:-1])
            mixed = sum(w * d for w, d in zip(rho, differences, strict=True))
            result = base - alpha[i] * big * mixed
        if not correct:
            return result, None
        fresh = model(result, i)
        rho = [0.5] if p == 1 else np.linalg.solve(rows, phis)
        mixed = sum(w * d for w, d in zip(rho, [*differences, fresh - past[-1]], strict=True))
        return base - alpha[i] * big * mixed, fresh

    y = x * alpha[0]
    past = [model(y, 0)]
    for i in range(1, n + 1):
        p = i if i < top else min(top, n + 1 - i)
        y, fresh = update(y, past, i, p, i < n)
        past.append(fresh)
    return y / alpha[n]


class Singlestep:
    """DPM-Solver's singlestep updates of the noise prediction, in t = -log sigma."""

    def __init__(self, D: Denoiser, x: Any, t: float) -> None:
        self.D, self.x, self.t = D, x, t
        self.e = self.noise(x, t)

    def noise(self, x: Any, t: float) -> Any:
        return (x - self.D(x, math.exp(-t))) / math.exp(-t)

    def to(self, t: float, order: int, r1: float = 0.5) -> Any:
        s, h = math.exp(-t), t - self.t
        if order == 1:
            return self.x - s * math.expm1(h) * self.e
        if order == 2:
            u = self.x - math.exp(-(self.t + r1 * h)) * math.expm1(r1 * h) * self.e
            bend = self.noise(u, self.t + r1 * h) - self.e
            return self.x - s * math.expm1(h) * self.e - s / (2 * r1) * math.expm1(h) * bend
        r1, r2 = 1 / 3, 2 / 3
        s1, s2 = math.exp(-(self.t + r1 * h)), math.exp(-(self.t + r2 * h))
        u1 = self.x - s1 * math.expm1(r1 * h) * self.e
        bend = self.noise(u1, self.t + r1 * h) - self.e
        u2 = self.x - s2 * math.expm1(r2 * h) * self.e
        u2 = u2 - s2 * (r2 / r1) * (math.expm1(r2 * h) / (r2 * h) - 1) * bend
        bend = self.noise(u2, self.t + r2 * h) - self.e
        return self.x - s * math.expm1(h) * self.e - s / r2 * (math.expm1(h) / h - 1) * bend


def eta_step(t: float, t_next: float, t_end: float, eta: float) -> tuple[float, float]:
    """(where the ODE's step ends, the noise that is added then)."""
    low = math.exp(-t_next)
    if not eta:
        return t_next, 0.0
    down, _ = ancestral_step(math.exp(-t), low, eta)
    t_down = min(t_end, -math.log(down))
    if t_next == t_end:
        return t_end, 0.0  # but for rounding
    return t_down, math.sqrt(max(low**2 - math.exp(-2 * t_down), 0.0))


def dpm_fast(D: Denoiser, x: Any, s: list[float], N: Draw, eta: float = 0.0) -> Any:
    n, low = len(s) - 1, s[-1] or s[-2]
    m = n // 3 + 1
    orders = [3] * (m - 2) + [2, 1] if n % 3 == 0 else [3] * (m - 1) + [n % 3]
    ts = np.linspace(-math.log(s[0]), -math.log(low), m + 1).tolist()
    for t, t_next, order in zip(ts, ts[1:], orders, strict=False):
        t_down, up = eta_step(t, t_next, ts[-1], eta)
        x = Singlestep(D, x, t).to(t_down, order)
        if up:
            x = x + up * N(math.exp(-t), math.exp(-t_next))
    return x


def dpm_adaptive(
    D: Denoiser,
    x: Any,
    s: list[float],
    N: Draw,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
) -> Any:
    p = 1.5 if eta else order
    b1, b2, b3 = (pcoeff + icoeff + dcoeff) / p, -(pcoeff + 2 * dcoeff) / p, dcoeff / p
    t, t_end, h = -math.log(s[0]), -math.log(s[-1] or s[-2]), h_init
    previous, e2, e3 = x, None, None
    while t < t_end - 1e-5:
        t_next = min(t_end, t + h)
        t_down, up = eta_step(t, t_next, t_end, eta)
        solver = Singlestep(D, x, t)
        if order == 2:
            low, high = solver.to(t_down, 1), solver.to(t_down, 2)
        else:
            low, high = solver.to(t_down, 2, r1=1 / 3), solver.to(t_down, 3)
        delta = np.maximum(atol, rtol * np.maximum(abs(low), abs(previous)))
        error = np.linalg.norm(((low - high) / delta).ravel()) / math.sqrt(x.size)
        e1 = 1 / (error + 1e-8)
        e2, e3 = (e1, e1) if e2 is None or e3 is None else (e2, e3)
        factor = 1 + math.atan(e1**b1 * e2**b2 * e3**b3 - 1)
        if factor >= accept_safety:
            previous, x = low, high
            if up:
                x = x + up * N(math.exp(-t), math.exp(-t_next))
            t, e2, e3 = t_next, e1, e2
        h *= factor
    return x
