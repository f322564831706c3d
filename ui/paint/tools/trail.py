"""From what a hand does to the points of a stroke: smoothed, thinned, in picture pixels."""

from __future__ import annotations

import math
from typing import NamedTuple

LEAST_PRESSURE = 0.05
"""A pen that touches counts for this much at least."""
JUMP = 0.1
"""A change of pressure by this much makes a point of its own, wherever the last one was."""
PRESSURE_MS = 12.0
"""Time in which the pressure comes about two thirds closer to the pen's."""
SMOOTHING_MS = 120.0
"""The same for the brush's place, at a smoothing of 100 %."""
USUAL_MS = 8.0
"""Between two events whose times aren't known."""
LONGEST_MS = 50.0


class Spot(NamedTuple):
    """A point of a stroke: picture pixels, and pressure 0 to 1."""

    x: float
    y: float
    pressure: float


class Trail:
    """Follows a hand and says which points are to be kept.

    Points that are kept lie `step` apart or more, or differ in pressure; the last one is always
    kept. The path doesn't depend on when the points are drawn.

    Args:
        first: where the stroke begins.
        time_ms: when.
        step: picture pixels.
        smoothing: percent.
        feels: pressure changes the stroke; else it is left out of account.
    """

    def __init__(
        self, first: Spot, time_ms: int, *, step: float, smoothing: int, feels: bool
    ) -> None:
        self._step = step
        self._lag = SMOOTHING_MS * smoothing / 100
        self._feels = feels
        self._time = time_ms
        self._at = self._kept = first
        self._target = first

    @property
    def target(self) -> Spot:
        """Where the hand is; the brush may lag behind."""
        return self._target

    def go(self, x: float, y: float, pressure: float, time_ms: int) -> Spot | None:
        """The hand is here now; the point to keep, if any."""
        passed = min(max(time_ms - self._time, 0), LONGEST_MS) if time_ms else USUAL_MS
        self._time = time_ms
        near = _share(passed, self._lag)
        force = self._at.pressure
        if self._feels:
            force += (max(pressure, LEAST_PRESSURE) - force) * _share(passed, PRESSURE_MS)
        self._target = Spot(x, y, force)
        self._at = Spot(
            self._at.x + (x - self._at.x) * near, self._at.y + (y - self._at.y) * near, force
        )
        kept, at = self._kept, self._at
        if (
            math.hypot(at.x - kept.x, at.y - kept.y) < self._step
            and abs(at.pressure - kept.pressure) < JUMP
        ):
            return None
        self._kept = at
        return at

    def end(self) -> Spot | None:
        """The hand let go: the last point, if it isn't kept already."""
        return None if self._target == self._kept else self._target


def _share(passed: float, slow: float) -> float:
    """How much of the way is gone after a time (ms), where two thirds take `slow` (ms)."""
    return 1.0 - math.exp(-passed / slow) if slow > 0 else 1.0
