"""A seed: its value, what happens to it before each run, the dice, and the one used last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu

from studio.editing import seeds
from ui.editor.inline.iconbutton import IconButton
from ui.editor.inline.number import NumberField

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from studio.spec import Param
    from ui.editor.editor import GraphEditor

MODES: dict[seeds.SeedMode, tuple[str, str, str]] = {
    "fixed": ("lock", "Fixed", "the same in every run"),
    "random": ("repeat", "Random", "another in every run"),
    "increment": ("plus", "Count up", "one more in every run"),
    "decrement": ("minus", "Count down", "one less in every run"),
}
"""Icon, name and meaning of what may happen to a seed before each run."""


class SeedField(NumberField):
    """A seed of a node.

    Args:
        param: has the marker `Seed`.
        parent: Qt's.
        editor: holds the document.
        node: id of the node.
        scale: see `Field`.
    """

    def __init__(
        self,
        param: Param,
        parent: QWidget | None,
        editor: GraphEditor,
        node: str,
        *,
        scale: float = 1.0,
    ) -> None:
        super().__init__(param, parent, scale=scale)
        self._editor = editor
        self._node = node
        margins = self.row.contentsMargins()
        margins.setRight(round(3 * scale))
        self.row.setContentsMargins(margins)
        self.row.setSpacing(0)
        self.mode_button = IconButton("lock", "What happens before each run", self, scale)
        self.mode_button.clicked.connect(self.open_menu)
        self.dice = IconButton("dice-5", "New seed", self, scale)
        self.dice.clicked.connect(self.roll)
        self.row.addWidget(self.mode_button)
        self.row.addWidget(self.dice)
        self.menu: QMenu | None = None

    def show_value(self, value: Any) -> None:
        super().show_value(value)
        self.refresh_mode()

    def refresh_mode(self) -> None:
        """Show the mode that the document has now."""
        if self._node not in self._editor.document.nodes:
            return
        mode = seeds.mode_of(self._editor.document, self._node, self.number.name)
        icon, name, words = MODES[mode]
        self.mode_button.set_icon(icon)
        self.mode_button.setToolTip(f"{name}: {words}. Click to change.")
        self.mode_button.setAccessibleName(f"Before each run: {name}")

    def roll(self) -> None:
        """Throw the dice."""
        self.set_trouble("")
        roll_seed(self._editor, self._node, self.number.name)

    def open_menu(self) -> None:
        """Offer the modes and the seed used last."""
        where = self.mode_button.mapToGlobal(QPoint(0, self.mode_button.height() + 2))
        self.menu = seed_menu(self._editor, self._node, self.number.name, where)


def roll_seed(editor: GraphEditor, node: str, param: str) -> bool:
    """Give a seed a new random value, as one step of undo. True if it did."""
    return editor.attempt(lambda: seeds.roll(editor.document, node, param))


def seed_menu(editor: GraphEditor, node: str, param: str, where: QPoint) -> QMenu:
    """Open a menu of what may happen to a seed; it goes when it is closed.

    Args:
        editor: holds the document.
        node, param: the seed.
        where: on the screen.
    """
    menu = QMenu(editor)
    menu.aboutToHide.connect(menu.deleteLater)
    group = QActionGroup(menu)
    now = seeds.mode_of(editor.document, node, param)
    for mode, (_, name, words) in MODES.items():
        action = QAction(f"{name}: {words}", group)
        action.setCheckable(True)
        action.setChecked(mode == now)
        action.setData(mode)
        menu.addAction(action)
    menu.addSeparator()
    used = seeds.last_used(editor.document, node, param)
    last = menu.addAction("No seed used yet" if used is None else f"Use the last one: {used}")
    last.setEnabled(used is not None)
    last.setData("last")
    dice = menu.addAction("New seed")
    dice.setData("dice")

    def act(action: QAction) -> None:
        from studio.editing.edits import set_param

        match action.data():
            case "last":
                editor.attempt(lambda: set_param(editor.document, node, param, used))
            case "dice":
                roll_seed(editor, node, param)
            case mode:
                editor.attempt(lambda: seeds.set_seed_mode(editor.document, node, param, mode))

    menu.triggered.connect(act)
    menu.popup(where)
    return menu
