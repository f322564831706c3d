"""Nodes that paint, load, change and combine masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from studio.context import Context
from studio.errors import InputError
from studio.masks.marker import MaskStrokes, SketchStrokes
from studio.masks.names import CHANNELS, MAX_GROW, WAYS
from studio.masks.strokes import EMPTY
from studio.node import node
from studio.params import Colour, OneOf, PictureFile
from studio.values import Image, Mask

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Plane = NDArray[np.float32]

COLOURS = tuple(name for name in CHANNELS if name != "alpha")
Grow = Annotated[float, Field(ge=-MAX_GROW, le=MAX_GROW)]
Feather = Annotated[float, Field(ge=0, le=MAX_GROW)]
Share = Annotated[float, Field(ge=0, le=1)]
Steps = Annotated[float, Field(ge=0, le=255)]
Strokes = Annotated[dict[str, Any], MaskStrokes()]
Colours = Annotated[dict[str, Any], SketchStrokes()]


class Painted(NamedTuple):
    """A picture and what was painted on it."""

    image: Image
    mask: Mask


class MasksDiffer(InputError):
    """Two masks that don't fit each other."""

    def __init__(self, one: Tensor, other: Tensor) -> None:
        def words(mask: Tensor) -> str:
            many, _, height, width = mask.shape
            return f"{many} of {width} x {height} pixels"

        super().__init__(
            f"The masks can't be combined: {words(one)} and {words(other)}.",
            hint="Combine masks of one size; of two batches, one must be as long or of one mask.",
        )


@node("InpaintMask", category="Mask")
def inpaint_mask(
    image: Image,
    *,
    strokes: Strokes = EMPTY,
    sketch: Colours = EMPTY,
    grow: Grow = 0.0,
    feather: Feather = 0.0,
    invert: bool = False,
    context: Context,
) -> Painted:
    """Paint over what should change.

    The strokes are part of the graph and don't depend on the picture's size; docs/masks.md
    describes them. They are inverted first, then grown, then feathered. A sketch in colour may lie
    on the picture, for what is painted to start from.

    Args:
        image: the picture to paint on; buckets look at its colours (at a batch's first picture).
        strokes: what is painted.
        sketch: what is painted in colour, on the picture.
        grow: by how many pixels to make the mask larger; below 0 it shrinks.
        feather: over how many pixels its edge fades, to either side.
        invert: mask what isn't painted.

    Returns:
        The picture with the sketch on it, and a mask of its size.
    """
    import numpy as np
    import torch

    from studio.masks import shape
    from studio.masks import sketch as colours
    from studio.masks.imported import load
    from studio.masks.raster import rasterise
    from studio.masks.strokes import parse
    from studio.pictures import to_uint8

    found, drawn = parse(strokes), colours.parse_sketch(sketch)
    height, width = image.pixels.shape[-2:]
    picture = None
    if found.needs_picture or drawn.needs_picture:
        picture = to_uint8(image.pixels[0].permute(1, 2, 0).contiguous().numpy())
    rasters = load(found, context.environment.base)
    painted = rasterise(found, width, height, picture, rasters, context.check_cancelled)
    mask: Plane = painted.astype(np.float32)
    mask /= np.float32(255)
    if invert:
        mask = shape.invert(mask)
    mask = shape.grow(mask, grow, context.check_cancelled)
    mask = shape.feather(mask, feather)
    if len(drawn):
        layer = colours.draw(drawn, width, height, picture, context.check_cancelled)
        shares = np.moveaxis(layer, -1, 0) / np.float32(255)
        image = _sketched(image, torch.from_numpy(shares))
    return Painted(image, Mask(torch.from_numpy(mask)[None, None]))


def _sketched(image: Image, layer: Tensor) -> Image:
    """Pictures under a layer [4, H, W] in 0..1; where nothing is painted they keep their bits."""
    return Image(image.pixels * (1 - layer[3:]) + layer[:3])


@node("LoadMask", category="Mask")
def load_mask(
    *,
    path: Annotated[str, PictureFile()],
    channel: Annotated[str, OneOf(CHANNELS)] = "luminance",
    context: Context,
) -> Mask:
    """Read a mask from a picture file.

    Args:
        path: of the file; a relative one is looked up beside the graph, then in the input folder.
        channel: what of it is the mask: a colour, its luminance (Rec. 709), or alpha: that is 1
            where the picture is transparent, and all 0 where it has no alpha.

    Returns:
        The mask, at the file's size.
    """
    import torch

    from studio.masks.imported import channel_of

    found = channel_of(context.environment.input_path(path), channel)
    return Mask(torch.from_numpy(found)[None, None].contiguous())


