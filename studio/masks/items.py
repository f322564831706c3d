"""What a mask is painted with: one class a kind of item, and the limits they keep.

See `studio.masks.strokes`, which reads and writes them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

UNIT = 65536
"""Units along the picture's longer side."""
LOW, HIGH = -4 * UNIT, 5 * UNIT
"""What lies farther out than this is clamped to it."""
MAX_RADIUS = 8 * UNIT
VERSION = 1
MAX_ITEMS = 100_000
MAX_POINTS = 1_000_000
"""Points of all items together."""
MAX_TRAVEL = 1000
"""How often an outline may go the picture's longer side up or down, in all."""
TRAVEL = 50
"""So often up or down takes the time, or less, of going over the whole picture."""
MAX_PAINT = 4000
"""How often, in all, strokes may go over the whole picture (a square of its longer side)."""
MAX_NUMBER = 2**31
"""No number in a stroke is as large as this; so sums of a million of them stay exact."""
MAX_DATA = 64 * 1024 * 1024
"""Most bytes of an embedded picture."""
SIZE, OPACITY = 1, 2
"""Bits of a brush's use of pressure."""


class StrokesFault(InputError, ValueError):
    """Strokes that can't be read, in words for a person."""


@dataclass(frozen=True, eq=False)
class Item:
    """One step of a mask.

    Two items are equal where their JSON is.

    Args:
        erase: takes away in place of adding.
        opacity: 1-100.
    """

    kind: ClassVar[str]
    erase: bool = False
    opacity: int = 100

    def json(self) -> dict[str, Any]:
        """The canonical JSON."""
        found: dict[str, Any] = {"t": self.kind}
        if self.erase:
            found["e"] = 1
        found["o"] = self.opacity
        return found

    @property
    def adding(self) -> Self:
        """The same one, adding where it erases."""
        return replace(self, erase=False) if self.erase else self

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return False
        return all(
            _equal(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.erase, self.opacity))


@dataclass(frozen=True, eq=False)
class Brush(Item):
    """A brush drawn along points.

    Args:
        radius: units, 1 to `MAX_RADIUS`.
        hardness: percent of the radius that is solid.
        points: int32 [n, 3]: x, y and pressure 0-255; n >= 1.
        pressure: what pressure changes: `SIZE`, `OPACITY`, both together, or 0.
    """

    kind = "brush"
    radius: int = UNIT // 64
    hardness: int = 80
    points: NDArray[np.int32] = field(default_factory=lambda: no_points(3))
    pressure: int = 0

    def longer(self, points: Sequence[Sequence[int]] | NDArray[Any]) -> Brush:
        """The brush drawn on through more points [[x, y, pressure], …]; itself where none came.

        Raises:
            StrokesFault: as `clamp_points`.
        """
        import numpy as np

        more = clamp_points(points, 3)
        if not len(more):
            return self
        joined = np.concatenate([self.points, more])
        joined.flags.writeable = False
        return replace(self, points=joined)

    def json(self) -> dict[str, Any]:
        found = super().json() | {"r": self.radius, "h": self.hardness}
        if self.pressure:
            found["k"] = self.pressure
        return found | {"p": _deltas(self.points)}


@dataclass(frozen=True, eq=False)
class Polygon(Item):
    """An outline, lassoed or clicked, and all it encloses.

    Args:
        points: int32 [n, 2]: corners, the last joined to the first. Fewer than 3 enclose nothing.
    """

    kind = "polygon"
    points: NDArray[np.int32] = field(default_factory=lambda: no_points(2))

    def json(self) -> dict[str, Any]:
        return super().json() | {"p": _deltas(self.points)}


@dataclass(frozen=True, eq=False)
class Box(Item):
    """A rectangle, or what lies in one.

    Args:
        box: units: left, top, right, bottom, in this order.
    """

    box: tuple[int, int, int, int] = (0, 0, 0, 0)

    def json(self) -> dict[str, Any]:
        return super().json() | {"b": list(self.box)}


