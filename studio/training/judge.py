"""An independent judge of pictures of the pocket's world: looks, and says what there is to see.

It knows names of colours and outlines of its own, and nothing of models, prompts or of how scenes
are drawn. First it finds the background, then patches that aren't background, and of each its
colour, filling and outline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

from studio.training.judge_ground import NAMES, TABLE, background, nearest
from studio.training.judge_outlines import outline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from studio.training.judge_ground import Floats, Labels, Mask

    Bytes = NDArray[np.uint8]

SIDE = 128
"""Pixels of a picture's longer side; others are scaled to it."""

LEAST = 60
"""Pixels of the smallest patch that counts as a thing."""

ALIKE = 0.83
"""Least overlap with the nearest outline; below a thing has no shape."""

SOFT = 4.2
"""Mean width in pixels of an edge, from which on a thing is a smear without a shape."""

EVEN = 0.7
"""Least share of the inside of a plain thing that is of its colour; below it has no shape."""

REACH = 6
"""Pixels that the thin ends of a thing are long."""

MIXED = 0.18
"""Standard deviation of the second ink's share, below which a thing is of one ink."""

SMALL, LARGE = 15.0, 22.0
"""Radii in pixels below and above which a thing is small or large."""

LIGHT = (NAMES.index("white"), NAMES.index("black"))
"""Colours of stripes and outlines; what has them is of another."""