@node("GrowMask", category="Mask")
def grow_mask(mask: Mask, *, pixels: Grow = 8.0, context: Context) -> Mask:
    """Make masks larger, or smaller.

    Args:
        mask: the masks.
        pixels: by how much, all around; below 0 they shrink. The picture's edge takes nothing away.

    Returns:
        The masks; soft edges stay as soft.
    """
    from studio.masks import shape

    return _each(mask, lambda plane: shape.grow(plane, pixels, context.check_cancelled), context)


@node("FeatherMask", category="Mask")
def feather_mask(mask: Mask, *, pixels: Feather = 8.0, context: Context) -> Mask:
    """Give masks a soft edge.

    Args:
        mask: the masks.
        pixels: over how much the edge fades, to either side (twice a Gaussian's deviation).

    Returns:
        The blurred masks.
    """
    from studio.masks import shape

    return _each(mask, lambda plane: shape.feather(plane, pixels), context)


@node("InvertMask", category="Mask")
def invert_mask(mask: Mask) -> Mask:
    """Mask what isn't masked.

    Args:
        mask: the masks.

    Returns:
        1 - the masks.
    """
    return Mask(1 - mask.pixels)


@node("ThresholdMask", category="Mask")
def threshold_mask(mask: Mask, *, at: Share = 0.5) -> Mask:
    """Make masks hard: all or nothing.

    Args:
        mask: the masks.
        at: what is this much or more becomes 1, the rest 0.

    Returns:
        Masks of 0 and 1.
    """
    import torch

    from studio.masks import shape

    return Mask(torch.from_numpy(shape.threshold(mask.pixels.numpy(), at)))


@node("FillHoles", category="Mask")
def fill_holes(mask: Mask, *, context: Context) -> Mask:
    """Fill what masks enclose.

    Args:
        mask: the masks. In soft ones a hole is filled as high as the lowest place of its rim.

    Returns:
        Masks without holes.
    """
    from studio.masks import shape

    return _each(mask, lambda plane: shape.fill_holes(plane, context.check_cancelled), context)


@node("CombineMasks", category="Mask")
def combine_masks(first: Mask, second: Mask, *, how: Annotated[str, OneOf(WAYS)] = "union") -> Mask:
    """Make one mask of two.

    Args:
        first: a mask, or a batch.
        second: another of the same size; as many, or one for all.
        how: union: what either masks. intersect: what both mask. subtract: the first without the
            second. exclude: what one masks and the other doesn't.

    Returns:
        The combined masks.
    """
    import torch

    from studio.masks import shape

    one, other = first.pixels, second.pixels
    counts = {len(one), len(other)} - {1}
    if one.shape[2:] != other.shape[2:] or len(counts) > 1:
        raise MasksDiffer(one, other)
    return Mask(torch.from_numpy(shape.combine(one.numpy(), other.numpy(), how)))


@node("MaskFromColour", category="Mask")
def mask_from_colour(
    image: Image,
    *,
    colour: Annotated[str, Colour()] = "#00ff00",
    tolerance: Steps = 32.0,
    soft: Steps = 0.0,
    context: Context,
) -> Mask:
    """Mask what has a colour.

    Args:
        image: the pictures.
        colour: as #rrggbb.
        tolerance: how far off the channel that differs most may be, in steps of 255.
        soft: over how many steps more the mask fades out.

    Returns:
        A mask for each picture.
    """
    from studio.masks import shape

    rgb = (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))
    pictures = image.pixels.permute(0, 2, 3, 1).contiguous().numpy()
    return _masks(lambda p: shape.from_colour(p, rgb, tolerance, soft), pictures, context)


@node("MaskToImage", category="Mask")
def mask_to_image(mask: Mask) -> Image:
    """Show masks as grey pictures.

    Args:
        mask: the masks.

    Returns:
        Pictures, white where the masks are 1.
    """
    return Image(mask.pixels.repeat(1, 3, 1, 1))


@node("ImageToMask", category="Mask")
def image_to_mask(
    image: Image, *, channel: Annotated[str, OneOf(COLOURS)] = "luminance"
) -> Mask:
    """Take pictures for masks.

    Args:
        image: the pictures.
        channel: what of them is the mask: a colour, or their luminance (Rec. 709).

    Returns:
        A mask for each picture.
    """
    from studio.masks import shape

    planes = {name: image.pixels[:, i : i + 1] for i, name in enumerate(("red", "green", "blue"))}
    if channel == "luminance":
        return Mask(shape.luminance(**planes).clamp(0, 1))
    return Mask(planes[channel].clone())


def _each(mask: Mask, change: Callable[[Plane], Plane], context: Context) -> Mask:
    return _masks(change, mask.pixels[:, 0].numpy(), context)


def _masks(make: Callable[[Plane], Plane], planes: Plane, context: Context) -> Mask:
    """A mask of each plane of a batch, with progress."""
    import numpy as np
    import torch

    made = []
    for index, plane in enumerate(planes):
        made.append(make(plane))
        context.progress(index + 1, len(planes))
    return Mask(torch.from_numpy(np.stack(made))[:, None].contiguous())
