"""Text to image with every Stable Diffusion, against the library's pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from comparing import (
    BATCH,
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

if TYPE_CHECKING:
    import torch
    from family_files import Family

# The library's Euler, on NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

OTHER, UGLY = "a small red star", "a grey cloud"
SHAPE = (BATCH, 4, HEIGHT // 8, WIDTH // 8)


@pytest.mark.parametrize("name", ["sd1", "sd2", "sd2_v", "sdxl"])
def test_latents_and_pictures_are_the_pipelines(both: Both, family: Family, name: str) -> None:
    if name == "sd2_v":
        # It shows in no tensor; a file says it in the yaml beside it.
        yaml = both.home / "models" / "checkpoints" / f"{name}.yaml"
        yaml.parent.mkdir(parents=True)
        yaml.write_text("model:\n  params:\n    parameterization: v\n")
    found = both.run(
        {**texts(), **empty(), **sampled()}, {"checkpoint": name}, ["sampler", "decode"]
    )
    pipeline = family[name].pipeline()
    assert pipeline.scheduler.config.prediction_type == (
        "v_prediction" if name == "sd2_v" else "epsilon"
    )
    latents, pictures = paint(pipeline, prompt=PROMPT, negative_prompt=NEGATIVE)
    assert found["sampler"].samples.shape == SHAPE
    assert deviation(ours(found["sampler"]), latents) < CLOSE
    assert deviation(found["decode"].pixels, pictures) < CLOSE


def test_both_texts_and_the_sizes_of_sdxl(both: Both, family: Family) -> None:
    said = {"width": 80, "height": 112, "crop_x": 8, "crop_y": 24}
    told = {**said, "target_width": 72, "target_height": 104}
    wires = {"clip": "checkpoint.clip"}
    document = {
        "positive": ("TextEncodeSDXL", {"text_l": PROMPT, "text_g": OTHER, **told}, wires),
        "negative": ("TextEncodeSDXL", {"text_l": NEGATIVE, "text_g": UGLY, **told}, wires),
        **empty(),
        **sampled(),
    }
    found = both.run(document, {"checkpoint": "sdxl"}, ["sampler"])
    sizes = {"original_size": (112, 80), "target_size": (104, 72)}
    latents, _ = paint(
        family["sdxl"].pipeline(),
        prompt=PROMPT,
        prompt_2=OTHER,
        negative_prompt=NEGATIVE,
        negative_prompt_2=UGLY,
        crops_coords_top_left=(24, 8),
        negative_crops_coords_top_left=(24, 8),
        **sizes,
        **{f"negative_{size}": value for size, value in sizes.items()},
    )
    assert deviation(ours(found["sampler"]), latents) < CLOSE


def paint(pipeline: Any, **options: Any) -> tuple[torch.Tensor, torch.Tensor]:
    scheduler = euler(pipeline)
    return by_the_library(
        pipeline,
        num_images_per_prompt=BATCH,
        guidance_scale=CFG,
        num_inference_steps=STEPS,
        latents=noise_for(scheduler, SHAPE),
        width=WIDTH,
        height=HEIGHT,
        **options,
    )


def test_the_refiner_takes_over_from_the_base(both: Both, family: Family) -> None:
    """Half of the steps each; the noise that the base leaves is the refiner's to remove."""
    shared = {"seed": SEED, "steps": STEPS, "cfg": CFG, "sampler": "euler", "schedule": "simple"}
    first = {"end_step": STEPS // 2, "leftover_noise": True}
    second = {"start_step": STEPS // 2, "add_noise": False}
    told = {"width": WIDTH, "height": HEIGHT}
    wires = {"clip": "refiner.clip"}
    document = {
        **texts(),
        **empty(),
        "like": ("TextEncodeRefiner", {"text": PROMPT, **told, "aesthetic_score": 6.5}, wires),
        "unlike": ("TextEncodeRefiner", {"text": NEGATIVE, **told, "aesthetic_score": 2}, wires),
        "base": (
            "KSamplerAdvanced",
            {**shared, **first},
            {
                "model": "checkpoint.model",
                "positive": "positive",
                "negative": "negative",
                "latent": "latent",
            },
        ),
        "sampler": (
            "KSamplerAdvanced",
            {**shared, **second},
            {
                "model": "refiner.model",
                "positive": "like",
                "negative": "unlike",
                "latent": "base",
            },
        ),
    }
    loaded = {"checkpoint": "sdxl", "refiner": "sdxl_refiner"}
    found = both.run(document, loaded, ["sampler"])["sampler"]

    base = family["sdxl"].pipeline()
    scheduler = euler(base)
    half = base(
        PROMPT,
        negative_prompt=NEGATIVE,
        num_images_per_prompt=BATCH,
        guidance_scale=CFG,
        num_inference_steps=STEPS,
        denoising_end=0.5,
        latents=noise_for(scheduler, SHAPE),
        width=WIDTH,
        height=HEIGHT,
        output_type="latent",
    ).images
    refiner = family["sdxl_refiner"].pipeline(
        "StableDiffusionXLImg2ImgPipeline",
        requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False,
    )
    euler(refiner)
    latents, _ = by_the_library(
        refiner,
        PROMPT,
        negative_prompt=NEGATIVE,
        num_images_per_prompt=BATCH,
        image=half,
        guidance_scale=CFG,
        num_inference_steps=STEPS,
        denoising_start=0.5,
        aesthetic_score=6.5,
        negative_aesthetic_score=2,
    )
    assert deviation(ours(found), latents) < CLOSE
