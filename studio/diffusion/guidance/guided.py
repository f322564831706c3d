"""The guided denoiser: conditionings, placed and timed, in as few calls of the UNet as can be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from studio.diffusion.guidance.combine import Levels, combine, guided_levels, on_curve
from studio.diffusion.guidance.errors import EmptyConditioning, WrongSides
from studio.diffusion.guidance.memory import entries_a_call
from studio.diffusion.guidance.regions import Piece, paired, pieces
from studio.diffusion.guidance.steering import check, steer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel, Steering
    from studio.values import Concat, Conditioning

# Entries whose lengths differ more than this run in calls of their own (the peer's limit):
# repeating the shorter one's tokens would cost more than another call saves.
_MAX_REPEATS = 4
_NOTHING = 1e-37
"""Weight under which nothing counts; what no entry covers becomes 0, as in the peer."""


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """Entries that run in one call: their places in the list of all, and what is told of them."""

    members: tuple[int, ...]
    steering: Steering


@dataclass(frozen=True, eq=False)
class GuidedDenoise:
    """Classifier-free guidance: Ho and Salimans 2022, arXiv 2207.12598.

    x0 = uncond + cfg * (cond - uncond); the entries of one conditioning are averaged by their
    weights. A model that was distilled from guidance is told cfg instead, and the negative
    conditioning does nothing. Made by `guide`.
    """

    model: LiveModel
    positive: tuple[Piece, ...]
    negative: tuple[Piece, ...]
    cfg: float
    on: Levels
    batch: int
    size: tuple[int, int] | None
    concat: Concat | None
    sigmas: Tensor | None = None
    _calls: dict[tuple[tuple[int, ...], float], tuple[_Call, ...]] = field(
        default_factory=dict, repr=False
    )

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """x0 for x float32 [B, C, h, w] on the model's device, at noise level sigma."""
        cfg = self.scale(sigma)
        if _is_off(cfg) or self.model.scale_width:
            return self._predict(x, sigma, self.positive)[0]
        cond, uncond = self._predict(x, sigma, self.positive, self.negative)
        return combine(x, sigma, cond, uncond, cfg, self.model.guidance)

    def both(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """x0, and the x0 of the negative conditioning alone: what CFG++ samplers want.

        The negative conditioning is run at cfg 1 too. A model that is told cfg has one x0 only.

        Raises:
            EmptyConditioning and others, as `guide` does, where it couldn't be used.
        """
        if self.model.scale_width:
            x0 = self(x, sigma)
            return x0, x0
        self.check_negative()
        cond, uncond = self._predict(x, sigma, self.positive, self.negative)
        cfg = self.scale(sigma)
        if _is_off(cfg):
            return cond, uncond
        return combine(x, sigma, cond, uncond, cfg, self.model.guidance), uncond

    def scale(self, sigma: float) -> float:
        """The guidance scale at a noise level: cfg or its curve, or 1 where guidance is off."""
        if not self.on.holds(sigma):
            return 1.0
        curve = self.model.guidance.curve
        return on_curve(curve, self.sigmas, sigma) if curve else self.cfg

    def check_negative(self) -> None:
        """Whether the negative conditioning can be used."""
        if not self.negative:
            raise EmptyConditioning("negative")
        entries = (piece.entry for piece in self.negative)
        check("negative", entries, self.model, self.concat)

    def _predict(self, x: Tensor, sigma: float, *halves: tuple[Piece, ...]) -> list[Tensor]:
        """x0 of the positive and, where it is given, of the negative half."""
        everything = [piece for half in halves for piece in half]
        active = tuple(i for i, piece in enumerate(everything) if piece.counts(sigma))
        found: dict[int, Tensor] = {}
        told = self.scale(sigma) if self.model.scale_width else 1.0
        for call in self._calls_for(active, told):
            shown = [everything[i].shown(x) for i in call.members]
            batch = shown[0] if len(shown) == 1 else torch.cat(shown)
            x0 = self.model.denoise(batch, sigma, call.steering)
            found.update(zip(call.members, x0.chunk(len(shown)), strict=True))
        results, start = [], 0
        for half in halves:
            members = [i for i in active if start <= i < start + len(half)]
            results.append(_merged(x, [(everything[i], found[i]) for i in members]))
            start += len(half)
        return results

    def _calls_for(self, active: tuple[int, ...], told: float) -> tuple[_Call, ...]:
        """How the active entries run; built once, since sets of them change a few times a run."""
        key = active, told
        if key not in self._calls:
            halves = [("positive", piece) for piece in self.positive]
            halves += [("negative", piece) for piece in self.negative]
            self._calls[key] = tuple(
                _Call(
                    tuple(members),
                    steer(
                        self.model,
                        [halves[i] for i in members],
                        self.batch,
                        self.size,
                        self.concat,
                        told,
                    ),
                )
                for group in _grouped(active, halves, self.model.guidance.separate)
                for members in self._chunked(group, halves[group[0]][1])
            )
        return self._calls[key]

    def _chunked(self, group: list[int], first: Piece) -> list[list[int]]:
        """A group in parts that memory allows to run at once; all have the size of the first."""
        most = None
        if len(group) > 1 and self.size is not None:
            height, width = (first.box.height, first.box.width) if first.box else self.size
            most = entries_a_call(self.model, self.batch * height * width)
        most = most or len(group)
        return [group[i : i + most] for i in range(0, len(group), most)]


def guide(
    model: LiveModel,
    positive: Conditioning,
    negative: Conditioning,
    cfg: float,
    batch: int,
    sigmas: Tensor | None = None,
    size: tuple[int, int] | None = None,
    concat: Concat | None = None,
) -> GuidedDenoise:
    """The guided denoiser for B = `batch` pictures.

    Embeddings go to the device once. All entries run in one call of the UNet where their sizes and
    lengths allow, and memory too; at cfg 1 the negative ones don't run at all.

    Args:
        model: the model; its `guidance` says which variant of guidance.
        positive: what is wanted.
        negative: what is not.
        cfg: guidance scale; 1 = none.
        batch: pictures.
        sigmas: the levels that the sampler visits, float [n + 1]; `GuidanceOptions.start` and
            `end` are shares of these steps.
        size: (h, w) of the latent, in cells. It may be left out where no entry has an area or a
            mask and the model is told neither sizes nor other channels.
        concat: channels beside the latent for entries that bring none (`concat_of_latent`).

    Raises:
        EmptyConditioning: one that is used has no entry.
        MissingText, UnwantedText, WrongConditioningWidth, MissingPooled, WrongPooledWidth,
        MissingConcat, WrongConcat, MissingLevel: its content isn't for the model.
        AreaOutside, WrongSides: a place or size that can't be.
        ValueError: no size where one is needed.
    """
    if not positive.entries:
        raise EmptyConditioning("positive")
    check("positive", positive.entries, model, concat)
    cond, uncond = paired(
        pieces("positive", positive.entries, model, batch, size),
        pieces("negative", negative.entries, model, batch, size),
    )
    on = guided_levels(model.guidance, model.sigmas, sigmas)
    guided = GuidedDenoise(model, cond, uncond, cfg, on, batch, size, concat, sigmas)
    scales = model.guidance.curve or (cfg,)
    if not all(map(_is_off, scales)) and not model.scale_width:
        guided.check_negative()
    if size is not None:
        _check_sides(model, size, [*cond, *uncond])
    return guided


def _is_off(cfg: float) -> bool:
    return math.isclose(cfg, 1.0)


def _check_sides(model: LiveModel, size: tuple[int, int], everything: list[Piece]) -> None:
    multiple = model.side_multiple
    boxes = [(piece.box.height, piece.box.width) for piece in everything if piece.box]
    for height, width in [size, *boxes]:
        if height % multiple or width % multiple:
            raise WrongSides(height, width, multiple, model.space.downscale)


def _grouped(
    active: Sequence[int], halves: list[tuple[str, Piece]], separate: bool
) -> list[list[int]]:
    """Indices of entries that can run in one call, first come first grouped."""
    groups: list[list[int]] = []
    for i in active:
        for group in groups:
            if _fit_together([halves[j] for j in (*group, i)], separate):
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


def _fit_together(members: list[tuple[str, Piece]], separate: bool) -> bool:
    """Whether all of these can share a call, the last being new to the others."""
    (which, first), (other, last) = members[0], members[-1]
    if separate and which != other:
        return False
    shapes = [(box.height, box.width) if (box := p.box) else None for p in (first, last)]
    if shapes[0] != shapes[1]:
        return False
    lengths = [
        piece.entry.embeddings.shape[1]
        for _, piece in members
        if piece.entry.embeddings is not None
    ]
    return not lengths or math.lcm(*lengths) // min(lengths) <= _MAX_REPEATS


def _merged(x: Tensor, found: list[tuple[Piece, Tensor]]) -> Tensor:
    """The mean of predictions by their weights; 0 where nothing counts, as in the peer."""
    if not found:
        return torch.zeros_like(x)
    weights = [piece.weight for piece, _ in found if isinstance(piece.weight, float | int)]
    whole = len(weights) == len(found) and all(piece.box is None for piece, _ in found)
    if whole and weights[0] > 0 and len(set(weights)) == 1:
        parts = [x0 for _, x0 in found]
        return parts[0] if len(parts) == 1 else torch.stack(parts).mean(0)
    total = torch.zeros_like(x)
    count = torch.zeros_like(x[:, :1])
    for piece, x0 in found:
        piece.shown(total).add_(x0 * piece.weight)
        piece.shown(count).add_(piece.weight)
    return total / count.clamp(min=_NOTHING)
