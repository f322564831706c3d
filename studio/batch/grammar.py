"""The pieces of a sweep: what stands between its commas, quotation marks and brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.errors import InputError
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = {
    "linspace": "linspace(from, to, count)",
    "random": "random(count)",
    "glob": "glob(pattern)",
    "lines": "lines(file)",
}
_CALL = re.compile(r"([A-Za-z_]+)\s*\(")


class BadSpec(InputError):
    """A sweep that can't be read.

    Args:
        where: "--sweep sampler.seed=1..x", or the job file and the key.
        reason: what is wrong and what to write, a sentence or two.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")


@dataclass(frozen=True, slots=True)
class Item:
    """A piece between commas: a call's name, or "" with what was written."""

    text: str
    call: str = ""
    quoted: bool = False


def split_items(text: str, kind: str, where: str) -> Iterator[Item]:
    """The items of a sweep, in order.

    Args:
        text: the sweep, not a JSON list.
        kind: of the widget's values: "int", "str" …
        where: for messages.

    Raises:
        BadSpec: an item is empty or open, or a comma is missing.
    """
    place = 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if text[place : place + 1] == '"':
            item, place = _quoted(text, place, where)
        elif (found := _CALL.match(text, place)) and _is_call(found[1], kind):
            item, place = _call(text, place, found, where)
        else:
            end = text.find(",", place)
            end = len(text) if end < 0 else end
            item, place = Item(text[place:end].strip()), end
            if not item.text:
                what = "it is empty" if not text.strip() else "a value is empty (a comma too many)"
                empty = '; write "" for the empty text.' if kind == "str" else "."
                raise BadSpec(where, what + empty)
        yield item
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            return
        if text[place] != ",":
            left = short(text[place:], 20)
            raise BadSpec(
                where,
                f"a comma is missing before {left}."
                + (' Put a text with commas or brackets in "…".' if kind == "str" else ""),
            )
        place += 1


def _quoted(text: str, place: int, where: str) -> tuple[Item, int]:
    """The item that begins with the quotation mark at `place`, and where it ends."""
    end = place + 1
    while True:
        end = text.find('"', end)
        if end < 0:
            raise BadSpec(
                where, f"the quotation mark before {short(text[place + 1 :], 20)} is open."
            )
        if text[end + 1 : end + 2] != '"':
            return Item(text[place + 1 : end].replace('""', '"'), quoted=True), end + 1
        end += 2


def _call(text: str, place: int, found: re.Match[str], where: str) -> tuple[Item, int]:
    """The call that begins at `place`, and where it ends; brackets inside come in pairs."""
    depth, inside, end = 0, False, found.end() - 1
    while end < len(text):
        letter = text[end]
        if letter == '"':
            inside = not inside
        elif not inside:
            depth += (letter == "(") - (letter == ")")
            if not depth:
                return Item(text[found.end() : end].strip(), found[1].lower()), end + 1
        end += 1
    raise BadSpec(where, f"the bracket after {found[1]} is open; write {found[1]}(…).")


def _is_call(name: str, kind: str) -> bool:
    """Texts may hold brackets, so only the names of functions make a call there."""
    return kind != "str" or name.lower() in FUNCTIONS
