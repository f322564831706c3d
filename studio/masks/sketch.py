"""A sketch in colour on a picture: the strokes of a mask, each with a colour.

    {"version": 1, "items": [{..., "c": "#ff8800"}, ...]}

Items are those of masks (`studio.masks.strokes`), brushes, outlines, buckets and fills; what erases
has no colour. They are laid over each other in order into a layer with transparency, and the layer
over the picture, which becomes the start of what is painted there.

A layer is uint8 [H, W, 4]: red, green, blue times alpha, and alpha. A stroke whose coverage is a
(0-255) leaves (old (255 - a) + new a) / 255 of each, rounded half up; `new` is all 0 where it
erases. So a stroke doesn't build up in itself, but lies over others as paint does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.masks.items import VERSION, Invert, Item, Raster, Strokes, StrokesFault
from studio.masks.strokes import Work, parse, parse_item
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Colour = tuple[int, int, int]

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Stroke:
    """One step of a sketch.

    Args:
        item: where it goes; neither an `Invert` nor a `Raster`.
        colour: red, green, blue, 0-255 each; None for one that erases.

    Raises:
        StrokesFault: a sketch has no such items, or no such colours.
    """

    item: Item
    colour: Colour | None = None

    def __post_init__(self) -> None:
        if isinstance(self.item, Invert | Raster):
            raise StrokesFault(f"a sketch has no {self.item.kind}")
        if self.item.erase and self.colour is not None:
            raise StrokesFault("what erases has no colour")
        if not self.item.erase and self.colour is None:
            raise StrokesFault("a stroke of a sketch needs a colour")

    def json(self) -> dict[str, Any]:
        """The canonical JSON."""
        if self.colour is None:
            return self.item.json()
        red, green, blue = self.colour
        return self.item.json() | {"c": f"#{red:02x}{green:02x}{blue:02x}"}


@dataclass(frozen=True)
class Sketch:
    """All steps of a sketch, in order."""

    items: tuple[Stroke, ...] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Stroke]:
        return iter(self.items)

    @property
    def needs_picture(self) -> bool:
        """Whether any step depends on the picture's colours."""
        return Strokes(tuple(stroke.item for stroke in self)).needs_picture


def parse_sketch(value: Any) -> Sketch:
    """A sketch from a graph's JSON; limits and clamps are those of masks.

    Raises:
        StrokesFault: it is something else: which item, what is wrong.
    """
    if not isinstance(value, dict) or not isinstance(items := value.get("items", []), list):
        parse(value)  # says what is wrong
        raise StrokesFault("the items of a sketch must be a list")
    parse({**value, "items": []})
    work = Work()
    found = []
    for number, item in enumerate(items, 1):
        try:
            found.append(parse_stroke(item))
            work.add(found[-1].item)
        except StrokesFault as fault:
            raise StrokesFault(f"item {number}: {fault}") from None
    return Sketch(tuple(found))


def parse_stroke(item: Any) -> Stroke:
    """One step from its JSON.

    Raises:
        StrokesFault: as `parse_sketch`.
    """
    if not isinstance(item, dict):
        raise StrokesFault("it must be an object")
    where = parse_item({key: value for key, value in item.items() if key != "c"})
    if (text := item.get("c")) is None:
        return Stroke(where)
    if not isinstance(text, str) or not _COLOUR.fullmatch(text.lower()):
        raise StrokesFault(f'its colour must be as "#ff8800", not {short(text)}')
    return Stroke(where, (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)))


def dump_sketch(sketch: Sketch) -> dict[str, Any]:
    """The canonical JSON: `parse_sketch` gives an equal sketch back."""
    return {"version": VERSION, "items": [stroke.json() for stroke in sketch]}


def draw(
    sketch: Sketch,
    width: int,
    height: int,
    picture: Plane | None = None,
    check: Callable[[], None] | None = None,
) -> Plane:
    """The layer of a sketch, uint8 [height, width, 4], colours times alpha.

    Args:
        sketch: what was painted.
        width, height: pixels, 1 to `MAX_SIDE`.
        picture: uint8 [H, W, 3] RGB of this size; buckets need it.
        check: called now and then; may raise to stop.

    Raises:
        StrokesFault: there is no picture for a bucket.
    """
    import numpy as np

    from studio.masks.sketch_canvas import SketchCanvas

    canvas = SketchCanvas(width, height, picture)
    for number, stroke in enumerate(sketch, 1):
        if check:
            check()
        try:
            canvas.lay(stroke, check)
        except StrokesFault as fault:
            raise StrokesFault(f"item {number}: {fault}") from None
    found = canvas.layer
    return np.zeros((height, width, 4), np.uint8) if found is None else found
