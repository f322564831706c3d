"""The list of the palette: its rows, and how they are painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate

from ui.editor.port_paint import draw_shape
from ui.theme import current, fonts, icon_of, icons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QStyleOptionViewItem

    from ui.editor.palette_index import Entry, Group

ROW = 28
LABEL = 22
_INDENT = 14
_ICON = 16


@dataclass(frozen=True)
class PaletteRow:
    """One line of the list.

    Args:
        kind: a node type, a category that opens and closes, or a word above what follows.
        entry: of a node type.
        group: of a category.
        label: of a word.
        depth: how far it is indented.
        port: the port that the dropped wire would go to, and its type.
        open: the category shows what is in it.
        by_search: the row says its category, which isn't above it.
    """

    kind: Literal["node", "group", "label"]
    entry: Entry | None = None
    group: Group | None = None
    label: str = ""
    depth: int = 0
    port: tuple[str, str] | None = None
    open: bool = False
    by_search: bool = False

    @property
    def words(self) -> str:
        """For screen readers."""
        if self.entry is not None:
            return f"{self.entry.title}, {self.entry.category}"
        if self.group is not None:
            return f"{self.group.name}, {self.group.below} nodes, {'open' if self.open else 'shut'}"
        return self.label


class PaletteModel(QAbstractListModel):
    """The rows shown now."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: list[PaletteRow] = []

    def show_rows(self, rows: Sequence[PaletteRow]) -> None:
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.words
        return row if role == Qt.ItemDataRole.UserRole else None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        if index.isValid() and self.rows[index.row()].kind == "label":
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class PaletteDelegate(QStyledItemDelegate):
    """Paints the rows."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        row: PaletteRow = index.data(Qt.ItemDataRole.UserRole)
        return QSize(10, LABEL if row.kind == "label" else ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        row: PaletteRow = index.data(Qt.ItemDataRole.UserRole)
        rect: QRect = option.rect
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if option.state & QStyle.StateFlag.State_Selected and row.kind != "label":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(current().highlight)
            painter.drawRoundedRect(QRectF(rect).adjusted(0, 1, 0, -1), 5, 5)
        # A node's icon stands below that of its category, which has an arrow before it.
        left = row.depth * _INDENT + (8 if row.kind != "node" or not row.depth else 16)
        inner = rect.adjusted(left, 0, -8, 0)
        if row.kind == "label":
            _paint_label(painter, inner, row)
        elif row.kind == "group":
            _paint_group(painter, inner, row)
        else:
            _paint_node(painter, inner, row)
        painter.restore()


def _paint_label(painter: QPainter, rect: QRect, row: PaletteRow) -> None:
    painter.setFont(fonts.small())
    painter.setPen(current().secondary)
    painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, row.label)


def _paint_group(painter: QPainter, rect: QRect, row: PaletteRow) -> None:
    group = row.group
    assert group is not None
    theme = current()
    _icon(painter, "chevron-down" if row.open else "chevron-right", theme.secondary, rect, 14)
    rest = rect.adjusted(_ICON + 4, 0, 0, 0)
    _icon(painter, icon_of(group.path), theme.mark(group.path), rest, _ICON)
    rest.adjust(_ICON + 8, 0, 0, 0)
    painter.setFont(fonts.body())
    painter.setPen(theme.text)
    painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, group.name)
    painter.setFont(fonts.small())
    painter.setPen(theme.secondary)
    right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
    painter.drawText(rest, right, str(group.below))


def _paint_node(painter: QPainter, rect: QRect, row: PaletteRow) -> None:
    entry = row.entry
    assert entry is not None
    theme = current()
    _icon(painter, icon_of(entry.category), theme.mark(entry.category), rect, _ICON)
    rest = rect.adjusted(_ICON + 8, 0, 0, 0)
    right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
    painter.setFont(fonts.small())
    metrics = painter.fontMetrics()
    taken = 0
    if row.port is not None:
        name, type_name = row.port
        painter.setPen(theme.secondary)
        painter.drawText(rest, right, name)
        taken = metrics.horizontalAdvance(name) + 16
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.port(type_name))
        middle = QPointF(rest.right() - taken + 7, rest.center().y() + 0.5)
        draw_shape(painter, theme.port_shape(type_name), middle, 8)
    elif row.by_search:
        painter.setPen(theme.secondary)
        words = metrics.elidedText(
            entry.category.replace("/", " / "), Qt.TextElideMode.ElideRight, rest.width() // 2
        )
        painter.drawText(rest, right, words)
        taken = metrics.horizontalAdvance(words) + 8
    painter.setFont(fonts.body())
    painter.setPen(theme.text)
    title = painter.fontMetrics().elidedText(
        entry.title, Qt.TextElideMode.ElideRight, rest.width() - taken
    )
    painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter, title)


def _icon(painter: QPainter, name: str, colour: Any, rect: QRect, size: int) -> None:
    drawn = icons.pixmap(name, colour, size, painter.device().devicePixelRatioF())
    painter.drawPixmap(rect.left(), rect.top() + (rect.height() - size) // 2, drawn)
