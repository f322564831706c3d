"""The contact sheet: what it shows, what its cells carry, what it survives."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Pil

from studio.batch.model import JobResult, ListedJobs, OutputFile
from studio.batch.sheet import MOST, lay_out, line_of, write_sheets
from studio.batch.sheet_file import SheetNotWritten
from studio.batch.sheet_pictures import SmallPictures
from studio.batch.sheet_png import SHEET_KEY
from studio.batch.sheet_text import font, lines_of
from studio.graph.files import from_json, load
from studio.pictures import read_png_text
from studio.png import encode_png
from studio.session import locate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GRAPH = load(locate(Path("text_to_image")))
LARGE = 2**64 - 1
NASTY = 'a </script><b>"quoted" & déjà-vu</b>'


class Values:
    """An axis of values."""

    def __init__(self, name: str, *values: Any) -> None:
        self.columns: tuple[str, ...] = (name,)
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        return {self.columns[0]: self.values[index]}


class Batch:
    """A batch over axes, its pictures in a folder."""

    def __init__(self, folder: Path, *axes: Values) -> None:
        self.folder, self.axes = folder, axes
        shape = [len(axis) for axis in axes]
        self.places = list(np.ndindex(*shape))
        sets = [
            {k: v for axis, at in zip(axes, place, strict=True) for k, v in axis[at].items()}
            for place in self.places
        ]
        self.jobs = ListedJobs(sets)
        self.results: list[JobResult] = []
        (folder / "pictures").mkdir()
        for job in self.jobs:
            path = f"pictures/{job.index} ü#%.png"
            colour = np.full((24, 32, 3), (job.index * 37 % 256, 90, 10), np.uint8)
            (folder / path).write_bytes(encode_png(colour, {}))
            self.results.append(JobResult(job.index, "done", outputs=(OutputFile(path, ""),)))

    def write(self) -> tuple[Path, Path]:
        """The HTML and the PNG."""
        found = write_sheets(
            self.folder, GRAPH, self.jobs, self.results, self.axes, lambda index: self.places[index]
        )
        assert len(found) == 2
        return found[0], found[1]


def page_data(page: Path) -> dict[str, Any]:
    """The data inside a page, its large numbers whole again."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'id="data">(.*?)</script>', text, re.S)
    assert found is not None
    mark = json.loads(found[1])["mark"]
    data: dict[str, Any] = json.loads(re.sub(rf'"{mark}(-?\d+)"', r"\1", found[1]))
    return data


