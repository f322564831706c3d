"""Linear multistep samplers on the slope dx/dsigma, which is the predicted noise."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from studio.diffusion.samplers.contract import steps_of, weighted
from studio.diffusion.samplers.weights import ADAMS_BASHFORTH, lagrange_weights, power_moments

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers.contract import Callback, Denoise, Noise


def lms(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    order: int = 4,
) -> Tensor:
    """Linear multistep of order up to `order` on uneven steps, as k-diffusion and the peer do it.

    The slopes of the last steps are interpolated over sigma (Lagrange) and integrated exactly; a
    last step to 0 takes the model's x0.
    """
    steps = steps_of(sigmas)
    slopes: deque[Tensor] = deque(maxlen=order)
    nodes: deque[float] = deque(maxlen=order)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        slopes.appendleft((x - x0) / sigma)
        nodes.appendleft(sigma)
        if sigma_next > 0:
            moments = power_moments(sigma_next - sigma, len(nodes))
            weights = lagrange_weights([node - sigma for node in nodes], moments)
            x = x + weighted(list(slopes), weights)
        else:
            x = x0
        callback(i + 1, len(steps), x0)
    return x


def plms(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Pseudo linear multistep: Liu et al. 2022, arXiv 2202.09778, without its Runge-Kutta start.

    Adams-Bashforth weights up to order 4 on the predicted noise, as if steps were even; the
    first step is an improved Euler step (two evaluations, n + 1 in all). Global order 2.
    """
    steps = steps_of(sigmas)
    slopes: deque[Tensor] = deque(maxlen=4)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        slopes.appendleft((x - x0) / sigma)
        if i == 0 and sigma_next > 0:
            ahead = x.add(slopes[0], alpha=sigma_next - sigma)
            slope = (slopes[0] + (ahead - denoise(ahead, sigma_next)) / sigma_next) / 2
        else:
            slope = weighted(list(slopes), ADAMS_BASHFORTH[len(slopes) - 1])
        x = x.add(slope, alpha=sigma_next - sigma)
        callback(i + 1, len(steps), x0)
    return x


def ipndm(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    order: int = 4,
) -> Tensor:
    """Improved PNDM: Zhang and Chen 2022, arXiv 2204.13902, section 3.3.

    As `plms`, but it starts with plain Euler, so n evaluations, and a last step to 0 takes the
    model's x0. Global order 2.
    """
    steps = steps_of(sigmas)
    slopes: deque[Tensor] = deque(maxlen=order)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        slopes.appendleft((x - x0) / sigma)
        if sigma_next > 0:
            slope = weighted(list(slopes), ADAMS_BASHFORTH[len(slopes) - 1])
            x = x.add(slope, alpha=sigma_next - sigma)
        else:
            x = x0
        callback(i + 1, len(steps), x0)
    return x


def deis(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    order: int = 3,
) -> Tensor:
    """tAB-DEIS: Zhang and Chen 2022, arXiv 2204.13902, section 3.2, of order up to `order`.

    As `lms`, but the slopes are interpolated over the time t of a variance-preserving SDE with
    linear beta, in which they bend less than in sigma.
    """
    steps = steps_of(sigmas)
    clock = _VPTime(sigmas)
    slopes: deque[Tensor] = deque(maxlen=order)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        slopes.appendleft((x - x0) / sigma)
        if sigma_next > 0 and len(slopes) > 1:
            x = x + weighted(list(slopes), clock.weights(i, len(slopes)))
        else:
            x = x.add(slopes[0], alpha=sigma_next - sigma)
        callback(i + 1, len(steps), x0)
    return x


class _VPTime:
    """The time of a variance-preserving SDE: sigma(t)^2 + 1 = exp(t^2 D / 2 + t M).

    sigma(1) = 80 and sigma(0.001) = 0.002, as in Karras et al., whatever the model's own levels.
    All in the levels' precision and as the peer does it, rectangles and all: float32 makes
    log(0.002^2 + 1) 1 % off, and a picture of few steps shows either in its fourth digit.
    """

    _POINTS = 10_000
    """Of the sum that stands for an integral."""

    def __init__(self, sigmas: Tensor) -> None:
        low, high = ((sigmas.new_tensor(end) ** 2 + 1).log() for end in (0.002, 80.0))
        self.slope = 2 * (low / 1e-3 - high) / (1e-3 - 1)
        self.first = high - 0.5 * self.slope
        root = (self.first**2 + 2 * self.slope * (sigmas**2 + 1).log()).sqrt()
        self.times = (root - self.first) / self.slope

    def weights(self, i: int, count: int) -> list[float]:
        """Of the newest `count` slopes in step i: their Lagrange polynomials, integrated."""
        import torch

        start, end = self.times[i], self.times[i + 1]
        places = torch.linspace(float(start), float(end), self._POINTS, dtype=start.dtype)
        alpha = (-0.5 * places**2 * self.slope - places * self.first).exp()
        speed = 0.5 * (places * self.slope + self.first) / (alpha * (1 - alpha)).sqrt()
        nodes = [self.times[i - k] for k in range(count)]
        weights = []
        for j, node in enumerate(nodes):
            shape = speed
            for other in (*nodes[:j], *nodes[j + 1 :]):
                shape = shape * ((places - other) / (node - other))
            weights.append(float(shape.sum() * ((end - start) / self._POINTS)))
        return weights
