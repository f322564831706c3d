"""Where a picture hangs on the last bit of a level: float32, by the operations the peer uses.

A level half-way between two timesteps goes to one or the other, a Brownian path is another one
1e-6 away, and SA-Solver's linear systems lose four digits. Each costs 1e-3 to 1e-1 in a latent.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from tiny_models import BETAS

from studio.diffusion.levels import make_sigmas, spaced_sigmas
from studio.diffusion.names import SAMPLER_TABLE
from studio.diffusion.samplers.weights import adams_weights
from studio.diffusion.sigmas import SigmaSpace

SD = SigmaSpace.from_config(BETAS)
# The same in float64, each rounded once.
BETAS_64 = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
BARS = torch.cumprod(1 - BETAS_64, 0)
EXACT = ((1 - BARS) / BARS).sqrt()
LOGS = EXACT.log().float()


def test_the_table_is_rounded_once() -> None:
    assert torch.equal(SD.sigmas, EXACT.float())
    assert torch.equal(SD.log_sigmas, LOGS)
    assert not torch.equal(SD.log_sigmas, SD.sigmas.log()), "which would be rounded twice"


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [("normal", n) for n in (3, 5, 7, 9, 13, 19, 21, 25)]
    + [("sgm_uniform", n) for n in (2, 4, 10, 20)],
)
def test_levels_half_way_between_two_timesteps(schedule: str, steps: int) -> None:
    count = steps + 1 if schedule == "sgm_uniform" else steps
    places = torch.linspace(999, 0, count)[:steps]
    assert (places.frac() == 0.5).any(), "this case would prove nothing"
    low, high = LOGS[places.floor().long()], LOGS[places.ceil().long()]
    expected = torch.stack(
        [
            ((1 - share) * a + share * b).exp()
            for share, a, b in zip(places.frac(), low, high, strict=True)
        ]
    )

    levels = make_sigmas(SD, schedule, steps)
    assert torch.equal(levels[:-1], expected)
    nearest = (levels[:-1].log() - LOGS[:, None]).abs().argmin(0)
    assert [SD.t(level) for level in levels[:-1].tolist()] == nearest.tolist()


def test_levels_between_two_ends() -> None:
    high, low = SD.sigma_max, SD.sigma_min
    ramp = torch.linspace(0, 1, 20)
    roots = high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))
    logs = torch.linspace(math.log(high), math.log(low), 20)
    share = torch.arange(20) / 19
    angles = share * math.atan(low) + (1 - share) * math.atan(high)
    for schedule, expected in (
        ("karras", roots**7),
        ("exponential", logs.exp()),
        ("kl_optimal", angles.tan()),
    ):
        assert torch.equal(make_sigmas(SD, schedule, 20)[:-1], expected), schedule
    assert torch.equal(spaced_sigmas(20, high, low, 7.0)[:-1], roots**7)
    assert torch.equal(spaced_sigmas(20, high, low, 0.0)[:-1], logs.exp())


@pytest.mark.parametrize("sampler", ["dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"])
def test_brownian_noise_is_asked_for_at_the_very_levels(sampler: str) -> None:
    sigmas = make_sigmas(SD, "karras", 12)
    asked: list[tuple[float, float]] = []
    x = torch.ones(1, 1, 2, 2)

    def draw(sigma: float, sigma_next: float) -> Any:
        asked.append((sigma, sigma_next))
        return x

    run = SAMPLER_TABLE[sampler].run
    run(lambda x, sigma: x / (1 + sigma), x, sigmas, draw, lambda *_: None)

    expected = []
    for start, end in itertools.pairwise(sigmas[:-1]):
        if sampler == "dpmpp_sde":
            middle = -start.log() + 0.5 * (start.log() - end.log())
            expected.append((float(start), float((-middle).exp())))
        expected.append((float(start), float(end)))
    assert asked == expected


def test_the_weights_of_sa_solver_are_as_inexact_as_the_peers() -> None:
    """The step to level 49 of 50 by four guesses: numbers that its arithmetic gives."""
    logs = -make_sigmas(SD, "karras", 50)[:-1].log()
    ours = adams_weights(logs[45:49], logs[48], logs[49], 1.0)
    assert ours == pytest.approx([-0.158498, 0.624990, -0.952178, 0.817285], abs=2e-4)
    exact = adams_weights(logs[45:49].double(), logs[48].double(), logs[49].double(), 1.0)
    assert max(abs(a - b) for a, b in zip(ours, exact, strict=True)) > 1e-3


def ancestral(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
    """k-diffusion's sigma_down at eta 1, on tensors of no dimension."""
    fresh = (sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2) ** 0.5
    return (sigma_next**2 - torch.minimum(sigma_next, fresh) ** 2) ** 0.5


@pytest.mark.parametrize(
    ("name", "schedule", "steps"),
    [("dpmpp_2s_ancestral", "normal", n) for n in (3, 7, 19, 37, 55)]
    + [("dpmpp_2s_ancestral", "sgm_uniform", n) for n in (2, 6, 18, 36)]
    + [("dpm_2_ancestral", "normal", n) for n in (2, 6, 18, 36)]
    + [("dpm_2_ancestral", "sgm_uniform", n) for n in (5, 17, 35)],
)
def test_the_middle_of_an_ancestral_step(name: str, schedule: str, steps: int) -> None:
    """It is the next level but for rounding, so the rounding must be the peer's."""
    row = SAMPLER_TABLE[name]
    levels = make_sigmas(SD, schedule, steps, drop_penultimate=row.drops_penultimate)
    wanted = []
    for sigma, sigma_next in itertools.pairwise(levels):
        wanted.append(float(sigma))
        if sigma_next > 0:
            down = ancestral(sigma, sigma_next)
            if name == "dpm_2_ancestral":
                middle = sigma.log().lerp(down.log(), 0.5).exp()
            else:
                start, end = sigma.log().neg(), down.log().neg()
                middle = (start + 0.5 * (end - start)).neg().exp()
            wanted.append(float(middle))
    seen: list[float] = []

    def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
        seen.append(sigma)
        return x * 0.1

    x = torch.ones(1, 4, 2, 2)
    zeros = torch.zeros_like(x)
    row.run(denoise, x, levels, lambda *_: zeros, lambda *_: None, eta=1.0)
    assert seen == wanted
    assert [SD.t(level) for level in seen] == [SD.t(level) for level in wanted]
