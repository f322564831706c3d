"""Painted and imported masks and the cache of results: what runs again, and what doesn't."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graph_bench import Bench, graph
from PIL import Image as Pil

from studio.masks.imported import embed, encode, keep, mask_path
from studio.masks.strokes import Strokes, dump, parse

if TYPE_CHECKING:
    from pathlib import Path

    from studio.graph.document import Graph

RNG = np.random.default_rng(2)
GREYS = RNG.integers(0, 256, (2, 20, 30), np.uint8)
BOX = {"t": "rect", "o": 100, "b": [0, 0, 30000, 30000]}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    Pil.fromarray(RNG.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / "a.png")
    return folder


def painted(*items: dict[str, Any], **params: Any) -> Graph:
    return graph(
        picture=("LoadImage", {"path": "a.png"}),
        mask=(
            "InpaintMask",
            {"strokes": {"version": 1, "items": list(items)}, **params},
            {"image": "picture.image"},
        ),
        grown=("GrowMask", {"pixels": 2.0}, {"mask": "mask.mask"}),
    )


def ran(bench: Bench, document: Graph, folder: Path) -> list[str]:
    """What a run of a graph in a folder had to compute."""
    other = Bench(bench.session, folder)
    result = other.run(document, ["grown"])
    assert result.error is None, result.error
    return other.ran


def test_another_imported_mask_runs_again(bench: Bench, here: Path) -> None:
    one, two = (keep(grey, here).json() for grey in GREYS)
    assert ran(bench, painted(BOX, one), here) == ["picture", "mask", "grown"]
    assert ran(bench, painted(BOX, one), here) == []
    assert ran(bench, painted(BOX, two), here) == ["mask", "grown"]
    assert ran(bench, painted(BOX, one), here) == []
    # What the mask is made of is not what it looks like: an opacity of 99 is another mask.
    assert ran(bench, painted(BOX, {**one, "o": 99}), here) == ["mask", "grown"]


def test_the_same_graph_elsewhere_is_in_the_cache(
    bench: Bench, here: Path, tmp_path: Path
) -> None:
    item = keep(GREYS[0], here).json()
    sketch = {"items": [{**BOX, "c": "#ff0000"}]}
    document = painted(BOX, item, sketch=sketch)
    assert ran(bench, document, here) == ["picture", "mask", "grown"]
    there = tmp_path / "there"
    shutil.copytree(here, there)
    shutil.rmtree(here)
    assert ran(bench, document, there) == []


def test_a_file_that_is_put_back_is_taken_again(bench: Bench, here: Path) -> None:
    item = keep(GREYS[0], here)
    document = painted(item.json())
    ran(bench, document, here)
    path = mask_path(here, item.hash)
    path.write_bytes(encode(GREYS[1]))
    with pytest.raises(Exception, match="has changed since it was imported"):
        ran(bench, document, here)
    path.write_bytes(encode(GREYS[0]))
    assert ran(bench, document, here) == []


def test_an_embedded_mask_gives_the_pixels_of_the_file(bench: Bench, here: Path) -> None:
    strokes = Strokes((*parse({"items": [BOX]}), keep(GREYS[0], here)))
    outside, inside = (painted(*dump(each)["items"]) for each in (strokes, embed(strokes, here)))
    made = [bench_at(bench, here).value(each, "grown").pixels for each in (outside, inside)]
    assert np.array_equal(*(each.numpy() for each in made))


def bench_at(bench: Bench, folder: Path) -> Bench:
    return Bench(bench.session, folder)


def test_no_mask_is_read_or_written_elsewhere(bench: Bench, here: Path, tmp_path: Path) -> None:
    """Names that would lead out of the folder aren't names of masks."""
    (tmp_path / "secret.png").write_bytes(encode(GREYS[0]))
    for name in ("../secret", "../../secret", str(tmp_path / "secret"), "secret", "A" * 64):
        with pytest.raises(Exception, match="its hash must be 64 digits"):
            bench_at(bench, here).plan(painted({"t": "raster", "hash": name}), ["grown"])
    assert sorted(path.name for path in here.iterdir()) == ["a.png"]
