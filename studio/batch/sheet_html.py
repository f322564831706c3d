"""The contact sheet as one HTML file: small pictures inside, large ones beside it.

It opens from a disk, without a server and without a network. Every cell carries its graph: that of
the batch stands in the file once, and each cell says what goes on top.
"""

from __future__ import annotations

import base64
import html
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from studio.batch.sheet import line_of
from studio.batch.sheet_file import write_over
from studio.batch.sheet_page import BOX, SCRIPT, STYLE

if TYPE_CHECKING:
    from pathlib import Path

    from studio.batch.sheet import Cell, Grid, Sheet, Words
    from studio.batch.sheet_pictures import SmallPictures

_ROUNDED = 2**53
"""Whole numbers from here on aren't all there in JavaScript."""


def write_html(sheet: Sheet, pictures: SmallPictures, path: Path) -> Path:
    """Write the page.

    Args:
        sheet: what it shows.
        pictures: of the batch; the page links to the files beside it, so it belongs there.
        path: of the new file.

    Raises:
        SheetNotWritten: the file that was there is untouched.
    """
    cells: list[dict[str, Any]] = []
    body = "".join(_grid(grid, sheet, pictures, cells) for grid in sheet.grids)
    mark = f"{os.urandom(8).hex()}:"
    about = {"mark": mark, "graph": sheet.graph, "total": sheet.total, "cells": cells}
    data = json.dumps(_marked(about, mark), ensure_ascii=False)
    # The one thing that could end a script early, written so that JSON means the same by it.
    data = data.replace("<", "\\u003c")
    title = html.escape(sheet.title or "Batch")
    words = html.escape(" · ".join(sheet.about))
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body><header><div><h1>{title}</h1><p>{words}</p></div>
<div class="tools"><label>Find <input type="search" id="find" placeholder="a value, failed …">
</label><span id="found" role="status"></span>
<label>Size <input type="range" id="side" min="48" max="512" value="160"></label></div></header>
<main>{body}</main>{BOX}<script type="application/json" id="data">{data}</script>
<script>{SCRIPT}</script></body></html>
"""
    return write_over(path, page.encode("utf-8", errors="replace"))


def _marked(value: Any, mark: str) -> Any:
    """The same data; whole numbers that JavaScript would round (seeds) as texts with a mark."""
    if isinstance(value, dict):
        return {name: _marked(each, mark) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(each, mark) for each in value]
    large = isinstance(value, int) and abs(value) >= _ROUNDED
    return f"{mark}{value}" if large else value


def _grid(grid: Grid, sheet: Sheet, pictures: SmallPictures, cells: list[dict[str, Any]]) -> str:
    title = f"<h2>{html.escape(line_of(grid.title))}</h2>" if grid.title else ""
    if not grid.columns:
        body = "".join(
            f"<div>{_cell(cell, pictures, cells)}</div>"
            for row in grid.cells
            for cell in row
            if cell
        )
        return f'<section>{title}<div class="flow">{body}</div></section>'
    across, down = (
        "" if any(named for words in headings for named, _ in words) else f"{name} {arrow}"
        for name, arrow, headings in (
            (sheet.across, "→", grid.columns),
            (sheet.down, "↓", grid.rows),
        )
    )
    axis = f'<th class="axis" colspan="{len(grid.columns)}">{html.escape(across)}</th>'
    heads = "".join(f'<th scope="col">{_words(words)}</th>' for words in grid.columns)
    rows = []
    for words, row in zip(grid.rows, grid.cells, strict=True):
        body = "".join(f"<td>{_cell(cell, pictures, cells) if cell else ''}</td>" for cell in row)
        rows.append(f'<tr><th scope="row">{_words(words)}</th>{body}</tr>\n')
    return (
        f'<section>{title}<div class="scroll"><table class="grid"><thead><tr>'
        f'<th class="corner axis" rowspan="2">{html.escape(down)}</th>{axis}</tr>'
        f"<tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _words(words: Words) -> str:
    """Each value in a block of its own, which shows its first lines; the rest as a tip."""
    lines = []
    for name, value in words:
        tip = f' title="{html.escape(value)}"' if len(value) > 30 else ""
        named = f"<i>{html.escape(name)}</i> " if name else ""
        lines.append(f'<div class="words"{tip}>{named}{html.escape(value)}</div>')
    return "".join(lines)


def _cell(cell: Cell, pictures: SmallPictures, cells: list[dict[str, Any]]) -> str:
    about = {
        "job": cell.job.index,
        "sets": dict(cell.job.sets),
        "paths": cell.paths,
        "links": [quote(path) for path in cell.paths],
        "state": "failed" if cell.failed else "no picture" if cell.error else "done",
        "error": cell.error,
    }
    cells.append(about)
    words = html.escape(f"job {cell.job.index + 1} {line_of(cell.label)}".strip())
    small = pictures.embedded(cell.paths[0]) if cell.paths else None
    if small is None:
        if cell.paths:
            about.update(state="no picture", error=f"{cell.paths[0]} can't be read")
        said = html.escape(str(about["error"]))
        failed = "<b>failed</b> " if cell.failed else ""
        kind = "cell bad" if cell.failed else "cell"
        inside = f'<div class="error">{failed}{said}</div>'
    else:
        data = base64.b64encode(small.jpeg).decode()
        size = f'width="{small.width}" height="{small.height}"'
        kind = "cell"
        inside = f'<img src="data:image/jpeg;base64,{data}" {size} alt="{words}" loading="lazy">'
        if len(cell.paths) > 1:
            inside += f'<span class="many">{len(cell.paths)}</span>'
    return f'<button class="{kind}">{inside}</button>{_words(cell.label)}'
