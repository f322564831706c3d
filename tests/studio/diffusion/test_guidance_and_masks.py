"""The denoiser's arithmetic, guidance, batching and noise masks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_models import SpyUNet, live, random_conditioning

from studio.diffusion.denoiser import LiveModel, Steering
from studio.diffusion.guidance import (
    EmptyConditioning,
    MaskedDenoise,
    WrongConditioningWidth,
    fit_mask,
    guide,
)
from studio.diffusion.noise import initial_noise
from studio.values import Conditioning

if TYPE_CHECKING:
    from torch import Tensor

X = initial_noise((2, 4, 8, 8), 1) * 3
SIGMA = 2.5


class PerfectUNet:
    """Knows the clean latent, and predicts it in the asked-for way."""

    def __init__(self, clean: Tensor, noise: Tensor, prediction: str) -> None:
        self.clean, self.noise, self.prediction = clean, noise, prediction

    def __call__(self, sample: Tensor, timestep: Tensor, **_: Any) -> tuple[Tensor, ...]:
        a = 1 / (SIGMA**2 + 1)
        torch.testing.assert_close(
            sample, math.sqrt(a) * self.clean + math.sqrt(1 - a) * self.noise
        )
        match self.prediction:
            case "epsilon":
                return (self.noise,)
            case "v_prediction":
                return (math.sqrt(a) * self.noise - math.sqrt(1 - a) * self.clean,)
            case _:
                return (self.clean,)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_a_perfect_prediction_gives_the_clean_latent(
    prediction: Any, sd_sigmas: Any, tiny_space: Any
) -> None:
    clean, noise = initial_noise((2, 4, 8, 8), 2), initial_noise((2, 4, 8, 8), 3)
    model = live(PerfectUNet(clean, noise, prediction), sd_sigmas, tiny_space, prediction)
    x0 = model.denoise(clean + SIGMA * noise, SIGMA, Steering(torch.zeros(2, 7, 24)))
    torch.testing.assert_close(x0, clean, atol=1e-5, rtol=1e-5)


def test_the_network_gets_its_type_and_the_nearest_timestep(
    sd_sigmas: Any, tiny_space: Any
) -> None:
    seen: list[tuple[torch.dtype, torch.dtype, int]] = []

    def unet(sample: Tensor, timestep: Tensor, **kwargs: Any) -> tuple[Tensor, ...]:
        seen.append((sample.dtype, kwargs["encoder_hidden_states"].dtype, int(timestep)))
        return (sample,)

    model: Any = LiveModel(
        unet, sd_sigmas, tiny_space, "epsilon", torch.device("cpu"), torch.bfloat16
    )
    denoise = guide(model, random_conditioning(1, 7), random_conditioning(2, 7), 5.0, 2)
    x0 = denoise(X, float(sd_sigmas.sigmas[321]) * 1.001)
    assert seen == [(torch.bfloat16, torch.bfloat16, 321)]
    assert x0.dtype == torch.float32


def alone(model: LiveModel, conditioning: Conditioning, index: int = 0) -> Tensor:
    """x0 under one entry, in a call of its own."""
    embeddings = conditioning.entries[index].embeddings.expand(len(X), -1, -1)
    return model.denoise(X, SIGMA, Steering(embeddings))


@torch.no_grad()
@pytest.mark.parametrize("lengths", [(7, 7), (7, 14), (14, 7), (6, 8), (7, 40)])
def test_guidance_equals_separate_calls(tiny_model: LiveModel, lengths: tuple[int, int]) -> None:
    positive, negative = random_conditioning(1, lengths[0]), random_conditioning(2, lengths[1])
    cond, uncond = alone(tiny_model, positive), alone(tiny_model, negative)
    x0 = guide(tiny_model, positive, negative, 5.0, len(X))(X, SIGMA)
    torch.testing.assert_close(x0, uncond + 5.0 * (cond - uncond), atol=2e-4, rtol=0)
    assert float((cond - uncond).abs().max()) > 0.01, "the conditionings must matter here"


@torch.no_grad()
def test_entries_are_averaged_equally(tiny_model: LiveModel) -> None:
    positive, negative = random_conditioning(1, 7, 14, 40), random_conditioning(2, 7, 7)
    cond = torch.stack([alone(tiny_model, positive, i) for i in range(3)]).mean(0)
    uncond = torch.stack([alone(tiny_model, negative, i) for i in range(2)]).mean(0)
    x0 = guide(tiny_model, positive, negative, 3.0, len(X))(X, SIGMA)
    torch.testing.assert_close(x0, uncond + 3.0 * (cond - uncond), atol=2e-4, rtol=0)


@pytest.mark.parametrize(
    ("cfg", "positive", "negative", "batches", "tokens"),
    [
        (5.0, (7,), (7,), [4], [7]),
        (1.0, (7,), (7,), [2], [7]),
        (5.0, (7,), (14,), [4], [14]),
        (5.0, (6,), (8,), [4], [24]),
        (5.0, (7,), (40,), [2, 2], [7, 40]),  # 40 repeats of 7 cost more than a call
        (5.0, (7, 40), (7, 40), [4, 4], [7, 40]),
        (1.0, (7, 7, 7), (7,), [6], [7]),
    ],
)
def test_calls_of_the_network(
    sd_sigmas: Any,
    tiny_space: Any,
    cfg: float,
    positive: tuple[int, ...],
    negative: tuple[int, ...],
    batches: list[int],
    tokens: list[int],
) -> None:
    spy = SpyUNet()
    denoise = guide(
        live(spy, sd_sigmas, tiny_space),
        random_conditioning(1, *positive),
        random_conditioning(2, *negative),
        cfg,
        len(X),
    )
    denoise(X, SIGMA)
    denoise(X, SIGMA / 2)
    assert spy.batches == batches * 2
    assert [embeddings.shape[1] for embeddings in spy.embeddings] == tokens * 2
    first, again = spy.embeddings[0], spy.embeddings[len(batches)]
    assert first is again, "embeddings are built once"


def test_another_familys_conditioning_is_refused(tiny_model: LiveModel) -> None:
    fitting, foreign = random_conditioning(1, 7), random_conditioning(1, 7, width=768)
    with pytest.raises(WrongConditioningWidth, match=r"positive conditioning is 768 wide.* 24"):
        guide(tiny_model, foreign, fitting, 5.0, 1)
    with pytest.raises(WrongConditioningWidth, match="negative") as caught:
        guide(tiny_model, fitting, foreign, 5.0, 1)
    assert caught.value.exit_code == 2
    guide(tiny_model, fitting, foreign, 1.0, 1)  # at cfg 1 it isn't used


def test_an_empty_conditioning_is_refused(tiny_model: LiveModel) -> None:
    with pytest.raises(EmptyConditioning, match="negative"):
        guide(tiny_model, random_conditioning(1, 7), Conditioning(()), 5.0, 1)


def test_masked_denoise_shows_and_keeps_the_latent() -> None:
    latent, noise = initial_noise(X.shape, 4), initial_noise(X.shape, 5)
    mask = torch.zeros(2, 1, 8, 8)
    mask[..., :3], mask[..., 3:5] = 1, 0.25
    seen: list[Tensor] = []

    def inner(x: Tensor, sigma: float) -> Tensor:
        seen.append(x)
        return torch.full_like(x, 9.0)

    x0 = MaskedDenoise(inner, mask, latent, noise)(X, SIGMA)

    noisy = latent + SIGMA * noise
    torch.testing.assert_close(seen[0], X * mask + noisy * (1 - mask))
    torch.testing.assert_close(x0, 9 * mask + latent * (1 - mask))
    assert torch.equal(x0[..., 5:], latent[..., 5:])
    assert torch.equal(seen[0][..., :3], X[..., :3])


def test_masks_are_fitted_as_the_peer_does() -> None:
    """Bilinear without antialiasing, half-pixel centres, repeated in turn over the batch."""
    mask = torch.zeros(2, 1, 4, 4)
    mask[0, 0, :, 2:] = 1
    fitted = fit_mask(mask, 3, 8, 8)
    assert fitted.shape == (3, 1, 8, 8)
    ramp = torch.tensor([0, 0, 0, 0.25, 0.75, 1, 1, 1])
    torch.testing.assert_close(fitted[0, 0], ramp.expand(8, 8))
    assert not fitted[1].any()
    assert torch.equal(fitted[2], fitted[0])
    assert torch.equal(fit_mask(mask, 2, 4, 4), mask)
