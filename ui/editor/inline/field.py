"""What all editors of one value have in common: frame, reason for a refusal, Enter, Esc, Tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from studio.editing.changes import same
from studio.errors import StudioError
from ui.plain import plain_tip
from ui.theme import fonts, manager, metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QEnterEvent, QFocusEvent, QPaintEvent

    from studio.spec import Param

HEIGHT = 28
"""Of one line, in pixels, in a panel."""
BARE = "border: none; background: transparent; padding: 0; margin: 0;"
"""Controls are bare: the field paints the frame for all that stand in it."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_FOCUS_STAYS = (
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
    Qt.FocusReason.ActiveWindowFocusReason,
)


class Field(QWidget):
    """Edits one value. A subclass adds controls to `row`, and says `show_value` and `read`.

    Args:
        param: what it edits; None for a parameter of an unknown node type.
        parent: Qt's.
        scale: of fonts and paddings; the canvas gives its zoom.
    """

    committed = Signal(object)
    """A new value that the parameter takes."""
    gesture_began = Signal()
    """A drag or a stretch of typing begins; all of it is one step of undo."""
    gestured = Signal(object)
    """A new value in the middle of it."""
    entered = Signal()
    """Enter, and the value was taken."""
    cancelled = Signal()
    """Esc."""
    tabbed = Signal(int)
    """Tab (1) or Shift+Tab (-1), and the value was taken; only with `takes_tab`."""
    trouble_changed = Signal(str)

    multiline = False

    def __init__(self, param: Param | None, parent: QWidget | None, *, scale: float = 1.0) -> None:
        super().__init__(parent)
        self.param = param
        self.scale = scale
        self.takes_tab = False
        self.value: Any = None
        self.judge: Callable[[Any], Any] = param.check if param else _anything
        """Gives a value in canonical form; raises ValueError or StudioError where it can't be."""
        self.filled: float | None = None
        """The share of the frame that is filled, 0 to 1: sliders."""
        self.help = ""
        """What it is for, on hover while nothing is wrong."""
        self._trouble = ""
        self._main: QWidget = self
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2)
        self._box = QWidget(self)
        self.row = QHBoxLayout(self._box)
        side = round(8 * scale)
        self.row.setContentsMargins(side, 0, side, 0)
        self.row.setSpacing(round(4 * scale))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._reason = QLabel(self)
        self._reason.setFont(self.scaled_font(fonts.small()))
        self._reason.setWordWrap(True)
        self._reason.setTextFormat(Qt.TextFormat.PlainText)
        self._reason.hide()
        outer.addWidget(self._box)
        outer.addWidget(self._reason)
        self.set_line_height(round(HEIGHT * scale))

    # For subclasses

    def show_value(self, value: Any) -> None:
        """Show a value of the document, forgetting what was typed."""
        self.value = value
        self.set_trouble("")

    def read(self) -> Any:
        """The value as it stands in the controls.

        Raises:
            ValueError: it can't be taken; with words for a person.
        """
        return self.value

    def begin(self) -> None:
        """Take the focus with everything selected, as if double-clicked."""
        self._main.setFocus(Qt.FocusReason.OtherFocusReason)

    def set_main(self, widget: QWidget) -> None:
        """Say which control has the keyboard."""
        self._main = widget
        widget.installEventFilter(self)
        self.setFocusProxy(widget)

    def set_line_height(self, height: int) -> None:
        """Make the frame `height` pixels high; the reason of a refusal comes below it."""
        self._box.setFixedHeight(height)

    def scaled_font(self, font: QFont) -> QFont:
        """A font as large as this field wants it."""
        return scaled(font, self.scale)

    # Taking and refusing values

    @property
    def main(self) -> QWidget:
        """The control that has the keyboard."""
        return self._main

    @property
    def trouble(self) -> str:
        """Why what stands here isn't taken; empty where it is."""
        return self._trouble

    def set_trouble(self, words: str) -> None:
        """Show why a value isn't taken, in red; empty words take it away."""
        if words == self._trouble:
            return
        self._trouble = words
        self._reason.setText(words)
        if words:
            self._reason.setStyleSheet(f"color: {manager.current().error.name()}")
        self._reason.setVisible(bool(words))
        self.setToolTip(plain_tip(words or self.help))
        self.update()
        self.trouble_changed.emit(words)

    def dirty(self) -> bool:
        """Something else stands here than the document has."""
        try:
            return not same(self.read(), self.value)
        except ValueError:
            return True

    def commit(self) -> bool:
        """Give the value to whoever listens; False, with the reason shown, where it is refused.

        What wasn't touched isn't looked at: a value that nobody gave stays not given.
        """
        if not self._trouble and not self.dirty():
            return True
        try:
            value = self.judge(self.read())
        except (ValueError, StudioError) as refused:
            self.set_trouble(str(refused))
            return False
        self.set_trouble("")
        if not same(value, self.value):
            self.value = value
            self.committed.emit(value)
        return True

    def revert(self) -> None:
        """Show the document's value again."""
        self.show_value(self.value)

    def recheck(self) -> None:
        """While a refusal is shown, look again at every keystroke."""
        if not self._trouble:
            return
        try:
            self.judge(self.read())
        except (ValueError, StudioError) as refused:
            self.set_trouble(str(refused))
        else:
            self.set_trouble("")

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._main:
            if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
                return self._override(event)
            if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
                return self.key(event)
            if kind == QEvent.Type.FocusOut:
                self.focus_left(event)  # type: ignore[arg-type]
                self.update()
            elif kind == QEvent.Type.FocusIn:
                self.update()
        return super().eventFilter(watched, event)

    def key(self, event: QKeyEvent) -> bool:
        """Keys that mean the same in every field; True where it was one."""
        key, modifiers = event.key(), event.modifiers()
        if key == Qt.Key.Key_Escape:
            self.revert()
            self.cancelled.emit()
            return True
        ctrl = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if key in _ENTER and (ctrl or not self.multiline):
            if self.commit():
                self.entered.emit()
            return True
        if self.takes_tab and key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            if self.commit():
                self.tabbed.emit(-1 if key == Qt.Key.Key_Backtab else 1)
            return True
        return False

    def focus_left(self, event: QFocusEvent) -> None:
        """The keyboard went elsewhere: what stands here counts."""
        if event.reason() not in _FOCUS_STAYS:
            self.commit()

    def _override(self, event: QKeyEvent) -> bool:
        key, modifiers = event.key(), event.modifiers()
        plain = modifiers in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if key in _ENTER and not plain:
            # Ctrl+Enter runs the graph: with what was typed, so it is taken before.
            self.commit()
            return False
        if key == Qt.Key.Key_Escape or (key in _ENTER and plain):
            event.accept()
            return True
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_frame(
            painter,
            QRectF(self._box.geometry()),
            scale=self.scale,
            filled=self.filled,
            focused=self._main.hasFocus(),
            wrong=bool(self._trouble),
            hovered=self.underMouse(),
            enabled=self.isEnabled(),
        )

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.update()
        super().leaveEvent(event)


