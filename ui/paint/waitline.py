"""A thin line that runs along the top of the canvas while what is painted is being drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from ui.theme import current
from ui.theme.manager import motion

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.paint.painting import Painting

HEIGHT = 3
"""View pixels."""
PATIENCE = 120
"""Milliseconds for which nothing is shown."""
_STEP = 33
_ROUND = 1200
"""Milliseconds that it takes from end to end."""
_LONG = 0.25
"""Of the width that the light part takes."""


class WaitLine(QWidget):
    """Shown over the view while a picture is seen that can't be painted on yet.

    Args:
        view: whose upper edge it lies on; the parent.
    """

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("The mask is being drawn")
        self._painting: Painting | None = None
        self._phase = 0.0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PATIENCE)
        self._soon.timeout.connect(self._appear)
        self._tick = QTimer(self)
        self._tick.setInterval(_STEP)
        self._tick.timeout.connect(self._move_on)
        view.installEventFilter(self)
        self.hide()

    def follow(self, painting: Painting) -> None:
        """Show the state of this one from now on."""
        if self._painting is not None:
            self._painting.state_changed.disconnect(self._state_changed)
        self._painting = painting
        painting.state_changed.connect(self._state_changed)
        self._state_changed()

    def _state_changed(self) -> None:
        painting = self._painting
        if painting is None or not painting.awaited:
            self._soon.stop()
            self._tick.stop()
            self.hide()
        elif self.isHidden() and not self._soon.isActive():
            self._soon.start()

    def _appear(self) -> None:
        self._phase = 0.0
        self._place()
        self.show()
        self.raise_()
        if motion():
            self._tick.start()

    def _move_on(self) -> None:
        self._phase = (self._phase + _STEP / _ROUND) % 1.0
        self.update()

    def _place(self) -> None:
        view = self.parentWidget()
        assert view is not None
        self.setGeometry(0, 0, view.width(), HEIGHT)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        accent = QColor(current().accent)
        if self._tick.isActive():
            faint = QColor(accent)
            faint.setAlphaF(0.3)
            painter.fillRect(self.rect(), faint)
            long = self.width() * _LONG
            left = (self.width() + long) * self._phase - long
            painter.fillRect(QRectF(left, 0, long, self.height()), accent)
        else:
            painter.fillRect(self.rect(), accent)
