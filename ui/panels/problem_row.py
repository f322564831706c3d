"""How a problem looks in its list: all of its words, over several lines, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate

from ui.theme import current, fonts

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex, QPersistentModelIndex
    from PySide6.QtWidgets import QStyleOptionViewItem

    Index = QModelIndex | QPersistentModelIndex

_LEFT, _RIGHT, _EDGE = 34, 10, 7
_ICON = 14
_GAP = 2
"""Between the message and the place below it."""
_LINES = 6
"""A message longer than this is cut; the hover has all of it."""
_WRAP = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


class ProblemRow(QStyledItemDelegate):
    """Paints rows whose column 0 says what is wrong, and column 1 where."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        shown: Any = option  # Qt's stubs don't know the option's fields
        width = shown.widget.viewport().width() if shown.widget is not None else 280
        lines = self._lines(width, index.data())
        small = QFontMetrics(fonts.small()).height()
        return QSize(width, lines + small + _GAP + 2 * _EDGE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        theme, shown = current(), option
        box, state = _rect(shown), _state(shown)
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(box, theme.highlight)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, theme.raised)
        painter.fillRect(QRect(box.left(), box.bottom(), box.width(), 1), theme.divider)
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        icon.paint(painter, QRect(box.left() + 12, box.top() + _EDGE, _ICON, _ICON))
        height = self._lines(box.width(), index.data())
        words = QRect(
            box.left() + _LEFT, box.top() + _EDGE, box.width() - _LEFT - _RIGHT, height
        )
        painter.setFont(fonts.body())
        painter.setPen(theme.text)
        painter.drawText(words, _WRAP, index.data())
        painter.setFont(fonts.small())
        painter.setPen(theme.secondary)
        metrics = painter.fontMetrics()
        place = QRect(words.left(), words.bottom() + 1 + _GAP, words.width(), metrics.height())
        where = index.sibling(index.row(), 1).data()
        text = metrics.elidedText(where, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, int(Qt.AlignmentFlag.AlignLeft), text)
        painter.restore()

    def _lines(self, width: int, text: str) -> int:
        """Height of a message."""
        metrics = QFontMetrics(fonts.body())
        room = QRect(0, 0, max(40, width - _LEFT - _RIGHT), 10_000)
        # A whole graph may be in a message; its height isn't worth a second.
        needed = metrics.boundingRect(room, _WRAP, text[:2000]).height()
        return min(needed, _LINES * metrics.lineSpacing())


def _rect(option: Any) -> QRect:
    rect: QRect = option.rect
    return rect


def _state(option: Any) -> Any:
    return option.state
