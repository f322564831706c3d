"""Samplers on a Gaussian, where everything is known in closed form.

The clean latents are N(MEAN, VARIANCE), so the ideal denoiser is linear, the ODE's solution is a
scaling and the SDE must end in the same Gaussian.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pytest
import torch

from studio.diffusion.names import SAMPLER_TABLE
from studio.diffusion.noise import brownian_noise, gaussian_noise
from studio.diffusion.samplers import split_noise

if TYPE_CHECKING:
    from torch import Tensor

MEAN, VARIANCE = 0.7, 0.25
HIGH, LOW = 10.0, 0.05
CPU = torch.device("cpu")


def denoise(x: Tensor, sigma: float) -> Tensor:
    return (VARIANCE * x + sigma**2 * MEAN) / (VARIANCE + sigma**2)


def levels(n: int, high: float, low: float) -> Tensor:
    """n + 1 levels, evenly spaced in the 7th root, float64."""
    ramp = torch.linspace(0, 1, n + 1, dtype=torch.float64)
    return (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7


def no_noise(sigma: float, sigma_next: float) -> Tensor:
    raise AssertionError("an ODE sampler asked for noise")


def error(sampler: str, n: int) -> float:
    """How far n steps from HIGH to LOW end from the ODE's solution."""
    start = torch.full((1, 1, 1, 1), -1.5 * HIGH, dtype=torch.float64)
    exact = MEAN + (start - MEAN) * math.sqrt((VARIANCE + LOW**2) / (VARIANCE + HIGH**2))
    eta = {} if SAMPLER_TABLE[sampler].eta is None else {"eta": 0.0}
    end = SAMPLER_TABLE[sampler].run(
        denoise, start, levels(n, HIGH, LOW), no_noise, lambda *_: None, **eta
    )
    return float((end - exact).abs())


@pytest.mark.parametrize(
    ("sampler", "low", "high"),
    [
        ("euler", 0.9, 1.1),
        ("ddim", 0.9, 1.1),
        ("euler_ancestral", 0.9, 1.1),
        ("heun", 1.9, 2.2),
        ("dpmpp_2m", 1.9, 2.2),
        ("dpmpp_2m_sde", 1.9, 2.2),
        ("dpmpp_sde", 1.9, 2.2),
        ("plms", 1.9, 2.2),
        ("lms", 3.0, 4.2),
    ],
)
def test_order_of_convergence_without_noise(sampler: str, low: float, high: float) -> None:
    errors = [error(sampler, n) for n in (32, 64, 128)]
    orders = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    assert all(low < order < high for order in orders), (errors, orders)


@pytest.mark.parametrize(
    ("sampler", "eta", "steps"),
    [
        # First order: at 100 steps the variance is 6 % too small.
        ("euler_ancestral", None, 1000),
        ("ddpm", None, 1000),
        ("ddim", 0.5, 1000),
        ("dpmpp_2m_sde", None, 100),
        ("dpmpp_2m_sde", 0.5, 100),
        ("dpmpp_sde", None, 60),
        ("dpmpp_sde", 0.5, 60),
    ],
)
def test_stochastic_samplers_end_in_the_target(sampler: str, eta: float | None, steps: int) -> None:
    count = 20_000
    row = SAMPLER_TABLE[sampler]
    high, low = 14.6, 0.03
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((count, 1, 1, 1), generator=generator) * math.sqrt(VARIANCE + high**2) + MEAN
    sigmas = torch.cat([levels(steps - 1, high, low), torch.zeros(1)]).float()
    if row.brownian:
        noise = brownian_noise(tuple(x.shape), 5, float(sigmas[-2]), float(sigmas[0]), CPU)
    else:
        noise = gaussian_noise(tuple(x.shape), 5, CPU)

    end = row.run(denoise, x, sigmas, noise, lambda *_: None, eta=row.eta if eta is None else eta)

    # Four standard errors of a mean and of a variance.
    assert abs(float(end.mean()) - MEAN) < 4 * math.sqrt(VARIANCE / count)
    assert abs(float(end.var()) - VARIANCE) < 4 * VARIANCE * math.sqrt(2 / count)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpmpp_2m_sde", "dpmpp_sde"])
def test_eta_decides_how_much_of_the_start_survives(sampler: str) -> None:
    row = SAMPLER_TABLE[sampler]
    generator = torch.Generator().manual_seed(2)
    x = torch.randn((4000, 1, 1, 1), generator=generator) * 14.6
    sigmas = torch.cat([levels(40, 14.6, 0.03), torch.zeros(1)]).float()

    def kept(eta: float) -> float:
        noise = brownian_noise(tuple(x.shape), 5, float(sigmas[-2]), float(sigmas[0]), CPU)
        end = row.run(denoise, x, sigmas, noise, lambda *_: None, eta=eta)
        return float(torch.corrcoef(torch.stack([x.flatten(), end.flatten()]))[0, 1])

    none, half, full = kept(0.0), kept(0.5), kept(1.0)
    assert none > 0.999
    assert none > half + 0.1 > full + 0.2


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_split_noise_keeps_the_variance(eta: float) -> None:
    down, up = split_noise(3.0, 2.0, eta)
    assert math.hypot(down, up) == pytest.approx(2.0)
    assert up == pytest.approx(eta * 2 * math.sqrt(5) / 3)
    assert split_noise(3.0, 0.0, eta) == (0.0, 0.0)


@pytest.mark.parametrize("sampler", SAMPLER_TABLE)
def test_a_last_step_to_zero_ends_at_the_models_guess(sampler: str) -> None:
    row = SAMPLER_TABLE[sampler]
    guesses: list[Tensor] = []
    x = torch.full((1, 1, 2, 2), 5.0)
    end = row.run(
        denoise,
        x,
        torch.tensor([4.0, 1.0, 0.3, 0.0]),
        lambda sigma, sigma_next: torch.ones_like(x),
        lambda step, of, x0: guesses.append(x0),
        **({} if row.eta is None else {"eta": row.eta}),
    )
    assert len(guesses) == 3
    # plms extrapolates its last step, as the paper and the library have it.
    assert torch.equal(end, guesses[-1]) == (sampler != "plms")
    assert float(x.mean()) == 5.0, "x was changed in place"


@pytest.mark.parametrize("sampler", SAMPLER_TABLE)
def test_one_step_to_zero_is_the_models_guess(sampler: str) -> None:
    row = SAMPLER_TABLE[sampler]
    x = torch.full((1, 1, 2, 2), 5.0, dtype=torch.float64)
    end = row.run(
        denoise,
        x,
        torch.tensor([4.0, 0.0]),
        no_noise,
        lambda *_: None,
        **({} if row.eta is None else {"eta": row.eta}),
    )
    torch.testing.assert_close(end, denoise(x, 4.0))
