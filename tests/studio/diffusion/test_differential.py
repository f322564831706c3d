"""Soft noise masks as thresholds on the steps."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from studio.diffusion.guidance import MaskedDenoise, Thresholds
from studio.diffusion.sampling import _thresholds
from studio.values import GuidanceOptions

STRENGTHS = torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0]).view(1, 1, 1, 5)


def linear(sigma: float) -> float:
    return sigma * 100


def free(sigma: float, strength: float = 1.0) -> list[float]:
    made = Thresholds(1000.0, 0.0, strength, linear)(STRENGTHS, sigma)
    return [float(value) for value in made.flatten()]


def test_a_pixel_is_let_go_when_its_share_of_the_steps_is_left() -> None:
    assert free(10.0) == [0, 0, 0, 0, 1]
    assert free(7.0) == [0, 0, 0, 1, 1]
    assert free(5.0) == [0, 0, 1, 1, 1]
    assert free(1.0) == [0, 1, 1, 1, 1]


def test_what_is_not_masked_is_kept_to_the_end() -> None:
    assert free(0.0) == [0, 1, 1, 1, 1]


def test_a_part_of_the_strength_mixes_the_soft_mask_in() -> None:
    assert free(5.0, 0.5) == pytest.approx([0, 0.1, 0.75, 0.9, 1])


class Nothing:
    """A denoiser that sees a plain picture everywhere, and remembers what it was shown."""

    def __call__(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        self.seen = x
        return torch.full_like(x, 7.0)

    def both(self, x: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
        return self(x, sigma), torch.zeros_like(x)


def test_the_kept_shows_the_original_under_noise() -> None:
    latent, noise = torch.ones(1, 1, 1, 5), torch.full((1, 1, 1, 5), 2.0)
    inner = Nothing()
    denoise = MaskedDenoise(inner, STRENGTHS, latent, noise, Thresholds(1000.0, 0.0, 1.0, linear))
    x = torch.full((1, 1, 1, 5), -3.0)
    x0 = denoise(x, 7.0)
    assert x0.flatten().tolist() == [1, 1, 1, 7, 7]
    assert inner.seen.flatten().tolist() == [15, 15, 15, -3, -3]
    assert torch.equal(denoise.both(x, 7.0)[0], x0)


def test_masks_that_are_not_soft_are_the_same_either_way() -> None:
    hard = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    for sigma in (10.0, 3.3, 0.01):
        assert torch.equal(Thresholds(1000.0, 0.0, 1.0, linear)(hard, sigma), hard)


def test_a_model_says_whether(tiny_model, sd_sigmas) -> None:  # type: ignore[no-untyped-def]
    levels = torch.tensor([sd_sigmas.sigma_max, 1.0, 0.0])
    assert _thresholds(tiny_model, levels) is None
    soft = replace(tiny_model, guidance=GuidanceOptions(differential=0.5))
    made = _thresholds(soft, levels)
    assert made is not None
    assert (made.first, made.last, made.strength) == (999, 0, 0.5)
    assert math.isclose(made.timestep(sd_sigmas.sigma_min), 0)
