"""Which theme there is at the moment, and how the application comes to wear it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from ui.theme import metrics
from ui.theme.theme import Theme, theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

Choice = Literal["dark", "light", "system"]
CHOICES: tuple[Choice, ...] = get_args(Choice)


class _Now:
    """What holds for the whole process: one application wears one theme."""

    theme: Theme | None = None
    manager: ThemeManager | None = None
    reduced_motion = False


def current() -> Theme:
    """The theme of the moment; dark until a `ThemeManager` says otherwise."""
    return _Now.theme or theme("dark")


def motion(milliseconds: int = metrics.MOTION) -> int:
    """How long an animation lasts: `milliseconds`, or 0 where the user wants no motion."""
    return 0 if _Now.reduced_motion else milliseconds


def instance() -> ThemeManager:
    """The application's theme manager, whose `changed` tells of another theme.

    Raises:
        RuntimeError: there is none yet.
    """
    if _Now.manager is None:
        raise RuntimeError("there is no ThemeManager yet")
    return _Now.manager


class ThemeManager(QObject):
    """Gives the application its colours, and changes them.

    Args:
        app: gets the style, the palette, the font and the style sheet. It becomes the parent.
        choice: what the user asks for.
        reduced_motion: animations last no time.
    """

    changed = Signal(object)
    """Another theme is worn: the new `Theme`. Palette and style sheet are in place already."""
    motion_changed = Signal()
    """The user wants less motion than before, or more: see `motion`."""

    def __init__(
        self, app: QApplication, choice: Choice = "dark", *, reduced_motion: bool = False
    ) -> None:
        super().__init__(app)
        self._app = app
        before = _Now.manager
        self._choice: Choice = choice
        _Now.manager = self
        _Now.reduced_motion = reduced_motion
        hints = app.styleHints()
        hints.colorSchemeChanged.connect(self._system_changed)
        # Two at once are a mistake anywhere but in tests; the first then holds on.
        self.destroyed.connect(partial(_step_back, before))
        self._wear()

    @property
    def choice(self) -> Choice:
        """What the user asked for: "system" stays "system", whatever it gives."""
        return self._choice

    @property
    def theme(self) -> Theme:
        """What is worn."""
        return current()

    @property
    def reduced_motion(self) -> bool:
        return _Now.reduced_motion

    @reduced_motion.setter
    def reduced_motion(self, reduced: bool) -> None:
        if reduced != _Now.reduced_motion:
            _Now.reduced_motion = reduced
            self.motion_changed.emit()

    def set(self, choice: Choice) -> None:
        """Wear another theme, at once.

        Raises:
            ValueError: `choice` is none of `CHOICES`.
        """
        if choice not in CHOICES:
            raise ValueError(f"{choice!r} is not one of {', '.join(CHOICES)}")
        self._choice = choice
        self._wear()

    def _wear(self) -> None:
        before = _Now.theme
        hints = self._app.styleHints()
        if self._choice == "system":
            hints.unsetColorScheme()
            dark = hints.colorScheme() != Qt.ColorScheme.Light
            wanted = theme("dark" if dark else "light")
        else:
            wanted = theme(self._choice)
            # The frames that the system draws around windows follow.
            hints.setColorScheme(
                Qt.ColorScheme.Dark if wanted.is_dark else Qt.ColorScheme.Light
            )
        _Now.theme = wanted
        if before is wanted and self._app.property("theme") == wanted.name:
            return
        from ui.theme.dress import dress

        dress(self._app, wanted)
        self.changed.emit(wanted)

    def _system_changed(self, _: Qt.ColorScheme) -> None:
        if self._choice == "system":
            self._wear()


def _step_back(before: ThemeManager | None) -> None:
    _Now.manager = before if before is not None and isValid(before) else None
