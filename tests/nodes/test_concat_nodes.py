"""Nodes that show a model a picture beside the latent, against the library's preparation."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from conditionings import NOTHING, TWO, Warnings, changed
from graph_bench import Bench, graph
from PIL import Image as Pil

from nodes import concat as concat_nodes
from studio.diffusion.concat import PictureTooSmall, fit_pictures, inpaint_concat, without_masked
from studio.diffusion.spaces import scale
from studio.values import Image, Latent, LatentSpace, Mask

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


# ------------------------------------------------------------------ inpainting models

CHECKPOINT = {"checkpoint": ("LoadCheckpoint", {"name": "tiny"})}
WORDS: dict[str, Any] = {
    **CHECKPOINT,
    "words": ("TextEncode", {"text": "a red circle"}, {"clip": "checkpoint.clip"}),
    "empty": ("TextEncode", {}, {"clip": "checkpoint.clip"}),
}
SPACE = LatentSpace("tiny", channels=4, downscale=8, scaling_factor=0.3, shift=0.1)


def rng_picture(count: int, height: int, width: int) -> Image:
    return Image(torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(1)))


def blocks(height: int, width: int) -> Tensor:
    """A mask along latent cells."""
    cells = torch.rand(1, 1, height // 8, width // 8, generator=torch.Generator().manual_seed(2))
    return cells.round().repeat_interleave(8, 2).repeat_interleave(8, 3)


def test_an_inpainting_models_channels_equal_the_librarys() -> None:
    """Its own preparation of mask and masked picture; a stand-in encodes, alike for both."""
    from diffusers import StableDiffusionInpaintPipeline
    from diffusers.image_processor import VaeImageProcessor

    def encode(pixels: Tensor) -> Tensor:  # [-1, 1] to a latent, unscaled
        pooled = torch.nn.functional.avg_pool2d(pixels, 8)
        return torch.cat([pooled, pooled.mean(1, keepdim=True)], dim=1)

    pictures, mask = rng_picture(2, 48, 64), Mask(blocks(48, 64))
    space = replace(SPACE, shift=0.0)  # the library knows no shift
    pipeline = SimpleNamespace(
        vae_scale_factor=8,
        _encode_vae_image=lambda image, generator: encode(image) * space.scaling_factor,
    )
    seen = VaeImageProcessor(vae_scale_factor=8).preprocess(pictures.pixels)
    binary = VaeImageProcessor(
        do_normalize=False, do_binarize=True, do_convert_grayscale=True
    ).preprocess(mask.pixels)
    theirs = StableDiffusionInpaintPipeline.prepare_mask_latents(
        pipeline, binary, seen * (binary < 0.5), 2, 48, 64, torch.float32, "cpu", None, False
    )

    fitted, masks = fit_pictures(pictures, mask, 8)
    masked = encode(without_masked(fitted, masks).pixels * 2 - 1)
    concat = inpaint_concat(masks, Latent(masked, space, 64, 48, 2))
    assert concat.latent == 4
    ours = torch.cat([concat.samples[:, :1], scale(concat.samples[:, 1:], space)], dim=1)
    torch.testing.assert_close(ours, torch.cat(theirs, dim=1), atol=1e-6, rtol=0)


def test_masks_are_rounded_after_scaling_as_the_peer_does() -> None:
    mask = torch.rand(1, 1, 48, 64, generator=torch.Generator().manual_seed(3))
    samples = torch.zeros(1, 4, 6, 8)
    shown = inpaint_concat(Mask(mask), Latent(samples, SPACE, 64, 48)).samples
    scaled = torch.nn.functional.interpolate(mask, size=(6, 8), mode="bilinear")
    assert torch.equal(shown[:, :1], scaled.round())
    assert torch.equal(shown[:, 1:], samples), "a latent on a wire isn't scaled"


def test_pictures_and_masks_are_fitted_to_each_other() -> None:
    """Nothing is lost: the last pixels go on as far as the first stage's step wants them."""
    mask = Mask(torch.rand(3, 1, 30, 30))
    pictures, masks = fit_pictures(rng_picture(1, 53, 70), mask, 8)
    assert pictures.pixels.shape == (3, 3, 56, 72)
    assert masks.pixels.shape == (3, 1, 56, 72)
    given = rng_picture(1, 53, 70).pixels[0]
    assert torch.equal(pictures.pixels[2][:, :53, :70], given)
    assert torch.equal(pictures.pixels[2][:, 53:, :70], given[:, 52:].expand(-1, 3, -1))
    assert torch.equal(pictures.pixels[2][:, :53, 70:], given[..., 69:].expand(-1, -1, 2))
    whole = torch.nn.functional.interpolate(mask.pixels, size=(53, 70), mode="bilinear")
    assert torch.equal(masks.pixels[..., :53, :70], whole)


def save_picture(folder: Path, height: int, width: int) -> None:
    rng = np.random.default_rng(1)
    Pil.fromarray(rng.integers(0, 256, (height, width, 4), np.uint8)).save(folder / "picture.png")


def inpainting(**params: Any) -> dict[str, Any]:
    return {
        **WORDS,
        "picture": ("LoadImage", {"path": "picture.png"}),
        "subject": (
            "InpaintModelConditioning",
            params,
            {
                "positive": "words",
                "negative": "empty",
                "vae": "checkpoint.vae",
                "image": "picture.image",
                "mask": "picture.mask",
            },
        ),
    }


