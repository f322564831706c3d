"""The canvas over the whole window, between the bar with the tabs and the status line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMainWindow

    from ui.docks import PanelDock
    from ui.paint.panel import PaintPanel


class FullWindow(QObject):
    """Takes the panel out of its dock and puts it back.

    Args:
        window: whose room it takes; the parent.
        dock: where the panel lives.
        panel: it.
    """

    def __init__(self, window: QMainWindow, dock: PanelDock, panel: PaintPanel) -> None:
        super().__init__(window)
        self._window, self._dock, self._panel = window, dock, panel
        self._sheet: QWidget | None = None
        self._was_hidden = False
        panel.full_wanted.connect(self.show_full)

    @property
    def on(self) -> bool:
        """The panel has the whole window."""
        return self._sheet is not None

    def show_full(self, full: bool) -> None:
        """Give the panel the whole window, or put it back into its dock."""
        if full == self.on:
            return
        if full:
            self._take()
        else:
            self._give_back()
        self._panel.show_full(full)
        self._panel.view.setFocus()

    def _take(self) -> None:
        self._was_hidden = self._dock.isHidden()
        sheet = QWidget(self._window)
        sheet.setAutoFillBackground(True)
        layout = QVBoxLayout(sheet)
        layout.setContentsMargins(0, 0, 0, 0)
        self._dock.setWidget(QLabel(""))  # a dock without any would shrink to its title
        layout.addWidget(self._panel)
        self._panel.show()
        self._sheet = sheet
        self._window.installEventFilter(self)
        self._place()
        sheet.show()
        sheet.raise_()

    def _give_back(self) -> None:
        sheet, self._sheet = self._sheet, None
        assert sheet is not None
        self._window.removeEventFilter(self)
        stand_in = self._dock.widget()
        self._dock.setWidget(self._panel)
        self._panel.show()
        if stand_in is not None:
            stand_in.deleteLater()
        sheet.hide()
        sheet.deleteLater()
        self._dock.setVisible(not self._was_hidden)

    def _place(self) -> None:
        """Between what stands above and below the window's middle."""
        if self._sheet is None:
            return
        window = self._window
        bar = window.findChild(QWidget, "top-bar")
        top = bar.geometry().bottom() + 1 if bar is not None and bar.isVisible() else 0
        status = window.statusBar()
        bottom = status.geometry().top() if status.isVisible() else window.height()
        self._sheet.setGeometry(QRect(0, top, window.width(), bottom - top))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._place()
        return super().eventFilter(watched, event)
