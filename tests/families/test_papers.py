"""The systems of the latent-diffusion paper (arXiv 2112.10752), against the library's pipelines.

Over the levels of the DDIM scheduler that each comes with. Most of the library's pipelines draw
their first noise themselves; `init_noise_sigma` then makes it start where we start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from comparing import (
    BATCH,
    CLOSE,
    HEIGHT,
    PROMPT,
    SEED,
    STEPS,
    WIDTH,
    Both,
    by_the_library,
    ddim,
    ddim_like,
    deviation,
    empty,
    noise_for,
    ours,
    over_levels,
    start_of,
)
from pictures import save_picture

if TYPE_CHECKING:
    from pathlib import Path

    from family_files import Family, Tiny

    from studio.values import Image, Latent

ETA = 0.3
LABEL = 7
SCALE = 3.0
"""Of the guidance by a class, as its authors had it."""


def decoded_by_the_library(tiny: Tiny, latent: Latent) -> torch.Tensor:
    """What the library's first stage makes of a latent of ours.

    A codebook's nearest entry may be another for a latent that is a hair's breadth away, so the
    picture is compared from one latent.
    """
    with torch.no_grad():
        pixels: torch.Tensor = tiny.modules["vqvae"].decode(latent.samples).sample
    return (pixels / 2 + 0.5).clamp(0, 1)


def check(found: dict[str, Any], tiny: Tiny, scheduler: Any, wanted: torch.Tensor) -> None:
    latent: Latent = found["sampler"]
    picture: Image = found["decode"]
    assert deviation(ours(latent, scheduler), wanted) < CLOSE
    assert deviation(picture.pixels, decoded_by_the_library(tiny, latent)) < CLOSE


def test_text_to_image(both: Both, family: Family) -> None:
    """As the paper's authors ran it: eta 0.3, scale 6. The library draws each step's noise from
    the global generator, seeded here as ours is."""
    tiny = family["ldm_text"]
    pipeline = tiny.pipeline()
    scheduler = ddim(pipeline)
    wires = {"clip": "checkpoint.clip"}
    document = {
        "positive": ("TextEncode", {"text": PROMPT}, wires),
        "negative": ("TextEncode", {"text": ""}, wires),
        **empty(),
        **over_levels(scheduler, prompts="", eta=ETA, cfg=6.0),
    }
    found = both.run(document, {"checkpoint": "ldm_text"}, ["sampler", "decode"])
    shape = tuple(found["sampler"].samples.shape)
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        wanted, _ = by_the_library(
            pipeline,
            [PROMPT] * BATCH,
            height=HEIGHT,
            width=WIDTH,
            num_inference_steps=STEPS,
            guidance_scale=6.0,
            eta=ETA,
            latents=noise_for(scheduler, shape),
        )
    check(found, tiny, scheduler, wanted)


def test_super_resolution(both: Both, family: Family, tmp_path: Path) -> None:
    tiny = family["ldm_sr"]
    small = save_picture(tmp_path / "picture.png", 32, 64)
    pipeline = tiny.pipeline()
    scheduler = ddim(pipeline)
    document = {
        "picture": ("LoadImage", {"path": "picture.png"}),
        "shown": ("SuperResolutionConditioning", {}, {"image": "picture.image"}),
        **over_levels(scheduler, prompts="shown", latent="shown.latent", cfg=1.0),
    }
    found = both.run(document, {"checkpoint": "ldm_sr"}, ["sampler", "decode"])
    scheduler.init_noise_sigma = start_of(scheduler)
    wanted, _ = by_the_library(
        pipeline,
        2 * small - 1,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(SEED),
    )
    assert found["decode"].pixels.shape == (1, 3, 256, 128)
    check(found, tiny, scheduler, wanted)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        # Faces: VQ-f4, heads of one width. Churches: KL-f8, one number of heads, blocks that
        # change the resolution, and a scale that was measured in training.
        ("ldm_celebahq", 32),
        ("ldm_churches", 128),
    ],
)
def test_unconditional(both: Both, family: Family, name: str, side: int) -> None:
    tiny = family[name]
    pipeline = tiny.pipeline()
    scheduler = ddim(pipeline)
    document = {
        "nothing": ("NoText",),
        **empty(side, side),
        **over_levels(scheduler, prompts="", cfg=1.0),
    }
    document["sampler"][2].update(positive="nothing", negative="nothing")
    found = both.run(document, {"checkpoint": name}, ["sampler", "decode"])
    scheduler.init_noise_sigma = start_of(scheduler)
    wanted, _ = by_the_library(
        pipeline,
        batch_size=BATCH,
        num_inference_steps=STEPS,
        generator=torch.Generator().manual_seed(SEED),
    )
    check(found, tiny, scheduler, wanted)


@pytest.mark.parametrize(
    ("name", "side", "against"),
    [
        ("ldm_class", 64, None),
        # Its denoiser halves the latent three times. A map of one cell would leave its group norms
        # nothing but rounding to enlarge.
        ("ldm_class_kl", 128, None),
        # This one was trained without a class for nothing: one class against another.
        ("ldm_class_vq8", 64, 3),
    ],
)
def test_class_conditional(
    both: Both, family: Family, name: str, side: int, against: int | None
) -> None:
    """The library has no pipeline for it: a loop over its denoiser and its DDIM."""
    tiny = family[name]
    scheduler = ddim_like(tiny.modules["scheduler"])
    wires = {"clip": "checkpoint.clip"}
    document = {
        "positive": ("EncodeClass", {"label": LABEL}, wires),
        "negative": ("EncodeClass", {"label": against}, wires),
        **empty(side, side),
        **over_levels(scheduler, prompts="", cfg=SCALE),
    }
    found = both.run(document, {"checkpoint": name}, ["sampler", "decode"])
    latent = found["sampler"]

    table = tiny.modules["class_embedder"]["embedding.weight"]
    rows = [LABEL, len(table) - 1 if against is None else against]
    context = table[rows].repeat_interleave(BATCH, dim=0)[:, None]
    x = noise_for(scheduler, tuple(latent.samples.shape))
    with torch.no_grad():
        for time in scheduler.timesteps:
            predicted = tiny.modules["unet"](torch.cat([x, x]), time, context).sample
            wished, null = predicted.chunk(2)
            x = scheduler.step(null + SCALE * (wished - null), time, x).prev_sample
    check(found, tiny, scheduler, x)
