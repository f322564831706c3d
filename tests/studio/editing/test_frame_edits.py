"""Edits of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from edit_bench import do, open_document

from studio.editing import framing
from studio.editing.changes import EditRefused

if TYPE_CHECKING:
    from studio.registry import Registry

PLACES = {"positive": (100, 100), "negative": (100, 300)}


def test_a_frame_fits_around_its_nodes(registry: Registry) -> None:
    document = open_document(registry, layout=PLACES)
    sizes = {"positive": (220.0, 150.0), "negative": (300.0, 100.0)}
    edit = do(document, framing.add_frame(document, PLACES, " Prompts ", sizes=sizes))
    (change,) = edit.changes
    assert (change.section, change.key) == ("frames", "frame")
    assert edit.label == "Frame 2 nodes"
    frame = document.frames["frame"]
    assert frame.title == "Prompts"
    assert frame.nodes == ("positive", "negative")
    assert frame.rect == (76, 44, 348, 380)
    second = do(document, framing.add_frame(document, [], rect=(0, 0, 50, 60)))
    assert second.changes[0].key == "frame_2"
    with pytest.raises(EditRefused, match="Select the nodes"):
        framing.add_frame(document, [])


def test_changing_a_frame(registry: Registry) -> None:
    document = open_document(registry, frames={"box": {"nodes": ["save"]}})
    do(document, framing.set_frame(document, "box", title="A\nbox", colour="#AABBCC"))
    do(document, framing.set_frame(document, "box", rect=(1.4, 2, 100, 50)))
    do(document, framing.set_frame(document, "box", nodes=["save", "decode", "save"]))
    frame = document.frames["box"]
    assert (frame.title, frame.colour, frame.rect) == ("A box", "#AABBCC", (1, 2, 100, 50))
    assert frame.nodes == ("save", "decode")
    do(document, framing.set_frame(document, "box", colour=None))
    assert document.frames["box"].colour is None


@pytest.mark.parametrize(
    "fields",
    [
        {"rect": (0, 0, 0, 5)},
        {"rect": (float("nan"), 0, 5, 5)},
        {"colour": "blue"},
        {"colour": "#12345"},
        {"nodes": ["nobody"]},
        {"title": "x" * 1001},
    ],
)
def test_what_a_frame_cannot_be(registry: Registry, fields: dict[str, object]) -> None:
    document = open_document(registry, frames={"box": {}})
    with pytest.raises(EditRefused):
        framing.set_frame(document, "box", **fields)
    with pytest.raises(EditRefused, match="no frame 'nobox'"):
        framing.set_frame(document, "nobox", title="x")


def test_frames_go_and_their_nodes_stay(registry: Registry) -> None:
    document = open_document(registry, frames={"box": {"nodes": ["save"]}})
    edit = do(document, framing.remove_frames(document, ["box"]))
    assert edit.label == "Delete a frame"
    assert not document.frames
    assert "save" in document.nodes


def test_membership(registry: Registry) -> None:
    document = open_document(registry, frames={"box": {"nodes": ["save"]}})
    edit = do(document, framing.toggle_membership(document, "box", ["save", "decode"]))
    assert edit.label == "Put 2 nodes into a frame"
    assert document.frames["box"].nodes == ("save", "decode")
    edit = do(document, framing.toggle_membership(document, "box", ["save"]))
    assert edit.label == "Take Save Image out of a frame"
    assert document.frames["box"].nodes == ("decode",)


def test_frames_that_move_with_nodes(registry: Registry) -> None:
    frames = {
        "inner": {"nodes": ["save", "gone"]},
        "outer": {"nodes": ["save", "decode"]},
        "empty": {},
    }
    document = open_document(registry, frames=frames)
    assert framing.frames_within(document, ["save"]) == ["inner"]
    assert framing.frames_within(document, ["save", "decode"]) == ["inner", "outer"]
