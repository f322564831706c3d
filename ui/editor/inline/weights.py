"""Weights of words in a prompt, raised and lowered from the keyboard. Pure text."""

from __future__ import annotations

import re
from typing import NamedTuple

STEP = 0.1
LEAST, MOST = -100.0, 100.0
_WEIGHTED = re.compile(r"^\((.*):\s*([+-]?\d*\.?\d+)\s*\)$", re.S)
_WORD = re.compile(r"[^\s,()\[\]{}|:]+")


class Marked(NamedTuple):
    """A text and the stretch of it that is selected, in characters."""

    text: str
    start: int
    end: int


def reweigh(text: str, start: int, end: int, delta: float) -> Marked:
    """Change the weight of the selected words, or of the word at the cursor.

    `star` becomes `(star:1.1)`, that becomes `(star:1.2)`, and a weight of 1 takes the brackets
    away. What is selected afterwards is what the weight is for, so the key can be pressed again.

    Args:
        text: the prompt.
        start, end: the selection; equal for a cursor.
        delta: added to the weight; the sum stays between -100 and 100.
    """
    if start == end:
        start, end = _word_at(text, start)
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start == end:
        return Marked(text, start, end)
    outer_start, outer_end, inner, weight = _weighted_at(text, start, end)
    weight = round(min(MOST, max(LEAST, weight + delta)), 4)
    if weight == 1:
        made, lead = inner, 0
    else:
        made, lead = f"({inner}:{weight:g})", 1
    where = outer_start + lead
    return Marked(text[:outer_start] + made + text[outer_end:], where, where + len(inner))


def _weighted_at(text: str, start: int, end: int) -> tuple[int, int, str, float]:
    """Where the brackets of the stretch are, what stands in them, and its weight now."""
    if match := _WEIGHTED.match(text[start:end]):
        if _balanced(match[1]):
            return start, end, match[1], float(match[2])
    elif start and text[start - 1] == "(":
        rest = re.match(r":\s*([+-]?\d*\.?\d+)\s*\)", text[end:])
        if rest:
            return start - 1, end + rest.end(), text[start:end], float(rest[1])
    return start, end, text[start:end], 1.0


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def _word_at(text: str, place: int) -> tuple[int, int]:
    """The word that the cursor is in or beside; of a weighted stretch, all of it."""
    for match in re.finditer(r"\(([^()]*):\s*[+-]?\d*\.?\d+\s*\)", text):
        if match.start() < place < match.end():
            return match.start(), match.end()
    for match in _WORD.finditer(text):
        if match.start() <= place <= match.end():
            return match.start(), match.end()
    return place, place
