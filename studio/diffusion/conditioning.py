"""What nodes make of conditionings: pure functions, the rules are the main peer's.

Where two conditionings are mixed the places, times and weights are the first one's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from studio.errors import InputError
from studio.values import Conditioning

if TYPE_CHECKING:
    from torch import Tensor

    from studio.values import ConditioningEntry


class NothingToMix(InputError):
    """A conditioning without text (or without entries) where text is wanted."""

    def __init__(self, which: str) -> None:
        super().__init__(
            f"The {which} conditioning brings no text.", hint="Wire a text encoder to it."
        )


class MixedWidths(InputError):
    """Texts of two families' encoders."""

    def __init__(self, what: str, first: int, second: int) -> None:
        super().__init__(
            f"The {what} of the first conditioning is {first} wide, that of the second {second}: "
            "they come from text encoders of different families.",
            hint="Encode both texts with the clip of one checkpoint.",
        )


def concatenated(first: Conditioning, second: Conditioning) -> Conditioning:
    """The tokens of the second's first entry after those of every entry of the first.

    Pooled text stays the first one's.

    Raises:
        NothingToMix: one has no text.
        MixedWidths: they are of different families.
    """
    tail = _text("second", _first(second))
    entries = []
    for entry in first.entries:
        head = _text("first", entry)
        _check_widths("text", head, tail)
        entries.append(replace(entry, embeddings=torch.cat([head, tail], dim=1)))
    return _made("first", entries)


def averaged(first: Conditioning, second: Conditioning, strength: float) -> Conditioning:
    """Every entry of the first, mixed with the second's first entry.

    Token by token: a second text that is shorter counts as zeros, one that is longer is cut.
    Pooled texts are mixed too; where only one has one, it is taken whole.

    Args:
        first: counts with `strength`.
        second: counts with 1 - `strength`.
        strength: 0 to 1.

    Raises:
        NothingToMix: one has no text.
        MixedWidths: they are of different families.
    """
    source = _first(second)
    text = _text("second", source)
    entries = []
    for entry in first.entries:
        wanted = _text("first", entry)
        _check_widths("text", wanted, text)
        other = torch.zeros_like(wanted)
        shared = min(wanted.shape[1], text.shape[1])
        other[:, :shared] = text[:, :shared]
        pooled = entry.pooled
        if pooled is None:
            pooled = source.pooled
        elif source.pooled is not None:
            _check_widths("pooled text", pooled, source.pooled)
            pooled = source.pooled.lerp(pooled, strength)
        entries.append(replace(entry, embeddings=other.lerp(wanted, strength), pooled=pooled))
    return _made("first", entries)


def zeroed(conditioning: Conditioning) -> Conditioning:
    """Every entry with zeros in place of its text and its pooled text."""
    return Conditioning(
        tuple(
            replace(
                entry,
                embeddings=None if entry.embeddings is None else torch.zeros_like(entry.embeddings),
                pooled=None if entry.pooled is None else torch.zeros_like(entry.pooled),
            )
            for entry in conditioning.entries
        )
    )


def _first(conditioning: Conditioning) -> ConditioningEntry:
    if not conditioning.entries:
        raise NothingToMix("second")
    return conditioning.entries[0]


def _made(which: str, entries: list[ConditioningEntry]) -> Conditioning:
    if not entries:
        raise NothingToMix(which)
    return Conditioning(tuple(entries))


def _text(which: str, entry: ConditioningEntry) -> Tensor:
    if entry.embeddings is None:
        raise NothingToMix(which)
    return entry.embeddings


def _check_widths(what: str, first: Tensor, second: Tensor) -> None:
    if first.shape[-1] != second.shape[-1]:
        raise MixedWidths(what, first.shape[-1], second.shape[-1])
