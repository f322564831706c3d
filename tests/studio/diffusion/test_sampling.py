"""`sample`: what a sampler node does from end to end, on tiny models."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_models import SpyUNet, live, random_conditioning

from studio.diffusion.names import SAMPLER_TABLE, SAMPLERS, SCHEDULE_TABLE, SCHEDULES
from studio.diffusion.noise import initial_noise
from studio.diffusion.sampling import BadSetting, WrongLatentSpace, WrongSize, sample
from studio.errors import Cancelled, InputError
from studio.values import Latent, LatentSpace

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.sigmas import SigmaSpace

EMPTY = Latent(None, None, 64, 64)
DEFAULTS: dict[str, Any] = {
    "seed": 3,
    "steps": 6,
    "cfg": 3.0,
    "sampler": "euler",
    "schedule": "karras",
}


def run(model: LiveModel, latent: Latent = EMPTY, **settings: Any) -> Latent:
    return sample(
        model,
        random_conditioning(1, 7),
        random_conditioning(2, 7),
        latent,
        **{**DEFAULTS, **settings},
    )


def samples_of(latent: Latent) -> Tensor:
    assert latent.samples is not None
    return latent.samples


def picture(space: LatentSpace, seed: int = 9, batch: int = 1) -> Latent:
    return Latent(initial_noise((batch, 4, 8, 8), seed), space, 64, 64, batch=batch)


@pytest.fixture
def spy() -> SpyUNet:
    return SpyUNet()


@pytest.fixture
def spied(spy: SpyUNet, sd_sigmas: SigmaSpace, tiny_space: LatentSpace) -> LiveModel:
    return live(spy, sd_sigmas, tiny_space)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_bits(spied: LiveModel, sampler: str) -> None:
    state = torch.get_rng_state()
    first, second, other = (
        samples_of(run(spied, sampler=sampler, steps=2, seed=seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first, second)
    assert float((first - other).abs().max()) > 0.1
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_any_sampler_goes_with_any_schedule(spied: LiveModel, sampler: str) -> None:
    few = [("normal", 1), ("normal", 2), ("beta", 1), ("beta", 2)]
    for schedule, steps in [*few, *((schedule, 5) for schedule in SCHEDULES)]:
        reported: list[tuple[int, int]] = []
        result = run(
            spied,
            sampler=sampler,
            schedule=schedule,
            steps=steps,
            progress=lambda step, of, x0, to=reported: to.append((step, of)),
        )
        assert samples_of(result).isfinite().all()
        if sampler == "dpm_adaptive":
            assert reported == sorted(reported)
            assert reported[-1][0] == reported[-1][1]
            continue
        assert reported == [(i + 1, len(reported)) for i in range(len(reported))]
        more = SAMPLER_TABLE[sampler].drops_penultimate
        expected = len(SCHEDULE_TABLE[schedule](steps + more, spied.sigmas)) - 1 - more
        if sampler == "dpm_fast":
            expected = expected // 3 + 1 if expected > 1 else 1
        assert len(reported) == expected


def test_the_result_is_a_plain_latent_of_the_models_space(
    tiny_model: LiveModel, tiny_space: LatentSpace
) -> None:
    mask = torch.ones(1, 1, 64, 64)
    result = run(tiny_model, Latent(None, None, 72, 40, batch=3, noise_mask=mask), steps=2)
    assert samples_of(result).shape == (3, 4, 5, 9)
    assert samples_of(result).dtype == torch.float32
    assert samples_of(result).device.type == "cpu"
    assert not samples_of(result).is_inference()
    assert not samples_of(result).requires_grad
    assert (result.width, result.height, result.batch) == (72, 40, 3)
    assert result.space is tiny_space
    assert result.noise_mask is mask


def test_the_batch_is_drawn_at_once(spied: LiveModel) -> None:
    two = samples_of(run(spied, dataclasses.replace(EMPTY, batch=2)))
    one = samples_of(run(spied))
    torch.testing.assert_close(two[:1], one)
    assert not torch.equal(two[1], two[0])


def first_input(spied: LiveModel, latent: Latent = EMPTY, **settings: Any) -> tuple[Tensor, float]:
    """The x a sampler starts from, and its sigma: reads it off the first call."""
    seen: list[tuple[Tensor, float]] = []

    class Stop(Exception):
        pass

    def remember(denoise: Any, x: Tensor, sigmas: Tensor, *_: Any) -> Tensor:
        seen.append((x, float(sigmas[0])))
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            SAMPLER_TABLE, "euler", dataclasses.replace(SAMPLER_TABLE["euler"], run=remember)
        )
        with pytest.raises(Stop):
            run(spied, latent, **settings)
    return seen[0]


def test_start_at_sigma_max(spied: LiveModel) -> None:
    x, sigma = first_input(spied, schedule="normal")
    assert sigma == pytest.approx(14.6146, abs=1e-4)
    torch.testing.assert_close(x, initial_noise((1, 4, 8, 8), 3) * math.hypot(1, sigma))


def test_start_below_sigma_max(spied: LiveModel) -> None:
    x, sigma = first_input(spied, schedule="ddim_uniform", steps=4)
    assert sigma == pytest.approx(4.117, abs=5e-4)
    torch.testing.assert_close(x, initial_noise((1, 4, 8, 8), 3) * sigma)


def test_start_from_a_picture(spied: LiveModel, tiny_space: LatentSpace) -> None:
    latent = picture(tiny_space)
    x, sigma = first_input(spied, latent, denoise=0.5)
    scaled = (samples_of(latent) - 0.1) * 0.3
    torch.testing.assert_close(x, scaled + initial_noise((1, 4, 8, 8), 3) * sigma)
    kept, _ = first_input(spied, latent, denoise=0.5, add_noise=False)
    torch.testing.assert_close(kept, scaled)


def test_an_all_zero_latent_is_not_shifted(spied: LiveModel, tiny_space: LatentSpace) -> None:
    zeros = Latent(torch.zeros(1, 4, 8, 8), tiny_space, 64, 64)
    assert torch.equal(samples_of(run(spied, zeros)), samples_of(run(spied)))


def timesteps(spy: SpyUNet, model: LiveModel, **settings: Any) -> list[int]:
    spy.timesteps.clear()
    run(model, **settings)
    return list(spy.timesteps)


def test_denoise_runs_the_end_of_a_longer_schedule(spy: SpyUNet, spied: LiveModel) -> None:
    for schedule in ("karras", "normal", "simple"):
        part = timesteps(spy, spied, schedule=schedule, steps=6, denoise=0.32)
        whole = timesteps(spy, spied, schedule=schedule, steps=18)  # int(6 / 0.32 = 18.75)
        assert part == whole[-6:]
    assert timesteps(spy, spied, denoise=0.99999) == timesteps(spy, spied)


def test_samplers_that_drop_the_penultimate_level_make_one_step_more(
    spy: SpyUNet, spied: LiveModel
) -> None:
    for schedule in ("karras", "normal"):
        whole = timesteps(spy, spied, schedule=schedule, sampler="euler", steps=7)
        ours = timesteps(spy, spied, schedule=schedule, sampler="uni_pc", steps=6)
        assert ours == whole[:-1]
        part = timesteps(spy, spied, schedule=schedule, sampler="uni_pc", steps=6, denoise=0.5)
        longer = timesteps(spy, spied, schedule=schedule, sampler="euler", steps=13)
        assert part == longer[-7:-1]


def test_denoise_zero_changes_nothing(
    spy: SpyUNet, spied: LiveModel, tiny_space: LatentSpace
) -> None:
    latent = picture(tiny_space)
    assert run(spied, latent, denoise=0.0) is latent
    assert not spy.batches


def test_start_and_end_steps(spy: SpyUNet, spied: LiveModel) -> None:
    whole = timesteps(spy, spied, steps=8)
    assert timesteps(spy, spied, steps=8, start_step=3) == whole[3:]
    assert timesteps(spy, spied, steps=8, end_step=5) == whole[:5]
    assert timesteps(spy, spied, steps=8, start_step=2, end_step=5) == whole[2:5]
    assert timesteps(spy, spied, steps=8, start_step=0, end_step=10_000) == whole


def test_two_halves_equal_one_run(tiny_model: LiveModel) -> None:
    whole = samples_of(run(tiny_model, steps=8))
    first = run(tiny_model, steps=8, end_step=3, leftover_noise=True)
    second = run(tiny_model, first, steps=8, start_step=3, add_noise=False)
    torch.testing.assert_close(samples_of(second), whole, atol=1e-4, rtol=1e-4)
    assert float((samples_of(first) - whole).abs().max()) > 1


@pytest.mark.parametrize("leftover", [False, True])
def test_an_early_end_removes_the_noise_unless_told(
    tiny_model: LiveModel, tiny_space: LatentSpace, leftover: bool
) -> None:
    guesses: list[Tensor] = []
    result = run(
        tiny_model,
        steps=8,
        end_step=5,
        leftover_noise=leftover,
        progress=lambda step, of, x0: guesses.append(x0),
    )
    scaled = (samples_of(result) - tiny_space.shift) * tiny_space.scaling_factor
    assert torch.allclose(scaled, guesses[-1], atol=1e-5) is not leftover


def test_a_schedule_longer_than_the_models_is_fine(spied: LiveModel) -> None:
    """2,000 steps of 1,000 levels: some are met twice, a division by zero if not dropped."""
    for sampler in ("dpmpp_2m", "lms", "dpmpp_2m_sde"):
        result = run(spied, schedule="simple", sampler=sampler, steps=20, denoise=0.01)
        assert samples_of(result).isfinite().all()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_outside_the_mask_nothing_changes(
    spied: LiveModel, tiny_space: LatentSpace, sampler: str
) -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., :24] = 1
    latent = dataclasses.replace(picture(tiny_space, batch=2), noise_mask=mask)
    before, mask_before = samples_of(latent).clone(), mask.clone()
    result = samples_of(run(spied, latent, sampler=sampler, steps=2))
    assert torch.equal(samples_of(latent), before), "an input was changed"
    assert torch.equal(mask, mask_before)
    assert torch.equal(result[..., 3:], samples_of(latent)[..., 3:])
    assert float((result[..., :3] - samples_of(latent)[..., :3]).abs().mean()) > 0.1


def test_the_model_sees_the_kept_part_noised(
    spied: LiveModel, spy: SpyUNet, tiny_space: LatentSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the picture's own noise; for ddim, as the peer has it, with that of the next seed."""
    mask = torch.zeros(1, 1, 8, 8)
    latent = dataclasses.replace(picture(tiny_space), noise_mask=mask)
    scaled = (samples_of(latent) - 0.1) * 0.3
    seen: list[tuple[Tensor, float]] = []

    def remember(model: Any, x: Tensor, sigma: float, embeddings: Tensor) -> Tensor:
        seen.append((x[:1], sigma))
        return x

    monkeypatch.setattr(type(spied), "denoise", remember)
    for sampler, seed in (("euler", 3), ("ddim", 4)):
        seen.clear()
        run(spied, latent, sampler=sampler)
        for x, sigma in seen:
            torch.testing.assert_close(x, scaled + sigma * initial_noise((1, 4, 8, 8), seed))


