"""Text on a picture: cut into lines that fit, in a font that has its letters."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from studio.places import resources

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

_OTHERS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "msyh.ttc",
    "seguiemj.ttf",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
)
"""Fonts of the system for scripts that ours lacks; the first one that has most of the letters."""


@lru_cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font that comes with the program."""
    from PIL import ImageFont

    return ImageFont.truetype(resources() / "fonts" / f"{name}.ttf", size)


@lru_cache(maxsize=4096)
def font_for(text: str, name: str, size: int) -> ImageFont.FreeTypeFont:
    """The program's font, or one of the system's that has more of the text's letters."""
    own = font(name, size)
    letters = {letter for letter in text if not letter.isspace()}
    if all(_has(own, letter) for letter in letters):
        return own
    return max((own, *_others(size)), key=lambda each: sum(_has(each, one) for one in letters))


@lru_cache
def _others(size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    from PIL import ImageFont

    found = []
    for name in _OTHERS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue  # another system's
    return tuple(found)


@lru_cache(maxsize=4096)
def _has(one: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Whether a font has a letter: it isn't drawn as one that none has."""
    return bytes(one.getmask(letter)) != bytes(one.getmask("\U0010ffff"))


def lines_of(text: str, name: str, size: int, width: int, most: int) -> list[str]:
    """Text in at most `most` lines of `width` pixels; the last one ends in … where it is cut."""
    drawn = font_for(text, name, size)
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        if drawn.getlength(rest) <= width:
            lines.append(rest)
            break
        if len(lines) == most - 1:
            lines.append(_start(rest, drawn, width, "…").rstrip() + "…")
            break
        start = _start(rest, drawn, width)
        blank = start.rfind(" ")
        if rest[len(start) : len(start) + 1] != " " and blank > 0:
            start = start[:blank]
        lines.append(start.rstrip())
        rest = rest[len(start) :].lstrip()
    return lines


def _start(text: str, drawn: ImageFont.FreeTypeFont, width: int, end: str = "") -> str:
    """As much of the text's start as fits with `end` behind it; a letter at least."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if drawn.getlength(text[:middle] + end) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low]


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    colour: tuple[int, int, int],
    name: str = "Inter-Regular",
    size: int = 13,
) -> None:
    """Draw a line; `place` is the left end of the top of Inter's lines, whatever font is taken."""
    x, y = place
    ascent = font(name, size).getmetrics()[0]
    draw.text((x, y + ascent), text, colour, font_for(text, name, size), anchor="ls")
