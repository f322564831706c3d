"""Opening picture files: is it one, of which format and size, is it safe to decode.

Every way in which a file can be at fault is an error class here. `studio.pictures` turns what is
opened into samples. pillow is imported where it is used.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from studio.errors import InputError, StudioError
from studio.png import PngFault, PngTextTooLong, read_header_and_text
from studio.words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import ImageFile

    from studio.png import PngHeader

MAX_PIXELS = 256 * 1024 * 1024
"""Most pixels a picture may claim in its header (16384 x 16384: 3 GiB as float32)."""

FORMATS = "PNG, JPEG, WebP, AVIF, TIFF, BMP or GIF"

# Looked at in place of pillow's Image.open, for three reasons: opening through a plugin applies
# this module's size limit and not the process-wide Image.MAX_IMAGE_PIXELS (179 megapixels, with
# warnings from 89 on); only the plugin needed is imported; and formats that run other programs
# (EPS) or match almost anything (TGA) are never tried.
_SIGNATURES = {
    "PNG": ("PngImagePlugin", rb"\x89PNG\r\n\x1a\n"),
    "JPEG": ("JpegImagePlugin", rb"\xff\xd8\xff"),
    "WEBP": ("WebPImagePlugin", rb"RIFF.{4}WEBP"),
    "AVIF": ("AvifImagePlugin", rb".{4}ftypavi[fs]"),
    "TIFF": ("TiffImagePlugin", rb"II[*+]\0|MM\0[*+]"),
    "BMP": ("BmpImagePlugin", rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    "GIF": ("GifImagePlugin", rb"GIF8[79]a"),
}


class PictureError(InputError):
    """A picture can't be read; the base of the errors below."""


class PictureMissing(PictureError):
    """There is no such file."""

    def __init__(self, path: Path) -> None:
        folder = path.parent
        try:
            names = [entry.name for entry in os.scandir(folder)]
        except OSError:
            hint = "" if folder.is_dir() else f"The folder {folder} doesn't exist either."
        else:
            hint = nearest(path.name, names).strip()
        super().__init__(f"There is no picture {path}.", hint=hint or "Check the path.")


class PictureIsFolder(PictureError):
    """The path names a folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is a folder.", hint="Name a picture in it.")


class NotAPicture(PictureError):
    """The file is something else, or a picture of a format that isn't read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} can't be read: {reason}.", hint=f"Use a {FORMATS}.")


class EmptyPicture(PictureError):
    """The file has no bytes, or the picture no pixels."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} is empty: {what}.", hint="Export or copy it again.")


class DamagedPicture(PictureError):
    """The file begins like a picture but is cut short or broken inside."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} is cut short or damaged: {reason}.", hint="Export or copy it again."
        )


class PictureTooLarge(PictureError):
    """The header claims more pixels than are decoded (it may be a decompression bomb)."""

    def __init__(self, path: Path, claim: str) -> None:
        super().__init__(
            f"{path} claims {claim}; the most is {MAX_PIXELS // 2**20} megapixels.",
            hint="Scale it down first.",
        )


class PictureTextTooLarge(PictureError):
    """The text chunks of a PNG hold more than is read (they may be a decompression bomb)."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} can't be read: {reason}.", hint="Save it without metadata.")


class UnreadablePicture(PictureError):
    """The system doesn't let us read the file."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} can't be opened: {error.strerror or error}.",
            hint="Check who may read it (its permissions) and that the drive is connected.",
        )


