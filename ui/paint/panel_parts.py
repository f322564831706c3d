"""Parts of the panel: what is wrong with the picture, and what is seen where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ui.paint.opening import mask_nodes
from ui.panels.boxes import Empty
from ui.panels.parts import MARGIN, Words
from ui.theme import fonts

if TYPE_CHECKING:
    from ui.editor.editor import GraphEditor


class Advice(QWidget):
    """A line over the canvas: what is wrong with the picture, and a button that mends it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = Words("", "text", fonts.small(), wrap=True)
        self.button = QPushButton("Run up to here", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(MARGIN, 6, MARGIN, 6)
        row.setSpacing(10)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)
        self.hide()

    def say(self, words: str, *, can_run: bool) -> None:
        """Show a text; empty hides the line."""
        self.words.setText(words)
        self.button.setVisible(can_run)
        self.setVisible(bool(words))


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
