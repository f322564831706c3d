"""What the judge takes for the background of a picture, and names of colours.

A background is one colour or a straight gradient (a plane through most pixels), or two colours in
checks or dots (many patches all over the picture, each with the other colour around it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Mask = NDArray[np.bool_]
    Labels = NDArray[np.intp]

NAMES = (
    "red", "green", "blue", "yellow", "purple", "orange", "cyan", "white", "black", "pink",
)  # fmt: skip
TABLE = np.array(
    [(220, 38, 38), (46, 160, 67), (48, 84, 214), (246, 224, 52), (130, 50, 170),
     (245, 134, 24), (64, 206, 222), (244, 244, 244), (26, 24, 26), (246, 142, 190)], np.float32,
)  # fmt: skip

OTHER = 42.0
"""From the background's colour on, what differs by so much isn't background (8 bits, Euclidean)."""

SLOPE = 45.0
"""Between the ends of a background, from which on it is a gradient."""

RIM = 8
"""Pixels at the picture's edges that are background for the most part."""

PATCHES = 5
"""Checks or dots with nothing in front of them, from which on it is a texture."""

DOTTED = 0.37
"""Share of the second colour, below which it lies in dots and not in checks."""


@dataclass(frozen=True)
class Behind:
    """A background.

    Args:
        kind: "plain", "gradient", "checked" or "dotted".
        names: of its colours: sorted, or first that of the ground and then that of the dots.
        other: [h, w], what isn't it, without its thin ends.
        colours: [n, h, w, 3], those it could have at each pixel.
    """

    kind: str
    names: tuple[str, ...]
    other: Mask
    colours: Floats


def nearest(image: Floats) -> Labels:
    """The nearest colour in `TABLE` of each pixel, [...]."""
    return np.asarray(((TABLE**2).sum(-1) - 2 * (image @ TABLE.T)).argmin(-1))


def background(image: Floats, labels: Labels) -> Behind:
    """The background of a picture.

    Args:
        image: [h, w, 3], 0..255.
        labels: [h, w], its `nearest` colours.
    """
    return _textured(image, labels) or _smooth(image)


def _smooth(image: Floats) -> Behind:
    """The plane through most pixels of each channel: a plain colour, or a gradient."""
    height, width = image.shape[:2]
    y, x = (np.mgrid[:height, :width] / max(height, width) - 0.5).astype(np.float32)
    flat = np.stack([np.ones_like(x), x, y], -1)
    fitted = flat @ _plane(flat[::2, ::2], image[::2, ::2])
    corners = fitted[[0, 0, -1, -1], [0, -1, 0, -1]]
    steps = np.linalg.norm(corners[:, None] - corners, axis=-1)
    away = np.linalg.norm(image - fitted, axis=-1)
    other = ndimage.binary_opening(_closed(away > OTHER))
    if steps.max() < SLOPE:
        return Behind("plain", _names(fitted.mean((0, 1), keepdims=True)[0]), other, fitted[None])
    ends = corners[list(np.unravel_index(steps.argmax(), steps.shape))]
    return Behind("gradient", _names(ends), other, fitted[None])


def _plane(flat: Floats, image: Floats) -> Floats:
    """The plane near most pixels, [3, channels]: weighted least squares, from the rim inwards."""
    rim = _rim(image.shape[:2], RIM // 2).ravel()
    places, values = flat.reshape(-1, 3), image.reshape(-1, 3)
    weight = rim.astype(np.float32)
    found = np.zeros((3, 3), np.float32)
    # Where more lies near the plane of the rim than the rim itself, that decides.
    for turn in range(14):
        weighted = places * weight[:, None]
        found = np.linalg.lstsq(weighted.T @ places, weighted.T @ values, rcond=None)[0]
        away = np.linalg.norm(values - places @ found, axis=-1)
        weight = 1 / np.maximum(away, 2)
        if turn < 6:
            weight = weight * rim
        elif (near := away < 35).mean() > 0.2:
            weight = weight * near
    return np.asarray(found)


def _rim(shape: tuple[int, ...], width: int) -> Mask:
    rim = np.ones(shape, bool)
    rim[width:-width, width:-width] = False
    return rim


def _closed(mask: Mask) -> Mask:
    """Without gaps of a pixel or two, as between inks that mix to what lies behind."""
    return np.asarray(ndimage.binary_closing(np.pad(mask, 1))[1:-1, 1:-1])


def _names(colours: Floats) -> tuple[str, ...]:
    return tuple(sorted({NAMES[each] for each in nearest(colours)}))


def _textured(image: Floats, labels: Labels) -> Behind | None:
    """Two colours in many patches all over the picture; None where it isn't so."""
    rim = _rim(labels.shape, RIM)
    at_rim = np.bincount(labels[rim], minlength=len(NAMES)) / rim.sum()
    often = np.flatnonzero(np.bincount(labels.ravel()) > 0.04 * labels.size)
    pieces = {int(each): _pieces(labels == each) for each in often}
    if len(pieces) < 2:
        return None
    # Checks and dots come in many pieces; a thing, or half of a gradient, doesn't.
    second = max(pieces, key=lambda each: pieces[each][1])
    first = max(pieces, key=lambda each: (each != second, at_rim[each]))
    if pieces[second][1] < PATCHES or at_rim[first] + at_rim[second] < 0.6:
        return None
    if not _spread(labels, (first, second), pieces):
        return None
    dotted = (labels == second).sum() < DOTTED * np.isin(labels, (first, second)).sum()
    colours = np.stack([np.median(image[labels == each], axis=0) for each in (first, second)])
    names = NAMES[first], NAMES[second]
    # Where the two mix at edges is a line that the opening takes, whatever colour it is like.
    other = _closed((labels != first) & (labels != second))
    return Behind(
        "dotted" if dotted else "checked",
        names if dotted else tuple(sorted(names)),
        ndimage.binary_opening(other, iterations=2),
        np.broadcast_to(colours[:, None, None], (2, *image.shape)),
    )


def _pieces(mask: Mask) -> tuple[Labels, int]:
    """Its patches of some size, numbered, and how many."""
    patches, _ = ndimage.label(ndimage.binary_erosion(mask))
    large = np.bincount(patches.ravel()) >= 12
    large[0] = False
    numbers = np.cumsum(large) * large
    return numbers[patches], int(large.sum())


def _spread(labels: Labels, pair: tuple[int, int], pieces: dict[int, tuple[Labels, int]]) -> bool:
    """Whether patches with nothing but the other of two colours around lie about the picture.

    Stripes of a thing don't: beside them are its others.
    """
    middles = [
        middle
        for each, around in (pair, pair[::-1])
        for middle in _free(labels == around, *pieces[each])
    ]
    half = np.array(labels.shape) / 2
    return len(middles) >= PATCHES and len({tuple(each > half) for each in middles}) >= 2


def _free(around: Mask, patches: Labels, count: int) -> Floats:
    """Middles of the patches, [n, 2], that have only `around` beside them."""
    away, (rows, columns) = ndimage.distance_transform_edt(patches == 0, return_indices=True)
    # Just beyond the smoothed edge; the erosion took a pixel.
    beside = (away > 3) & (away < 6)
    owner = patches[rows, columns][beside]
    total = np.bincount(owner, minlength=count + 1)
    same = np.bincount(owner, around[beside], minlength=count + 1)
    free = np.flatnonzero(same[1:] > 0.9 * total[1:]) + 1
    return np.array(ndimage.center_of_mass(patches > 0, patches, free), np.float32).reshape(-1, 2)
