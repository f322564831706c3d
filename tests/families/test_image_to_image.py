"""Image to image with Stable Diffusion, against the library's pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    euler,
    ours,
    sampled,
    texts,
)
from pictures import save_picture

if TYPE_CHECKING:
    from pathlib import Path

    from family_files import Family

# The library's Euler, on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

PIPELINES = {
    "sd1": ("StableDiffusionImg2ImgPipeline", {"requires_safety_checker": False}),
    "sdxl": ("StableDiffusionXLImg2ImgPipeline", {}),
    # It is told how good a picture looks: 6 and, in the negative half, 2.5.
    "sdxl_refiner": (
        "StableDiffusionXLImg2ImgPipeline",
        {"requires_aesthetics_score": True, "force_zeros_for_empty_prompt": False},
    ),
}


@pytest.mark.usefixtures("modes")
@pytest.mark.parametrize("name", PIPELINES)
def test_latents_and_pictures_are_the_pipelines(
    both: Both, family: Family, tmp_path: Path, name: str
) -> None:
    """Half of twice the steps. The library draws its noise from a generator of our seed."""
    pixels = save_picture(tmp_path / "picture.png", WIDTH, HEIGHT)
    document = {
        **texts(),
        "picture": ("LoadImage", {"path": "picture.png"}),
        "latent": ("VAEEncode", {}, {"image": "picture.image", "vae": "checkpoint.vae"}),
        **sampled(denoise=0.5),
    }
    found = both.run(document, {"checkpoint": name}, ["sampler", "decode"])

    class_name, options = PIPELINES[name]
    pipeline = family[name].pipeline(class_name, **options)

    euler(pipeline)
    latents, pictures = by_the_library(
        pipeline,
        PROMPT,
        negative_prompt=NEGATIVE,
        image=pixels,
        strength=0.5,
        num_inference_steps=2 * STEPS,
        guidance_scale=CFG,
        generator=torch.Generator().manual_seed(SEED),
    )
    assert deviation(ours(found["sampler"]), latents) < CLOSE
    assert deviation(found["decode"].pixels, pictures) < CLOSE
