"""What an empty canvas says, and one whose graph is still being laid out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from ui.theme import blend, fonts, icons

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from ui.editor.view import GraphView

WORDS = "Double-click or press Tab to add a node"
MORE = "or drop a graph or a picture of ours here"


class EmptyHint(QWidget):
    """Words in the middle of a canvas that has no nodes to show.

    The mouse goes through them, but for those over a graph that is still being laid out.

    Args:
        view: whose canvas it is, and the parent.
    """

    def __init__(self, view: GraphView) -> None:
        super().__init__(view)
        self._view = view
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._words, self._more, self._icon = WORDS, MORE, "workflow"
        self.setAccessibleName(WORDS)
        view.scene_shown.progressed.connect(self._progressed)

    def refresh(self) -> None:
        """Be seen where it has something to say."""
        scene = self._view.scene_shown
        empty = not scene.document.nodes and not scene.document.frames
        if empty:
            self.tell(WORDS, MORE, "workflow")
        self.setVisible(empty or scene.building)
        # What is being made isn't painted yet, and can't be had with the mouse either.
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not scene.building)

    def _progressed(self, share: float) -> None:
        count = f"{len(self._view.scene_shown.document.nodes):,} nodes"
        self.tell(f"Laying out {count}", f"{share:.0%}", "loader-circle")

    def tell(self, words: str, more: str, icon: str) -> None:
        """Say something else."""
        self._words, self._more, self._icon = words, more, icon
        self.setAccessibleName(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._view.scene_shown.theme
        painter = QPainter(self)
        middle = self.rect().center()
        faint = blend(theme.canvas, theme.secondary, 0.55)
        ratio = self.devicePixelRatioF()
        icon = icons.pixmap(self._icon, faint, 40, ratio)
        painter.drawPixmap(middle.x() - 20, middle.y() - 66, icon)
        for words, font, colour, top in (
            (self._words, fonts.heading(), blend(theme.canvas, theme.text, 0.8), -12),
            (self._more, fonts.body(), theme.secondary, 14),
        ):
            painter.setFont(font)
            painter.setPen(colour)
            area = QRectF(0, middle.y() + top, self.width(), 24)
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), words)
