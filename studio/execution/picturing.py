"""Pictures of what nodes made, for an editor to paint on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from studio.errors import InputError
from studio.pictures import to_uint8
from studio.png import encode_png

if TYPE_CHECKING:
    from studio.values import Image


class PictureNotWritten(InputError):
    """A picture can't be handed to the editor."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"The picture can't be written to {path}: {error.strerror or error}.",
            hint="Is there room on the disk, and may you write to that folder?",
        )


def write_picture(image: Image, path: Path) -> None:
    """The first picture of a batch as a PNG file, with the bytes that the engine's nodes see.

    Args:
        image: one picture at least.
        path: of the file; it is whole, or as it was.

    Raises:
        PictureNotWritten: the disk doesn't take it.
    """
    pixels = to_uint8(image.pixels[0].permute(1, 2, 0).contiguous().numpy())
    # Read once, by a program on this machine: quick counts, small doesn't.
    data = encode_png(pixels, {}, level=1)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            temporary = file.name
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise PictureNotWritten(path, error) from None
