"""What keys mean in the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent

STEP = 1.25
"""Zoom of one notch of the wheel, and of + and -."""

PAN = 48
"""Pixels that Shift and an arrow move the picture."""


@dataclass(frozen=True)
class Zoom:
    """Another zoom.

    Args:
        to: 1.0 where a pixel of the picture is one of the screen; None keeps the zoom.
        by: factor on it.
    """

    to: float | None = None
    by: float = 1.0


Action = str | int | Zoom | QPoint
""" "fit", "compare", "swap", a step among the session's pictures, a zoom, or a move."""


def action_of(event: QKeyEvent) -> Action | None:
    """What a key press asks for; None where it means nothing here."""
    try:
        key = Qt.Key(event.key())
    except ValueError:  # a key that Qt has no name for
        return None
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers == Qt.KeyboardModifier.ControlModifier:
        return _CTRL.get(key)
    if key in _ANYHOW:
        return _ANYHOW[key]
    if modifiers == Qt.KeyboardModifier.ShiftModifier:
        return _SHIFT.get(key)
    return _PLAIN.get(key) if modifiers == Qt.KeyboardModifier.NoModifier else None


_CTRL: dict[Qt.Key, Action] = {
    Qt.Key.Key_0: "fit",
    Qt.Key.Key_1: Zoom(1.0),
    Qt.Key.Key_2: Zoom(2.0),
    Qt.Key.Key_3: Zoom(4.0),
    Qt.Key.Key_4: Zoom(8.0),
}
# On many keyboards + needs Shift.
_ANYHOW: dict[Qt.Key, Action] = {
    Qt.Key.Key_Plus: Zoom(by=STEP),
    Qt.Key.Key_Equal: Zoom(by=STEP),
    Qt.Key.Key_Minus: Zoom(by=1 / STEP),
}
_SHIFT: dict[Qt.Key, Action] = {
    Qt.Key.Key_Left: QPoint(PAN, 0),
    Qt.Key.Key_Right: QPoint(-PAN, 0),
    Qt.Key.Key_Up: QPoint(0, PAN),
    Qt.Key.Key_Down: QPoint(0, -PAN),
}
_PLAIN: dict[Qt.Key, Action] = {
    Qt.Key.Key_F: "fit",
    Qt.Key.Key_Home: "fit",
    Qt.Key.Key_M: "compare",
    Qt.Key.Key_C: "swap",
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Right: 1,
}