class UnsupportedPicture(PictureError):
    """A picture whose samples have no agreed meaning as RGB (32-bit integers, Lab)."""

    def __init__(self, path: Path, mode: str) -> None:
        super().__init__(
            f"{path} has samples of a kind that isn't read ({mode}).",
            hint="Convert it to 8 or 16 bits RGB.",
        )


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """A picture whose header has been read.

    Args:
        image: pillow's picture, not decoded yet.
        format: a key of `_SIGNATURES`.
        orientation: EXIF, 1-8, still to be applied.
        png: the header of a PNG, None for other formats.
        text: the text chunks of a PNG.
    """

    image: ImageFile.ImageFile
    format: str
    orientation: int
    png: PngHeader | None
    text: dict[str, str]


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """The file, once it is known to be a regular one with something in it.

    Raises:
        PictureError: it isn't.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise PictureIsFolder(path)
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
            raise NotAPicture(path, "it is a device or a pipe")
        if found.st_size == 0:
            raise EmptyPicture(path, "the file has 0 bytes")
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the path
        raise PictureMissing(path) from None
    except OSError as error:
        raise UnreadablePicture(path, error) from None
    with file:
        yield file


@contextmanager
def decoder_faults(path: Path) -> Iterator[None]:
    """Turns what pillow raises about a file into a `PictureError`."""
    from PIL.Image import DecompressionBombError

    try:
        yield
    except (StudioError, MemoryError):
        raise
    except DecompressionBombError as error:
        raise PictureTooLarge(path, "more pixels than pillow decodes") from error
    except Exception as error:
        # A broken file makes a decoder raise nearly anything (OSError, SyntaxError, ValueError,
        # struct.error, KeyError ...). Only an errno means that the system, not the file, failed.
        if isinstance(error, OSError) and error.errno is not None:
            raise UnreadablePicture(path, error) from error
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise DamagedPicture(path, reason) from error


def open_picture(path: Path, file: IO[bytes]) -> OpenedPicture:
    """Read the header of an open file; `image.load()` decodes the pixels.

    Raises:
        PictureError: not a picture, damaged, empty or too large, as far as the header tells.
    """
    name = sniff(file)
    if name is None:
        raise NotAPicture(path, _guess(file))
    _check_claim(path, name, file)
    png, text = png_parts(path, file) if name == "PNG" else (None, {})
    with decoder_faults(path):
        image = open_with_plugin(name, file)
    _check_size(path, *image.size)
    return OpenedPicture(image, name, _orientation(image, name), png, text)


def open_with_plugin(name: str, file: IO[bytes]) -> ImageFile.ImageFile:
    """Open `file` with pillow's plugin for the format `name`; raises whatever pillow raises."""
    from importlib import import_module

    from PIL import Image

    import_module(f"PIL.{_SIGNATURES[name][0]}")
    file.seek(0)
    return Image.OPEN[name][0](file, "")


def sniff(file: IO[bytes]) -> str | None:
    """The format that the first bytes of `file` show, or None."""
    file.seek(0)
    start = file.read(32)
    for name, (_, pattern) in _SIGNATURES.items():
        if re.match(pattern, start, re.DOTALL):
            return name
    return None


def png_parts(path: Path, file: IO[bytes]) -> tuple[PngHeader, dict[str, str]]:
    """Header and text of a PNG.

    Raises:
        DamagedPicture, PictureTextTooLarge: see `studio.png`.
    """
    try:
        return read_header_and_text(file)
    except PngTextTooLong as error:
        raise PictureTextTooLarge(path, str(error)) from None
    except PngFault as error:
        raise DamagedPicture(path, str(error)) from None


def _check_claim(path: Path, name: str, file: IO[bytes]) -> None:
    """Check the size where it stands at a fixed place, before a plugin allocates anything.

    It also tells an empty picture from a damaged one, which pillow doesn't.
    """
    place = {"PNG": (16, ">II"), "GIF": (6, "<HH"), "BMP": (18, "<ii")}.get(name)
    if place is None:
        return
    offset, layout = place
    file.seek(offset)
    data = file.read(struct.calcsize(layout))
    if len(data) == struct.calcsize(layout):  # else the plugin finds it cut short
        width, height = struct.unpack(layout, data)
        _check_size(path, abs(width), abs(height))  # a BMP's height is negative if top comes first


def _check_size(path: Path, width: int, height: int) -> None:
    if width == 0 or height == 0:
        raise EmptyPicture(path, f"it is {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise PictureTooLarge(
            path, f"{width} x {height} pixels ({width * height / 2**20:,.0f} megapixels)"
        )


def _orientation(image: ImageFile.ImageFile, name: str) -> int:
    """The EXIF orientation that pillow leaves to us, 1 where there is none.

    Asked of the header, before decoding, so that a probe and a read agree.
    """
    from PIL import Image
    from PIL.ExifTags import Base

    if name == "TIFF":  # pillow turns these itself, and gives the upright size beforehand
        return 1
    try:
        # Not image.getexif(): that of a PNG decodes the pixels to look behind them.
        found = Image.Image.getexif(image).get(Base.Orientation, 1)
    except (SyntaxError, ValueError, KeyError, TypeError, IndexError, OSError, struct.error):
        return 1  # broken EXIF says nothing about the pixels; viewers show such a picture too
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _guess(file: IO[bytes]) -> str:
    """What a file that isn't a readable picture looks like."""
    file.seek(0)
    start = file.read(512)
    if re.match(rb".{4}ftyp(hei|hev|mif1|msf1)", start, re.DOTALL):
        return "it looks like a HEIC picture, which isn't supported"
    # A character may be cut at the end of what was read.
    text = start.decode("utf-8", errors="ignore")
    if len(text.encode()) > len(start) - 4 and (text.isprintable() or text.split()):
        controls = any(ord(c) < 32 and c not in "\t\n\r\f" for c in text)
        if not controls:
            return "it looks like a text file"
    return "its format isn't known"
