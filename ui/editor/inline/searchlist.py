"""A list under a field, searched by typing: choices and models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.editor import fuzzy
from ui.editor.inline.field import BARE, paint_frame
from ui.plain import plain_tip
from ui.theme import fonts, icons, manager, metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject
    from PySide6.QtGui import QHideEvent, QPaintEvent
    from PySide6.QtWidgets import QStyleOptionViewItem

ROW = 26
_SHOWN = 10
"""Rows shown at most without scrolling."""
_PAD = 6
_LEAST = 220
"""Pixels of width."""


@dataclass(frozen=True)
class Row:
    """One thing to choose.

    Args:
        value: what is chosen.
        title: what is shown and searched.
        note: more about it, at the right.
        tip: on hover.
        group: what the buttons above the list filter by.
    """

    value: Any
    title: str
    note: str = ""
    tip: str = ""
    group: str = ""


class RowModel(QAbstractListModel):
    """The rows that fit what was typed."""

    def __init__(self, rows: Sequence[Row], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hays = [fuzzy.Hay(row.title) for row in rows]
        self.all = list(rows)
        self.shown = list(rows)

    def filter(self, text: str, group: str = "") -> None:
        """Show the rows of a group ("" for all) that fit `text`, the best first."""
        found = [self.all[place] for place in fuzzy.rank(text, self._hays)]
        self.beginResetModel()
        self.shown = [row for row in found if not group or row.group == group]
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.shown)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        row = self.shown[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(row.tip) or None
        return row if role == Qt.ItemDataRole.UserRole else None


class RowDelegate(QStyledItemDelegate):
    """Paints a row: a tick where it is the present value, the title, the note."""

    def __init__(self, parent: QObject | None, current: Any) -> None:
        super().__init__(parent)
        self.current = current

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(10, ROW)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        theme = manager.current()
        row: Row = index.data(Qt.ItemDataRole.UserRole)
        rect: QRect = option.rect
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.highlight)
            painter.drawRoundedRect(QRectF(rect).adjusted(1, 1, -1, -1), 4, 4)
        inner = rect.adjusted(24, 0, -8, 0)
        if row.value == self.current and row.value is not None:
            tick = icons.pixmap("check", "accent", 14, painter.device().devicePixelRatioF())
            painter.drawPixmap(rect.left() + 6, rect.top() + (rect.height() - 14) // 2, tick)
        painter.setFont(fonts.small())
        note = painter.fontMetrics().elidedText(
            row.note, Qt.TextElideMode.ElideRight, inner.width() // 2
        )
        width = painter.fontMetrics().horizontalAdvance(note)
        painter.setPen(theme.secondary)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, note)
        painter.setFont(fonts.body())
        painter.setPen(theme.text)
        inner.setRight(inner.right() - (width + 10 if note else 0))
        title = painter.fontMetrics().elidedText(
            row.title, Qt.TextElideMode.ElideMiddle, inner.width()
        )
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
        painter.restore()


class SearchPopup(QFrame):
    """Opens under a field; typing filters, the arrows move, Enter or a click chooses.

    Args:
        owner: the field; it is the parent.
        rows: to choose among.
        current: the value that has the tick.
        empty: words where nothing is found.
    """

    chosen = Signal(object)
    closed = Signal()

    def __init__(
        self, owner: QWidget, rows: Sequence[Row], current: Any, *, empty: str = ""
    ) -> None:
        super().__init__(owner, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self._empty_words = empty or "Nothing fits"
        self.model = RowModel(rows, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_PAD, _PAD, _PAD, _PAD)
        layout.setSpacing(4)
        self.search = self._search_line(layout)
        self.groups = self._group_row(layout)
        self.list = self._list(layout, current)
        self._empty = QLabel(self)
        self._empty.setTextFormat(Qt.TextFormat.PlainText)
        self._empty.setFont(fonts.body())
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMinimumHeight(ROW * 2)
        self._empty.hide()
        layout.addWidget(self._empty)
        self._refresh()
        self._select_value(current)

    @property
    def group(self) -> str:
        """The group shown; "" for all."""
        button = self.groups.checkedButton()
        return str(button.property("group")) if button else ""

    def open_below(self, rect: QRect) -> None:
        """Show below `rect`, in global pixels; above it where there is no room."""
        rows = min(_SHOWN, max(2, len(self.model.all)))
        width = max(rect.width(), self._width_of_rows(), _LEAST)
        self.list.setFixedHeight(rows * ROW + 2)
        self.resize(width, self.sizeHint().height())
        screen = self.screen().availableGeometry()
        left = min(max(rect.left(), screen.left()), screen.right() - width)
        top = rect.bottom() + 3
        if top + self.height() > screen.bottom():
            top = max(screen.top(), rect.top() - 2 - self.height())
        self.move(left, top)
        self.show()
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def choose(self) -> None:
        """Take the selected row."""
        row = self.list.currentIndex().data(Qt.ItemDataRole.UserRole)
        if row is None:
            return
        self.close()
        self.chosen.emit(row.value)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = event.key()
            steps = {
                Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: _SHOWN, Qt.Key.Key_PageUp: -_SHOWN,
            }  # fmt: skip
            if (count := steps.get(Qt.Key(key))) is not None:
                self._step(count)
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab):
                self.choose()
                return True
            if key == Qt.Key.Key_Escape:
                self.close()
                return True
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = manager.current()
        painter.setPen(theme.border)
        painter.setBrush(theme.panel)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(rect, metrics.RADIUS, metrics.RADIUS)
        line = QRectF(self.search.geometry())
        paint_frame(painter, line, focused=self.search.hasFocus())

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.closed.emit()

    def _search_line(self, layout: QVBoxLayout) -> QLineEdit:
        line = QLineEdit(self)
        line.setFrame(False)
        line.setStyleSheet(f"{BARE} min-height: {ROW + 2}px;")
        line.setTextMargins(8, 0, 8, 0)
        line.setFont(fonts.body())
        line.setPlaceholderText("Search")
        line.setAccessibleName("Search")
        line.textChanged.connect(self._refresh)
        line.installEventFilter(self)
        layout.addWidget(line)
        return line

    def _group_row(self, layout: QVBoxLayout) -> QButtonGroup:
        buttons = QButtonGroup(self)
        names = sorted({row.group for row in self.model.all if row.group})
        if len(names) < 2:
            return buttons
        line = QHBoxLayout()
        line.setSpacing(4)
        for name in ("", *names):
            button = QToolButton(self)
            button.setText(name or "All")
            button.setProperty("group", name)
            button.setCheckable(True)
            button.setChecked(not name)
            button.setFont(fonts.small())
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            buttons.addButton(button)
            line.addWidget(button)
        line.addStretch(1)
        buttons.buttonClicked.connect(self._refresh)
        layout.addLayout(line)
        return buttons

    def _list(self, layout: QVBoxLayout, current: Any) -> QListView:
        view = QListView(self)
        view.setModel(self.model)
        view.setItemDelegate(RowDelegate(view, current))
        view.setUniformItemSizes(True)
        view.setMouseTracking(True)
        view.setFrameShape(QFrame.Shape.NoFrame)
        view.setStyleSheet("QListView { background: transparent; border: none; }")
        view.viewport().setBackgroundRole(QPalette.ColorRole.NoRole)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        view.entered.connect(view.setCurrentIndex)
        view.clicked.connect(self.choose)
        layout.addWidget(view)
        return view

    def _refresh(self) -> None:
        self.model.filter(self.search.text(), self.group)
        found = bool(self.model.shown)
        self.list.setVisible(found)
        self._empty.setVisible(not found)
        if found:
            self.list.setCurrentIndex(self.model.index(0))
            return
        said = f'Nothing is called "{self.search.text()}"' if self.search.text() else ""
        self._empty.setText(said or self._empty_words)

    def _select_value(self, value: Any) -> None:
        for place, row in enumerate(self.model.shown):
            if row.value == value:
                index = self.model.index(place)
                self.list.setCurrentIndex(index)
                self.list.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def _step(self, count: int) -> None:
        rows = len(self.model.shown)
        if not rows:
            return
        now = self.list.currentIndex().row()
        # Single steps go round at the ends; pages stop there.
        place = now + count
        place = place % rows if abs(count) == 1 else min(rows - 1, max(0, place))
        self.list.setCurrentIndex(self.model.index(place))

    def _width_of_rows(self) -> int:
        metric = self.fontMetrics()
        wide = (
            metric.horizontalAdvance(row.title) + metric.horizontalAdvance(row.note)
            for row in self.model.all[:200]
        )
        return min(420, max(wide, default=0) + 80)
