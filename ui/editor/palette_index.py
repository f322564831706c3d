"""What the palette searches: every node type, by name, category and help. Built once; no Qt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.editing.document import spaced
from ui.editor import fuzzy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from studio.spec import NodeSpec

_CATEGORY, _HELP = 0.55, 0.3
"""What a match in the category or the help counts, against one in the name."""
_RECENT = 20
"""Added to a type that was used lately: it wins among equals, and no more."""
_EVERYDAY = 105
"""Added to what stands in nearly every graph: "enc" means Text Encode before Encode Class."""
EVERYDAY = frozenset({
    "LoadCheckpoint", "LoadImage", "TextEncode", "EmptyLatent", "KSampler", "VAEDecode",
    "SaveImage",
})  # fmt: skip
_HELP_LETTERS = 3
"""Letters from which the help is searched: "in" stands in all of them."""
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True)
class Entry:
    """A node type as the palette lists it.

    Args:
        type: its name in documents.
        title: its name for people.
        category: with levels separated by "/".
        summary: the first line of its help.
        spec: its declaration.
    """

    type: str
    title: str
    category: str
    summary: str
    spec: NodeSpec
    name_hay: fuzzy.Hay
    type_hay: fuzzy.Hay
    category_hay: fuzzy.Hay
    help_words: str


@dataclass(frozen=True)
class Group:
    """A category and what is in it.

    Args:
        path: "Latent/Inpaint".
        entries: its own node types, by title.
        below: how many there are in it and in its sub-categories.
    """

    path: str
    entries: tuple[Entry, ...]
    below: int

    @property
    def depth(self) -> int:
        return self.path.count("/")

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class PaletteIndex:
    """All node types, ready to be searched.

    Args:
        specs: by type. Their helps aren't parsed, only their words are looked at.
    """

    def __init__(self, specs: Mapping[str, NodeSpec]) -> None:
        found = [_entry(spec) for spec in specs.values()]
        self.entries = tuple(sorted(found, key=lambda entry: entry.title.lower()))
        self._by_type = {entry.type: entry for entry in self.entries}
        self._names = [entry.name_hay for entry in self.entries]
        # Taken apart now, and not at the first keystroke.
        warm = fuzzy.Query("warm")
        for entry in self.entries:
            _score(warm, entry, {})

    def get(self, type_name: str) -> Entry | None:
        return self._by_type.get(type_name)

    def search(
        self,
        text: str,
        *,
        only: Collection[str] | None = None,
        recent: Iterable[str] = (),
    ) -> list[Entry]:
        """The entries that fit, the best first.

        Args:
            text: what was typed; nothing gives all, by title.
            only: types to choose among; None for all.
            recent: types used lately.
        """
        query = fuzzy.Query(text)
        lately = set(recent)
        if not query.compact:
            return [entry for entry in self.entries if only is None or entry.type in only]
        scores: dict[int, float] = {}
        categories: dict[str, float] = {}
        for place, entry in enumerate(self.entries):
            if only is not None and entry.type not in only:
                continue
            if score := _score(query, entry, categories):
                # An exact name is what was meant; all else is a guess.
                common = _EVERYDAY if entry.type in EVERYDAY and score < fuzzy.EXACT else 0
                guess = min(score + common, max(score, fuzzy.EXACT - 1))
                scores[place] = guess + (_RECENT if entry.type in lately else 0)
        if not any(score > fuzzy.TYPO for score in scores.values()):
            for place, score in fuzzy.typos(query, self._names).items():
                if only is None or self.entries[place].type in only:
                    scores[place] = max(score, scores.get(place, 0))
        order = sorted(scores, key=lambda place: (-scores[place], len(self.entries[place].title)))
        return [self.entries[place] for place in order]

    def groups(self, only: Collection[str] | None = None) -> list[Group]:
        """The categories in order, each before those below it; empty ones are left out."""
        members: dict[str, list[Entry]] = {}
        for entry in self.entries:
            if only is None or entry.type in only:
                members.setdefault(entry.category, []).append(entry)
        paths = {
            "/".join(parts[: n + 1])
            for parts in (category.split("/") for category in members)
            for n in range(len(parts))
        }
        return [
            Group(
                path,
                tuple(members.get(path, ())),
                sum(len(found) for where, found in members.items() if _inside(where, path)),
            )
            for path in sorted(paths, key=lambda path: path.lower().split("/"))
        ]


def _inside(category: str, path: str) -> bool:
    return category == path or category.startswith(f"{path}/")


def _entry(spec: NodeSpec) -> Entry:
    title = spaced(spec.type)
    text = spec.function.__doc__ or ""
    summary = " ".join(text.strip().partition("\n\n")[0].split())
    return Entry(
        type=spec.type,
        title=title,
        category=spec.category,
        summary=summary,
        spec=spec,
        name_hay=fuzzy.Hay(title),
        type_hay=fuzzy.Hay(spec.type),
        category_hay=fuzzy.Hay(spec.category),
        # With a space before each word, so that the beginning of a word is found by `in`.
        help_words=" " + " ".join(dict.fromkeys(_WORD.findall(text.lower()))),
    )


def _score(query: fuzzy.Query, entry: Entry, categories: dict[str, float]) -> float:
    """`categories` keeps the scores of those seen before: many entries share one."""
    best = fuzzy.score(query, entry.name_hay)
    if not best and entry.type_hay.compact != entry.name_hay.compact:
        best = fuzzy.score(query, entry.type_hay)
    if best:
        return best
    found = categories.get(entry.category)
    if found is None:
        found = categories[entry.category] = fuzzy.score(query, entry.category_hay)
    if found:
        return found * _CATEGORY
    if len(query.compact) >= _HELP_LETTERS:
        names = f" {entry.name_hay.spaced} {entry.category_hay.spaced}{entry.help_words}"
        if all(f" {part}" in names for part in query.parts):
            return fuzzy.EXACT * _HELP
    return 0
