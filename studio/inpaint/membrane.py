"""Filling holes smoothly: what a stretched skin would do that is held at the known pixels.

The skin solves Laplace's equation, as in seamless cloning (Perez, Gangnet and Blake, "Poisson
image editing", 2003). It is found from coarse to fine, as the pull-push of Gortler et al., "The
lumigraph", 1996, with a few relaxations at every level, so a hole of a million pixels takes about
as long as a small picture's blur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]
    Check = Callable[[], None]

RELAXATIONS = 12
"""At each level; the coarser ones have done the rest."""
_SPARSE = 1 / 8
"""Up to this share of free pixels it is quicker to look at these alone."""


def membrane(values: Floats, known: Flags, check: Check | None = None) -> Floats:
    """The values with the unknown ones filled in smoothly.

    Args:
        values: [H, W, C].
        known: [H, W]; values where it is False don't matter.
        check: called now and then; may raise to stop.

    Returns:
        [H, W, C]: known values as they are; zeros where nothing is known at all.
    """
    if known.all():
        return values
    if not known.any():
        return np.zeros_like(values)
    filled = np.where(known[..., None], values, np.float32(0))
    if min(known.shape) > 1:
        coarse, coarse_known = _halved(filled, known)
        guess = _doubled(membrane(coarse, coarse_known, check), known.shape)
    else:
        mean = filled.sum((0, 1)) / np.float32(known.sum())
        guess = np.broadcast_to(mean, filled.shape)
    filled = np.where(known[..., None], filled, guess)
    _relax(filled, ~known, check)
    return filled


def _halved(values: Floats, known: Flags) -> tuple[Floats, Flags]:
    """Two by two pixels in one: the mean of those that are known."""
    height, width = known.shape
    pad = ((0, height % 2), (0, width % 2))
    weights = np.pad(known, pad).astype(np.float32)
    padded = np.pad(values, (*pad, (0, 0)))
    count = weights.reshape(weights.shape[0] // 2, 2, -1, 2).sum((1, 3))
    total = padded.reshape(count.shape[0], 2, count.shape[1], 2, -1).sum((1, 3))
    return total / np.maximum(count, 1)[..., None], count > 0


def _doubled(values: Floats, shape: tuple[int, ...]) -> Floats:
    """Twice as large, linear between, cut to [H, W]."""
    for axis in (0, 1):
        edge = [(1, 1) if each == axis else (0, 0) for each in range(3)]
        around = np.pad(values, edge, mode="edge")
        middle, before, after = (
            np.take(around, range(start, start + values.shape[axis]), axis) for start in (1, 0, 2)
        )
        pair = np.stack([0.75 * middle + 0.25 * before, 0.75 * middle + 0.25 * after], axis + 1)
        size = list(values.shape)
        size[axis] *= 2
        values = pair.reshape(size).astype(np.float32)
    return values[: shape[0], : shape[1]]


def _relax(values: Floats, free: Flags, check: Check | None) -> None:
    """Let each free pixel take the mean of its four neighbours, a few times, in place."""
    step = _sparsely(values, free) if free.mean() <= _SPARSE else _densely(values, free)
    for _ in range(RELAXATIONS):
        if check:
            check()
        step()


def _densely(values: Floats, free: Flags) -> Callable[[], None]:
    """A step of it by whole planes; the bits are those of `_sparsely`."""
    around, where = np.empty_like(values), free[..., None]

    def step() -> None:
        around[1:], around[0] = values[:-1], values[0]
        around[:-1] += values[1:]
        around[-1] += values[-1]
        around[:, 1:] += values[:, :-1]
        around[:, 0] += values[:, 0]
        around[:, :-1] += values[:, 1:]
        around[:, -1] += values[:, -1]
        np.multiply(around, np.float32(0.25), out=around)
        np.copyto(values, around, where=where)

    return step


def _sparsely(values: Floats, free: Flags) -> Callable[[], None]:
    """A step of it by the free pixels alone."""
    rows, columns = np.nonzero(free)
    height, width = free.shape
    up, down = np.maximum(rows - 1, 0), np.minimum(rows + 1, height - 1)
    left, right = np.maximum(columns - 1, 0), np.minimum(columns + 1, width - 1)

    def step() -> None:
        around = values[up, columns] + values[down, columns]
        around += values[rows, left]
        around += values[rows, right]
        values[rows, columns] = around * np.float32(0.25)

    return step
