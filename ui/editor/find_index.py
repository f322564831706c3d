"""Where in a graph a text stands: in titles, ids, types and values. Pure, kept in step."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.editing.changes import ABSENT
from ui.editor.inline.kinds import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from studio.editing.changes import Change
    from studio.editing.document import Document

_LONGEST = 20_000
"""Letters of one value that are searched."""
_SNIPPET = 40
_NAMES = ("title", "id", "type")


@dataclass(frozen=True)
class Find:
    """A node that has the text.

    Args:
        node: its id.
        where: "title", "id", "type" or the name of a parameter.
        words: what stands there, cut around what was found.
    """

    node: str
    where: str
    words: str


@dataclass(frozen=True, slots=True)
class _Said:
    """All that a node says in two strings: most nodes are passed over by one look at them."""

    names: str
    values: str
    type: str


class FindIndex:
    """The texts of all nodes of a document; `take` keeps it in step with its changes.

    Args:
        document: to be searched. Nothing is read before `read_on`.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._defaults: dict[str, dict[str, str]] = {}
        self._said: dict[str, _Said] = {}
        self._unread: Iterator[str] | None = iter(list(document.nodes))
        self._last: tuple[str, list[str]] = ("", [])
        """What was searched last, and the nodes that have it."""

    @property
    def complete(self) -> bool:
        """All nodes are read."""
        return self._unread is None

    def read_on(self, seconds: float = float("inf")) -> bool:
        """Read for a while; True once all is read, and nothing is left to be done.

        Args:
            seconds: to spend; a large graph takes a tenth of one.
        """
        if self._unread is None:
            return True
        end = time.perf_counter() + seconds
        self._last = ("", [])
        for number, name in enumerate(self._unread):
            if name not in self._said and name in self._document.nodes:
                self._said[name] = self._read(name)
            if number % 32 == 31 and time.perf_counter() > end:
                return False
        self._unread = None
        return True

    def take(self, changes: tuple[Change, ...]) -> bool:
        """Read again what changed. True where anything that is searched did."""
        touched = False
        for change in changes:
            if change.section != "nodes":
                continue
            touched = True
            self._last = ("", [])
            if change.after is ABSENT:
                self._said.pop(change.key, None)
            else:
                self._said[change.key] = self._read(change.key)
        return touched

    def search(self, text: str) -> list[str]:
        """The nodes that have all words of `text`: in names first, then in values.

        Within each, in reading order on the canvas: by rows of about a node's height.
        """
        parts = text.lower().split()
        if not parts:
            return []
        by_type: dict[str, tuple[bool, ...]] = {}
        ranked = []
        position = self._document.position
        for name in self._candidates(text.lower()):
            said = self._said[name]
            missing = [part for part in parts if part not in said.names]
            if missing:
                named = by_type.get(said.type)
                if named is None:
                    named = by_type[said.type] = self._in_params(said.type, parts)
                if not all(
                    part in said.values or named[parts.index(part)] for part in missing
                ):
                    continue
            x, y = position(name)
            ranked.append((bool(missing), round(y / 200), x, name))
        ranked.sort()
        found = [name for *_, name in ranked]
        self._last = (text.lower(), found)
        return found

    def _candidates(self, text: str) -> Iterable[str]:
        """Where to look: typing on narrows down."""
        before, found = self._last
        return found if before.strip() and text.startswith(before) else self._said

    def describe(self, name: str, text: str) -> Find:
        """Where a node that was found has what was typed."""
        parts = text.lower().split()
        texts = list(self._texts(name))
        where, words = max(texts, key=lambda one: sum(_has(one, part) for part in parts))
        return Find(name, where, _snippet(words, parts[0] if parts else ""))

    def _read(self, name: str) -> _Said:
        texts = list(self._texts(name))
        names = "\n".join(text for _, text in texts[: len(_NAMES)])
        values = "\n".join(text for _, text in texts[len(_NAMES) :])
        return _Said(names.lower(), values.lower(), texts[2][1])

    def _in_params(self, type_name: str, parts: list[str]) -> tuple[bool, ...]:
        """For each part, whether it begins the name of a parameter: "red" is no "prediction"."""
        spec = self._document.specs.get(type_name)
        names = [param.name for param in spec.params] if spec else []
        return tuple(any(name.startswith(part) for name in names) for part in parts)

    def _texts(self, name: str) -> Iterator[tuple[str, str]]:
        """What a node says, and where."""
        document = self._document
        node = document.nodes[name]
        spec = document.specs.get(node.type)
        yield "title", document.title_of(name)
        yield "id", name
        yield "type", node.type
        for key, value in node.params.items():
            declared = spec.param_by_name.get(key) if spec else None
            if value is not None:
                yield key, shown(declared, value)[:_LONGEST]
        for key, text in self._defaults_of(node.type).items():
            if key not in node.params and key not in node.inputs:
                yield key, text

    def _defaults_of(self, type_name: str) -> dict[str, str]:
        found = self._defaults.get(type_name)
        if found is None:
            spec = self._document.specs.get(type_name)
            found = self._defaults[type_name] = {
                param.name: shown(param, param.default)
                for param in (spec.params if spec else ())
                if param.default is not None
            }
        return found


def _has(said: tuple[str, str], part: str) -> bool:
    where, text = said
    return part in text.lower() or (where not in _NAMES and where.startswith(part))


def _snippet(text: str, part: str) -> str:
    text = " ".join(text.split())
    if len(text) <= _SNIPPET:
        return text
    place = max(0, text.lower().find(part))
    start = max(0, place - _SNIPPET // 3)
    cut = text[start : start + _SNIPPET]
    return ("…" if start else "") + cut + ("…" if start + _SNIPPET < len(text) else "")
