"""Which latents go with which models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from studio.values import LatentSpace


def fits(given: LatentSpace, wanted: LatentSpace) -> bool:
    """Whether a latent in the space `given` can be used where `wanted` is expected.

    A space whose scale isn't known (see `without_scale`) fits every space of its build: latents
    on wires aren't scaled, so nothing has to be converted.
    """
    shorter, longer = sorted((given.name, wanted.name), key=len)
    return shorter == longer or longer.startswith(f"{shorter}-")


def without_scale(space: LatentSpace) -> LatentSpace:
    """The space of a first stage whose files don't say how its latents are scaled.

    The first stages of Stable Diffusion 1 and of SDXL have the same tensors; a file with nothing
    else in it may be either.
    """
    return replace(space, name="-".join(space.name.split("-")[:3]))


def scale(samples: Tensor, space: LatentSpace) -> Tensor:
    """A latent as wires carry it, made what a denoiser of this space sees."""
    seen: Tensor = (samples - space.shift) * space.scaling_factor
    return seen


def unscale(samples: Tensor, space: LatentSpace) -> Tensor:
    """A latent as a denoiser of this space sees it, made what wires carry."""
    carried: Tensor = samples / space.scaling_factor + space.shift
    return carried
