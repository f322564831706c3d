"""What models are tried with: prompts that no training has seen, and scenes to repaint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from studio.training import recipe as recipes
from studio.training.captions import caption
from studio.training.world import APART, COLOURS, SHAPES, SIZE, scene

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

    from studio.training.captions import Caption
    from studio.training.recipe import Recipe
    from studio.training.world import Mix, Scene, Thing

SEED = 1_000_003
"""Of scenes to try models with; no recipe has it."""

PATIENCE = 100
"""Scenes looked at for each prompt; where trainings have seen nearly all, fewer are found."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A scene to be painted, and what is said of it."""

    wanted: Scene
    caption: Caption


T = TypeVar("T", Wish, "Repair")


def content(of: Scene) -> Hashable:
    """All that words could say of a scene; two that only differ in their order are the same.

    The place counts where there is one thing, the relation where there are two.
    """
    things = [(each.shape, each.colour, each.size, each.style) for each in of.things]
    behind = of.background.kind, tuple(sorted(of.background.colours))
    if of.relation is None:
        return things[0], of.things[0].place, behind
    turned = {"right of": "left of", "below": "above"}.get(of.relation)
    return tuple(reversed(things) if turned else things), turned or of.relation, behind


def seen_by(recipe: Recipe) -> frozenset[Hashable]:
    """The content of all scenes that a model learnt captions of, by its recipe and its bases'."""
    learnt = recipe.denoiser or recipe.lora
    own: frozenset[Hashable] = frozenset()
    if learnt is not None:
        mix = recipe.world.mix
        own = frozenset(content(scene(recipe.seed, n, mix)) for n in range(learnt.scenes))
    if recipe.base is None:
        return own
    return own | seen_by(recipes.read(recipes.path_of(recipe.base)))


def wishes(
    count: int, mix: Mix, seen: frozenset[Hashable] = frozenset(), seed: int = SEED
) -> list[Wish]:
    """Prompts of which the content is new.

    Backgrounds come as often as the mix has them: plain ones, of which there are fewer, are more
    often known, and without this the new would be gradients for the most part.

    Args:
        count: of prompts; fewer where `PATIENCE` doesn't find as many.
        mix: which scenes come how often.
        seen: contents to leave out.
        seed: of the scenes; another than of any training.
    """

    def make(of: Scene, number: int) -> Wish:
        return Wish(of, caption(of, np.random.default_rng([seed, number, 1])))

    return _new(make, count, mix, seen, seed)


def _new(
    make: Callable[[Scene, int], T | None],
    count: int,
    mix: Mix,
    seen: frozenset[Hashable],
    seed: int,
) -> list[T]:
    lacking = Counter(scene(seed, number, mix).background.kind for number in range(count))
    found: list[T] = []
    for number in range(PATIENCE * count):
        if len(found) == count:
            break
        of = scene(seed, number, mix)
        if not lacking[of.background.kind]:
            continue
        one = make(of, number)
        if one is not None and content(one.wanted) not in seen:
            lacking[of.background.kind] -= 1
            found.append(one)
    return found


@dataclass(frozen=True, slots=True)
class Repair:
    """A scene with a thing to be replaced.

    Args:
        scene: as it is.
        wanted: with another shape of another colour in the thing's place.
        which: the thing's number in both.
        box: what is to be repainted: left, top, right, bottom in pixels. The thing lies within.
        caption: what is said of the wanted scene.
        seed: for a sampler.
    """

    scene: Scene
    wanted: Scene
    which: int
    box: tuple[int, int, int, int]
    caption: Caption
    seed: int

    @property
    def old(self) -> Thing:
        """What is there."""
        return self.scene.things[self.which]

    @property
    def new(self) -> Thing:
        """What is asked for."""
        return self.wanted.things[self.which]

    @property
    def hole(self) -> NDArray[np.bool_]:
        """[SIZE, SIZE], what is to be repainted."""
        left, top, right, bottom = self.box
        mask = np.zeros((SIZE, SIZE), bool)
        mask[top:bottom, left:right] = True
        return mask


def repairs(
    count: int, mix: Mix, seen: frozenset[Hashable] = frozenset(), seed: int = SEED
) -> list[Repair]:
    """Things to be replaced so that the content is new; the arguments are those of `wishes`."""

    def make(of: Scene, number: int) -> Repair | None:
        return _repair(of, seed, number)

    return _new(make, count, mix, seen, seed)


def _repair(of: Scene, seed: int, number: int) -> Repair | None:
    """One of a scene's things to be replaced; None where its neighbour would be, too."""
    rng = np.random.default_rng([seed, number, 2])
    which = int(rng.integers(len(of.things)))
    old = of.things[which]
    margin = old.radius + rng.uniform(4, 10)
    ends = (old.x - margin, old.y - margin, old.x + margin, old.y + margin)
    left, top, right, bottom = (int(np.clip(round(end), 0, SIZE)) for end in ends)
    for other in of.things:
        reach = other.radius + 1
        across = left < other.x + reach and other.x - reach < right
        down = top < other.y + reach and other.y - reach < bottom
        if other is not old and across and down:
            return None
    behind = np.linspace(of.background.rgbs[0], of.background.rgbs[-1], 9)
    colours = [
        name
        for name, rgb in COLOURS.items()
        if name != old.colour and np.linalg.norm(behind - rgb, axis=1).min() >= APART
    ]
    colour = str(rng.choice(colours))
    shape = str(rng.choice([each for each in SHAPES if each != old.shape]))
    things = list(of.things)
    things[which] = replace(old, shape=shape, colour=colour, rgb=COLOURS[colour])
    wanted = replace(of, things=tuple(things))
    return Repair(of, wanted, which, (left, top, right, bottom), caption(wanted, rng), number)
