"""Imported masks: pictures that a mask is made of, kept beside the graph by their contents.

`masks/<BLAKE3>.png` in the graph's folder is an 8-bit grey PNG, white = repaint. Its name is the
hash of its bytes, so a file can't change unnoticed, and one that is there already is never written
again. The same bytes may stand in the graph itself, embedded.
"""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from studio.errors import InputError
from studio.masks.items import MAX_DATA, Raster, Strokes, StrokesFault
from studio.masks.names import CHANNELS
from studio.masks.shape import luminance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

FOLDER = "masks"


class ImportedMaskMissing(InputError):
    """An imported mask isn't beside the graph."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The imported mask {path} is missing.",
            hint="Put the folder masks beside the graph again, or import the mask anew.",
        )


class ImportedMaskUnreadable(InputError):
    """An imported mask is beside the graph and can't be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The imported mask {path} can't be read: {reason}.",
            hint="May you read that file and its folder? Else import the mask anew.",
        )


class ImportedMaskChanged(InputError):
    """The file of an imported mask isn't what was imported."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The imported mask {path} has changed since it was imported.",
            hint="Put the file back, or import the mask anew.",
        )


class ImportedMaskNotWritten(InputError):
    """An imported mask can't be kept beside the graph."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The imported mask can't be written to {path}: {reason}.",
            hint="Embed it in the graph, or save the graph in another folder.",
        )


def mask_path(base: Path, name: str) -> Path:
    """Where the imported mask with the hash `name` lies, for a graph in the folder `base`."""
    return base / FOLDER / f"{name}.png"


def channel_of(path: str | Path, channel: str) -> NDArray[np.float32]:
    """One channel of a picture file as a mask, float32 [H, W] in 0..1.

    Args:
        path: of a picture of any kind that is read.
        channel: of `CHANNELS`. "alpha" is 1 where the picture is transparent, all 0 where it has
            no alpha, as LoadImage has it; "luminance" weighs the colours as Rec. 709 does.

    Raises:
        PictureError: it can't be read.
    """
    from studio.pictures import read_picture

    if channel not in CHANNELS:
        raise ValueError(f"channel must be one of {CHANNELS}, not {channel!r}")
    picture = read_picture(path)
    if channel == "alpha":
        if picture.alpha is None:
            return np.zeros((picture.height, picture.width), np.float32)
        return 1 - picture.alpha
    if channel == "luminance":
        clipped: NDArray[np.float32] = luminance(*np.moveaxis(picture.rgb, -1, 0)).clip(0, 1)
        return clipped
    return np.ascontiguousarray(picture.rgb[..., ("red", "green", "blue").index(channel)])


def encode(mask: Plane) -> bytes:
    """The PNG of a mask, uint8 [H, W]."""
    from studio.png import encode_png

    if mask.ndim != 2 or not mask.size:
        raise ValueError(f"a mask must be [H, W], not {list(mask.shape)}")
    return encode_png(mask, {})


def inspect(data: bytes) -> None:
    """See whether bytes can be an imported mask's PNG, by its parts; its pixels aren't read.

    Raises:
        StrokesFault: it isn't an 8-bit grey PNG, or parts of it are missing.
    """
    from studio.picturefiles import MAX_PIXELS
    from studio.png import PngFault, read_header_and_text

    file = io.BytesIO(data)
    try:
        header, _ = read_header_and_text(file)
    except PngFault as fault:
        raise StrokesFault(f"the imported mask is no PNG that can be read: {fault}") from None
    if (header.depth, header.colour) != (8, 0):
        raise StrokesFault("the imported mask is no grey PNG of 8 bits; import it anew")
    if header.width * header.height > MAX_PIXELS:
        raise StrokesFault(f"the imported mask has more than {MAX_PIXELS // 2**20} megapixels")


