"""What the inspector's pages are made of: editable lines, modes, ports, rows of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from ui.editor.port_paint import draw_port
from ui.panels.parts import Line
from ui.plain import plain_tip
from ui.theme import fonts, icons
from ui.theme.manager import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QFont, QPaintEvent

# No box, or the text would stand farther in than all that is below it; a line where it is edited.
_BARE = """
QLineEdit { background: transparent; border: none; border-bottom: 1px solid transparent;
  border-radius: 0; padding: 2px 0; }
QLineEdit:hover { border-bottom-color: palette(mid); }
QLineEdit:focus { border-bottom-color: palette(accent); }
"""
TYPING = 600
"""Milliseconds after the last letter of a long text until the document has it."""

MODES = (
    ("normal", "play", "On", "It runs as it is"),
    ("bypass", "skip-forward", "Bypass", "What comes in goes on to the next node"),
    ("mute", "ban", "Mute", "It is left out, and what depends on it too"),
)


class TitleEdit(QLineEdit):
    """A title that is edited where it stands. Enter or leaving takes it, Esc brings it back."""

    committed = Signal(str)

    def __init__(self, words: str, font: QFont, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._given = ""
        self.setFont(font)
        self.setStyleSheet(_BARE)
        # Qt keeps two pixels before the text whatever the style says.
        self.setTextMargins(-2, 0, 0, 0)
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.setMaxLength(1000)
        self.editingFinished.connect(self._commit)

    def show_text(self, text: str) -> None:
        """Show what the document has; what is being typed stays."""
        self._given = text
        if not self.hasFocus() or not self.isModified():
            self.setText(text)
            self.setCursorPosition(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._given)
            self.clearFocus()
            return
        super().keyPressEvent(event)

    def _commit(self) -> None:
        text = self.text().strip()
        self.setModified(False)
        if text != self._given:
            self.committed.emit(text)


class NotesEdit(QPlainTextEdit):
    """A long text of the document. What is typed is taken a moment later, and on leaving."""

    committed = Signal(str)

    def __init__(self, words: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._given = ""
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING)
        self._typing.timeout.connect(self.commit)
        self.setFont(fonts.body())
        self.setPlaceholderText(words)
        self.setAccessibleName(words)
        self.setTabChangesFocus(True)
        self.textChanged.connect(self._on_text)

    def show_text(self, text: str) -> None:
        """Show what the document has."""
        self._given = text
        if text != self.toPlainText():
            self._typing.stop()
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)

    def commit(self) -> None:
        """Give what was typed to whoever listens."""
        self._typing.stop()
        text = self.toPlainText()
        if text != self._given:
            self._given = text
            self.committed.emit(text)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.commit()
        super().focusOutEvent(event)

    def _on_text(self) -> None:
        if self.toPlainText() != self._given:
            self._typing.start()


class ModeChoice(QWidget):
    """Whether nodes run, are bypassed or muted. Several may disagree: then none is chosen."""

    chosen = Signal(str)
    """ "normal", "bypass" or "mute"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for number, (mode, icon, text, words) in enumerate(MODES):
            button = QToolButton(self)
            button.setText(text)
            button.setIcon(icons.icon(icon))
            button.setIconSize(QSize(18, 14))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setFixedHeight(26)
            button.setCheckable(True)
            button.setToolTip(words)
            button.clicked.connect(lambda _=False, mode=mode: self.chosen.emit(mode))
            self._group.addButton(button, number)
            row.addWidget(button, 1)

    def set_modes(self, modes: set[str]) -> None:
        """Show the modes of the nodes in question."""
        self._group.setExclusive(False)
        for number, (mode, _, _, _) in enumerate(MODES):
            self._group.button(number).setChecked(modes == {mode})
        self._group.setExclusive(len(modes) == 1)

    def button(self, mode: str) -> QAbstractButton:
        """The button of a mode."""
        number = next(i for i, entry in enumerate(MODES) if entry[0] == mode)
        return self._group.button(number)


class ParamLabel(Line):
    """A parameter's name, with a menu; brighter where its value isn't the default."""

    menu_wanted = Signal()

    def __init__(self, name: str, words: str, parent: QWidget | None = None) -> None:
        super().__init__(name.replace("_", " "), "secondary", parent=parent)
        self._words = words
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(28)

    def set_default(self, default: bool) -> None:
        """Whether the value is the default."""
        self.set_text(self.text(), "secondary" if default else "text")

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            self.setToolTip(plain_tip(self._words or self.text()))
            return QWidget.event(self, event)
        return super().event(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit()


class LinkRow(QAbstractButton):
    """A line that leads to a node: a port with what it is wired to, or a node of many.

    Args:
        text: on the left.
        note: on the right, secondary.
        type_name: of the port; None for none.
        wired: the port is filled.
        needed: the note is a warning: it must not stay so.
    """

    HEIGHT = 24

    def __init__(
        self,
        text: str,
        note: str = "",
        *,
        type_name: str | None = None,
        wired: bool = True,
        needed: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setText(text)
        self.note = note
        self._type = type_name
        self._wired = wired
        self._needed = needed
        self.setFixedHeight(self.HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        said = [part for part in (text, type_name or "", note) if part]
        self.setAccessibleName(" ".join(said))
        self.setToolTip(plain_tip(" · ".join(said)))

    def leads(self) -> bool:
        """A press goes somewhere."""
        return self.isEnabled() and self.focusPolicy() != Qt.FocusPolicy.NoFocus

    def set_press(self, press: Callable[[], object] | None) -> None:
        """What a press does; None makes it a plain line."""
        if press is None:
            self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            return
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.clicked.connect(lambda _=False: press())

    def sizeHint(self) -> QSize:
        return QSize(120, self.HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.leads() and (self.underMouse() or self.hasFocus())
        if lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.raised)
            painter.drawRoundedRect(self.rect(), 4, 4)
        left = 0
        if self._type is not None:
            spot = QPointF(8, self.height() / 2)
            colour = theme.port(self._type)
            shape = theme.port_shape(self._type)
            draw_port(painter, theme, shape, spot, colour, open_end=not self._wired, size=10)
            left = 20
        room = self.rect().adjusted(left, 0, -4, 0)
        metrics = self.fontMetrics()
        wanted = min(metrics.horizontalAdvance(self.text()) + 8, int(room.width() * 0.6))
        painter.setFont(fonts.body())
        painter.setPen(theme.text)
        text = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, wanted)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        note = QRect(room.adjusted(wanted, 0, 0, 0))
        painter.setPen(theme.warning if self._needed else theme.accent if lit else theme.secondary)
        shown = metrics.elidedText(self.note, Qt.TextElideMode.ElideLeft, note.width())
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(note, flags, shown)


def popup(menu: QMenu, at: QWidget) -> None:
    """Show a menu below a widget; it goes when it is closed."""
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(at.mapToGlobal(at.rect().bottomLeft()))
