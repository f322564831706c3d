"""The tabs in the window's top bar: titles, a dot for what isn't saved, and the "+"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QSizePolicy,
    QTabBar,
    QToolButton,
    QWidget,
)

from ui.theme import current, fonts, icons

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent

HEIGHT = 40
WIDEST = 220
NARROWEST = 120

DROP = 3
"""Pixels by which a tab's middle is below that of the bar: tabs stand on its lower edge."""


class TabButton(QAbstractButton):
    """At the right of a tab: a dot where there are unsaved changes, a cross to close it.

    The cross is seen on the tab in front and on the one under the cursor; the dot gives way to it
    under the cursor alone.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.unsaved = False
        self.lit = False
        """The tab is in front or under the cursor."""
        self.setFixedSize(20, 20 + 2 * DROP)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip("Close")
        self.setAccessibleName("Close the tab")

    def set_state(self, *, unsaved: bool | None = None, lit: bool | None = None) -> None:
        self.unsaved = self.unsaved if unsaved is None else unsaved
        self.lit = self.lit if lit is None else lit
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.translate(0, 2 * DROP)
        if self.underMouse():
            painter.setBrush(theme.pressed)
            painter.drawRoundedRect(QRectF(0, 0, 20, 20), 4, 4)
        if self.unsaved and not self.underMouse():
            painter.setBrush(theme.accent)
            painter.drawEllipse(QRectF(6, 6, 8, 8))
        elif self.lit or self.underMouse():
            colour = theme.text if self.underMouse() else theme.secondary
            ratio = self.devicePixelRatioF()
            painter.drawPixmap(3, 3, icons.pixmap("x", colour, 14, ratio))
        painter.end()


class TabBar(QTabBar):
    """The tabs alone. What a tab is stands in its data, a key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("editor-tabs")
        self.setAccessibleName("Open graphs")
        self.setMovable(True)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFont(fonts.title())
        self._hovered = -1
        self._worn: object = None
        self._wear()
        self.currentChanged.connect(self._light)

    def add(self, key: str, title: str, place: int | None = None) -> TabButton:
        """A tab more, at `place` or last; its close button."""
        # A bar makes its first tab the current one before anything else is known of it.
        blocked = self.blockSignals(True)
        index = self.insertTab(self.count() if place is None else place, title)
        self.setTabData(index, key)
        self.blockSignals(blocked)
        button = TabButton(self)
        button.clicked.connect(self._button_clicked)
        self.setTabButton(index, QTabBar.ButtonPosition.RightSide, button)
        self._light()
        return button

    def button(self, index: int) -> TabButton | None:
        found = self.tabButton(index, QTabBar.ButtonPosition.RightSide)
        return found if isinstance(found, TabButton) else None

    def keys(self) -> list[str]:
        """The tabs' keys, from left to right."""
        return [self.tabData(index) for index in range(self.count())]

    def place_of(self, key: str) -> int:
        """Where a tab is; -1 where it isn't."""
        return next((i for i, found in enumerate(self.keys()) if found == key), -1)

    # Qt's

    def tabSizeHint(self, index: int) -> QSize:
        wide = self.fontMetrics().horizontalAdvance(self.tabText(index).replace("&&", "&"))
        return QSize(max(NARROWEST, min(WIDEST, wide + 50)), HEIGHT)

    def minimumTabSizeHint(self, index: int) -> QSize:
        return QSize(NARROWEST, HEIGHT)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            if (index := self.tabAt(event.position().toPoint())) >= 0:
                self.tabCloseRequested.emit(index)
            return
        super().mouseReleaseEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover(self.tabAt(event.position().toPoint()))
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(-1)
        super().leaveEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._wear()
        super().changeEvent(event)

    def _wear(self) -> None:
        theme = current()
        if self._worn is theme:
            return
        self._worn = theme
        self.setStyleSheet(
            f"""
            QTabBar {{ background: transparent; border: none; }}
            QTabBar::tab {{
                background: transparent; color: {theme.secondary.name()};
                border: none; border-top-left-radius: 8px; border-top-right-radius: 8px;
                padding: 0px 6px 0px 14px; margin: 6px 1px 0px 1px;
            }}
            QTabBar::tab:hover:!selected {{ background: {theme.raised.name()}; }}
            QTabBar::tab:selected {{
                background: {theme.canvas.name()}; color: {theme.text.name()};
            }}
            QTabBar::tab:selected:focus {{ color: {theme.accent.name()}; }}
            """
        )

    def _button_clicked(self) -> None:
        for index in range(self.count()):
            if self.button(index) is self.sender():
                self.tabCloseRequested.emit(index)
                return

    def _hover(self, index: int) -> None:
        if index != self._hovered:
            self._hovered = index
            self._light()

    def _light(self) -> None:
        for index in range(self.count()):
            if button := self.button(index):
                button.set_state(lit=index in (self.currentIndex(), self._hovered))


class TabStrip(QWidget):
    """The tabs and the "+" after the last.

    Args:
        parent: Qt's.
    """

    new_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tab-strip")
        self.tabs = TabBar(self)
        self.plus = QToolButton(self)
        self.plus.setAutoRaise(True)
        self.plus.setIcon(icons.icon("plus"))
        self.plus.setFixedSize(28, 28)
        self.plus.setToolTip("New graph")
        self.plus.setAccessibleName("New graph")
        self.plus.clicked.connect(self.new_wanted)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.tabs)
        layout.addWidget(self.plus, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addStretch(1)
        self.setFixedHeight(HEIGHT)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # As in every browser: beside the tabs it makes a new one.
        if event.button() == Qt.MouseButton.LeftButton:
            self.new_wanted.emit()