class _Checker(HTMLParser):
    """Whatever a page would fetch, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.cells += tag == "button" and "cell" in (values.get("class") or "").split()
        if src := values.get("src"):
            self.fetched.append(src)
        if tag not in ("meta", "img", "input", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_axes_become_rows_columns_and_grids(tmp_path: Path) -> None:
    batch = Batch(
        tmp_path,
        Values("positive.text", "a", NASTY),
        Values("sampler.cfg", 3.0, 5.0, 7.0),
        Values("sampler.seed", 1, 2, 3, LARGE),
    )
    sheet = lay_out(GRAPH, batch.jobs, batch.results, batch.axes, lambda i: batch.places[i])
    assert (sheet.across, sheet.down) == ("sampler.seed", "sampler.cfg")
    assert [grid.title for grid in sheet.grids] == [
        (("positive.text", "a"),),
        (("positive.text", NASTY),),
    ]
    assert [line_of(words) for words in sheet.grids[0].columns] == ["1", "2", "3", str(LARGE)]
    assert [line_of(words) for words in sheet.grids[0].rows] == ["3", "5", "7"]
    cell = sheet.grids[1].cells[2][3]
    assert cell is not None
    assert cell.job.sets == {"positive.text": NASTY, "sampler.cfg": 7.0, "sampler.seed": LARGE}


def test_the_page_stands_alone_and_each_cell_carries_its_graph(tmp_path: Path) -> None:
    batch = Batch(tmp_path, Values("positive.text", "a", NASTY), Values("sampler.seed", 1, LARGE))
    page, _ = batch.write()
    checker = _Checker()
    checker.feed(page.read_text(encoding="utf-8"))
    assert not checker.open
    assert checker.cells == 4
    assert all(src.startswith("data:image/jpeg;base64,") for src in checker.fetched)
    data = page_data(page)
    cell = data["cells"][3]
    assert cell["sets"] == {"positive.text": NASTY, "sampler.seed": LARGE}
    for place, value in cell["sets"].items():
        name, key = place.split(".")
        data["graph"]["nodes"][name]["params"][key] = value
    graph = from_json(data["graph"])
    assert graph.nodes["sampler"].params["seed"] == LARGE
    assert graph.nodes["positive"].params["text"] == NASTY
    assert cell["links"] == ["pictures/3%20%C3%BC%23%25.png"]


class Rows(Values):
    """An axis of rows, as a table gives them."""

    def __init__(self, *rows: Mapping[str, Any]) -> None:
        super().__init__("", *rows)
        self.columns = ("positive.text", "sampler.seed")

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        row: Mapping[str, Any] = self.values[index]
        return row


def test_rows_of_a_table_say_each_value_under_its_name(tmp_path: Path) -> None:
    long = "a grey cat " * 60
    rows = Rows(
        {"positive.text": long, "sampler.seed": 1},
        {"positive.text": "", "sampler.seed": 2},
        {"positive.text": "猫 🐱 مرحبا"},
    )
    batch = Batch(tmp_path, rows)
    sheet = lay_out(GRAPH, batch.jobs, batch.results, batch.axes, lambda i: batch.places[i])
    first, second, third = (cell.label for cell in sheet.grids[0].cells[0] if cell)
    assert first[0][1].startswith("a grey cat a grey cat")
    assert len(first[0][1]) <= 400
    assert first[1] == ("sampler.seed", "1")
    assert second == (("positive.text", "empty"), ("sampler.seed", "2"))
    assert line_of(third) == "positive.text = 猫 🐱 مرحبا"
    page, path = batch.write()
    assert page_data(page)["cells"][0]["sets"]["positive.text"] == long
    Pil.open(path).verify()


def test_every_picture_of_a_job_is_there(tmp_path: Path) -> None:
    batch = Batch(tmp_path, Values("sampler.seed", 1, 2))
    both = tuple(result.outputs[0] for result in batch.results)
    batch.results[0] = JobResult(0, "done", outputs=both)
    page, _ = batch.write()
    assert [len(cell["paths"]) for cell in page_data(page)["cells"]] == [2, 1]


def test_many_pictures_stand_smaller_in_the_page(tmp_path: Path) -> None:
    path = "wide.png"
    (tmp_path / path).write_bytes(encode_png(np.zeros((100, 600, 3), np.uint8), {}))
    small = [SmallPictures(tmp_path, count).embedded(path) for count in (200, 201, 2000)]
    assert [each.width for each in small if each] == [256, 192, 128]


@pytest.mark.parametrize(
    ("text", "most", "lines"),
    [
        ("a few words", 3, ["a few words"]),
        ("the first words go here, others go on below", 2, None),
        ("onewordthatislongerthananycolumnofthesheetcanbe", 3, None),
        ("", 3, []),
    ],
)
def test_text_is_cut_into_lines_that_fit(text: str, most: int, lines: list[str] | None) -> None:
    found = lines_of(text, "Inter-Regular", 13, 90, most)
    drawn = font("Inter-Regular", 13)
    assert len(found) <= most
    assert all(drawn.getlength(line) <= 90 for line in found)
    assert lines is None or found == lines
    whole = "".join(found).replace(" ", "").rstrip("…")
    assert text.replace(" ", "").startswith(whole)
    assert (whole == text.replace(" ", "")) or found[-1].endswith("…")


def test_the_png_shows_each_picture_where_it_says(tmp_path: Path) -> None:
    batch = Batch(tmp_path, Values("sampler.cfg", 1.0, 2.0), Values("sampler.seed", 1, 2, 3))
    _, path = batch.write()
    about = json.loads(read_png_text(path)[SHEET_KEY])
    drawn = np.asarray(Pil.open(path))
    assert len(about["cells"]) == 6
    for cell in about["cells"]:
        x, y, width, height = cell["box"]
        assert (width, height) == (32, 24)  # not blown up
        middle = drawn[y + height // 2, x + width // 2]
        assert tuple(middle) == (cell["job"] * 37 % 256, 90, 10)


def test_failed_missing_damaged_and_unfinished_cells(tmp_path: Path) -> None:
    batch = Batch(tmp_path, Values("sampler.seed", *range(6)))
    batch.results[1] = JobResult(1, "failed", error="sampler (KSampler): out of <memory>.")
    (tmp_path / batch.results[2].outputs[0].path).unlink()
    (tmp_path / batch.results[3].outputs[0].path).write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    batch.results[4] = JobResult(4, "done")
    del batch.results[5]
    page, path = batch.write()
    errors = [cell["error"] for cell in page_data(page)["cells"]]
    assert errors[0] == ""
    assert errors[1] == "sampler (KSampler): out of <memory>."
    assert errors[2].endswith("can't be read")
    assert errors[3].endswith("can't be read")
    assert errors[4:] == ["made no picture", "not run yet"]
    states = [cell["state"] for cell in page_data(page)["cells"]]
    assert states == ["done", "failed", *["no picture"] * 4]
    assert "out of &lt;memory&gt;" in page.read_text(encoding="utf-8")
    Pil.open(path).verify()


@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_one_axis_is_wrapped(tmp_path: Path, count: int) -> None:
    batch = Batch(tmp_path, Values("sampler.seed", *range(count)))
    sheet = lay_out(GRAPH, batch.jobs, batch.results, batch.axes, lambda i: batch.places[i])
    (grid,) = sheet.grids
    cells = [cell for row in grid.cells for cell in row if cell]
    assert [cell.job.index for cell in cells] == list(range(count))
    labels = [line_of(cell.label) for cell in cells]
    assert count == 1 or labels == [str(seed) for seed in range(count)]
    assert len({len(row) for row in grid.cells}) == 1


def test_no_axis_at_all(tmp_path: Path) -> None:
    batch = Batch(tmp_path)
    page, path = batch.write()
    assert len(page_data(page)["cells"]) == 1
    Pil.open(path).verify()


def test_a_huge_batch_shows_its_first_jobs(tmp_path: Path) -> None:
    class Many(ListedJobs):
        def __init__(self) -> None:
            super().__init__([])

        def __len__(self) -> int:
            return 100_000

        def __getitem__(self, index: Any) -> Any:
            from studio.batch.model import Job

            assert index < MOST
            return Job(index, {"sampler.seed": index})

    sheet = lay_out(GRAPH, Many(), [], [Values("sampler.seed", *range(100_000))], lambda i: (i,))
    assert (sheet.shown, sheet.total) == (MOST, 100_000)


def test_a_sheet_is_written_over_or_not_at_all(tmp_path: Path) -> None:
    batch = Batch(tmp_path, Values("sampler.seed", 1, 2))
    first = batch.write()
    before: Sequence[bytes] = [path.read_bytes() for path in first]
    batch.results.pop()
    batch.write()
    assert all(path.read_bytes() != old for path, old in zip(first, before, strict=True))
    assert not list(tmp_path.glob(".*"))
    blocked = tmp_path / "contact-sheet.html"
    blocked.unlink()
    blocked.mkdir()
    with pytest.raises(SheetNotWritten):
        batch.write()
    assert not list(tmp_path.glob(".*"))
