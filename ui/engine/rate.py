"""Steps a second, as a person wants to read it: calm, and soon right."""

from __future__ import annotations

from collections import deque

WINDOW = 3.0
"""Seconds that are looked back on: long enough to be calm, short enough to follow a change."""


class RateMeter:
    """Measures how fast something steps. The first step is left out: it may load weights."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, now: float, step: int) -> None:
        """Note that `step` (from 1) is done at `now`, in seconds."""
        if self._marks and step <= self._marks[-1][1]:
            self._marks.clear()
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW:
            self._marks.popleft()

    @property
    def rate(self) -> float:
        """Steps a second; 0 until two are done."""
        if len(self._marks) < 2:
            return 0.0
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - start) if end > start else 0.0
