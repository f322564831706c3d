"""Samplers on a Gaussian, where everything is known in closed form.

The clean latents are N(MEAN, VARIANCE), so the ideal denoiser is linear, the ODE's solution is a
scaling and the SDE must end in the same Gaussian.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from studio.diffusion.names import SAMPLER_TABLE
from studio.diffusion.noise import brownian_noise, gaussian_noise
from studio.diffusion.samplers import SamplerStuck, split_noise

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers import Noise

MEAN, VARIANCE = 0.7, 0.25
HIGH, LOW = 10.0, 0.05
CPU = torch.device("cpu")
CFG_PP = ("euler_cfg_pp", "euler_ancestral_cfg_pp", "dpmpp_2m_cfg_pp")
# They end at the model's guess but for a rest of noise.
NOISY_ENDS = ("dpm_fast", "dpm_adaptive", "uni_pc", "uni_pc_bh2")


class Ideal:
    """The ideal denoiser; without guidance, CFG++ is plain sampling."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        self.calls += 1
        return (VARIANCE * x + sigma**2 * MEAN) / (VARIANCE + sigma**2)

    def both(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        x0 = self(x, sigma)
        return x0, x0


denoise = Ideal()


def defaults(sampler: str) -> dict[str, Any]:
    """The options a user gets who sets none."""
    options = SAMPLER_TABLE[sampler].options
    return {
        name: option.check(sampler, name, option.default)
        for name, option in options.items()
        if name not in ("s_noise", "start", "end")
    }


def levels(n: int, high: float, low: float) -> Tensor:
    """n + 1 levels, evenly spaced in the 7th root, float64."""
    ramp = torch.linspace(0, 1, n + 1, dtype=torch.float64)
    return (high ** (1 / 7) + ramp * (low ** (1 / 7) - high ** (1 / 7))) ** 7


def no_noise(sigma: float, sigma_next: float) -> Tensor:
    raise AssertionError("an ODE sampler asked for noise")


def noise_for(sampler: str, x: Tensor, sigmas: Tensor) -> Noise:
    """What `sample` would give the sampler, for levels that end with 0."""
    if SAMPLER_TABLE[sampler].brownian:
        return brownian_noise(tuple(x.shape), 5, float(sigmas[-2]), float(sigmas[0]), CPU)
    return gaussian_noise(tuple(x.shape), 5, CPU)


def error(sampler: str, n: int, **options: float) -> float:
    """How far n steps from HIGH to LOW end from the ODE's solution."""
    start = torch.full((1, 1, 1, 1), -1.5 * HIGH, dtype=torch.float64)
    exact = MEAN + (start - MEAN) * math.sqrt((VARIANCE + LOW**2) / (VARIANCE + HIGH**2))
    eta = {} if SAMPLER_TABLE[sampler].eta is None else {"eta": 0.0}
    end = SAMPLER_TABLE[sampler].run(
        denoise, start, levels(n, HIGH, LOW), no_noise, lambda *_: None, **{**eta, **options}
    )
    return float((end - exact).abs())


@pytest.mark.parametrize(
    ("sampler", "options", "low", "high"),
    [
        ("euler", {}, 0.9, 1.1),
        ("euler_cfg_pp", {}, 0.9, 1.1),
        ("ddim", {}, 0.9, 1.1),
        ("euler_ancestral", {}, 0.9, 1.1),
        ("heun", {}, 1.9, 2.2),
        ("dpm_2", {}, 1.9, 2.2),
        ("dpmpp_2s_ancestral", {}, 1.9, 2.2),
        ("dpmpp_2m", {}, 1.9, 2.2),
        ("dpmpp_2m_cfg_pp", {}, 1.9, 2.2),
        ("dpmpp_2m_sde", {}, 1.9, 2.2),
        ("dpmpp_2m_sde", {"heun": True}, 1.9, 2.2),
        ("dpmpp_3m_sde", {}, 1.8, 2.2),
        ("dpmpp_sde", {}, 1.9, 2.2),
        ("dpmpp_sde", {"r": 0.3}, 1.8, 2.2),
        ("plms", {}, 1.9, 2.2),
        ("ipndm", {}, 1.9, 2.2),
        ("lms", {}, 3.0, 4.2),
        ("lms", {"order": 1}, 0.9, 1.1),
        ("lms", {"order": 3}, 2.7, 3.2),
        ("deis", {}, 2.7, 3.2),
        ("deis", {"order": 2}, 1.8, 2.2),
        ("uni_pc", {}, 1.9, 2.3),
        ("uni_pc_bh2", {}, 1.9, 2.3),
        ("res_multistep", {}, 1.9, 2.2),
        ("sa_solver", {}, 3.8, 4.2),
        ("sa_solver", {"corrector_order": 0}, 2.7, 3.2),
        ("sa_solver", {"predictor_order": 1, "corrector_order": 2}, 1.8, 2.2),
        ("sa_solver", {"pece": True}, 3.8, 4.3),
    ],
)
def test_order_of_convergence_without_noise(
    sampler: str, options: dict[str, float], low: float, high: float
) -> None:
    errors = [error(sampler, n, **options) for n in (32, 64, 128)]
    orders = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    assert all(low < order < high for order in orders), (errors, orders)


def test_dpm_fast_is_of_order_3() -> None:
    """Where n leaves a last step of order 2: 11, 22 and 44 steps of 3 evaluations, less one."""
    errors = [error("dpm_fast", n) for n in (32, 65, 131)]
    orders = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    assert all(2.7 < order < 3.5 for order in orders), (errors, orders)


@pytest.mark.parametrize("order", [2, 3])
def test_dpm_adaptive_keeps_within_its_tolerance(order: int) -> None:
    loose, tight, tighter = (
        error("dpm_adaptive", 1, order=order, rtol=tolerance, atol=tolerance)
        for tolerance in (1e-1, 1e-3, 1e-5)
    )
    assert tight < 1e-2 < 0.3 < 1
    assert tighter < tight / 20 < loose / 20


def test_dpm_adaptive_takes_as_many_steps_as_it_needs() -> None:
    def calls(**options: float) -> int:
        model, x = Ideal(), torch.full((1, 1, 4, 4), 40.0)
        run = SAMPLER_TABLE["dpm_adaptive"].run
        run(model, x, torch.tensor([14.6, 1.0, 0.03, 0.0]), no_noise, lambda *_: None, **options)
        return model.calls

    assert calls() == calls(), "it is no gamble"
    assert calls(rtol=0.5, atol=0.1) < calls() < calls(rtol=0.001, atol=1e-4)


def test_dpm_adaptive_reports_its_way_in_log_sigma() -> None:
    reported: list[tuple[int, int]] = []
    SAMPLER_TABLE["dpm_adaptive"].run(
        denoise,
        torch.full((1, 1, 4, 4), 40.0),
        torch.tensor([10.0, 0.1]),
        no_noise,
        lambda step, of, x0: reported.append((step, of)),
        h_init=0.46,
        rtol=0.5,
    )
    assert reported[0] == (10, 100), "0.46 of log 100"
    assert reported == sorted(reported)
    assert reported[-1] == (100, 100)


def test_dpm_adaptive_gives_up_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(denoise: Any) -> None:
        x, sigmas = torch.ones(1, 1, 2, 2), torch.tensor([14.6, 0.03, 0.0])
        SAMPLER_TABLE["dpm_adaptive"].run(denoise, x, sigmas, no_noise, lambda *_: None)

    with pytest.raises(SamplerStuck, match="no number"):
        run(lambda x, sigma: x * math.nan)
    monkeypatch.setattr("studio.diffusion.samplers.dpm_solver.MAX_ADAPTIVE_STEPS", 3)
    with pytest.raises(SamplerStuck, match=r"3 steps weren't enough.*rtol"):
        run(denoise)


@pytest.mark.parametrize(
    ("sampler", "options", "steps"),
    [
        # First order: at 100 steps the variance is 6 % too small.
        ("euler_ancestral", {}, 1000),
        ("ddim", {"eta": 0.5}, 1000),
        ("dpm_2_ancestral", {}, 60),
        ("dpm_fast", {"eta": 1.0}, 60),
        ("dpm_adaptive", {"eta": 1.0, "rtol": 0.01, "atol": 0.001}, 10),
        ("dpmpp_2s_ancestral", {}, 60),
        ("dpmpp_2s_ancestral", {"eta": 0.5}, 60),
        ("dpmpp_2m_sde", {}, 60),
        ("dpmpp_2m_sde", {"eta": 0.5}, 60),
        ("dpmpp_2m_sde", {"heun": True}, 60),
        ("dpmpp_3m_sde", {}, 40),
        ("dpmpp_sde", {}, 40),
        ("dpmpp_sde", {"r": 0.3}, 40),
        ("res_multistep", {"eta": 1.0}, 60),
        ("er_sde", {}, 60),
        ("er_sde", {"order": 2}, 60),
        ("sa_solver", {}, 60),
        ("sa_solver", {"eta": 0.5}, 60),
        ("sa_solver", {"pece": True, "window": (7.0, 0.2)}, 60),
    ],
)
def test_stochastic_samplers_end_in_the_target(
    sampler: str, options: dict[str, Any], steps: int
) -> None:
    row = SAMPLER_TABLE[sampler]
    count = 5_000 if row.brownian else 20_000  # paths are slow to draw
    high, low = 14.6, 0.03
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((count, 1, 1, 1), generator=generator) * math.sqrt(VARIANCE + high**2) + MEAN
    sigmas = torch.cat([levels(steps - 1, high, low), torch.zeros(1)]).float()
    noise = noise_for(sampler, x, sigmas)
    end = row.run(denoise, x, sigmas, noise, lambda *_: None, **{**defaults(sampler), **options})

    # Four standard errors of a mean and of a variance.
    assert abs(float(end.mean()) - MEAN) < 4 * math.sqrt(VARIANCE / count)
    assert abs(float(end.var()) - VARIANCE) < 4 * VARIANCE * math.sqrt(2 / count)


@pytest.mark.parametrize(
    "sampler",
    [
        "ddim",
        "ddpm",
        "dpm_2_ancestral",
        "dpm_fast",
        "dpmpp_2s_ancestral",
        "dpmpp_2m_sde",
        "dpmpp_3m_sde",
        "dpmpp_sde",
        "res_multistep",
        "sa_solver",
    ],
)
def test_eta_decides_how_much_of_the_start_survives(sampler: str) -> None:
    row = SAMPLER_TABLE[sampler]
    generator = torch.Generator().manual_seed(2)
    x = torch.randn((1000, 1, 1, 1), generator=generator) * 14.6
    sigmas = torch.cat([levels(30, 14.6, 0.03), torch.zeros(1)]).float()

    def kept(eta: float) -> float:
        noise = noise_for(sampler, x, sigmas)
        end = row.run(denoise, x, sigmas, noise, lambda *_: None, eta=eta)
        return float(torch.corrcoef(torch.stack([x.flatten(), end.flatten()]))[0, 1])

    none, half, full = kept(0.0), kept(0.5), kept(1.0)
    assert none > 0.999
    assert none > half + 0.1 > full + 0.2


@pytest.mark.parametrize("sampler", ["dpmpp_2m_sde", "dpmpp_3m_sde", "dpmpp_sde"])
def test_more_steps_follow_the_same_brownian_path(sampler: str) -> None:
    """Twice the steps end near the same places, where fresh noise each step ends anywhere."""
    row = SAMPLER_TABLE[sampler]
    generator = torch.Generator().manual_seed(2)
    x = torch.randn((300, 1, 1, 1), generator=generator) * 14.6
    ends = {}
    for kind in ("brownian", "gaussian"):
        for steps in (40, 80):
            sigmas = torch.cat([levels(steps, 14.6, 0.03), torch.zeros(1)]).float()
            if kind == "brownian":
                noise = brownian_noise(tuple(x.shape), 5, float(sigmas[-2]), float(sigmas[0]), CPU)
            else:
                noise = gaussian_noise(tuple(x.shape), 5, CPU)
            ends[kind, steps] = row.run(denoise, x, sigmas, noise, lambda *_: None).flatten()

    def alike(kind: str) -> float:
        return float(torch.corrcoef(torch.stack([ends[kind, 40], ends[kind, 80]]))[0, 1])

    assert alike("brownian") > 0.95
    assert alike("gaussian") < 0.5


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
        **defaults(sampler),
    )
    if sampler not in ("dpm_fast", "dpm_adaptive"):
        assert len(guesses) == 3
    # plms extrapolates its last step, as the paper and the library have it.
    assert torch.equal(end, guesses[-1]) == (sampler not in ("plms", *NOISY_ENDS))
    assert float((end - guesses[-1]).abs().max()) < 0.7
    assert float(x.mean()) == 5.0, "x was changed in place"


