"""Gathers what the picture of a node shows, from the document and from what the engine says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from studio.editing.compat import widgets
from ui.editor.field_paint import FieldFace
from ui.editor.node_paint import Face
from ui.theme import icon_of

if TYPE_CHECKING:
    from ui.editor.geometry import NodeGeometry
    from ui.editor.scene import GraphScene
    from ui.engine.states import NodeState

def _still(state: NodeState) -> NodeState:
    """What of a state the picture shows: progress is painted over it."""
    reason = state.reason if state.status == "unknown" else ""
    return replace(state, step=0, of=0, rate=0.0, reason=reason, tier="", memory=0, peak=0)


_UNKNOWN_ICON = "circle-question-mark"


def face_of(scene: GraphScene, name: str, geometry: NodeGeometry) -> Face:
    """The face of a node as things are now."""
    document = scene.document
    node, view, spec = document.nodes[name], document.view_of(name), document.spec(name)
    spots = {spot.name: spot for spot in geometry.widgets}
    fields = tuple(
        FieldFace(
            spots[field.name], field.spec, field.value, view.seeds.get(field.name, "fixed")
        )
        for field in widgets(document, name)
        if field.name in spots
    )
    faults = scene.faults_of(name)
    if spec is None and not faults:
        faults = (f"there is no node type {node.type}",)
    return Face(
        geometry=geometry,
        title=document.title_of(name),
        category=spec.category if spec else "",
        icon=icon_of(spec.category) if spec else _UNKNOWN_ICON,
        colour=view.colour,
        known=spec is not None,
        mode=node.mode,
        fields=fields,
        state=_still(scene.states.get(name)),
        faults=faults,
        has_picture=scene.picture_of(name) is not None,
    )
