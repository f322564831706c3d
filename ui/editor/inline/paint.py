"""What is painted on a node: how much it is, and a button that opens the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from ui.editor.inline.field import BARE, Field
from ui.editor.inline.kinds import PAINTED, painted_words
from ui.theme import icons

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from studio.spec import Param
    from ui.editor.editor import GraphEditor


class PaintField(Field):
    """Opens the canvas for a node; the value is never edited here.

    Args:
        param: of strokes or of a sketch.
        parent: Qt's.
        editor: is asked to open the canvas.
        node: id of the node.
        layer: the field's kind, "strokes" or "sketch".
        scale: of fonts and paddings.
    """

    def __init__(
        self,
        param: Param | None,
        parent: QWidget | None,
        editor: GraphEditor,
        node: str,
        *,
        layer: str,
        scale: float = 1.0,
    ) -> None:
        super().__init__(param, parent, scale=scale)
        self.editor, self.node, self.layer = editor, node, layer
        self.button = QPushButton(self)
        self.button.setStyleSheet(f"QPushButton {{ {BARE} text-align: left; }}")
        self.button.setIcon(icons.icon("palette" if layer == "sketch" else "brush", "icon", 14))
        self.button.setFont(self.scaled_font(self.font()))
        self.button.setCursor(Qt.CursorShape.PointingHandCursor)
        self.button.clicked.connect(self.open)
        self.row.addWidget(self.button, 1)
        self.set_main(self.button)

    def open(self) -> None:
        """Open the canvas."""
        self.editor.paint_wanted.emit(self.node, "sketch" if self.layer == "sketch" else "mask")

    def show_value(self, value: Any) -> None:
        self.value = value
        self.set_trouble("")
        self.button.setText(f"{PAINTED[self.layer]} \N{MIDDLE DOT} {painted_words(value)}")

    def dirty(self) -> bool:
        return False
