"""What stands around painting: frames, previews of runs, results, outpainting; tied to one view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QEvent, QObject, QRectF, QTimer, Signal

from ui.paint.frames import FrameKeeper
from ui.paint.live import LivePreview
from ui.paint.outpaint import Outpainter
from ui.paint.results import ResultKeeper
from ui.paint.tools.frame import FrameTool

if TYPE_CHECKING:
    from ui.engine.queue import RunQueue
    from ui.paint.binding import Binding
    from ui.paint.strip import ResultStrip
    from ui.paint.view import PaintView

ROOM = 0.72
"""Share of the fitted zoom that leaves room to drag the outpaint frame to."""

EDGE = 40.0
"""View pixels around the outpaint frame; with less of them there is made room anew."""


class Surroundings(QObject):
    """Keeps frames, previews and results of a canvas up to date.

    Args:
        view: the canvas.
        strip: lists its results.
        queue: runs.
        parent: Qt's.
    """

    message = Signal(str)
    """What was done, or why it couldn't be."""

    def __init__(
        self, view: PaintView, strip: ResultStrip, queue: RunQueue, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._view, self._strip = view, strip
        self._binding: Binding | None = None
        self._room = 0.0
        """The zoom that was chosen to make room; 0 for none."""
        self._roomy_for: QRectF | None = None
        self.frames = FrameKeeper(self)
        self.outpainter = Outpainter(self)
        self.results = ResultKeeper(view, strip, queue, self)
        self.live = LivePreview(view, self.frames, self.outpainter, queue, self)
        tool = view.hands.tools.get(FrameTool.name)
        if not isinstance(tool, FrameTool):
            tool = FrameTool(view)
            view.hands.add(tool)
        tool.keeper = self.outpainter
        self.results.message.connect(self.message)
        self.outpainter.message.connect(self.message)
        self.frames.changed.connect(self._draw)
        self.outpainter.changed.connect(self._draw)
        strip.chosen.connect(self._draw)
        view.settings.changed.connect(self._on_setting)
        view.installEventFilter(self)

    def set_binding(self, binding: Binding | None) -> None:
        """Another mask is painted on; None for none."""
        old = self._binding
        if old is not None and shiboken6.isValid(old):
            old.painting.state_changed.disconnect(self._draw)
            old.painting.replaced.disconnect(self._draw)
        self._binding = binding
        for part in (self.frames, self.outpainter, self.results, self.live):
            part.set_binding(binding)
        if binding is not None:
            binding.painting.state_changed.connect(self._draw)
            binding.painting.replaced.connect(self._draw)
        self._draw()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self._view.zoom == self._room:
            # After the view has taken its place.
            QTimer.singleShot(0, self, self._resized)
        return super().eventFilter(watched, event)

    def _resized(self) -> None:
        if self._view.settings.tool == FrameTool.name and not self._view.hands.busy:
            self._make_room()

    def _on_setting(self, name: str) -> None:
        if name != "tool":
            return
        self._view.update()  # the outpaint frame has handles for its tool alone
        self._draw()
        if self._view.settings.tool == FrameTool.name:
            self._make_room()
        elif self._view.zoom == self._room:
            self._view.fit()

    def _make_room(self) -> None:
        """The frame is to be dragged out of a picture that fills the view: there must be an out."""
        view = self._view
        if view.fits or view.zoom == self._room:
            view.fit()
            view.zoom_to(view.zoom * ROOM)
            self._room = view.zoom

    def _draw(self, *_: object) -> None:
        shown, outpaint = self.frames.shown, self._outpaint()
        if self._strip.current is not None and not self.outpainter.dragging:
            # A result is looked at without the frames that it came from.
            self._view.set_frames(None)
            return
        self._view.set_frames(shown.rect, shown.words, outpaint)
        # Under the hand that drags it the picture stays where it is.
        if outpaint == self._roomy_for or self.outpainter.dragging:
            return
        self._roomy_for = outpaint
        if self._view.settings.tool != FrameTool.name:
            if self._view.fits:
                self._view.fit()
        elif outpaint is not None:
            inner = QRectF(self._view.rect()).adjusted(EDGE, EDGE, -EDGE, -EDGE)
            if not inner.contains(self._view.placement.rect(outpaint)):
                self._make_room()

    def _outpaint(self) -> QRectF | None:
        """The outpaint frame, where there is one, or the tool for it is chosen."""
        keeper = self.outpainter
        if keeper.size == (0, 0):
            return None
        chosen = self._view.settings.tool == FrameTool.name
        return keeper.rect if chosen or any(keeper.beyond) else None
