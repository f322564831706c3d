"""Where everything of a node is: header, ports, fields, picture, footer; and what lies at a point.

Pure arithmetic on what the document says. Coordinates are the node's own, in pixels at 100 %,
with (0, 0) at its top left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QPointF, QRectF, QSizeF

from studio.editing.compat import ports, widgets
from ui.editor.inline.kinds import kind_of
from ui.editor.textlines import text_lines
from ui.theme import current
from ui.theme.metrics import FOOTER, HEADER, NODE_WIDTH, PAD, PORT_HIT, ROW

if TYPE_CHECKING:
    from collections.abc import Callable

    from studio.editing.compat import NodePorts, PortView, WidgetView
    from studio.editing.document import Document
    from studio.spec import NodeSpec
    from ui.theme.theme import Shape

Side = Literal["in", "out"]
Part = Literal[
    "title", "collapse", "port", "widget", "preview", "footer", "resize", "body",
]  # fmt: skip
Form = Literal["node", "note", "reroute"]

GAP = 4.0
"""Between two fields, and above and below the rows of ports."""
FIELD = 24.0
"""Height of a field of one line."""
LINE = 16.0
"""Of a line of text in a text field."""
TEXT_PAD = 8.0
"""Between the edge of a text field and its text, left and right; 6 above and below."""
TEXT_LINES = (2, 8)
"""The fewest and most lines that a text field shows."""
NOTE_LINES = (3, 40)
RIM = PORT_HIT / 2
"""A port is hit this far from its middle, outside the node too."""
GRIP = 5.0
"""Width of the edge that resizes a node."""
DOT = 20.0
"""Width and height of a reroute with its ports."""
BUTTON = 24.0
"""Width of the dice, the arrow or the folder at the end of a field."""
TALLEST = 1.5
"""A picture's height is at most this times its width."""


@dataclass(frozen=True, slots=True)
class PortSpot:
    """A port.

    Args:
        name: of the socket, widget or output.
        type: what it takes or gives.
        side: "in" on the left edge, "out" on the right.
        pos: its middle.
        shape: by its type.
        wired: at least one wire is here.
        optional: may be left open.
        is_param: a widget shown as a socket.
        stray: the node's type has no such port; only a wire says that it is there.
        shown: its shape and name are painted; False on a collapsed node.
    """

    name: str
    type: str
    side: Side
    pos: QPointF
    shape: Shape
    wired: bool
    optional: bool
    is_param: bool
    stray: bool = False
    shown: bool = True


@dataclass(frozen=True, slots=True)
class WidgetSpot:
    """A field.

    Args:
        name: of the parameter.
        rect: the whole field.
        kind: see `ui.editor.inline.kinds`.
        labelled: a text field that says which parameter it shows, since there are several.
    """

    name: str
    rect: QRectF
    kind: str
    labelled: bool = False

    def sub_at(self, x: float) -> str:
        """What of the field is at `x`: "value", "dice", "arrow" or "browse"."""
        from_end = self.rect.right() - x
        if self.kind == "seed":
            return "dice" if from_end < BUTTON else "arrow" if from_end < 2 * BUTTON else "value"
        if from_end < BUTTON:
            return {"choice": "arrow", "model": "arrow", "picture": "browse", "file": "browse"}.get(
                self.kind, "value"
            )
        return "value"


@dataclass(frozen=True)
class NodeGeometry:
    """Sizes and places of a node.

    Args:
        width, height: of the node, without shadow and without the half of its ports that sticks
            out.
        header: title bar; empty for a reroute and a note's is the strip one drags it by.
        ports: in order, inputs first.
        widgets: in order; none on a collapsed node.
        preview: where the picture is, or will be; None for nodes without.
        footer: state of the node; None for notes, reroutes and collapsed nodes.
        collapsed: only the header is there.
        form: "node", or "note" and "reroute", which look otherwise.
    """

    width: float
    height: float
    header: QRectF
    ports: tuple[PortSpot, ...]
    widgets: tuple[WidgetSpot, ...]
    preview: QRectF | None
    footer: QRectF | None
    collapsed: bool
    form: Form = "node"

    @property
    def rect(self) -> QRectF:
        return QRectF(0, 0, self.width, self.height)

    def port(self, side: str, name: str) -> PortSpot | None:
        """A port by name; None where the node doesn't show it."""
        return self._port_of.get((side, name))

    @cached_property
    def _port_of(self) -> dict[tuple[str, str], PortSpot]:
        return {(spot.side, spot.name): spot for spot in self.ports}

    def widget(self, name: str) -> WidgetSpot | None:
        """A field by name; None where the node doesn't show it."""
        return next((w for w in self.widgets if w.name == name), None)

    def shows(self, side: str, name: str) -> bool:
        """Whether a port is painted."""
        spot = self.port(side, name)
        return spot is not None and spot.shown

    def anchor(self, side: str, name: str) -> QPointF:
        """Where a wire ends: the port, or the middle of the header's end where there is none."""
        if (spot := self.port(side, name)) is not None:
            return spot.pos
        y = self.header.height() / 2 if self.form == "node" else self.height / 2
        return QPointF(0.0 if side == "in" else self.width, y)


