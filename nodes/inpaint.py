"""Nodes that repaint a part of a picture and put it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, NamedTuple

from pydantic import Field

from nodes.sampling import Cfg, Fraction, SamplerName, ScheduleName, Steps, reporter
from studio.context import Context
from studio.errors import InputError
from studio.inpaint import FILLS
from studio.node import node
from studio.params import OneOf, Seed
from studio.values import Conditioning, CropFrame, Image, Latent, Mask, Model, Vae

STARTS = ("original", *FILLS)
Grow = Annotated[float, Field(ge=-512, le=512)]
Feather = Annotated[float, Field(ge=0, le=512)] | None
Around = Annotated[float, Field(ge=0, le=8)]
ModelSide = Annotated[int, Field(ge=64, le=4096, multiple_of=8)] | None
Beyond = Annotated[int, Field(ge=0, le=8192)]
Offset = Annotated[int, Field(ge=-16384, le=16384)]


class Cropped(NamedTuple):
    """A part of a picture."""

    image: Image
    mask: Mask
    frame: CropFrame


class Padded(NamedTuple):
    """A larger picture."""

    image: Image
    mask: Mask


class NothingAdded(InputError):
    """Outpainting by nothing."""

    def __init__(self) -> None:
        super().__init__(
            "Nothing is added: left, top, right and bottom are all 0.",
            hint="Say by how many pixels the picture should grow.",
        )


class TooLarge(InputError):
    """A picture that grew beyond any use."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(
            f"The picture would be {width}x{height} pixels; the most is 16384 a side.",
            hint="Add less.",
        )


@node("Inpaint", category="Inpaint")
def inpaint(
    model: Model,
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    image: Image,
    mask: Mask,
    *,
    seed: Annotated[int, Seed()] = 0,
    steps: Steps = 20,
    cfg: Cfg = 7.0,
    sampler: SamplerName = "dpmpp_2m",
    schedule: ScheduleName = "karras",
    denoise: Fraction = 1.0,
    only_masked: bool = True,
    context_share: Around = 0.5,
    size: ModelSide = None,
    fill: Annotated[str, OneOf(STARTS)] = "original",
    grow: Grow = 0.0,
    feather: Feather = None,
    match_colours: bool = True,
    context: Context,
) -> Image:
    """Repaint what is masked, in one go: crop, sample, and blend so that no seam is seen.

    Takes any model; inpainting models (nine channels) are shown what is around the mask. Pixels
    farther from the mask than grow and feather together keep their bits.

    Args:
        model: the denoiser.
        positive: what should be there.
        negative: what should not.
        vae: the first stage of the checkpoint.
        image: the picture, of any size.
        mask: 1 = repaint; scaled to the picture.
        seed: of the noise.
        steps: how many steps to take.
        cfg: strength of the guidance.
        sampler: how the steps are taken.
        schedule: how the noise levels are spaced.
        denoise: how much is replaced: 1 paints anew, 0.5 changes what is there.
        only_masked: sample the mask with what is around it, scaled to the model's size; off
            samples the whole picture as it is.
        context_share: how much around the mask to show, as a share of its longer side.
        size: side of the square that the model works at, in pixels; none takes its own.
        fill: what to start from under the mask.
        grow: how much farther than the mask to repaint, in pixels.
        feather: over how many pixels beyond that the new fades into the old; none takes a tenth of
            the mask's diagonal, 4 to 64.
        match_colours: take out the small drift of colours that models bring with them.

    Returns:
        The picture, repainted.
    """
    from studio.diffusion.inpaint import crop, encoded, own_size, stitch
    from studio.diffusion.sampling import sample

    soft = replace(model, guidance=replace(model.guidance, differential=1.0))
    live = context.models.model(soft, context.warn)
    first_stage = context.models.vae(vae)
    check = context.check_cancelled
    check()
    job = crop(
        image,
        mask,
        grow=grow,
        soften=0,
        feather=feather,
        context=context_share if only_masked else None,
        size=size or own_size(live),
        step=first_stage.space.downscale,
    )
    prepared = encoded(first_stage, live, job, positive, negative, fill, check, context.warn)
    latent = sample(
        live,
        *prepared,
        seed=seed,
        steps=steps,
        cfg=cfg,
        sampler=sampler,
        schedule=schedule,
        denoise=denoise,
        progress=reporter(context, live),
    )
    patch = first_stage.decode(latent, check, warn=context.warn)
    return stitch(image, patch, job.frame, job.alpha, match=match_colours, check=check)


