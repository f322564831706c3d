"""Which widget a parameter gets, and the text that stands for its value. Pure: no widgets here."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from studio.spec import Param

Kind = Literal[
    "number", "slider", "bool", "choice", "text", "line", "seed", "model",
    "colour", "file", "picture", "json", "name", "strokes", "sketch",
]  # fmt: skip

_BY_MARKER: dict[str, Kind] = {
    "seed": "seed", "choice": "choice", "text": "text", "prompt": "text", "model": "model",
    "picture": "picture", "file": "file", "name": "name", "colour": "colour",
    "strokes": "strokes", "sketch": "sketch",
}  # fmt: skip
_BY_TYPE: dict[str, Kind] = {
    "int": "number", "float": "number", "bool": "bool", "str": "line", "json": "json",
}  # fmt: skip

PAINTED: dict[str, str] = {"strokes": "Paint mask", "sketch": "Paint sketch"}
"""Kinds whose field opens the canvas of `ui.paint`, and what stands on it."""

WIDE_FLOAT = 100
"""A float with limits farther apart than this is a number, not a slider."""
WIDE_INT = 1000
_CURVED = 10
"""Sliders of a longer range are filled by the square root: what people use lies near its start."""
_PIXELS = frozenset({
    "width", "height", "target_width", "target_height", "crop_x", "crop_y", "tile_size",
})  # fmt: skip


def kind_of(param: Param | None, value: Any = None) -> Kind:
    """The widget for a parameter; for one of an unknown node type, the widget for its value."""
    if param is None:
        return "line" if isinstance(value, str) else "json"
    if (kind := _BY_MARKER.get(param.marker.widget)) is not None:
        return kind
    if (plain := _BY_TYPE[param.kind]) != "number":
        return plain
    return "slider" if _short_range(param) else "number"


def limits(param: Param) -> tuple[float | None, float | None]:
    """The smallest and largest value, open ends (`gt`, `lt`) included; None where there is none."""
    low = param.limits.get("ge", param.limits.get("gt"))
    return low, param.limits.get("le", param.limits.get("lt"))


def fraction(param: Param, value: Any) -> float | None:
    """How much of a slider is filled, 0 to 1; None where the parameter has no two ends."""
    low, high = limits(param)
    if low is None or high is None or high <= low or not _is_number(value):
        return None
    # Held within the limits first: a file may have a whole number that no float can hold.
    part = (min(high, max(low, value)) - low) / (high - low)
    return math.sqrt(part) if high - low > _CURVED else part


def unit(param: Param) -> str:
    """ "px" for what is counted in pixels, else nothing."""
    return "px" if param.kind == "int" and param.name in _PIXELS else ""


def shown(param: Param | None, value: Any) -> str:
    """A value as it stands on the canvas: "7.0", "512 px", "on", "none"."""
    if param is not None and param.marker.widget in PAINTED:
        return painted_words(value)
    if value is None:
        # Without a default, no value means that one must be given.
        return "none" if param is None or param.nullable else ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    if param is not None and _is_number(value):
        text = number_text(param, value)
        return f"{text} {mark}" if (mark := unit(param)) else text
    return json.dumps(value, ensure_ascii=False)


def painted_words(value: Any) -> str:
    """How much is painted: "12 strokes", "empty"."""
    items = value.get("items", []) if isinstance(value, dict) else None
    if not isinstance(items, list):
        return "can't be read"
    if not items:
        return "empty"
    return f"{len(items):,} stroke{'s' * (len(items) != 1)}"


def number_text(param: Param, value: Any) -> str:
    """A number as one would type it: a float shows at least the places that a scrub changes.

    A file may have something else in its place, which is given as JSON, a text as it is.
    """
    if not _is_number(value):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(value)
    text = f"{value:.12g}"
    if "e" in text or not math.isfinite(value):
        return text
    low, high = limits(param)
    places = 2 if low is not None and high is not None and high - low <= 1 else 1
    have = len(text.partition(".")[2])
    return text if have >= places else f"{value:.{places}f}"


def _short_range(param: Param) -> bool:
    low, high = limits(param)
    if low is None or high is None or "multiple_of" in param.limits:
        return False
    return high - low <= (WIDE_INT if param.kind == "int" else WIDE_FLOAT)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
