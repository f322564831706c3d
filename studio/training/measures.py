"""Numbers that say how good pictures are: shares with their intervals, distances, seams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

VISIBLE = 0.5
"""Steps of 8 bits a pixel: a gradient below this can't be seen at all, so none counts for less."""

INKED = 0.25
"""From the background, in 0..1 (Euclidean): what differs by more was painted on it."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some were right.

    Args:
        right: of them.
        of: all that were looked at.
    """

    right: int
    of: int

    @property
    def percent(self) -> float:
        """0..100; 0 of none."""
        return 100 * self.right / max(self.of, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true per cent lie, with 95 per cent confidence (Wilson 1927)."""
        if not self.of:
            return 0.0, 100.0
        from scipy.stats import binomtest  # slow to import

        found = binomtest(self.right, self.of).proportion_ci(0.95, "wilson")
        return 100 * float(found.low), 100 * float(found.high)

    def to_json(self) -> dict[str, float]:
        """For a report: per cent."""
        low, high = (round(end, 1) for end in self.interval)
        return {"percent": round(self.percent, 1), "low": low, "high": high, "of": self.of}


def psnr(pictures: Floats, others: Floats, where: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB: of the squared error's mean over all pixels at once.

    Args:
        pictures, others: [..., 3] in 0..1.
        where: [...], what counts; None for all.

    Returns:
        infinity for the same pictures.
    """
    errors = np.square(np.asarray(pictures, np.float64) - others)
    mean = float((errors if where is None else errors[where]).mean())
    return float("inf") if mean == 0 else float(-10 * np.log10(mean))


def seam(
    made: Floats, hole: Mask, ground: tuple[int, int, int], feather: float = 0, reach: int = 8
) -> float:
    """The mean gradient across a hole's border, against that of what lies beside it: 1 is none.

    The gradient is the difference of two neighbours, in steps of 8 bits. There are two borders:
    the hole's own, and where the blend ends; the worse counts. What lies beside are bands of
    `reach` pixels on both sides. Things that were painted are left out with their edges: those are
    meant to be there.

    Args:
        made: [H, W, 3] in 0..1.
        hole: [H, W].
        ground: colour of what isn't a thing, in 8 bits.
        feather: pixels beyond the hole over which the new fades into the old.
        reach: pixels.
    """
    away = np.linalg.norm(made - np.array(ground) / 255, axis=-1)
    thing = ndimage.binary_dilation(away > INKED, iterations=4)
    depth = ndimage.distance_transform_edt(~hole) - ndimage.distance_transform_edt(hole)
    borders: list[list[Floats]] = [[], []]
    beside: list[Floats] = []
    for axis in (0, 1):
        steps = np.abs(np.diff(made * 255, axis=axis)).mean(-1)
        here, there = (np.delete(depth, end, axis) for end in (-1, 0))
        plain = ~np.logical_or(*(np.delete(thing, end, axis) for end in (-1, 0)))
        for found, level in zip(borders, (0, feather + 0.5), strict=True):
            found.append(steps[plain & ((here > level) != (there > level))])
        lower, upper = np.minimum(here, there), np.maximum(here, there)
        around = (lower > feather + 1) & (upper <= feather + reach)
        inside = (upper < -1) & (lower >= -reach)
        beside.append(steps[plain & (around | inside)])
    usual = _visible(beside)
    return max(_visible(found) / usual for found in borders)


def _visible(parts: list[Floats]) -> float:
    """The mean of all, at least what can be seen; that too where there are none."""
    joined = np.concatenate(parts)
    return max(float(joined.mean()), VISIBLE) if len(joined) else VISIBLE
