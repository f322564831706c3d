"""What accepting a result and outpainting do to the document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from graph_bench import graph
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF

from studio.editing.changes import EditRefused
from studio.editing.document import Document
from studio.graph.files import load
from studio.masks.raster import rasterise
from studio.masks.strokes import parse
from ui.paint.edits import Beyond, accept, moved, pad
from ui.paint.outpaint import SNAP, dragged, handle_at, rect_of

if TYPE_CHECKING:
    from studio.editing.changes import Edit
    from studio.registry import Registry

WORKFLOWS = Path(__file__).resolve().parents[2] / "workflows"
NAMES = ["inpaint", "inpaint_model", "inpaint_only_masked"]


def document_of(name: str, registry: Registry) -> Document:
    return Document(load(WORKFLOWS / f"{name}.json"), registry)


def applied(document: Document, edit: Edit) -> str:
    """The text after an edit, with the text before it brought back by undoing."""
    before = document.dumps()
    document.apply(edit.changes)
    after = document.dumps()
    document.revert(edit.changes)
    assert document.dumps() == before
    document.apply(edit.changes)
    assert document.dumps() == after
    return after


# ------------------------------------------------------------------ accepting


def test_a_loaded_picture_gets_another_path(registry: Registry) -> None:
    document = document_of("inpaint", registry)
    strokes = document.nodes["mask"].params["strokes"]
    applied(document, accept(document, "mask", "new.png", {}))
    assert document.nodes["picture"].params["path"] == "new.png"
    assert document.nodes["mask"].params["strokes"] == strokes


def test_the_sketch_goes_into_the_picture(registry: Registry) -> None:
    nodes: dict[str, Any] = {
        "picture": ("LoadImage", {"path": "a.png"}),
        "bend": ("Reroute", {}, {"value": "picture.image"}),
        "mask": (
            "InpaintMask",
            {"sketch": {"version": 1, "items": [{"t": "fill", "o": 100, "c": "#102030"}]}},
            {"image": "bend"},
        ),
    }
    document = Document(graph(**nodes), registry)
    applied(document, accept(document, "mask", "b.png", {}))
    assert "sketch" not in document.nodes["mask"].params
    assert document.nodes["picture"].params["path"] == "b.png"
    assert document.nodes["mask"].inputs == {"image": "bend"}


def test_a_made_picture_is_replaced_by_a_loaded_one(registry: Registry) -> None:
    nodes: dict[str, Any] = {
        "made": ("SolidImage",),
        "mask": ("InpaintMask", {}, {"image": "made"}),
        "scaled": ("ScaleImage", {}, {"image": "made"}),
    }
    document = Document(graph(**nodes), registry)
    edit = accept(document, "mask", "b.png", {})
    applied(document, edit)
    (name,) = edit.created
    assert document.nodes[name].params == {"path": "b.png"}
    assert document.nodes["mask"].inputs == {"image": f"{name}.image"}
    assert document.nodes["scaled"].inputs == {"image": f"{name}.image"}
    assert not document.wires_out_of("made")


def test_a_path_by_wire_gives_way(registry: Registry) -> None:
    nodes: dict[str, Any] = {
        "text": ("Text", {"value": "a.png"}),
        "picture": ("LoadImage", {}, {"path": "text"}),
        "mask": ("InpaintMask", {}, {"image": "picture.image"}),
    }
    document = Document(graph(**nodes), registry)
    applied(document, accept(document, "mask", "b.png", {}))
    assert document.nodes["picture"].params["path"] == "b.png"
    assert not document.nodes["picture"].inputs


def test_without_a_picture_there_is_nothing_to_replace(registry: Registry) -> None:
    document = Document(graph(mask=("InpaintMask",)), registry)
    with pytest.raises(EditRefused, match="no picture"):
        accept(document, "mask", "b.png", {})
    with pytest.raises(EditRefused):
        accept(document, "gone", "b.png", {})


def test_what_outpainting_made_ends_outpainting(registry: Registry) -> None:
    document = document_of("inpaint", registry)
    document.apply(pad(document, "mask", Beyond(right=64), {}).changes)
    grown = Beyond(right=64)
    applied(document, accept(document, "mask", "b.png", {}, (128, 128), grown))
    (name,) = [key for key, node in document.nodes.items() if node.type == "PadForOutpaint"]
    assert document.nodes[name].mode == "bypass"
    assert document.nodes[name].params["right"] == 0
    items = document.nodes["mask"].params["strokes"]["items"]
    assert items[0]["r"] == round(13824 * 128 / 192)


def test_a_mask_moves_with_its_picture() -> None:
    items = [
        {"t": "brush", "o": 100, "r": 3277, "h": 100, "p": [20000, 20000, 255, 30000, 9000, 0]},
        {"t": "ellipse", "o": 60, "b": [30000, 30000, 60000, 50000]},
        {"t": "polygon", "e": 1, "o": 100, "p": [0, 0, 9000, 0, 0, 9000]},
        {"t": "rect", "o": 100, "b": [100, 50000, 9000, 60000]},
    ]
    size, grown = (200, 160), Beyond(40, 8, 0, 32)
    before = rasterise(parse({"version": 1, "items": items}), *size)
    found = moved(items, size, grown)
    assert found is not None
    after = rasterise(parse({"version": 1, "items": found}), 240, 200)
    part = after[8:168, 40:240].astype(int)
    # Units are rounded: an edge may be off by a hundredth of a pixel.
    assert np.abs(part - before).max() <= 8
    assert not after[:, :30].any()


def test_steps_without_a_place_cant_move() -> None:
    assert moved([{"t": "invert"}], (100, 100), Beyond(8)) is None
    assert moved([{"t": "raster", "o": 100, "hash": "0" * 64}], (100, 100), Beyond(8)) is None
    assert moved([{"t": "no such"}], (100, 100), Beyond(8)) is None
    assert moved([], (100, 100), Beyond(8)) == []
    found = moved([{"t": "fill", "o": 100}], (100, 50), Beyond(left=100))
    assert found == [{"t": "rect", "o": 100, "b": [32768, 0, 65536, 16384]}]
    found = moved([{"t": "bucket", "o": 100, "x": 0, "y": 0, "tol": 9}], (100, 50), Beyond(100))
    assert found is not None
    assert (found[0]["x"], found[0]["y"]) == (32768, 0)


# ---------------------------------------------------------------- outpainting


@pytest.mark.parametrize("name", NAMES)
def test_room_is_made_behind_the_mask(registry: Registry, name: str) -> None:
    document = document_of(name, registry)
    targets = {(wire.target, wire.port) for wire in document.wires_out_of("mask")}
    edit = pad(document, "mask", Beyond(left=64), {"mask": (220, 200)})
    applied(document, edit)
    (made,) = edit.created
    assert document.nodes[made].inputs == {"image": "mask.image", "mask": "mask.mask"}
    assert {wire.target for wire in document.wires_out_of("mask")} == {made}
    assert {(wire.target, wire.port) for wire in document.wires_out_of(made)} == targets
    # The second drag sets what is there.
    edit = pad(document, "mask", Beyond(top=8), {})
    applied(document, edit)
    assert not edit.created
    assert document.nodes[made].params["top"] == 8
    # Nothing to add: the node would refuse to run.
    applied(document, pad(document, "mask", Beyond(), {}))
    assert document.nodes[made].mode == "bypass"
    applied(document, pad(document, "mask", Beyond(bottom=16), {}))
    assert document.nodes[made].mode == "normal"


def test_a_picture_that_goes_past_the_mask_is_padded_as_well(registry: Registry) -> None:
    nodes: dict[str, Any] = {
        "picture": ("LoadImage", {"path": "a.png"}),
        "mask": ("InpaintMask", {}, {"image": "picture.image"}),
        "crop": ("CropToMask", {}, {"image": "picture.image", "mask": "mask.mask"}),
    }
    document = Document(graph(**nodes), registry)
    edit = pad(document, "mask", Beyond(left=8), {})
    applied(document, edit)
    (made,) = edit.created
    assert document.nodes["crop"].inputs == {"image": f"{made}.image", "mask": f"{made}.mask"}


def test_nothing_to_add_adds_no_node(registry: Registry) -> None:
    document = document_of("inpaint", registry)
    assert not pad(document, "mask", Beyond(), {})
    with pytest.raises(EditRefused):
        pad(document, "gone", Beyond(8), {})


HANDLES = [
    "left", "right", "top", "bottom", "top-left", "top-right", "bottom-left", "bottom-right",
    "inside",
]  # fmt: skip
multiples = st.integers(0, 30).map(lambda n: n * SNAP)
far = st.floats(-20000, 20000)


@given(
    st.builds(Beyond, multiples, multiples, multiples, multiples),
    st.sampled_from(HANDLES), far, far, st.integers(1, 16000), st.integers(1, 16000),
)  # fmt: skip
def test_a_drag_keeps_to_what_a_node_takes(
    start: Beyond, handle: str, dx: float, dy: float, width: int, height: int
) -> None:
    found = dragged(start, handle, dx, dy, (width, height), SNAP)
    assert all(side % SNAP == 0 and 0 <= side <= 8192 for side in found)
    if start.left + start.right + width <= 16384 and start.top + start.bottom + height <= 16384:
        assert found.left + found.right + width <= 16384
        assert found.top + found.bottom + height <= 16384
    if handle == "inside":
        assert found.left + found.right == start.left + start.right
        assert found.top + found.bottom == start.top + start.bottom
    for side in Beyond._fields:
        if handle != "inside" and side not in handle:
            assert getattr(found, side) == getattr(start, side)


def test_alt_drags_to_any_pixel() -> None:
    assert dragged(Beyond(), "right", 13.4, 0, (100, 100), 1) == Beyond(right=13)
    assert dragged(Beyond(), "right", 13.4, 0, (100, 100), SNAP) == Beyond(right=16)
    assert dragged(Beyond(right=16), "right", -40, 0, (100, 100), SNAP) == Beyond()


def test_handles_are_found_by_the_nearest_edge() -> None:
    rect = QRectF(100, 100, 200, 150)
    assert handle_at(rect, QPointF(101, 99)) == "top-left"
    assert handle_at(rect, QPointF(304, 252)) == "bottom-right"
    assert handle_at(rect, QPointF(200, 95)) == "top"
    assert handle_at(rect, QPointF(95, 170)) == "left"
    assert handle_at(rect, QPointF(200, 170)) == "inside"
    assert handle_at(rect, QPointF(80, 170)) == ""
    assert handle_at(QRectF(100, 100, 6, 6), QPointF(106, 103)).endswith("right")
    assert rect_of((10, 20), Beyond(1, 2, 3, 4)) == QRectF(-1, -2, 14, 26)
