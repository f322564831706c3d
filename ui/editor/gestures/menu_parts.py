"""Rows of context menus, and the colours that nodes and frames can be given."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QKeySequence, QPainter, QPixmap

from ui.action_specs import SPECS
from ui.theme import current, icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMenu

COLOURS = {
    "Red": "#d0453f",
    "Orange": "#d97a2b",
    "Yellow": "#c9a41a",
    "Green": "#3f9b57",
    "Teal": "#2a9d98",
    "Blue": "#3f7fe0",
    "Violet": "#8a63d2",
    "Pink": "#cf4f9b",
    "Grey": "#7c8291",
}

_KEYS = {spec.id: spec.keys[0] for spec in SPECS if spec.keys}


def keys_of(action: str) -> str:
    """The first default shortcut of an action, in Qt's portable text; "" for none."""
    return _KEYS.get(action, "")


def add(
    menu: QMenu,
    text: str,
    act: Callable[[], object],
    icon: str = "",
    keys: str = "",
    *,
    checked: bool | None = None,
) -> QAction:
    """Add a row.

    Args:
        menu: whose.
        text: what it says.
        act: what it does.
        icon: its name; "" for none.
        keys: the shortcut that does the same; only shown.
        checked: whether it is on; None for one that is neither.
    """
    action = QAction(text, menu)
    if icon:
        action.setIcon(icons.icon(icon))
    if keys:
        # Behind a tab it is only shown: the key itself belongs to the window's action.
        shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
        action.setText(f"{text}\t{shown}")
    if checked is not None:
        action.setCheckable(True)
        action.setChecked(checked)
    action.triggered.connect(lambda _=False: act())
    menu.addAction(action)
    return action


def add_colours(menu: QMenu, now: str | None, choose: Callable[[str | None], object]) -> None:
    """Add the menu of colours.

    Args:
        menu: whose.
        now: the colour of the thing, "#rrggbb"; None for the usual one.
        choose: called with the colour chosen.
    """
    part = menu.addMenu("Colour")
    add(part, "Usual", lambda: choose(None), checked=now is None)
    part.addSeparator()
    for name, colour in COLOURS.items():
        row = add(part, name, partial(choose, colour), checked=now == colour)
        row.setIcon(_swatch(QColor(colour)))


def _swatch(colour: QColor) -> QIcon:
    picture = QPixmap(16, 16)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(current().node_border)
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(2.5, 2.5, 11, 11))
    painter.end()
    return QIcon(picture)
