"""What the outline says of a node: a line for every port and value. No widgets here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from studio.editing import compat
from ui.editor.inline.kinds import shown

if TYPE_CHECKING:
    from studio.editing.document import Document, Wire
    from studio.spec import Param

Role = Literal["input", "value", "output"]


@dataclass(frozen=True)
class Line:
    """A port or a value of a node.

    Args:
        role: which of them.
        name: of the port or the parameter.
        text: what stands beside the name: a value, or where a wire leads.
        spoken: the whole line for a screen reader.
        ends: ids of the nodes at the other ends of its wires.
        value: of a parameter.
        param: its declaration, where the node's type is known.
    """

    role: Role
    name: str
    text: str
    spoken: str
    ends: tuple[str, ...] = ()
    value: Any = None
    param: Param | None = None


def lines_of(document: Document, name: str) -> list[Line]:
    """Inputs, values and outputs of a node, in order of its declaration.

    Raises:
        KeyError: there is no such node.
    """
    ports = compat.ports(document, name)
    wires = document.wires_into(name)
    found = [_input(document, port, wires.get(port.name)) for port in ports.inputs]
    for widget in compat.widgets(document, name):
        text = shown(widget.spec, widget.value)
        rule = f", {widget.spec.range_words()}" if widget.spec else ""
        spoken = f"value {widget.name}: {text or 'not set'}{rule}"
        line = Line(
            "value", widget.name, text, spoken, value=widget.value, param=widget.spec
        )
        found.append(line)
    leaving: dict[str, list[Wire]] = {}
    for wire in document.wires_out_of(name):
        leaving.setdefault(wire.source.output, []).append(wire)
    found += [_output(document, port, leaving.get(port.name, [])) for port in ports.outputs]
    return found


def matches(document: Document, name: str, words: list[str]) -> bool:
    """Whether every word stands in a node's title, id, type or values.

    Args:
        document: where.
        name: the node's id.
        words: in small letters.
    """
    node = document.nodes[name]
    text = f"{document.title_of(name)}\n{name}\n{node.type}".casefold()
    values: str | None = None
    for word in words:
        if word in text:
            continue
        if values is None:
            values = "\n".join(f"{key} {value}" for key, value in node.params.items()).casefold()
        if word not in values:
            return False
    return True


def _input(document: Document, port: compat.PortView, wire: Wire | None) -> Line:
    kind = "" if port.type == "any" else f", {port.type}"
    if wire is None:
        words = "open" if port.optional else "not connected"
        return Line("input", port.name, words, f"input {port.name}{kind}: {words}")
    source = _end(document, wire.source.node, wire.source.output)
    return Line(
        "input", port.name, f"from {source}", f"input {port.name}{kind}: from {source}",
        (wire.source.node,),
    )  # fmt: skip


def _output(document: Document, port: compat.PortView, wires: list[Wire]) -> Line:
    kind = "" if port.type == "any" else f", {port.type}"
    name = port.name or "output"
    if not wires:
        return Line("output", name, "not connected", f"output {name}{kind}: not connected")
    targets = ", ".join(_end(document, wire.target, wire.port) for wire in wires)
    ends = tuple(dict.fromkeys(wire.target for wire in wires))
    return Line("output", name, f"to {targets}", f"output {name}{kind}: to {targets}", ends)


def _end(document: Document, node: str, port: str) -> str:
    title = document.title_of(node) if node in document.nodes else f"{node} (missing)"
    return f"{title} · {port}" if port else title
