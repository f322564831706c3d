"""Nodes for models that are shown a picture beside the latent."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from studio.context import Context
from studio.node import node
from studio.params import Seed
from studio.values import Concat, Conditioning, ConditioningEntry, Image, Latent, Mask, Vae


class Shown(NamedTuple):
    """What a sampler takes, the conditionings with a picture."""

    positive: Conditioning
    negative: Conditioning
    latent: Latent


def _padded(params: dict[str, Any], inputs: dict[str, Any]) -> None:
    """From version 1, which cropped pictures to the first stage's step."""


@node(
    "InpaintModelConditioning",
    category="Conditioning/Picture",
    version=2,
    migrations={1: _padded},
)
def inpaint_model_conditioning(
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    image: Image,
    mask: Mask,
    *,
    noise_mask: bool = True,
    context: Context,
) -> Shown:
    """Show an inpainting model (nine channels) what to repaint, and what is around it.

    Other models take no notice of it; for them the latent's noise mask does the work.

    Args:
        positive: what the picture should show.
        negative: what it should not show.
        vae: the first stage of the checkpoint.
        image: the picture. Sides that are no multiples of the first stage's step are filled up to
            the right and at the bottom; CompositeImages cuts that off again.
        mask: 1 = repaint; scaled to the picture.
        noise_mask: keep what isn't masked exactly as it is; off lets the model change it.

    Returns:
        Both conditionings with mask and picture, and the picture's latent, for the sampler.
    """
    from studio.diffusion.concat import fit_pictures, inpaint_concat, without_masked

    live = context.models.vae(vae)
    pictures, masks = fit_pictures(image, mask, live.space.downscale)
    masked, latent = (
        live.encode(shown, context.check_cancelled, warn=context.warn)
        for shown in (without_masked(pictures, masks), pictures)
    )
    if noise_mask:
        latent = replace(latent, noise_mask=masks.pixels)
    concat = inpaint_concat(masks, masked)
    return Shown(_showing(positive, concat), _showing(negative, concat), latent)


@node("UpscaleConditioning", category="Conditioning/Picture")
def upscale_conditioning(
    positive: Conditioning,
    negative: Conditioning,
    image: Image,
    *,
    noise_level: Annotated[int, Field(ge=0, le=350)] = 20,
    seed: Annotated[int, Seed()] = 0,
) -> Shown:
    """Show the Stable Diffusion x4 upscaler the picture that it is to make larger.

    Args:
        positive: what the picture shows.
        negative: what it should not show.
        image: the small picture.
        noise_level: how much noise it is put under: more lets the model invent more.
        seed: of that noise.

    Returns:
        Both conditionings with the picture, and an empty latent four times its size.
    """
    from studio.diffusion.concat import upscale_concat

    concat = upscale_concat(image, noise_level, seed)
    return Shown(
        _showing(positive, concat), _showing(negative, concat), _four_times(image.pixels.shape)
    )


@node("SuperResolutionConditioning", category="Conditioning/Picture")
def super_resolution_conditioning(image: Image, *, context: Context) -> Shown:
    """Show a super-resolution latent-diffusion model the picture that it is to make larger.

    Args:
        image: the small picture; scaled to multiples of 32 pixels where it isn't.

    Returns:
        Conditionings with the picture and no text (set the sampler's cfg to 1), and an empty
        latent four times the picture's size.
    """
    from studio.diffusion.concat import super_resolution_concat

    concat = super_resolution_concat(image)
    height, width = image.pixels.shape[-2:]
    new_height, new_width = concat.samples.shape[-2:]
    if (new_height, new_width) != (height, width):
        context.warn(
            f"scaled from {width} x {height} to {new_width} x {new_height}, multiples of 32"
        )
    shown = Conditioning((ConditioningEntry(None, concat=concat),))
    return Shown(shown, shown, _four_times(concat.samples.shape))


def _showing(conditioning: Conditioning, concat: Concat) -> Conditioning:
    return Conditioning(tuple(replace(entry, concat=concat) for entry in conditioning.entries))


def _four_times(shape: tuple[int, ...]) -> Latent:
    """An empty latent for pictures [B, 3, H, W] made four times as large."""
    batch, _, height, width = shape
    return Latent(None, None, width * 4, height * 4, batch)