def paint_frame(
    painter: QPainter,
    rect: QRectF,
    *,
    scale: float = 1.0,
    filled: float | None = None,
    focused: bool = False,
    wrong: bool = False,
    hovered: bool = False,
    enabled: bool = True,
) -> None:
    """A field's background, its filled part and its border, within `rect`."""
    theme = manager.current()
    line = QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5)
    radius = metrics.FIELD_RADIUS * scale
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.field)
    painter.drawRoundedRect(line, radius, radius)
    if filled and enabled:
        painter.save()
        painter.setClipRect(QRectF(line.x(), line.y(), line.width() * filled, line.height()))
        painter.setBrush(theme.field_fill)
        painter.drawRoundedRect(line, radius, radius)
        painter.restore()
    border: QColor = theme.field_hover if hovered and enabled else theme.field_border
    if wrong:
        border = theme.error
    elif focused:
        border = theme.accent
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(border, 1.5 if wrong or focused else 1.0))
    painter.drawRoundedRect(line, radius, radius)


def scaled(font: QFont, scale: float) -> QFont:
    """The font, `scale` times as large."""
    if scale == 1:
        return font
    larger = QFont(font)
    larger.setPixelSize(max(1, round(font.pixelSize() * scale)))
    return larger


def _anything(value: Any) -> Any:
    return value
