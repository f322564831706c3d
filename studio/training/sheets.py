"""Sample sheets: pictures with what was asked for below them, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from studio.places import resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

GAP = 14
BESIDE = 24
"""How much wider than its picture a caption may be, in pixels."""
TEXT, LEADING = 13, 17
"""Size of the letters, and from line to line, in pixels."""
FRAME = 3
PAPER, INK, WRONG = (252, 252, 252), (40, 42, 48), (196, 30, 30)


def sheet(
    pictures: Sequence[NDArray[np.uint8]],
    captions: Sequence[str],
    marks: Sequence[str],
    columns: int,
) -> Image.Image:
    """Pictures in rows, as they are, with words below.

    Args:
        pictures: [h, w, 3] each, all of one size.
        captions: of each; broken into lines.
        marks: what is wrong with each, empty where nothing is: those with one get a red frame and
            it in red below the caption.
        columns: pictures in a row.
    """
    height, width = pictures[0].shape[:2]
    roomy = width + BESIDE
    fonts = resources() / "fonts"
    plain, strong = (
        ImageFont.truetype(str(fonts / f"Inter-{each}.ttf"), TEXT)
        for each in ("Regular", "SemiBold")
    )
    tiles = [
        (
            picture,
            _lines(caption, plain, roomy),
            _lines(f"wrong: {mark}", strong, roomy) if mark else [],
        )
        for picture, caption, mark in zip(pictures, captions, marks, strict=True)
    ]
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    lines = [max(len(words) + len(mark) for _, words, mark in row) for row in rows]
    across = min(columns, len(tiles))
    high = GAP + sum(height + GAP // 2 + LEADING * count + GAP for count in lines)
    made = Image.new("RGB", (GAP + across * (roomy + GAP), high), PAPER)
    pen = ImageDraw.Draw(made)
    top = GAP
    for row, count in zip(rows, lines, strict=True):
        for column, (picture, words, mark) in enumerate(row):
            left = GAP + column * (roomy + GAP)
            if mark:
                box = (
                    left - FRAME,
                    top - FRAME,
                    left + width + FRAME - 1,
                    top + height + FRAME - 1,
                )
                pen.rectangle(box, fill=WRONG)
            made.paste(Image.fromarray(picture), (left, top))
            below = top + height + GAP // 2
            for number, line in enumerate(words + mark):
                ours = number < len(words)
                place = (left, below + LEADING * number)
                pen.text(place, line, INK if ours else WRONG, plain if ours else strong)
        top += height + GAP // 2 + LEADING * count + GAP
    return made


def _lines(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """A text broken between words; what has no room alone sticks out."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
