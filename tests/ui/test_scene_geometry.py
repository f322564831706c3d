"""Sizes and places of a node, and what a point of it hits."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QSizeF

from studio.editing.document import Document
from studio.graph.files import from_json
from ui.editor.geometry import DOT, RIM, NodeGeometry, hit, measure
from ui.editor.textlines import text_lines
from ui.theme.metrics import FOOTER, HEADER, NODE_WIDTH, PAD

if TYPE_CHECKING:
    from studio.registry import Registry


def laid(
    registry: Registry,
    node: dict[str, Any],
    view: dict[str, Any] | None = None,
    picture: QSizeF | None = None,
) -> NodeGeometry:
    """The geometry of one node by itself."""
    graph = from_json(
        {
            "format": "latent-studio",
            "version": 1,
            "nodes": {"n": node, "src": {"type": "Integer"}},
            "view": {"n": view or {}},
        }
    )
    return measure(Document(graph, registry), "n", picture)


def test_every_node_type_is_laid_out_soundly(registry: Registry) -> None:
    for type_name in registry:
        for view in ({}, {"collapsed": True}, {"width": 160.0}, {"width": 400.0}):
            geometry = laid(registry, {"type": type_name}, view)
            rect = geometry.rect
            tops = [widget.rect for widget in geometry.widgets]
            for one, two in pairwise(tops):
                assert one.bottom() < two.top(), type_name
            for field in tops:
                assert rect.contains(field), type_name
                assert geometry.header.bottom() <= field.top()
            for spot in geometry.ports:
                assert 0 <= spot.pos.y() <= rect.height()
            if geometry.footer is not None:
                assert geometry.footer.bottom() == rect.height()
                assert geometry.footer.height() == FOOTER
                lowest = [r.bottom() for r in (*tops, geometry.preview) if r is not None]
                # The drawing of the look had fields that touch the footer's line.
                assert all(bottom + 4 <= geometry.footer.top() for bottom in lowest), type_name


def test_sizes_of_the_specification(registry: Registry) -> None:
    geometry = laid(registry, {"type": "KSampler"})
    assert geometry.width == NODE_WIDTH == 220
    assert geometry.header.height() == HEADER == 26
    rows = [spot.pos.y() for spot in geometry.ports if spot.side == "in"]
    assert [two - one for one, two in pairwise(rows)] == [24, 24, 24]
    assert {widget.rect.height() for widget in geometry.widgets} == {24}
    assert {spot.pos.x() for spot in geometry.ports} == {0, 220}
    shapes = {spot.name: spot.shape for spot in geometry.ports}
    assert shapes["model"] == "diamond"
    assert shapes["latent"] == shapes["positive"] == "circle"


def test_a_widget_shown_as_a_socket_is_a_port(registry: Registry) -> None:
    plain = laid(registry, {"type": "KSampler"})
    wired = laid(registry, {"type": "KSampler", "inputs": {"steps": "src"}})
    shown = laid(registry, {"type": "KSampler"}, {"sockets": ["steps"]})
    assert plain.widget("steps") is not None
    assert plain.port("in", "steps") is None
    for geometry in (wired, shown):
        assert geometry.widget("steps") is None
        spot = geometry.port("in", "steps")
        assert spot is not None
        assert spot.is_param
        assert spot.shape == "triangle"
    assert wired.port("in", "steps").wired  # type: ignore[union-attr]
    assert not shown.port("in", "steps").wired  # type: ignore[union-attr]


def test_text_makes_a_field_taller_up_to_a_limit(registry: Registry) -> None:
    heights = [
        laid(registry, {"type": "TextEncode", "params": {"text": "word " * count}})
        .widget("text").rect.height()  # type: ignore[union-attr]
        for count in (1, 12, 30, 200, 20_000)
    ]  # fmt: skip
    assert heights[0] == 2 * 16 + 12
    assert heights == sorted(heights)
    assert heights[-1] == heights[-2] == 8 * 16 + 12


def test_several_texts_say_which_they_are(registry: Registry) -> None:
    several = laid(registry, {"type": "TextEncodeSDXL"})
    labelled = {widget.name for widget in several.widgets if widget.labelled}
    assert labelled == {"text_g", "text_l"}
    assert not laid(registry, {"type": "TextEncode"}).widget("text").labelled  # type: ignore[union-attr]


def test_a_picture_gets_its_room(registry: Registry) -> None:
    room = laid(registry, {"type": "SaveImage"}).preview
    assert room is not None, "kept before there is one, so that nothing jumps"
    assert room.width() == room.height() == 220 - 2 * PAD
    wide = laid(registry, {"type": "SaveImage"}, picture=QSizeF(400, 200)).preview
    assert wide is not None
    assert wide.height() == 100
    tall = laid(registry, {"type": "SaveImage"}, picture=QSizeF(10, 2000)).preview
    assert tall is not None
    assert tall.height() == 300
    assert laid(registry, {"type": "KSampler"}).preview is None
    assert laid(registry, {"type": "KSampler"}, picture=QSizeF(64, 64)).preview is not None


def test_collapsed_and_reroute_and_note(registry: Registry) -> None:
    small = laid(registry, {"type": "KSampler"}, {"collapsed": True})
    assert small.height == HEADER
    assert {(spot.side, spot.pos.y(), spot.shown) for spot in small.ports} == {
        ("in", 13, False), ("out", 13, False),
    }  # fmt: skip
    dot = laid(registry, {"type": "Reroute"})
    assert (dot.form, dot.width, dot.height) == ("reroute", DOT, DOT)
    note = laid(registry, {"type": "Note", "params": {"text": "a\nb"}})
    assert note.form == "note"
    assert note.footer is None


def test_hits(registry: Registry) -> None:
    geometry = laid(registry, {"type": "KSampler"}, picture=QSizeF(64, 64))

    def part(x: float, y: float) -> tuple[str, str, str] | None:
        found = hit(geometry, QPointF(x, y))
        return None if found is None else (found.part, found.name, found.sub or found.side)

    seed = geometry.widget("seed").rect  # type: ignore[union-attr]
    choice = geometry.widget("sampler").rect  # type: ignore[union-attr]
    model = geometry.port("in", "model").pos  # type: ignore[union-attr]
    assert part(100, 10) == ("title", "", "")
    assert part(10, 10) == ("collapse", "", "")
    assert part(model.x(), model.y()) == ("port", "model", "in")
    assert part(model.x() - 11, model.y() + 11) == ("port", "model", "in")
    assert part(-13, model.y()) is None
    assert part(220 + 11, model.y()) == ("port", "latent", "out")
    assert part(seed.left() + 20, seed.center().y()) == ("widget", "seed", "value")
    assert part(seed.right() - 8, seed.center().y()) == ("widget", "seed", "dice")
    assert part(seed.right() - 30, seed.center().y()) == ("widget", "seed", "arrow")
    assert part(choice.right() - 8, choice.center().y()) == ("widget", "sampler", "arrow")
    assert part(218, geometry.height - 60) == ("resize", "", "")
    assert part(110, geometry.preview.center().y()) == ("preview", "", "")  # type: ignore[union-attr]
    assert part(110, geometry.height - 5) == ("footer", "", "")
    assert part(5, geometry.height - 40) == ("body", "", "")
    assert part(110, geometry.height + 1) is None


def test_a_reroute_is_moved_by_its_middle_and_wired_by_its_ends(registry: Registry) -> None:
    geometry = laid(registry, {"type": "Reroute"})
    middle = DOT / 2

    def part(x: float) -> tuple[str, str] | None:
        found = hit(geometry, QPointF(x, middle))
        return None if found is None else (found.part, found.side)

    assert part(middle) == ("body", "")
    assert part(0) == part(-6) == ("port", "in")
    assert part(DOT) == part(DOT + 6) == ("port", "out")
    assert part(-RIM) is None


@given(st.text(max_size=400), st.floats(20, 400), st.integers(2, 12))
def test_lines_of_any_text_stay_within_the_limit(text: str, width: float, limit: int) -> None:
    lines = text_lines(text, width, limit)
    assert len(lines) <= limit
    joined = "".join("".join(lines).split())
    whole = "".join(text.split())
    if joined.endswith("…") and not whole.startswith(joined):
        joined = joined[:-1]
    assert whole.startswith(joined)


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n\n\n\n\n\n\n\n", "a" * 5000, "🙂" * 300])
def test_odd_texts(registry: Registry, text: str) -> None:
    geometry = laid(registry, {"type": "TextEncode", "params": {"text": text}})
    assert 40 <= geometry.widget("text").rect.height() <= 140  # type: ignore[union-attr]
