"""What a gesture marks on the canvas while it goes on. The scene and the view paint it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QLineF, QPointF, QRectF

PortKey = tuple[str, str, str]
"""(node, "in" or "out", port)."""

WireKey = tuple[str, str]
"""(target node, its port)."""


@dataclass(frozen=True, slots=True)
class GhostWire:
    """A wire that isn't there yet.

    Args:
        start: the output's end, whichever end the mouse holds.
        end: the other one.
        type: of what it would carry; None while unknown.
        valid: False where it would be refused; None over nothing yet.
    """

    start: QPointF
    end: QPointF
    type: str | None = None
    valid: bool | None = None


@dataclass(frozen=True)
class CanvasMarks:
    """Everything marked at a moment; places are in scene coordinates.

    Args:
        ghosts: wires being drawn.
        judge: asked for (node, side, port) while painting: None where the wire fits, else why
            not. None: no wire is being drawn.
        snap: the port that would take the wire now.
        drop_node: the node whose body would take it.
        drop_bad: it would refuse.
        hidden_wires: not painted, since a ghost stands for them.
        hot_wire: about to take a node in.
        cut: the knife's way.
        cut_wires: what it has met.
        guides: lines along which things are aligned.
        band: the rubber band.
        join_frame: the frame that nodes are being put into.
        hover_port, hover_wire, hover_node, hover_widget: under the mouse.
    """

    ghosts: tuple[GhostWire, ...] = ()
    judge: Callable[[str, str, str], str | None] | None = None
    snap: PortKey | None = None
    drop_node: str | None = None
    drop_bad: bool = False
    hidden_wires: frozenset[WireKey] = frozenset()
    hot_wire: WireKey | None = None
    cut: tuple[QPointF, ...] = ()
    cut_wires: frozenset[WireKey] = frozenset()
    guides: tuple[QLineF, ...] = ()
    band: QRectF | None = None
    join_frame: str | None = None
    hover_port: PortKey | None = None
    hover_wire: WireKey | None = None
    hover_node: str | None = None
    hover_widget: tuple[str, str] | None = None


NO_MARKS = CanvasMarks()


def marked_nodes(marks: CanvasMarks) -> set[str]:
    """Nodes that look otherwise because of the marks; `judge` concerns them all."""
    found = {marks.drop_node, marks.hover_node}
    for place in (marks.snap, marks.hover_port, marks.hover_widget):
        found.add(place[0] if place else None)
    return {name for name in found if name is not None}


def marked_wires(marks: CanvasMarks) -> set[WireKey]:
    """Wires that look otherwise because of the marks."""
    found = {*marks.hidden_wires, *marks.cut_wires}
    return found | {key for key in (marks.hot_wire, marks.hover_wire) if key is not None}
