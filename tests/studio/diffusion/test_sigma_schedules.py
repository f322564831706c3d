"""Noise levels and schedules against independent formulas and the peer's measured numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import BETAS

from studio.diffusion.names import SCHEDULE_TABLE, SCHEDULES
from studio.diffusion.sigmas import SigmaSpace, UnknownNoiseSchedule
from studio.errors import InputError

SD = SigmaSpace.from_config(BETAS)
# The same by numpy, float64.
TABLE = np.sqrt(
    1 / np.cumprod(1 - np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2) - 1
)


def test_range_of_stable_diffusion() -> None:
    assert SD.sigmas.dtype == torch.float32
    assert SD.sigma_min == pytest.approx(0.0292, abs=5e-5)
    assert SD.sigma_max == pytest.approx(14.6146, abs=5e-5)
    np.testing.assert_allclose(SD.sigmas.numpy(), TABLE, rtol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        {"beta_schedule": "linear"},
        {"beta_schedule": "linear", "beta_start": 0.0005, "beta_end": 0.01},
        {**BETAS, "num_train_timesteps": 500},
        {"beta_schedule": "squaredcos_cap_v2"},
        {"trained_betas": [0.01, 0.02, 0.05, 0.1]},
        {},
    ],
)
def test_equals_the_librarys_configurations(config: dict[str, Any]) -> None:
    from diffusers import DDPMScheduler

    alphas = DDPMScheduler(**config).alphas_cumprod.double()
    expected = ((1 - alphas) / alphas).sqrt()
    # The library multiplies its alphas up in float32.
    torch.testing.assert_close(
        SigmaSpace.from_config(config).sigmas.double(), expected, rtol=2e-3, atol=1e-5
    )


def test_zero_terminal_snr_is_made_finite() -> None:
    from diffusers import DDIMScheduler

    space = SigmaSpace.from_config({**BETAS, "rescale_betas_zero_snr": True})
    assert space.sigma_max == pytest.approx(4518.76, rel=1e-4)
    alphas = DDIMScheduler(**BETAS, rescale_betas_zero_snr=True).alphas_cumprod.double()[:-1]
    expected = ((1 - alphas) / alphas).sqrt()
    torch.testing.assert_close(space.sigmas[:-1].double(), expected, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"beta_schedule": "sigmoid"}, "'sigmoid'"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, "flow"),
    ],
)
def test_unknown_configurations_are_refused(config: dict[str, Any], named: str) -> None:
    with pytest.raises(UnknownNoiseSchedule, match=named) as caught:
        SigmaSpace.from_config(config)
    assert isinstance(caught.value, InputError)


@settings(deadline=None)
@given(st.floats(0.001, 100))
def test_t_is_the_nearest_in_the_logarithm(sigma: float) -> None:
    distances = np.abs(np.log(sigma) - np.log(TABLE))
    assert distances[SD.t(sigma)] <= distances.min() + 1e-5


@settings(deadline=None)
@given(st.integers(0, 999))
def test_t_and_sigma_are_inverse_on_the_table(t: int) -> None:
    assert SD.t(SD.sigma(t)) == t
    assert SD.sigma(t) == pytest.approx(float(TABLE[t]), rel=1e-5)


def test_sigma_is_interpolated_in_the_logarithm_and_clamped() -> None:
    assert SD.sigma(499.5) == pytest.approx(math.sqrt(TABLE[499] * TABLE[500]), rel=1e-5)
    assert SD.sigma(-3) == pytest.approx(SD.sigma_min, rel=1e-6)
    assert SD.sigma(2000) == pytest.approx(SD.sigma_max, rel=1e-6)


def at(t: Any) -> Any:
    """Levels at fractional timesteps, by numpy."""
    return np.exp(np.interp(t, np.arange(1000), np.log(TABLE)))


def expected_levels(name: str, n: int) -> Any:
    """The peer's rules once more, in numpy's terms."""
    from scipy import stats

    low, high = TABLE[0], TABLE[-1]
    match name:
        case "normal":
            return at(np.linspace(999, 0, n))
        case "sgm_uniform":
            return at(np.linspace(999, 0, n + 1)[:-1])
        case "simple":
            return np.array([TABLE[-(1 + int(i * (1000 / n)))] for i in range(n)])
        case "ddim_uniform":
            return TABLE[1 :: 1000 // n][::-1]
        case "karras":
            return np.linspace(high ** (1 / 7), low ** (1 / 7), n) ** 7
        case "exponential":
            return np.geomspace(high, low, n)
        case "beta":
            quantiles = stats.beta.ppf(1 - np.linspace(0, 1, n, endpoint=False), 0.6, 0.6)
            return TABLE[np.unique(np.rint(quantiles * 999).astype(int))[::-1]]
        case "linear_quadratic":
            return high * (1 - _linear_quadratic(n))
        case "kl_optimal":
            return np.tan(np.linspace(np.arctan(high), np.arctan(low), n))
    raise AssertionError(name)


def _linear_quadratic(n: int) -> Any:
    """As its authors write it: a line, then a parabola by its three coefficients."""
    if n == 1:
        return np.zeros(1)
    threshold, linear = 0.025, n // 2
    rest = linear - threshold * n
    square = rest / (linear * (n - linear) ** 2)
    slope = threshold / linear - 2 * rest / (n - linear) ** 2
    i = np.arange(n)
    bent = square * i**2 + slope * i + square * linear**2
    return np.where(i < linear, i * threshold / linear, bent)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_follow_the_peers_rules(name: str) -> None:
    for n in (1, 2, 3, 4, 10, 20, 30, 50, 999):
        levels = SCHEDULE_TABLE[name](n, SD)
        np.testing.assert_allclose(levels, [*expected_levels(name, n), 0.0], rtol=1e-5)


def test_measured_numbers() -> None:
    assert SCHEDULE_TABLE["ddim_uniform"](4, SD)[0] == pytest.approx(4.117, abs=5e-4)
    assert len(SCHEDULE_TABLE["ddim_uniform"](30, SD)) - 1 == 31
    for name in set(SCHEDULES) - {"ddim_uniform"}:
        assert SCHEDULE_TABLE[name](20, SD)[0] == pytest.approx(14.6146, abs=1e-4)
    assert SCHEDULE_TABLE["karras"](20, SD)[-2] == pytest.approx(0.0292, abs=5e-5)
    assert len(SCHEDULE_TABLE["beta"](900, SD)) - 1 < 900, "levels that fall together are dropped"


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SCHEDULES), st.integers(1, 999))
def test_schedules_fall_from_at_most_sigma_max_to_zero(name: str, n: int) -> None:
    levels = torch.tensor(SCHEDULE_TABLE[name](n, SD))
    assert levels.dtype == torch.float32
    assert levels[-1] == 0
    assert (levels.diff() < 0).all()
    if name != "linear_quadratic":  # whose last step to 0 is as long as the parabola has it
        assert SD.sigma_min * 0.9999 <= levels[-2]
    assert levels[0] <= SD.sigma_max * 1.0001
    if name not in ("ddim_uniform", "beta"):
        assert len(levels) == n + 1
