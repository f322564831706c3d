"""Mouse, wheel and keyboard as Qt delivers them: events sent to a widget, one by one.

`QTest` calls a widget's handlers past the event filters of the application, and a click on a
graphics view itself is lost: send to `view.viewport()`, at `view.mapFromScene(point)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

LEFT = Qt.MouseButton.LeftButton
MIDDLE = Qt.MouseButton.MiddleButton
RIGHT = Qt.MouseButton.RightButton
NO_BUTTON = Qt.MouseButton.NoButton
PLAIN = Qt.KeyboardModifier.NoModifier
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier

Point = QPoint | QPointF


def press(
    widget: QWidget,
    pos: Point,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = PLAIN,
) -> None:
    """A button goes down at `pos`, in pixels of `widget`."""
    _mouse(widget, QEvent.Type.MouseButtonPress, pos, button, button, modifiers)


def move(
    widget: QWidget,
    pos: Point,
    button: Qt.MouseButton = NO_BUTTON,
    modifiers: Qt.KeyboardModifier = PLAIN,
) -> None:
    """The mouse is now at `pos`, with `button` held."""
    _mouse(widget, QEvent.Type.MouseMove, pos, NO_BUTTON, button, modifiers)


def release(
    widget: QWidget,
    pos: Point,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = PLAIN,
) -> None:
    """A button comes up at `pos`."""
    _mouse(widget, QEvent.Type.MouseButtonRelease, pos, button, NO_BUTTON, modifiers)


def click(
    widget: QWidget,
    pos: Point,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = PLAIN,
) -> None:
    """A press and a release at the same place."""
    move(widget, pos, modifiers=modifiers)
    press(widget, pos, button, modifiers)
    release(widget, pos, button, modifiers)


def double_click(
    widget: QWidget,
    pos: Point,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = PLAIN,
) -> None:
    """A click, then the press that Qt calls a double click, and its release."""
    click(widget, pos, button, modifiers)
    _mouse(widget, QEvent.Type.MouseButtonDblClick, pos, button, button, modifiers)
    release(widget, pos, button, modifiers)


def drag(
    widget: QWidget,
    start: Point,
    end: Point,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = PLAIN,
    steps: int = 6,
) -> None:
    """Press at `start`, at least four moves, release at `end`."""
    drag_to(widget, start, end, button, modifiers, steps)
    release(widget, end, button, modifiers)


def drag_to(
    widget: QWidget,
    start: Point,
    end: Point,
    button: Qt.MouseButton = LEFT,
    modifiers: Qt.KeyboardModifier = PLAIN,
    steps: int = 6,
) -> None:
    """A drag that isn't over yet: the button stays down at `end`."""
    first, last = QPointF(start), QPointF(end)
    steps = max(4, steps)
    move(widget, first, modifiers=modifiers)
    press(widget, first, button, modifiers)
    for number in range(1, steps + 1):
        move(widget, first + (last - first) * (number / steps), button, modifiers)


def wheel(
    widget: QWidget,
    pos: Point,
    notches: float = 1.0,
    modifiers: Qt.KeyboardModifier = PLAIN,
    pixels: QPoint | None = None,
) -> None:
    """Turn the wheel; up is positive. `pixels` is what a touch pad reports beside it."""
    where = QPointF(pos)
    event = QWheelEvent(
        where,
        QPointF(widget.mapToGlobal(where.toPoint())),
        pixels or QPoint(),
        QPoint(0, round(120 * notches)),
        NO_BUTTON,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def key(
    widget: QWidget,
    key: Qt.Key,
    modifiers: Qt.KeyboardModifier = PLAIN,
    text: str = "",
) -> None:
    """A key goes down and comes up."""
    key_press(widget, key, modifiers, text)
    key_release(widget, key, modifiers, text)


def key_press(
    widget: QWidget,
    key: Qt.Key,
    modifiers: Qt.KeyboardModifier = PLAIN,
    text: str = "",
) -> None:
    """A key goes down. Shortcuts of actions aren't looked up: trigger the action for those."""
    QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text))


def key_release(
    widget: QWidget,
    key: Qt.Key,
    modifiers: Qt.KeyboardModifier = PLAIN,
    text: str = "",
) -> None:
    """A key comes up."""
    QApplication.sendEvent(widget, QKeyEvent(QEvent.Type.KeyRelease, key, modifiers, text))


def type_text(widget: QWidget, text: str) -> None:
    """Type `text`; a line break is Return, a tab is Tab."""
    for letter in text:
        if letter == "\n":
            key(widget, Qt.Key.Key_Return, text="\r")
        elif letter == "\t":
            key(widget, Qt.Key.Key_Tab, text="\t")
        else:
            code = ord(letter.upper())
            known = Qt.Key(code) if 0x20 <= code < 0x7F else Qt.Key.Key_unknown
            key(widget, known, SHIFT if letter.isupper() else PLAIN, letter)


def _mouse(
    widget: QWidget,
    kind: QEvent.Type,
    pos: Point,
    button: Qt.MouseButton,
    held: Qt.MouseButton,
    modifiers: Qt.KeyboardModifier,
) -> None:
    where = QPointF(pos)
    above = QPointF(widget.mapToGlobal(where.toPoint()))
    event = QMouseEvent(kind, where, above, button, held, modifiers)
    QApplication.sendEvent(widget, event)
