"""The contact sheet as one PNG."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studio.batch.sheet import line_of
from studio.batch.sheet_file import write_over
from studio.batch.sheet_pictures import LARGEST
from studio.batch.sheet_text import font, lines_of, write
from studio.png import MAX_INFLATED, encode_png

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image, ImageDraw

    from studio.batch.sheet import Cell, Grid, Sheet, Words
    from studio.batch.sheet_pictures import SmallPictures

SHEET_KEY = "latent_studio_sheet"
"""Text chunk of a contact sheet: the graph, and of every cell where it is and what it sets."""

_SIDES = (LARGEST, 192, 128, 96, 64, 48, 32)
"""Pixels of a cell's picture, the first that fits."""
_PROBED = 200
"""Pictures whose size is looked at before the sheet is laid out."""
_MOST_SIDE, _MOST_PIXELS = 12_000, 40_000_000
"""Of the sheet, where smaller cells allow it: what viewers open with ease."""
_NARROWEST = 96
"""Pixels of a column with words over or under it; less says nothing."""
_HEADING = 260
"""Pixels of the headings of rows, at most."""
_GAP, _MARGIN = 8, 24
_LINE, _TITLE = 18, 36
_FONT, _SIZE = "Inter-Regular", 13
_MOST_LINES = 4
"""Of a column's heading, or of a cell's label."""
_PAPER, _INK, _FAINT = (255, 255, 255), (27, 29, 34), (90, 97, 112)
_EMPTY, _BAD, _BAD_PAPER = (236, 238, 242), (179, 38, 30), (253, 236, 234)


@dataclass(frozen=True, slots=True)
class _Measures:
    """Pixels: of a cell's picture, of a column, left of the first cell; lines of words.

    Args:
        width: of a picture, at most.
        height: of a picture, at most.
        column: width of a cell.
        left: of the first cell.
        head: lines over the columns.
        label: lines under a cell.
    """

    width: int
    height: int
    column: int
    left: int
    head: int
    label: int


@dataclass
class _Page:
    """What is drawn on, and what was drawn where."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    measures: _Measures
    pictures: SmallPictures
    cells: list[dict[str, Any]] = field(default_factory=list)


def write_png(sheet: Sheet, pictures: SmallPictures, path: Path) -> Path:
    """Draw the sheet.

    Args:
        sheet: what it shows.
        pictures: of the batch.
        path: of the new file.

    Raises:
        SheetNotWritten: the file that was there is untouched.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    measures = _measures(sheet, pictures)
    width, height = _size(sheet, measures)
    image = Image.new("RGB", (width, height), _PAPER)
    page = _Page(image, ImageDraw.Draw(image), measures, pictures)
    room = width - 2 * _MARGIN
    (title,) = lines_of(sheet.title or "Batch", "Inter-SemiBold", 18, room, 1)
    write(page.draw, (_MARGIN, _MARGIN), title, _INK, "Inter-SemiBold", 18)
    for number, line in enumerate(lines_of(" · ".join(sheet.about), _FONT, _SIZE, room, 2)):
        write(page.draw, (_MARGIN, _MARGIN + 28 + number * _LINE), line, _FAINT)
    top = _MARGIN + 2 * _TITLE
    for grid in sheet.grids:
        top = _draw_grid(page, grid, sheet, top)
    about = {"graph": sheet.graph, "cells": page.cells}
    text = json.dumps(about, ensure_ascii=False)
    if len(text.encode()) >= MAX_INFLATED:
        # Nobody could read it; the batch's folder and each picture say it too.
        text = json.dumps({"graph": sheet.graph, "cells": []}, ensure_ascii=False)
    return write_over(path, encode_png(np.asarray(image), {SHEET_KEY: text}))


