"""The crop frame on the canvas: follows strokes and graph, worked out beside the GUI's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import shiboken6
from PySide6.QtCore import QObject, QRectF, Signal

from studio.errors import InputError
from ui.editor.following import follow
from ui.jobs import Jobs
from ui.paint.chain import Crop, Unknown, crop_of, frame_of, side_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from studio.editing.changes import Change
    from studio.errors import StudioError
    from ui.paint.binding import Binding

    Plane = NDArray[np.uint8]


class Shown(NamedTuple):
    """What is known of the part that a run will sample.

    Args:
        rect: the part, in pixels of the picture that is painted on; None for no frame.
        sampled: where the pixels lie that the sampler gets, filled up to its step; None where that
            isn't known. A preview of the sampler covers it.
        words: what it is sampled at, or why there is no frame.
    """

    rect: QRectF | None = None
    sampled: QRectF | None = None
    words: str = ""


class _NotKnown(InputError):
    """`Unknown`, out of a thread."""


class FrameKeeper(QObject):
    """Works out the crop frame of the mask that is painted on, again after every change.

    While a stroke is in hand the frame stays as it is.

    Args:
        parent: Qt's.
    """

    changed = Signal()
    """`shown` is another."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shown = Shown()
        self._binding: Binding | None = None
        self._jobs = Jobs(1, self, drop=True)
        self._sides: dict[str | None, int | None] = {}
        self._crop: Crop | None = None
        self._working = False
        self._again = False

    def set_binding(self, binding: Binding | None) -> None:
        """Follow another mask; None follows none."""
        if binding is self._binding:
            return
        if self._binding is not None and shiboken6.isValid(self._binding):
            painting = self._binding.painting
            painting.changed.disconnect(self._on_painted)
            painting.committed.disconnect(self._look)
            painting.replaced.disconnect(self._look)
            painting.state_changed.disconnect(self._look)
            self._binding.editor.document.changed.disconnect(self._on_document)
        self._binding = binding
        self._show(Shown())
        if binding is not None:
            painting = binding.painting
            painting.changed.connect(self._on_painted)
            painting.committed.connect(self._look)
            painting.replaced.connect(self._look)
            painting.state_changed.connect(self._look)
            follow(binding.editor.document, self, self._on_document)
            self._look()

    @property
    def busy(self) -> bool:
        """A frame is being worked out."""
        return self._working

    # Inside

    def _on_painted(self, _: object) -> None:
        if self._binding is not None and not self._binding.painting.painting:
            self._look()

    def _on_document(self, changes: tuple[Change, ...]) -> None:
        if any(change.section == "nodes" for change in changes):
            self._look()

    def _look(self, *_: object) -> None:
        """Read the graph now, and work the frame out as soon as that has a turn."""
        binding = self._binding
        if binding is None or not shiboken6.isValid(binding):
            self._show(Shown())
            return
        document, painting = binding.editor.document, binding.painting
        if not painting.ready or binding.node not in document.nodes:
            self._show(Shown())
            return
        try:
            self._crop = crop_of(document, binding.node)
        except Unknown as unknown:
            self._crop = None
            self._show(Shown(words=str(unknown)))
            return
        if self._crop is None:
            self._show(Shown())
        elif self._working:
            self._again = True
        else:
            self._work(self._crop, painting.mask.mask.copy())

    def _work(self, crop: Crop, mask: Plane) -> None:
        self._working = True
        binding, sides = self._binding, self._sides

        def work() -> Shown:
            if crop.own_size and crop.checkpoint not in sides:
                sides[crop.checkpoint] = side_of(crop.checkpoint)
            try:
                return shown_of(crop, mask, sides.get(crop.checkpoint))
            except Unknown as unknown:
                raise _NotKnown(str(unknown)) from None

        def then(shown: Shown) -> None:
            self._working = False
            if self._again:
                self._again = False
                self._look()
            elif binding is self._binding and crop == self._crop:
                self._show(shown)
            else:
                self._look()

        def failed(error: StudioError | OSError) -> None:
            then(Shown(words=str(error)))

        self._jobs.run(work, then, failed)

    def _show(self, shown: Shown) -> None:
        if shown != self.shown:
            self.shown = shown
            self.changed.emit()


def shown_of(crop: Crop, mask: Plane, side: int | None) -> Shown:
    """What the canvas shows of a crop. For threads.

    Args:
        crop: what `crop_of` found.
        mask: uint8 [H, W], the strokes, drawn.
        side: the model's own size, pixels; None where it isn't known.

    Raises:
        Unknown: it can't be told without a run.
    """
    frame = frame_of(crop, mask, side)
    if frame is None:
        return Shown(words="Nothing is masked yet.")
    left, top = crop.offset
    part = QRectF(frame.x - left, frame.y - top, frame.width, frame.height)
    sides = frame.scaled_width, frame.scaled_height
    wide, high = (-(-side // crop.fill_up) * crop.fill_up for side in sides)
    sampled = QRectF(
        part.x(),
        part.y(),
        part.width() * wide / frame.scaled_width,
        part.height() * high / frame.scaled_height,
    )
    words = f"sampled at {wide} \u00d7 {high}"
    if crop.whole:
        return Shown(None, sampled, f"whole picture, {words}")
    if crop.own_size and side is None:
        words = "sampled at the model's own size"
    return Shown(part, sampled, words)
