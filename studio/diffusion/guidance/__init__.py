"""Builds the `denoise(x, sigma) -> x0` that samplers call.

`regions` says where and when an entry of a conditioning counts, `steering` turns entries into what
a UNet is told, `combine` is classifier-free guidance and its variants, `guided` puts them
together, `masked` keeps a part of the latent.
"""

from studio.diffusion.guidance.errors import (
    AreaOutside,
    EmptyConditioning,
    MissingConcat,
    MissingLevel,
    MissingPooled,
    MissingText,
    UnwantedPicture,
    UnwantedText,
    WrongConcat,
    WrongConditioningWidth,
    WrongPooledWidth,
    WrongSides,
)
from studio.diffusion.guidance.guided import GuidedDenoise, guide
from studio.diffusion.guidance.masked import Guided, MaskedDenoise, Thresholds, fit_mask
from studio.diffusion.guidance.steering import concat_of_latent

__all__ = [
    "AreaOutside",
    "EmptyConditioning",
    "Guided",
    "GuidedDenoise",
    "MaskedDenoise",
    "MissingConcat",
    "MissingLevel",
    "MissingPooled",
    "MissingText",
    "Thresholds",
    "UnwantedPicture",
    "UnwantedText",
    "WrongConcat",
    "WrongConditioningWidth",
    "WrongPooledWidth",
    "WrongSides",
    "concat_of_latent",
    "fit_mask",
    "guide",
]
