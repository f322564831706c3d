"""Parts of panels that hold others: what folds, scrolls, stands in for nothing, or passes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.panels.parts import MARGIN, IconButton, Rule, Tone, Words
from ui.theme import fonts, icons
from ui.theme.manager import current

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent


class Section(QWidget):
    """A titled part of a panel that folds.

    Args:
        title: of the part.
        body: what is in it.
        folded: it begins closed.
    """

    def __init__(
        self, title: str, body: QWidget, *, folded: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.head = _Head(title, not folded, self)
        self.head.clicked.connect(self._toggle)
        self.body = body
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(Rule())
        box.addWidget(self.head)
        box.addWidget(body)
        body.setVisible(not folded)

    @property
    def open(self) -> bool:
        return self.head.isChecked()

    def _toggle(self) -> None:
        self.body.setVisible(self.head.isChecked())


class _Head(QToolButton):
    def __init__(self, title: str, opened: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(title)
        self.setFont(fonts.title())
        self.setCheckable(True)
        self.setChecked(opened)
        self.setAutoRaise(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(24)
        self.setAccessibleName(title)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(theme.text)
        rect = self.rect()
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, self.text())
        arrow = "chevron-down" if self.isChecked() else "chevron-right"
        ratio = self.devicePixelRatioF()
        drawn = icons.pixmap(arrow, "secondary", 14, ratio)
        painter.drawPixmap(rect.right() - 14, rect.center().y() - 7, drawn)
        if self.hasFocus():
            painter.setPen(theme.accent)
            painter.drawRoundedRect(rect.adjusted(0, 0, -1, -1), 4, 4)


class Column(QScrollArea):
    """A panel's contents, one below the other, that scroll where there is no room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.inside = QWidget()
        self.box = QVBoxLayout(self.inside)
        self.box.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self.box.setSpacing(10)
        self.setWidget(self.inside)
        self.viewport().setAutoFillBackground(False)
        self.inside.setAutoFillBackground(False)


class Empty(QWidget):
    """What a panel says when there is nothing to show: an icon, a line, and what to do.

    Args:
        icon: name of the icon.
        title: what is missing.
        words: what brings it.
    """

    def __init__(self, icon: str, title: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._title = Words(title, "secondary", fonts.title(), wrap=True)
        self._words = Words(words, "secondary", wrap=True)
        box = QVBoxLayout(self)
        box.setContentsMargins(2 * MARGIN, 64, 2 * MARGIN, 24)
        box.setSpacing(4)
        for label in (self._title, self._words):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            box.addWidget(label)
        box.addStretch(1)

    def set_words(self, title: str, words: str) -> None:
        """Say something else."""
        self._title.setText(title)
        self._words.setText(words)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        drawn = icons.pixmap(self._icon, "disabled", 28, self.devicePixelRatioF())
        painter.drawPixmap(self.width() // 2 - 14, 24, drawn)


class Notice(QWidget):
    """A line at the foot of a panel that tells what was done, and goes by itself."""

    SECONDS = 6

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = Words(font=fonts.small(), wrap=True)
        close = IconButton("x", "Hide", self.hide)
        close.setFixedSize(20, 20)
        row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN, 4, 6, 4)
        row.addWidget(self._words, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def text(self) -> str:
        return self._words.text()

    def say(self, text: str, tone: Tone = "secondary") -> None:
        """Show a text; one about a failure stays until it is closed."""
        self._words.setText(text)
        self._words.set_tone(tone)
        self.show()
        if tone == "error":
            self._timer.stop()
        else:
            self._timer.start(self.SECONDS * 1000)
