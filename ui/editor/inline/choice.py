"""One of a list: the field shows the choice, a click or Enter opens a list to search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractButton

from studio.params import OneOf
from ui.editor.inline.field import Field
from ui.editor.inline.searchlist import Row, SearchPopup
from ui.theme import fonts, icons, manager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent, QPaintEvent, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from studio.spec import Param

_OPENING = (
    Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space, Qt.Key.Key_F4, Qt.Key.Key_Down,
)  # fmt: skip


class ListButton(QAbstractButton):
    """The text of the choice and an arrow down."""

    def __init__(self, parent: QWidget, scale: float = 1.0) -> None:
        super().__init__(parent)
        self._scale = scale
        self.pale = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(round(80 * self._scale), round(20 * self._scale))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = manager.current()
        painter = QPainter(self)
        size = round(14 * self._scale)
        arrow = icons.pixmap("chevron-down", "secondary", size, self.devicePixelRatioF())
        painter.drawPixmap(self.width() - size, (self.height() - size) // 2, arrow)
        painter.setFont(self.font())
        pale = theme.secondary if self.pale else theme.text
        painter.setPen(pale if self.isEnabled() else theme.disabled)
        room = QRectF(0, 0, self.width() - size - 4, self.height())
        text = painter.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, int(room.width())
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)


class ChoiceField(Field):
    """One of a fixed list of names."""

    opened = Signal()
    closed = Signal()
    """The list is gone, with or without a choice."""

    def __init__(self, param: Param | None, parent: QWidget | None, *, scale: float = 1.0) -> None:
        super().__init__(param, parent, scale=scale)
        self.button = ListButton(self, scale)
        self.button.setFont(self.scaled_font(fonts.value()))
        self.button.clicked.connect(self.open_list)
        self.row.addWidget(self.button, 1)
        self.set_main(self.button)
        self._chosen: Any = None
        self.popup: SearchPopup | None = None

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        self._chosen = value
        self.button.pale = value is None
        self.button.setText(self.words_of(value))
        self.button.update()

    def words_of(self, value: Any) -> str:
        """What stands in the field."""
        if value is None:
            return "none" if self.param and self.param.nullable else self.wanted
        return str(value)

    wanted = "choose"
    """What stands there while nothing is chosen."""

    def read(self) -> Any:
        return self._chosen

    def rows(self) -> Sequence[Row]:
        """What there is to choose."""
        marker = self.param.marker if self.param else None
        names = marker.names if isinstance(marker, OneOf) else ()
        rows = [Row(name, name) for name in names]
        if self.param and self.param.nullable:
            rows.insert(0, Row(None, "none"))
        return rows

    def empty_words(self) -> str:
        return ""

    def open_list(self) -> None:
        """Open the list below the field."""
        if self.popup is not None:
            return
        popup = SearchPopup(self, self.rows(), self.value, empty=self.empty_words())
        popup.chosen.connect(self.choose)
        popup.closed.connect(self._list_closed)
        self.popup = popup
        popup.open_below(QRect(self.mapToGlobal(QPoint(0, 0)), self._box.size()))
        self.opened.emit()

    def choose(self, value: Any) -> None:
        """Take a value from the list."""
        self._chosen = value
        self.commit()
        self.button.setText(self.words_of(value))
        self.entered.emit()

    def begin(self) -> None:
        super().begin()
        self.open_list()

    def key(self, event: QKeyEvent) -> bool:
        # Ctrl+Enter runs the graph.
        if event.key() in _OPENING and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.open_list()
            return True
        return super().key(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Scrolling the panel must not change what happens to be under the cursor.
        event.ignore()

    def _list_closed(self) -> None:
        self.popup = None
        self.closed.emit()
