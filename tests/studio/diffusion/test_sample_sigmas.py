"""`sample_sigmas`: any sampler with its options over any levels, on tiny models."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_models import SpyUNet, live, random_conditioning

from studio.diffusion.names import SAMPLER_TABLE, SCHEDULE_TABLE
from studio.diffusion.noise import initial_noise
from studio.diffusion.sampling import BadSetting, sample, sample_sigmas
from studio.values import Conditioning, Latent, LatentSpace, Sampler

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.sigmas import SigmaSpace

EMPTY = Latent(None, None, 64, 64)


def both() -> tuple[Conditioning, Conditioning]:
    return random_conditioning(1, 7), random_conditioning(2, 7)


def samples_of(latent: Latent) -> Tensor:
    assert latent.samples is not None
    return latent.samples


def picture(space: LatentSpace) -> Latent:
    return Latent(initial_noise((1, 4, 8, 8), 9), space, 64, 64)


@pytest.fixture
def spy() -> SpyUNet:
    return SpyUNet()


@pytest.fixture
def spied(spy: SpyUNet, sd_sigmas: SigmaSpace, tiny_space: LatentSpace) -> LiveModel:
    return live(spy, sd_sigmas, tiny_space)


def over(
    model: LiveModel, sigmas: list[float], sampler: Sampler, latent: Latent = EMPTY, **more: Any
) -> tuple[Latent, Latent]:
    """Through `sample_sigmas`: the latent and the guess."""
    settings = {"seed": 3, "cfg": 3.0, **more}
    return sample_sigmas(model, *both(), latent, sampler, torch.tensor(sigmas), **settings)


def test_levels_of_ones_own_are_the_same_path(tiny_model: LiveModel) -> None:
    """`sample` is `sample_sigmas` over a schedule."""
    for name in ("dpmpp_2m_sde", "uni_pc", "sa_solver"):
        row = SAMPLER_TABLE[name]
        levels = SCHEDULE_TABLE["karras"](6 + row.drops_penultimate, tiny_model.sigmas)
        if row.drops_penultimate:
            del levels[-2]
        latent, denoised = over(tiny_model, levels, Sampler(name))
        whole = sample(
            tiny_model, *both(), EMPTY, seed=3, steps=6, cfg=3.0, sampler=name, schedule="karras"
        )
        assert torch.equal(samples_of(latent), samples_of(whole))
        rest = float((samples_of(latent) - samples_of(denoised)).abs().max())
        assert rest < (0.1 if name == "uni_pc" else 1e-6)


def test_an_end_above_zero_keeps_its_noise_and_gives_the_guess(
    tiny_model: LiveModel, tiny_space: LatentSpace
) -> None:
    guesses: list[Tensor] = []
    latent, denoised = over(
        tiny_model,
        [14.6, 5.0, 2.0],
        Sampler("euler"),
        progress=lambda step, of, x0: guesses.append(x0),
    )
    scaled = (samples_of(denoised) - tiny_space.shift) * tiny_space.scaling_factor
    torch.testing.assert_close(scaled, guesses[-1])
    noise = (samples_of(latent) - samples_of(denoised)) * tiny_space.scaling_factor
    assert float(noise.std()) > 0.5
    assert denoised.space is latent.space is tiny_space


def test_the_guess_too_keeps_what_is_masked(tiny_model: LiveModel, tiny_space: LatentSpace) -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :24] = 1
    start = dataclasses.replace(picture(tiny_space), noise_mask=mask)
    latent, denoised = over(tiny_model, [14.6, 5.0, 2.0], Sampler("heun"), start)
    assert torch.equal(samples_of(denoised)[..., 3:], samples_of(start)[..., 3:])
    assert not torch.equal(samples_of(latent)[..., 3:], samples_of(start)[..., 3:])


@pytest.mark.parametrize("sigmas", [[], [14.6]])
def test_no_step_gives_the_latent_back(
    spied: LiveModel, tiny_space: LatentSpace, sigmas: list[float]
) -> None:
    start = picture(tiny_space)
    assert over(spied, sigmas, Sampler("euler"), start) == (start, start)


@pytest.mark.parametrize(
    ("sigmas", "said"),
    [
        ([1.0, 1.0, 0.0], "level 1 of 3 is 1, after 1"),
        ([1.0, 2.0, 0.0], "level 1 of 3 is 2, after 1.*fall"),
        ([1.0, 0.0, 0.0], "level 2 of 3 is 0"),
        ([1.0, -0.5], "level 1 of 2 is -0.5"),
        ([math.nan, 0.0], "level 0 of 2 is nan"),
        ([math.inf, 0.0], "level 0 of 2 is inf"),
    ],
)
def test_levels_that_do_not_fall_are_refused(
    spied: LiveModel, spy: SpyUNet, sigmas: list[float], said: str
) -> None:
    with pytest.raises(BadSetting, match=said):
        over(spied, sigmas, Sampler("euler"))
    assert not spy.batches


def test_options_reach_the_sampler(spied: LiveModel) -> None:
    levels = [14.6, 6.0, 2.5, 1.0, 0.4, 0.1, 0.0]

    def result(name: str, **options: float) -> Tensor:
        return samples_of(over(spied, levels, Sampler(name, tuple(options.items())))[0])

    for name, options in {
        "lms": {"order": 1},
        "deis": {"order": 2},
        "dpmpp_sde": {"r": 0.3},
        "dpmpp_2m_sde": {"heun": 1},
        "dpm_adaptive": {"rtol": 0.001, "atol": 0.001},
        "er_sde": {"order": 1},
        "lcm": {"s_noise": 0.5},
        "sa_solver": {"start": 0.0},
        "uni_pc": {"order": 1},
    }.items():
        assert not torch.equal(result(name), result(name, **options)), name
    torch.testing.assert_close(
        result("lms", order=1), result("ipndm", order=1), atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(
        result("dpmpp_2m_sde", eta=0), result("dpmpp_2m"), atol=1e-4, rtol=1e-4
    )
    torch.testing.assert_close(
        result("res_multistep"), result("dpmpp_2m_sde", eta=0, heun=1), atol=1e-3, rtol=1e-3
    )
    # No fresh noise, but the step as if there were: neither the ODE nor the SDE.
    assert not torch.equal(result("ddpm", s_noise=0), result("ddpm", eta=0))
    assert torch.equal(result("ddpm", s_noise=1), result("ddpm"))


def test_sa_solver_adds_noise_in_the_middle_of_the_timesteps(spied: LiveModel) -> None:
    """From 20 % to 80 %, by the peer's rule: where a step ends between sigma(799) and (199)."""
    seen: list[tuple[float, float]] = []

    def remember(*_: Any, window: tuple[float, float], **__: Any) -> Tensor:
        seen.append(window)
        return torch.zeros(1, 4, 8, 8)

    row = SAMPLER_TABLE["sa_solver"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SAMPLER_TABLE, "sa_solver", dataclasses.replace(row, run=remember))
        over(spied, [14.6, 0.0], Sampler("sa_solver"))
        over(spied, [14.6, 0.0], Sampler("sa_solver", (("end", 1.0), ("start", 0.0))))
    space = spied.sigmas
    assert seen == [(space.sigma(999 * 0.8), space.sigma(999 * (1 - 0.8))), (math.inf, 0.0)]


@pytest.mark.parametrize("cfg", [1.0, 1.5])
def test_cfg_pp_runs_the_negative_half_always(
    spied: LiveModel, spy: SpyUNet, tiny_model: LiveModel, cfg: float
) -> None:
    settings: dict[str, Any] = {"seed": 3, "steps": 4, "schedule": "karras", "cfg": cfg}
    for name in ("euler_cfg_pp", "euler_ancestral_cfg_pp", "dpmpp_2m_cfg_pp"):
        spy.batches.clear()
        sample(spied, *both(), EMPTY, sampler=name, **settings)
        assert spy.batches == [2] * 4
        plain = sample(tiny_model, *both(), EMPTY, sampler=name.replace("_cfg_pp", ""), **settings)
        ours = sample(tiny_model, *both(), EMPTY, sampler=name, **settings)
        assert not torch.allclose(samples_of(ours), samples_of(plain))
