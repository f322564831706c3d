"""One theme: the colours of everything, by what they mean."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtGui import QColor

from ui.theme.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = Literal["circle", "square", "diamond", "triangle"]


@dataclass(frozen=True)
class Theme:
    """Colours, shared and read-only: copy a `QColor` before changing it.

    Args:
        name: "dark" or "light".
        is_dark: light text on dark ground.
        node_hover: border of the node under the cursor; `field_hover` that of a field.
        divider: the line above a node's footer, and between groups in panels.
        field_fill: the filled part of a slider.
        panel: ground of docks and dialogs; `bar` of the tool, tab and status bars.
        raised: buttons, menus and hovered rows; `pressed` while held.
        border: lines between parts of the window.
        control_border: outline of check boxes and switches, which are nothing but their outline.
        accent: for text, lines and marks; `accent_fill` is the ground that `accent_text` is
            readable on.
        selection_band: ground of the rubber band, see-through.
        highlight: ground of the selected row in a list.
        shadow: the darkest part of a baked shadow, see-through.
        overlay: what dims the window behind the tour and the like.
        stripes: over muted and bypassed nodes, see-through.
        guide: alignment guides; `cut`: the line that cuts wires.
        ports, marks, statuses: use `port`, `category`, `mark` and `status`.
    """

    name: str
    is_dark: bool
    canvas: QColor
    canvas_dot: QColor
    node: QColor
    node_border: QColor
    node_hover: QColor
    header: QColor
    divider: QColor
    field: QColor
    field_border: QColor
    field_hover: QColor
    field_fill: QColor
    panel: QColor
    bar: QColor
    raised: QColor
    pressed: QColor
    border: QColor
    control_border: QColor
    text: QColor
    secondary: QColor
    disabled: QColor
    icon: QColor
    accent: QColor
    accent_fill: QColor
    accent_hover: QColor
    accent_text: QColor
    selection: QColor
    selection_band: QColor
    highlight: QColor
    error: QColor
    warning: QColor
    ok: QColor
    info: QColor
    shadow: QColor
    frame: QColor
    frame_border: QColor
    minimap: QColor
    minimap_border: QColor
    minimap_view: QColor
    tooltip: QColor
    overlay: QColor
    stripes: QColor
    guide: QColor
    cut: QColor
    ports: Mapping[str, QColor] = dataclasses.field(repr=False)
    marks: Mapping[str, QColor] = dataclasses.field(repr=False)
    statuses: Mapping[str, QColor] = dataclasses.field(repr=False)
    _headers: dict[str, QColor] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def port(self, type_name: str) -> QColor:
        """Colour of ports and wires of a type; unknown types have that of "any"."""
        return self.ports.get(type_name) or self.ports["any"]

    def port_shape(self, type_name: str) -> Shape:
        """Shape of a type's ports, so that colour never stands alone."""
        return _shapes().get(type_name, "circle")

    def mark(self, category: str) -> QColor:
        """The strong colour of a category: icons, the minimap, the overview."""
        return self.marks.get(category) or (
            self.marks.get(category.partition("/")[0]) or self.marks["other"]
        )

    def category(self, category: str) -> QColor:
        """Ground of the headers of a category's nodes, opaque; title text is readable on it."""
        return self.tinted(self.mark(category))

    def tinted(self, colour: QColor | str) -> QColor:
        """A colour (of a category, or the user's own) as the ground of a header."""
        strong = QColor(colour)
        found = self._headers.get(strong.name())
        if found is None:
            share = 0.20 if self.is_dark else 0.11
            found = self._headers[strong.name()] = blend(self.node, strong, share)
        return found

    def status(self, status: str) -> QColor:
        """Colour of the footer's dot for a `NodeState.status`."""
        return self.statuses.get(status) or self.statuses["unknown"]


@cache
def theme(name: str) -> Theme:
    """The theme "dark" or "light", read once.

    Raises:
        KeyError: there is no such theme.
    """
    table: dict[str, Any] = tokens()[name]
    colours = {key: _colour(value) for key, value in table.items() if isinstance(value, str)}
    groups = {
        "ports": table["ports"],
        "marks": table["categories"],
        "statuses": table["statuses"],
    }
    made: dict[str, Any] = {
        **colours,
        **{key: {k: _colour(v) for k, v in group.items()} for key, group in groups.items()},
    }
    return Theme(name=name, is_dark=name == "dark", **made)


def icon_of(category: str) -> str:
    """Name of the icon of a category's nodes, for `ui.theme.icons`."""
    names: dict[str, str] = tokens()["icons"]
    return names.get(category) or names.get(category.partition("/")[0]) or names["other"]


def blend(ground: QColor, colour: QColor, share: float) -> QColor:
    """`colour` laid over an opaque `ground` with `share` of 0 to 1."""
    keep = 1.0 - share
    return QColor.fromRgbF(
        ground.redF() * keep + colour.redF() * share,
        ground.greenF() * keep + colour.greenF() * share,
        ground.blueF() * keep + colour.blueF() * share,
    )


def _colour(text: str) -> QColor:
    if len(text) == 9:  # Qt puts alpha first, everyone else puts it last
        text = "#" + text[7:] + text[1:7]
    return QColor(text)


@cache
def _shapes() -> dict[str, Shape]:
    return {name: shape for shape, names in tokens()["shapes"].items() for name in names}
