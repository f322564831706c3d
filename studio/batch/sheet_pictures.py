"""Small copies of a batch's pictures, for its contact sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

LARGEST = 256
"""Pixels of a copy along its longer side."""

_EMBEDDED = ((200, 256), (800, 192), (2000, 128))
"""Up to so many pictures, pixels of those that stand in the page: some ten megabytes."""
_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture to stand in a page.

    Args:
        jpeg: the file.
        width: in pixels.
        height: in pixels.
    """

    jpeg: bytes
    width: int
    height: int


class SmallPictures:
    """Small copies; each picture is read and decoded once, whoever asks for it in which form.

    Args:
        folder: of the batch.
        count: of the pictures, as far as it is known; the more, the smaller are those embedded.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self._side = next((side for most, side in _EMBEDDED if count <= most), _EMBEDDED[-1][1])
        self._embedded: dict[str, Embedded | None] = {}

    def small(self, path: str) -> Image.Image | None:
        """At most `LARGEST` a side, RGB; None where the file can't be read."""
        from PIL import Image

        from studio.errors import StudioError
        from studio.pictures import read_rgb8

        try:
            picture = Image.fromarray(read_rgb8(self.folder / path))
        except StudioError:
            self._embedded[path] = None
            return None
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS, reducing_gap=3.0)
        if path not in self._embedded:
            self._embedded[path] = self._encoded(picture)
        return picture

    def embedded(self, path: str) -> Embedded | None:
        """For a page; None where the file can't be read."""
        if path not in self._embedded:
            self.small(path)
        return self._embedded[path]

    def _encoded(self, picture: Image.Image) -> Embedded:
        import numpy as np
        from PIL import Image

        from studio.pictures import encode_jpeg

        smaller = picture.copy()
        smaller.thumbnail((self._side, self._side), Image.Resampling.LANCZOS)
        jpeg = encode_jpeg(np.asarray(smaller), _QUALITY)
        return Embedded(jpeg, smaller.width, smaller.height)
