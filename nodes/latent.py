"""Nodes that make, change, save and load latents."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from studio.context import Context
from studio.node import node
from studio.params import OneOf, OutputFile, OutputName
from studio.values import Latent, Mask

METHODS = ("nearest", "bilinear", "bicubic", "area")
Side = Annotated[int, Field(ge=16, le=16384, multiple_of=8)]


@node("EmptyLatent", category="Latent", light=True)
def empty_latent(
    *, width: Side = 512, height: Side = 512, batch: Annotated[int, Field(ge=1, le=256)] = 1
) -> Latent:
    """The start of a picture from nothing: a size, to be filled with noise by a sampler.

    Args:
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        batch: how many pictures to make at once.

    Returns:
        A latent that takes the channels and the scale of whichever model samples it.
    """
    return Latent(None, None, width, height, batch)


@node("ScaleLatent", category="Latent")
def scale_latent(
    latent: Latent,
    *,
    factor: Annotated[float, Field(gt=0, le=16)] = 2.0,
    width: Side | None = None,
    height: Side | None = None,
    method: Annotated[str, OneOf(METHODS)] = "bicubic",
) -> Latent:
    """Make a latent larger or smaller, as the middle step of a high-resolution fix.

    Args:
        latent: what to scale.
        factor: how much along each side, where width and height are none; the result is rounded
            to whole latent cells.
        width: of the picture, in pixels; none keeps the proportions, or goes by the factor.
        height: of the picture, in pixels; none keeps the proportions, or goes by the factor.
        method: how values between cells are found.

    Returns:
        The scaled latent; its noise mask is kept.
    """
    from studio.resize import resize, target_size

    step = latent.space.downscale if latent.space else 8
    new_width, new_height = target_size(latent.width, latent.height, width, height, factor, step)
    samples = latent.samples
    if samples is not None:
        samples = resize(samples, new_width // step, new_height // step, method)
    return replace(latent, samples=samples, width=new_width, height=new_height)


@node("SetNoiseMask", category="Latent/Inpaint")
def set_noise_mask(latent: Latent, mask: Mask) -> Latent:
    """Keep a sampler inside a mask: what the mask leaves out stays as it is.

    Args:
        latent: what to repaint.
        mask: 1 = repaint, 0 = keep; any size, scaled to the latent.

    Returns:
        The latent with its mask.
    """
    return replace(latent, noise_mask=mask.pixels)


@node("SaveLatent", category="Output", effects=True)
def save_latent(
    latent: Latent,
    *,
    name: Annotated[str, OutputName()] = "latents/{graph}_{counter}",
    context: Context,
) -> None:
    """Write a latent to a safetensors file under the output folder.

    Args:
        latent: what to write.
        name: pattern of its name, as in SaveImage.
    """
    from studio.latentfiles import encode_latent
    from studio.saving import Saver

    saver = Saver(context, name, latent.width, latent.height)
    context.write(lambda: [saver.write(encode_latent(latent, saver.provenance), ".safetensors")])


@node("LoadLatent", category="Latent")
def load_latent(*, name: Annotated[str, OutputFile(".safetensors")], context: Context) -> Latent:
    """Read a latent that SaveLatent wrote.

    Args:
        name: path of the file under the output folder, for example latents/first_00001.safetensors.

    Returns:
        The latent, its noise mask included.
    """
    from studio.latentfiles import read_latent

    return read_latent(context.environment.output_file(name, ".safetensors"))
