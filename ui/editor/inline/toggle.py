"""On or off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractButton

from ui.editor.inline.field import Field
from ui.theme import fonts, manager

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QWidget

    from studio.spec import Param

_WIDTH, _HEIGHT = 30, 16


class Switch(QAbstractButton):
    """A switch with its state in words beside it, so that colour doesn't stand alone."""

    def __init__(self, parent: QWidget, scale: float = 1.0) -> None:
        super().__init__(parent)
        self._scale = scale
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(round(90 * self._scale), round(20 * self._scale))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, height = _WIDTH * self._scale, _HEIGHT * self._scale
        rect = QRectF(0.5, (self.height() - height) / 2, width, height)
        paint_switch(painter, rect, self.isChecked(), enabled=self.isEnabled())
        theme = manager.current()
        painter.setPen(theme.text if self.isEnabled() else theme.disabled)
        painter.setFont(self.font())
        words = QRectF(rect.right() + 8 * self._scale, 0, self.width(), self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, "on" if self.isChecked() else "off")


def paint_switch(painter: QPainter, rect: QRectF, on: bool, *, enabled: bool = True) -> None:
    """A switch within `rect`; the painter should smooth edges."""
    theme = manager.current()
    ground = theme.accent_fill if on else theme.pressed
    painter.setPen(theme.accent_fill if on else theme.control_border)
    painter.setBrush(ground if enabled else theme.field)
    radius = rect.height() / 2
    painter.drawRoundedRect(rect, radius, radius)
    knob = rect.height() - 6
    left = rect.right() - knob - 3 if on else rect.left() + 3
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.accent_text if on else theme.secondary)
    painter.drawEllipse(QRectF(left, rect.top() + 3, knob, knob))


class ToggleField(Field):
    """A switch; each click or Space is one edit."""

    def __init__(self, param: Param | None, parent: QWidget | None, *, scale: float = 1.0) -> None:
        super().__init__(param, parent, scale=scale)
        self.switch = Switch(self, scale)
        self.switch.setFont(self.scaled_font(fonts.value()))
        self.switch.clicked.connect(self.commit)
        self.row.addWidget(self.switch, 1)
        self.set_main(self.switch)

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        self.switch.setChecked(bool(value))

    def read(self) -> Any:
        return self.switch.isChecked()

    def dirty(self) -> bool:
        # A file may have another kind of value, which stays until one clicks.
        return self.switch.isChecked() != bool(self.value)
