"""How the engine's process is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLineEdit

from ui.engine.command import command_words, default_command, parse_command
from ui.settings_pages.form import Page

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from ui.preferences import Preferences


class WorkerPage(Page):
    """The worker's command.

    Args:
        preferences: where it is kept.
        parent: Qt's.
    """

    icon = "terminal"

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(
            "Worker",
            "Pictures are made in a process of their own, so that the editor outlives whatever "
            "happens there. Another command can start it with another Python, or on another "
            "machine.",
            parent,
        )
        self._preferences = preferences
        own = preferences.worker_command
        self.command = QLineEdit(command_words(own) if own else "", self)
        self.command.setPlaceholderText(command_words(default_command()))
        self.command.textChanged.connect(self.fault)
        self._row = self.add_row(
            "Command", self.command,
            "Program and arguments, as in a terminal. Empty: this program's own. It must speak "
            "JSON lines on its standard input and output.",
        )  # fmt: skip
        self.rows.addStretch()

    def wanted(self) -> tuple[str, ...]:
        """The command; empty for this program's own.

        Raises:
            ValueError: a quotation mark is never closed.
        """
        text = self.command.text().strip()
        return parse_command(text) if text else ()

    def fault(self) -> str:
        return self._row.check(self._fault)

    def save(self) -> bool:
        """Keep the command. True if it is another one."""
        wanted = self.wanted()
        changed = wanted != self._preferences.worker_command
        self._preferences.worker_command = wanted
        return changed

    def _fault(self) -> str:
        try:
            self.wanted()
        except ValueError as error:
            return f"That is no command: {str(error).lower()}."
        return ""