def test_eta_reaches_the_sampler(tiny_model: LiveModel) -> None:
    def result(sampler: str, eta: float | None) -> Tensor:
        return samples_of(run(tiny_model, sampler=sampler, eta=eta))

    assert torch.equal(result("ddim", None), result("ddim", 0.0))
    assert torch.equal(result("ddpm", None), result("ddim", 1.0))
    assert torch.equal(result("ddpm", 0.0), result("euler", None))
    assert not torch.equal(result("ddim", 0.5), result("ddim", 1.0))


def test_progress_gives_the_guess_and_may_stop_the_run(
    spied: LiveModel, spy: SpyUNet, tiny_space: LatentSpace
) -> None:
    def stop(step: int, of: int, x0: Tensor) -> None:
        assert (of, x0.shape) == (6, (1, 4, 8, 8))
        if step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        run(spied, progress=stop)
    assert len(spy.batches) == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampler": "eular"}, "'eular'.*euler_ancestral"),
        ({"schedule": "karas"}, "'karas'.*karras"),
        ({"steps": 0}, "steps is 0"),
        ({"denoise": 1.5}, "denoise is 1.5"),
        ({"denoise": -0.1}, "denoise is -0.1"),
        ({"denoise": 1e-9}, "schedule of 6000000000 steps"),
        ({"start_step": 4, "end_step": 4}, "start_step 4 to end_step 4"),
        ({"start_step": 6}, "start_step 6 to end_step 6 of 6"),
        ({"start_step": -1}, "start_step -1"),
        ({"seed": 2**64}, str(2**64)),
        ({"sampler": "ddim", "eta": 1.5}, "eta of the sampler ddim is 1.5"),
        ({"sampler": "heun", "eta": 0.5}, "heun adds no noise.*ddim"),
        ({"sampler": "sa_solver", "eta": -0.5}, "eta of the sampler sa_solver is -0.5.*from 0 to"),
    ],
)
def test_bad_settings_are_refused(
    spied: LiveModel, spy: SpyUNet, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        run(spied, **settings)
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, BadSetting) or "seed" in settings
    assert not spy.batches


def test_latents_of_another_family_are_refused(spied: LiveModel, tiny_space: LatentSpace) -> None:
    other = dataclasses.replace(tiny_space, name="sdxl")
    with pytest.raises(WrongLatentSpace, match=r"sdxl \(4 channels\).*tiny \(4"):
        run(spied, picture(other))
    wide = Latent(torch.ones(1, 16, 8, 8), None, 64, 64)
    with pytest.raises(WrongLatentSpace, match="16 channels"):
        run(spied, wide)


def test_sizes_without_a_latent_are_refused(spied: LiveModel) -> None:
    with pytest.raises(WrongSize, match=r"100x64 .*multiples of 8.*96x64"):
        run(spied, Latent(None, None, 100, 64))
