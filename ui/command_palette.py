"""All actions by their name: type a few letters of it, press Enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from ui.editor import fuzzy
from ui.editor.fuzzy import Hay
from ui.overlay import SHADOW, Overlay
from ui.theme import current, fonts, icons, metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QAction

    from ui.actions import Actions

WIDTH = 560
ROW = 32
MOST = 10
"""Rows seen at once."""
LAST = 5
"""How many of the actions used last come first."""

_ABOUT = 0.5
"""What a match in an action's category or help counts, against one in its name."""

_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Entry:
    """One action as the palette shows it."""

    name: str
    text: str
    category: str
    keys: str
    icon: str
    help: str


class CommandPalette(Overlay):
    """A search over every action that can be done now.

    Args:
        actions: of the window.
        window: over which it floats.
    """

    def __init__(self, actions: Actions, window: QWidget) -> None:
        super().__init__(window)
        self._actions = actions
        self._used: list[str] = []
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Do anything by its name")
        self.search.setAccessibleName("Command")
        self.search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.setMinimumHeight(32)
        self.search.textChanged.connect(self._filter)
        self.search.installEventFilter(self)
        self.model = _Model(self)
        self.list = QListView(self)
        self.list.setAccessibleName("Commands")
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setProperty("kind", "popup")
        self.list.clicked.connect(self._do)
        self.list.entered.connect(self.list.setCurrentIndex)
        self.nothing = QLabel("Nothing is called that. Try fewer letters.", self)
        self.nothing.setProperty("kind", "secondary")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setFixedHeight(2 * ROW)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SHADOW + 8, SHADOW + 8, SHADOW + 8, SHADOW + 8)
        layout.setSpacing(6)
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing)
        self.setFixedWidth(WIDTH + 2 * SHADOW)

    def open(self) -> None:
        """Show it at the top of the window, empty."""
        portable = [spec for spec in self._actions.specs if spec.id != "help.commands"]
        self._entries = [
            Entry(
                spec.id, self._actions.action(spec.id).text(), spec.category,
                self._actions.words_for_keys(spec.id), spec.icon, spec.help,
            )
            for spec in portable
            if self._actions.action(spec.id).isEnabled()
        ]  # fmt: skip
        self._hays = [
            (Hay(entry.text), Hay(f"{entry.text} {entry.category} {entry.help}"))
            for entry in self._entries
        ]
        self.search.clear()
        self._filter("")
        window = self.window()
        self.pop_up(QPoint((window.width() - self.width()) // 2, max(40, window.height() // 8)))
        self.search.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.search and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride and _moves(event) is not None:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._do(self.list.currentIndex())
            return True
        if event.key() == Qt.Key.Key_Escape:
            self.close_it()
            return True
        step = _moves(event)
        if step is None:
            return False
        rows = self.model.rowCount()
        if rows:
            row = self.list.currentIndex().row() + step
            # One step beyond an end comes in at the other; a page stops there.
            row = row % rows if abs(step) == 1 else max(0, min(rows - 1, row))
            self.list.setCurrentIndex(self.model.index(row))
        return True

    def _filter(self, text: str) -> None:
        self.model.show(self._found(text))
        rows = self.model.rowCount()
        self.list.setVisible(rows > 0)
        self.nothing.setVisible(rows == 0)
        self.list.setFixedHeight(max(1, min(rows, MOST)) * ROW + 4)
        if rows:
            self.list.setCurrentIndex(self.model.index(0))
            self.list.scrollToTop()
        self.adjustSize()

    def _found(self, text: str) -> list[Entry]:
        if not text.strip():
            last = [e for name in self._used for e in self._entries if e.name == name]
            return last + [entry for entry in self._entries if entry.name not in self._used]
        query = fuzzy.Query(text)
        scores = {
            place: max(fuzzy.score(query, name), _ABOUT * fuzzy.score(query, about))
            for place, (name, about) in enumerate(self._hays)
        }
        if not any(scores.values()):
            scores |= fuzzy.typos(query, [name for name, _ in self._hays])
        found = [place for place, score in scores.items() if score]
        return [self._entries[place] for place in sorted(found, key=lambda p: (-scores[p], p))]

    def _do(self, index: QModelIndex) -> None:
        entry = self.model.entry(index)
        if entry is None:
            return
        self._used = [entry.name, *(name for name in self._used if name != entry.name)][:LAST]
        action: QAction = self._actions.action(entry.name)
        self.close_it()
        # After this event: what the action opens must not get the key that chose it.
        QTimer.singleShot(0, action, action.trigger)


class _Model(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._entries: Sequence[Entry] = ()

    def show(self, entries: Sequence[Entry]) -> None:
        self.beginResetModel()
        self._entries = entries
        self.endResetModel()

    def entry(self, index: _Index) -> Entry | None:
        return self._entries[index.row()] if index.isValid() else None

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._entries)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entry(index)
        if entry is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{entry.category}: {entry.text} {entry.keys}".strip()
        return entry.help or None if role == Qt.ItemDataRole.ToolTipRole else None


class _Delegate(QStyledItemDelegate):
    """Icon, words, where it belongs, and its key in a cap."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(WIDTH - 40, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        entry = model.entry(index) if isinstance(model, _Model) else None
        if entry is None:
            return
        theme = current()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.highlight)
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), 5, 5)
        if entry.icon:
            device = painter.device()
            ratio = device.devicePixelRatioF() if device else 1.0
            picture = icons.pixmap(entry.icon, None, metrics.ICON, ratio)
            painter.drawPixmap(rect.left() + 10, rect.center().y() - 7, picture)
        left = rect.left() + 36
        painter.setFont(fonts.body())
        painter.setPen(theme.text)
        painter.drawText(
            QRect(left, rect.top(), rect.width(), rect.height()),
            Qt.AlignmentFlag.AlignVCenter, entry.text,
        )  # fmt: skip
        left += QFontMetrics(fonts.body()).horizontalAdvance(entry.text) + 10
        painter.setFont(fonts.small())
        painter.setPen(theme.secondary)
        painter.drawText(
            QRect(left, rect.top(), rect.width(), rect.height()),
            Qt.AlignmentFlag.AlignVCenter, entry.category,
        )  # fmt: skip
        if entry.keys:
            width = QFontMetrics(fonts.small()).horizontalAdvance(entry.keys) + 12
            cap = QRect(rect.right() - width - 8, rect.top() + 6, width, rect.height() - 12)
            painter.setPen(theme.node_border)
            painter.setBrush(theme.field)
            painter.drawRoundedRect(cap, 4, 4)
            painter.setPen(theme.text)
            painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, entry.keys)
        painter.restore()


def _moves(event: QKeyEvent) -> int | None:
    """By how many rows a key moves the choice; None where it is no such key."""
    if event.matches(QKeySequence.StandardKey.MoveToNextPage):
        return MOST - 1
    if event.matches(QKeySequence.StandardKey.MoveToPreviousPage):
        return 1 - MOST
    if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
        return None
    return {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
