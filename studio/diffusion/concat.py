"""Pictures that a denoiser sees beside the latent: for inpainting, upscaling, super-resolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from studio.diffusion.guidance.masked import fit_mask, repeated
from studio.diffusion.noise import initial_noise
from studio.errors import InputError
from studio.resize import resize
from studio.values import Concat, Image, Mask

if TYPE_CHECKING:
    from torch import Tensor

    from studio.values import Latent

SR_MULTIPLE = 32
"""Sides of a low-resolution picture, as the library's LDMSuperResolutionPipeline has them."""
_UPSCALE_BETAS = (0.0001, 0.02, 1000)


class PictureTooSmall(InputError):
    """A picture that super-resolution has nothing to go by."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(
            f"The picture is {width}x{height} pixels; super-resolution needs at least "
            f"{SR_MULTIPLE} a side.",
            hint="Scale it up with ScaleImage first.",
        )


def fit_pictures(image: Image, mask: Mask, step: int) -> tuple[Image, Mask]:
    """Pictures and masks of one size that the first stage can encode, and as many of each.

    Args:
        image: B pictures.
        mask: b masks, of any size: scaled to the pictures bilinearly.
        step: the sides of what comes out are multiples of it; the pixels at the right and at the
            bottom are repeated as far as that takes.
    """
    count = max(len(image.pixels), len(mask.pixels))
    pixels = repeated(image.pixels, count)
    masks = fit_mask(mask.pixels, count, *pixels.shape[-2:])
    together = pad_to_multiple(torch.cat([pixels, masks], dim=1), step)
    return Image(together[:, :3]), Mask(together[:, 3:])


def pad_to_multiple(pixels: Tensor, step: int) -> Tensor:
    """[B, C, H, W] with its last rows and columns repeated up to multiples of `step`."""
    height, width = pixels.shape[-2:]
    beyond = (0, -width % step, 0, -height % step)
    return pad(pixels, beyond, mode="replicate") if any(beyond) else pixels


def without_masked(image: Image, mask: Mask) -> Image:
    """The pictures with middle grey where the mask, rounded, is 1: they agree in size."""
    grey = torch.full_like(image.pixels, 0.5)
    return Image(torch.where(mask.pixels.round() > 0, grey, image.pixels))


def inpaint_concat(mask: Mask, masked: Latent) -> Concat:
    """What an inpainting model sees: the mask, then the latent of the picture without the masked.

    As the main peer has it: the mask is scaled to the latent bilinearly and rounded. (The library
    takes the nearest pixel; they agree for masks along the latent's cells.)

    Args:
        mask: [B, 1, H, W], 1 = repaint.
        masked: [B, C, h, w], unscaled, of `without_masked`.

    Returns:
        [B, 1 + C, h, w], the latent in it unscaled still.
    """
    samples = masked.samples
    assert samples is not None
    holes = fit_mask(mask.pixels, len(samples), *samples.shape[-2:]).round()
    return Concat(torch.cat([holes, samples], dim=1), latent=samples.shape[1])


def upscale_concat(image: Image, noise_level: int, seed: int) -> Concat:
    """What the x4 upscaler sees: the small picture in -1..1, under noise.

    Noise hides what a picture that was scaled down doesn't have (Ho et al. 2021, arXiv 2106.15282,
    section 4); the level is the timestep of a schedule of its own.

    Args:
        image: [B, 3, H, W].
        noise_level: 0 to 999.
        seed: of the noise.
    """
    first, last, count = _UPSCALE_BETAS
    betas = torch.linspace(first**0.5, last**0.5, count, dtype=torch.float64) ** 2
    kept = float((1 - betas).cumprod(0)[noise_level])
    noise = initial_noise(tuple(image.pixels.shape), seed)
    noisy = (image.pixels * 2 - 1) * kept**0.5 + noise * (1 - kept) ** 0.5
    return Concat(noisy, noise_level)


def super_resolution_size(image: Image) -> tuple[int, int]:
    """(width, height) that a picture is scaled to: the multiples of 32 below its own.

    Raises:
        PictureTooSmall: a side is shorter than that.
    """
    height, width = image.pixels.shape[-2:]
    size = width // SR_MULTIPLE * SR_MULTIPLE, height // SR_MULTIPLE * SR_MULTIPLE
    if not all(size):
        raise PictureTooSmall(width, height)
    return size


def super_resolution_concat(image: Image) -> Concat:
    """What super-resolution LDMs see: the small picture in -1..1 (arXiv 2112.10752, section 4.4).

    Raises:
        PictureTooSmall: a side is shorter than 32 pixels.
    """
    pixels: Tensor = resize(image.pixels, *super_resolution_size(image), "lanczos")
    return Concat(pixels.clamp(0, 1) * 2 - 1)
