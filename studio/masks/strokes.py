"""The strokes of a mask: what a person painted, as vectors in a graph's JSON.

    {"version": 1, "items": [item, ...]}

Coordinates are whole numbers, `UNIT` to the picture's longer side, so that a mask doesn't depend on
resolution. `parse` reads and checks, `dump` writes the canonical form; docs/masks.md describes
every item. numpy is imported where it is used.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from studio.masks.items import (
    HIGH,
    LOW,
    MAX_DATA,
    MAX_ITEMS,
    MAX_NUMBER,
    MAX_PAINT,
    MAX_POINTS,
    MAX_RADIUS,
    MAX_TRAVEL,
    OPACITY,
    SIZE,
    TRAVEL,
    UNIT,
    VERSION,
    Box,
    Brush,
    Bucket,
    Ellipse,
    Fill,
    Invert,
    Item,
    Polygon,
    Raster,
    Rectangle,
    Strokes,
    StrokesFault,
    clamp_points,
    no_points,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "EMPTY",
    "HIGH",
    "LOW",
    "MAX_ITEMS",
    "MAX_POINTS",
    "MAX_RADIUS",
    "OPACITY",
    "SIZE",
    "UNIT",
    "VERSION",
    "Box",
    "Brush",
    "Bucket",
    "Ellipse",
    "Fill",
    "Invert",
    "Item",
    "Polygon",
    "Raster",
    "Rectangle",
    "Strokes",
    "StrokesFault",
    "Work",
    "clamp_points",
    "dump",
    "dumps",
    "parse",
    "parse_item",
]

EMPTY: dict[str, Any] = {"version": VERSION, "items": []}
"""The JSON of no strokes."""


class Work:
    """Adds up what strokes come to, and refuses what would take for ever to draw.

    Args:
        of: items that count already.
    """

    def __init__(self, of: Strokes | None = None) -> None:
        self._items, self._points, self._paint = 0, 0, 0.0
        for item in of or ():
            self.add(item)

    def add(self, item: Item, since: int | None = None) -> None:
        """Count an item, or the points of a brush from `since` on; refused ones don't count.

        Raises:
            StrokesFault: it is too much.
        """
        items = self._items + (since is None)
        points, paint = self._points, self._paint
        if isinstance(item, Brush):
            points += len(item.points) - (since or 0)
            paint += _paint(item, since or 0)
        else:
            points += len(item.points) if isinstance(item, Polygon) else 0
            paint += _swept(item)
        if items > MAX_ITEMS:
            raise StrokesFault(f"there are more than {MAX_ITEMS:,} items")
        if points > MAX_POINTS:
            raise StrokesFault(f"there are more than {MAX_POINTS:,} points")
        if paint > MAX_PAINT:
            raise StrokesFault(
                f"strokes go over the whole picture more than {MAX_PAINT:,} times; use fewer, "
                "or fill it"
            )
        self._items, self._points, self._paint = items, points, paint


def parse(value: Any) -> Strokes:
    """Strokes from a graph's JSON.

    Points farther out than `LOW` and `HIGH`, radii outside 1 to `MAX_RADIUS` and pressures outside
    0 to 255 are clamped.

    Raises:
        StrokesFault: it is something else: which item, what is wrong.
    """
    if not isinstance(value, dict):
        raise StrokesFault('strokes must be an object {"version": 1, "items": []}')
    if unknown := sorted(set(value) - {"version", "items"}, key=str):
        raise StrokesFault(f"strokes have no {str(unknown[0])[:40]!r}")
    version = value.get("version", VERSION)
    if type(version) is not int or version != VERSION:
        raise StrokesFault(
            f"strokes of version {_shown(version)} aren't known; this program reads version "
            f"{VERSION}"
        )
    items = value.get("items", [])
    if not isinstance(items, list):
        raise StrokesFault("the items of strokes must be a list")
    if len(items) > MAX_ITEMS:
        raise StrokesFault(f"{len(items):,} items are too many; the most is {MAX_ITEMS:,}")
    work = Work()
    found = []
    for number, item in enumerate(items, 1):
        try:
            found.append(parse_item(item))
            work.add(found[-1])
        except StrokesFault as fault:
            raise StrokesFault(f"item {number}: {fault}") from None
    return Strokes(tuple(found))


def parse_item(item: Any) -> Item:
    """One item from its JSON.

    Raises:
        StrokesFault: as `parse`.
    """
    if not isinstance(item, dict):
        raise StrokesFault("it must be an object")
    kind = item.get("t")
    if not isinstance(kind, str) or kind not in _READERS:
        raise StrokesFault(f"its kind must be one of {', '.join(_READERS)}, not {_shown(kind)}")
    read, known = _READERS[kind]
    if unknown := sorted(set(item) - known - {"t"}, key=str):
        raise StrokesFault(f"a {kind} has no {str(unknown[0])[:40]!r}")
    return read(item)


def dump(strokes: Strokes) -> dict[str, Any]:
    """The canonical JSON: `parse` gives equal strokes back."""
    return {"version": VERSION, "items": [item.json() for item in strokes]}


def dumps(strokes: Strokes) -> str:
    """The canonical JSON as compact text."""
    return json.dumps(dump(strokes), separators=(",", ":"))


# ------------------------------------------------------------------ reading the parts


def _brush(item: Mapping[str, Any]) -> Brush:
    use = _number(item, "k", 0, 3, default=0)
    points = _points(item, 3)
    if not len(points):
        raise StrokesFault("a brush needs a point at least")
    return Brush(
        **_common(item),
        radius=min(max(_whole(item, "r"), 1), MAX_RADIUS),
        hardness=_number(item, "h", 0, 100),
        points=points,
        pressure=use,
    )


def _polygon(item: Mapping[str, Any]) -> Polygon:
    points = _points(item, 2)
    if len(points) and _travel(points) > MAX_TRAVEL:
        raise StrokesFault(
            f"its outline goes up and down more than {MAX_TRAVEL:,} times; draw it simpler"
        )
    return Polygon(**_common(item), points=points)


def _rect(item: Mapping[str, Any]) -> Rectangle:
    return Rectangle(**_common(item), box=_box(item))


def _ellipse(item: Mapping[str, Any]) -> Ellipse:
    return Ellipse(**_common(item), box=_box(item))


def _bucket(item: Mapping[str, Any]) -> Bucket:
    return Bucket(
        **_common(item),
        x=_clamped(_whole(item, "x")),
        y=_clamped(_whole(item, "y")),
        tolerance=_number(item, "tol", 0, 255),
        everywhere=bool(_number(item, "all", 0, 1, default=0)),
    )


def _fill(item: Mapping[str, Any]) -> Fill:
    return Fill(**_common(item))


def _invert(item: Mapping[str, Any]) -> Invert:
    return Invert()


def _raster(item: Mapping[str, Any]) -> Raster:
    from blake3 import blake3

    data: bytes | None = None
    if (text := item.get("data")) is not None:
        if not isinstance(text, str) or len(text) > MAX_DATA * 4 // 3 + 4:
            raise StrokesFault(
                f"its data must be the text of a PNG in base64, {MAX_DATA // 2**20} MB at most"
            )
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise StrokesFault("its data is no base64") from None
    name = item.get("hash")
    if name is None and data is not None:
        name = blake3(data).hexdigest()
    if not isinstance(name, str) or len(name) != 64 or set(name) - set("0123456789abcdef"):
        raise StrokesFault("its hash must be 64 digits 0-9 and a-f, the BLAKE3 of its file")
    if data is not None and blake3(data).hexdigest() != name:
        raise StrokesFault("its data is damaged: it doesn't have the hash that it should")
    return Raster(**_common(item), hash=name, data=data)


_COMMON = {"e", "o"}
_READERS: dict[str, tuple[Callable[[Mapping[str, Any]], Item], set[str]]] = {
    "brush": (_brush, _COMMON | {"r", "h", "p", "k"}),
    "polygon": (_polygon, _COMMON | {"p"}),
    "rect": (_rect, _COMMON | {"b"}),
    "ellipse": (_ellipse, _COMMON | {"b"}),
    "bucket": (_bucket, _COMMON | {"x", "y", "tol", "all"}),
    "fill": (_fill, _COMMON),
    "invert": (_invert, set()),
    "raster": (_raster, _COMMON | {"hash", "data"}),
}


def _common(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "erase": bool(_number(item, "e", 0, 1, default=0)),
        "opacity": _number(item, "o", 1, 100, default=100),
    }


def _whole(item: Mapping[str, Any], key: str) -> int:
    if key not in item:
        raise StrokesFault(f"it lacks {key!r}")
    value = item[key]
    if type(value) is not int or abs(value) > MAX_NUMBER:
        raise StrokesFault(f"{key!r} must be a whole number, not {_shown(value)}")
    return value


def _number(
    item: Mapping[str, Any], key: str, low: int, high: int, default: int | None = None
) -> int:
    if key not in item and default is not None:
        return default
    value = _whole(item, key)
    if not low <= value <= high:
        raise StrokesFault(f"{key!r} is {value}; it must be {low} to {high}")
    return value


def _clamped(value: int) -> int:
    return min(max(value, LOW), HIGH)


def _whole_list(item: Mapping[str, Any], key: str) -> list[int]:
    if key not in item:
        raise StrokesFault(f"it lacks {key!r}")
    values = item[key]
    if not isinstance(values, list):
        raise StrokesFault(f"{key!r} must be a list of whole numbers")
    # A million and more of them: sets and numpy, no loop.
    if values and set(map(type, values)) != {int}:
        odd = next(value for value in values if type(value) is not int)
        raise StrokesFault(f"{key!r} must hold whole numbers, not {_shown(odd)}")
    if values and max(max(values), -min(values)) > MAX_NUMBER:
        raise StrokesFault(f"{key!r} has a number over {MAX_NUMBER:,}")
    return values


def _box(item: Mapping[str, Any]) -> tuple[int, int, int, int]:
    values = _whole_list(item, "b")
    if len(values) != 4:
        raise StrokesFault("'b' must hold 4 numbers: left, top, right, bottom")
    x0, y0, x1, y1 = map(_clamped, values)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _points(item: Mapping[str, Any], columns: int) -> NDArray[np.int32]:
    import numpy as np

    values = _whole_list(item, "p")
    if len(values) % columns:
        raise StrokesFault(f"'p' must hold {columns} numbers a point; it has {len(values)}")
    if len(values) > MAX_POINTS * columns:
        raise StrokesFault(f"it has more than {MAX_POINTS:,} points")
    if not values:
        return no_points(columns)
    return clamp_points(
        np.array(values, np.int64).reshape(-1, columns).cumsum(axis=0), columns
    )


def _paint(brush: Brush, since: int) -> float:
    """How often the boxes around a brush's steps cover the square of the longer side."""
    import numpy as np

    points = brush.points[max(since - 1, 0) :, :2].astype(np.float64) / UNIT
    low, high = np.minimum(points[1:], points[:-1]), np.maximum(points[1:], points[:-1])
    if not since:
        low, high = np.concatenate([points[:1], low]), np.concatenate([points[:1], high])
    radius = brush.radius / UNIT
    inside = np.clip(high + radius, 0, 1) - np.clip(low - radius, 0, 1)
    return float((inside[:, 0] * inside[:, 1]).sum())


def _swept(item: Item) -> float:
    """How often anything but a brush goes over that square, about, by the time that it takes."""
    import numpy as np

    if isinstance(item, Polygon):
        if not len(item.points):
            return 0.0
        low, high = item.points.min(0), item.points.max(0)
        sides = np.clip(high, 0, UNIT) - np.clip(low, 0, UNIT)
        return float(sides.prod(dtype=np.float64)) / UNIT**2 + _travel(item.points) / TRAVEL
    if isinstance(item, Box):
        left, top, right, bottom = (min(max(value, 0), UNIT) for value in item.box)
        return (right - left) * (bottom - top) / UNIT**2
    return float(isinstance(item, Bucket | Raster))


def _travel(points: NDArray[np.int32]) -> float:
    """How often an outline goes the picture's longer side up or down."""
    import numpy as np

    inside = np.clip(points[:, 1].astype(np.int64), 0, UNIT)
    return float(np.abs(np.diff(inside, append=inside[:1])).sum()) / UNIT


def _shown(value: Any) -> str:
    from studio.words import short

    return short(value)
