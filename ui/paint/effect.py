"""What a node makes of the painted mask: turned around, grown, faded; worked out in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from studio.masks import shape
from studio.masks.names import MAX_GROW
from ui.jobs import Job, Jobs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.errors import StudioError
    from ui.paint.mips import Pyramid
    from ui.paint.painting import Painting

MOST = 1 << 20
"""Pixels of the mask that it is worked out from."""

FARTHEST = 96.0
"""Of those pixels that it is grown by at most; for more a coarser one will do."""

PAUSE = 90
"""Milliseconds after a change of the mask until it is worked out: not with every dab."""


@dataclass(frozen=True)
class Effect:
    """The mask that a node gives on.

    Args:
        plane: uint8 [h, w].
        side: picture pixels that one of its pixels takes, across and down.
    """

    plane: NDArray[np.uint8]
    side: int


class _Late(Exception):
    """Nobody wants it any more."""


class EffectKeeper(QObject):
    """Keeps the effect of one painting up to date. One that changes nothing is None.

    Args:
        parent: Qt's.
    """

    changed = Signal(object)
    """The `Effect`, or None."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = Jobs(1, self, drop=True)
        self._job: Job | None = None
        self._again = False
        self._painting: Painting | None = None
        self._mask: Pyramid | None = None
        self.effect: Effect | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self._begin)

    @property
    def busy(self) -> bool:
        """It is, or will be, worked out anew."""
        return self._timer.isActive() or self._job is not None

    def follow(self, painting: Painting, mask: Pyramid) -> None:
        """Work on this from now on.

        Args:
            painting: has the shape's numbers.
            mask: its mask.
        """
        self._painting, self._mask = painting, mask
        self._drop()
        self._show(None)
        self.touch()

    def touch(self) -> None:
        """The mask or the numbers changed."""
        found = self._painting
        if found is None or not (found.grow or found.feather):
            self._drop()
            self._show(None)
        elif self._job is not None:
            self._again = True
        else:
            # Not put off again and again while a hand paints on.
            if not self._timer.isActive():
                self._timer.start()

    def _drop(self) -> None:
        self._timer.stop()
        self._again = False
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def _begin(self) -> None:
        painting, mask = self._painting, self._mask
        if painting is None or mask is None:
            return
        level = level_for(painting.width, painting.height, painting.grow, mask.count)
        plane = mask.level(level).copy()
        grow, feather, invert = painting.grow, painting.feather, painting.invert
        job: Job | None = None

        def check() -> None:
            if job is not None and job.cancelled:
                raise _Late

        def work() -> Effect | None:
            try:
                return effect_of(plane, 2**level, grow, feather, invert, check)
            except _Late:
                return None

        job = self._job = self._jobs.run(work, self._done, self._failed)

    def _done(self, found: Effect | None) -> None:
        self._job = None
        self._show(found)
        if self._again:
            self._again = False
            self.touch()

    def _failed(self, error: StudioError | OSError) -> None:
        self._job = None
        self._show(None)

    def _show(self, found: Effect | None) -> None:
        if found is not None or self.effect is not None:
            self.effect = found
            self.changed.emit(found)


def level_for(width: int, height: int, grow: float, levels: int) -> int:
    """The level of a mask that its effect is worked out from."""
    level = 0
    while level < levels - 1 and (
        (width >> level) * (height >> level) > MOST or abs(grow) / 2**level > FARTHEST
    ):
        level += 1
    return level


def effect_of(
    plane: NDArray[np.uint8],
    side: int,
    grow: float,
    feather: float,
    invert: bool,
    check: shape.Check | None = None,
) -> Effect:
    """The effect on a mask at a part of its size, about as it is on the whole.

    Args:
        plane: uint8 [h, w].
        side: picture pixels to a pixel of it.
        grow, feather: as the node has them, picture pixels; what is out of range is held within.
        invert: first of all.
        check: called now and then; may raise to stop.
    """
    mask = plane.astype(np.float32) / np.float32(255)
    if invert:
        mask = 1 - mask
    most = MAX_GROW
    mask = shape.grow(mask, min(max(grow / side, -most), most), check)
    mask = shape.feather(mask, min(max(feather / side, 0), most))
    return Effect((mask * np.float32(255) + np.float32(0.5)).astype(np.uint8), side)
