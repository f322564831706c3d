"""The capsules that a brush is made of: where they lie on a picture, how far they reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from studio.masks.items import OPACITY, SIZE, UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.masks.items import Brush

    Floats = NDArray[np.float64]

LEAST_RADIUS = 0.5
"""Pixels; a thinner brush is drawn this thick, so that no stroke is lost on a small picture."""
LEAST_PRESSURE = 0.05


@dataclass(frozen=True)
class Segments:
    """The capsules of a brush on one picture, in pixels; float64 [n] each.

    Args:
        mx, my: middles of the axes.
        ux, uy: directions, of length 1.
        half: half the axes' lengths.
        r0, r1: radii at both ends.
        f0, f1: the share of its opacity that each end has, by pressure.
        reach: how far from its axis each can cover anything.
        back, on: how far beyond the axis's ends a pixel may have to look at it; there the capsule
            before or after is nearer.
    """

    mx: Floats
    my: Floats
    ux: Floats
    uy: Floats
    half: Floats
    r0: Floats
    r1: Floats
    f0: Floats
    f1: Floats
    reach: Floats
    back: Floats
    on: Floats

    def boxes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Left, top, right and bottom of where each has to be looked at."""
        ux, uy = np.abs(self.ux), np.abs(self.uy)
        # The box around the capsule, and the one around the part of it that counts.
        hx, hy = ux * self.half + self.reach, uy * self.half + self.reach
        shift, long = (self.on - self.back) / 2, self.half + (self.on + self.back) / 2
        cx, cy = self.mx + self.ux * shift, self.my + self.uy * shift
        kx, ky = ux * long + uy * self.reach, uy * long + ux * self.reach
        return (
            np.floor(np.maximum(self.mx - hx, cx - kx)),
            np.floor(np.maximum(self.my - hy, cy - ky)),
            np.ceil(np.minimum(self.mx + hx, cx + kx)),
            np.ceil(np.minimum(self.my + hy, cy + ky)),
        )


def segments(brush: Brush, width: int, height: int, since: int = 0) -> Segments:
    """The capsules that end at `brush.points[since]` and later.

    The disc at the first point is a capsule without length. Steps that don't move give a disc
    where the pressure changed, else nothing.
    """
    scale = max(width, height) / UNIT
    # One more point back, for the direction that the first capsule comes from.
    first = max(since - 2, 0)
    given = brush.points[first:].astype(np.float64)
    x, y = given[:, 0] * scale, given[:, 1] * scale
    share = np.maximum(given[:, 2] / 255, LEAST_PRESSURE)
    radius = np.full(len(given), brush.radius * scale)
    if brush.pressure & SIZE:
        radius = radius * share
    radius = np.maximum(radius, LEAST_RADIUS)
    force = share if brush.pressure & OPACITY else np.ones(len(given))

    ends = np.arange(len(given))
    starts = np.maximum(ends - 1, 0)  # the first is the disc
    still = (x[starts] == x[ends]) & (y[starts] == y[ends])
    idle = still & (radius[starts] == radius[ends]) & (force[starts] == force[ends])
    idle[0] = False
    # A step without length is a disc at its end: what it started from is there already.
    starts = np.where(still, ends, starts)[~idle]
    ends = ends[~idle]
    dx, dy = x[ends] - x[starts], y[ends] - y[starts]
    length = np.hypot(dx, dy)
    safe = np.where(length > 0, length, 1.0)
    ux, uy = np.where(length > 0, dx / safe, 1.0), dy / safe
    r0, r1, f0, f1 = radius[starts], radius[ends], force[starts], force[ends]
    thick = np.maximum(r0, r1)
    hardness = brush.hardness / 100
    reach = thick * (1 + hardness) / 2 + np.maximum(thick * (1 - hardness), 1) / 2 + 1
    back, on = (reach, reach) if brush.pressure else _beyond(ux, uy, length, reach)
    wanted = ends + first >= since
    if first > 0:
        wanted[0] = False  # no disc here: a capsule that is on the picture ends in it
    across, down = (x[starts], x[ends]), (y[starts], y[ends])
    seen, low, high = _seen(across, down, 2 * thick + 4, width, height)
    seen &= wanted
    low, high = low[seen], high[seen]

    def cut(at: Floats, to: Floats) -> tuple[Floats, Floats]:
        """What runs from `at` to `to` along the axes, cut to what is seen."""
        at, to = at[seen], to[seen]
        return (
            np.where(low > 0, at + (to - at) * low, at),
            np.where(high < 1, at + (to - at) * high, to),
        )

    (ax, bx), (ay, by) = cut(*across), cut(*down)
    (r0, r1), (f0, f1) = cut(r0, r1), cut(f0, f1)
    ux, uy, reach, back, on = ux[seen], uy[seen], reach[seen], back[seen], on[seen]
    half = np.hypot(bx - ax, by - ay) / 2
    return Segments(
        (ax + bx) / 2, (ay + by) / 2, ux, uy, half, r0, r1, f0, f1, reach, back, on
    )


def _beyond(ux: Floats, uy: Floats, length: Floats, reach: Floats) -> tuple[Floats, Floats]:
    """How far beyond its ends each capsule of a chain of one radius may be the nearest.

    Where the path goes on with little of a turn, a pixel beyond an end is nearer to the next
    capsule, by more than float32 rounds. To compute it there would change nothing.
    """
    back, on = reach.copy(), reach.copy()
    turn = ux[:-1] * ux[1:] + uy[:-1] * uy[1:]
    sine = np.sqrt(np.maximum(1 - turn * turn, 0))
    long = length > 0.01 * reach
    mild = (turn > 0.7) & long[:-1] & long[1:]
    out = np.minimum((sine + 0.01) / np.where(mild, turn, 1.0) * reach[1:] + 1, reach[1:])
    on[:-1][mild] = out[mild]
    back[1:][mild] = out[mild]
    return back, on


def _seen(
    across: tuple[Floats, Floats],
    down: tuple[Floats, Floats],
    margin: Floats,
    width: int,
    height: int,
) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Which axes come near the picture, and from where to where on them, as shares of the way.

    What is cut off lies farther from the picture than the brush reaches, so no pixel changes; and
    of what is left float32 is exact enough.
    """
    low, high = np.zeros_like(margin), np.ones_like(margin)
    gone = np.zeros(margin.shape, bool)
    for (a, b), size in ((across, width), (down, height)):
        d = b - a
        flat = d == 0
        gone |= flat & ((a < -margin) | (a > size + margin))
        step = np.where(flat, 1.0, d)
        at_low, at_high = (-margin - a) / step, (size + margin - a) / step
        low = np.maximum(low, np.where(flat, 0.0, np.minimum(at_low, at_high)))
        high = np.minimum(high, np.where(flat, 1.0, np.maximum(at_low, at_high)))
    return (low <= high) & ~gone, low, high
