"""Samplers of one or two evaluations a step that remember nothing between steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.diffusion.samplers.contract import ancestral_down, split_noise, steps_of

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers.contract import Callback, Denoise, DenoiseBoth, Noise


def euler(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Euler's method: Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn. Order 1."""
    steps = steps_of(sigmas)
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
    eta: float = 1.0,
) -> Tensor:
    """DDIM with eta: Song et al., arXiv 2010.02502, equation 12, in sigma space.

    At eta 1 it is DDPM's ancestral sampling with the small variance (arXiv 2006.11239) and, which
    comes to the same numbers, k-diffusion's Euler ancestral; at eta 0 it is `euler`.
    """
    steps = steps_of(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        down, up = split_noise(sigma, sigma_next, eta)
        x = x0.lerp(x, down / sigma)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def euler_cfg_pp(
    denoise: DenoiseBoth,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 0.0,
) -> Tensor:
    """CFG++: Chung et al. 2024, arXiv 2406.08070, algorithm 2, with DDIM's eta.

    The guided x0 is noised again along the unconditional direction, so the latent stays on the
    manifold that the model knows and a scale of 0.5 to 2 does what 5 to 10 does elsewhere.
    """
    steps = steps_of(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0, uncond = denoise.both(x, sigma)
        down, up = split_noise(sigma, sigma_next, eta)
        x = x0.add(x - uncond, alpha=down / sigma)
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def heun(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Heun's method: Karras et al. 2022, arXiv 2206.00364, algorithm 2 without churn. Order 2.

    Two evaluations a step, one in a last step to 0.
    """
    steps = steps_of(sigmas)
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


def dpm_2(
    denoise: Denoise,
    x: Tensor,
    sigmas: Tensor,
    noise: Noise,
    callback: Callback,
    *,
    eta: float = 0.0,
) -> Tensor:
    """DPM-Solver-2: Lu et al. 2022, arXiv 2206.00927, algorithm 1, and with eta its ancestral form.

    The slope of the whole step is taken at its geometric middle. Order 2, two evaluations a
    step, one in a last step to 0.
    """
    steps = steps_of(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x0 = denoise(x, sigma)
        _, up = split_noise(sigma, sigma_next, eta)
        down = float(end := ancestral_down(sigmas[i], sigmas[i + 1], eta))
        if down > 0:
            middle = float(sigmas[i].log().lerp(end.log(), 0.5).exp())
            halfway = x0.lerp(x, middle / sigma)
            slope = (halfway - denoise(halfway, middle)) / middle
            x = x.add(slope, alpha=down - sigma)
        else:
            x = x0
        if up > 0:
            x = x.add(noise(sigma, sigma_next), alpha=up)
        callback(i + 1, len(steps), x0)
    return x


def lcm(denoise: Denoise, x: Tensor, sigmas: Tensor, noise: Noise, callback: Callback) -> Tensor:
    """Multistep consistency sampling: Song et al. 2023, arXiv 2303.01469, algorithm 1.

    For models that guess the end in one step (latent consistency models, arXiv 2310.04378, and
    distilled ones): every step renoises the guess.
    """
    steps = steps_of(sigmas)
    for i, (sigma, sigma_next) in enumerate(steps):
        x = x0 = denoise(x, sigma)
        if sigma_next > 0:
            x = x.add(noise(sigma, sigma_next), alpha=sigma_next)
        callback(i + 1, len(steps), x0)
    return x