@node("CropToMask", category="Inpaint")
def crop_to_mask(
    image: Image,
    mask: Mask,
    *,
    context_share: Around = 0.5,
    size: ModelSide = 512,
    grow: Grow = 0.0,
    feather: Annotated[float, Field(ge=0, le=512)] = 0.0,
    step: Annotated[int, Field(ge=1, le=128)] = 8,
) -> Cropped:
    """Cut out what is masked with what is around it, at the size that the model works at.

    The frame is a square where the picture has room for one. At the picture's edge it is shifted:
    it never lies outside. Stitch puts back what was made of it.

    Args:
        image: the picture. All pictures of a batch share one frame.
        mask: 1 = repaint; scaled to the picture.
        context_share: how much around the mask to show, as a share of its longer side.
        size: side of the square that the model works at, in pixels; the frame is scaled to its
            area. None doesn't scale.
        grow: how much farther than the mask to repaint, in pixels of the picture.
        feather: over how many pixels beyond that the mask fades out, for a sampler that takes soft
            masks (DifferentialDiffusion).
        step: fill up both sides to multiples of this with the last pixels repeated.

    Returns:
        The part, its mask, and the frame for Stitch.
    """
    from studio.diffusion.inpaint import crop

    job = crop(
        image,
        mask,
        grow=grow,
        soften=feather,
        feather=None,
        context=context_share,
        size=size,
        step=step,
    )
    return Cropped(job.image, job.mask, job.frame)


@node("Stitch", category="Inpaint")
def stitch(
    image: Image,
    patch: Image,
    frame: CropFrame,
    mask: Mask,
    *,
    grow: Grow = 0.0,
    feather: Feather = None,
    match_colours: bool = True,
    context: Context,
) -> Image:
    """Put a repainted part back into the picture that CropToMask cut it from.

    Where the mask, grown and feathered here, is 0 the picture keeps its bits. The mask may be
    another than the one that was sampled.

    Args:
        image: the picture.
        patch: what was made of the part.
        frame: of CropToMask.
        mask: where the part counts; scaled to the picture.
        grow: how much farther than the mask it counts, in pixels.
        feather: over how many pixels beyond that it fades out; none takes a tenth of the mask's
            diagonal, 4 to 64.
        match_colours: take out the small drift of colours that models bring with them.

    Returns:
        The picture with the part in it.
    """
    from studio.diffusion import inpaint as work
    from studio.inpaint.frames import cuts_off

    _, masks = work.fitted(image, mask)
    alpha = work.blend_masks(masks, grow, feather)
    if cuts_off(frame, alpha.amax((0, 1)).numpy()):
        context.warn(
            "The mask reaches beyond the frame that CropToMask cut: its edge may be seen there. "
            "Use less grow and feather, or more context_share in CropToMask."
        )
    return work.stitch(
        image, patch, frame, alpha, match=match_colours, check=context.check_cancelled
    )


