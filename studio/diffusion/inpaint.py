"""Repainting a part of pictures with any model: what the nodes of inpainting share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, max_pool2d, pad

from studio.diffusion.concat import (
    fit_pictures,
    inpaint_concat,
    pad_to_multiple,
    without_masked,
)
from studio.diffusion.guidance.masked import fit_mask, repeated
from studio.errors import InputError
from studio.inpaint import compose, fills
from studio.inpaint.frames import crop_frame, new_area, own_side, whole_frame
from studio.resize import resize
from studio.values import Conditioning, Image, Latent, Mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.vae.live import LiveVae
    from studio.values import CropFrame

    Check = Callable[[], None]
    Warn = Callable[[str], None]

MAX_STEP = 128
"""Multiples of so many pixels at most are pictures filled up to."""


class NothingMasked(InputError):
    """A mask without a pixel to repaint."""

    def __init__(self) -> None:
        super().__init__(
            "The mask is empty: there is nothing to repaint.",
            hint="Paint over what should change, or draw a rectangle around it.",
        )


class WrongPicture(InputError):
    """A picture that a frame wasn't cut from."""

    def __init__(self, found: tuple[int, int], frame: CropFrame) -> None:
        super().__init__(
            f"The picture is {found[0]}x{found[1]} pixels, and the frame was cut from one of "
            f"{frame.picture_width}x{frame.picture_height}.",
            hint="Wire the same picture to CropToMask and to Stitch.",
        )