@dataclass(frozen=True, slots=True)
class Hit:
    """What of a node lies at a point.

    Args:
        part: "body" where nothing else is.
        name: of the port or widget.
        side: "in" or "out", for a port.
        rect: of the part.
        sub: of a widget: "value", "dice", "arrow" or "browse".
    """

    part: Part
    name: str = ""
    side: str = ""
    rect: QRectF | None = None
    sub: str = ""


def measure(document: Document, name: str, picture: QSizeF | None = None) -> NodeGeometry:
    """Lay out a node. Nodes that show the same share one geometry.

    Args:
        document: has the node.
        name: its id.
        picture: size of the picture it shows now; None where it has none yet.

    Raises:
        KeyError: there is no such node.
    """
    spec, view = document.spec(name), document.view_of(name)
    form: Form = "node"
    if spec is not None and spec.passthrough:
        form = "reroute"
    elif spec is not None and not spec.inputs and not spec.outputs and not spec.effects:
        form = "note"
    width = float(view.width or NODE_WIDTH)
    room = _picture_share(spec, picture)
    fields: tuple[_FieldKey, ...] = ()
    if not view.collapsed:
        fields = _field_keys(widgets(document, name), width, form)
    return _lay_out(form, width, view.collapsed, ports(document, name), fields, room)


_FieldKey = tuple[str, str, int]
"""Name, kind, and lines of text."""


def _picture_share(spec: NodeSpec | None, picture: QSizeF | None) -> float | None:
    """Height of the picture's room for a width of 1; None where the node has none.

    Room is kept for the picture of nodes that end in one, so that nothing jumps.
    """
    if picture is not None and picture.width() > 0:
        return min(TALLEST, max(0.1, picture.height() / picture.width()))
    if spec is None:
        return None
    saves = spec.effects and any(port.type == "Image" for port in spec.inputs)
    reads = any(param.marker.widget == "picture" for param in spec.params)
    return 1.0 if saves or reads else None


def _field_keys(
    fields: tuple[WidgetView, ...], width: float, form: Form
) -> tuple[_FieldKey, ...]:
    keys = []
    inner = width - 2 * PAD - (0 if form == "note" else 2 * TEXT_PAD)
    limit = NOTE_LINES[1] if form == "note" else TEXT_LINES[1]
    for field in fields:
        kind = kind_of(field.spec, field.value)
        lines = len(text_lines(str(field.value or ""), inner, limit)) if kind == "text" else 0
        keys.append((field.name, kind, lines))
    return tuple(keys)


@lru_cache(maxsize=4096)
def _lay_out(
    form: Form,
    width: float,
    collapsed: bool,
    shown: NodePorts,
    fields: tuple[_FieldKey, ...],
    room: float | None,
) -> NodeGeometry:
    if form == "reroute":
        return _reroute(shown)
    header = QRectF(0, 0, width, HEADER)
    if collapsed:
        middle = HEADER / 2
        spots = _spots(shown, width, lambda _: middle, shown_ports=False)
        return NodeGeometry(width, HEADER, header, spots, (), None, None, True, form)
    if form == "note":
        laid, y = _note_fields(width, fields)
        return NodeGeometry(width, y + GAP, header, (), laid, None, None, False, form)
    top = HEADER + GAP + ROW / 2
    spots = _spots(shown, width, lambda row: top + ROW * row)
    rows = max(len(shown.inputs), len(shown.outputs))
    laid, y = _fields(width, HEADER + GAP + ROW * rows + GAP, fields)
    preview = None
    if room is not None:
        side = width - 2 * PAD
        preview = QRectF(PAD, y + GAP, side, round(side * room))
        y = preview.bottom() + GAP
    footer = QRectF(0, y + GAP, width, FOOTER)
    return NodeGeometry(width, footer.bottom(), header, spots, laid, preview, footer, False)


