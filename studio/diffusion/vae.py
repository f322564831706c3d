"""First stages: pictures to latents and back (Rombach et al., arXiv 2112.10752)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from studio.errors import InputError
from studio.values import Image, Latent, LatentSpace

if TYPE_CHECKING:
    from collections.abc import Callable


class WrongSpace(InputError):
    """A latent meets a first stage or denoiser that it wasn't made for."""

    def __init__(self, given: LatentSpace, wanted: LatentSpace) -> None:
        super().__init__(
            f"the latent is of the space {given.name} ({given.channels} channels), and this VAE "
            f"decodes {wanted.name} ({wanted.channels} channels).",
            hint="Decode it with the VAE of the checkpoint that made it.",
        )


class TooSmall(InputError):
    """A picture has no room for one latent cell."""

    def __init__(self, width: int, height: int, step: int) -> None:
        super().__init__(
            f"the picture is {width} x {height} pixels; the VAE needs at least {step} x {step}."
        )


@dataclass(frozen=True)
class LiveVae:
    """An `AutoencoderKL` on its device.

    Args:
        module: the library's.
        space: of its latents.
        device: of the module.
        dtype: of the module.
    """

    module: Any
    space: LatentSpace
    device: torch.device
    dtype: torch.dtype

    def decode(self, latent: Latent, check_cancelled: Callable[[], None]) -> Image:
        """Pictures [B, 3, H, W] in 0..1. One at a time: the peak in memory is one picture's.

        Raises:
            WrongSpace: the latent is another first stage's.
        """
        if latent.space is not None and latent.space.name != self.space.name:
            raise WrongSpace(latent.space, self.space)
        samples = latent.filled(self.space)
        pictures = []
        with torch.no_grad():
            for sample in samples:
                check_cancelled()
                z = sample.unsqueeze(0).to(self.device, self.dtype)
                decoded = self.module.decode(z, return_dict=False)[0]
                pictures.append(decoded.float().cpu().mul_(0.5).add_(0.5).clamp_(0, 1))
        return Image(torch.cat(pictures))

    def encode(self, image: Image, check_cancelled: Callable[[], None]) -> Latent:
        """The mode of the posterior, unscaled. The picture's sides are multiples of `downscale`."""
        latents = []
        with torch.no_grad():
            for picture in image.pixels:
                check_cancelled()
                x = picture.unsqueeze(0).to(self.device, self.dtype) * 2 - 1
                latents.append(self.module.encode(x).latent_dist.mode().float().cpu())
        height, width = image.pixels.shape[-2:]
        samples = torch.cat(latents)
        return Latent(samples, self.space, width, height, samples.shape[0])


def crop_to_multiple(image: Image, step: int) -> Image:
    """The middle of a picture, its sides the largest multiples of `step` that fit.

    Raises:
        TooSmall: a side is shorter than `step`.
    """
    height, width = image.pixels.shape[-2:]
    new_height, new_width = height // step * step, width // step * step
    if not new_height or not new_width:
        raise TooSmall(width, height, step)
    if (new_height, new_width) == (height, width):
        return image
    top, left = (height - new_height) // 2, (width - new_width) // 2
    return Image(image.pixels[..., top : top + new_height, left : left + new_width])
