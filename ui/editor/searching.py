"""Finds what lies at a point or in an area of a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPolygonF

from ui.editor.frame_item import FrameItem
from ui.editor.node_item import NodeItem
from ui.editor.wire_item import WireItem, wire_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ui.editor.marks import CanvasMarks, WireKey
    from ui.editor.scene import GraphScene

_BY_BOX = Qt.ItemSelectionMode.IntersectsItemBoundingRect
_ROOM = 40.0
"""Around what is marked: its lines have a width of the screen's pixels, however small the zoom."""


class Searching:
    """Looks things up in a scene; its index answers, however many nodes there are.

    Args:
        scene: searched.
    """

    def __init__(self, scene: GraphScene) -> None:
        self._scene = scene

    def node_at(self, pos: QPointF) -> str | None:
        """See `GraphScene.node_at`."""
        for item in self._scene.items(pos, _BY_BOX, Qt.SortOrder.DescendingOrder):
            if isinstance(item, NodeItem) and item.hit(pos - item.pos()) is not None:
                return item.name
        return None

    def wire_at(self, pos: QPointF, reach: float) -> WireKey | None:
        """See `GraphScene.wire_at`."""
        area = QRectF(pos.x() - reach, pos.y() - reach, 2 * reach, 2 * reach)
        best, least = None, reach
        for item in self._scene.items(area, _BY_BOX):
            if isinstance(item, WireItem) and (distance := item.distance(pos)) <= least:
                best, least = item.key, distance
        return best

    def frame_at(self, pos: QPointF) -> str | None:
        """See `GraphScene.frame_at`."""
        for item in self._scene.items(pos, _BY_BOX, Qt.SortOrder.DescendingOrder):
            if isinstance(item, FrameItem) and item.hit(pos - item.pos()) is not None:
                return item.name
        return None

    def names_in(self, area: QRectF) -> list[str]:
        """See `GraphScene.names_in`."""
        area = area.normalized()
        return [
            item.name
            for item in self._scene.items(area, _BY_BOX)
            if isinstance(item, NodeItem) and item.node_rect().intersects(area)
        ]

    def wires_in(self, area: QRectF) -> list[WireKey]:
        """See `GraphScene.wires_in`."""
        area = area.normalized()
        return [item.key for item in self.wire_items(area)]

    def wire_items(self, area: QRectF) -> list[WireItem]:
        """The wires whose box an area touches."""
        found = self._scene.items(area, _BY_BOX)
        return [item for item in found if isinstance(item, WireItem)]

    def sight(self) -> QRectF:
        """See `GraphScene.sight`."""
        box = QRectF()
        for shown in self._scene.sights:
            box = box.united(shown())
        return box

    def bounds(self, names: Iterable[str] | None) -> QRectF:
        """See `GraphScene.bounds`."""
        scene, box = self._scene, QRectF()
        wanted = scene.nodes if names is None else names
        for name in wanted:
            if (node := scene.nodes.get(name)) is not None:
                box = box.united(node.node_rect())
        if names is None:
            for frame in scene.frames.values():
                box = box.united(frame.scene_rect())
        return box

    @staticmethod
    def overlay_areas(old: CanvasMarks, new: CanvasMarks) -> list[QRectF]:
        """Where what is drawn over everything looks otherwise."""
        areas: list[QRectF] = []
        if old.ghosts != new.ghosts:
            for ghost in (*old.ghosts, *new.ghosts):
                areas.append(wire_path(ghost.start, ghost.end).controlPointRect())
        if old.cut != new.cut:
            areas += [QPolygonF(list(cut)).boundingRect() for cut in (old.cut, new.cut) if cut]
        if old.guides != new.guides:
            areas += [_line_box(line) for line in (*old.guides, *new.guides)]
        if old.band != new.band:
            areas += [band.normalized() for band in (old.band, new.band) if band is not None]
        return [area.adjusted(-_ROOM, -_ROOM, _ROOM, _ROOM) for area in areas]


def _line_box(line: QLineF) -> QRectF:
    return QRectF(line.p1(), line.p2()).normalized()
