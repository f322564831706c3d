"""Pictures that go in and out of the canvas as files: masks saved and loaded, pictures pasted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.editing.session import write_whole
from studio.masks import shape
from studio.masks.imported import channel_of, encode, fitted, keep
from studio.masks.items import MAX_DATA, Raster, StrokesFault
from studio.masks.strokes import dump
from studio.pictures import read_picture
from studio.png import encode_png

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from PySide6.QtGui import QImage

    from studio.masks.items import Strokes
    from ui.paint.painting import Painting

    Plane = NDArray[np.uint8]

SUFFIX = ".png"
NAMED = 12
"""Digits of a pasted picture's hash that name its file."""


class Snapshot:
    """What is painted now, to be written by a thread while one paints on.

    Args:
        painting: with a picture.
    """

    def __init__(self, painting: Painting) -> None:
        painting.finish()
        self._mask = painting.mask.mask.copy()
        self._shape = painting.grow, painting.feather, painting.invert
        self._picture = painting.picture
        layer = painting.sketch.layer
        self._sketch = None if layer is None else layer.copy()

    def mask(self) -> Plane:
        """The node's mask, uint8 [H, W]: inverted, grown and feathered as the node says."""
        grow, feather, invert = self._shape
        if not grow and not feather:
            return 255 - self._mask if invert else self._mask
        found = self._mask.astype(np.float32) / np.float32(255)
        if invert:
            found = shape.invert(found)
        found = shape.feather(shape.grow(found, grow), feather)
        rounded: Plane = (found * 255 + 0.5).astype(np.uint8)
        return rounded

    def picture(self) -> Plane:
        """The picture with the sketch on it, uint8 [H, W, 3]."""
        assert self._picture is not None
        if self._sketch is None:
            return self._picture
        share = 255 - self._sketch[..., 3:].astype(np.uint16)
        laid = self._sketch[..., :3] + (self._picture * share + 127) // 255
        found: Plane = np.minimum(laid, 255).astype(np.uint8)
        return found


def save_mask(snapshot: Snapshot, path: Path) -> None:
    """Write the mask as a grey PNG, white = repaint.

    Raises:
        OSError: it can't be written; what was there is untouched.
    """
    write_whole(path, encode(snapshot.mask()))


def save_with_alpha(snapshot: Snapshot, path: Path) -> None:
    """Write the picture as a PNG that is transparent where it is masked, as LoadImage reads it.

    Raises:
        OSError: it can't be written; what was there is untouched.
    """
    alpha = 255 - snapshot.mask()
    write_whole(path, encode_png(np.dstack([snapshot.picture(), alpha]), {}))


def mask_of_file(path: Path) -> Plane:
    """A picture file as a mask, uint8 [H, W]: its transparency where it has some, else how bright
    it is.

    Raises:
        PictureError: it can't be read.
    """
    picture = read_picture(path)
    if picture.alpha is not None and bool((picture.alpha < 1).any()):
        plane = 1 - picture.alpha
    else:
        plane = channel_of(path, "luminance")
    found: Plane = (plane.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return found


def mask_of_image(image: QImage) -> Plane:
    """The same of a picture that has no file."""
    pixels = samples(image)
    if bool((pixels[..., 3] < 255).any()):
        found: Plane = 255 - pixels[..., 3]
        return found
    red, green, blue = np.moveaxis(pixels[..., :3].astype(np.float32) / np.float32(255), -1, 0)
    bright: Plane = (shape.luminance(red, green, blue).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return bright


def samples(image: QImage) -> Plane:
    """A picture's samples, uint8 [H, W, 4] RGBA, in memory of their own."""
    from PySide6.QtGui import QImage as Image

    plain = image.convertToFormat(Image.Format.Format_RGBA8888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), -1)
    found: Plane = rows[:, : plain.width() * 4].reshape(plain.height(), plain.width(), 4).copy()
    return found


def raster_item(mask: Plane, size: tuple[int, int], base: Path | None) -> dict[str, Any]:
    """The item that shows a mask, at the picture's size at most.

    Args:
        mask: uint8 [h, w].
        size: width and height of the picture, pixels; a larger mask is scaled to it.
        base: folder of the graph, where it is kept; None embeds it in the graph.

    Raises:
        ImportedMaskNotWritten: the folder can't be written to.
        StrokesFault: it is too large to embed.
    """
    if mask.shape[0] > size[1] or mask.shape[1] > size[0]:
        mask = fitted(mask, *size)
    if base is not None:
        return keep(mask, base).json()
    from blake3 import blake3

    data = encode(mask)
    if len(data) > MAX_DATA:
        raise StrokesFault("the mask is too large to embed; save the graph first")
    return Raster(hash=blake3(data).hexdigest(), data=data).json()


def keep_picture(image: QImage, folder: Path) -> Path:
    """Write a picture from the clipboard into a folder, named by its contents; where it is.

    Raises:
        OSError: it can't be written.
    """
    from blake3 import blake3

    pixels = samples(image)
    if bool((pixels[..., 3] == 255).all()):
        pixels = np.ascontiguousarray(pixels[..., :3])
    data = encode_png(pixels, {})
    path = folder / f"pasted_{blake3(data).hexdigest()[:NAMED]}{SUFFIX}"
    if not path.exists():
        os.makedirs(folder, exist_ok=True)
        write_whole(path, data)
    return path


def changed_items(old: Mapping[str, Any], strokes: Strokes) -> list[dict[str, Any]]:
    """The JSON of strokes, with the dicts of `old` for those that are as they were."""
    before = old.get("items", [])
    new: list[dict[str, Any]] = dump(strokes)["items"]
    return [a if a == b else b for a, b in zip(before, new, strict=True)]
