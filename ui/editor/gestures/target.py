"""What lies under a point of the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.editor.gestures.base import Target

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from ui.editor.view import GraphView

WIRE_REACH = 8.0
"""Viewport pixels beside a wire that still hit it."""


def target_at(view: GraphView, scene_pos: QPointF) -> Target:
    """What a press at this place means: a node before a wire, a wire before a frame."""
    scene = view.editor.scene
    if name := scene.node_at(scene_pos):
        item = scene.nodes[name]
        return Target(node=name, hit=item.hit(scene_pos - item.pos()))
    frame = scene.frame_at(scene_pos) or ""
    part = ""
    if frame:
        box = scene.frames[frame]
        part = box.hit(scene_pos - box.pos()) or ""
    # A frame's title is there to be seized, whatever wire crosses it.
    if part in ("", "body") and (wire := scene.wire_at(scene_pos, WIRE_REACH / view.zoom)):
        return Target(wire=wire, frame=frame, frame_part=part)
    return Target(frame=frame, frame_part=part)
