"""The buttons at the top right: run, how often, stop, and how much waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QWidget

from ui.theme import icons

if TYPE_CHECKING:
    from ui.actions import Actions


class RunBar(QWidget):
    """Run, stop and queue.

    Args:
        actions: of the window.
        parent: Qt's.
    """

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.run = QPushButton("Run", self)
        self.run.setObjectName("run")
        self.run.setProperty("kind", "primary")
        self.run.setCursor(Qt.CursorShape.PointingHandCursor)
        run = actions.action("run.run")
        self.run.clicked.connect(run.trigger)
        # There is nothing to run where no graph is open.
        run.changed.connect(lambda: self.run.setEnabled(run.isEnabled()))
        self.run.setEnabled(run.isEnabled())
        self.stop = QToolButton(self)
        self.stop.setObjectName("stop")
        self.stop.clicked.connect(actions.action("run.cancel").trigger)
        self.queue = QToolButton(self)
        self.queue.setObjectName("queued")
        self.queue.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.queue.clicked.connect(actions.action("panel.queue").trigger)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 0, 12, 0)
        layout.setSpacing(6)
        for button in (self.run, self.stop, self.queue):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setIconSize(QSize(14, 14))
            button.setFixedHeight(28)
            layout.addWidget(button)
        self.run.setIconSize(QSize(17, 14))
        self.queue.setIconSize(QSize(18, 16))
        self.run.setFixedWidth(92)
        self.stop.setFixedWidth(34)
        self.queue.setMinimumWidth(60)
        self.restyle()
        self.show_load(running=False, waiting=0)

    def restyle(self) -> None:
        """Colours and icons of the theme, and the keys as they are bound now."""
        self.run.setIcon(icons.icon("play-filled", "accent_text"))
        self.stop.setIcon(icons.icon("stop", "error"))
        self.queue.setIcon(icons.icon("list-video", "secondary"))
        for button, action, words in (
            (self.run, "run.run", "Run the graph"),
            (self.stop, "run.cancel", "Stop the run"),
            (self.queue, "panel.queue", "Show the queue"),
        ):
            keys = self._actions.words_for_keys(action)
            button.setToolTip(f"{words}  {keys}".strip())
            if button is not self.queue:  # its name tells how many wait
                button.setAccessibleName(words)

    def show_load(self, *, running: bool, waiting: int) -> None:
        """What the engine has to do.

        Args:
            running: a run is under way.
            waiting: jobs in the queue, the running one among them.
        """
        self.stop.setEnabled(running or waiting > 0)
        self.queue.setText(str(waiting))
        self.queue.setAccessibleName(f"Queue: {waiting} jobs")
