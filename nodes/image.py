"""Nodes that read, make and change pictures."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from studio.context import Context
from studio.node import node
from studio.params import Colour, OneOf, PictureFile
from studio.values import Image, Mask

METHODS = ("nearest", "bilinear", "bicubic", "area", "lanczos")
Pixels = Annotated[int, Field(ge=1, le=16384)]


class Picture(NamedTuple):
    """A picture and what its transparency says."""

    image: Image
    mask: Mask


@node("LoadImage", category="Image")
def load_image(*, path: Annotated[str, PictureFile()], context: Context) -> Picture:
    """Read a picture from a file: PNG, JPEG, WebP, TIFF, BMP or GIF.

    Sixteen bits, transparency, palettes, CMYK and rotation by EXIF are understood.

    Args:
        path: of the file; a relative one is looked up beside the graph, then in the input folder.

    Returns:
        The picture, and a mask that is 1 where it is transparent (all 0 where it has no alpha).
    """
    import torch

    from studio.pictures import read_picture

    picture = read_picture(context.environment.input_path(path))
    pixels = torch.from_numpy(picture.rgb).permute(2, 0, 1).unsqueeze(0).contiguous()
    if picture.alpha is None:
        mask = torch.zeros(1, 1, picture.height, picture.width)
    else:
        mask = 1 - torch.from_numpy(picture.alpha)[None, None]
    return Picture(Image(pixels), Mask(mask))


@node("SolidImage", category="Image")
def solid_image(
    *,
    width: Pixels = 512,
    height: Pixels = 512,
    colour: Annotated[str, Colour()] = "#808080",
) -> Image:
    """A picture of one colour.

    Args:
        width: in pixels.
        height: in pixels.
        colour: as #rrggbb.

    Returns:
        The picture.
    """
    import torch

    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return Image(torch.tensor(channels).view(1, 3, 1, 1).expand(1, 3, height, width).contiguous())


@node("InvertImage", category="Image")
def invert_image(image: Image) -> Image:
    """Turn every colour into its opposite.

    Args:
        image: the picture.

    Returns:
        1 - the picture.
    """
    return Image(1 - image.pixels)


@node("ScaleImage", category="Image")
def scale_image(
    image: Image,
    *,
    factor: Annotated[float, Field(gt=0, le=16)] = 2.0,
    width: Pixels | None = None,
    height: Pixels | None = None,
    method: Annotated[str, OneOf(METHODS)] = "lanczos",
) -> Image:
    """Make a picture larger or smaller.

    Args:
        image: the picture.
        factor: how much along each side, where width and height are none.
        width: in pixels; none keeps the proportions, or goes by the factor.
        height: in pixels; none keeps the proportions, or goes by the factor.
        method: how values between pixels are found.

    Returns:
        The scaled picture.
    """
    from studio.resize import resize, target_size

    old_height, old_width = image.pixels.shape[-2:]
    new_width, new_height = target_size(old_width, old_height, width, height, factor)
    # Some methods overshoot at edges, and pixels are in 0..1.
    return Image(resize(image.pixels, new_width, new_height, method).clamp(0, 1))