def _draw_grid(page: _Page, grid: Grid, sheet: Sheet, top: int) -> int:
    """Draw a grid; where the next one may begin."""
    draw, measures = page.draw, page.measures
    if grid.title:
        room = page.image.width - 2 * _MARGIN
        (line,) = lines_of(line_of(grid.title), "Inter-Medium", 15, room, 1)
        write(draw, (_MARGIN, top), line, _INK, "Inter-Medium", 15)
        top += _TITLE
    if grid.columns:
        _axes(page, grid, sheet, top)
        top += _LINE
        for number, words in enumerate(grid.columns):
            x = measures.left + number * (measures.column + _GAP)
            _words(page, words, (x, top), measures.column, measures.head)
        top += measures.head * _LINE + 4
    for at, row in enumerate(grid.cells):
        if grid.rows:
            room = measures.left - _MARGIN - _GAP
            _words(page, grid.rows[at], (_MARGIN, top), room, max(1, measures.height // _LINE))
        for number, cell in enumerate(row):
            if cell is not None:
                _draw_cell(page, cell, (measures.left + number * (measures.column + _GAP), top))
        top += measures.height + _GAP + measures.label * _LINE
    return top + _MARGIN


def _axes(page: _Page, grid: Grid, sheet: Sheet, top: int) -> None:
    """Which widgets vary along the rows and the columns, where their headings don't say it."""
    measures = page.measures
    names = [(sheet.across, "→", measures.left, grid.columns)]
    names.append((sheet.down, "↓", _MARGIN, grid.rows))
    for name, arrow, x, headings in names:
        if not any(named for words in headings for named, _ in words):
            room = (page.image.width - _MARGIN if x > _MARGIN else measures.left - _GAP) - x
            (line,) = lines_of(f"{name} {arrow}", _FONT, _SIZE, room, 1)
            write(page.draw, (x, top), line, _FAINT)


def _words(page: _Page, words: Words, place: tuple[int, int], width: int, most: int) -> None:
    x, y = place
    for number, line in enumerate(_lines(words, width, most)):
        write(page.draw, (x, y + number * _LINE), line, _INK)


def _lines(words: Words, width: int, most: int) -> list[str]:
    """Words in lines; where there are too many, long values give way to short ones."""
    texts = [f"{name} = {value}" if name else value for name, value in words]
    left, lines = most, []
    for number, text in enumerate(texts):
        if left < 1:
            break
        share = max(1, left - (len(texts) - number - 1))
        found = lines_of(text, _FONT, _SIZE, width, share)
        lines += found
        left -= len(found)
    return lines


def _brief(label: Words) -> Words:
    """A label for a narrow place: "seed" for "sampler.seed"."""
    return tuple((name.rpartition(".")[2], value) for name, value in label)


def _draw_cell(page: _Page, cell: Cell, place: tuple[int, int]) -> None:
    measures = page.measures
    (x, y), width, height = place, measures.width, measures.height
    picture, error = None, cell.error
    if cell.paths:
        picture = page.pictures.small(cell.paths[0])
        error = f"{cell.paths[0]} can't be read"
    if picture is None:
        paper, ink = (_BAD_PAPER, _BAD) if cell.failed else (_EMPTY, _FAINT)
        page.draw.rectangle((x, y, x + measures.column - 1, y + height - 1), paper)
        text = f"failed: {error}" if cell.failed else error
        lines = lines_of(text, _FONT, _SIZE, measures.column - 12, max(1, (height - 8) // _LINE))
        for number, line in enumerate(lines):
            write(page.draw, (x + 6, y + 4 + number * _LINE), line, ink)
    else:
        picture.thumbnail((width, height))
        page.image.paste(picture, (x + (width - picture.width) // 2, y))
    _words(page, _brief(cell.label), (x, y + height + 3), measures.column, measures.label)
    path = cell.paths[0] if cell.paths else ""
    page.cells.append(
        {
            "job": cell.job.index,
            "box": [x, y, width, height],
            "path": path,
            "sets": dict(cell.job.sets),
        }
    )


def _measures(sheet: Sheet, pictures: SmallPictures) -> _Measures:
    drawn = font(_FONT, _SIZE)
    rows = [words for grid in sheet.grids for words in grid.rows]
    texts = [line_of((line,)) for words in rows for line in words]
    if rows:
        texts.append(f"{sheet.down} ↓")
    widest = max(map(drawn.getlength, texts), default=0)
    left = _MARGIN + (min(round(widest), _HEADING) + 2 * _GAP if rows else 0)
    heads = [words for grid in sheet.grids for words in grid.columns]
    labels = [_brief(cell.label) for cell in _cells(sheet)]
    width, height = _largest(sheet, pictures.folder)
    for side in _SIDES:
        scale = min(1.0, side / max(width, height))
        cell = max(32, round(width * scale)), max(16, round(height * scale))
        column = max(cell[0], min(_NARROWEST, side))
        head, label = (
            max((len(_lines(words, column, _MOST_LINES)) for words in each), default=0)
            for each in (heads, labels)
        )
        measures = _Measures(*cell, column, left, head, label)
        size = _size(sheet, measures)
        if max(size) <= _MOST_SIDE and size[0] * size[1] <= _MOST_PIXELS:
            break
    return measures


def _cells(sheet: Sheet) -> list[Cell]:
    return [cell for grid in sheet.grids for row in grid.cells for cell in row if cell]


def _largest(sheet: Sheet, folder: Path) -> tuple[int, int]:
    """Width and height that hold every picture; of many the first ones are looked at."""
    from studio.errors import StudioError
    from studio.pictures import probe_picture

    sizes: list[tuple[int, int]] = []
    for cell in _cells(sheet):
        if cell.paths:
            with suppress(StudioError):
                sizes.append(probe_picture(folder / cell.paths[0])[:2])
        if len(sizes) >= _PROBED:
            break
    if not sizes:
        return _SIDES[0], _SIDES[0]
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _size(sheet: Sheet, measures: _Measures) -> tuple[int, int]:
    columns = max((len(row) for grid in sheet.grids for row in grid.cells), default=1)
    width = measures.left + columns * (measures.column + _GAP) - _GAP + _MARGIN
    height = _MARGIN + 2 * _TITLE
    for grid in sheet.grids:
        height += len(grid.cells) * (measures.height + _GAP + measures.label * _LINE) + _MARGIN
        height += _TITLE if grid.title else 0
        height += (measures.head + 1) * _LINE + 4 if grid.columns else 0
    return max(width, 480), height
