"""CFG++'s two predictions, rescaling, thresholding, ranges, and calls apart by memory."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import SpyUNet, live, random_conditioning

from studio.diffusion.guidance import (
    EmptyConditioning,
    MaskedDenoise,
    WrongConditioningWidth,
    guide,
)
from studio.diffusion.guidance import memory as memory_module
from studio.diffusion.guidance.combine import guided_levels, rescale, threshold
from studio.diffusion.guidance.memory import entries_a_call, free_memory, needed
from studio.diffusion.noise import initial_noise
from studio.values import Conditioning, GuidanceOptions, PixelArea

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel

SIGMA = 2.5
X = initial_noise((2, 4, 8, 8), 1) * 3
POSITIVE, NEGATIVE = random_conditioning(1, 7), random_conditioning(2, 7)


def under(model: LiveModel, **options: Any) -> LiveModel:
    return replace(model, guidance=GuidanceOptions(**options))


def halves(model: LiveModel) -> tuple[Tensor, Tensor]:
    """x0 of either conditioning alone."""
    nothing = Conditioning(())
    one = guide(model, POSITIVE, nothing, 1.0, len(X))(X, SIGMA)
    return one, guide(model, NEGATIVE, nothing, 1.0, len(X))(X, SIGMA)


# ------------------------------------------------------------------ both predictions


@torch.no_grad()
@pytest.mark.parametrize("cfg", [5.0, 1.0, 0.0])
def test_both_gives_the_guided_and_the_negative_prediction(
    tiny_model: LiveModel, cfg: float
) -> None:
    cond, uncond = halves(tiny_model)
    denoise = guide(tiny_model, POSITIVE, NEGATIVE, cfg, len(X))
    x0, unguided = denoise.both(X, SIGMA)
    torch.testing.assert_close(x0, uncond + cfg * (cond - uncond), atol=2e-4, rtol=0)
    torch.testing.assert_close(unguided, uncond, atol=2e-4, rtol=0)
    torch.testing.assert_close(denoise(X, SIGMA), x0, atol=2e-4, rtol=0)


def test_the_negative_half_runs_at_cfg_1_only_for_both(sd_sigmas: Any, tiny_space: Any) -> None:
    spy = SpyUNet()
    denoise = guide(live(spy, sd_sigmas, tiny_space), POSITIVE, NEGATIVE, 1.0, len(X))
    denoise(X, SIGMA)
    assert spy.batches == [2]
    denoise.both(X, SIGMA)
    assert spy.batches == [2, 4]


def test_both_checks_what_cfg_1_left_unchecked(tiny_model: LiveModel) -> None:
    foreign = random_conditioning(1, 7, width=768)
    with pytest.raises(WrongConditioningWidth, match="negative"):
        guide(tiny_model, POSITIVE, foreign, 1.0, 2).both(X, SIGMA)
    with pytest.raises(EmptyConditioning, match="negative"):
        guide(tiny_model, POSITIVE, Conditioning(()), 1.0, 2).both(X, SIGMA)


def test_a_masked_denoiser_passes_both_through() -> None:
    latent, noise = initial_noise(X.shape, 4), initial_noise(X.shape, 5)
    mask = torch.zeros(2, 1, 8, 8)
    mask[..., :3], mask[..., 3:5] = 1, 0.25
    seen: list[Tensor] = []

    class Inner:
        def __call__(self, x: Tensor, sigma: float) -> Tensor:
            return self.both(x, sigma)[0]

        def both(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
            seen.append(x)
            return torch.full_like(x, 9.0), torch.full_like(x, 4.0)

    masked = MaskedDenoise(Inner(), mask, latent, noise)
    x0, unguided = masked.both(X, SIGMA)
    assert torch.equal(masked(X, SIGMA), x0)
    assert torch.equal(seen[0], seen[1])
    torch.testing.assert_close(x0, 9 * mask + latent * (1 - mask))
    assert torch.equal(unguided, torch.full_like(X, 4.0)), "as the peer: not masked"


# ------------------------------------------------------------------ rescaling


@torch.no_grad()
@pytest.mark.parametrize("amount", [0.0, 0.3, 1.0])
def test_rescaling_a_velocity_equals_the_librarys(
    tiny_unet: Any, sd_sigmas: Any, tiny_space: Any, amount: float
) -> None:
    """For velocities the two definitions agree: the library rescales what the UNet gives."""
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    plain = live(tiny_unet, sd_sigmas, tiny_space, "v_prediction")
    t = 321
    sigma = float(sd_sigmas.sigmas[t])
    texts = [each.entries[0].embeddings for each in (POSITIVE, NEGATIVE)]
    cond, uncond = (
        tiny_unet(X / (sigma**2 + 1) ** 0.5, t, encoder_hidden_states=text.expand(2, -1, -1)).sample
        for text in texts
        if text is not None
    )
    velocity = rescale_noise_cfg(uncond + 5.0 * (cond - uncond), cond, amount)
    theirs = X / (sigma**2 + 1) - velocity * sigma / (sigma**2 + 1) ** 0.5

    model = under(plain, rescale=amount)
    ours = guide(model, POSITIVE, NEGATIVE, 5.0, len(X))(X, sigma)
    torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=0)


@torch.no_grad()
def test_rescaling_noise_goes_by_the_velocity(tiny_model: LiveModel) -> None:
    """As the peer, for every kind of model: the arithmetic written out once more, in float64."""
    cond, uncond = (half.double() for half in halves(tiny_model))
    x, s = X.double(), SIGMA

    def velocity(x0: Tensor) -> Tensor:
        noise = (x - x0) / s  # v = sqrt(a) noise - sqrt(1 - a) x0
        return noise / math.sqrt(s * s + 1) - x0 * s / math.sqrt(s * s + 1)

    v, wanted = velocity(uncond + 7 * (cond - uncond)), velocity(cond)
    ratio = wanted.std(dim=(1, 2, 3), keepdim=True) / v.std(dim=(1, 2, 3), keepdim=True)
    v = 0.7 * v * ratio + 0.3 * v
    expected = (x - v * s * math.sqrt(s * s + 1)) / (s * s + 1)

    denoise = guide(under(tiny_model, rescale=0.7), POSITIVE, NEGATIVE, 7.0, len(X))
    torch.testing.assert_close(denoise(X, SIGMA).double(), expected, atol=3e-4, rtol=0)


def test_rescaling_nothing_is_finite() -> None:
    flat = torch.zeros(1, 4, 8, 8)
    assert rescale(flat, SIGMA, flat, flat, 1.0).isfinite().all()


# ------------------------------------------------------------------ dynamic thresholding


def by_hand(guided: Tensor, mimic: Tensor, percentile: float) -> Tensor:
    """Dynamic thresholding of one channel after another, number by number."""
    result = torch.empty_like(guided)
    for b in range(guided.shape[0]):
        for c in range(guided.shape[1]):
            values = guided[b, c].flatten().tolist()
            mean = sum(values) / len(values)
            lower = mimic[b, c].flatten().tolist()
            reach = max(abs(v - sum(lower) / len(lower)) for v in lower)
            rank = percentile * (len(values) - 1)
            sizes = sorted(abs(v - mean) for v in values)
            low, high = sizes[math.floor(rank)], sizes[math.ceil(rank)]
            limit = max(reach, low + (high - low) * (rank - math.floor(rank)))
            clipped = [max(-limit, min(limit, v - mean)) / limit * reach + mean for v in values]
            result[b, c] = torch.tensor(clipped).reshape(guided.shape[2:])
    return result


@torch.no_grad()
@pytest.mark.parametrize("percentile", [0.5, 0.95, 1.0])
def test_thresholding_against_every_number(tiny_model: LiveModel, percentile: float) -> None:
    cond, uncond = halves(tiny_model)
    expected = by_hand(uncond + 20 * (cond - uncond), uncond + 4 * (cond - uncond), percentile)
    model = under(tiny_model, threshold=percentile, mimic_cfg=4.0)
    x0 = guide(model, POSITIVE, NEGATIVE, 20.0, len(X))(X, SIGMA)
    torch.testing.assert_close(x0, expected, atol=1e-3, rtol=1e-4)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 1000), percentile=st.floats(0.01, 1), strength=st.floats(1, 30, width=32)
)
def test_thresholding_keeps_means_and_limits(seed: int, percentile: float, strength: float) -> None:
    mimic = initial_noise((2, 3, 6, 5), seed)
    guided = mimic * strength + 1
    result = threshold(guided, mimic, percentile)
    reach = (mimic - mimic.mean((2, 3), keepdim=True)).abs().amax((2, 3))
    centred = result - guided.mean((2, 3), keepdim=True)
    assert (centred.abs().amax((2, 3)) <= reach * 1.0001 + 1e-5).all()
    same = threshold(mimic, mimic, percentile)
    torch.testing.assert_close(same, mimic, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_thresholding_comes_before_rescaling(tiny_model: LiveModel) -> None:
    cond, uncond = halves(tiny_model)
    guided = threshold(uncond + 20 * (cond - uncond), uncond + 4 * (cond - uncond), 0.9)
    expected = rescale(X, SIGMA, guided, cond, 0.5)
    model = under(tiny_model, threshold=0.9, mimic_cfg=4.0, rescale=0.5)
    x0 = guide(model, POSITIVE, NEGATIVE, 20.0, len(X))(X, SIGMA)
    torch.testing.assert_close(x0, expected, atol=1e-3, rtol=1e-4)


# ------------------------------------------------------------------ ranges


@pytest.mark.parametrize(
    ("start", "end", "on"),
    [
        (0.0, 1.0, "1111111111"),
        (0.3, 1.0, "0001111111"),  # 0.3 * 10 is a little over 3 in binary
        (0.0, 0.5, "1111100000"),
        (0.25, 0.75, "0001111100"),
        (0.0, 0.01, "1000000000"),
        (0.99, 1.0, "0000000000"),
        (0.5, 0.5, "0000000000"),
        (0.7, 0.2, "0000000000"),
    ],
)
def test_guidance_is_on_during_its_share_of_the_steps(
    sd_sigmas: Any, tiny_space: Any, start: float, end: float, on: str
) -> None:
    spy = SpyUNet()
    model = under(live(spy, sd_sigmas, tiny_space), start=start, end=end)
    sigmas = torch.cat([torch.linspace(14, 0.1, 10), torch.zeros(1)])
    denoise = guide(model, POSITIVE, NEGATIVE, 5.0, len(X), sigmas=sigmas)
    for sigma in sigmas[:-1].tolist():
        denoise(X, sigma)
    assert spy.batches == [4 if each == "1" else 2 for each in on]
    # In the middle of a step, as samplers of order 2 look, it is as at its start.
    spy.batches.clear()
    for sigma in ((sigmas[1:] + sigmas[:-1]) / 2).tolist():
        denoise(X, sigma)
    assert spy.batches == [4 if each == "1" else 2 for each in on]


def test_a_range_without_known_steps_goes_by_timesteps(sd_sigmas: Any) -> None:
    levels = guided_levels(GuidanceOptions(start=0.25, end=0.75), sd_sigmas, None)
    assert [levels.holds(sd_sigmas.sigma(t)) for t in (800, 749, 500, 250, 200)] == [
        False,
        True,
        True,
        True,
        False,
    ]


@torch.no_grad()
def test_both_outside_of_the_range_is_not_guided(tiny_model: LiveModel) -> None:
    cond, uncond = halves(tiny_model)
    sigmas = torch.tensor([5.0, SIGMA, 1.0, 0.0])
    denoise = guide(
        under(tiny_model, end=0.3, rescale=1.0), POSITIVE, NEGATIVE, 5.0, len(X), sigmas=sigmas
    )
    x0, unguided = denoise.both(X, SIGMA)
    torch.testing.assert_close(x0, cond, atol=2e-4, rtol=0)
    torch.testing.assert_close(unguided, uncond, atol=2e-4, rtol=0)


# ------------------------------------------------------------------ apart and together


@torch.no_grad()
def test_cfg_follows_its_curve(tiny_model: LiveModel) -> None:
    """2 at the first of five steps, 6 in the middle, 1 at the last; the sampler says 9."""
    sigmas = torch.tensor([10.0, 8.0, 5.0, 3.0, 1.0, 0.0])
    model = under(tiny_model, curve=(2.0, 6.0, 1.0))
    denoise = guide(model, POSITIVE, NEGATIVE, 9.0, len(X), sigmas=sigmas)
    found = [denoise.scale(float(sigma)) for sigma in sigmas[:-1]]
    assert found == pytest.approx([2, 4, 6, 3.5, 1])
    # What a sampler evaluates within a step has that step's scale.
    assert denoise.scale(6.3) == pytest.approx(4)
    assert denoise.scale(0.4) == pytest.approx(1)
    assert denoise.scale(14.0) == pytest.approx(2)
    for sigma, scale in ((8.0, 4.0), (1.0, 1.0)):
        plain = guide(tiny_model, POSITIVE, NEGATIVE, scale, len(X), sigmas=sigmas)
        assert torch.equal(denoise(X, sigma), plain(X, sigma))


def test_a_curve_of_one_is_that_cfg_throughout(tiny_model: LiveModel) -> None:
    sigmas = torch.tensor([10.0, 5.0, 0.0])
    model = under(tiny_model, curve=(3.0,), end=0.5)
    denoise = guide(model, POSITIVE, NEGATIVE, 1.0, len(X), sigmas=sigmas)
    assert [denoise.scale(sigma) for sigma in (10.0, 5.0)] == [3.0, 1.0]
    with pytest.raises(EmptyConditioning):
        guide(model, POSITIVE, Conditioning(()), 1.0, len(X), sigmas=sigmas)


@torch.no_grad()
def test_apart_equals_together(tiny_model: LiveModel) -> None:
    """Entries of one length and of several, in places."""
    area = PixelArea(0, 0, 64, 32)
    entries = random_conditioning(3, 7, 14, 7).entries
    positive = Conditioning((*entries[:2], replace(entries[2], area=area, strength=0.5)))
    together = guide(tiny_model, positive, NEGATIVE, 5.0, len(X), size=(8, 8))
    apart = guide(
        under(tiny_model, separate=True), positive, NEGATIVE, 5.0, len(X), size=(8, 8)
    )
    for sigma in (SIGMA, 0.5):
        one, two = together.both(X, sigma), apart.both(X, sigma)
        for left, right in zip(one, two, strict=True):
            assert float((left - right).abs().max() / left.abs().max()) < 1e-6


def test_halves_apart_are_calls_of_their_own(sd_sigmas: Any, tiny_space: Any) -> None:
    spy = SpyUNet()
    model = under(live(spy, sd_sigmas, tiny_space), separate=True)
    guide(model, random_conditioning(1, 7, 7), NEGATIVE, 5.0, len(X))(X, SIGMA)
    assert spy.batches == [4, 2]


@pytest.mark.parametrize(
    ("room", "batches"), [(0.4, [2, 2, 2, 2]), (2.1, [4, 4]), (3.9, [6, 2]), (4.0, [8])]
)
def test_too_little_memory_cuts_calls(
    sd_sigmas: Any,
    tiny_space: Any,
    monkeypatch: pytest.MonkeyPatch,
    room: float,
    batches: list[int],
) -> None:
    spy = SpyUNet()
    model = live(spy, sd_sigmas, tiny_space)
    free = math.ceil(room * needed(model, len(X) * 64))
    monkeypatch.setattr(memory_module, "free_memory", lambda device: free)
    positive = random_conditioning(1, 7, 7, 7)
    guide(model, positive, NEGATIVE, 5.0, len(X), size=(8, 8))(X, SIGMA)
    assert spy.batches == batches


def test_the_estimate_of_a_calls_memory(
    tiny_model: LiveModel, sd_sigmas: Any, tiny_space: Any
) -> None:
    """Stable Diffusion at 512 pixels in float16: the peer reckons with 84 MiB and half of it."""
    model = replace(live(SpyUNet(), sd_sigmas, tiny_space), dtype=torch.float16)
    assert needed(model, 64 * 64) == pytest.approx(1.5 * 0.01 * 2 * 64 * 64 * 2**20, rel=0.02)
    assert needed(tiny_model, 64) == 64 * 16 * 33 * 4 * 1.5


def test_a_cpu_has_no_limit(tiny_model: LiveModel) -> None:
    assert free_memory(torch.device("cpu")) is None
    assert entries_a_call(tiny_model, 10**12) is None


def test_free_memory_of_a_card_counts_what_torch_holds_unused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 50)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 20)
    assert free_memory(torch.device("cuda", 0)) == 130


@torch.no_grad()
@pytest.mark.parametrize("lengths", [(7, 14, 40, 6), (77, 154, 231), (77, 77 * 5)])
def test_a_batch_of_entries_of_different_lengths(
    tiny_model: LiveModel, lengths: tuple[int, ...]
) -> None:
    positive = random_conditioning(5, *lengths)
    x0 = guide(tiny_model, positive, NEGATIVE, 1.0, len(X))(X, SIGMA)
    alone = [
        guide(tiny_model, Conditioning((entry,)), NEGATIVE, 1.0, len(X))(X, SIGMA)
        for entry in positive.entries
    ]
    torch.testing.assert_close(x0, torch.stack(alone).mean(0), atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_text_for_every_picture(tiny_model: LiveModel) -> None:
    """An entry of a batch: its texts go to the pictures in turn."""
    texts = random_conditioning(5, 7, 7).entries
    embeddings = [e.embeddings for e in texts if e.embeddings is not None]
    batch = Conditioning((replace(texts[0], embeddings=torch.cat(embeddings)),))
    x0 = guide(tiny_model, batch, NEGATIVE, 1.0, 2)(X, SIGMA)
    for i, entry in enumerate(texts):
        one = guide(tiny_model, Conditioning((entry,)), NEGATIVE, 1.0, 1)(X[i : i + 1], SIGMA)
        torch.testing.assert_close(x0[i : i + 1], one, atol=1e-4, rtol=0)
