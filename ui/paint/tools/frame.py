"""The tool that drags the outpaint frame: by its edges and corners, or all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt

from ui.paint.decor import draw_pill, pill_size
from ui.paint.outpaint import handle_at
from ui.paint.tools.base import LEFT, Tool

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from ui.paint.outpaint import Outpainter
    from ui.paint.placement import Placement
    from ui.paint.tools.base import Touch

_CURSORS = {
    "left": Qt.CursorShape.SizeHorCursor,
    "right": Qt.CursorShape.SizeHorCursor,
    "top": Qt.CursorShape.SizeVerCursor,
    "bottom": Qt.CursorShape.SizeVerCursor,
    "top-left": Qt.CursorShape.SizeFDiagCursor,
    "bottom-right": Qt.CursorShape.SizeFDiagCursor,
    "top-right": Qt.CursorShape.SizeBDiagCursor,
    "bottom-left": Qt.CursorShape.SizeBDiagCursor,
    "inside": Qt.CursorShape.SizeAllCursor,
}
BADGE = 22.0
"""Height of the words at the frame, in view pixels."""


class FrameTool(Tool):
    """Drags the outpaint frame; Alt lets it stop at any pixel. What it drags is `keeper`'s."""

    name = "frame"
    cursor = Qt.CursorShape.ArrowCursor
    keeper: Outpainter | None = None
    """Set once there is one; without it nothing can be dragged."""
    _from: QPointF | None = None

    @property
    def busy(self) -> bool:
        return self.keeper is not None and self.keeper.dragging

    def press(self, touch: Touch) -> None:
        if self.keeper is None or touch.eraser or touch.button != LEFT:
            return
        handle = handle_at(self._frame(self.stage.placement), touch.view)
        self.keeper.begin(handle)
        self._from = QPointF(touch.x, touch.y)

    def move(self, touch: Touch) -> None:
        if self.keeper is None or self._from is None or not self.keeper.dragging:
            return
        self.keeper.drag(touch.x - self._from.x(), touch.y - self._from.y(), free=touch.alt)
        self.stage.refresh(QRectF())

    def hover(self, touch: Touch) -> None:
        handle = handle_at(self._frame(self.stage.placement), touch.view)
        self.cursor = _CURSORS.get(handle, Qt.CursorShape.ArrowCursor)

    def release(self, touch: Touch) -> None:
        self.move(touch)
        if self.keeper is not None:
            self.keeper.commit()
        self._let_go()

    def cancel(self) -> None:
        if self.keeper is not None:
            self.keeper.cancel()
        self._let_go()

    def draw(self, painter: QPainter, placement: Placement) -> None:
        """While it is dragged: the size that the picture will have."""
        if not self.busy:
            return
        badge = self._badge(placement)
        lowest = painter.window().bottom() - BADGE - 8
        if badge.y() > lowest:
            badge.moveTop(lowest)
        draw_pill(painter, badge, self._words())

    def bounds(self) -> QRectF:
        return self._badge(self.stage.placement) if self.busy else QRectF()

    # Inside

    def _let_go(self) -> None:
        self._from = None
        self.stage.refresh(QRectF())

    def _frame(self, placement: Placement) -> QRectF:
        return placement.rect(self.keeper.rect) if self.keeper is not None else QRectF()

    def _words(self) -> str:
        assert self.keeper is not None
        rect, beyond = self.keeper.rect, self.keeper.beyond
        added = [f"{side} {pixels}" for side, pixels in beyond._asdict().items() if pixels]
        size = f"{rect.width():.0f} \u00d7 {rect.height():.0f}"
        return " \u00b7 ".join((size, *added))

    def _badge(self, placement: Placement) -> QRectF:
        """Below the frame: the picture isn't hidden by it."""
        width = pill_size(self._words())
        frame = self._frame(placement)
        return QRectF(frame.center().x() - width / 2, frame.bottom() + 12, width, BADGE)