@dataclass(frozen=True, eq=False)
class Rectangle(Box):
    """A rectangle."""

    kind = "rect"


@dataclass(frozen=True, eq=False)
class Ellipse(Box):
    """The ellipse in a rectangle."""

    kind = "ellipse"


@dataclass(frozen=True, eq=False)
class Bucket(Item):
    """The pixels whose colour is like the one at a point.

    Args:
        x, y: of the point, units.
        tolerance: by how much a channel may differ, 0-255.
        everywhere: not only pixels that hang together with the point's.
    """

    kind = "bucket"
    x: int = 0
    y: int = 0
    tolerance: int = 32
    everywhere: bool = False

    def json(self) -> dict[str, Any]:
        found = super().json() | {"x": self.x, "y": self.y, "tol": self.tolerance}
        if self.everywhere:
            found["all"] = 1
        return found


@dataclass(frozen=True, eq=False)
class Fill(Item):
    """Every pixel."""

    kind = "fill"


@dataclass(frozen=True, eq=False)
class Invert(Item):
    """What was out is in."""

    kind = "invert"

    def json(self) -> dict[str, Any]:
        return {"t": self.kind}


@dataclass(frozen=True, eq=False)
class Raster(Item):
    """An imported mask, stretched over the picture.

    Args:
        hash: BLAKE3 of its PNG file, hexadecimal.
        data: the file's bytes where it is embedded; None where it lies beside the graph.
    """

    kind = "raster"
    hash: str = ""
    data: bytes | None = None

    def json(self) -> dict[str, Any]:
        found = super().json() | {"hash": self.hash}
        if self.data is not None:
            found["data"] = base64.b64encode(self.data).decode()
        return found


@dataclass(frozen=True)
class Strokes:
    """All steps of a mask, in the order in which they were made."""

    items: tuple[Item, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    @property
    def needs_picture(self) -> bool:
        """Whether any item depends on the picture's colours."""
        return any(isinstance(item, Bucket) for item in self.items)

    @property
    def hashes(self) -> tuple[str, ...]:
        """The imported masks that lie beside the graph, each once."""
        found = (i.hash for i in self.items if isinstance(i, Raster) and i.data is None)
        return tuple(dict.fromkeys(found))


def clamp_points(points: Sequence[Sequence[int]] | NDArray[Any], columns: int) -> NDArray[np.int32]:
    """Points as items hold them: int32 [n, columns], within the limits.

    Raises:
        StrokesFault: not whole numbers (NaN among them), or not `columns` of them a point.
    """
    import numpy as np

    try:
        array = np.asarray(points)
    except (ValueError, OverflowError):
        raise StrokesFault(f"points must be rows of {columns} whole numbers") from None
    if array.size == 0:
        return no_points(columns)
    if array.ndim != 2 or array.shape[1] != columns or array.dtype.kind not in "iu":
        raise StrokesFault(f"points must be rows of {columns} whole numbers")
    wide = np.clip(array, -(2**53), 2**53).astype(np.int64)
    wide[:, :2] = np.clip(wide[:, :2], LOW, HIGH)
    wide[:, 2:] = np.clip(wide[:, 2:], 0, 255)
    found: NDArray[np.int32] = wide.astype(np.int32)
    found.flags.writeable = False
    return found


def _deltas(points: NDArray[np.int32]) -> list[int]:
    import numpy as np

    found: list[int] = np.diff(points, axis=0, prepend=np.zeros_like(points[:1])).ravel().tolist()
    return found


def no_points(columns: int) -> NDArray[np.int32]:
    import numpy as np

    found = np.empty((0, columns), np.int32)
    found.flags.writeable = False
    return found


def _equal(one: Any, other: Any) -> bool:
    if hasattr(one, "dtype"):
        import numpy as np

        return np.array_equal(one, other)
    return bool(one == other)
