"""Finding by a few letters: prefixes, initials, parts of words, and words typed wrongly. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+(?:\.\d+)*|[^\W\d_]+")
_PLAIN = re.compile(r"[^\w.]+|_")

EXACT, START, WORDS, INITIALS, INSIDE, TYPO = 1000, 900, 800, 760, 700, 400
"""Scores of kinds of matches; within a kind the shorter text and the earlier match win."""
_LIKE = 74
"""Least likeness, of 100, of a word with a typing error."""
_MIN_TYPO = 3
"""Letters below which nothing is taken for a typing error: everything is like two letters."""


@dataclass(frozen=True)
class Query:
    """What was typed, taken apart once for all texts."""

    text: str
    parts: tuple[str, ...] = field(init=False)
    compact: str = field(init=False)

    def __post_init__(self) -> None:
        parts = tuple(part for part in _PLAIN.split(self.text.lower()) if part)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "compact", "".join(parts))


@dataclass(frozen=True)
class Hay:
    """A text to find, taken apart once for all queries: `LoadCheckpoint` is "load checkpoint"."""

    text: str

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(word.lower() for word in _WORDS.findall(self.text))

    @cached_property
    def compact(self) -> str:
        return "".join(_PLAIN.split(self.text.lower()))

    @cached_property
    def starts(self) -> frozenset[str]:
        """All that words begin with: of "KSampler" also of "sampler"."""
        words = {*self.words, *(word for word in _PLAIN.split(self.text.lower()) if word)}
        return frozenset(word[:n] for word in words for n in range(1, min(len(word), 40) + 1))

    @cached_property
    def initials(self) -> str:
        return "".join(word[0] for word in self.words)

    @cached_property
    def spaced(self) -> str:
        return " ".join(self.words)


def score(query: Query, hay: Hay) -> float:
    """How well a text fits what was typed, 0 (not at all) to 1000. Typing errors aren't tried."""
    wanted, have = query.compact, hay.compact
    if not wanted:
        return 1
    extra = min(len(have) - len(wanted), 60) / 60
    if have == wanted:
        return EXACT
    if have.startswith(wanted):
        return START - extra
    if all(part in hay.starts for part in query.parts):
        return WORDS - extra
    if len(wanted) > 1 and hay.initials.startswith(wanted):
        return INITIALS - extra
    if (place := have.find(wanted)) >= 0 and len(wanted) > 1:
        return INSIDE - min(place, 60) / 60 - extra / 10
    return 0


def rank(query: str, hays: Sequence[Hay]) -> list[int]:
    """Places of the texts that fit, the best first; all, in their order, where nothing is typed."""
    asked = Query(query)
    if not asked.compact:
        return list(range(len(hays)))
    scores = {place: found for place, hay in enumerate(hays) if (found := score(asked, hay))}
    if not scores:
        scores = typos(asked, hays)
    return sorted(scores, key=lambda place: (-scores[place], len(hays[place].text), place))


def typos(query: Query, hays: Sequence[Hay]) -> dict[int, float]:
    """Scores below `TYPO` of texts that are like what was typed, by place."""
    if len(query.compact) < _MIN_TYPO:
        return {}
    from rapidfuzz import fuzz, process

    found = process.extract(
        " ".join(query.parts),
        [hay.spaced for hay in hays],
        scorer=fuzz.WRatio,
        score_cutoff=_LIKE,
        limit=None,
    )
    return {place: likeness / 100 * TYPO for _, likeness, place in found}
