"""Five hints for whoever opens the editor for the first time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.overlay import SHADOW, paint_box
from ui.theme import current, fonts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QPaintEvent

    from ui.preferences import Preferences
    from ui.window import MainWindow

WIDTH = 320
ARROW = 9
GAP = 6

Side = Literal["inside", "right", "below", "left"]


@dataclass(frozen=True, slots=True)
class Hint:
    """One step of the tour.

    Args:
        title: in bold.
        words: two sentences at most.
        target: what it is about; None where that isn't there at the moment.
        side: of the target on which the bubble stands.
    """

    title: str
    words: str
    target: Callable[[], QWidget | None]
    side: Side


class Tour(QObject):
    """Shows hints one after another, beside what they are about; work goes on meanwhile.

    Once it is closed, in whatever way, it doesn't come by itself again.

    Args:
        window: the main window; the tour becomes its child.
        preferences: remember that it was seen.
        hints: None takes the five for the main window.
    """

    finished = Signal()

    def __init__(
        self,
        window: MainWindow,
        preferences: Preferences,
        hints: Sequence[Hint] | None = None,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._preferences = preferences
        self.hints = tuple(hints if hints is not None else hints_of(window))
        self.place = -1
        self.bubble = Bubble(window, len(self.hints))
        self.bubble.next_button.clicked.connect(self.next)
        self.bubble.back_button.clicked.connect(self.back)
        self.bubble.skip_button.clicked.connect(self.stop)
        self.bubble.dismissed.connect(self.stop)

    def start(self) -> None:
        """Show the first hint."""
        for other in self._window.findChildren(Tour):
            if other is not self:
                other.stop()
        self._window.installEventFilter(self)
        # The focus stays: who reads "press Tab" presses it. Shift+Tab leads here.
        focus = QApplication.focusWidget()
        if focus is not None and focus.window() is self._window:
            QWidget.setTabOrder(self.bubble.next_button, focus)
        self._go(0)

    def next(self) -> None:
        """The next hint; after the last the tour ends."""
        if self.place + 1 < len(self.hints):
            self._go(self.place + 1)
        else:
            self.stop()

    def back(self) -> None:
        """The hint before."""
        self._go(max(0, self.place - 1))

    def stop(self) -> None:
        """End the tour, for ever."""
        self._preferences.tour_done = True
        self._window.removeEventFilter(self)
        self.bubble.hide()
        self.bubble.deleteLater()
        self.finished.emit()
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.place >= 0:
            self._go(self.place)
        return False

    def _go(self, place: int) -> None:
        self.place = place
        hint = self.hints[place]
        target = hint.target()
        room = self._window.rect()
        if target is not None and target.isVisible():
            corner = target.mapTo(self._window, target.rect().topLeft())
            self.bubble.show_hint(hint, place, QRect(corner, target.size()), hint.side)
        else:
            self.bubble.show_hint(hint, place, room, "inside")


class Bubble(QWidget):
    """A box with an arrow to what it speaks of.

    Args:
        window: over which it floats.
        count: of hints, for the dots.
    """

    dismissed = Signal()

    def __init__(self, window: QWidget, count: int) -> None:
        super().__init__(window)
        self.hide()
        self._count = count
        self._place = 0
        self._tip: QPointF | None = None
        self._side: Side = "inside"
        self.title = QLabel(self)
        self.title.setFont(fonts.heading())
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setProperty("kind", "secondary")
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.skip_button = QPushButton("Don't show again", self)
        self.skip_button.setProperty("kind", "quiet")
        self.back_button = QPushButton("Back", self)
        self.next_button = QPushButton("Next", self)
        self.next_button.setProperty("kind", "primary")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        # A quiet button's words begin where the words above do.
        self.skip_button.setObjectName("tour-skip")
        buttons.addWidget(self.skip_button)
        buttons.addStretch()
        buttons.addWidget(self.back_button)
        buttons.addWidget(self.next_button)
        layout = self._rows = QVBoxLayout(self)
        edge = SHADOW + ARROW
        layout.setContentsMargins(edge + 16, edge + 14, edge + 14, edge + 26)
        layout.setSpacing(8)
        layout.addWidget(self.title)
        layout.addWidget(self.words)
        layout.addSpacing(4)
        layout.addLayout(buttons)
        self.setFixedWidth(WIDTH + 2 * edge)

    def show_hint(self, hint: Hint, place: int, about: QRect, side: Side) -> None:
        """Show a hint.

        Args:
            hint: its words.
            place: its number, from 0.
            about: what it is about, in the window's coordinates.
            side: of `about`.
        """
        self._place, self._side = place, side
        self.title.setText(hint.title)
        self.words.setText(hint.words)
        self.back_button.setVisible(place > 0)
        last = place + 1 == self._count
        self.next_button.setText("Done" if last else "Next")
        self.skip_button.setVisible(not last)
        self.setAccessibleName(f"Hint {place + 1} of {self._count}: {hint.title}")
        self.setAccessibleDescription(hint.words)
        self._settle(about)
        self.show()
        self.raise_()
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismissed.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        edge = SHADOW + ARROW
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        paint_box(painter, box)
        theme = current()
        if self._tip is not None:
            _paint_arrow(painter, self._tip, box, self._side)
        painter.setPen(Qt.PenStyle.NoPen)
        for number in range(self._count):
            shade = QColor(theme.accent if number == self._place else theme.node_border)
            painter.setBrush(shade)
            x = box.center().x() + (number - (self._count - 1) / 2) * 12
            painter.drawEllipse(QPointF(x, box.bottom() - 13), 3, 3)
        painter.end()

    def _settle(self, about: QRect) -> None:
        """Find the place for the bubble, and the tip of its arrow."""
        # Words wrap at this width; the layout knows how high that makes it.
        self._rows.activate()
        self.resize(self.width(), self._rows.heightForWidth(self.width()))
        width, height, room = self.width(), self.height(), self.window().rect()
        centre = about.center()
        match self._side:
            case "right":
                x, y = about.right() + GAP - SHADOW, centre.y() - height // 2
            case "left":
                x, y = about.left() - GAP + SHADOW - width, centre.y() - height // 2
            case "below":
                x, y = centre.x() - width // 2, about.bottom() + GAP - SHADOW
            case _:
                # Low down: a graph begins at the top.
                x, y = centre.x() - width // 2, about.bottom() - height - 12
        x = max(room.left() - SHADOW, min(x, room.right() - width + SHADOW))
        y = max(room.top() - SHADOW, min(y, room.bottom() - height + SHADOW))
        self.move(x, y)
        edge = SHADOW + ARROW
        low, high = edge + 20, edge + 20
        tip_x = max(low, min(centre.x() - x, width - high))
        tip_y = max(low, min(centre.y() - y, height - high))
        tips: dict[Side, QPointF | None] = {
            "right": QPointF(SHADOW, tip_y),
            "left": QPointF(width - SHADOW, tip_y),
            "below": QPointF(tip_x, SHADOW),
            "inside": None,
        }
        self._tip = tips[self._side]


def hints_of(window: MainWindow) -> tuple[Hint, ...]:
    """The five hints for the main window, with the keys as they are bound."""
    actions = window.actions_

    def key(name: str) -> str:
        return actions.words_for_keys(name) or "the menu"

    def canvas() -> QWidget | None:
        return window.editor

    return (
        Hint(
            "Add nodes", f"Double-click the canvas or press {key('graph.add')}, type a few letters "
            "of what you need, and press Enter.", canvas, "inside",
        ),
        Hint(
            "Wire them", "Drag from a port to another. Ports that fit light up; the others say why "
            "they don't. Dropped on empty canvas, a wire offers the nodes that fit it.",
            canvas, "inside",
        ),
        Hint(
            "Run", f"{key('run.run')} makes the picture appear in the node, step by step. Only "
            "what changed runs again: the dot below each node says what will.",
            lambda: window.run_bar, "below",
        ),
        Hint(
            "Panels", "Pictures, models, problems and the queue. Each opens at a click, stays "
            "where you drag it, and is there again the next time.",
            lambda: window.side_bar, "right",
        ),
        Hint(
            "Everything else", f"{key('help.commands')} finds any command by its name, and "
            f"{key('help.cheatsheet')} shows every key and gesture. Ctrl+Z takes anything back.",
            lambda: window.menu_button, "below",
        ),
    )  # fmt: skip


def _paint_arrow(painter: QPainter, tip: QPointF, box: QRectF, side: Side) -> None:
    theme = current()
    across, down = QPointF(ARROW, 0), QPointF(0, ARROW)
    match side:
        case "right":
            foot, along = QPointF(box.left() + 1, tip.y()), down
        case "left":
            foot, along = QPointF(box.right() - 1, tip.y()), down
        case _:
            foot, along = QPointF(tip.x(), box.top() + 1), across
    ends = (foot - along, foot + along)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.raised)
    painter.drawPolygon(QPolygonF([ends[0], tip, ends[1]]))
    outline = QPainterPath(ends[0])
    outline.lineTo(tip)
    outline.lineTo(ends[1])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.node_border, 1))
    painter.drawPath(outline)
