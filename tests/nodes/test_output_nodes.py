"""Nodes that write pictures: names, numbers, what the file carries, and that it makes itself."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from graph_bench import Bench, graph
from PIL import Image as Pil

import studio
from studio.graph.errors import GraphInvalid
from studio.graph.files import from_json, to_json
from studio.pictures import read_png_text
from studio.session import Session

SOLID = ("SolidImage", {"width": 24, "height": 16, "colour": "#ff8000"})
SAMPLED: dict[str, Any] = {
    "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
    "words": ("TextEncode", {"text": "a red circle"}, {"clip": "checkpoint.clip"}),
    "size": ("EmptyLatent", {"width": 64, "height": 32, "batch": 3}),
    "first": (
        "KSampler",
        {"steps": 2, "seed": 11},
        {"model": "checkpoint.model", "positive": "words", "negative": "words", "latent": "size"},
    ),
    "second": (
        "KSampler",
        {"steps": 2, "seed": 22, "denoise": 0.5},
        {"model": "checkpoint.model", "positive": "words", "negative": "words", "latent": "first"},
    ),
    "decode": ("VAEDecode", {}, {"latent": "second", "vae": "checkpoint.vae"}),
}


def pixels(path: str | Path) -> Any:
    with Pil.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture)


def written(bench: Bench, /, *, nodes: dict[str, Any] | None = None, **params: Any) -> list[str]:
    """Paths of what a SaveImage writes, under the output folder."""
    nodes = nodes or {"solid": SOLID}
    result = bench.run(graph(**nodes, save=("SaveImage", params, {"image": next(reversed(nodes))})))
    assert result.error is None, result.error
    root = bench.session.output.root
    return [Path(output.path).relative_to(root).as_posix() for output in result.outputs]


# ------------------------------------------------------------------ names


def test_the_default_name_is_the_graphs_with_a_number(bench: Bench) -> None:
    assert written(bench) == ["graph_00001.png"]
    assert written(bench, name="{graph}_{counter}") == ["graph_00001.png"]  # found, not made again
    assert written(bench, nodes={"solid": ("SolidImage", {"width": 8})}) == ["graph_00002.png"]


@pytest.mark.usefixtures("tiny")
def test_every_field(bench: Bench) -> None:
    key = bench.plan(graph(**SAMPLED, save=("SaveImage", {}, {"image": "decode"}))).signed
    before = datetime.now()
    (name, *_) = written(
        bench,
        nodes=SAMPLED,
        name="{graph}/{node}/{seed}/{width}x{height}/{date}_{date:%Y}/{time:%H}/b{batch}_{counter:3}",
    )
    assert key  # planning before the run changes nothing
    dates = {moment.strftime("%Y-%m-%d_%Y/%H") for moment in (before, datetime.now())}
    assert name in {f"graph/save/22/64x32/{date}/b0_001.png" for date in dates}


@pytest.mark.usefixtures("tiny")
def test_a_batch_gets_a_file_a_picture_in_order(bench: Bench) -> None:
    names = written(bench, nodes=SAMPLED, name="all/{counter:2}")
    assert names == ["all/01.png", "all/02.png", "all/03.png"]
    decoded = bench.value(graph(**SAMPLED), "decode").pixels
    for index, name in enumerate(names):
        wanted = (decoded[index] * 255).round().byte().permute(1, 2, 0).numpy()
        assert np.array_equal(pixels(bench.session.output.root / name), wanted)
        about = json.loads(read_png_text(bench.session.output.root / name)["latent_studio"])
        assert about["batch_index"] == index


def test_the_key_tells_results_apart(bench: Bench) -> None:
    (one,) = written(bench, name="{key}")
    (two,) = written(bench, nodes={"solid": ("SolidImage", {"width": 8})}, name="{key}")
    assert re.fullmatch(r"[0-9a-f]{8}_00001\.png", one)
    assert one != two


def test_numbers_go_on_and_nothing_is_overwritten(bench: Bench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a_00007.png").write_text("mine")
    names = [
        written(bench, nodes={"solid": ("SolidImage", {"width": i + 1})}, name="a")
        for i in range(3)
    ]
    assert names == [["a_00008.png"], ["a_00009.png"], ["a_00010.png"]]
    assert (out / "a_00007.png").read_text() == "mine"


def test_a_picture_without_a_seed_says_so(bench: Bench) -> None:
    assert written(bench, name="{seed}_{counter}") == ["none_00001.png"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../x", r"\.\."),
        ("a/../../x", r"\.\."),
        ("/etc/x", "relative"),
        ("~/x", "relative"),
        ("C:/x", "relative"),
        ("a\\b", "write / between folders"),
        ("", "empty"),
        ("{nobody}", "no field {nobody}"),
        ("{date:%Y/%m}", "can't stand inside"),
        ("a.png", "leave out .png"),
        ("{counter}_{counter}", "twice"),
        ("a\0b", "control character"),
    ],
)
@pytest.mark.parametrize(("kind", "source"), [("SaveImage", "solid"), ("SaveLatent", "empty")])
def test_names_that_are_refused_before_the_run(
    bench: Bench, tmp_path: Path, kind: str, source: str, name: str, words: str
) -> None:
    socket = "image" if kind == "SaveImage" else "latent"
    nodes = graph(
        solid=SOLID, empty=("EmptyLatent",), save=(kind, {"name": name}, {socket: source})
    )
    with pytest.raises(GraphInvalid, match=words) as caught:
        bench.plan(nodes)
    (fault,) = caught.value.faults
    assert fault.path == "nodes.save.params.name"
    assert not (tmp_path / "out").exists()


def test_a_name_that_comes_by_a_wire_is_checked_too(bench: Bench, tmp_path: Path) -> None:
    nodes = graph(
        solid=SOLID,
        name=("Text", {"value": "../outside"}),
        save=("SaveImage", {}, {"image": "solid", "name": "name"}),
    )
    with pytest.raises(GraphInvalid, match=r"nodes\.save\.inputs\.name"):
        bench.plan(nodes)
    assert list(tmp_path.glob("outside*")) == []


# ------------------------------------------------------------------ what the file carries


@pytest.mark.usefixtures("tiny")
def test_the_metadata_is_complete(bench: Bench, tiny: Path) -> None:
    nodes = {**SAMPLED, "save": ("SaveImage", {}, {"image": "decode"})}
    (name, *_) = written(bench, nodes=SAMPLED)
    about = json.loads(read_png_text(bench.session.output.root / name)["latent_studio"])
    assert about["program"] == "Latent Studio"
    assert about["version"] == studio.__version__
    assert datetime.fromisoformat(about["created"]).tzinfo is not None
    assert about["node"] == "save"
    assert about["key"] == bench.plan(graph(**nodes)).signed["save"].key
    assert about["seeds"] == {"first": 11, "second": 22}
    (model,) = about["files"].items()
    assert model[0] == "checkpoint.name"
    assert model[1]["value"] == "tiny"
    assert model[1]["blake3"] == bench.session.environment("x").model_fingerprint(
        "checkpoints", "tiny"
    )
    assert about["policy"] == {"device": "cpu", "dtype": "float32"}
    assert {"torch", "diffusers", "transformers", "numpy"} <= about["libraries"].keys()
    assert about["python"]
    assert about["platform"]
    assert set(about["seconds"]) == {"words", "first", "second", "decode"}
    assert all(seconds >= 0 for seconds in about["seconds"].values())
    assert to_json(from_json(about["graph"])) == to_json(graph(**nodes))


def test_the_hash_of_a_picture_read_is_in_it(bench: Bench, tmp_path: Path) -> None:
    Pil.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    nodes = graph(
        picture=("LoadImage", {"path": "a.png"}),
        save=("SaveImage", {}, {"image": "picture.image"}),
    )
    path = bench.run(nodes).outputs[0].path
    about = json.loads(read_png_text(path)["latent_studio"])
    digest = blake3((tmp_path / "a.png").read_bytes()).hexdigest()
    assert about["files"] == {"picture.path": {"value": "a.png", "blake3": digest}}


@pytest.mark.usefixtures("tiny")
def test_the_graph_inside_makes_the_picture_again(bench: Bench, tmp_path: Path) -> None:
    names = written(bench, nodes=SAMPLED)
    originals = [bench.session.output.root / name for name in names]
    text = json.loads(read_png_text(originals[1])["latent_studio"])["graph"]
    again = tmp_path / "again"
    again.mkdir()
    with Session.open(out=again, device="cpu", dtype="float32", use_cache=False) as fresh:
        result = Bench(fresh, tmp_path).run(from_json(text))
    assert result.error is None, result.error
    copies = [output.path for output in result.outputs]
    assert len(copies) == 3
    for original, copy in zip(originals, copies, strict=True):
        assert np.array_equal(pixels(original), pixels(copy))


def test_titles_in_any_script_come_back(bench: Bench) -> None:
    document = to_json(graph(solid=SOLID, save=("SaveImage", {}, {"image": "solid"})))
    document["title"] = 'Ünïcödé 图 🎨 "quoted"\n\\back'
    path = bench.run(from_json(document)).outputs[0].path
    about = json.loads(read_png_text(path)["latent_studio"])
    assert about["graph"]["title"] == document["title"]


# ------------------------------------------------------------------ PreviewImage


def test_previews_go_to_a_folder_of_their_own(bench: Bench, tmp_path: Path) -> None:
    nodes = graph(
        solid=SOLID,
        save=("SaveImage", {}, {"image": "solid"}),
        look=("PreviewImage", {}, {"image": "solid"}),
    )
    result = bench.run(nodes)
    by_node = {output.node: Path(output.path) for output in result.outputs}
    key = bench.plan(nodes).signed["look"].key
    assert by_node["save"].parent == tmp_path / "out"
    assert by_node["look"] == tmp_path / "out" / "previews" / f"{key[:8]}_00001.png"
    assert np.array_equal(pixels(by_node["look"]), pixels(by_node["save"]))


def test_a_preview_is_found_again_too(bench: Bench) -> None:
    nodes = graph(solid=SOLID, look=("PreviewImage", {}, {"image": "solid"}))
    first = bench.run(nodes)
    second = bench.run(nodes)
    assert bench.ran == []
    assert [o.path for o in second.outputs] == [o.path for o in first.outputs]
