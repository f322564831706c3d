"""A line of words over a page, with what can be done about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.theme import blend, current, icons

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QPaintEvent

Kind = Literal["info", "warning", "error"]
_ICONS = {"info": "info", "warning": "triangle-alert", "error": "circle-alert"}


class Banner(QWidget):
    """One message.

    Args:
        kind: its colour and icon.
        words: what happened.
        choices: buttons, each with what it does; every one closes the banner as well.
        parent: Qt's.
    """

    closed = Signal()

    def __init__(
        self,
        kind: Kind,
        words: str,
        choices: Sequence[tuple[str, Callable[[], object]]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.kind = kind
        self._sign = QLabel(self)
        self._sign.setFixedSize(16, 16)
        self.label = QLabel(words, self)
        self.label.setTextFormat(Qt.TextFormat.PlainText)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(words)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self._sign)
        row.addWidget(self.label, 1)
        self.buttons: dict[str, QPushButton] = {}
        for text, action in choices:
            button = self.buttons[text] = QPushButton(text, self)
            button.clicked.connect(self._chosen)
            button.clicked.connect(action)
            row.addWidget(button)
        self.cross = QToolButton(self)
        self.cross.setAutoRaise(True)
        self.cross.setIcon(icons.icon("x"))
        self.cross.setToolTip("Close")
        self.cross.setAccessibleName("Close the message")
        self.cross.clicked.connect(self._chosen)
        row.addWidget(self.cross)
        self._wear()

    @property
    def words(self) -> str:
        return self.label.text()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._wear()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        strong = getattr(theme, self.kind)
        painter = QPainter(self)
        painter.fillRect(self.rect(), blend(theme.panel, strong, 0.12))
        painter.fillRect(0, self.height() - 1, self.width(), 1, blend(theme.panel, strong, 0.4))
        painter.end()

    def _wear(self) -> None:
        ratio = self.devicePixelRatioF()
        self._sign.setPixmap(icons.pixmap(_ICONS[self.kind], self.kind, 16, ratio))

    def _chosen(self) -> None:
        self.hide()
        self.closed.emit()


class Banners(QWidget):
    """A stack of banners, one for each matter; nothing is seen where there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: dict[str, Banner] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.hide()

    def show_banner(
        self,
        matter: str,
        kind: Kind,
        words: str,
        choices: Sequence[tuple[str, Callable[[], object]]] = (),
    ) -> Banner:
        """Say something; what was said of the same matter before goes.

        Args:
            matter: what it is about, "changed on disk".
            kind, words, choices: see `Banner`.
        """
        self.clear(matter)
        banner = self._shown[matter] = Banner(kind, words, choices, self)
        banner.closed.connect(lambda: self._closed(matter, banner))
        self._layout.addWidget(banner)
        self.show()
        return banner

    def clear(self, matter: str) -> None:
        """Nothing more to say of this matter."""
        if banner := self._shown.pop(matter, None):
            banner.hide()
            banner.deleteLater()
        self.setVisible(bool(self._shown))

    def get(self, matter: str) -> Banner | None:
        """What is said of a matter at the moment."""
        return self._shown.get(matter)

    def _closed(self, matter: str, banner: Banner) -> None:
        if self._shown.get(matter) is banner:
            self.clear(matter)
