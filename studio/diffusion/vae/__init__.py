"""First stages: pictures to latents and back (Rombach et al., arXiv 2112.10752).

Also of pictures too large to go through at once: see `tiled` for how their tiles fit together.
"""

from studio.diffusion.vae.errors import (
    BadTiling,
    NotEnoughMemory,
    NotFinite,
    TooSmall,
    WrongSpace,
)
from studio.diffusion.vae.live import LiveVae, crop_to_multiple
from studio.diffusion.vae.load import load_vae

__all__ = [
    "BadTiling",
    "LiveVae",
    "NotEnoughMemory",
    "NotFinite",
    "TooSmall",
    "WrongSpace",
    "crop_to_multiple",
    "load_vae",
]
