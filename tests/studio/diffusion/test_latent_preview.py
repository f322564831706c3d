"""Previews: a linear map from a latent to colours."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from studio.diffusion.checkpoints.parts import space_of
from studio.diffusion.noise import initial_noise
from studio.diffusion.preview import explained, fit_rgb, latent_to_rgb

if TYPE_CHECKING:
    from studio.values import LatentSpace

FACTORS = ((0.1, 0.0, 0.2), (0.0, -0.1, 0.0), (0.05, 0.0, 0.0), (0.0, 0.0, 0.1), (0.5, 0.4, 0.3))
CONFIGS = Path(__file__).parents[3] / "resources/configs"
POCKET = Path(__file__).parents[3] / "resources/pocket/latent_preview.json"


def test_a_latent_becomes_a_small_picture(tiny_space: LatentSpace) -> None:
    latent = torch.zeros(2, 4, 3, 5)
    latent[0, 0, 1, 2] = 1.0
    latent[1, 1, 0, 4] = 100.0
    picture = latent_to_rgb(latent.to(torch.float16), dataclasses.replace(tiny_space, rgb=FACTORS))
    assert picture is not None
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 3, 5, 3)
    assert picture[0, 0, 0].tolist() == [128, 102, 76]  # 0.5, 0.4, 0.3; halves to even
    assert picture[0, 1, 2].tolist() == [153, 102, 128]
    assert picture[1, 0, 4].tolist() == [128, 0, 76], "clamped, not wrapped"


def test_no_factors_no_picture(tiny_space: LatentSpace) -> None:
    assert latent_to_rgb(torch.zeros(1, 4, 3, 5), tiny_space) is None


@pytest.mark.parametrize("folder", ["sd1", "sd2", "sd2_v", "sdxl", "sdxl_refiner", "sd2_upscale"])
def test_public_models_have_previews(folder: str) -> None:
    config = json.loads((CONFIGS / folder / "vae" / "config.json").read_text(encoding="utf-8"))
    space = space_of(config)
    picture = latent_to_rgb(torch.zeros(1, 4, 2, 2), space)
    assert picture is not None
    if folder.startswith("sdxl"):
        # In -1..1 an even grey of (0.1084, -0.0175, -0.0011).
        assert picture[0, 0, 0].tolist() == [141, 125, 127]
        shifted = latent_to_rgb(torch.tensor([1.0, 0, 0, 0]).view(1, 4, 1, 1), space)
        assert shifted is not None
        assert shifted[0, 0, 0].tolist() == [188, 179, 183]
    else:
        assert picture[0, 0, 0].tolist() == [128, 128, 128]


def test_fitting_finds_the_factors_it_was_made_with() -> None:
    latents = initial_noise((3, 4, 6, 6), 1)
    weights = torch.tensor(FACTORS)
    small = (latents.movedim(1, -1) @ weights[:-1] + weights[-1]).movedim(-1, 1)
    pixels = small.repeat_interleave(8, 2).repeat_interleave(8, 3)
    fitted = fit_rgb(latents, pixels)
    np.testing.assert_allclose(fitted, FACTORS, atol=1e-6)
    assert explained(fitted, latents, pixels) == pytest.approx(1.0)
    assert explained((*FACTORS[:-1], (0.0, 0.0, 0.0)), latents, pixels) < 0


def test_the_pockets_factors() -> None:
    stored = json.loads(POCKET.read_text(encoding="utf-8"))
    assert np.array(stored["rgb"]).shape == (5, 3)
    assert 0.5 < stored["r2"] <= 1
    assert "least squares" in stored["note"]