@pytest.mark.usefixtures("tiny")
def test_inpainting_in_a_graph(bench: Bench, tmp_path: Path) -> None:
    save_picture(tmp_path, 53, 70)
    values = bench.run(graph(**inpainting()), ["subject", "words", "picture"]).values
    made = values["subject"]
    latent, pixels = made["latent"], values["picture"]["mask"].pixels
    assert latent.samples.shape == (1, 4, 7, 9)
    assert (latent.width, latent.height, latent.batch) == (72, 56, 1)
    assert torch.equal(latent.noise_mask[..., :53, :70], pixels)
    assert not bench.warned
    for half in ("positive", "negative"):
        (only,) = made[half].entries
        assert only.concat.samples.shape == (1, 5, 7, 9)
        assert only.concat.noise_level is None
    assert changed(values["words"]["conditioning"], made["positive"])[0].keys() == {"concat"}


@pytest.mark.usefixtures("tiny")
def test_the_noise_mask_can_be_left_out(bench: Bench, tmp_path: Path) -> None:
    save_picture(tmp_path, 48, 64)
    latent = bench.value(graph(**inpainting(noise_mask=False)), "subject", "latent")
    assert latent.noise_mask is None
    assert not bench.warned


@pytest.mark.usefixtures("tiny")
def test_what_is_shown_is_the_picture_without_the_masked(bench: Bench, tmp_path: Path) -> None:
    """Encoded by the checkpoint's first stage; the model that is shown it knows the scale."""
    save_picture(tmp_path, 48, 64)
    document = graph(**inpainting())
    values = bench.run(document, ["subject", "picture"]).values
    picture, mask = values["picture"]["image"].pixels, values["picture"]["mask"].pixels
    holes = mask.round()
    grey = Image((picture - 0.5) * (1 - holes) + 0.5)
    vae = bench.session.models().vae(_recipe(bench, document))
    encoded = vae.encode(grey, lambda: None)
    shown = values["subject"]["positive"].entries[0].concat
    torch.testing.assert_close(shown.samples[:, 1:], encoded.samples, atol=1e-5, rtol=1e-5)
    assert shown.latent == encoded.samples.shape[1]
    assert set(shown.samples[:, 0].unique().tolist()) <= {0.0, 1.0}


def _recipe(bench: Bench, document: Any) -> Any:
    return bench.run(document, ["checkpoint"]).values["checkpoint"]["vae"]


# ------------------------------------------------------------------ scaling up


@pytest.mark.parametrize("level", [0, 20, 350])
def test_the_upscalers_noise_equals_the_librarys(level: int) -> None:
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.0001, beta_end=0.02)
    image = rng_picture(2, 12, 16)
    noise = torch.randn(2, 3, 12, 16, generator=torch.manual_seed(7))
    theirs = scheduler.add_noise(image.pixels * 2 - 1, noise, torch.tensor([level]))
    made = concat_nodes.upscale_conditioning(TWO, NOTHING, image, noise_level=level, seed=7)
    for half, before in ((made.positive, TWO), (made.negative, NOTHING)):
        assert [list(change) for change in changed(before, half)] == [["concat"]] * len(
            before.entries
        )
        concat = half.entries[0].concat
        assert concat is not None
        assert concat.noise_level == level
        torch.testing.assert_close(concat.samples, theirs, atol=1e-5, rtol=0)
    latent = made.latent
    assert (latent.samples, latent.width, latent.height, latent.batch) == (None, 64, 48, 2)


def test_super_resolution_equals_the_librarys_preparation() -> None:
    """Sides that are multiples of 32 are left alone."""
    from diffusers.pipelines.latent_diffusion import pipeline_latent_diffusion_superresolution as m

    levels = np.random.default_rng(1).integers(0, 256, (64, 96, 3), np.uint8)
    theirs = m.preprocess(Pil.fromarray(levels))
    image = Image(torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 255)
    context: Any = Warnings()
    made = concat_nodes.super_resolution_conditioning(image, context=context)
    for half in (made.positive, made.negative):
        (only,) = half.entries
        assert only.embeddings is None
        assert only.concat is not None
        torch.testing.assert_close(only.concat.samples, theirs, atol=1e-6, rtol=0)
    latent = made.latent
    assert (latent.samples, latent.width, latent.height, latent.batch) == (None, 384, 256, 1)
    assert not context.said


def test_other_sides_are_scaled_to_multiples_of_32() -> None:
    """As the library's pipeline does with a picture of 8 bits, up to its rounding."""
    from diffusers.pipelines.latent_diffusion import pipeline_latent_diffusion_superresolution as m

    rows, columns = np.mgrid[:70, :101]
    waves = [np.sin(rows / 9 + k) * np.cos(columns / 7) for k in range(3)]
    levels = (np.stack(waves, axis=-1) * 100 + 128).astype(np.uint8)
    theirs = m.preprocess(Pil.fromarray(levels))
    image = Image(torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 255)
    context: Any = Warnings()
    made = concat_nodes.super_resolution_conditioning(image, context=context)
    concat = made.positive.entries[0].concat
    assert concat is not None
    assert float((concat.samples - theirs).abs().max()) < 3 / 255
    assert context.said == ["scaled from 101 x 70 to 96 x 64, multiples of 32"]
    assert (made.latent.width, made.latent.height) == (384, 256)


def test_a_picture_with_nothing_to_go_by() -> None:
    context: Any = Warnings()
    with pytest.raises(PictureTooSmall, match="40x31 pixels"):
        concat_nodes.super_resolution_conditioning(rng_picture(1, 31, 40), context=context)
