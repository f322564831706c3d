"""Panels around the canvas: each made when it is first seen, all of them remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QToolButton, QWidget

from ui.theme import fonts, icons

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QMainWindow

RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea


class TitleBar(QWidget):
    """A dock's title, and buttons to take it out and to close it.

    Qt's own buttons are too small to hit and can't be given icons that follow the theme.

    Args:
        dock: whose it is.
    """

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setObjectName("dock-title")
        title = QLabel(dock.windowTitle(), self)
        title.setFont(fonts.title())
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 6, 4)
        row.setSpacing(2)
        row.addWidget(title)
        row.addStretch(1)
        self.float_button = self._button("external-link", "Take the panel out, or put it back")
        self.float_button.clicked.connect(self._toggle_floating)
        self.close_button = self._button("x", "Close the panel")
        self.close_button.clicked.connect(dock.close)
        row.addWidget(self.float_button)
        row.addWidget(self.close_button)
        self._dock = dock

    def _button(self, icon: str, words: str) -> QToolButton:
        button = QToolButton(self)
        button.setAutoRaise(True)
        button.setIcon(icons.icon(icon, "secondary"))
        button.setIconSize(QSize(14, 14))
        button.setFixedSize(22, 22)
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _toggle_floating(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())


class PanelDock(QDockWidget):
    """A dock whose panel is made when it is first shown.

    Args:
        name: "queue"; the layout is remembered under it.
        title: on its tab.
        make: the panel.
        window: its window.
    """

    def __init__(
        self, name: str, title: str, make: Callable[[], QWidget], window: QMainWindow
    ) -> None:
        super().__init__(title, window)
        self.setObjectName(f"panel-{name}")
        self.setTitleBarWidget(TitleBar(self))
        self._make = make
        self.panel: QWidget | None = None
        self.ready = False
        """Set by the window after its first paint; nothing is made before."""
        self.visibilityChanged.connect(self._fill)

    def fill(self) -> QWidget:
        """The panel, made now at the latest."""
        if self.panel is None:
            self.panel = self._make()
            self.setWidget(self.panel)
        return self.panel

    def bring_up(self) -> QWidget:
        """Show the panel and put the focus there."""
        panel = self.fill()
        self.show()
        self.raise_()
        panel.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return panel

    def toggle(self) -> None:
        """Hide the panel where it is seen, show it where it isn't."""
        if self.isVisible() and not self.visibleRegion().isEmpty():
            self.hide()
        else:
            self.bring_up()

    def _fill(self, visible: bool) -> None:
        if visible and self.ready:
            self.fill()
