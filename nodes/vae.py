"""Nodes that go between pictures and latents."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from studio.context import Context
from studio.node import node
from studio.params import ModelName, Seed
from studio.values import CheckpointRef, Image, Latent, Vae

TileSize = Annotated[int, Field(ge=64, le=4096)]
MaybeSeed = Annotated[int, Seed()] | None


@node("LoadVae", category="Loaders")
def load_vae(*, name: Annotated[str, ModelName("vae")], context: Context) -> Vae:
    """Name a first stage (VAE) that is a file or folder of its own.

    Nothing is read yet. A file doesn't say how its latents are scaled, and Stable Diffusion 1's and
    SDXL's look alike: wire it to samplers of the kind of model that it was made for.

    Args:
        name: a file in the vae folders, in the layout of CompVis or of diffusers, or a folder as
            diffusers writes it. Of a whole checkpoint's file the first stage is taken.

    Returns:
        The first stage, in place of a checkpoint's.
    """
    environment = context.environment
    reference = CheckpointRef(
        name=name,
        path=str(environment.model("vae", name).path),
        fingerprint=environment.model_fingerprint("vae", name),
    )
    return Vae(reference, alone=True)


@node("VAEDecode", category="Latent")
def vae_decode(latent: Latent, vae: Vae, *, context: Context) -> Image:
    """Turn a latent into a picture.

    Works in tiles where the whole picture would not fit into memory, and says so.

    Args:
        latent: what a sampler gives.
        vae: the first stage of the checkpoint that the sampler used.

    Returns:
        The picture, eight pixels a latent cell along each side for Stable Diffusion.
    """
    return _decode(latent, vae, None, context)


@node("VAEDecodeTiled", category="Latent")
def vae_decode_tiled(
    latent: Latent,
    vae: Vae,
    *,
    tile_size: TileSize = 512,
    context: Context,
) -> Image:
    """Turn a latent into a picture in tiles: less memory, more time, and no seams.

    VAEDecode does so of itself where memory is short.

    Args:
        latent: what a sampler gives.
        vae: the first stage of the checkpoint that the sampler used.
        tile_size: side of a tile in pixels.

    Returns:
        The picture, as VAEDecode gives it but for rounding.
    """
    return _decode(latent, vae, tile_size, context)


@node("VAEEncode", category="Latent")
def vae_encode(
    image: Image, vae: Vae, *, seed: MaybeSeed = None, context: Context
) -> Latent:
    """Turn a picture into a latent, to start a sampler from it.

    A picture whose sides are no multiples of the first stage's step (8 pixels for Stable
    Diffusion) is cropped around its middle, with a word about it. Works in tiles where the whole
    picture would not fit into memory, and says so.

    Args:
        image: the picture.
        vae: the first stage of the checkpoint that the sampler will use.
        seed: draw one of the latents that the picture may have come from, with this seed; none
            takes the most likely one. VQ models know but one.

    Returns:
        The mode of the posterior, or a draw from it.
    """
    return _encode(image, vae, seed, None, context)


@node("VAEEncodeTiled", category="Latent")
def vae_encode_tiled(
    image: Image,
    vae: Vae,
    *,
    tile_size: TileSize = 512,
    seed: MaybeSeed = None,
    context: Context,
) -> Latent:
    """Turn a picture into a latent in tiles: less memory, more time, and no seams.

    VAEEncode does so of itself where memory is short; it crops in the same way.

    Args:
        image: the picture.
        vae: the first stage of the checkpoint that the sampler will use.
        tile_size: side of a tile in pixels.
        seed: as VAEEncode has it.

    Returns:
        The mode of the posterior, or a draw from it.
    """
    return _encode(image, vae, seed, tile_size, context)


def _decode(latent: Latent, vae: Vae, tile: int | None, context: Context) -> Image:
    live = context.models.vae(vae)
    return live.decode(
        latent,
        context.check_cancelled,
        tile=tile,
        progress=context.progress,
        warn=context.warn,
    )


def _encode(
    image: Image, vae: Vae, seed: int | None, tile: int | None, context: Context
) -> Latent:
    from studio.diffusion.vae import crop_to_multiple

    live = context.models.vae(vae)
    fitting = crop_to_multiple(image, live.space.downscale)
    if fitting is not image:
        height, width = image.pixels.shape[-2:]
        new_height, new_width = fitting.pixels.shape[-2:]
        context.warn(
            f"cropped from {width} x {height} to {new_width} x {new_height}, the next multiples "
            f"of {live.space.downscale}"
        )
    return live.encode(
        fitting,
        context.check_cancelled,
        seed=seed,
        tile=tile,
        progress=context.progress,
        warn=context.warn,
    )
