"""Double clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.editing import edits
from ui.editor.gestures import reroute, widgets
from ui.editor.gestures.title import edit_frame_title, edit_node_title

if TYPE_CHECKING:
    from ui.editor.gestures.base import Pointer
    from ui.editor.gestures.dispatch import Gestures


def double_click(gestures: Gestures, pointer: Pointer) -> bool:
    """What a double click does: rename, type, reroute, add. False where it means nothing."""
    target = pointer.target
    if not pointer.plain:
        return False
    if target.node:
        return _on_node(gestures, pointer)
    if target.wire is not None:
        return reroute.add(gestures.editor, target.wire, pointer.scene)
    if target.frame_part == "title":
        edit_frame_title(gestures, target.frame)
        return True
    if target.is_empty:
        gestures.view.palette_wanted.emit(pointer.scene, None, None)
        return True
    return False


def _on_node(gestures: Gestures, pointer: Pointer) -> bool:
    node, hit = pointer.target.node, pointer.target.hit
    editor = gestures.editor
    if hit is None:
        return False
    if hit.part == "title":
        edit_node_title(gestures, node)
        return True
    if hit.part == "widget" and gestures.view.zoom >= widgets.READABLE:
        kind = widgets.kind_of(editor, node, hit.name)
        return widgets.double_click(editor, node, hit.name, kind, hit.sub)
    if hit.part == "resize":
        editor.attempt(lambda: edits.set_view(editor.document, [node], width=None))
        return True
    if hit.part == "preview":
        if editor.document.nodes[node].type == "InpaintMask":
            editor.paint_wanted.emit(node, "")
        else:
            gestures.action_wanted.emit("panel.viewer")
        return True
    return False