def decode(data: bytes) -> Plane:
    """The mask in the bytes of an imported mask's PNG, uint8 [H, W].

    Raises:
        StrokesFault: it isn't an 8-bit grey PNG, or it is damaged.
    """
    from studio.picturefiles import open_with_plugin

    inspect(data)
    try:
        image = open_with_plugin("PNG", io.BytesIO(data))
        image.load()
    except Exception as error:  # a broken file makes a decoder raise nearly anything
        raise StrokesFault(f"the imported mask is damaged: {error}") from None
    return np.asarray(image)


def keep(mask: Plane, base: Path) -> Raster:
    """Keep a mask beside the graphs in the folder `base`; the item that shows it.

    Raises:
        ImportedMaskNotWritten: the folder can't be written to.
    """
    from blake3 import blake3

    data = encode(mask)
    name = blake3(data).hexdigest()
    _write(data, mask_path(base, name))
    return Raster(hash=name)


def load(strokes: Strokes, base: Path) -> dict[str, Plane]:
    """The imported masks that strokes need from beside the graph, by hash.

    Raises:
        ImportedMaskMissing, ImportedMaskChanged: one isn't there, or isn't the one.
        StrokesFault: one can't be read.
    """
    return {name: decode(_read(base, name)) for name in strokes.hashes}


def embed(strokes: Strokes, base: Path) -> Strokes:
    """The same strokes with every imported mask in themselves, so that the graph needs no files.

    Raises:
        ImportedMaskMissing, ImportedMaskChanged: as `load`.
        StrokesFault: one is too large to embed.
    """
    files = {name: _read(base, name) for name in strokes.hashes}
    for name, data in files.items():
        if len(data) > MAX_DATA:
            raise StrokesFault(
                f"the imported mask {name[:12]} has {len(data):,} bytes; {MAX_DATA:,} can be "
                "embedded"
            )
    return _mapped(
        strokes, lambda item: replace(item, data=files[item.hash]) if item.data is None else item
    )


def extract(strokes: Strokes, base: Path) -> Strokes:
    """The same strokes with every embedded mask in a file beside the graph.

    Raises:
        ImportedMaskNotWritten: the folder can't be written to.
    """
    for item in strokes:
        if isinstance(item, Raster) and item.data is not None:
            _write(item.data, mask_path(base, item.hash))
    return _mapped(strokes, lambda item: replace(item, data=None))


def moved(strokes: Strokes, old: Path, new: Path) -> None:
    """Copy the imported masks of a graph that is saved in another folder.

    Raises:
        ImportedMaskMissing, ImportedMaskChanged, ImportedMaskNotWritten: as the above.
    """
    for name in strokes.hashes:
        _write(_read(old, name), mask_path(new, name))


def fitted(mask: Plane, width: int, height: int) -> Plane:
    """A mask scaled to a picture's size, uint8 [height, width]; it averages as it shrinks."""
    from PIL import Image

    if mask.shape == (height, width):
        return mask
    scaled = Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(scaled)


def fingerprint(names: Iterable[str]) -> str | None:
    """One hash of imported masks, by their own; None of none."""
    from blake3 import blake3

    text = "".join(f"{name}\n" for name in sorted(set(names)))
    return blake3(text.encode()).hexdigest() if text else None


def _mapped(strokes: Strokes, change: Callable[[Raster], Raster]) -> Strokes:
    return Strokes(tuple(change(i) if isinstance(i, Raster) else i for i in strokes))


def _read(base: Path, name: str) -> bytes:
    from blake3 import blake3

    path = mask_path(base, name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImportedMaskMissing(path) from None
    except OSError as error:
        raise ImportedMaskUnreadable(path, error.strerror or str(error)) from None
    if blake3(data).hexdigest() != name:
        raise ImportedMaskChanged(path)
    return data


def _write(data: bytes, path: Path) -> None:
    """Write a file whole or not at all; one with these bytes is left alone."""
    temporary = None
    try:
        if path.exists() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".mask-", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
        mask = os.umask(0o022)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except OSError as error:
        if temporary:
            temporary.unlink(missing_ok=True)
        raise ImportedMaskNotWritten(path, error.strerror or str(error)) from None