@node("CompositeImages", category="Inpaint")
def composite_images(
    image: Image,
    over: Image,
    mask: Mask | None = None,
    *,
    x: Offset = 0,
    y: Offset = 0,
    grow: Grow = 0.0,
    feather: Feather = 0.0,
    match_colours: bool = False,
    context: Context,
) -> Image:
    """Lay one picture over another, through a mask.

    Where the mask, grown and feathered here, is 0 the picture keeps its bits. What sticks out over
    the picture is cut off.

    Args:
        image: the picture below; the result has its size.
        over: the picture on top.
        mask: 1 = the one on top; scaled to the picture below. None shows all of it.
        x: where its left edge goes, in pixels.
        y: where its upper edge goes, in pixels.
        grow: how much farther than the mask it shows, in pixels.
        feather: over how many pixels beyond that it fades out; none takes a tenth of the mask's
            diagonal, 4 to 64.
        match_colours: for pictures of the same scene: take out the small drift of colours that
            models bring with them.

    Returns:
        Both pictures in one.
    """
    from studio.diffusion.inpaint import composite

    return composite(
        image,
        over,
        mask,
        at=(x, y),
        grow=grow,
        feather=feather,
        match=match_colours,
        check=context.check_cancelled,
    )


@node("VAEEncodeForInpaint", category="Latent/Inpaint")
def vae_encode_for_inpaint(
    image: Image,
    vae: Vae,
    mask: Mask,
    *,
    grow: Annotated[int, Field(ge=0, le=64)] = 6,
    context: Context,
) -> Latent:
    """Turn a picture into a latent with what is masked painted grey, to be sampled at denoise 1.

    Nothing of what is masked is left; for a denoise below 1 use VAEEncode and SetNoiseMask.

    Args:
        image: the picture. Sides that are no multiples of the first stage's step are filled up to
            the right and at the bottom; CompositeImages cuts that off again.
        vae: the first stage of the checkpoint that the sampler will use.
        mask: 1 = repaint; scaled to the picture, and rounded.
        grow: how many pixels wider the sampler's mask is, so that the edge is painted anew.

    Returns:
        The latent with its noise mask.
    """
    from studio.diffusion.inpaint import for_inpainting

    live = context.models.vae(vae)
    hidden, holes = for_inpainting(image, mask, grow, live.space.downscale)
    latent = live.encode(
        hidden, context.check_cancelled, progress=context.progress, warn=context.warn
    )
    return replace(latent, noise_mask=holes.pixels)


@node("PadForOutpaint", category="Inpaint")
def pad_for_outpaint(
    image: Image,
    mask: Mask | None = None,
    *,
    left: Beyond = 0,
    top: Beyond = 0,
    right: Beyond = 0,
    bottom: Beyond = 0,
    fill: Annotated[str, OneOf(FILLS)] = "blur",
    overlap: Annotated[int, Field(ge=0, le=512)] = 8,
    context: Context,
) -> Padded:
    """Make room around a picture, to be painted by an inpainting node.

    Args:
        image: the picture.
        mask: what else to repaint, of the picture; none for nothing.
        left: pixels to add at the left.
        top: pixels to add at the top.
        right: pixels to add at the right.
        bottom: pixels to add at the bottom.
        fill: what to put there for a start: none (black), middle grey, the nearest pixel, the
            picture's edge blurred ever more, Telea's method, or along lines of equal brightness.
        overlap: how far into the picture to repaint, in pixels, fading out.

    Returns:
        The larger picture, and a mask that is 1 where it is new.
    """
    from studio.diffusion.inpaint import outpaint

    if not (left or top or right or bottom):
        raise NothingAdded
    height, width = image.pixels.shape[-2:]
    if max(width + left + right, height + top + bottom) > 16384:
        raise TooLarge(width + left + right, height + top + bottom)
    return Padded(
        *outpaint(
            image, mask, (left, top, right, bottom), fill, overlap, context.check_cancelled
        )
    )


@node("DifferentialDiffusion", category="Model/Guidance")
def differential_diffusion(model: Model, *, strength: Fraction = 1.0) -> Model:
    """Take soft noise masks as thresholds: how grey a pixel is says from which step on it changes.

    Args:
        model: the denoiser.
        strength: 1 = so; 0 blends old and new by the mask at every step, as without this node.

    Returns:
        The model, which does so.
    """
    return replace(model, guidance=replace(model.guidance, differential=strength))
