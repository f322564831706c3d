"""A prompt taken apart: words and embeddings with their weights, and breaks between chunks.

No torch: a graph is checked and planned with this. See docs/prompts.md for the syntax.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from studio.diffusion.text.alternatives import settle, without_comments
from studio.diffusion.text.dialects import read_a1111, read_comfy
from studio.diffusion.text.errors import BadPrompt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from studio.diffusion.text.dialects import Reading

_DIALECTS: dict[str, Callable[[str], Reading]] = {"comfy": read_comfy, "a1111": read_a1111}

WEIGHTINGS = tuple(_DIALECTS)
"""How weights are read and applied: as ComfyUI does, or as Automatic's web UI does."""

_BREAK = re.compile(r"\bBREAK\b")
# A name ends where syntax could begin. Not at a full stop: it may part the ending.
_MENTION = re.compile(r"(?<!\w)embedding:([^\s,:;<>\[\]{}|]+)")
# In a prompt as it was written: brackets that are no syntax have a backslash.
_RAW_MENTION = re.compile(r"(?<!\w)embedding:((?:\\[()]|[^\s,:;<>\[\]{}|()\\])+)")
_STOPS = ".!?"


class Words(NamedTuple):
    """Text to be cut into tokens together."""

    text: str
    weight: float


class Mention(NamedTuple):
    """`embedding:name`."""

    name: str
    weight: float


class Break(NamedTuple):
    """`BREAK`: what follows begins a new chunk."""


Piece = Words | Mention | Break


class Prompt(NamedTuple):
    """A prompt taken apart.

    Args:
        pieces: in order.
        notes: what looks like a slip, in words.
    """

    pieces: tuple[Piece, ...]
    notes: tuple[str, ...]


def parse(text: str, weighting: str = "comfy") -> Prompt:
    """Take a settled prompt (no alternatives, no comments) apart.

    Args:
        text: the prompt.
        weighting: one of `WEIGHTINGS`.

    Raises:
        BadPrompt: a weight makes no sense.
    """
    reading = _DIALECTS[weighting](text)
    pieces: list[Piece] = []
    for words, weight in reading.segments:
        parts = _BREAK.split(words)
        for number, part in enumerate(parts):
            if number:
                pieces.append(Break())
            pieces.extend(_mentions(part, weight))
    return Prompt(tuple(pieces), reading.notes)


def names_in(text: str) -> tuple[str, ...]:
    """Names of all embeddings that a prompt may come to mention, whatever its alternatives.

    Args:
        text: as the user wrote it.
    """
    found = _RAW_MENTION.finditer(without_comments(text))
    return tuple(dict.fromkeys(_name(raw[1].replace("\\", "")) for raw in found))


def mentioned(text: str, settled: str, weighting: str) -> tuple[str, ...]:
    """Names of the embeddings that a settled prompt mentions.

    Args:
        text: the prompt as the user wrote it.
        settled: the same with its choices made.
        weighting: one of `WEIGHTINGS`.

    Raises:
        BadPrompt: a weight makes no sense, or a name is put together from alternatives: then
            `names_in` didn't foresee it, and a change of its file would go unnoticed.
    """
    pieces = parse(settled, weighting).pieces
    names = dict.fromkeys(piece.name for piece in pieces if isinstance(piece, Mention))
    foreseen = names_in(text)
    for name in names:
        if name not in foreseen:
            raise BadPrompt(
                settled,
                max(settled.find("embedding:"), 0),
                f"the name of the embedding {name!r} isn't written out in one piece",
                "Write {embedding:a|embedding:b}, not embedding:{a|b}.",
            )
    return tuple(names)


def fault_in(text: str, weighting: str | None = None) -> str | None:
    """What is wrong with a prompt's syntax, whatever the seed; None where nothing is.

    Args:
        text: the prompt.
        weighting: the dialect; None where it isn't known: only what is wrong in both counts then.
    """
    from studio.errors import InputError

    try:
        settled = settle(text, 0)
        if weighting is not None:
            parse(settled, weighting)
            return None
        try:
            read_comfy(settled)
        except InputError:
            read_a1111(settled)
    except InputError as error:
        return str(error)
    return None


def _mentions(text: str, weight: float) -> Iterator[Piece]:
    done = 0
    for found in _MENTION.finditer(text):
        name = _name(found[1])
        if text[done : found.start()].strip():
            yield Words(text[done : found.start()], weight)
        yield Mention(name, weight)
        done = found.start(1) + len(name)
    if text[done:].strip():
        yield Words(text[done:], weight)


def _name(raw: str) -> str:
    """Without the full stop that ends a sentence, and brackets that belong to the sentence."""
    excess = raw.count(")") - raw.count("(")
    end = len(raw)
    while end and (raw[end - 1] in _STOPS or (raw[end - 1] == ")" and excess > 0)):
        excess -= raw[end - 1] == ")"
        end -= 1
    return raw[:end] or raw
