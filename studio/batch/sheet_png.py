"""The contact sheet as one PNG."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.batch.sheet import short_plain
from studio.batch.sheet_file import write_over
from studio.places import resources
from studio.png import MAX_INFLATED, encode_png

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image, ImageDraw, ImageFont

    from studio.batch.sheet import Cell, Grid, Sheet

SHEET_KEY = "latent_studio_sheet"
"""Text chunk of a contact sheet: the graph, and of every cell where it is and what it sets."""

_SIDES = (256, 192, 128, 96, 64, 48, 32)
"""Pixels of a cell's picture, the first that fits."""
_PROBED = 200
"""Pictures whose size is looked at before the sheet is laid out."""
_MOST_SIDE = 12_000
"""Pixels of the sheet along a side, where smaller cells allow it."""
_GAP, _MARGIN = 8, 24
_LINE, _TITLE = 22, 36
_PAPER, _INK, _FAINT, _EMPTY = (255, 255, 255), (28, 30, 34), (110, 114, 122), (236, 237, 240)


@dataclass(frozen=True, slots=True)
class _Measures:
    """Pixels: of a cell's picture, left of the first cell, and under a cell for its label."""

    width: int
    height: int
    left: int
    label: int


def write_png(sheet: Sheet, folder: Path, path: Path) -> Path:
    """Draw the sheet.

    Args:
        sheet: what it shows.
        folder: of the batch.
        path: of the new file.

    Raises:
        SheetNotWritten: the file that was there is untouched.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    measures = _measures(sheet, folder)
    width, height = _size(sheet, measures)
    page = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(page)
    bold, plain = _font("Inter-SemiBold", 18), _font("Inter-Regular", 13)
    draw.text((_MARGIN, _MARGIN), sheet.title or "Batch", _INK, bold)
    draw.text((_MARGIN, _MARGIN + 26), _subtitle(sheet), _FAINT, plain)
    top = _MARGIN + 2 * _TITLE
    places: list[dict[str, Any]] = []
    for grid in sheet.grids:
        top = _draw_grid(page, draw, grid, sheet, folder, measures, top, plain, places)
    about = {"graph": sheet.graph, "cells": places}
    text = json.dumps(about, ensure_ascii=False)
    if len(text.encode()) >= MAX_INFLATED:
        # Nobody could read it; the batch's folder and each picture say it too.
        text = json.dumps({"graph": sheet.graph, "cells": []}, ensure_ascii=False)
    return write_over(path, encode_png(np.asarray(page), {SHEET_KEY: text}))


def _draw_grid(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    grid: Grid,
    sheet: Sheet,
    folder: Path,
    measures: _Measures,
    top: int,
    font: ImageFont.FreeTypeFont,
    places: list[dict[str, Any]],
) -> int:
    """Draw a grid; where the next one may begin."""
    wide, high, left = measures.width, measures.height, measures.left
    if grid.title:
        draw.text((_MARGIN, top), grid.title, _INK, _font("Inter-Medium", 15))
        top += _TITLE
    if grid.columns:
        for number, words in enumerate(grid.columns):
            x = left + number * (wide + _GAP)
            draw.text((x, top), _fitting(words, font, wide), _INK, font)
        top += _LINE
    for words, row in zip(grid.rows, grid.cells, strict=True):
        if words:
            draw.text((_MARGIN, top), _fitting(words, font, left - _MARGIN - _GAP), _INK, font)
        for number, cell in enumerate(row):
            if cell is None:
                continue
            box = (left + number * (wide + _GAP), top, wide, high)
            _draw_cell(page, draw, cell, folder, box, font)
            if measures.label:
                label = _fitting(cell.label, font, wide)
                draw.text((box[0], top + high + 2), label, _INK, font)
            sets = dict(cell.job.sets)
            places.append(
                {"job": cell.job.index, "box": list(box), "path": cell.path, "sets": sets}
            )
        top += high + _GAP + measures.label
    return top + _MARGIN


def _draw_cell(
    page: Image.Image,
    draw: ImageDraw.ImageDraw,
    cell: Cell,
    folder: Path,
    box: tuple[int, int, int, int],
    font: ImageFont.FreeTypeFont,
) -> None:
    x, y, width, height = box
    picture, error = None, cell.error
    if cell.path:
        picture, error = thumbnail(folder / cell.path, width, height)
    if picture is None:
        draw.rectangle((x, y, x + width - 1, y + height - 1), _EMPTY)
        draw.text((x + 6, y + 6), _fitting(error, font, width - 12), _FAINT, font)
        return
    page.paste(picture, (x + (width - picture.width) // 2, y + (height - picture.height) // 2))


def thumbnail(path: Path, width: int, height: int) -> tuple[Image.Image | None, str]:
    """A picture no larger than this, RGB; or None and why there is none."""
    from PIL import Image

    from studio.errors import StudioError
    from studio.pictures import read_picture, to_uint8

    try:
        pixels = to_uint8(read_picture(path).rgb)
    except StudioError:
        return None, f"{path.name} can't be read"
    picture = Image.fromarray(pixels)
    picture.thumbnail((width, height), Image.Resampling.LANCZOS)
    return picture, ""


def _measures(sheet: Sheet, folder: Path) -> _Measures:
    headings = [words for grid in sheet.grids for words in grid.rows]
    font = _font("Inter-Regular", 13)
    widest = max((font.getlength(words) for words in headings), default=0)
    left = _MARGIN + (min(round(widest), 260) + 2 * _GAP if widest else 0)
    label = 0 if any(grid.columns for grid in sheet.grids) else _LINE
    width, height = _largest(sheet, folder)
    for side in _SIDES:
        scale = min(1.0, side / max(width, height))
        cell = max(32, round(width * scale)), max(16, round(height * scale))
        measures = _Measures(*cell, left, label)
        if max(_size(sheet, measures)) <= _MOST_SIDE:
            break
    return measures


def _largest(sheet: Sheet, folder: Path) -> tuple[int, int]:
    """Width and height that hold every picture; of many the first ones are looked at."""
    from studio.errors import StudioError
    from studio.pictures import probe_picture

    sizes = []
    cells = (cell for grid in sheet.grids for row in grid.cells for cell in row if cell)
    for cell in cells:
        if cell.path:
            with suppress(StudioError):
                sizes.append(probe_picture(folder / cell.path)[:2])
        if len(sizes) >= _PROBED:
            break
    if not sizes:
        return _SIDES[0], _SIDES[0]
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _size(sheet: Sheet, measures: _Measures) -> tuple[int, int]:
    columns = max((len(row) for grid in sheet.grids for row in grid.cells), default=1)
    width = measures.left + columns * (measures.width + _GAP) - _GAP + _MARGIN
    height = _MARGIN + 2 * _TITLE
    for grid in sheet.grids:
        height += len(grid.rows) * (measures.height + _GAP + measures.label) + _MARGIN
        height += (_TITLE if grid.title else 0) + (_LINE if grid.columns else 0)
    return max(width, 480), height


def _subtitle(sheet: Sheet) -> str:
    words = []
    if sheet.across:
        words.append(f"{'across' if sheet.down else 'swept'}: {sheet.across}")
    if sheet.down:
        words.append(f"down: {sheet.down}")
    words.append(f"{sheet.counts.get('done', 0):,} pictures")
    if failed := sheet.counts.get("failed", 0):
        words.append(f"{failed:,} failed")
    if sheet.shown < sheet.total:
        words.append(f"the first {sheet.shown:,} of {sheet.total:,} jobs")
    return short_plain(" · ".join(words), 200)


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    return ImageFont.truetype(resources() / "fonts" / f"{name}.ttf", size)
