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

from studio.batch.sheet_file import write_over

if TYPE_CHECKING:
    from pathlib import Path

    from studio.batch.sheet import Cell, Grid, Sheet

_SIDE = 256
"""Pixels of the small pictures, along the longer side."""

_ROUNDED = 2**53
"""Whole numbers from here on aren't all there in JavaScript."""

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1e22; --faint: #6e727a; --empty: #ecedf0;
  --line: #d9dbe0; --mark: #2f6fed; }
@media (prefers-color-scheme: dark) { :root { --paper: #17181b; --ink: #e8e9ec; --faint: #9a9ea8;
  --empty: #26282d; --line: #35383f; --mark: #7ba5ff; } }
body { margin: 24px; background: var(--paper); color: var(--ink);
  font: 14px/1.4 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0; } h2 { font-size: 16px; margin: 32px 0 8px; }
p.about { color: var(--faint); margin: 4px 0 20px; }
label.size { float: right; color: var(--faint); }
.scroll { overflow-x: auto; }
table.grid { border-collapse: separate; border-spacing: 6px; margin-left: -6px; }
table.grid th { font-weight: 500; text-align: left; vertical-align: top; max-width: 260px;
  position: sticky; left: 0; background: var(--paper); }
table.grid thead th { vertical-align: bottom; }
td { vertical-align: top; width: var(--side); }
button.cell { display: block; box-sizing: border-box; padding: 0; border: 0;
  background: var(--empty); cursor: pointer;
  width: var(--side); min-height: 32px; color: var(--faint); font: inherit; text-align: left; }
button.cell img { display: block; width: var(--side); height: auto; }
button.cell:focus-visible { outline: 3px solid var(--mark); outline-offset: 1px; }
.label { width: var(--side); overflow-wrap: anywhere; font-size: 12px; }
.error { padding: 8px; font-size: 12px; overflow-wrap: anywhere; }
dialog { max-width: 96vw; border: 1px solid var(--line); background: var(--paper); color: inherit; }
dialog img { max-width: 90vw; max-height: 68vh; display: block; margin: 0 auto 12px; }
dialog table td { width: auto; padding: 1px 12px 1px 0; overflow-wrap: anywhere; }
dialog td:first-child { color: var(--faint); white-space: nowrap; }
td.corner { width: auto; }
dialog button { font: inherit; }
dialog .row { display: flex; gap: 8px; margin-top: 12px; flex-wrap: wrap; }
"""

_SCRIPT = """
const data = JSON.parse(document.getElementById('data').textContent);
const box = document.getElementById('box'), cells = [...document.querySelectorAll('button.cell')];
let at = 0;
document.documentElement.style.setProperty('--side', '160px');
document.getElementById('side').addEventListener('input', event =>
  document.documentElement.style.setProperty('--side', event.target.value + 'px'));
function graphOf(cell) {
  const graph = structuredClone(data.graph);
  for (const [place, value] of Object.entries(cell.sets)) {
    const dot = place.indexOf('.'), node = graph.nodes[place.slice(0, dot)];
    node.params = {...node.params, [place.slice(dot + 1)]: value};
  }
  return exact(JSON.stringify(graph, null, 1)) + '\\n';
}
// Numbers that JavaScript would round are written as marked texts.
function exact(text) { return text.replaceAll(new RegExp(`"${data.mark}(-?\\\\d+)"`, 'g'), '$1'); }
function plain(value) {
  const text = exact(JSON.stringify(value));
  return typeof value === 'string' && text[0] === '"' ? value : text;
}
function show(index) {
  at = (index + cells.length) % cells.length;
  const cell = data.cells[at], small = cells[at].querySelector('img');
  const image = box.querySelector('img'), rows = box.querySelector('tbody');
  image.hidden = !small;
  if (small) {
    image.alt = small.alt;
    image.onerror = () => { image.onerror = null; image.src = small.src; };
    image.src = cell.href;
  }
  rows.replaceChildren(...[['job', cell.job + 1], ...Object.entries(cell.sets),
    ...(cell.error ? [['error', cell.error]] : [['file', cell.path]])].map(([name, value]) => {
      const row = document.createElement('tr');
      for (const text of [name, plain(value)])
        row.appendChild(document.createElement('td')).textContent = text;
      return row;
    }));
  box.querySelector('a.file').hidden = !cell.path;
  box.querySelector('a.file').href = cell.href;
  if (!box.open) box.showModal();
}
cells.forEach((cell, index) => cell.addEventListener('click', () => show(index)));
box.addEventListener('keydown', event => {
  if (event.key === 'ArrowRight') show(at + 1);
  if (event.key === 'ArrowLeft') show(at - 1);
});
box.addEventListener('close', () => cells[at].focus());
box.addEventListener('click', event => { if (event.target === box) box.close(); });
box.querySelector('.save').addEventListener('click', () => {
  const link = document.createElement('a'), cell = data.cells[at];
  link.href = URL.createObjectURL(new Blob([graphOf(cell)], {type: 'application/json'}));
  link.download = `job-${cell.job + 1}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
});
box.querySelector('.copy').addEventListener('click', () =>
  navigator.clipboard.writeText(graphOf(data.cells[at])));
box.querySelector('.close').addEventListener('click', () => box.close());
"""

_BOX = """
<dialog id="box" aria-label="One picture"><img alt=""><table><tbody></tbody></table>
<div class="row"><button class="save">Save its graph</button>
<button class="copy">Copy its graph</button> <a class="file" target="_blank">Open the file</a>
<button class="close">Close</button></div></dialog>
"""


def write_html(sheet: Sheet, folder: Path, path: Path) -> Path:
    """Write the page.

    Args:
        sheet: what it shows.
        folder: of the batch; the page links to pictures relative to it, so it belongs there.
        path: of the new file.

    Raises:
        SheetNotWritten: the file that was there is untouched.
    """
    cells: list[dict[str, Any]] = []
    body = "".join(_grid(grid, folder, cells) for grid in sheet.grids)
    mark = f"{os.urandom(8).hex()}:"
    about = {"mark": mark, "graph": sheet.graph, "cells": cells}
    data = json.dumps(_marked(about, mark), ensure_ascii=False)
    # The one thing that could end a script early, written so that JSON means the same by it.
    data = data.replace("<", "\\u003c")
    title = html.escape(sheet.title or "Batch")
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>
<body><label class="size">Size <input type="range" id="side" min="48" max="512" value="160"></label>
<h1>{title}</h1>
<p class="about">{_about(sheet)}</p>
{body}{_BOX}<script type="application/json" id="data">{data}</script>
<script>{_SCRIPT}</script></body></html>
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


def _about(sheet: Sheet) -> str:
    words = [f"{sheet.counts.get('done', 0):,} pictures"]
    if failed := sheet.counts.get("failed", 0):
        words.append(f"{failed:,} failed")
    if sheet.across:
        words.append(f"{'to the right' if sheet.down else 'swept'}: {sheet.across}")
    if sheet.down:
        words.append(f"downwards: {sheet.down}")
    if sheet.shown < sheet.total:
        words.append(f"the first {sheet.shown:,} of {sheet.total:,} jobs are shown")
    words.append("choose a picture to see what made it")
    return html.escape(" · ".join(words))


def _grid(grid: Grid, folder: Path, cells: list[dict[str, Any]]) -> str:
    parts = [f"<h2>{html.escape(grid.title)}</h2>" if grid.title else ""]
    parts.append('<div class="scroll"><table class="grid">')
    corner = '<td class="corner"></td>' if any(grid.rows) else ""
    if grid.columns:
        heads = "".join(f'<th scope="col">{html.escape(words)}</th>' for words in grid.columns)
        parts.append(f"<thead><tr>{corner}{heads}</tr></thead>")
    parts.append("<tbody>")
    for words, row in zip(grid.rows, grid.cells, strict=True):
        head = f'<th scope="row">{html.escape(words)}</th>' if corner else ""
        body = "".join(_cell(cell, folder, cells) if cell else "<td></td>" for cell in row)
        parts.append(f"<tr>{head}{body}</tr>\n")
    parts.append("</tbody></table></div>")
    return "".join(parts)


def _cell(cell: Cell, folder: Path, cells: list[dict[str, Any]]) -> str:
    from studio.batch.sheet_png import thumbnail
    from studio.pictures import encode_jpeg

    about = {
        "job": cell.job.index,
        "sets": dict(cell.job.sets),
        "path": cell.path,
        "href": quote(cell.path),
        "error": cell.error,
    }
    inside = f'<div class="error">{html.escape(cell.error)}</div>'
    if cell.path:
        import numpy as np

        picture, error = thumbnail(folder / cell.path, _SIDE, _SIDE)
        if picture is None:
            about["error"] = error
            inside = f'<div class="error">{html.escape(error)}</div>'
        else:
            small = base64.b64encode(encode_jpeg(np.asarray(picture), 85)).decode()
            alt = html.escape(f"job {cell.job.index + 1} {cell.label}".strip(), quote=True)
            size = f'width="{picture.width}" height="{picture.height}"'
            inside = f'<img src="data:image/jpeg;base64,{small}" {size} alt="{alt}" loading="lazy">'
    cells.append(about)
    label = f'<div class="label">{html.escape(cell.label)}</div>' if cell.label else ""
    return f'<td><button class="cell">{inside}</button>{label}</td>'
