"""First stages in a file of their own, in either layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.diffusion.checkpoints.files import header_of
from studio.diffusion.checkpoints.parts import BadCheckpoint, Part, space_of
from studio.diffusion.checkpoints.published import published
from studio.diffusion.checkpoints.recognise import what_else
from studio.diffusion.checkpoints.single import vae_part
from studio.diffusion.compvis import vae
from studio.diffusion.compvis.names import Names, UnknownArchitecture

if TYPE_CHECKING:
    from pathlib import Path

    from studio.diffusion.weights.header import Header
    from studio.values import LatentSpace

_PREFIXES = (vae.PREFIX, "vae.", "")


def read_vae_file(path: Path, name: str) -> tuple[Part, LatentSpace]:
    """A first stage that is a file of its own, in either layout.

    Raises:
        BadCheckpoint: it is none, or of a build that isn't known.
    """
    return vae_of(header_of(path, name), name)


def vae_of(header: Header, name: str) -> tuple[Part, LatentSpace]:
    """The first stage in a file of which this is the header.

    Raises:
        BadCheckpoint: as `read_vae_file`.
    """
    names = Names(header.tensors)
    prefix = next(p for p in _PREFIXES if not p or names.has(p))
    names = names.under(prefix)
    diffusers = names.has("encoder.down_blocks.")
    if not diffusers and not names.has("encoder.down."):
        raise BadCheckpoint(
            name,
            header.path,
            f"is no first stage: it {what_else(header.tensors)}",
            "Give another file as the VAE.",
        )
    try:
        part = vae_part(header.path, names, _base(names, diffusers=diffusers))
    except UnknownArchitecture as error:
        raise BadCheckpoint(
            name, header.path, f"is of a build that isn't known: {error}",
            "Known are the first stages of Stable Diffusion 1, 2 and XL and of the papers' models.",
        ) from None  # fmt: skip
    return part, space_of(part.config)


def _base(names: Names, *, diffusers: bool) -> dict[str, Any]:
    """A published config: no tensor tells SDXL's scale from Stable Diffusion 1's."""
    if vae.is_quantised(names):
        return published("ldm_uncond", "vqvae", "config.json")
    levels = names.count("encoder.down_blocks." if diffusers else "encoder.down.")
    folder = "sd2_upscale" if levels == 3 else "sd1"
    return published(folder, "vae", "config.json")