@pytest.mark.parametrize("sampler", SAMPLER_TABLE)
def test_one_step_to_zero_is_the_models_guess(sampler: str) -> None:
    """Of dpm_fast, dpm_adaptive and uni_pc the peer's give the noise back."""
    row = SAMPLER_TABLE[sampler]
    x = torch.full((1, 1, 2, 2), 5.0, dtype=torch.float64)
    model = Ideal()
    end = row.run(
        model, x, torch.tensor([4.0, 0.0]), no_noise, lambda *_: None, **defaults(sampler)
    )
    rest = 2**-10 * 1.1 if sampler.startswith("uni_pc") else 1e-9
    torch.testing.assert_close(end, denoise(x, 4.0), atol=rest, rtol=0)
    assert model.calls == 1


@pytest.mark.parametrize(
    ("sampler", "calls"),
    [
        *((name, 9) for name in ("dpm_fast", "lcm", "ipndm", "deis", "uni_pc", "er_sde")),
        *((name, 9) for name in ("euler", "dpmpp_2m", "dpmpp_3m_sde", "sa_solver", *CFG_PP)),
        ("res_multistep", 9),
        ("plms", 10),
        *((name, 17) for name in ("heun", "dpm_2", "dpmpp_2s_ancestral", "dpmpp_sde")),
    ],
)
def test_evaluations_of_the_model(sampler: str, calls: int) -> None:
    """In nine steps, the last to 0; the table in docs/samplers.md says the same."""
    model, x = Ideal(), torch.full((1, 1, 2, 2), 5.0)
    sigmas = torch.cat([levels(8, 14.6, 0.03), torch.zeros(1)]).float()
    row = SAMPLER_TABLE[sampler]
    row.run(model, x, sigmas, lambda *_: x, lambda *_: None, **defaults(sampler))
    assert model.calls == calls


def test_cfg_pp_keeps_the_unconditional_direction() -> None:
    """Guided x0, then noise along (x - unconditional x0): one step by hand."""

    class Two:
        def __call__(self, x: Tensor, sigma: float) -> Tensor:
            raise AssertionError("it must ask for both")

        def both(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
            return x * 0.5, x * 0.25

    x = torch.full((1, 1, 2, 2), 8.0)
    for sampler in ("euler_cfg_pp", "dpmpp_2m_cfg_pp"):
        run = SAMPLER_TABLE[sampler].run
        end = run(Two(), x, torch.tensor([4.0, 1.0]), no_noise, lambda *_: None)
        torch.testing.assert_close(end, torch.full_like(x, 4 + (8 - 2) / 4))
