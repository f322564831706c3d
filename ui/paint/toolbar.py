"""The strip of tools at the left of the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QButtonGroup, QToolButton, QWidget

from ui.paint.tools.keys import KEYS, NAMES, key_of
from ui.theme import icons
from ui.theme.manager import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from ui.paint.settings import PaintSettings

ICONS = {
    "brush": "brush", "eraser": "eraser", "lasso": "lasso", "polygon": "pentagon",
    "rectangle": "square", "ellipse": "circle", "bucket": "paint-bucket",
    "colour-select": "wand-sparkles", "eyedropper": "pipette", "hand": "hand", "zoom": "search",
    "frame": "frame",
}  # fmt: skip
GROUPS = (
    ("brush", "eraser"),
    ("lasso", "polygon", "rectangle", "ellipse", "bucket", "colour-select"),
    ("eyedropper", "hand", "zoom", "frame"),
    ("invert", "fill", "clear"),
)
"""Tools and deeds from top to bottom; a line stands between groups."""
DEEDS = {
    "invert": ("contrast", "Invert the mask"),
    "fill": ("square-full", "Fill everything"),
    "clear": ("trash-2", "Clear"),
}
"""What acts on the whole layer: the hands' word for it, icon, words."""
MOST = 3
"""Columns at most."""
SIDE = 28
GAP = 2
MARGIN = 4
LINE = 7
"""Pixels that a line takes between groups."""


class ToolStrip(QWidget):
    """Buttons for tools and for what is done to the whole mask: one column, or more where the
    panel is low.

    Args:
        settings: hold the tool.
        do: called with the hands' word for a deed: "invert".
        parent: Qt's.
    """

    def __init__(
        self, settings: PaintSettings, do: Callable[[str], object], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._lines: list[int] = []
        self._columns = 1
        self.buttons: dict[str, QToolButton] = {}
        self._group = QButtonGroup(self)
        keys = {key.action: key.keys[0] for key in KEYS}
        for names in GROUPS:
            for name in names:
                if name in DEEDS:
                    icon, words = DEEDS[name]
                    button = self._add(name, icon, words, keys.get(name, ""))
                    button.clicked.connect(lambda _=False, name=name: do(name))
                else:
                    button = self._add(name, ICONS[name], NAMES[name], key_of(name))
                    button.setCheckable(True)
                    self._group.addButton(button)
                    button.clicked.connect(lambda _=False, name=name: self._choose(name))
        settings.changed.connect(self._show)
        self._show("tool")
        self._show("layer")
        self._arrange()

    def button(self, name: str) -> QToolButton:
        """The button of a tool or a deed."""
        return self.buttons[name]

    def sizeHint(self) -> QSize:
        return QSize(self._width(), self._height(1))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._width(), self._height(MOST))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        fitting = (n for n in range(1, MOST) if self.height() >= self._height(n))
        columns = next(fitting, MOST)
        if columns != self._columns:
            self._columns = columns
            self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for y in self._lines:
            painter.fillRect(MARGIN + 3, y, self.width() - 2 * MARGIN - 6, 1, current().divider)

    def _add(self, name: str, icon: str, words: str, key: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icons.icon(icon, "icon", 17))
        button.setIconSize(QSize(17, 17))
        button.setFixedSize(SIDE, SIDE)
        button.setToolTip(f"{words}  {key}".rstrip())
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.buttons[name] = button
        return button

    def _width(self) -> int:
        return 2 * MARGIN + self._columns * SIDE + (self._columns - 1) * GAP

    def _height(self, columns: int) -> int:
        rows = sum(-(-len(names) // columns) for names in GROUPS)
        return 2 * MARGIN + rows * (SIDE + GAP) - GAP + (len(GROUPS) - 1) * LINE

    def _arrange(self) -> None:
        self.setFixedWidth(self._width())
        self._lines = []
        y = MARGIN
        for number, names in enumerate(GROUPS):
            if number:
                self._lines.append(y + LINE // 2 - 1)
                y += LINE
            for place, name in enumerate(names):
                column, row = place % self._columns, place // self._columns
                self.buttons[name].move(
                    MARGIN + column * (SIDE + GAP), y + row * (SIDE + GAP)
                )
            y += -(-len(names) // self._columns) * (SIDE + GAP)
        self.update()

    def _choose(self, name: str) -> None:
        self._settings.tool = name
        self._show("tool")

    def _show(self, name: str) -> None:
        if name == "tool":
            self.buttons[self._settings.tool].setChecked(True)
        elif name == "layer":
            self.buttons["invert"].setEnabled(self._settings.layer == "mask")
