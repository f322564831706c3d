"""Small widgets that several panels are made of. All of them follow the theme by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPalette
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolButton, QWidget

from ui.plain import plain_tip
from ui.theme import fonts, icons
from ui.theme.manager import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent

Tone = Literal["text", "secondary", "error", "warning", "ok", "accent"]

MARGIN = 12
"""Pixels between a panel's edge and what is in it."""

_THEME_EVENTS = (QEvent.Type.PaletteChange, QEvent.Type.StyleChange)


def size_words(width: int, height: int) -> str:
    """A picture's size for people."""
    return f"{width} \u00d7 {height}"


class Words(QLabel):
    """A text in one of the theme's colours.

    Args:
        text: plain, never markup: it may come from a file.
        tone: its colour.
        font: None takes the body's.
        wrap: over several lines.
    """

    def __init__(
        self,
        text: str = "",
        tone: Tone = "text",
        font: QFont | None = None,
        *,
        wrap: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tone: Tone = tone
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(font or fonts.body())
        self.setWordWrap(wrap)
        if wrap:
            # A long word must not widen the panel.
            self.setMinimumWidth(1)
        self.setText(text)
        self._colour()

    def set_tone(self, tone: Tone) -> None:
        """Another colour."""
        self._tone = tone
        self._colour()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in _THEME_EVENTS:
            self._colour()
        super().changeEvent(event)

    def _colour(self) -> None:
        colour = getattr(current(), self._tone)
        palette = self.palette()
        if palette.color(QPalette.ColorRole.WindowText) != colour:
            palette.setColor(QPalette.ColorRole.WindowText, colour)
            self.setPalette(palette)


class Line(QWidget):
    """One line of text, cut with an ellipsis where there is no room; all of it as its tooltip.

    Args:
        text: plain.
        tone: its colour.
        font: None takes the body's.
        align: where it stands.
        elide: where it is cut.
    """

    def __init__(
        self,
        text: str = "",
        tone: Tone = "text",
        font: QFont | None = None,
        *,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._text = text
        self._tone: Tone = tone
        self._align = align | Qt.AlignmentFlag.AlignVCenter
        self._elide = elide
        self.setFont(font or fonts.body())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    def text(self) -> str:
        return self._text

    def set_text(self, text: str, tone: Tone | None = None) -> None:
        """Show another text."""
        if text != self._text or (tone or self._tone) != self._tone:
            self._text, self._tone = text, tone or self._tone
            self.setAccessibleName(text)
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 2, metrics.height() + 4)

    def minimumSizeHint(self) -> QSize:
        return QSize(16, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(getattr(current(), self._tone))
        shown = self.fontMetrics().elidedText(self._text, self._elide, self.width())
        painter.drawText(self.rect(), self._align, shown)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            cut = self.fontMetrics().horizontalAdvance(self._text) > self.width()
            self.setToolTip(plain_tip(self._text) if cut else "")
        return super().event(event)


class IconButton(QToolButton):
    """A flat button with an icon.

    Args:
        icon: name of the icon; empty where `text` says it better.
        words: what it does: the tooltip, and what a screen reader says.
        press: called when it is pressed.
        checkable: it stays down.
        text: two or three letters in place of an icon.
    """

    def __init__(
        self,
        icon: str,
        words: str,
        press: Callable[[], object] | None = None,
        *,
        checkable: bool = False,
        text: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        if icon:
            self.setIcon(icons.icon(icon))
        self.setText(text)
        self.setIconSize(QSize(16, 16))
        self.setFixedSize(34 if text else 26, 26)
        self.setToolTip(words)
        self.setAccessibleName(words.partition(" (")[0])
        self.setAutoRaise(True)
        self.setCheckable(checkable)
        if press is not None:
            self.clicked.connect(lambda _=False: press())


class Rule(QWidget):
    """A thin line between groups."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), current().divider)
