"""Whether a picture shows what was asked for: what a judge saw against what a caption says."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from studio.training.world import PLACES, SIZE

if TYPE_CHECKING:
    from studio.training.captions import Caption
    from studio.training.judge import Seen, SeenThing
    from studio.training.world import Scene, Thing


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is right; None where the caption doesn't say it.

    Where the number of things is wrong, so is all that is said of them.
    """

    count: bool
    background: bool | None
    colour: bool
    shape: bool
    style: bool
    size: bool | None
    place: bool | None
    relation: bool | None

    @property
    def right(self) -> bool:
        """All that was asked for."""
        return all(getattr(self, field.name) is not False for field in fields(self))


def verdict(scene: Scene, asked: Caption, seen: Seen) -> Verdict:
    """Compare.

    Args:
        scene: that the caption describes.
        asked: what it says of it, and what not.
        seen: by the judge.
    """
    background = None
    if asked.background:
        wanted = scene.background.colours
        # Dots lie on the other colour; which way gradients run and checks begin isn't said.
        if scene.background.kind != "dotted":
            wanted = tuple(sorted(wanted))
        background = (seen.ground, seen.colours) == (scene.background.kind, wanted)
    two = scene.relation is not None
    if len(seen.things) != len(scene.things):
        nothing = False if any(asked.sizes) else None
        where, stands = (False if asked.place else None), (False if two else None)
        return Verdict(False, background, False, False, False, nothing, where, stands)
    things = _paired(scene.things, seen.things)
    sizes = [
        (wanted, thing)
        for wanted, thing, said in zip(scene.things, things, asked.sizes, strict=True)
        if said
    ]
    pairs = list(zip(scene.things, things, strict=True))
    return Verdict(
        True,
        background,
        all(wanted.colour == thing.colour for wanted, thing in pairs),
        all(wanted.shape == thing.shape for wanted, thing in pairs),
        all(wanted.style == thing.style for wanted, thing in pairs),
        all(wanted.size == thing.size for wanted, thing in sizes) if sizes else None,
        _place(things[0]) == scene.things[0].place if asked.place else None,
        _relation(*things) == scene.relation if two else None,
    )


def _paired(wanted: tuple[Thing, ...], seen: tuple[SeenThing, ...]) -> tuple[SeenThing, ...]:
    """What was seen in the order of what was wanted: shapes and colours first, then places."""

    def worth(order: tuple[SeenThing, ...]) -> tuple[int, float]:
        pairs = list(zip(wanted, order, strict=True))
        same = sum((a.shape == b.shape) + (a.colour == b.colour) for a, b in pairs)
        return same, -sum(float(np.hypot(a.x - b.x, a.y - b.y)) for a, b in pairs)

    return max(permutations(seen), key=worth)


def _place(thing: SeenThing) -> str:
    column, row = (int(np.clip(at * 3 / SIZE, 0, 2)) for at in (thing.x, thing.y))
    return PLACES[column, row]


def _relation(one: SeenThing, other: SeenThing) -> str:
    across, down = one.x - other.x, one.y - other.y
    if abs(across) > abs(down):
        return "left of" if across < 0 else "right of"
    return "above" if down < 0 else "below"
