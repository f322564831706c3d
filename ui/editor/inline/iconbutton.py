"""A small icon within a field: dice, folder, menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractButton

from ui.theme import icons, manager

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QEnterEvent, QPaintEvent
    from PySide6.QtWidgets import QWidget


class IconButton(QAbstractButton):
    """An icon that can be clicked, with a name for screen readers and on hover.

    Args:
        icon: of `ui.theme.icons`.
        words: what it does.
        parent: Qt's.
        scale: of its size.
    """

    def __init__(self, icon: str, words: str, parent: QWidget, scale: float = 1.0) -> None:
        super().__init__(parent)
        self.icon_name = icon
        self._icon_size = round(15 * scale)
        self.setToolTip(words)
        self.setAccessibleName(words)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        # The keyboard stays in the line beside it.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        side = round(22 * scale)
        self.setFixedSize(side, side)

    def set_icon(self, name: str) -> None:
        self.icon_name = name
        self.update()

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = manager.current()
        if self.underMouse() and self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.pressed if self.isDown() else theme.raised)
            painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        colour = "icon" if self.isEnabled() else "disabled"
        size = self._icon_size
        drawn = icons.pixmap(self.icon_name, colour, size, self.devicePixelRatioF())
        painter.drawPixmap((self.width() - size) // 2, (self.height() - size) // 2, drawn)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.update()
        super().leaveEvent(event)
