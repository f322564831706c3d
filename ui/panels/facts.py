"""Rows of a name and what it is, painted: a page has dozens, and as labels they would be slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from ui.theme import fonts, icons
from ui.theme.manager import current

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QContextMenuEvent, QPaintEvent, QResizeEvent

GAP = 12
"""Pixels between the two columns."""

BETWEEN = 6
"""Pixels between two rows."""

NAMES = 0.42
"""Share of the width that names take at most."""


class Facts(QWidget):
    """A name on the left, what it is on the right, over several lines where it is long.

    Args:
        left: the right column begins at one line: for sentences.
        parent: Qt's.
    """

    def __init__(self, *, left: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, str]] = []
        self._align = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
        self._texts: list[QTextLayout] = []
        self._tops: list[float] = []
        self._width = -1
        self._height = 0
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFont(fonts.body())

    def rows(self) -> list[tuple[str, str]]:
        """What is shown."""
        return list(self._rows)

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show these."""
        if list(rows) == self._rows:
            return
        self._rows = list(rows)
        self.setAccessibleDescription(self.text())
        height = self._height
        self._lay(self.width())
        if self._height != height:
            self.updateGeometry()
        self.update()

    def text(self) -> str:
        """All of it, a row a line."""
        return "\n".join(f"{name}: {value}" for name, value in self._rows)

    # Qt

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if width != self._width:
            self._lay(width)
        return self._height

    def sizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(max(self.width(), 1)))

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if event.size().width() != self._width:
            self._lay(event.size().width())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._width != self.width():
            # It was asked how high it would be at another width.
            self._lay(self.width())
        theme = current()
        painter = QPainter(self)
        painter.setFont(self.font())
        metrics = self.fontMetrics()
        left = self._column()
        for (name, _), text, top in zip(self._rows, self._texts, self._tops, strict=True):
            painter.setPen(theme.secondary)
            shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, left)
            painter.drawText(QPointF(0, top + metrics.ascent()), shown)
            painter.setPen(theme.text)
            text.draw(painter, QPointF(left + GAP, top))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = sum(top <= event.pos().y() for top in self._tops) - 1
        if not 0 <= at < len(self._rows):
            return
        menu = self.menu(at)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(event.globalPos())

    def menu(self, row: int) -> QMenu:
        """The menu of a row, not shown."""
        name, value = self._rows[row]
        menu = QMenu(self)
        for words, text in ((f"Copy {name}", value), ("Copy all", self.text())):
            action = menu.addAction(icons.icon("copy"), words)
            action.triggered.connect(
                lambda _=False, text=text: QGuiApplication.clipboard().setText(text)
            )
        return menu

    # Inside

    def _column(self) -> int:
        """Width of the names."""
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(name) for name, _ in self._rows), default=0)
        # Beside short values, long names have the room.
        return min(widest + 1, max(int(self._width * NAMES), self._spare()))

    def _spare(self) -> int:
        metrics = self.fontMetrics()
        values = [metrics.horizontalAdvance(value) for _, value in self._rows]
        return self._width - GAP - max(values, default=0) - 2

    def _lay(self, width: int) -> None:
        self._width = width
        room = max(24, width - self._column() - GAP)
        option = QTextOption(self._align)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self._texts, self._tops = [], []
        top = 0.0
        for _, value in self._rows:
            text = QTextLayout(value.replace("\n", "\u2028"), self.font())
            text.setTextOption(option)
            height = _lay_lines(text, room)
            self._texts.append(text)
            self._tops.append(top)
            top += max(height, self.fontMetrics().height()) + BETWEEN
        self._height = max(0, round(top) - BETWEEN)


def _lay_lines(text: QTextLayout, width: float) -> float:
    """Break a text into lines; its height."""
    height = 0.0
    text.beginLayout()
    while (line := text.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, height))
        height += line.height()
    text.endLayout()
    return height
