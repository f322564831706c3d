"""What a tool tip says of the thing under the mouse."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from studio.editing.compat import type_of
from studio.words import seconds as duration

if TYPE_CHECKING:
    from studio.graph.checked import Source
    from studio.spec import NodeSpec
    from ui.editor.editor import GraphEditor
    from ui.editor.gestures.base import Target

WIDTH = 320
"""Pixels at which the words are broken into lines."""


def tip(editor: GraphEditor, target: Target) -> str:
    """Rich text for what lies there; "" for nothing."""
    lines: list[str] = []
    if target.node and target.hit is not None:
        spec = editor.document.spec(target.node)
        part, name = target.hit.part, target.hit.name
        if part == "port":
            lines = _port(editor, spec, target.node, target.hit.side, name)
        elif part == "widget":
            lines = _widget(spec, name)
        elif part == "footer":
            lines = _state(editor, target.node)
        elif part in ("title", "collapse"):
            lines = _node(editor, spec, target.node)
    elif target.wire is not None:
        lines = _wire(editor, *target.wire)
    words = "<br>".join(line for line in lines if line)
    return f'<div style="width: {WIDTH}px">{words}</div>' if words else ""


def _node(editor: GraphEditor, spec: NodeSpec | None, node: str) -> list[str]:
    type_name = editor.document.nodes[node].type
    head = f"<b>{escape(editor.document.title_of(node))}</b> &nbsp;{escape(node)}"
    if spec is None:
        return [head, f"No node type is called {escape(repr(type_name))}: it can't run."]
    return [head, escape(spec.help.summary), *_state(editor, node)]


def _port(
    editor: GraphEditor, spec: NodeSpec | None, node: str, side: str, port: str
) -> list[str]:
    document = editor.document
    shown = editor.scene.nodes[node].geometry.port(side, port)
    type_name = shown.type if shown else "any"
    lines = [f"<b>{_plain(port)}</b> &nbsp;{escape(type_name)}"]
    if spec is not None:
        lines.append(escape(spec.help.args.get(port, "") if side == "in" else spec.help.returns))
    if side == "in" and (wire := document.wires_into(node).get(port)) is not None:
        lines.append(f"from {_place(editor, wire.source)}")
    elif side == "in" and shown and not shown.optional and spec and port in spec.input_by_name:
        lines.append("must be connected")
    return lines


def _widget(spec: NodeSpec | None, name: str) -> list[str]:
    lines = [f"<b>{_plain(name)}</b>"]
    param = spec.param_by_name.get(name) if spec else None
    if spec is None or param is None:
        return [*lines, "This version doesn't know this parameter."]
    words = param.range_words()
    lines[0] += f" &nbsp;{escape(words)}"
    return [*lines, escape(spec.help.args.get(name, ""))]


def _state(editor: GraphEditor, node: str) -> list[str]:
    state = editor.states.get(node)
    # The footer's words often are the reason, or end with it.
    reason = "" if state.words.endswith(state.reason) else state.reason
    took = f"took {duration(state.seconds)}" if state.seconds is not None else ""
    if took and state.loading:
        took += f", of which {duration(state.loading)} loading"
    said = dict.fromkeys(filter(None, (state.words, reason, state.message, took)))
    return [escape(words).replace("\n", "<br>") for words in said]


def _wire(editor: GraphEditor, target: str, port: str) -> list[str]:
    document = editor.document
    wire = document.wires_into(target).get(port)
    if wire is None:
        return []
    known = wire.source.node in document.nodes
    carried = (type_of(document, wire.source) if known else None) or "any"
    end = f"{escape(document.title_of(target))} · {_plain(port)}"
    return [f"{_place(editor, wire.source)} → {end}", escape(carried)]


def _place(editor: GraphEditor, source: Source) -> str:
    if source.node not in editor.document.nodes:
        return escape(source.node)
    return f"{escape(editor.document.title_of(source.node))} · {_plain(source.output)}"


def _plain(name: str) -> str:
    return escape(name.replace("_", " "))
