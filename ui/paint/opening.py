"""Which node is painted on: the one asked for, else the one at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.editing.draft import Draft
from studio.editing.naming import new_id
from studio.graph.document import Node
from ui.editor.inline.path import text_of_path
from ui.paint.source import LOADER, PATH

if TYPE_CHECKING:
    from pathlib import Path

    from studio.editing.changes import Edit
    from ui.editor.editor import GraphEditor

TYPE = "InpaintMask"
_LEFT = 300


def mask_nodes(editor: GraphEditor) -> list[str]:
    """Ids of the nodes that can be painted on, in the order of the file."""
    return [name for name, node in editor.document.nodes.items() if node.type == TYPE]


def at_hand(editor: GraphEditor, last: str = "") -> str:
    """The node that "Paint mask" means: the selected one, the one painted on last, the only one;
    empty where it isn't clear.

    Args:
        editor: the graph in front.
        last: painted on before; may be gone.
    """
    nodes = mask_nodes(editor)
    if chosen := [name for name in editor.selected() if name in nodes]:
        return chosen[0]
    if last in nodes:
        return last
    # A selected node that masks are made for leads to them as well.
    near = _before(editor, editor.selected(), nodes)
    if near:
        return near
    return nodes[0] if len(nodes) == 1 else ""


def _before(editor: GraphEditor, names: list[str], nodes: list[str]) -> str:
    seen, todo = set(names), list(names)
    while todo:
        for wire in editor.document.wires_into(todo.pop()).values():
            if wire.source.node in nodes:
                return wire.source.node
            if wire.source.node not in seen:
                seen.add(wire.source.node)
                todo.append(wire.source.node)
    return ""


def set_picture(editor: GraphEditor, node: str, loader: str, path: Path) -> Edit:
    """Paint on another picture file: one step of undo.

    Args:
        editor: the graph's.
        node: the InpaintMask.
        loader: the LoadImage that feeds it; empty adds one, which takes over the node's input.
        path: of the picture.
    """
    document = editor.document
    draft = Draft(document)
    spec = document.specs.get(LOADER)
    param = spec.param_by_name.get(PATH) if spec else None
    text = text_of_path(editor, param, path) if param is not None else str(path)
    label = f"Load {path.name}"
    if loader:
        draft.set_node(loader, params={**draft.node(loader).params, PATH: text})
        return draft.finish(label)
    new = new_id(document, LOADER)
    x, y = document.position(node)
    version = spec.version if spec else 1
    draft.put("nodes", new, Node(type=LOADER, version=version, params={PATH: text}))
    draft.put("layout", new, (x - _LEFT, y))
    draft.set_wire(node, "image", f"{new}.image")
    return draft.finish(label)


def new_mask(editor: GraphEditor, at: tuple[float, float]) -> Edit:
    """Add an InpaintMask, fed by the selected node's picture where it gives one."""
    document = editor.document
    draft = Draft(document)
    spec = document.specs[TYPE]
    new = new_id(document, TYPE)
    draft.put("nodes", new, Node(type=TYPE, version=spec.version))
    draft.put("layout", new, at)
    for name in editor.selected():
        origin = document.spec(name)
        output = next((o.name for o in origin.outputs if o.type == "Image"), "") if origin else ""
        if output:
            draft.set_wire(new, "image", f"{name}.{output}")
            break
    return draft.finish("Add Inpaint Mask", created=(new,))
