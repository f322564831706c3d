"""Builds the `denoise(x, sigma) -> x0` that samplers call: guidance and noise masks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.samplers import Denoise
    from studio.values import Conditioning, ConditioningEntry

# Entries whose lengths differ more than this run in calls of their own (the peer's limit):
# repeating the shorter one's tokens would cost more than another call saves.
_MAX_REPEATS = 4


class EmptyConditioning(InputError):
    """A conditioning without entries."""

    def __init__(self, which: str) -> None:
        super().__init__(f"The {which} conditioning is empty.", hint="Wire a text encoder to it.")


class WrongConditioningWidth(InputError):
    """A conditioning made by another family's text encoder."""

    def __init__(self, which: str, width: int, wanted: int) -> None:
        super().__init__(
            f"The {which} conditioning is {width} wide, the model wants {wanted}: it comes from "
            "another family's text encoder.",
            hint="Encode the text with the clip of the checkpoint that the model is from.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Entries that run in one call: their places in the list of all, and [k * B, T, D]."""

    members: tuple[int, ...]
    embeddings: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class GuidedDenoise:
    """Classifier-free guidance: Ho and Salimans 2022, arXiv 2207.12598.

    x0 = uncond + cfg * (cond - uncond); the entries of one conditioning are averaged. Made by
    `guide`.
    """

    model: LiveModel
    groups: tuple[_Group, ...]
    positives: int
    cfg: float

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """x0 for x float32 [B, C, h, w] on the model's device, at noise level sigma."""
        found: dict[int, Tensor] = {}
        for group in self.groups:
            count = len(group.members)
            batch = x if count == 1 else x.repeat(count, 1, 1, 1)
            x0 = self.model.denoise(batch, sigma, group.embeddings)
            found.update(zip(group.members, x0.chunk(count), strict=True))
        cond = _mean([found[i] for i in range(self.positives)])
        if len(found) == self.positives:
            return cond
        uncond = _mean([found[i] for i in range(self.positives, len(found))])
        return uncond.lerp(cond, self.cfg)


def guide(
    model: LiveModel, positive: Conditioning, negative: Conditioning, cfg: float, batch: int
) -> GuidedDenoise:
    """The guided denoiser for B = `batch` pictures.

    Embeddings go to the device once, here. All entries run in one call of the UNet where their
    lengths allow; at cfg 1 the negative ones don't run at all.

    Args:
        model: the model.
        positive: what is wanted.
        negative: what is not.
        cfg: guidance scale; 1 = none.
        batch: pictures.

    Raises:
        EmptyConditioning: one that is used has no entry.
        WrongConditioningWidth: its embeddings don't fit the model.
    """
    _check("positive", positive, model.context_width)
    entries = [*positive.entries]
    if not math.isclose(cfg, 1.0):
        _check("negative", negative, model.context_width)
        entries += negative.entries
    groups = []
    for members in _grouped([entry.embeddings.shape[1] for entry in entries]):
        chosen = [entries[i] for i in members]
        embeddings = _stacked(chosen, batch).to(model.device, model.dtype)
        groups.append(_Group(tuple(members), embeddings))
    return GuidedDenoise(model, tuple(groups), len(positive.entries), cfg)


@dataclass(frozen=True, slots=True, eq=False)
class MaskedDenoise:
    """Keeps a latent where a mask is 0, at every step: what the peers call a noise mask.

    Args:
        denoise: the denoiser inside.
        mask: [1 or B, 1, h, w] in 0..1, 1 = repaint.
        latent: [B, C, h, w], scaled, what to keep.
        noise: [B, C, h, w], the noise that the kept part shows at sigma 1.
    """

    denoise: Denoise
    mask: Tensor
    latent: Tensor
    noise: Tensor

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """x0, equal to the latent where the mask is 0."""
        seen = self.latent.add(self.noise, alpha=sigma).lerp(x, self.mask)
        return self.latent.lerp(self.denoise(seen, sigma), self.mask)


def fit_mask(mask: Tensor, batch: int, height: int, width: int) -> Tensor:
    """A noise mask for a latent: bilinear (as the peer), repeated over the batch.

    Args:
        mask: float [b, 1, h', w'] in 0..1.
        batch: B; b masks are repeated in turn.
        height: h of the latent.
        width: w of the latent.

    Returns:
        float32 [B, 1, h, w].
    """
    mask = interpolate(mask.float(), size=(height, width), mode="bilinear")
    return mask.repeat(math.ceil(batch / len(mask)), 1, 1, 1)[:batch]


def _check(which: str, conditioning: Conditioning, wanted: int | None) -> None:
    if not conditioning.entries:
        raise EmptyConditioning(which)
    for entry in conditioning.entries:
        width = entry.embeddings.shape[-1]
        if wanted is not None and width != wanted:
            raise WrongConditioningWidth(which, width, wanted)


def _grouped(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of entries that can run in one call, first come first grouped."""
    groups: list[list[int]] = []
    for i, length in enumerate(lengths):
        for group in groups:
            together = [*(lengths[j] for j in group), length]
            if math.lcm(*together) // min(together) <= _MAX_REPEATS:
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def _stacked(entries: list[ConditioningEntry], batch: int) -> Tensor:
    """[k * B, T, D]: entry by entry, each for the whole batch, T a common multiple.

    Repeating all tokens of an entry equally often leaves attention unchanged: softmax shares the
    same weights among the copies.
    """
    tokens = math.lcm(*(entry.embeddings.shape[1] for entry in entries))
    return torch.cat(
        [
            entry.embeddings.repeat(1, tokens // entry.embeddings.shape[1], 1).expand(batch, -1, -1)
            for entry in entries
        ]
    )


def _mean(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.stack(parts).mean(0)