class WrongPatch(InputError):
    """A picture that isn't of the size of the frame that it should fill."""

    def __init__(self, found: tuple[int, int], frame: CropFrame) -> None:
        super().__init__(
            f"The repainted picture is {found[0]}x{found[1]} pixels, and the frame needs "
            f"{frame.scaled_width}x{frame.scaled_height}.",
            hint="Don't scale it between CropToMask and Stitch.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What to repaint and how it goes back.

    Args:
        frame: the part that is sampled.
        image: that part, scaled and filled up to the first stage's step.
        mask: what to repaint of it.
        alpha: float32 [b, 1, H, W], how much of the result goes into the picture.
    """

    frame: CropFrame
    image: Image
    mask: Mask
    alpha: Tensor


def fitted(image: Image, mask: Mask) -> tuple[Tensor, Tensor]:
    """Pictures [B, 3, H, W] and masks [B, 1, H, W], as many of each, masks scaled bilinearly."""
    count = max(len(image.pixels), len(mask.pixels))
    pixels = repeated(image.pixels, count)
    return pixels, fit_mask(mask.pixels, count, *pixels.shape[-2:])


def blend_masks(masks: Tensor, grow: float, feather: float | None) -> Tensor:
    """`compose.blend_mask` of each of [B, 1, H, W]; no feather takes the usual one."""
    if _alike(masks):
        return blend_masks(masks[:1].contiguous(), grow, feather).expand(masks.shape)
    made = []
    for mask in masks[:, 0].numpy():
        soft = compose.usual_feather(mask) if feather is None else feather
        made.append(torch.from_numpy(compose.blend_mask(mask, grow, soft)))
    return torch.stack(made)[:, None]


def crop(
    image: Image,
    mask: Mask,
    *,
    grow: float,
    soften: float,
    feather: float | None,
    context: float | None,
    size: int | None,
    step: int,
) -> Job:
    """Cut out what is masked, with what is around it.

    Args:
        image: B pictures; one frame serves all.
        mask: b masks of any size.
        grow: how much farther to repaint, in pixels.
        soften: pixels over which what is repainted fades out beyond that.
        feather: pixels over which the result fades out; None takes the usual number.
        context: as in `frames.frame_around`; None takes the whole picture as it is.
        size: side of the square that the model works at, see there.
        step: of the first stage.

    Raises:
        NothingMasked: every mask is empty.
    """
    pixels, masks = fitted(image, mask)
    different = masks[:1] if _alike(masks) else masks
    frame = crop_frame(
        different[:, 0].numpy(),
        grow=grow,
        soften=soften,
        feather=feather,
        context=context,
        size=size,
    )
    if frame is None:
        raise NothingMasked
    alpha = blend_masks(masks, grow, feather)
    sampled = blend_masks(masks, grow, soften)
    part, hole = (_scaled(_cut(each, frame), frame) for each in (pixels, sampled))
    return Job(
        frame,
        Image(pad_to_multiple(part, step)),
        Mask(pad_to_multiple(hole, step)),
        alpha,
    )


def stitch(
    image: Image, patch: Image, frame: CropFrame, alpha: Tensor, *, match: bool, check: Check
) -> Image:
    """Put a repainted part back; where `alpha` is 0 the picture keeps its bits.

    Args:
        image: what the frame was cut from.
        patch: what was made of the part; what it was filled up with, less than `MAX_STEP` pixels
            beyond the frame's scaled size, is cut off.
        frame: where it goes.
        alpha: [b, 1, H, W] in 0..1.
        match: see `compose.blend`.
        check: called between pictures; may raise.

    Raises:
        WrongPicture, WrongPatch: the sizes don't fit.
    """
    height, width = image.pixels.shape[-2:]
    if (width, height) != (frame.picture_width, frame.picture_height):
        raise WrongPicture((width, height), frame)
    high, wide = patch.pixels.shape[-2:]
    beyond = wide - frame.scaled_width, high - frame.scaled_height
    if min(beyond) < 0 or max(beyond) >= MAX_STEP:
        raise WrongPatch((wide, high), frame)
    shown = patch.pixels[..., : frame.scaled_height, : frame.scaled_width]
    shown = resize(shown.contiguous(), frame.width, frame.height, "lanczos").clamp(0, 1)
    count = max(len(image.pixels), len(shown), len(alpha))
    pixels, shown, masks = (repeated(each, count) for each in (image.pixels, shown, alpha))
    rows = slice(frame.y, frame.y + frame.height)
    columns = slice(frame.x, frame.x + frame.width)
    results = pixels.clone()
    for index in range(count):
        check()
        parts = (pixels[index][:, rows, columns], shown[index], masks[index][:, rows, columns])
        below, above, soft = (part.permute(1, 2, 0).numpy() for part in parts)
        made = compose.blend(below, above, soft[..., 0], match=match)
        results[index][:, rows, columns] = torch.from_numpy(made).permute(2, 0, 1)
    return Image(results)


def composite(
    image: Image,
    over: Image,
    mask: Mask | None,
    *,
    at: tuple[int, int],
    grow: float,
    feather: float | None,
    match: bool,
    check: Check,
) -> Image:
    """Lay pictures over others, as CompositeImages has it; what sticks out is cut off."""
    height, width = image.pixels.shape[-2:]
    shown, there = _placed(over.pixels, at, width, height)
    if match:
        # Beyond the upper picture there is nothing to compare colours with.
        count = max(len(image.pixels), len(shown))
        below, shown = repeated(image.pixels, count), repeated(shown, count)
        shown = torch.where(there > 0, shown, (below < 0.5).to(shown.dtype))
    if mask is None:
        alpha = there
    else:
        alpha = blend_masks(fit_mask(mask.pixels, len(mask.pixels), height, width), grow, feather)
        alpha = alpha * there
    return stitch(image, Image(shown), whole_frame(width, height), alpha, match=match, check=check)


def _placed(over: Tensor, at: tuple[int, int], width: int, height: int) -> tuple[Tensor, Tensor]:
    """Pictures on a canvas [b, 3, height, width], and where they are [1, 1, height, width]."""
    (x, y), (high, wide) = at, over.shape[-2:]
    shown = over.new_zeros(len(over), 3, height, width)
    there = over.new_zeros(1, 1, height, width)
    left, top = max(x, 0), max(y, 0)
    right, bottom = max(min(x + wide, width), left), max(min(y + high, height), top)
    shown[..., top:bottom, left:right] = over[..., top - y : bottom - y, left - x : right - x]
    there[..., top:bottom, left:right] = 1
    return shown, there


def outpaint(
    image: Image,
    mask: Mask | None,
    beyond: tuple[int, int, int, int],
    fill: str,
    overlap: int,
    check: Check,
) -> tuple[Image, Mask]:
    """A larger picture and the mask of what is new, as PadForOutpaint has it.

    Args:
        image: [B, 3, H, W].
        mask: of the picture, what else to repaint.
        beyond: pixels to the left, at the top, to the right, at the bottom.
        fill: one of `studio.inpaint.FILLS`.
        overlap: pixels into the picture over which the mask fades out.
        check: called now and then; may raise.
    """
    left, top, right, bottom = beyond
    around = (left, right, top, bottom)
    height, width = image.pixels.shape[-2:]
    new = pad(image.pixels.new_zeros(1, 1, height, width), around, value=1.0)
    larger = pad(image.pixels, around)
    pictures = filled(Image(larger), Mask(new.expand(len(larger), -1, -1, -1)), fill, check)
    soft = torch.from_numpy(new_area(width, height, beyond, overlap))[None, None]
    if mask is not None:
        inner = fit_mask(mask.pixels, len(mask.pixels), height, width)
        soft = torch.maximum(soft, pad(inner, around))
    return pictures, Mask(soft.contiguous())


def filled(image: Image, mask: Mask, how: str, check: Check) -> Image:
    """Pictures with what is masked replaced, see `fills.fill`; "original" keeps it.

    Args:
        image: [B, 3, H, W].
        mask: [B, 1, H, W]; what is masked at all is replaced.
        how: "original" or one of `studio.inpaint.FILLS`.
        check: called now and then; may raise.
    """
    if how == "original":
        return image
    made = []
    for pixels, hole in zip(image.pixels, mask.pixels, strict=True):
        check()
        picture = fills.fill(
            np.ascontiguousarray(pixels.permute(1, 2, 0).numpy()),
            hole[0].numpy() > 0,
            how,
            lambda *_: check(),
        )
        made.append(torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1))
    return Image(torch.stack(made).contiguous())


def to_cells(mask: Mask, step: int) -> Mask:
    """A mask for a latent: every cell has the share of its pixels that is masked.

    Differential diffusion repaints the cells of an edge the later the less of them is masked. Of a
    stroke thinner than a cell, the cells that have most of it around count as masked wholly: scaled
    down as other masks are, it would be lost.

    Args:
        mask: its sides are multiples of `step`.
        step: pixels a cell, along a side.

    Returns:
        The mask at its size, of one value in every cell.
    """
    cells = avg_pool2d(mask.pixels, step)
    strongest = max_pool2d(mask.pixels, step)
    most = max_pool2d(cells, 3, stride=1, padding=1)
    cells = torch.where(most > 0, cells / most.clamp(min=1e-6) * strongest, cells).clamp(0, 1)
    return Mask(cells.repeat_interleave(step, 2).repeat_interleave(step, 3))


def encoded(
    vae: LiveVae,
    model: LiveModel,
    job: Job,
    positive: Conditioning,
    negative: Conditioning,
    fill: str,
    check: Check,
    warn: Warn,
) -> tuple[Conditioning, Conditioning, Latent]:
    """What a sampler takes to repaint a job.

    A model with nine channels is shown the mask and what is around it; all have the latent's noise
    mask to keep to, see `to_cells`.

    Args:
        vae: the first stage.
        model: that will sample.
        job: what to repaint.
        positive, negative: conditionings.
        fill: what to start from under the mask, see `filled`.
        check: called now and then; may raise.
        warn: told what the user should know.
    """
    start = filled(job.image, job.mask, fill, check)
    latent = vae.encode(start, check, warn=warn)
    cells = to_cells(job.mask, vae.space.downscale)
    latent = replace(latent, noise_mask=cells.pixels)
    if model.extra_channels == vae.space.channels + 1:
        masked = vae.encode(without_masked(job.image, job.mask), check, warn=warn)
        concat = inpaint_concat(cells, masked)
        positive, negative = (
            Conditioning(tuple(replace(entry, concat=concat) for entry in each.entries))
            for each in (positive, negative)
        )
    return positive, negative, latent


def for_inpainting(image: Image, mask: Mask, grow: int, step: int) -> tuple[Image, Mask]:
    """What VAEEncodeForInpaint encodes, and the noise mask, after the main peer.

    Args:
        image: pictures.
        mask: of any size.
        grow: side of the square that every masked pixel becomes in the noise mask, in pixels.
        step: of the first stage.

    Returns:
        The pictures, grey where the mask, rounded, is 1, and the mask, rounded and grown; both
        filled up to the step.
    """
    pictures, masks = fit_pictures(image, mask, step)
    hidden = without_masked(pictures, masks)
    height, width = masks.pixels.shape[-2:]
    holes = masks.pixels.round()
    if grow:
        holes = max_pool2d(holes, grow, stride=1, padding=grow // 2)[..., :height, :width]
    return hidden, Mask(holes.contiguous())


def own_size(model: LiveModel) -> int:
    """Side of the square pictures that a model was trained on, in pixels; 512 where unknown."""
    side = getattr(getattr(model.unet, "config", None), "sample_size", None)
    return own_side(side, model.space.downscale)


def _alike(masks: Tensor) -> bool:
    return len(masks) > 1 and bool((masks == masks[:1]).all())


def _cut(tensor: Tensor, frame: CropFrame) -> Tensor:
    return tensor[..., frame.y : frame.y + frame.height, frame.x : frame.x + frame.width]


def _scaled(tensor: Tensor, frame: CropFrame) -> Tensor:
    """Enlarged sharply, shrunk with what is between in mind."""
    method = "lanczos" if tensor.shape[1] == 3 else "bilinear"
    size = (frame.scaled_width, frame.scaled_height)
    return resize(tensor.contiguous(), *size, method).clamp(0, 1)
