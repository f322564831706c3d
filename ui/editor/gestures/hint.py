"""A few words beside the mouse in the middle of a gesture: what a release would do, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel

from ui.theme import fonts
from ui.theme.manager import current

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from ui.editor.view import GraphView

OFFSET = QPoint(16, 18)
"""From the mouse to the words, so that the cursor doesn't cover them."""
MARGIN = 4
WIDEST = 420


class Hint(QLabel):
    """The label; it lets the mouse through.

    Args:
        view: whose viewport it lies on.
    """

    def __init__(self, view: GraphView) -> None:
        super().__init__(view.viewport())
        self._view = view
        self.bad = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFont(fonts.small())
        self.setContentsMargins(10, 5, 10, 5)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(False)
        self.hide()

    def say(self, words: str, pos: QPointF, *, bad: bool = False) -> None:
        """Show `words` at `pos` (viewport pixels), in the error colour if `bad`; "" hides it."""
        if not words:
            self.hide()
            return
        if words != self.text() or bad != self.bad:
            self.bad = bad
            theme = current()
            palette = self.palette()
            colour = theme.error if bad else theme.text
            palette.setColor(self.foregroundRole(), QColor(colour))
            self.setPalette(palette)
            wide = self.fontMetrics().horizontalAdvance(words) > WIDEST
            self.setWordWrap(wide)
            self.setText(words)
            if wide:
                self.setFixedWidth(WIDEST)
            else:
                self.setMinimumWidth(0)
                self.setMaximumWidth(16777215)
            self.adjustSize()
        self.move(self._place(pos.toPoint()))
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.error if self.bad else theme.node_border)
        painter.setBrush(theme.panel)
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()
        super().paintEvent(event)

    def _place(self, at: QPoint) -> QPoint:
        """Beside the mouse, and inside the view."""
        area = self._view.viewport().rect()
        x = min(at.x() + OFFSET.x(), area.width() - self.width() - MARGIN)
        y = at.y() + OFFSET.y()
        if y + self.height() > area.height() - MARGIN:
            y = at.y() - OFFSET.y() - self.height()
        return QPoint(max(MARGIN, x), max(MARGIN, y))
