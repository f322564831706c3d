"""A colour: a swatch and its hex digits; the swatch opens a square to pick from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QLinearGradient, QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QFrame, QGridLayout, QVBoxLayout, QWidget

from ui.editor.inline.line import LineField
from ui.theme import manager, metrics

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from studio.spec import Param

_SIDE, _BAR = 168, 14
SWATCHES = (
    "#000000", "#404040", "#808080", "#c0c0c0", "#ffffff", "#d32f2f", "#f57c00",
    "#fbc02d", "#388e3c", "#00897b", "#1976d2", "#5e35b1", "#c2185b", "#795548",
)  # fmt: skip


class Swatch(QAbstractButton):
    """A square of one colour."""

    def __init__(self, parent: QWidget, side: int) -> None:
        super().__init__(parent)
        self.colour = QColor()
        self.setFixedSize(side, side)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def set_colour(self, colour: QColor) -> None:
        self.colour = colour
        self.update()

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(manager.current().control_border)
        painter.setBrush(self.colour if self.colour.isValid() else Qt.BrushStyle.DiagCrossPattern)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)


class ColourField(LineField):
    """A colour as `#rrggbb`."""

    def __init__(self, param: Param | None, parent: QWidget | None, *, scale: float = 1.0) -> None:
        super().__init__(param, parent, scale=scale)
        self.swatch = Swatch(self, round(16 * scale))
        self.swatch.setToolTip("Pick a colour")
        self.swatch.setAccessibleName("Pick a colour")
        self.swatch.clicked.connect(self.open_picker)
        self.row.insertWidget(0, self.swatch)
        self.picker: ColourPicker | None = None

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        self._paint_swatch(value)

    def read(self) -> Any:
        text = super().read()
        return normal(text) if isinstance(text, str) else text

    def _edited(self, text: str) -> None:
        super()._edited(text)
        self._paint_swatch(normal(text))

    def _paint_swatch(self, value: Any) -> None:
        valid = isinstance(value, str) and len(value) == 7 and QColor.isValidColorName(value)
        self.swatch.set_colour(QColor(value) if valid else QColor())

    def open_picker(self) -> None:
        """Open the square below the swatch."""
        picker = ColourPicker(self, self.swatch.colour)
        picker.began.connect(self.gesture_began)
        picker.picked.connect(self._pick)
        picker.closed.connect(self._picker_closed)
        self.picker = picker
        picker.move(self.mapToGlobal(QPoint(0, self.height() + 3)))
        picker.show()
        picker.setFocus(Qt.FocusReason.PopupFocusReason)

    def _pick(self, colour: QColor) -> None:
        text = colour.name()
        if text == self.value:
            return
        self.value = text
        self.show_value(text)
        self.gestured.emit(text)

    def _picker_closed(self) -> None:
        self.picker = None


class ColourPicker(QFrame):
    """Saturation and lightness in a square, hue in a bar beside it, some colours below.

    Esc brings back the colour that it opened with.
    """

    began = Signal()
    picked = Signal(QColor)
    closed = Signal()

    def __init__(self, owner: QWidget, colour: QColor) -> None:
        super().__init__(owner, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._first = QColor(colour) if colour.isValid() else QColor("#808080")
        self._began = False
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(8)
        self.square = HueSquare(self)
        self.square.set_colour(self._first)
        self.square.changed.connect(self._pick)
        layout.addWidget(self.square)
        grid = QGridLayout()
        grid.setSpacing(4)
        for place, name in enumerate(SWATCHES):
            swatch = Swatch(self, 22)
            swatch.set_colour(QColor(name))
            swatch.setToolTip(name)
            swatch.setAccessibleName(name)
            swatch.clicked.connect(self._swatch_clicked)
            grid.addWidget(swatch, place // 7, place % 7)
        layout.addLayout(grid)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            if self._began:
                self.picked.emit(self._first)
            self.close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.close()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self.closed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = manager.current()
        painter.fillRect(self.rect(), theme.panel)
        painter.setPen(theme.border)
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _swatch_clicked(self) -> None:
        swatch = self.sender()
        assert isinstance(swatch, Swatch)
        self.square.set_colour(swatch.colour)
        self._pick(swatch.colour)

    def _pick(self, colour: QColor) -> None:
        if not self._began:
            self._began = True
            self.began.emit()
        self.picked.emit(colour)


class HueSquare(QWidget):
    """A square of saturation (right) and value (up), and a bar of hues."""

    changed = Signal(QColor)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(_SIDE + 8 + _BAR, _SIDE)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._hue, self._saturation, self._value = 0.0, 0.0, 0.0
        self._in_bar = False

    def set_colour(self, colour: QColor) -> None:
        hue, saturation, value = colour.hsvHueF(), colour.hsvSaturationF(), colour.valueF()
        if hue >= 0:  # greys have none, and keep the one shown
            self._hue = hue
        self._saturation, self._value = saturation, value
        self.update()

    def colour(self) -> QColor:
        return QColor.fromHsvF(self._hue, self._saturation, self._value)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._in_bar = event.position().x() > _SIDE + 4
        self._take(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._take(event)

    def _take(self, event: QMouseEvent) -> None:
        x = min(1.0, max(0.0, event.position().x() / _SIDE))
        y = min(1.0, max(0.0, event.position().y() / _SIDE))
        if self._in_bar:
            self._hue = min(y, 0.999)
        else:
            self._saturation, self._value = x, 1 - y
        self.update()
        self.changed.emit(self.colour())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        square = QRectF(0, 0, _SIDE, _SIDE)
        across = QLinearGradient(0, 0, _SIDE, 0)
        across.setColorAt(0, QColor("white"))
        across.setColorAt(1, QColor.fromHsvF(self._hue, 1, 1))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(across)
        painter.drawRoundedRect(square, metrics.FIELD_RADIUS, metrics.FIELD_RADIUS)
        down = QLinearGradient(0, 0, 0, _SIDE)
        down.setColorAt(0, QColor(0, 0, 0, 0))
        down.setColorAt(1, QColor("black"))
        painter.setBrush(down)
        painter.drawRoundedRect(square, metrics.FIELD_RADIUS, metrics.FIELD_RADIUS)
        bar = QRectF(_SIDE + 8, 0, _BAR, _SIDE)
        hues = QLinearGradient(0, 0, 0, _SIDE)
        for place in range(7):
            hues.setColorAt(place / 6, QColor.fromHsvF(place / 6 % 1, 1, 1))
        painter.setBrush(hues)
        painter.drawRoundedRect(bar, metrics.FIELD_RADIUS, metrics.FIELD_RADIUS)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(QColor("black"), 3), QPen(QColor("white"), 1.5)):
            painter.setPen(pen)
            painter.drawEllipse(
                QRectF(self._saturation * _SIDE - 5, (1 - self._value) * _SIDE - 5, 10, 10)
            )
            y = self._hue * _SIDE
            painter.drawLine(QPointF(bar.left(), y), QPointF(bar.right(), y))


def normal(text: str) -> str:
    """ "abc", "#ABC" and "aabbcc" as "#aabbcc"; anything else as it is."""
    digits = text.strip().removeprefix("#").lower()
    if not digits or any(digit not in "0123456789abcdef" for digit in digits):
        return text
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return f"#{digits}" if len(digits) == 6 else text


