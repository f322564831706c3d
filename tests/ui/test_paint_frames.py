"""The crop frame that the editor works out of the document is the one that a run uses."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from graph_bench import document as json_of
from graph_bench import graph
from PIL import Image as Pil

from studio.diffusion import inpaint as engine
from studio.editing.document import Document
from studio.errors import InputError
from studio.graph.files import from_json, load
from studio.inpaint.frames import own_side
from studio.masks.raster import rasterise
from studio.masks.strokes import parse
from ui.paint import chain

if TYPE_CHECKING:
    import numpy as np
    from graph_bench import Bench

    from studio.registry import Registry
    from studio.values import CropFrame

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
SIZE = (118, 75)
STROKES = {
    "version": 1,
    "items": [
        {"t": "brush", "o": 100, "r": 4000, "h": 60, "p": [30000, 20000, 255, 9000, 4000, 0]},
        {"t": "ellipse", "o": 40, "b": [2000, 30000, 9000, 36000]},
    ],
}


def painted(params: dict[str, Any]) -> np.ndarray:
    return rasterise(parse(params.get("strokes", {"version": 1, "items": []})), *SIZE)


def nodes_of(
    shape: dict[str, Any], crop: dict[str, Any], between: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Picture, mask, perhaps nodes between, CropToMask; `between` goes by `mask` and `image`."""
    last = {"image": "mask.image", "mask": "mask.mask"}
    found: dict[str, Any] = {
        "picture": ("SolidImage", {"width": SIZE[0], "height": SIZE[1]}),
        "mask": ("InpaintMask", {"strokes": STROKES, **shape}, {"image": "picture"}),
    }
    for name, (type_name, params, inputs) in (between or {}).items():
        wires = {port: last[port] for port in inputs}
        found[name] = (type_name, params, wires)
        last["mask"] = f"{name}.mask" if type_name == "PadForOutpaint" else name
        if "image" in inputs:
            last["image"] = f"{name}.image"
    found["crop"] = ("CropToMask", crop, last)
    return found


def drawn(registry: Registry, nodes: dict[str, Any], **options: Any) -> CropFrame | None:
    """What the editor makes of it."""
    document = Document(graph(**nodes), registry)
    crop = chain.crop_of(document, "mask")
    assert crop is not None
    return chain.frame_of(crop, painted(nodes["mask"][1]), **options)


SHAPES: list[dict[str, Any]] = [
    {},
    {"grow": 5.5},
    {"grow": -3.0, "feather": 4.0},
    {"feather": 9.0},
    {"invert": True},
    {"invert": True, "grow": -4.0},
]
CROPS: list[dict[str, Any]] = [
    {},
    {"context_share": 0.0, "size": None},
    {"context_share": 0.1, "size": 64, "grow": 6.5},
    {"context_share": 1.5, "size": 128, "grow": -2.0, "feather": 7.0},
    {"feather": 12.5, "step": 16},
]


@pytest.mark.parametrize(("shape", "crop"), list(itertools.product(SHAPES, CROPS)))
def test_crop_to_mask(
    bench: Bench, registry: Registry, shape: dict[str, Any], crop: dict[str, Any]
) -> None:
    nodes = nodes_of(shape, crop)
    assert drawn(registry, nodes) == bench.value(graph(**nodes), "crop", "frame")


BETWEEN: list[dict[str, Any]] = [
    {"grown": ("GrowMask", {"pixels": 7.0}, ("mask",))},
    {
        "soft": ("FeatherMask", {"pixels": 6.0}, ("mask",)),
        "hard": ("ThresholdMask", {"at": 0.3}, ("mask",)),
        "full": ("FillHoles", {}, ("mask",)),
    },
    {"other": ("InvertMask", {}, ("mask",)), "less": ("GrowMask", {"pixels": -2.5}, ("mask",))},
    {"pad": ("PadForOutpaint", {"left": 32, "bottom": 8}, ("image", "mask"))},
    {
        "pad": ("PadForOutpaint", {"right": 40, "overlap": 0, "fill": "none"}, ("image", "mask")),
        "grown": ("GrowMask", {"pixels": 3.0}, ("mask",)),
    },
]


@pytest.mark.parametrize(
    ("between", "crop"),
    list(itertools.product(BETWEEN, [{}, {"context_share": 0.1, "size": 64}])),
)
def test_crop_to_mask_behind_other_nodes(
    bench: Bench, registry: Registry, between: dict[str, Any], crop: dict[str, Any]
) -> None:
    nodes = nodes_of({"feather": 2.0}, crop, between)
    assert drawn(registry, nodes) == bench.value(graph(**nodes), "crop", "frame")


def test_a_padded_picture_lies_off_the_frame(registry: Registry) -> None:
    pad = ("PadForOutpaint", {"left": 32, "top": 8}, ("image", "mask"))
    nodes = nodes_of({}, {}, {"pad": pad})
    crop = chain.crop_of(Document(graph(**nodes), registry), "mask")
    assert crop is not None
    assert crop.offset == (32, 8)
    frame = chain.frame_of(crop, painted({}))
    assert frame is not None
    assert (frame.picture_width, frame.picture_height) == (SIZE[0] + 32, SIZE[1] + 8)


