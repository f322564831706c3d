"""What the editor remembers of its user: `editor.ini` in the home folder.

What the engine is to do (folders, device, budgets) is not here but in `settings.toml`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

from studio.settings import home_folder
from ui.theme.manager import CHOICES, Choice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RECENT = 12
"""How many files "Open recent" keeps."""


class Preferences(QObject):
    """The user's preferences; a change is kept at once and told by `changed`.

    A value that can't be read, or makes no sense, is taken for its default: nothing here is worth
    not starting for.

    Args:
        path: the file; None takes `editor.ini` in the home folder.
        parent: Qt's.
    """

    changed = Signal(str)
    """Name of what changed: "theme"."""

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path or home_folder() / "editor.ini"
        self._store = QSettings(str(self.path), QSettings.Format.IniFormat, self)
        self._store.setFallbacksEnabled(False)

    # Looks

    @property
    def theme(self) -> Choice:
        """What the user asks for; dark at first."""
        found = self.get("theme", "dark")
        return found if found in CHOICES else "dark"

    @theme.setter
    def theme(self, choice: Choice) -> None:
        self.put("theme", choice)

    @property
    def reduced_motion(self) -> bool:
        """No animations."""
        return bool(self.get("reduced_motion", False))

    @reduced_motion.setter
    def reduced_motion(self, reduced: bool) -> None:
        self.put("reduced_motion", reduced)

    @property
    def minimap(self) -> bool:
        """The minimap is shown."""
        return bool(self.get("minimap", True))

    @minimap.setter
    def minimap(self, shown: bool) -> None:
        self.put("minimap", shown)

    @property
    def tour_done(self) -> bool:
        """The tour was seen to its end, or dismissed."""
        return bool(self.get("tour_done", False))

    @tour_done.setter
    def tour_done(self, done: bool) -> None:
        self.put("tour_done", done)

    # Window

    @property
    def geometry(self) -> QByteArray:
        """`QWidget.saveGeometry` of the window; empty where there is none."""
        return self._bytes("geometry")

    @geometry.setter
    def geometry(self, state: QByteArray) -> None:
        self._store.setValue("window/geometry", state)

    @property
    def layout(self) -> QByteArray:
        """`QMainWindow.saveState` of the window; empty where there is none."""
        return self._bytes("layout")

    @layout.setter
    def layout(self, state: QByteArray) -> None:
        self._store.setValue("window/layout", state)

    # Keys and commands

    @property
    def shortcuts(self) -> Mapping[str, tuple[str, ...]]:
        """Keys that differ from the default, by action id; () is none at all."""
        return {
            name: tuple(keys)
            for name, keys in self.get("shortcuts", {}).items()
            if isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        }

    @shortcuts.setter
    def shortcuts(self, own: Mapping[str, Iterable[str]]) -> None:
        self.put("shortcuts", {name: list(keys) for name, keys in own.items()})

    @property
    def worker_command(self) -> tuple[str, ...]:
        """Program and arguments that start the engine; empty for the usual."""
        found = self.get("worker_command", [])
        return tuple(found) if all(isinstance(part, str) for part in found) else ()

    @worker_command.setter
    def worker_command(self, command: Iterable[str]) -> None:
        self.put("worker_command", list(command))

    # What was used last

    @property
    def recent(self) -> tuple[Path, ...]:
        """Files opened or saved, the last one first. They need not exist any more."""
        return tuple(Path(name) for name in self.get("recent", []) if isinstance(name, str))

    def add_recent(self, path: Path) -> None:
        """Put a file first among the recent ones."""
        names = [str(path), *(str(p) for p in self.recent if p != path)]
        self.put("recent", names[:RECENT])

    # Anything else

    def get(self, name: str, default: Any) -> Any:
        """What is kept under a name, if it has the type of `default`; else `default`.

        Args:
            name: letters, digits, "_" and "/".
            default: also says which type is meant: bool, int, float, str, list or dict.
        """
        text = self._store.value(name)
        if not isinstance(text, str):
            return default
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return default
        if isinstance(default, float) and type(value) is int:
            return float(value)
        return value if type(value) is type(default) else default

    def put(self, name: str, value: Any) -> None:
        """Keep a value of JSON's types under a name. Tells `changed` if it is another one.

        Raises:
            TypeError: JSON has no such type.
        """
        text = json.dumps(value, ensure_ascii=False)
        if self._store.value(name) == text:
            return
        self._store.setValue(name, text)
        self.changed.emit(name)

    def save(self) -> str:
        """Write the file now, instead of soon. Words on why it can't be, or nothing."""
        self._store.sync()
        if self._store.status() == QSettings.Status.NoError:
            return ""
        return f"The preferences {self.path} can't be kept: is the folder writable?"

    def _bytes(self, name: str) -> QByteArray:
        found = self._store.value(f"window/{name}")
        return found if isinstance(found, QByteArray) else QByteArray()
