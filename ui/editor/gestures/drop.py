"""Where the free end of a wire would land: a port near the mouse, or the node under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from PySide6.QtCore import QPointF, QRectF

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.editor.scene import GraphScene

    Judge = Callable[[str, str, str], str | None]
    """(node, side, port) -> None where the wire fits, else why not."""

Side = Literal["in", "out"]

SNAP = 24.0
"""Viewport pixels from a port that still take the wire."""
ON_PORT = 10.0
"""Viewport pixels from a port's middle at which that very port is meant, fitting or not."""

TOGETHER = 1.0
"""Canvas pixels within which ports lie in one place."""


class PortKey(NamedTuple):
    """A port on the canvas."""

    node: str
    side: str
    port: str


@dataclass(frozen=True)
class Landing:
    """Where a wire would land.

    Args:
        port: that takes it; None where none does.
        end: where to draw the wire's end; None at the mouse.
        node: that is under the mouse.
        refusal: why what is under the mouse doesn't take it.
    """

    port: PortKey | None = None
    end: QPointF | None = None
    node: str = ""
    refusal: str = ""


def land(
    scene: GraphScene,
    at: QPointF,
    side: Side,
    judge: Judge,
    first_port: Callable[[str], str | None],
    zoom: float,
    own: str = "",
) -> Landing:
    """Where the end of a wire dropped at `at` goes.

    Args:
        scene: the canvas.
        at: where the mouse is on it.
        side: the kind of port wanted.
        judge: says why a port doesn't fit.
        first_port: the port of a node that takes a wire dropped on its body.
        zoom: of the view.
        own: the node that the wire comes from; over its body nothing happens.
    """
    near = _ports_near(scene, at, SNAP / zoom)
    fitting = [(d, key) for d, key in near if key.side == side and judge(*key) is None]
    # Right on a port, that port is meant; those of a collapsed node lie on one another.
    if near and near[0][0] <= ON_PORT / zoom and not (
        fitting and fitting[0][0] <= near[0][0] + TOGETHER
    ):
        key = near[0][1]
        if reason := judge(*key):
            return Landing(node=key.node, refusal=reason)
        return Landing(node=key.node)
    if fitting:
        key = _best(fitting, first_port)
        return Landing(key, scene.port_pos(*key), key.node)
    if not (node := scene.node_at(at)):
        return Landing()
    if node == own:
        return Landing(node=node)
    if side == "in" and (widget := _widget_under(scene, node, at)):
        key = PortKey(node, "in", widget)
        reason = judge(*key)
        if reason is None:
            return Landing(key, None, node)
    if port := first_port(node):
        key = PortKey(node, side, port)
        return Landing(key, _shown(scene, key), node)
    return Landing(node=node, refusal=_refusal(scene, node, side, judge))


def _best(
    fitting: list[tuple[float, PortKey]], first_port: Callable[[str], str | None]
) -> PortKey:
    """The nearest; of several in one place, the one that the node would take itself."""
    nearest, key = fitting[0]
    tied = {other for d, other in fitting if d <= nearest + TOGETHER and other.node == key.node}
    if len(tied) > 1 and (port := first_port(key.node)):
        wanted = PortKey(key.node, key.side, port)
        return wanted if wanted in tied else key
    return key


def _ports_near(scene: GraphScene, at: QPointF, reach: float) -> list[tuple[float, PortKey]]:
    """Ports within `reach`, nearest first."""
    area = QRectF(at.x() - reach, at.y() - reach, 2 * reach, 2 * reach)
    found = []
    for name in scene.names_in(area):
        item = scene.nodes[name]
        for spot in item.geometry.ports:
            offset = item.pos() + spot.pos - at
            distance = (offset.x() ** 2 + offset.y() ** 2) ** 0.5
            if distance <= reach:
                found.append((distance, PortKey(name, spot.side, spot.name)))
    return sorted(found)


def _widget_under(scene: GraphScene, node: str, at: QPointF) -> str:
    item = scene.nodes[node]
    hit = item.hit(at - item.pos())
    return hit.name if hit is not None and hit.part == "widget" else ""


def _shown(scene: GraphScene, key: PortKey) -> QPointF | None:
    """Where a port is; None for a widget that isn't a socket yet."""
    spots = scene.nodes[key.node].geometry.ports
    shown = any(spot.side == key.side and spot.name == key.port for spot in spots)
    return scene.port_pos(*key) if shown else None


def _refusal(scene: GraphScene, node: str, side: Side, judge: Judge) -> str:
    """Why no port of a node takes the wire: a circle if it is one, else the only port's reason."""
    spots = [spot for spot in scene.nodes[node].geometry.ports if spot.side == side]
    title = scene.document.title_of(node)
    if not spots:
        return f"{title} has no {'inputs' if side == 'in' else 'outputs'}."
    reasons = [judge(node, side, spot.name) or "" for spot in spots]
    for reason in reasons:
        if "circle" in reason or len(reasons) == 1:
            return reason
    return f"{title} has no {'input' if side == 'in' else 'output'} that fits this wire."
