"""Inpainting with models made for it (nine channels) and with others, against the library's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from comparing import (
    CFG,
    CLOSE,
    HEIGHT,
    NEGATIVE,
    PROMPT,
    SEED,
    STEPS,
    WIDTH,
    Both,
    by_the_library,
    deviation,
    empty,
    euler,
    noise_for,
    ours,
    sampled,
    texts,
)
from pictures import hole_mask, save_picture

if TYPE_CHECKING:
    from pathlib import Path

    from family_files import Family

# The library's Euler, on NumPy 2.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("modes"),
]

PICTURE = {"picture": ("LoadImage", {"path": "picture.png"})}
SHAPE = (1, 4, HEIGHT // 8, WIDTH // 8)


def pipeline_of(family: Family, name: str) -> Any:
    if name.startswith("sdxl"):
        return family[name].pipeline("StableDiffusionXLInpaintPipeline")
    return family[name].pipeline("StableDiffusionInpaintPipeline", requires_safety_checker=False)


def compare(found: dict[str, Any], pipeline: Any, pixels: torch.Tensor, strength: float) -> None:
    scheduler = euler(pipeline)
    latents, pictures = by_the_library(
        pipeline,
        PROMPT,
        negative_prompt=NEGATIVE,
        image=pixels,
        mask_image=hole_mask(WIDTH, HEIGHT),
        width=WIDTH,
        height=HEIGHT,
        strength=strength,
        num_inference_steps=round(STEPS / strength),
        guidance_scale=CFG,
        generator=torch.Generator().manual_seed(SEED),
        # From its whole strength on it begins with noise alone, and that can be given.
        latents=noise_for(scheduler, SHAPE) if strength == 1 else None,
    )
    assert deviation(ours(found["sampler"]), latents) < CLOSE
    assert deviation(found["decode"].pixels, pictures) < CLOSE


@pytest.mark.parametrize(
    ("name", "strength"),
    [("sd1_inpaint", 0.5), ("sd1_inpaint", 1.0), ("sd2_inpaint", 1.0), ("sdxl_inpaint", 0.5)],
)
def test_models_made_for_it(
    both: Both, family: Family, tmp_path: Path, name: str, strength: float
) -> None:
    pixels = save_picture(tmp_path / "picture.png", WIDTH, HEIGHT, hole=True)
    shown = (
        "InpaintModelConditioning",
        {"noise_mask": False},
        {
            "positive": "positive",
            "negative": "negative",
            "vae": "checkpoint.vae",
            "image": "picture.image",
            "mask": "picture.mask",
        },
    )
    latent = "latent" if strength == 1 else "shown.latent"
    document = {
        **texts(),
        **PICTURE,
        **(empty(batch=1) if strength == 1 else {}),
        "shown": shown,
        **sampled(latent, prompts="shown", denoise=strength),
    }
    found = both.run(document, {"checkpoint": name}, ["sampler", "decode"])
    compare(found, pipeline_of(family, name), pixels, strength)


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_other_models(both: Both, family: Family, tmp_path: Path, name: str) -> None:
    """A mask on the latent. (At its whole strength the library shows the model noise alone in the
    first step, where we show it the picture under noise in what is kept.)"""
    pixels = save_picture(tmp_path / "picture.png", WIDTH, HEIGHT, hole=True)
    encoder = {"image": "picture.image", "vae": "checkpoint.vae"}
    document = {
        **texts(),
        **PICTURE,
        "encode": ("VAEEncode", {}, encoder),
        "latent": ("SetNoiseMask", {}, {"latent": "encode", "mask": "picture.mask"}),
        **sampled(denoise=0.5),
    }
    found = both.run(document, {"checkpoint": name}, ["sampler", "decode"])
    compare(found, pipeline_of(family, name), pixels, 0.5)
