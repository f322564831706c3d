"""From Qt's events to touches: which button, where on the picture, how hard, at which end."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QInputDevice, QMouseEvent, QPointingDevice, QTabletEvent
from PySide6.QtWidgets import QApplication

from ui.paint.tools.base import LEFT, RIGHT, Touch
from ui.paint.tools.marks import distance

if TYPE_CHECKING:
    from PySide6.QtGui import QSinglePointEvent

    from ui.paint.tools.base import Stage

AFTER_PEN = 0.3
"""Seconds after the pen in which a mouse event made by the system is the pen's own again."""
NEAR = 8.0
"""View pixels between two taps that make a double tap."""


class Touches:
    """Makes touches of one view's events.

    Args:
        stage: the view.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._pen_seen = -AFTER_PEN
        self._tap: Touch | None = None
        self._tap_time = 0.0

    def of(self, event: QMouseEvent | QTabletEvent) -> Touch:
        """The touch of an event."""
        at = event.position()
        spot = self._stage.placement.to_picture(at)
        pen = isinstance(event, QTabletEvent)
        eraser = bool(event.buttons() & RIGHT) or event.button() == RIGHT
        pressure = 1.0
        if isinstance(event, QTabletEvent):
            eraser |= event.pointerType() == QPointingDevice.PointerType.Eraser
            pressure = min(max(event.pressure(), 0.0), 1.0)
        return Touch(
            view=QPointF(at),
            x=spot.x(),
            y=spot.y(),
            pressure=pressure,
            eraser=eraser,
            pen=pen,
            button=event.button() or _first(event.buttons()),
            modifiers=event.modifiers(),
            time_ms=event.timestamp(),
        )

    def pen_was_here(self) -> None:
        """A pen's event came: the system may send the same once more, as a mouse's."""
        self._pen_seen = monotonic()

    def is_echo(self, event: QMouseEvent) -> bool:
        """Whether a mouse event is but what a pen did, told once more."""
        if event.source() == Qt.MouseEventSource.MouseEventNotSynthesized and (
            event.device() is None or event.device().type() != QInputDevice.DeviceType.Stylus
        ):
            return False
        return monotonic() - self._pen_seen < AFTER_PEN

    def is_double(self, touch: Touch) -> bool:
        """Whether a pen's tap is the second of two; Qt tells that of mice alone."""
        before, self._tap = self._tap, touch
        now, then = monotonic(), self._tap_time
        self._tap_time = now
        close = (
            before is not None
            and (now - then) * 1000 < QApplication.doubleClickInterval()
            and distance(before.view, touch.view) < NEAR
        )
        if close:
            self._tap = None  # a third tap is a first one
        return close


def begins(event: QSinglePointEvent) -> bool:
    """Whether a pen's press touches the picture; its buttons are told as presses as well."""
    return event.button() == LEFT or (
        isinstance(event, QTabletEvent) and event.button() == RIGHT and event.pressure() > 0
    )


def _first(buttons: Qt.MouseButton) -> Qt.MouseButton:
    """One of the buttons that are held."""
    for button in (LEFT, RIGHT, Qt.MouseButton.MiddleButton):
        if buttons & button:
            return button
    return Qt.MouseButton.NoButton
