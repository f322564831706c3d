"""Places, titles and labels as edits keep and say them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studio.editing.changes import EditRefused
from studio.editing.document import FAR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from studio.editing.document import Document

Point = tuple[float, float]
"""x and y on the canvas, in pixels."""

Rect = tuple[float, float, float, float]
"""Left, top, width and height on the canvas, in pixels."""

_LONGEST_TITLE = 1000



def point(at: Point) -> Point:
    """A place on the canvas as the document keeps it: finite, on whole pixels, within `FAR`.

    Raises:
        EditRefused: it isn't finite.
    """
    x, y = at
    if not (math.isfinite(x) and math.isfinite(y)):
        raise EditRefused("That isn't a place on the canvas.")
    return float(round(max(-FAR, min(FAR, x)))), float(round(max(-FAR, min(FAR, y))))


def rectangle(rect: Rect) -> Rect:
    """A frame's place as the document keeps it.

    Raises:
        EditRefused: it isn't finite, or has no size.
    """
    left, top, width, height = rect
    x, y = point((left, top))
    width, height = point((width, height))
    if width < 1 or height < 1:
        raise EditRefused("A frame needs a width and a height.")
    return x, y, width, height


def checked_title(title: str) -> str:
    """A title on one line, without spaces at its ends.

    Raises:
        EditRefused: it is longer than the format allows.
    """
    title = " ".join(title.split()).encode(errors="replace").decode()
    if len(title) > _LONGEST_TITLE:
        raise EditRefused(f"A title has {_LONGEST_TITLE} characters at most.")
    return title


def count(document: Document, names: Iterable[str], frames: Iterable[str] = ()) -> str:
    """What an edit is about, for its label: "Load Checkpoint", "3 nodes", "a frame"."""
    names, frames = list(names), list(frames)
    if len(names) == 1 and not frames and names[0] in document.nodes:
        return document.title_of(names[0])
    parts = []
    if names or not frames:
        parts.append(f"{len(names)} node{'' if len(names) == 1 else 's'}")
    if frames:
        parts.append("a frame" if len(frames) == 1 else f"{len(frames)} frames")
    return " and ".join(parts)


def words(param: str) -> str:
    """A parameter's name for people."""
    return param.replace("_", " ")
