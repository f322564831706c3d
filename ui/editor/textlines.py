"""Breaks texts into the lines that a node shows."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QTextLayout, QTextOption

from ui.theme import fonts

_LONG = 4000
"""Letters that can matter for what a text field shows."""


@lru_cache(maxsize=2048)
def text_lines(text: str, width: float, limit: int) -> tuple[str, ...]:
    """A text broken into lines of `width` pixels in the body font.

    Args:
        text: line breaks stay.
        width: of the lines.
        limit: at most so many lines; the last one ends in an ellipsis where there was more.
    """
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    lines: list[str] = []
    paragraphs = text[:_LONG].split("\n")
    for number, paragraph in enumerate(paragraphs):
        layout = QTextLayout(paragraph, fonts.body())
        layout.setTextOption(option)
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            start = line.textStart()
            lines.append(paragraph[start : start + line.textLength()].rstrip())
            if len(lines) > limit:
                break
        layout.endLayout()
        if len(lines) > limit or (len(lines) == limit and number < len(paragraphs) - 1):
            return (*lines[: limit - 1], lines[limit - 1] + "…")
    return tuple(lines)
