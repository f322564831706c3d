"""The x4 upscaler of Stable Diffusion 2, against the library's pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from comparing import (
    CFG,
    CLOSE,
    NEGATIVE,
    PROMPT,
    SEED,
    STEPS,
    Both,
    by_the_library,
    ddim,
    deviation,
    noise_for,
    ours,
    over_levels,
    texts,
)
from pictures import save_picture

if TYPE_CHECKING:
    from pathlib import Path

    from family_files import Family

LEVEL = 40


def test_latents_and_pictures_are_the_pipelines(
    both: Both, family: Family, tmp_path: Path
) -> None:
    """Over the levels of its own DDIM. The library draws the noise on the small picture from a
    generator of our seed."""
    small = save_picture(tmp_path / "picture.png", 16, 24)
    pipeline = family["sd2_upscale"].pipeline()
    scheduler = ddim(pipeline)
    assert scheduler.config.prediction_type == "v_prediction"
    assert pipeline.vae.config.scaling_factor == 0.08333
    document = {
        **texts(),
        "picture": ("LoadImage", {"path": "picture.png"}),
        "shown": (
            "UpscaleConditioning",
            {"noise_level": LEVEL, "seed": SEED},
            {"positive": "positive", "negative": "negative", "image": "picture.image"},
        ),
        **over_levels(scheduler, prompts="shown", latent="shown.latent", cfg=CFG),
    }
    found = both.run(document, {"checkpoint": "sd2_upscale"}, ["sampler", "decode"])

    def enlarge(noise_level: int) -> tuple[torch.Tensor, torch.Tensor]:
        return by_the_library(
            pipeline,
            PROMPT,
            negative_prompt=NEGATIVE,
            image=small,
            noise_level=noise_level,
            num_inference_steps=STEPS,
            guidance_scale=CFG,
            generator=torch.Generator().manual_seed(SEED),
            latents=noise_for(scheduler, (1, 4, 24, 16)),
        )

    latents, pictures = enlarge(LEVEL)
    # The level counts.
    assert deviation(enlarge(20)[0], latents) > 100 * CLOSE
    assert deviation(ours(found["sampler"], scheduler), latents) < CLOSE
    assert found["decode"].pixels.shape == (1, 3, 96, 64)
    # It decodes the last latent with its last noise; so do we.
    assert deviation(found["decode"].pixels, pictures) < CLOSE
