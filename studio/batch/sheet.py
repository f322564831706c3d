"""The contact sheet: a batch's pictures in grids, labelled by what was swept. No torch.

The last axis runs to the right, the one before it down, and every combination of the others has a
grid of its own. A batch of one axis has its pictures in rows, each with its label under it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from studio.batch.labels import label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from studio.batch.model import Job, JobList, JobResult
    from studio.graph.document import Graph

MOST = 2000
"""Cells of a sheet; of larger batches the first ones are shown."""
_VALUE = 400
"""Characters of a value in a heading or label."""

Words: TypeAlias = tuple[tuple[str, str], ...]
"""What an axis sets, a line each: the widget's name ("" where the axis has one only), the value."""


class AxisLike(Protocol):
    """One direction of a sweep."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The widgets it sets, "node.param"."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """What it sets at a place."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture's place.

    Args:
        job: what it is of.
        label: its values, where rows and columns don't say them.
        paths: of its pictures, relative to the batch's folder, parted by /; the first is shown.
        error: why there is none.
        failed: whether that is the job's fault.
    """

    job: Job
    label: Words = ()
    paths: tuple[str, ...] = ()
    error: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Grid:
    """Pictures in rows and columns.

    Args:
        title: what all of them share; empty where there is one grid only.
        columns: heading of each; empty where every cell has a label of its own.
        rows: heading of each; empty likewise.
        cells: row by row; None where nothing is.
    """

    title: Words
    columns: tuple[Words, ...]
    rows: tuple[Words, ...]
    cells: tuple[tuple[Cell | None, ...], ...]


@dataclass(frozen=True)
class Sheet:
    """All that a contact sheet shows.

    Args:
        title: of the graph.
        graph: plain JSON; what a cell's job sets goes on top of it.
        across: what varies to the right, "sampler.cfg"; "" where nothing does.
        down: what varies downwards.
        grids: one after the other.
        shown: jobs that have a cell.
        total: all jobs of the batch.
    """

    title: str
    graph: Mapping[str, Any]
    across: str
    down: str
    grids: tuple[Grid, ...]
    shown: int
    total: int
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def about(self) -> tuple[str, ...]:
        """What it is of, for a line under its title."""
        words = [f"{self.counts.get('done', 0):,} done"]
        if failed := self.counts.get("failed", 0):
            words.append(f"{failed:,} failed")
        if waiting := self.shown - sum(self.counts.values()):
            words.append(f"{waiting:,} not run yet")
        if self.across:
            words.append(f"{'to the right' if self.down else 'swept'}: {self.across}")
        if self.down:
            words.append(f"downwards: {self.down}")
        if self.shown < self.total:
            words.append(f"the first {self.shown:,} of {self.total:,} jobs")
        return tuple(words)


def write_sheets(
    folder: Path,
    graph: Graph,
    jobs: JobList,
    results: Iterable[JobResult],
    axes: Sequence[AxisLike],
    indices: Callable[[int], tuple[int, ...]],
) -> tuple[Path, ...]:
    """Write `contact-sheet.html` and `contact-sheet.png` into a batch's folder, over older ones.

    Args:
        folder: of the batch; paths of results start there.
        graph: of all jobs, its constants applied.
        jobs: all of them.
        results: of those that ended, by index.
        axes: as the user gave them, the last one changing fastest.
        indices: the place of a job on each axis.

    Returns:
        The files.

    Raises:
        SheetNotWritten: what was there before is untouched.
    """
    from studio.batch.sheet_html import write_html
    from studio.batch.sheet_pictures import SmallPictures
    from studio.batch.sheet_png import write_png

    sheet = lay_out(graph, jobs, results, axes, indices)
    pictures = SmallPictures(folder, sheet.shown)
    drawn = write_png(sheet, pictures, folder / "contact-sheet.png")
    return write_html(sheet, pictures, folder / "contact-sheet.html"), drawn


def lay_out(
    graph: Graph,
    jobs: JobList,
    results: Iterable[JobResult],
    axes: Sequence[AxisLike],
    indices: Callable[[int], tuple[int, ...]],
) -> Sheet:
    """Where each picture goes; see `write_sheets` for the arguments."""
    from studio.graph.files import to_json

    ended: dict[int, JobResult] = {}
    for result in results:
        if result.index >= MOST:
            break
        ended[result.index] = result
    varied = [number for number, axis in enumerate(axes) if len(axis) > 1]
    shown = min(len(jobs), MOST)
    if len(varied) < 2:
        axis = axes[varied[0]] if varied else None
        cells = [
            _cell(jobs[i], ended.get(i), _words(axis, indices(i)[varied[0]]) if axis else ())
            for i in range(shown)
        ]
        grids: tuple[Grid, ...] = (_wrapped(cells),)
        across = ", ".join(axis.columns) if axis else ""
        down = ""
    else:
        grids = _crossed(jobs, ended, axes, varied, indices, shown)
        across, down = (", ".join(axes[number].columns) for number in (varied[-1], varied[-2]))
    counts = {
        status: sum(result.status == status for result in ended.values())
        for status in ("done", "failed")
    }
    return Sheet(graph.title, to_json(graph), across, down, grids, shown, len(jobs), counts)


def _wrapped(cells: Sequence[Cell]) -> Grid:
    """Cells with labels of their own, in rows about as many as columns."""
    width = max(1, math.ceil(math.sqrt(len(cells)))) if len(cells) > 6 else max(1, len(cells))
    rows: list[tuple[Cell | None, ...]] = []
    for start in range(0, len(cells), width):
        row: list[Cell | None] = list(cells[start : start + width])
        rows.append(tuple(row + [None] * (width - len(row))))
    return Grid((), (), (), tuple(rows))


def _crossed(
    jobs: JobList,
    ended: Mapping[int, JobResult],
    axes: Sequence[AxisLike],
    varied: Sequence[int],
    indices: Callable[[int], tuple[int, ...]],
    shown: int,
) -> tuple[Grid, ...]:
    *others, down, across = varied
    places: dict[tuple[int, ...], dict[tuple[int, int], Cell]] = {}
    for index in range(shown):
        place = indices(index)
        grid = places.setdefault(tuple(place[number] for number in others), {})
        grid[place[down], place[across]] = _cell(jobs[index], ended.get(index), ())
    grids = []
    for outer, cells in places.items():
        title = tuple(
            line
            for number, at in zip(others, outer, strict=True)
            for line in _words(axes[number], at, named=True)
        )
        # What a cut sheet has no cells for needs no headings.
        rows = sorted({row for row, _ in cells})
        columns = sorted({column for _, column in cells})
        grids.append(
            Grid(
                title,
                tuple(_words(axes[across], at) for at in columns),
                tuple(_words(axes[down], at) for at in rows),
                tuple(tuple(cells.get((row, column)) for column in columns) for row in rows),
            )
        )
    return tuple(grids)


def _cell(job: Job, result: JobResult | None, words: Words) -> Cell:
    if result is None:
        return Cell(job, words, error="not run yet")
    if result.status != "done":
        return Cell(job, words, error=result.error or "no reason was given", failed=True)
    pictures = tuple(file.path for file in result.outputs if file.path.lower().endswith(".png"))
    return Cell(job, words, pictures, "" if pictures else "made no picture")


def _words(axis: AxisLike, at: int, *, named: bool = False) -> Words:
    """What an axis sets at a place; its only widget is named where `named` says so."""
    values = axis[at]
    if len(axis.columns) == 1 and not named:
        return tuple(("", label(value, _VALUE)) for value in values.values()) or (
            ("", "as in the graph"),
        )
    return tuple((name, label(value, _VALUE)) for name, value in values.items())


def line_of(words: Words) -> str:
    """Words on one line: "sampler.seed = 3, sampler.cfg = 5"."""
    return ", ".join(f"{name} = {value}" if name else value for name, value in words)