@dataclass(frozen=True, slots=True)
class SeenThing:
    """A thing in a picture.

    Args:
        shape: its name, or None where it is like none.
        colour: name.
        style: "plain", "striped" or "outlined".
        x, y: its middle, in pixels of a picture whose longer side has 128.
        radius: from there to its farthest point.
        likeness: overlap with the nearest outline, 0..1.
    """

    shape: str | None
    colour: str
    style: str
    x: float
    y: float
    radius: float
    likeness: float

    @property
    def size(self) -> str:
        """small, medium or large."""
        return "small" if self.radius < SMALL else "large" if self.radius > LARGE else "medium"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a judge sees.

    Args:
        things: from left to right.
        ground: kind of background: "plain", "gradient", "checked" or "dotted".
        colours: of the background, one or two: sorted, or the ground's and then the dots'.
    """

    things: tuple[SeenThing, ...]
    ground: str
    colours: tuple[str, ...]


def judge(pixels: Bytes) -> Seen:
    """Look at a picture.

    Args:
        pixels: [h, w, 3]; scaled where its longer side isn't `SIDE`.

    Raises:
        ValueError: for an array of another shape, or without pixels.
    """
    if pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:
        raise ValueError(f"A picture to judge is [h, w, 3], not {list(pixels.shape)}")
    height, width = pixels.shape[:2]
    if max(height, width) != SIDE:
        scale = SIDE / max(height, width)
        size = max(round(width * scale), 1), max(round(height * scale), 1)
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    image = np.asarray(pixels, np.float32)
    labels = nearest(image)
    behind = background(image, labels)
    patches, _ = ndimage.label(behind.other, np.ones((3, 3)))
    found = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(patches), 1):
        # With room around it for thin ends, which are no part of the background's `other`.
        top, left = (max(each.start - REACH - 3, 0) for each in (rows, columns))
        here = slice(top, rows.stop + REACH + 3), slice(left, columns.stop + REACH + 3)
        core = patches[here] == number
        if core.sum() >= LEAST / 2:
            thing = _thing(image[here], labels[here], behind.colours[:, *here], core)
            if thing is not None:
                found.append(replace(thing, x=thing.x + left, y=thing.y + top))
    found.sort(key=lambda thing: (thing.x, thing.y))
    return Seen(tuple(found), behind.kind, behind.names)


def _thing(image: Floats, labels: Labels, grounds: Floats, core: Mask) -> SeenThing | None:
    """What a patch shows, in its window; None where it is too small to be a thing."""
    inner = ndimage.binary_erosion(core)
    inner = inner if inner.any() else core
    counts = np.bincount(labels[inner], minlength=len(NAMES))
    ink = int(counts.argmax())
    style = "plain"
    # Stripes and outlines are white or black, and what has them is neither.
    light = max(LIGHT, key=lambda each: counts[each])
    own = int(np.where(np.isin(np.arange(len(NAMES)), LIGHT), 0, counts).argmax())
    if min(counts[own], counts[light]) > 0.12 * counts.sum():
        share, second = _blend(image, grounds, [_tone(image, labels, inner, own), TABLE[light]])
        style = _style(second, _whole(core, share))
        ink = own if style != "plain" else ink
    if style == "plain":
        share, _ = _blend(image, grounds, [_tone(image, labels, inner, ink)])
    whole = _whole(core, share)
    if whole.sum() < LEAST:
        return None
    share = np.where(ndimage.binary_dilation(whole, iterations=2), share, 0)
    seen = outline(share)
    # Of several colours that are neither stripes nor an outline.
    mixed = style == "plain" and counts[ink] < EVEN * counts.sum()
    clear = not mixed and seen.likeness >= ALIKE and _softness(share, whole) <= SOFT
    shape = seen.shape if clear else None
    return SeenThing(shape, NAMES[ink], style, seen.x, seen.y, seen.radius, seen.likeness)


def _tone(image: Floats, labels: Labels, inner: Mask, ink: int) -> Floats:
    """The very colour of a patch."""
    return np.asarray(np.median(image[inner & (labels == ink)], axis=0))


def _blend(image: Floats, grounds: Floats, inks: list[Floats]) -> tuple[Floats, Floats]:
    """What each pixel is mixed of: the nearest point between any two of ground and inks.

    Args:
        image: [h, w, 3].
        grounds: [n, h, w, 3], colours of the ground.
        inks: of a thing, one or two.

    Returns:
        how much is ink, and how much of the ink is the second; [h, w] in 0..1.
    """
    # From, to; at both what is ink, and what of it is the second.
    ends = [(ground, ink, 0, 1, n, n) for ground in grounds for n, ink in enumerate(inks)]
    if len(inks) == 2:
        ends.append((inks[0], inks[1], 1, 1, 0, 1))
    best = np.full(image.shape[:2], np.inf, np.float32)
    share, second = np.zeros_like(best), np.zeros_like(best)
    for one, other, *of in ends:
        line = other - one
        along = ((image - one) * line).sum(-1) / np.maximum((line * line).sum(-1), 1)
        along = along.clip(0, 1)
        away = np.linalg.norm(image - one - along[..., None] * line, axis=-1)
        nearer = away < best
        best = np.where(nearer, away, best)
        share = np.where(nearer, of[0] + along * (of[1] - of[0]), share)
        second = np.where(nearer, of[2] + along * (of[3] - of[2]), second)
    return share, second


def _whole(core: Mask, share: Floats) -> Mask:
    """A patch with the thin ends that hang together with its core."""
    most = share > 0.5
    return np.asarray(ndimage.binary_dilation(core, iterations=REACH, mask=most) & most)


def _softness(share: Floats, whole: Mask) -> float:
    """How many pixels wide the edge of a patch is; smoothed as drawings are, less than 1."""
    edge = whole & ~ndimage.binary_erosion(whole)
    return float((4 * share * (1 - share)).sum() / edge.sum())


def _style(second: Floats, whole: Mask) -> str:
    """How the second ink lies: in level stripes or at the edge, where one of them explains most.

    Args:
        second: [h, w], its share of the ink.
        whole: [h, w], the thing.
    """
    rows = np.nonzero(whole)[0]
    depth = np.minimum(ndimage.distance_transform_edt(whole)[whole].astype(int), 9)
    values = second[whole]
    if values.std() < MIXED:
        return "plain"
    by_row, by_depth = _explained(values, rows), _explained(values, depth)
    if max(by_row, by_depth) < 0.5:
        return "plain"
    if by_row > by_depth:
        return "striped"
    # And not the other way round, a light thing with an edge of another colour.
    return "outlined" if values[depth < 2].mean() > values[depth >= 2].mean() else "plain"


def _explained(values: Floats, groups: Labels) -> float:
    """How much of values' variance lies between groups, 0..1."""
    count = np.maximum(np.bincount(groups), 1)
    means = np.bincount(groups, values) / count
    return 1 - float(((values - means[groups]) ** 2).mean() / values.var())
