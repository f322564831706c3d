"""Nodes that go between pictures and latents."""

from __future__ import annotations

from studio.context import Context
from studio.node import node
from studio.values import Image, Latent, Vae


@node("VAEDecode", category="Latent")
def vae_decode(latent: Latent, vae: Vae, *, context: Context) -> Image:
    """Turn a latent into a picture.

    Args:
        latent: what a sampler gives.
        vae: the first stage of the checkpoint that the sampler used.

    Returns:
        The picture, eight pixels a latent cell along each side for Stable Diffusion.
    """
    return context.models.vae(vae).decode(latent, context.check_cancelled)


@node("VAEEncode", category="Latent")
def vae_encode(image: Image, vae: Vae, *, context: Context) -> Latent:
    """Turn a picture into a latent, to start a sampler from it.

    A picture whose sides are no multiples of the first stage's step (8 pixels for Stable
    Diffusion) is cropped around its middle, with a word about it.

    Args:
        image: the picture.
        vae: the first stage of the checkpoint that the sampler will use.

    Returns:
        The mode of the posterior.
    """
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
    return live.encode(fitting, context.check_cancelled)
