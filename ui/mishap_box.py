"""The box that says what went wrong in the editor itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.theme import fonts, icons

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap


class MishapBox(QDialog):
    """Errors in words, with all about them for a report.

    Args:
        parent: the window.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Something went wrong")
        self.setMinimumWidth(520)
        self._details: list[str] = []
        title = QLabel("Something went wrong in the editor", self)
        title.setFont(fonts.heading())
        sign = QLabel(self)
        picture: QPixmap = icons.pixmap("circle-alert", "error", 24, self.devicePixelRatioF())
        sign.setPixmap(picture)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        calm = QLabel(
            "Your graphs are as they were, and saved for recovery. You can go on working; should "
            "the editor behave oddly, save and start it again.",
            self,
        )
        calm.setProperty("kind", "secondary")
        calm.setWordWrap(True)
        self.details = QPlainTextEdit(self)
        self.details.setFont(fonts.mono())
        self.details.setReadOnly(True)
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setMinimumHeight(200)
        self.details.setAccessibleName("Details")
        self.details.hide()
        self.more = QPushButton("Details", self)
        self.more.setProperty("kind", "quiet")
        self.more.setCheckable(True)
        self.more.setAutoDefault(False)
        self.more.toggled.connect(self._show_details)
        copy = QPushButton("Copy", self)
        copy.setAutoDefault(False)
        copy.clicked.connect(self.copy)
        go_on = QPushButton("Continue", self)
        go_on.setDefault(True)
        go_on.clicked.connect(self.accept)

        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(sign)
        head.addWidget(title, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.more)
        buttons.addStretch()
        buttons.addWidget(copy)
        buttons.addWidget(go_on)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.words)
        layout.addWidget(calm)
        layout.addWidget(self.details, 1)
        layout.addLayout(buttons)

    def add(self, words: str, details: str) -> None:
        """Tell of one more error.

        Args:
            words: for a person.
            details: for a report.
        """
        self._details.append(details)
        more = len(self._details) - 1
        if more:
            first = self.words.property("first")
            self.words.setText(f"{first}\n(and {more} more)")
        else:
            self.words.setProperty("first", words)
            self.words.setText(words)
        self.details.setPlainText("\n".join(self._details))

    def _show_details(self, shown: bool) -> None:
        self.details.setVisible(shown)
        self.adjustSize()

    def copy(self) -> None:
        """All details to the clipboard."""
        from platform import platform

        from PySide6 import __version__ as qt

        from studio import __version__

        head = f"Latent Studio {__version__}, PySide6 {qt}, {platform()}\n\n"
        QGuiApplication.clipboard().setText(head + "\n".join(self._details))
