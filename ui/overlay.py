"""A box that floats over the window, goes when it is left, and gives the focus back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath
from PySide6.QtWidgets import QApplication, QWidget

from ui.theme import current, metrics

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

SHADOW = 12
"""Pixels around the box that its shadow takes."""


class Overlay(QWidget):
    """A rounded box with a shadow, child of the window, so that it needs no window of its own.

    It closes at Esc, at a click beside it, and when the focus goes elsewhere.

    Args:
        window: over which it floats.
    """

    closed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hide()
        self._back: QWidget | None = None
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._focus_changed)

    def pop_up(self, at: QPoint) -> None:
        """Show it with its top left corner there, kept inside the window."""
        window = self.window()
        self._back = QApplication.focusWidget()
        self.adjustSize()
        self._keep_inside(at)
        self.show()
        self.raise_()
        window.installEventFilter(self)

    def close_it(self) -> None:
        """Hide it and give the focus back to who had it."""
        if self.isHidden():
            return
        self.window().removeEventFilter(self)
        inside = self.isAncestorOf(QApplication.focusWidget() or self)
        back, self._back = self._back, None
        self.hide()
        if inside and back is not None and back.isVisible():
            back.setFocus(Qt.FocusReason.PopupFocusReason)
        self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.window() and event.type() == QEvent.Type.Resize:
            self._keep_inside(self.pos())
        return False

    def _keep_inside(self, at: QPoint) -> None:
        room = self.window().rect()
        x = max(room.left(), min(at.x(), room.right() - self.width()))
        y = max(room.top(), min(at.y(), room.bottom() - self.height()))
        self.move(x, y)

    def _focus_changed(self, _: QWidget | None, now: QWidget | None) -> None:
        if self.isHidden() or now is None or now is self:
            return
        if not self.isAncestorOf(now):
            self.close_it()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_box(painter, QRectF(self.rect()).adjusted(SHADOW, SHADOW, -SHADOW, -SHADOW))
        painter.end()


def paint_box(painter: QPainter, box: QRectF) -> None:
    """A raised box with a soft shadow around it, `SHADOW` wide."""
    theme = current()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    # Rings laid over each other add up. The outer ones are fainter, so that no edge is seen.
    ring = QColor(theme.shadow)
    for width in range(1, SHADOW):
        ring.setAlphaF(theme.shadow.alphaF() * 2 * (SHADOW - width) / SHADOW**2)
        painter.setBrush(ring)
        radius = metrics.RADIUS + width
        painter.drawRoundedRect(box.adjusted(-width, 2 - width, width, width), radius, radius)
    outline = QPainterPath()
    outline.addRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), metrics.RADIUS, metrics.RADIUS)
    painter.setBrush(theme.raised)
    painter.setPen(theme.node_border)
    painter.drawPath(outline)
