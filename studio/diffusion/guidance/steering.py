"""Turns entries of conditionings into what a UNet is told in one call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate, pad

from studio.diffusion.denoiser import Steering
from studio.diffusion.guidance.errors import (
    MissingConcat,
    MissingLevel,
    MissingPooled,
    MissingText,
    UnwantedPicture,
    UnwantedText,
    WrongConcat,
    WrongConditioningWidth,
    WrongPooledWidth,
)
from studio.diffusion.guidance.masked import repeated
from studio.diffusion.spaces import scale
from studio.values import Concat

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.guidance.regions import Piece
    from studio.values import ConditioningEntry, LatentSpace

_AESTHETIC = {"positive": 6.0, "negative": 2.5}
"""What the refiner is told where no one says: SDXL's own pipeline and the peers agree."""

# What a grey picture is in Stable Diffusion's latents; for an inpainting model that repaints all.
_BLANK = (0.8223, -0.6876, 0.6364, 0.1380)


def check(
    which: str, entries: Iterable[ConditioningEntry], model: LiveModel, concat: Concat | None
) -> None:
    """Whether a model can be told all this.

    Args:
        which: "positive" or "negative", for messages.
        entries: of the conditioning.
        model: that will be told.
        concat: for entries that bring none.

    Raises:
        MissingText, UnwantedText, WrongConditioningWidth: its text is not for this model.
        MissingPooled, WrongPooledWidth: SDXL's pooled text.
        MissingConcat, WrongConcat, MissingLevel, UnwantedPicture: its channels beside the latent.
    """
    for entry in entries:
        _check_text(which, entry, model)
        if model.takes_sizes:
            _check_pooled(which, entry, model)
        _check_concat(which, entry.concat or concat, model)


def _check_text(which: str, entry: ConditioningEntry, model: LiveModel) -> None:
    if not model.takes_text:
        if entry.embeddings is not None:
            raise UnwantedText(which)
        return
    if entry.embeddings is None:
        raise MissingText(which)
    width, wanted = entry.embeddings.shape[-1], model.context_width
    if wanted is not None and width != wanted:
        raise WrongConditioningWidth(which, width, wanted)


def _check_pooled(which: str, entry: ConditioningEntry, model: LiveModel) -> None:
    if entry.pooled is None:
        raise MissingPooled(which)
    whole, one = model.added_width
    width = entry.pooled.shape[-1]
    if whole - width not in (5 * one, 6 * one):
        # SDXL's six sizes are 1536 wide and the refiner's five 1280; a width says which is meant.
        wanted = min(whole - 5 * one, whole - 6 * one, key=lambda each: abs(each - width))
        raise WrongPooledWidth(which, width, wanted)


def _check_concat(which: str, concat: Concat | None, model: LiveModel) -> None:
    extra = model.extra_channels
    if not extra:
        # What inpainting models are shown, others do without: their latent's mask does the work.
        if extra == 0 and concat is not None and concat.noise_level is not None:
            raise UnwantedPicture(which)
        return
    if concat is None:
        raise MissingConcat(which, model.space.channels, extra)
    if concat.samples.shape[1] != extra:
        raise WrongConcat(which, concat.samples.shape[1], extra)
    if model.takes_level and concat.noise_level is None:
        raise MissingLevel(which)


def steer(
    model: LiveModel,
    members: Sequence[tuple[str, Piece]],
    batch: int,
    size: tuple[int, int] | None,
    concat: Concat | None,
    cfg: float = 1.0,
) -> Steering:
    """What the UNet is told of some entries, each for the whole batch: k * B of everything.

    Args:
        model: that is told; its device gets the tensors.
        members: the entries, all of them checked, with "positive" or "negative".
        batch: B.
        size: (h, w) of the latent; None will do for models that take neither sizes nor channels.
        concat: for entries that bring none.
        cfg: the guidance scale, for models that are told it.

    Raises:
        ValueError: no size where one is needed.
    """
    entries = [piece.entry for _, piece in members]
    embeddings = pooled = time_ids = labels = channels = None
    if model.takes_text:
        embeddings = _stacked([_tokens(entry) for entry in entries], batch)
        embeddings = embeddings.to(model.device, model.dtype)
    if model.takes_sizes:
        pooled = torch.cat([repeated(_pooled(entry), batch) for entry in entries])
        pooled = pooled.to(model.device, model.dtype)
        rows = [
            torch.tensor(_time_ids(model, half, piece.entry, size)).expand(batch, -1)
            for half, piece in members
        ]
        time_ids = torch.cat(rows).to(model.device)
    found = [entry.concat or concat for entry in entries]
    if model.extra_channels != 0 and all(found):
        concats = [each for each in found if each is not None]
        shown = [
            piece.shown(fit_concat(_seen(each, model.space), batch, *_known(size)))
            for each, (_, piece) in zip(concats, members, strict=True)
        ]
        channels = torch.cat(shown).to(model.device)
        if model.takes_level:
            levels = [each.noise_level or 0 for each in concats]
            labels = torch.tensor(levels, device=model.device).repeat_interleave(batch)
    scale = None
    if model.scale_width:
        scale = embedded_scale(cfg, model.scale_width).expand(len(members) * batch, -1)
        scale = scale.to(model.device, model.dtype)
    return Steering(embeddings, pooled, time_ids, labels, channels, scale)


