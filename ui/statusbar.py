"""The line at the bottom: engine, run, problems, memory, zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QElapsedTimer, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QLabel,
    QSizePolicy,
    QSlider,
    QStatusBar,
    QToolButton,
    QWidget,
)

from ui.plain import plain_tip
from ui.theme import current

if TYPE_CHECKING:
    from PySide6.QtGui import QColor, QPaintEvent, QResizeEvent

MESSAGE_TIME = 8000
"""How long words of the moment stay, in milliseconds."""


class Dot(QWidget):
    """A coloured dot; the words beside it say the same."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(12, 12)
        self._status = "unknown"

    def set_status(self, status: str) -> None:
        self._status = status
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colour: QColor = current().status(self._status)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawEllipse(2, 2, 8, 8)
        painter.end()


class Words(QLabel):
    """Words of any length; what doesn't fit is cut, and the hover says all.

    A plain label would make the whole window as wide as its words.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)  # titles and file names are in it
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def setText(self, text: str) -> None:
        super().setText(" ".join(text.split()))
        self._explain()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._explain()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(current().secondary)
        shown = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, self.width()
        )
        painter.drawText(
            self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown
        )
        painter.end()

    def _explain(self) -> None:
        cut = self.fontMetrics().horizontalAdvance(self.text()) > self.width()
        self.setToolTip(plain_tip(self.text()) if cut else "")


class StatusBar(QStatusBar):
    """The window's status bar."""

    problems_wanted = Signal()
    engine_wanted = Signal()
    zoom_wanted = Signal(float)
    """A zoom factor, 1 = 100 %."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeGripEnabled(False)
        self.dot = Dot(self)
        self.engine = QToolButton(self)
        self.engine.setToolTip("Show what the engine says")
        self.engine.clicked.connect(self.engine_wanted)
        self.words = Words(self)
        self.problems = QToolButton(self)
        self.problems.setToolTip("Show the problems of this graph")
        self.problems.clicked.connect(self.problems_wanted)
        self.memory = QLabel(self)
        self.memory.setToolTip("Memory that the engine's process uses")
        self.zoom_slider = QSlider(Qt.Orientation.Horizontal, self)
        # Steps of a quarter of an octave: 1/16 to 4.
        self.zoom_slider.setRange(-16, 8)
        self.zoom_slider.setFixedWidth(90)
        self.zoom_slider.setAccessibleName("Zoom")
        self.zoom_slider.valueChanged.connect(self._slid)
        self.zoom = QToolButton(self)
        self.zoom.setToolTip("Back to 100 %")
        self.zoom.setFixedWidth(52)
        self.zoom.clicked.connect(lambda: self.zoom_wanted.emit(1.0))
        for left in (self.dot, self.engine):
            self.addWidget(left)
        self.addWidget(self.words, 1)
        self.memory.setContentsMargins(4, 0, 12, 0)
        for right in (self.problems, self.memory, self.zoom_slider, self.zoom):
            self.addPermanentWidget(right)
        self.setContentsMargins(12, 0, 8, 0)
        self._message = QTimer(self)
        self._message.setSingleShot(True)
        self._message.setInterval(MESSAGE_TIME)
        self._message.timeout.connect(self._end_message)
        self._run = ""
        self._since = QElapsedTimer()
        self.show_engine("unknown", "Engine starting …")
        self.show_problems(0)
        self.show_zoom(1.0)

    def show_engine(self, status: str, words: str) -> None:
        """Args:
        status: "done" (ready), "running", "failed" or "unknown", for the dot.
        words: "Engine ready · CPU · float32".
        """
        self.dot.set_status(status)
        self.engine.setText(words)

    def show_run(self, words: str) -> None:
        """What the run under way does; empty where there is none."""
        self._run = words
        if not self._message.isActive():
            self.words.setText(words)

    def say(self, words: str) -> None:
        """Words of the moment, over those of the run."""
        self.words.setText(words)
        self._message.start()

    def show_problems(self, count: int) -> None:
        self.problems.setText(
            "no problems" if not count else "1 problem" if count == 1 else f"{count} problems"
        )

    def show_memory(self, words: str) -> None:
        self.memory.setText(words)

    def show_zoom(self, scale: float) -> None:
        """Args:
        scale: zoom factor, 1 = 100 %.
        """
        import math

        self.zoom.setText(f"{scale * 100:.0f} %")
        self.zoom_slider.blockSignals(True)
        self.zoom_slider.setValue(round(4 * math.log2(max(scale, 1e-3))))
        self.zoom_slider.blockSignals(False)

    def _slid(self, value: int) -> None:
        self.zoom_wanted.emit(2.0 ** (value / 4))

    def _end_message(self) -> None:
        self.words.setText(self._run)
