"""Filling holes from their edge inwards: Telea's method, and along isophotes.

Both fill a pixel from the known ones around it, by weights, in the order of its distance to the
edge. Telea, "An image inpainting technique based on the fast marching method", 2004, weighs by
direction, distance and level; the other weighs by how well a neighbour lies along the isophote
(the line of equal brightness) through it, the way in which Bertalmio, Bertozzi and Sapiro,
"Navier-Stokes, fluid dynamics, and image and video inpainting", 2001, carry what is around into
the hole, in the marching form that OpenCV has of it. No fluid is simulated.

Here the distances are exact (a Euclidean transform, where fast marching approximates them), and
pixels are filled in thin shells: those of one shell don't see each other, so numpy fills a whole
shell at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Flags = NDArray[np.bool_]

Way = Literal["telea", "navier_stokes"]
RADIUS = 4
"""How far a pixel looks, in pixels."""
_SHELL = 0.75
"""Thickness of a shell, in pixels."""
_MOST = 1 << 15
"""Pixels at once, for the memory's sake."""
_TINY = np.float32(1e-6)


def march(
    values: Floats,
    hole: Flags,
    way: Way,
    tick: Callable[[int, int], None] | None = None,
) -> Floats:
    """The picture with its hole filled.

    Args:
        values: [H, W, C] in 0..1.
        hole: [H, W], what to fill; where all of it is a hole, nothing changes.
        way: "telea" or "navier_stokes".
        tick: called with shells done, and of how many; may raise.

    Returns:
        [H, W, C] in 0..1, equal to `values` outside the hole.
    """
    if not hole.any() or hole.all():
        return values
    return _March(values, hole, way).run(tick)


class _March:
    """One filling; everything is padded by `RADIUS` + 1, so that no neighbour lies outside."""

    def __init__(self, values: Floats, hole: Flags, way: Way) -> None:
        from scipy import ndimage

        self._way = way
        self._edge = RADIUS + 1
        pad = (self._edge, self._edge)
        self._values = np.pad(values, (pad, pad, (0, 0)), mode="edge").astype(np.float32)
        inside = ndimage.distance_transform_edt(hole)
        outside = ndimage.distance_transform_edt(~hole)
        # Signed, zero on the edge between the two: Telea's T.
        distance = (inside - outside + np.where(hole, -0.5, 0.5)).astype(np.float32)
        self._distance = np.pad(distance, (pad, pad), mode="edge")
        self._known = np.pad(~hole, (pad, pad))
        self._gradient = np.stack(np.gradient(self._distance))
        step = np.arange(-RADIUS, RADIUS + 1)
        dy, dx = (each.ravel() for each in np.meshgrid(step, step, indexing="ij"))
        near = (dy * dy + dx * dx <= RADIUS * RADIUS) & ((dy != 0) | (dx != 0))
        self._dy, self._dx = dy[near], dx[near]

    def run(self, tick: Callable[[int, int], None] | None) -> Floats:
        edge = self._edge
        rows, columns = np.nonzero(~self._known[edge:-edge, edge:-edge])
        rows, columns = rows + edge, columns + edge
        shells = (self._distance[rows, columns] / _SHELL).astype(np.int64)
        order = np.argsort(shells, kind="stable")
        cuts = np.flatnonzero(np.diff(shells[order])) + 1
        parts = np.split(order, cuts)
        for number, part in enumerate(parts):
            new = [
                self._filled(rows[some], columns[some])
                for some in np.split(part, range(_MOST, len(part), _MOST))
            ]
            self._values[rows[part], columns[part]] = np.concatenate(new)
            self._known[rows[part], columns[part]] = True
            if tick is not None:
                tick(number + 1, len(parts))
        return np.ascontiguousarray(self._values[edge:-edge, edge:-edge].clip(0, 1))

    def _filled(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Floats:
        """What pixels become: [N, C]."""
        y, x = rows[:, None] + self._dy, columns[:, None] + self._dx
        known = self._known[y, x]
        weights = self._weights(rows, columns, y, x) * known + _TINY * known
        # Nothing known around (a bay deeper than the radius can't be: shells grow from the edge).
        weights /= np.maximum(weights.sum(1, keepdims=True), _TINY)
        values = self._values[y, x]
        if self._way == "telea":
            down, across = self._slopes(y, x)
            steps = (-self._dy[:, None] * down) + (-self._dx[:, None] * across)
            # Damped: over a long way a slope would run out of the picture's range.
            reach = np.float32(1) / (1 + self._distance[rows, columns] / RADIUS)
            values = values + steps * reach[:, None, None]
        found: Floats = np.einsum("nk,nkc->nc", weights, values).clip(0, 1)
        return found

    def _weights(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        y: NDArray[np.int64],
        x: NDArray[np.int64],
    ) -> Floats:
        """Of neighbours [N, K]."""
        squared = (self._dy * self._dy + self._dx * self._dx).astype(np.float32)
        length = np.sqrt(squared)
        if self._way == "telea":
            down, across = self._gradient[:, rows, columns]
            along = down[:, None] * self._dy + across[:, None] * self._dx
            direction = np.maximum(np.abs(along) / length, _TINY)
            apart = np.abs(self._distance[y, x] - self._distance[rows, columns][:, None])
            found: Floats = direction / squared / (1 + apart)
            return found
        down, across = (each.mean(-1) for each in self._slopes(y, x))
        steep = np.hypot(down, across)
        # The isophote is at a right angle to the slope.
        along = np.abs(across * self._dy - down * self._dx) / (length * np.maximum(steep, _TINY))
        isophote: Floats = np.where(steep > 1e-3, np.maximum(along, 0.01), 0.1)
        weights: Floats = isophote / (squared * length)
        return weights

    def _slopes(self, y: NDArray[np.int64], x: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """The picture's slopes (downwards, to the right) at known pixels, [N, K, C]."""
        return self._slope(y, x, 1, 0), self._slope(y, x, 0, 1)

    def _slope(self, y: NDArray[np.int64], x: NDArray[np.int64], down: int, across: int) -> Floats:
        after, before = (y + down, x + across), (y - down, x - across)
        here = self._values[y, x]
        ahead, behind = self._known[after][..., None], self._known[before][..., None]
        slope = np.where(ahead, self._values[after] - here, 0)
        slope += np.where(behind, here - self._values[before], 0)
        both: Floats = np.where(ahead & behind, slope / 2, slope)
        return both
