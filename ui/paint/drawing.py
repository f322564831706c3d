"""What a document says is painted, drawn in threads: a draft first where that is worth it.

Strokes are drawn while their picture is still being read, as far as none of them needs it and no
draft is to be seen first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from studio.errors import StudioError
from studio.masks.imported import load
from studio.masks.items import Item, Strokes
from studio.masks.sketch import Sketch, Stroke
from ui.paint.draft import SLOW, Draft, draft_layer, draft_mask, expected
from ui.paint.prepared import Ground, Prepared, lay, prepare
from ui.paint.reading import ItemReader, value_or_empty

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from ui.jobs import Job, Jobs
    from ui.paint.mips import PictureLevels

    Plane = NDArray[np.uint8]
    Known = tuple[dict[int, tuple[Any, Item]], dict[int, tuple[Any, Stroke]]]


class _Stale(StudioError):
    """Another drawing is wanted by now."""


@dataclass(frozen=True)
class Wish:
    """What is to be drawn, as it stands in the document.

    Args:
        size: width and height of the picture, pixels.
        strokes, sketch: values of the node's parameters.
        known: what the readers know of them, by `snapshot`.
        base: folder that imported masks lie in.
    """

    size: tuple[int, int]
    strokes: Any
    sketch: Any
    known: Known
    base: Path


@dataclass(frozen=True)
class Drawn:
    """What came of it.

    Args:
        prepared: the canvases.
        strokes, sketch: each item with its dict in the document.
    """

    prepared: Prepared
    strokes: list[tuple[Any, Item]]
    sketch: list[tuple[Any, Stroke]]


@dataclass(frozen=True)
class _Read:
    strokes: list[tuple[Any, Item]]
    sketch: list[tuple[Any, Stroke]]
    mask: Strokes
    layer: Sketch
    rasters: dict[str, Plane]
    rough: tuple[Plane, Plane | None] | None


class Drawing(QObject):
    """One drawing under way, until it is `done`, has `failed` or is cancelled.

    Args:
        reading: read the items of mask and sketch.
        jobs: whose threads draw.
        wish: what.
        parent: Qt's.
    """

    drafted = Signal(object)
    """`Draft`: the picture is there, and the exact mask will take a while yet."""
    done = Signal(object)
    """`Drawn`."""
    failed = Signal(object)
    """The error."""

    def __init__(
        self,
        reading: tuple[ItemReader[Item], ItemReader[Stroke]],
        jobs: Jobs,
        wish: Wish,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._size = wish.size
        self._picture: PictureLevels | None = None
        self._jobs = jobs
        self._cancelled = False
        self._read: _Read | None = None
        self._ground: Ground | None = None
        self._job: Job | None = None
        self._start(lambda: self._reads(reading, wish), self._have_read)

    def awaits(self, picture: PictureLevels) -> bool:
        """This is the picture that is needed to go on."""
        return self._picture is None and self._size == (picture.width, picture.height)

    def give(self, picture: PictureLevels) -> None:
        """The picture is there, of the wish's size."""
        self._picture = picture
        self._show()
        self._go_on()

    def cancel(self) -> None:
        """Nobody wants it any more: nothing is told from now on."""
        self._cancelled = True
        if self._job is not None:
            self._job.cancel()

    # In threads

    def _check(self) -> None:
        if self._cancelled:
            raise _Stale("")

    def _reads(
        self, reading: tuple[ItemReader[Item], ItemReader[Stroke]], wish: Wish
    ) -> _Read:
        strokes = reading[0].read_all(value_or_empty(wish.strokes), wish.known[0])
        layers = reading[1].read_all(value_or_empty(wish.sketch), wish.known[1])
        mask = Strokes(tuple(item for _, item in strokes))
        layer = Sketch(tuple(stroke for _, stroke in layers))
        rasters = load(mask, wish.base)
        rough = None
        if expected(mask, layer, *wish.size) > SLOW:
            rough = (
                draft_mask(mask, *wish.size, rasters, self._check),
                draft_layer(layer, *wish.size, self._check),
            )
        return _Read(strokes, layers, mask, layer, rasters, rough)

    def _draws(self, read: _Read) -> Ground | Drawn:
        ground, size = self._ground, self._size
        if ground is None:
            # Where no item needs the picture it may come at any moment.
            pixels = None if self._picture is None else self._picture.picture
            ground = lay(*size, pixels, read.mask, read.layer, read.rasters, self._check)
        if (found := self._picture) is None:
            return ground
        prepared = prepare(
            *size, found.picture, read.mask, read.layer, read.rasters, self._check, found, ground
        )
        return Drawn(prepared, read.strokes, read.sketch)

    # Here

    def _have_read(self, read: _Read) -> None:
        self._read = read
        self._show()
        self._go_on()

    def _show(self) -> None:
        read = self._read
        if self._picture is None or read is None or read.rough is None:
            return
        mask, layer = read.rough
        self.drafted.emit(Draft(self._picture.picture, self._picture, mask, layer))

    def _go_on(self) -> None:
        """Begin the next part, if there is all that it takes and nothing is under way."""
        read = self._read
        if read is None or self._job is not None or self._cancelled:
            return
        needs = read.mask.needs_picture or read.layer.needs_picture
        # Two threads that compute in Python take turns: where there is a draft it goes first, and
        # what is slow begins when that is seen.
        awaited = needs or self._ground is not None or read.rough is not None
        if self._picture is None and awaited:
            return
        self._start(lambda: self._draws(read), self._have_drawn)

    def _have_drawn(self, found: Ground | Drawn) -> None:
        if isinstance(found, Drawn):
            self.done.emit(found)
        else:
            self._ground = found
            self._go_on()

    def _start(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        def after(found: Any) -> None:
            self._job = None
            then(found)

        def failed(error: StudioError | OSError) -> None:
            self._job = None
            self.failed.emit(error)

        self._job = self._jobs.run(work, after, failed)
