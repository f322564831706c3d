"""Which tabs a window has, as JSON: kept while it runs, and for the next start."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = re.compile(r"^[0-9a-f]{16}$")


@dataclass(frozen=True)
class TabNote:
    """What is remembered of a tab, besides its graph.

    Args:
        key: the tab's own, the same through crashes (`new_key`).
        title: on the tab.
        path: of its file; None for a graph that was never saved.
        base: folder where the relative paths of the graph start; None takes that of the file.
        mark: content hash of the file as it was read or written last; empty where there is none.
        view: zoom and centre of the canvas, and whatever else the window remembers.
    """

    key: str
    title: str = ""
    path: Path | None = None
    base: Path | None = None
    mark: str = ""
    view: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TabNote:
        """The note in JSON data.

        Raises:
            ValueError: it is none.
        """
        key = data.get("key")
        if not isinstance(key, str) or not _KEY.match(key):
            raise ValueError("has no key")
        view = data.get("view")
        return cls(
            key,
            _text(data, "title"),
            _path(data, "path"),
            _path(data, "base"),
            _text(data, "mark"),
            view if isinstance(view, dict) else {},
        )


@dataclass(frozen=True)
class Session:
    """The tabs of a window, in order.

    Args:
        tabs: from left to right.
        current: place of the one that is seen.
    """

    tabs: tuple[TabNote, ...] = ()
    current: int = 0

    def with_files(self) -> Session:
        """The tabs that can be opened again after a clean end: those with a file."""
        notes = tuple(note for note in self.tabs if note.path is not None)
        front = self.tabs[self.current] if 0 <= self.current < len(self.tabs) else None
        place = next((i for i, note in enumerate(notes) if note is front), 0)
        return Session(notes, place)

    def dumps(self) -> str:
        tabs = [note.to_json() for note in self.tabs]
        return json.dumps({"version": 1, "current": self.current, "tabs": tabs}, indent=1) + "\n"

    @classmethod
    def loads(cls, data: bytes | str) -> Session:
        """The session in JSON text; tabs that make no sense are left out.

        Raises:
            ValueError: it is no session.
        """
        try:
            raw = json.loads(data)
        except RecursionError:
            raise ValueError("is nested too deeply") from None
        if not isinstance(raw, dict) or not isinstance(raw.get("tabs"), list):
            raise ValueError("is no list of tabs")
        notes = []
        for item in raw["tabs"]:
            try:
                notes.append(TabNote.from_json(item if isinstance(item, dict) else {}))
            except ValueError:
                continue
        current = raw.get("current")
        return cls(tuple(notes), current if isinstance(current, int) else 0)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: what was there before is untouched.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def new_key() -> str:
    """A key for a tab that no other has."""
    return secrets.token_hex(8)


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _path(data: Mapping[str, Any], key: str) -> Path | None:
    value = data.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        return None
    return Path(value)
