"""The two readings of weights in a prompt, as stretches of text with a weight each.

`comfy` reads as ComfyUI 0.3 does, character for character, oddities with unbalanced brackets
included; `a1111` as Automatic's web UI does (its `prompt_parser`). No torch; time and memory grow
with the length of the text alone, and nothing recurses.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from studio.diffusion.text.errors import BadPrompt, place

EMPHASIS = 1.1
"""What bare brackets multiply a weight with, or, square ones of a1111, divide it by."""

MAX_WEIGHT = 100.0
"""No prompt means more than this; beyond, half precision overflows."""

MAX_NOTES = 3

ESCAPE = "Write \\( and \\) for brackets that are meant as characters."


class Segment(NamedTuple):
    """A stretch of text with one weight; escapes are resolved."""

    text: str
    weight: float


class Reading(NamedTuple):
    """A prompt read in one dialect.

    Args:
        segments: in order; none is empty.
        notes: what looks like a slip, in words.
    """

    segments: tuple[Segment, ...]
    notes: tuple[str, ...]


# ------------------------------------------------------------------ ComfyUI

_COMFY_MARK = re.compile(r"\\[()]|[():]")
_COMFY_ESCAPE = re.compile(r"\\([()])")


class _Marks:
    """Brackets and colons of a text that are not escaped, by their number in the text."""

    def __init__(self, text: str) -> None:
        found = [mark for mark in _COMFY_MARK.finditer(text) if len(mark[0]) == 1]
        self.at = [mark.start() for mark in found]
        self.kind = [mark[0] for mark in found]
        self.number = {position: number for number, position in enumerate(self.at)}
        self.partner: dict[int, int] = {}
        """Of an opening bracket: the closing one."""
        self.colon: list[int] = []
        """Of every mark: the last colon before it, where no bracket stands between; else -1."""
        open_: list[int] = []
        colon = -1
        for number, kind in enumerate(self.kind):
            self.colon.append(colon)
            if kind == "(":
                open_.append(number)
            elif kind == ")" and open_:
                self.partner[open_.pop()] = number
            colon = number if kind == ":" else -1


def read_comfy(text: str) -> Reading:
    """Weights as ComfyUI reads them: `(x)` multiplies by 1.1, `(x:w)` sets w whatever is around.

    A bracket that is never closed is text, up to the end of what surrounds it; but where that
    ends in a closing bracket, it counts as closed there. After a closing bracket that closes
    nothing, as many opening ones open nothing.

    Raises:
        BadPrompt: a weight that is no sensible number.
    """
    marks = _Marks(text)
    segments: list[Segment] = []
    slips: list[tuple[int, str]] = []

    def emit(start: int, end: int, weight: float) -> None:
        if start < end:
            _check(weight, text, start)
            words = _COMFY_ESCAPE.sub(r"\1", text[start:end])
            segments.append(Segment(words, weight))

    # Stretches still to be read: first character, first mark, end, weight; the next one last.
    todo = [(0, 0, len(text), 1.0)]
    while todo:
        start, number, end, weight = todo.pop()
        opening, excess = _opening(marks, number, end)
        if excess is not None:
            slips.append((excess, "this ) closes nothing"))
        if opening is None:
            emit(start, end, weight)
            continue
        here = marks.at[opening]
        emit(start, here, weight)
        closing = marks.partner.get(opening)
        if closing is not None and marks.at[closing] < end:
            todo.append((marks.at[closing] + 1, closing + 1, end, weight))
        else:
            slips.append((here, "this ( is never closed"))
            closing = marks.number.get(end - 1, -1)
            if closing <= opening or marks.kind[closing] != ")":
                emit(here, end, weight)
                continue
        inner_end, inner = marks.at[closing], weight * EMPHASIS
        colon = marks.colon[closing]
        if colon > opening and marks.at[colon] > here + 1:
            try:
                inner = float(text[marks.at[colon] + 1 : inner_end])
            except ValueError:
                pass  # a colon that is meant as a colon
            else:
                inner_end = marks.at[colon]
        todo.append((here + 1, opening + 1, inner_end, inner))
    return Reading(tuple(segments), _notes(text, slips))


def _opening(marks: _Marks, number: int, end: int) -> tuple[int | None, int | None]:
    """The first bracket from mark `number` on that opens a group, and the position of a closing
    one before it that closes nothing."""
    level, excess = 0, None
    while number < len(marks.at) and marks.at[number] < end:
        kind = marks.kind[number]
        if kind == "(":
            if level == 0:
                return number, excess
            level += 1
        elif kind == ")":
            excess = marks.at[number] if excess is None else excess
            level -= 1
        number += 1
    return None, excess


# ------------------------------------------------------------------ Automatic's web UI

_A1111_MARK = re.compile(
    r"\\[()\[\]\\]|\\|[(\[)\]]|:\s*+([+-]?[.\d]++)\s*+\)|[^\\()\[\]:]+|:",
)
_BARE = {"(": EMPHASIS, "[": 1 / EMPHASIS}
_OPENER = {")": "(", "]": "["}


def read_a1111(text: str) -> Reading:
    """Weights as Automatic's web UI reads them: all brackets multiply.

    `(x)` multiplies by 1.1, `[x]` divides by it, `(x:w)` multiplies by w, in one another too.
    Round and square brackets pair off apart from each other. A bracket that is never closed
    weighs everything after it; one that closes nothing is text.

    Raises:
        BadPrompt: a weight that is no sensible number.
    """
    marks = list(_A1111_MARK.finditer(text))
    factors, closers, notes = _pair_off(text, marks)
    weights = {"(": [1.0], "[": [1.0]}
    pieces: list[tuple[str, float, int]] = []
    for number, mark in enumerate(marks):
        if number in factors:
            stack = weights[mark[0]]
            stack.append(stack[-1] * factors[number])
        elif number in closers:
            weights[closers[number]].pop()
        else:
            words = mark[0][1:] if mark[0][0] == "\\" else mark[0]
            pieces.append((words, weights["("][-1] * weights["["][-1], mark.start()))
    return Reading(_merged(text, pieces), notes)


def _pair_off(
    text: str, marks: list[re.Match[str]]
) -> tuple[dict[int, float], dict[int, str], tuple[str, ...]]:
    """Factor by number of an opening bracket; kind by number of a closing one that closes; notes.

    Raises:
        BadPrompt: a weight that is no number.
    """
    factors: dict[int, float] = {}
    closers: dict[int, str] = {}
    slips: list[tuple[int, str]] = []
    open_: dict[str, list[int]] = {"(": [], "[": []}
    for number, mark in enumerate(marks):
        kind = mark[0]
        if kind in open_:
            open_[kind].append(number)
        elif kind in _OPENER or mark[1] is not None:
            opener = _OPENER[kind[-1]]
            if not open_[opener]:
                slips.append((mark.end() - 1, f"this {kind[-1]} closes nothing"))
                continue
            factor = _BARE[opener] if mark[1] is None else _number(mark, text)
            factors[open_[opener].pop()] = factor
            closers[number] = opener
    for opener, left in open_.items():
        for number in left:
            factors[number] = _BARE[opener]
            slips.append((marks[number].start(), f"this {opener} is never closed"))
    return factors, closers, _notes(text, slips)


def _number(mark: re.Match[str], text: str) -> float:
    try:
        return float(mark[1])
    except ValueError:
        raise BadPrompt(
            text, mark.start(), f"the weight {mark[1][:20]} is no number", ESCAPE
        ) from None


def _merged(text: str, pieces: list[tuple[str, float, int]]) -> tuple[Segment, ...]:
    """Neighbours of equal weight in one, as they are cut into tokens together."""
    starts = [i for i in range(len(pieces)) if i == 0 or pieces[i][1] != pieces[i - 1][1]]
    segments = []
    for start, end in pairwise([*starts, len(pieces)]):
        words = "".join(piece[0] for piece in pieces[start:end])
        if words:
            _check(pieces[start][1], text, pieces[start][2])
            segments.append(Segment(words, pieces[start][1]))
    return tuple(segments)


# ------------------------------------------------------------------ both


def _check(weight: float, text: str, position: int) -> None:
    if not abs(weight) <= MAX_WEIGHT:  # NaN isn't either
        raise BadPrompt(
            text,
            position,
            f"its weight is {weight:g}; weights lie between -{MAX_WEIGHT:g} and {MAX_WEIGHT:g}",
            ESCAPE,
        )


def _notes(text: str, slips: list[tuple[int, str]]) -> tuple[str, ...]:
    """The first few slips in words."""
    return tuple(
        f"the prompt, {place(text, position)}: {reason}. {ESCAPE}"
        for position, reason in sorted(slips)[:MAX_NOTES]
    )