def embedded_scale(cfg: float, width: int) -> Tensor:
    """What a distilled model is told of the guidance scale: float32 [1, width].

    Sines and cosines of 1000 (cfg - 1), as of a timestep (Meng et al., arXiv 2210.03142; Luo et
    al., arXiv 2310.04378).
    """
    half = width // 2
    rates = torch.exp(torch.arange(half) * (-math.log(10000.0) / max(half - 1, 1)))
    angles = (cfg - 1) * 1000.0 * rates
    return pad(torch.cat([angles.sin(), angles.cos()]), (0, width % 2))[None]


def fit_concat(samples: Tensor, batch: int, height: int, width: int) -> Tensor:
    """Channels beside the latent, for a latent of another size: float32 [B, K, h, w].

    As the peer does it: what is too long for the latent's proportions is cut off evenly at both
    ends, the rest scaled bilinearly, the batch repeated in turn.
    """
    old_height, old_width = samples.shape[-2:]
    if (old_height, old_width) != (height, width):
        cut_x = round(max(old_width - old_height * width / height, 0) / 2)
        cut_y = round(max(old_height - old_width * height / width, 0) / 2)
        samples = samples[..., cut_y : old_height - cut_y, cut_x : old_width - cut_x]
        samples = interpolate(samples.float(), size=(height, width), mode="bilinear")
    return repeated(samples.float(), batch)


def concat_of_latent(model: LiveModel, scaled: Tensor, mask: Tensor | None) -> Concat | None:
    """What an inpainting model is shown where its conditioning brings nothing, after the peer.

    With a noise mask: the mask, rounded, and the latent itself (under the mask it should be grey,
    which only InpaintModelConditioning can see to). Without: everything is to be repainted, and
    the picture is grey.

    Args:
        model: that will be shown it; any may be given.
        scaled: [B, 4, h, w], the latent as the model sees it.
        mask: [1 or B, 1, h, w] in 0..1, 1 = repaint.

    Returns:
        For `guide`; None where the model isn't an inpainting version of Stable Diffusion.
    """
    if model.space.channels != len(_BLANK) or model.extra_channels != len(_BLANK) + 1:
        return None
    if mask is None:
        blank = torch.tensor(_BLANK, device=scaled.device).reshape(1, -1, 1, 1)
        shown = torch.ones_like(scaled) * blank
        return Concat(torch.cat([torch.ones_like(scaled[:, :1]), shown], dim=1))
    mask = repeated(mask.round().to(scaled), len(scaled))
    return Concat(torch.cat([mask, scaled], dim=1))


def _known(size: tuple[int, int] | None) -> tuple[int, int]:
    if size is None:
        raise ValueError("this model's conditioning needs the latent's size")
    return size


def _tokens(entry: ConditioningEntry) -> Tensor:
    assert entry.embeddings is not None, "checked"
    return entry.embeddings


def _pooled(entry: ConditioningEntry) -> Tensor:
    assert entry.pooled is not None, "checked"
    return entry.pooled


def _time_ids(
    model: LiveModel, which: str, entry: ConditioningEntry, size: tuple[int, int] | None
) -> list[float]:
    """Sizes in SDXL's order (Podell et al., arXiv 2307.01952, section 2.2): heights first."""
    whole, one = model.added_width
    if (hints := entry.sizes) is None:
        height, width = (side * model.space.downscale for side in _known(size))
        first, last, score = (height, width, 0, 0), (height, width), None
    else:
        first = (hints.height, hints.width, hints.crop_y, hints.crop_x)
        last, score = (hints.target_height, hints.target_width), hints.aesthetic_score
    if whole - _pooled(entry).shape[-1] == 6 * one:
        return [float(number) for number in first + last]
    return [*map(float, first), _AESTHETIC[which] if score is None else score]


def _stacked(embeddings: list[Tensor], batch: int) -> Tensor:
    """[k * B, T, D]: entry by entry, each for the whole batch, T a common multiple.

    Repeating all tokens of an entry equally often leaves attention unchanged: softmax shares the
    same weights among the copies.
    """
    tokens = math.lcm(*(each.shape[1] for each in embeddings))
    return torch.cat(
        [repeated(each.repeat(1, tokens // each.shape[1], 1), batch) for each in embeddings]
    )


def _seen(concat: Concat, space: LatentSpace) -> Tensor:
    """The channels as a denoiser of this space wants them."""
    if not concat.latent:
        return concat.samples
    first, latent = concat.samples.tensor_split([-concat.latent], dim=1)
    return torch.cat([first, scale(latent, space)], dim=1)