def _reroute(shown: NodePorts) -> NodeGeometry:
    middle = DOT / 2
    spots = [_spot(view, "in", QPointF(4, middle), shown=False) for view in shown.inputs]
    spots += [_spot(view, "out", QPointF(DOT - 4, middle), shown=False) for view in shown.outputs]
    return NodeGeometry(DOT, DOT, QRectF(), tuple(spots), (), None, None, False, "reroute")


def _spots(
    shown: NodePorts, width: float, at: Callable[[int], float], *, shown_ports: bool = True
) -> tuple[PortSpot, ...]:
    return tuple(
        _spot(view, side, QPointF(x, at(row)), shown=shown_ports)
        for side, x, views in (("in", 0.0, shown.inputs), ("out", width, shown.outputs))
        for row, view in enumerate(views)
    )


def _spot(view: PortView, side: str, pos: QPointF, *, shown: bool = True) -> PortSpot:
    return PortSpot(
        view.name, view.type, "in" if side == "in" else "out", pos,
        current().port_shape(view.type), view.wired, view.optional, view.is_param, view.stray,
        shown,
    )  # fmt: skip


def _note_fields(
    width: float, fields: tuple[_FieldKey, ...]
) -> tuple[tuple[WidgetSpot, ...], float]:
    laid, y = [], float(HEADER)
    for name, kind, lines in fields:
        rect = QRectF(0, y, width, max(NOTE_LINES[0], lines) * LINE + 2 * GAP)
        laid.append(WidgetSpot(name, rect, kind))
        y = rect.bottom()
    return tuple(laid), y


def _fields(
    width: float, y: float, fields: tuple[_FieldKey, ...]
) -> tuple[tuple[WidgetSpot, ...], float]:
    """The fields from `y` on, and where the last one ends."""
    several = [kind for _, kind, _ in fields].count("text") > 1
    laid = []
    for name, kind, lines in fields:
        height = FIELD
        if kind == "text":
            height = max(TEXT_LINES[0], lines) * LINE + 12 + (LINE if several else 0)
        rect = QRectF(PAD, y, width - 2 * PAD, height)
        laid.append(WidgetSpot(name, rect, kind, kind == "text" and several))
        y = rect.bottom() + GAP
    return tuple(laid), y


def hit(geometry: NodeGeometry, pos: QPointF) -> Hit | None:
    """What of a node lies at a point of its own coordinates; None outside.

    Ports are hit `RIM` around their middle, also outside the node's edge.
    """
    near = _nearest_port(geometry, pos)
    if near is not None:
        rect = QRectF(near.pos.x() - RIM, near.pos.y() - RIM, 2 * RIM, 2 * RIM)
        return Hit("port", near.name, near.side, rect)
    if not geometry.rect.contains(pos):
        return None
    if geometry.form == "reroute":
        return Hit("body", rect=geometry.rect)
    if pos.x() > geometry.width - GRIP:
        edge = QRectF(geometry.width - GRIP, 0, GRIP, geometry.height)
        return Hit("resize", rect=edge)
    if geometry.header.contains(pos):
        arrow = QRectF(0, 0, HEADER + 2, HEADER)
        if arrow.contains(pos):
            return Hit("collapse", rect=arrow)
        return Hit("title", rect=geometry.header)
    for widget in geometry.widgets:
        if widget.rect.contains(pos):
            return Hit("widget", widget.name, rect=widget.rect, sub=widget.sub_at(pos.x()))
    if geometry.preview is not None and geometry.preview.contains(pos):
        return Hit("preview", rect=geometry.preview)
    if geometry.footer is not None and geometry.footer.contains(pos):
        return Hit("footer", rect=geometry.footer)
    return Hit("body", rect=geometry.rect)


def _nearest_port(geometry: NodeGeometry, pos: QPointF) -> PortSpot | None:
    best, best_distance = None, RIM * RIM * 2 + 1
    # The body of a reroute is what one drags it by: its ports reach outwards only.
    inner = 0.0 if geometry.form == "reroute" else RIM
    for spot in geometry.ports:
        dx, dy = pos.x() - spot.pos.x(), pos.y() - spot.pos.y()
        outwards = -dx if spot.side == "in" else dx
        if not -inner <= outwards <= RIM or abs(dy) > RIM:
            continue
        distance = dx * dx + dy * dy
        if distance < best_distance:
            best, best_distance = spot, distance
    return best
