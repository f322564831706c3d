"""Previews of the sampler on the canvas, in the mask, while the graph runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject, QRectF

from ui.paint.chain import below
from ui.paint.outpaint import SNAP

if TYPE_CHECKING:
    from ui.engine.job import Job
    from ui.engine.queue import RunQueue
    from ui.engine.states import NodeStates
    from ui.paint.binding import Binding
    from ui.paint.frames import FrameKeeper
    from ui.paint.outpaint import Outpainter
    from ui.paint.view import PaintView


class LivePreview(QObject):
    """Shows what is being sampled where it will be.

    A preview covers what was sampled: the crop frame as it was when the run was seen to begin, or
    the whole picture, filled up to the model's step.

    Args:
        view: shows it, clipped to the mask.
        frames: know the crop frame.
        outpainter: knows the larger picture, where there is no crop.
        queue: runs.
        parent: Qt's.
    """

    def __init__(
        self,
        view: PaintView,
        frames: FrameKeeper,
        outpainter: Outpainter,
        queue: RunQueue,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._view, self._frames, self._outpainter = view, frames, outpainter
        self._binding: Binding | None = None
        self._states: NodeStates | None = None
        self._node = ""
        self._last = 0
        """Of the picture that the node had before it ran, or of the last one shown."""
        self._rect: QRectF | None = None
        self._showing = False
        queue.job_finished.connect(self._on_finished)

    def set_binding(self, binding: Binding | None) -> None:
        """Follow the runs of another graph; None follows none."""
        if binding is self._binding:
            return
        if self._states is not None and shiboken6.isValid(self._states):
            self._states.changed.disconnect(self._on_news)
        self._clear()
        self._binding = binding
        self._states = binding.editor.states if binding is not None else None
        if self._states is not None:
            self._states.changed.connect(self._on_news)

    @property
    def showing(self) -> bool:
        """A preview is on the canvas."""
        return self._showing

    # Inside

    def _on_news(self, names: set[str]) -> None:
        binding, states = self._binding, self._states
        if binding is None or states is None or not shiboken6.isValid(binding):
            return
        if not states.running:
            self._clear()
            return
        name = states.active
        if name is None or name not in names:
            return
        if name != self._node:
            self._begin(binding, states, name)
        if self._rect is None or not states.get(name).step:
            return
        image = states.preview(name)
        if image is None or image.cacheKey() == self._last:
            return
        self._last = image.cacheKey()
        self._showing = True
        self._view.set_live(image, self._rect)

    def _begin(self, binding: Binding, states: NodeStates, name: str) -> None:
        """A node has begun: what it showed before is no preview of this run."""
        self._node = name
        fresh = states.get(name).step > 0
        old = states.preview(name)
        self._last = old.cacheKey() if old is not None and not fresh else 0
        there = below(binding.editor.document, binding.node)
        self._rect = self._place() if name in there else None

    def _place(self) -> QRectF | None:
        """Where a preview lies, in pixels of the picture; None where that can't be known."""
        shown = self._frames.shown
        if shown.sampled is not None:
            return shown.sampled
        if shown.words:
            return None
        whole = self._outpainter.rect
        # Sides are filled up at the right and at the bottom.
        wide, high = (-(-int(side) // SNAP) * SNAP for side in (whole.width(), whole.height()))
        return QRectF(whole.x(), whole.y(), wide, high) if wide and high else None

    def _on_finished(self, job: Job) -> None:
        if job.states is self._states:
            self._clear()

    def _clear(self) -> None:
        self._node, self._last, self._rect = "", 0, None
        if self._showing:
            self._showing = False
            self._view.set_live(None)
