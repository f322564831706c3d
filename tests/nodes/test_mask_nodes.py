"""The mask nodes in graphs, against numpy and the functions they are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil

from studio.graph.errors import GraphInvalid
from studio.masks import shape
from studio.masks.imported import encode, keep, mask_path
from studio.masks.raster import rasterise
from studio.masks.sketch import draw, parse_sketch
from studio.masks.strokes import UNIT, Fill, Raster, Strokes, dump, parse

if TYPE_CHECKING:
    from pathlib import Path

    from studio.values import Mask

WIDTH, HEIGHT = 96, 64
PICTURE = np.random.default_rng(6).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
PICTURE[10:30, 20:50] = (200, 30, 60)
ITEMS: list[dict[str, Any]] = [
    {"t": "brush", "o": 80, "r": 6000, "h": 30, "p": [9000, 9000, 255, 40000, 20000, 0]},
    {"t": "ellipse", "e": 1, "o": 100, "b": [9000, 9000, 30000, 20000]},
]
BUCKET = {
    "t": "bucket",
    "o": 100,
    "x": 35 * UNIT // WIDTH,
    "y": 20 * UNIT // WIDTH,
    "tol": 5,
}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    Pil.fromarray(PICTURE).save(tmp_path / "a.png")
    return tmp_path


def painted(*items: dict[str, Any], **more: Any) -> Any:
    params = {"strokes": {"version": 1, "items": list(items)}, **more}
    return graph(
        picture=("LoadImage", {"path": "a.png"}),
        mask=("InpaintMask", params, {"image": "picture.image"}),
    )


def plane(mask: Mask) -> Any:
    assert mask.pixels.shape[:2] == (1, 1)
    assert mask.pixels.is_contiguous()
    return mask.pixels[0, 0].numpy()


# ------------------------------------------------------------------ InpaintMask


@pytest.mark.usefixtures("pictures")
def test_what_is_painted_is_what_the_rasteriser_draws(bench: Bench) -> None:
    strokes = parse({"items": [*ITEMS, BUCKET]})
    wanted = rasterise(strokes, WIDTH, HEIGHT, PICTURE)
    mask = plane(bench.value(painted(*ITEMS, BUCKET), "mask", "mask"))
    assert np.array_equal(mask, wanted / np.float32(255))
    assert mask[20, 35] == 1
    assert mask[40, 80] == 0
    image = bench.value(painted(*ITEMS), "mask", "image")
    assert np.array_equal(image.pixels[0].permute(1, 2, 0).numpy(), PICTURE / np.float32(255))


@pytest.mark.usefixtures("pictures")
def test_a_sketch_lies_on_the_picture(bench: Bench) -> None:
    items = [{**ITEMS[0], "c": "#ff8000"}, {**BUCKET, "c": "#102030"}, ITEMS[1]]
    whole = painted(*ITEMS, sketch={"version": 1, "items": items})
    image = bench.value(whole, "mask", "image").pixels[0].permute(1, 2, 0).numpy()
    layer = draw(parse_sketch({"items": items}), WIDTH, HEIGHT, PICTURE).astype(np.float64) / 255
    wanted = PICTURE / 255 * (1 - layer[..., 3:]) + layer[..., :3]
    assert np.abs(image - wanted).max() < 1e-6
    bare = layer[..., 3] == 0
    assert bare.any()
    assert np.array_equal(image[bare], (PICTURE / np.float32(255))[bare])
    assert (image[20, 48] * 255).round().tolist() == [0x10, 0x20, 0x30]
    assert np.array_equal(
        plane(bench.value(whole, "mask", "mask")),
        plane(bench.value(painted(*ITEMS), "mask", "mask")),
    )


@pytest.mark.usefixtures("pictures")
def test_a_bad_sketch_is_a_fault_of_the_graph(bench: Bench) -> None:
    whole = painted(sketch={"version": 1, "items": [{"t": "fill", "o": 100, "c": "red"}]})
    with pytest.raises(GraphInvalid, match="item 1: its colour must be as"):
        bench.value(whole, "mask", "image")


@pytest.mark.usefixtures("pictures")
def test_inverted_then_grown_then_feathered(bench: Bench) -> None:
    drawn = rasterise(parse({"items": ITEMS}), WIDTH, HEIGHT) / np.float32(255)
    wanted = shape.feather(shape.grow(1 - drawn, -3.5), 4)
    found = bench.value(painted(*ITEMS, invert=True, grow=-3.5, feather=4.0), "mask", "mask")
    assert np.array_equal(plane(found), wanted)


@pytest.mark.usefixtures("pictures")
def test_an_empty_mask(bench: Bench) -> None:
    assert not plane(bench.value(painted(), "mask", "mask")).any()
    assert (plane(bench.value(painted(invert=True), "mask", "mask")) == 1).all()


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"t": "spray"}], "item 1: its kind must be one of"),
        ([{"t": "invert"}, {"t": "fill", "o": 1.5}], "item 2: 'o' must be a whole number"),
        ([{**ITEMS[0], "p": [1, 2]}], "item 1: 'p' must hold 3 numbers a point"),
        ([{"t": "raster", "hash": 64 * "a"}], "The imported mask .*masks.*aaa.png is missing"),
    ],
)
def test_bad_strokes_are_a_fault_of_the_graph(bench: Bench, items: Any, words: str) -> None:
    with pytest.raises(GraphInvalid, match=words) as caught:
        bench.plan(painted(*items), ["mask"])
    assert caught.value.faults[0].path == "nodes.mask.params.strokes"


@pytest.mark.usefixtures("pictures")
def test_a_batch_is_painted_once(bench: Bench) -> None:
    nodes = graph(
        solid=("SolidImage", {"width": 20, "height": 10}),
        mask=("InpaintMask", {"strokes": dump(Strokes((Fill(opacity=50),)))}, {"image": "solid"}),
    )
    assert (plane(bench.value(nodes, "mask", "mask")) == np.float32(128 / 255)).all()


# ------------------------------------------------------------------ imported masks


def test_an_imported_mask_is_part_of_the_key(bench: Bench, pictures: Path) -> None:
    grey = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    item = keep(grey, pictures)
    document = painted(item.json())
    assert np.array_equal(plane(bench.value(document, "mask", "mask")), grey / np.float32(255))
    signature = bench.plan(document, ["mask"]).signed["mask"].signature
    assert list(signature["files"]) == ["strokes"]
    assert "files" not in bench.plan(painted(*ITEMS), ["mask"]).signed["mask"].signature
    # Embedded it needs no file, and gives the same.
    inside = painted(Raster(hash=item.hash, data=encode(grey)).json())
    path = mask_path(pictures, item.hash)
    path.rename(pictures / "away.png")
    assert np.array_equal(plane(bench.value(inside, "mask", "mask")), grey / np.float32(255))
    with pytest.raises(GraphInvalid, match="is missing"):
        bench.plan(document, ["mask"])
    path.write_bytes(encode(255 - grey))
    with pytest.raises(GraphInvalid, match="has changed since it was imported"):
        bench.plan(document, ["mask"])
    path.unlink()
    path.mkdir()
    with pytest.raises(GraphInvalid, match="can't be read"):
        bench.plan(document, ["mask"])


@pytest.mark.usefixtures("pictures")
def test_a_damaged_embedded_mask_names_its_item(bench: Bench) -> None:
    document = painted(ITEMS[0], Raster(data=b"nonsense").json() | {"hash": None})
    with pytest.raises(GraphInvalid, match="item 2: the imported mask is no PNG"):
        bench.plan(document, ["mask"])
    # What only decoding shows is said by the node that does.
    whole = bytearray(encode(PICTURE[..., 0]))
    middle = whole.index(b"IDAT") + 8
    whole[middle : middle + 20] = bytes(20)
    document = painted(ITEMS[0], Raster(data=bytes(whole)).json() | {"hash": None})
    result = bench.run(document, ["mask"])
    assert result.exit_code == 2
    assert "mask (InpaintMask): item 2: the imported mask is damaged" in str(result.error)


# ------------------------------------------------------------------ LoadMask


@pytest.mark.parametrize("channel", ["red", "green", "blue", "alpha", "luminance"])
def test_load_mask(bench: Bench, tmp_path: Path, channel: str) -> None:
    rgba = np.random.default_rng(3).integers(0, 256, (6, 10, 4), np.uint8)
    Pil.fromarray(rgba).save(tmp_path / "m.png")
    nodes = graph(loaded=("LoadMask", {"path": "m.png", "channel": channel}))
    found = plane(bench.value(nodes, "loaded"))
    scaled = rgba / np.float32(255)
    wanted = {
        "red": scaled[..., 0],
        "green": scaled[..., 1],
        "blue": scaled[..., 2],
        "alpha": 1 - scaled[..., 3],
        "luminance": scaled[..., :3] @ np.array([0.2126, 0.7152, 0.0722]),
    }[channel]
    assert np.abs(found - wanted).max() < 1e-6
    assert found.dtype == np.float32


def test_load_mask_keeps_sixteen_bits_and_notices_changes(bench: Bench, tmp_path: Path) -> None:
    grey = np.arange(60, dtype=np.uint16).reshape(6, 10) * 1091
    Pil.fromarray(grey).save(tmp_path / "m.png")
    nodes = graph(loaded=("LoadMask", {"path": "m.png"}))
    assert np.array_equal(plane(bench.value(nodes, "loaded")), grey / np.float32(65535))
    Pil.fromarray(grey[::-1].copy()).save(tmp_path / "m.png")
    assert np.array_equal(plane(bench.value(nodes, "loaded")), grey[::-1] / np.float32(65535))
    with pytest.raises(GraphInvalid, match="There is no picture"):
        bench.plan(graph(loaded=("LoadMask", {"path": "n.png"})), ["loaded"])


# ------------------------------------------------------------------ changing and combining


def changed(bench: Bench, tmp_path: Path, node: str, **params: Any) -> tuple[Any, Any]:
    """A soft mask before and after a node."""
    rng = np.random.default_rng(9)
    grey = np.where(rng.random((40, 50)) < 0.1, rng.integers(0, 256, (40, 50)), 0).astype(np.uint8)
    grey[10:20, 10:20] = 255
    grey[13:17, 13:17] = 40
    Pil.fromarray(grey).save(tmp_path / "m.png")
    nodes = graph(
        loaded=("LoadMask", {"path": "m.png"}), made=(node, params, {"mask": "loaded"})
    )
    values = bench.run(nodes, ["loaded", "made"]).values
    return plane(values["loaded"]["mask"]), values["made"]


def test_nodes_that_change_a_mask(bench: Bench, tmp_path: Path) -> None:
    for node, params, work in (
        ("GrowMask", {"pixels": 2.5}, lambda m: shape.grow(m, 2.5)),
        ("GrowMask", {"pixels": -2.0}, lambda m: shape.grow(m, -2)),
        ("FeatherMask", {"pixels": 3.0}, lambda m: shape.feather(m, 3)),
        ("InvertMask", {}, lambda m: 1 - m),
        ("ThresholdMask", {"at": 0.4}, lambda m: (m >= np.float32(0.4)) * np.float32(1)),
        ("FillHoles", {}, shape.fill_holes),
    ):
        before, after = changed(bench, tmp_path, node, **params)
        assert np.array_equal(plane(after["mask"]), work(before)), node


@pytest.mark.parametrize("how", shape.WAYS)
def test_combining(bench: Bench, tmp_path: Path, how: str) -> None:
    rng = np.random.default_rng(2)
    one, other = rng.integers(0, 256, (2, 9, 8), np.uint8)
    for name, grey in (("a", one), ("b", other)):
        Pil.fromarray(grey).save(tmp_path / f"{name}.png")
    nodes = graph(
        a=("LoadMask", {"path": "a.png"}),
        b=("LoadMask", {"path": "b.png"}),
        made=("CombineMasks", {"how": how}, {"first": "a", "second": "b"}),
    )
    found = plane(bench.value(nodes, "made"))
    a, b = one / np.float32(255), other / np.float32(255)
    wanted = {
        "union": np.maximum(a, b),
        "intersect": np.minimum(a, b),
        "subtract": np.minimum(a, 1 - b),
        "exclude": abs(a - b),
    }[how]
    assert np.array_equal(found, wanted)


def test_batches(bench: Bench, registry: Any) -> None:
    from studio.values import Mask

    combine = registry["CombineMasks"].function
    two, one = Mask(torch.rand(2, 1, 3, 4)), Mask(torch.rand(1, 1, 3, 4))
    assert torch.equal(combine(two, one).pixels, torch.maximum(two.pixels, one.pixels))
    assert combine(one, two, how="subtract").pixels.shape == (2, 1, 3, 4)
    for other in (Mask(torch.rand(3, 1, 3, 4)), Mask(torch.rand(2, 1, 4, 3))):
        with pytest.raises(Exception, match=r"can't be combined: 2 of 4 x 3 pixels and"):
            combine(two, other)


def test_mask_from_colour(bench: Bench, pictures: Path) -> None:
    def find(**params: Any) -> Any:
        nodes = graph(
            picture=("LoadImage", {"path": "a.png"}),
            made=("MaskFromColour", {"colour": "#c81e3c", **params}, {"image": "picture.image"}),
        )
        return plane(bench.value(nodes, "made"))

    off = np.abs(PICTURE.astype(int) - (200, 30, 60)).max(axis=-1)
    assert np.array_equal(find(tolerance=0.0), off == 0)
    assert np.array_equal(find(tolerance=40.0), off <= 40)
    assert np.abs(find(tolerance=40.0, soft=30.0) - np.clip(1 - (off - 40) / 30, 0, 1)).max() < 1e-5


def test_masks_as_pictures_and_back(bench: Bench, pictures: Path) -> None:
    def nodes(channel: str) -> Any:
        return graph(
            picture=("LoadImage", {"path": "a.png"}),
            mask=("ImageToMask", {"channel": channel}, {"image": "picture.image"}),
            shown=("MaskToImage", {}, {"mask": "mask"}),
            again=("ImageToMask", {}, {"image": "shown"}),
        )

    scaled = PICTURE / np.float32(255)
    for number, channel in enumerate(("red", "green", "blue")):
        values = bench.run(nodes(channel), ["mask", "shown", "again"]).values
        mask = plane(values["mask"]["mask"])
        assert np.array_equal(mask, scaled[..., number])
        assert (values["shown"]["image"].pixels[0].numpy() == mask).all()
        assert np.array_equal(plane(values["again"]["mask"]), mask)
    grey = plane(bench.value(nodes("luminance"), "mask"))
    assert np.abs(grey - scaled @ np.array([0.2126, 0.7152, 0.0722])).max() < 1e-6


@pytest.mark.parametrize("node", ["GrowMask", "FeatherMask"])
def test_how_far_masks_grow(bench: Bench, tmp_path: Path, node: str) -> None:
    Pil.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / "m.png")
    nodes = graph(
        loaded=("LoadMask", {"path": "m.png"}), made=(node, {"pixels": 513.0}, {"mask": "loaded"})
    )
    with pytest.raises(GraphInvalid, match="to 512"):
        bench.plan(nodes, ["made"])
