"""How the editor looks. What is chosen is worn at once; Cancel takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QToolButton, QWidget

from ui.settings_pages.form import Page
from ui.settings_pages.swatch import SIZE, swatch

if TYPE_CHECKING:
    from ui.preferences import Preferences
    from ui.theme.manager import Choice, ThemeManager

_NAMES: tuple[tuple[Choice, str], ...] = (
    ("dark", "Dark"), ("light", "Light"), ("system", "As the system"),
)  # fmt: skip


class LooksPage(Page):
    """Theme and motion.

    Args:
        preferences: changed by `save`.
        themes: changed at once.
        parent: Qt's.
    """

    icon = "palette"

    def __init__(
        self, preferences: Preferences, themes: ThemeManager, parent: QWidget | None = None
    ) -> None:
        super().__init__("Looks", "", parent)
        self._preferences = preferences
        self._themes = themes
        self._before = (themes.choice, themes.reduced_motion)
        choices = QWidget(self)
        layout = QHBoxLayout(choices)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(12)
        self.themes: dict[Choice, QToolButton] = {}
        group = QButtonGroup(self)
        for choice, name in _NAMES:
            button = QToolButton(choices)
            button.setText(name)
            button.setProperty("kind", "card")
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIcon(swatch(choice, self.devicePixelRatioF()))
            button.setIconSize(SIZE)
            button.setCheckable(True)
            button.setChecked(choice == themes.choice)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            group.addButton(button)
            layout.addWidget(button)
            self.themes[choice] = button
        layout.addStretch()
        group.buttonClicked.connect(self._wear)
        self.motion = QCheckBox("No animations", self)
        self.motion.setChecked(themes.reduced_motion)
        self.motion.toggled.connect(self._set_motion)
        self.add_row("Theme", choices)
        self.add_row("Motion", self.motion, "Panels, wires and zoom change without moving there.")
        self.rows.addStretch()

    def save(self) -> None:
        """Keep what is chosen."""
        self._preferences.theme = self._themes.choice
        self._preferences.reduced_motion = self._themes.reduced_motion

    def revert(self) -> None:
        """Wear what was worn before."""
        choice, self._themes.reduced_motion = self._before
        self._themes.set(choice)

    def _wear(self) -> None:
        for choice, button in self.themes.items():
            if button.isChecked():
                self._themes.set(choice)

    def _set_motion(self, reduced: bool) -> None:
        self._themes.reduced_motion = reduced
