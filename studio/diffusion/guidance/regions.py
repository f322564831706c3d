"""Where, when and how much the entries of a conditioning count.

The rules are the main peer's (areas in cells, edges that fade, counterparts of areas), so that
regional prompts give the same picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from studio.diffusion.guidance.errors import AreaOutside
from studio.diffusion.guidance.masked import fit_mask
from studio.values import Area

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.sigmas import SigmaSpace
    from studio.values import ConditioningEntry, PixelArea

_FADE = 8
"""Cells over which an area fades at its edges, where it has a quarter of that many to spare."""
_LEAST_SIDE = 8
"""Cells that an area around a mask has at least along a side."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the latent, in cells."""

    top: int
    left: int
    height: int
    width: int

    def clipped(self, height: int, width: int) -> Box:
        """What of it lies in a latent of this size."""
        return replace(
            self,
            height=min(self.height, height - self.top),
            width=min(self.width, width - self.left),
        )

    def of(self, x: Tensor) -> Tensor:
        """This part of x [..., h, w]."""
        return x.narrow(-2, self.top, self.height).narrow(-1, self.left, self.width)

    def holds(self, other: Box) -> bool:
        """Whether `other` lies within it."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and other.top + other.height <= self.top + self.height
            and other.left + other.width <= self.left + self.width
        )


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """An entry, with where, when and how much it counts in one latent.

    Args:
        entry: what it says; its area, mask, strength and times are in the other fields.
        area: as asked for; None = the whole latent. May reach beyond it.
        box: what of the area lies in the latent.
        weight: of its prediction: a number, or [1 or B, 1, height, width] of the box on the device.
        highest: it counts at noise levels up to this.
        lowest: it counts at noise levels from this.
    """

    entry: ConditioningEntry
    area: Box | None
    box: Box | None
    weight: Tensor | float
    highest: float
    lowest: float

    def counts(self, sigma: float) -> bool:
        """Whether it counts at this noise level; both ends belong to its time."""
        return self.lowest <= sigma <= self.highest

    def shown(self, x: Tensor) -> Tensor:
        """What of x [B, C, h, w] it looks at."""
        return x if self.box is None else self.box.of(x)


def pieces(
    which: str,
    entries: Iterable[ConditioningEntry],
    model: LiveModel,
    batch: int,
    size: tuple[int, int] | None,
) -> list[Piece]:
    """The entries of one conditioning, placed in a latent.

    Args:
        which: "positive" or "negative", for messages.
        entries: of the conditioning.
        model: whose latents and noise levels they are.
        batch: B.
        size: (h, w) of the latent; None will do where no entry has an area or a mask.

    Raises:
        AreaOutside: an area has nothing of the latent in it.
        ValueError: no size where one is needed.
    """
    return [_piece(which, entry, model, batch, size) for entry in entries]


def _piece(
    which: str,
    entry: ConditioningEntry,
    model: LiveModel,
    batch: int,
    size: tuple[int, int] | None,
) -> Piece:
    area: Box | None = None
    box: Box | None = None
    weight: Tensor | float = entry.strength
    if entry.area is not None or entry.mask is not None:
        if size is None:
            raise ValueError("areas and masks need the latent's size")
        mask = None if entry.mask is None else fit_mask(entry.mask, batch, *size)
        if mask is not None and entry.mask_bounds:
            area = _bounds(mask)
        elif entry.area is not None:
            area = _cells(entry.area, model.space.downscale, size)
        if area is not None:
            box = area.clipped(*size)
            if box.height < 1 or box.width < 1:
                step = model.space.downscale
                raise AreaOutside(which, area.top * step, area.left * step, *_times(size, step))
        if mask is not None:
            weight = mask if box is None else box.of(mask)
            weight = (weight * entry.mask_strength * entry.strength).to(model.device)
        elif box is not None:
            weight = (_faded(box, *size) * entry.strength).to(model.device)
    return Piece(
        entry,
        area,
        box,
        weight,
        percent_to_sigma(model.sigmas, entry.start),
        percent_to_sigma(model.sigmas, entry.end),
    )


def percent_to_sigma(space: SigmaSpace, share: float) -> float:
    """The noise level after a share of the sampling: that of timestep (1 - share) (T - 1).

    The peer's rule: a share is one of training timesteps, whatever the schedule. 0 is before all
    levels, 1 after all.
    """
    if share <= 0:
        return math.inf
    if share >= 1:
        return 0.0
    return space.sigma((1 - share) * (len(space.sigmas) - 1))


def paired(
    positive: Sequence[Piece], negative: Sequence[Piece]
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both halves, with a counterpart for every area that only one of them has.

    A crop is predicted unlike the whole picture, so the difference between an area's prediction
    and that of the whole isn't what the text makes. Where the other half has an entry around an
    area, but none of just that area, it gets one: with that entry's text and the area's place,
    times and weights.
    """
    halves = list(positive), list(negative)
    for half, other in (halves, halves[::-1]):
        for piece in half:
            around = _smallest_around(piece.area, other)
            if around is not None and around.area != piece.area:
                other.append(replace(piece, entry=around.entry))
    return tuple(halves[0]), tuple(halves[1])


def _smallest_around(area: Box | None, others: Iterable[Piece]) -> Piece | None:
    """Of the entries that hold the area the one with the smallest, the whole latent as a last
    resort; None for no area."""
    if area is None:
        return None
    around = [piece for piece in others if piece.area is None or piece.area.holds(area)]
    return min(around, key=_extent, default=None)


def _extent(piece: Piece) -> float:
    return math.inf if piece.area is None else piece.area.height * piece.area.width


def _cells(area: Area | PixelArea, downscale: int, size: tuple[int, int]) -> Box:
    if isinstance(area, Area):
        height, width = size
        return Box(
            round(area.y * height),
            round(area.x * width),
            max(1, round(area.height * height)),
            max(1, round(area.width * width)),
        )
    return Box(
        area.y // downscale,
        area.x // downscale,
        max(1, area.height // downscale),
        max(1, area.width // downscale),
    )


def _bounds(mask: Tensor) -> Box:
    """The smallest area with all of a mask [B, 1, h, w] that isn't 0, in any of the batch."""
    there = mask.abs().amax(dim=(0, 1)) > 0
    rows, columns = there.any(dim=1).nonzero(), there.any(dim=0).nonzero()
    if not len(rows):
        return Box(0, 0, _LEAST_SIDE, _LEAST_SIDE)
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    return Box(top, left, max(height, _LEAST_SIDE), max(width, _LEAST_SIDE))


def _faded(box: Box, height: int, width: int) -> Tensor:
    """Weights [1, 1, height, width] of a box: 1, falling towards edges that aren't the latent's."""
    rows = _ramp(box.height, box.top > 0, box.top + box.height < height)
    columns = _ramp(box.width, box.left > 0, box.left + box.width < width)
    return (rows[:, None] * columns[None, :])[None, None]


def _ramp(length: int, at_start: bool, at_end: bool) -> Tensor:
    ramp = torch.ones(length)
    steps = min(_FADE, length // 4)
    rise = torch.arange(1, steps + 1) / max(steps, 1)
    if at_start:
        ramp[:steps] *= rise
    if at_end:
        ramp[length - steps :] *= rise.flip(0)
    return ramp


def _times(size: tuple[int, int], step: int) -> tuple[int, int]:
    return size[0] * step, size[1] * step
