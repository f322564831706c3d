"""Parts of the panel: what is wrong with the picture, and what is seen where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ui.paint.decor import words_rect
from ui.paint.opening import mask_nodes
from ui.panels.boxes import Empty
from ui.panels.parts import MARGIN, Line, Words
from ui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.editor.editor import GraphEditor
    from ui.paint.view import PaintView


class Where(Line):
    """The name of what is painted on; nothing rather than a letter of it."""

    LEAST = 56
    """Pixels below which it isn't shown."""

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.width() >= min(self.LEAST, self.sizeHint().width()):
            super().paintEvent(event)


class Advice(QWidget):
    """A line over the canvas: what is wrong with the picture, and a button that mends it.

    Where there is no picture the canvas itself has the words, and the button stands below them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = Words("", "text", fonts.small(), wrap=True)
        self.button = QPushButton("Run up to here", self)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(MARGIN, 6, MARGIN, 6)
        self._row.setSpacing(10)
        self._row.addWidget(self.words, 1)
        self._row.addWidget(self.button)
        self.hide()

    def say(self, words: str, *, can_run: bool, over: QWidget | None = None) -> None:
        """Show a text; empty hides the line.

        Args:
            words: the text.
            can_run: with the button.
            over: the canvas, where it has the words itself; `place` puts the button there.
        """
        self.words.setText(words)
        if over is None:
            self._row.addWidget(self.button)
        elif self.button.parent() is not over:
            self._row.removeWidget(self.button)
            self.button.setParent(over)
            self.button.setCursor(Qt.CursorShape.ArrowCursor)
        self.button.setVisible(can_run)
        self.setVisible(bool(words) and over is None)

    def place(self, view: PaintView) -> None:
        """Put the button below the words that the canvas has."""
        if self.button.parent() is view:
            below = words_rect(QRectF(view.rect()), view.painting.words)
            self.button.adjustSize()
            middle = round(below.center().x()) - self.button.width() // 2
            self.button.move(middle, round(below.bottom()) + 16)


class Beginning(QWidget):
    """What the panel says where there is nothing to paint on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._empty = Empty("brush", "", "", self)
        self.add = QPushButton("Add an Inpaint Mask", self)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 40, 0, 0)
        box.addWidget(self._empty)
        box.addWidget(self.add, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addStretch(1)

    def show_for(self, editor: GraphEditor | None) -> None:
        """Say what is missing in this graph."""
        self.add.setVisible(editor is not None and not mask_nodes(editor))
        if editor is None:
            self._empty.set_words("Nothing to paint on", "Open a graph with an Inpaint Mask node.")
        elif mask_nodes(editor):
            self._empty.set_words(
                "Which mask?", "Select one of the graph's Inpaint Mask nodes to paint on it."
            )
        else:
            self._empty.set_words(
                "This graph has no mask",
                "Add an Inpaint Mask node and wire a picture into it to paint over what should "
                "change.",
            )