class Stop(InputError):
    """Enough is known."""


INPAINTS: list[dict[str, Any]] = [
    {},
    {"only_masked": False},
    {"context_share": 0.0, "grow": 4.0, "feather": 0.0},
    {"context_share": 0.2, "size": 64, "grow": -1.5, "feather": 9.0},
    {"context_share": 2.0, "size": 1024},
]


def test_inpaint(bench: Bench, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's own size included; nothing is sampled."""
    frames: list[CropFrame] = []

    def encoded(vae: Any, model: Any, job: engine.Job, *_: Any) -> None:
        frames.append(job.frame)
        raise Stop("stop")

    monkeypatch.setattr(engine, "encoded", encoded)
    executor = bench.executor()
    path = WORKFLOWS / "inpaint.json"
    text = load(path)
    Pil.new("RGB", SIZE).save(bench.folder / "small.png")
    for params, shape in itertools.product(INPAINTS, [{}, {"feather": 5.0}]):
        nodes = dict(text.nodes)
        old = nodes["inpaint"].params
        kept = {key: value for key, value in old.items() if key != "only_masked"}
        nodes["inpaint"] = nodes["inpaint"].model_copy(update={"params": {**kept, **params}})
        strokes = {"strokes": STROKES, **shape}
        nodes["mask"] = nodes["mask"].model_copy(update={"params": strokes})
        nodes["picture"] = nodes["picture"].model_copy(update={"params": {"path": "small.png"}})
        changed = text.model_copy(update={"nodes": nodes})
        assert "stop" in str(bench.run(changed, executor=executor).error)
        crop = chain.crop_of(Document(changed, registry), "mask")
        assert crop is not None
        assert crop.checkpoint == "pocket"
        side = chain.side_of(crop.checkpoint)
        assert side == 128
        assert frames.pop() == chain.frame_of(crop, painted(strokes), side)


def test_a_models_own_size() -> None:
    assert own_side(16, 8) == 128
    assert own_side(None, 8) == 512
    assert chain.side_of("no such model") is None
    assert chain.side_of(None) is None


# ---------------------------------------------------------- what can't be known


def crop_in(registry: Registry, nodes: dict[str, Any], **modes: str) -> chain.Crop | None:
    data = json_of(**nodes)
    for name, mode in modes.items():
        data["nodes"][name]["mode"] = mode
    return chain.crop_of(Document(from_json(data), registry), "mask")


def test_nothing_crops(registry: Registry) -> None:
    nodes = nodes_of({}, {})
    assert crop_in(registry, nodes, crop="mute") is None
    assert crop_in(registry, nodes, crop="bypass") is None
    del nodes["crop"]
    assert crop_in(registry, nodes) is None
    assert chain.crop_of(Document(graph(), registry), "mask") is None


def test_bypassed_nodes_and_reroutes_are_looked_through(registry: Registry) -> None:
    between = {"grown": ("GrowMask", {"pixels": 9.0}, ("mask",))}
    nodes = nodes_of({}, {}, between)
    nodes["bend"] = ("Reroute", {}, {"value": "grown"})
    nodes["crop"][2]["mask"] = "bend"
    found = crop_in(registry, nodes)
    assert found is not None
    assert [step.type for step in found.steps] == ["InpaintMask", "GrowMask"]
    found = crop_in(registry, nodes, grown="bypass")
    assert found is not None
    assert [step.type for step in found.steps] == ["InpaintMask"]


def test_what_only_a_run_knows_is_said(registry: Registry) -> None:
    nodes = nodes_of({}, {})
    nodes["loaded"] = ("LoadMask", {"path": "a.png"})
    nodes["both"] = ("CombineMasks", {}, {"first": "mask.mask", "second": "loaded"})
    nodes["crop"][2]["mask"] = "both"
    with pytest.raises(chain.Unknown, match="after a run"):
        crop_in(registry, nodes)
    nodes = nodes_of({}, {})
    nodes["wide"] = ("ScaleImage", {}, {"image": "mask.image"})
    nodes["crop"][2]["image"] = "wide"
    with pytest.raises(chain.Unknown, match="Another picture"):
        crop_in(registry, nodes)


def test_numbers_by_wire(registry: Registry) -> None:
    nodes = nodes_of({}, {})
    nodes["number"] = ("Integer", {"value": 64})
    nodes["crop"][2]["size"] = "number"
    found = crop_in(registry, nodes)
    assert found is not None
    assert found.values["size"] == 64
    nodes["number"] = ("Integer", {"value": 7})
    with pytest.raises(chain.Unknown, match="size"):
        crop_in(registry, nodes)


def test_the_pad_behind_a_mask_node(registry: Registry) -> None:
    pad = {"pad": ("PadForOutpaint", {"left": 8}, ("image", "mask"))}
    assert chain.pad_of(Document(graph(**nodes_of({}, {}, pad)), registry), "mask") == "pad"
    assert chain.pad_of(Document(graph(**nodes_of({}, {})), registry), "mask") is None
