"""The registry of actions: one QAction for each thing the editor does, with keys the user may set.

Who owns a window puts the actions on it, once: `install` for the keys of the whole window,
`install_canvas` on each canvas for the keys that work there alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from ui.action_specs import MENUS, RESERVED, SPECS, ActionSpec
from ui.theme import icons
from ui.typing_guard import TypingGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from PySide6.QtWidgets import QWidget

    from ui.preferences import Preferences

__all__ = ["MENUS", "RESERVED", "SPECS", "ActionSpec", "Actions"]

_CONTEXTS = {
    "window": Qt.ShortcutContext.WindowShortcut,
    "canvas": Qt.ShortcutContext.WidgetWithChildrenShortcut,
}


class Actions(QObject):
    """All actions, by id. An action that nothing is bound to is disabled.

    Args:
        preferences: keys that the user set; they are kept there.
        parent: Qt's.
        specs: what there is.
    """

    keys_changed = Signal(str)
    """An action has other keys now: its id."""

    def __init__(
        self,
        preferences: Preferences,
        parent: QObject | None = None,
        specs: Sequence[ActionSpec] = SPECS,
    ) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self._specs = {spec.id: spec for spec in specs}
        self._slots: dict[str, Callable[[], object]] = {}
        own = preferences.shortcuts
        self._actions = {spec.id: self._make(spec, own.get(spec.id)) for spec in specs}
        self._guard = TypingGuard(self._taken_while_typing, self)

    # Use

    @property
    def specs(self) -> tuple[ActionSpec, ...]:
        return tuple(self._specs.values())

    def spec(self, name: str) -> ActionSpec:
        """What an action is. KeyError where there is none of that id."""
        return self._specs[name]

    def action(self, name: str) -> QAction:
        """The action of that id, for menus and buttons. KeyError where there is none."""
        return self._actions[name]

    def bind(self, name: str, slot: Callable[[], object]) -> None:
        """Say what an action does, and enable it. What was bound before is forgotten.

        Args:
            name: its id. KeyError where there is none.
            slot: called without arguments; whether a checkable action is on, `action(name)` says.
        """
        self._actions[name].setEnabled(True)
        self._slots[name] = slot

    def bind_all(self, slots: dict[str, Callable[[], object]]) -> None:
        """`bind` for each."""
        for name, slot in slots.items():
            self.bind(name, slot)

    def unbind(self, names: Iterable[str]) -> None:
        """Disable actions and forget what they did: there is nothing to do it to."""
        for name in names:
            self._slots.pop(name, None)
            self._actions[name].setEnabled(False)

    def install(self, window: QWidget) -> None:
        """Make the keys of the whole window work in `window`."""
        window.addActions([self._actions[s.id] for s in self.specs if s.scope == "window"])

    def install_canvas(self, canvas: QWidget) -> None:
        """Make the keys of the canvas work while `canvas`, or what is in it, has the focus."""
        canvas.addActions([self._actions[s.id] for s in self.specs if s.scope == "canvas"])

    def menu(self, title: str, parent: QWidget) -> QMenu:
        """A new menu of `MENUS`. KeyError where there is none of that title."""
        menu = QMenu(title, parent)
        for name in dict(MENUS)[title]:
            if name is None:
                menu.addSeparator()
            else:
                menu.addAction(self._actions[name])
        return menu

    # Keys

    def keys(self, name: str) -> tuple[str, ...]:
        """Keys of an action as they are now, in portable text."""
        portable = QKeySequence.SequenceFormat.PortableText
        return tuple(s.toString(portable) for s in self._actions[name].shortcuts())

    def words_for_keys(self, name: str) -> str:
        """The first key of an action as this system writes it; empty where it has none."""
        return key_words(self._actions[name].shortcut())

    def rebind(self, name: str, keys: Iterable[str]) -> None:
        """Give an action other keys, for good. Conflicts are the caller's: see `conflicts`.

        Args:
            name: its id. KeyError where there is none.
            keys: in portable text; none leaves it without.
        """
        spec = self._specs[name]
        # As Qt writes them, so that "ctrl+k" and "Ctrl+K" are one.
        wanted = tuple(text for key in keys if (text := _portable(key)))
        own = dict(self._preferences.shortcuts)
        if wanted == tuple(_portable(key) for key in spec.keys):
            own.pop(name, None)
        else:
            own[name] = wanted
        self._preferences.shortcuts = own
        self._set_keys(self._actions[name], spec, wanted)
        self.keys_changed.emit(name)

    def reset(self, name: str) -> None:
        """Give an action its default keys back."""
        self.rebind(name, self._specs[name].keys)

    def is_default(self, name: str) -> bool:
        """Whether an action has its default keys."""
        return name not in self._preferences.shortcuts

    def conflicts(self, keys: str, besides: str = "") -> list[str]:
        """Who else has these keys, in words for a person; empty where nobody has.

        Args:
            keys: in portable text.
            besides: id of the action that wants them.
        """
        wanted = _portable(keys)
        if not wanted:
            return []
        found = [
            f'{spec.category}: "{spec.text.removesuffix("...")}" has it'
            for spec in self.specs
            if spec.id != besides and wanted in self.keys(spec.id)
        ]
        if wanted in RESERVED:
            found.append(f"the canvas needs it: it {RESERVED[wanted]}")
        return found

    # Inside

    def _make(self, spec: ActionSpec, own: tuple[str, ...] | None) -> QAction:
        action = QAction(spec.text.replace("...", "\N{HORIZONTAL ELLIPSIS}"), self)
        action.setObjectName(spec.id)
        action.setCheckable(spec.checkable)
        action.setShortcutContext(_CONTEXTS[spec.scope])
        # Qt would move "Settings" and "Quit" on a Mac by their words alone; the others stay.
        action.setMenuRole(QAction.MenuRole.NoRole)
        if spec.icon:
            action.setIcon(icons.icon(spec.icon))
        action.setEnabled(False)
        self._set_keys(action, spec, spec.keys if own is None else own)
        action.triggered.connect(partial(self._fire, spec.id))
        return action

    def _set_keys(self, action: QAction, spec: ActionSpec, keys: tuple[str, ...]) -> None:
        action.setShortcuts([QKeySequence(key) for key in keys])
        words = spec.help or spec.text.removesuffix("...") + "."
        action.setToolTip(f"{words}  {key_words(action.shortcut())}".rstrip())
        action.setStatusTip(words)

    def _fire(self, name: str, _checked: bool = False) -> None:
        slot = self._slots.get(name)
        if slot is not None:
            slot()

    def _taken_while_typing(self, keys: QKeySequence) -> bool:
        """Whether a text field gets these keys though an action has them."""
        for spec in self.specs:
            action = self._actions[spec.id]
            if keys in action.shortcuts():
                return spec.scope == "canvas" or spec.id in {"edit.undo", "edit.redo"}
        return False


def key_words(keys: QKeySequence | str) -> str:
    """Keys as this system and its keyboards write them."""
    text = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    # "Return" stands on no keyboard but a Mac's, where Qt draws its sign.
    return text.replace("Return", "Enter")


def _portable(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.PortableText)
