"""The parts of PNG that a picture library leaves to us: its text, and writing it.

Works on open files and bytes and knows no paths; `studio.pictures` adds those and words the
errors for a person. Importing it loads neither numpy nor pillow.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"

METADATA_KEY = "latent_studio"
"""Text chunk of a PNG that holds `Context.provenance` as JSON, the graph under "graph"."""

COMPRESS_OVER = 4 * 1024
"""Text longer than this (encoded bytes) is deflated."""

MAX_INFLATED = 1024 * 1024
"""Most bytes a compressed text chunk may inflate to. It is pillow's own limit: a picture with
more in one chunk could not be opened by any program built on pillow, so none is written."""

MAX_TEXT = 48 * 1024 * 1024
"""Most bytes of text in one picture, all chunks together (pillow stops at 64 MiB)."""

# Measured on one core of an AMD EPYC (Zen 3), pillow 13.0 with zlib-ng 2.3, 1024 x 1024 RGB,
# milliseconds and KiB at level 1 | 4 | 6:
#   photo with grain   109 ms 2031 | 196 ms 1843 |  196 ms 1843
#   smooth photo        78 ms 1273 | 156 ms 1109 |  505 ms 1100
#   flat, one circle    14 ms   20 |  24 ms    7 |   24 ms    7
# Level 4 saves 9-13 % of the disk for under 0.1 s a megapixel, and it overlaps with the next
# node's computing; level 6 costs up to three times as much for 1 %.
COMPRESS_LEVEL = 4


class PngFault(Exception):
    """The bytes are not a PNG, or a damaged one; the message says how (no path in it)."""


class PngTextTooLong(PngFault):
    """A text chunk is longer than a reader should accept."""


class MetadataTooLong(InputError):
    """The text to be written into a picture is more than any reader accepts."""

    def __init__(self, size: int, limit: int = MAX_TEXT) -> None:
        super().__init__(
            f"The text to write into the picture has {size:,} bytes; the most is {limit:,}.",
            hint="Make the graph smaller, or save without metadata.",
        )


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What stands in IHDR.

    Args:
        width: pixels.
        height: pixels.
        depth: bits a sample (1, 2, 4, 8, 16).
        colour: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA.
    """

    width: int
    height: int
    depth: int
    colour: int

    @property
    def bytes(self) -> int:
        """Of the pixels, at least: without the filters' bytes."""
        samples = {2: 3, 4: 2, 6: 4}.get(self.colour, 1)
        return self.height * ((self.width * samples * self.depth + 7) // 8)


_MAX_DEFLATE = 1032
"""Bytes that one byte of deflated data can stand for at most."""


def read_header_and_text(file: IO[bytes]) -> tuple[PngHeader, dict[str, str]]:
    """Walk the chunks of a PNG; pixels are skipped, not decoded.

    Args:
        file: a seekable binary file; left at any position.

    Returns:
        The header, and keyword to text of tEXt, zTXt and iTXt chunks wherever they stand (of
        two chunks with one keyword the last counts, as in pillow).

    Raises:
        PngFault: not a PNG, cut short, or a checksum that doesn't match.
        PngTextTooLong: text over `MAX_INFLATED` (compressed chunk) or `MAX_TEXT` (all of it).
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(8) != SIGNATURE:
        raise PngFault("it doesn't begin like a PNG")
    header: PngHeader | None = None
    text: dict[str, str] = {}
    budget = MAX_TEXT
    kind = b""
    packed = 0
    while kind != b"IEND":
        head = file.read(8)
        start = file.tell()
        length, kind = struct.unpack(">I4s", head) if len(head) == 8 else (end, b"")
        if start + length + 4 > end:
            raise PngFault("it ends in the middle of a chunk")
        if header is None:
            if kind != b"IHDR" or length != 13:
                raise PngFault("its header is missing")
            header = PngHeader(*struct.unpack(">IIBB", file.read(13)[:10]))
        elif kind == b"IDAT":
            packed += length
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            if length > budget:
                raise PngTextTooLong(f"its text is longer than {MAX_TEXT:,} bytes")
            data = file.read(length)
            if struct.pack(">I", zlib.crc32(kind + data)) != file.read(4):
                raise PngFault("the checksum of its text doesn't match")
            keyword, value = _text_chunk(kind, data)
            # An empty chunk is counted too, or a file of a million of them would cost nothing.
            budget -= len(value) + 64
            text[keyword] = value
        file.seek(start + length + 4)
    assert header is not None  # IEND can't come first: that is "its header is missing"
    if header.bytes > packed * _MAX_DEFLATE:
        # Told before anything makes room for them.
        raise PngFault(
            f"its {packed:,} bytes of data can't hold the {header.width} x {header.height} "
            "pixels it claims"
        )
    return header, text


def encode_png(
    pixels: NDArray[np.uint8], text: Mapping[str, str], level: int = COMPRESS_LEVEL
) -> bytes:
    """A PNG file of 8-bit pixels with text chunks.

    Args:
        pixels: uint8 [H, W, 3] RGB, [H, W, 4] RGBA (straight alpha) or [H, W] grey.
        text: keyword (1-79 latin-1 characters, as PNG demands) to text of any length. Latin-1
            text goes to tEXt, other text to iTXt as UTF-8, either deflated over
            `COMPRESS_OVER` bytes.
        level: deflate level, 0-9.

    Raises:
        ValueError: pixels of another type or shape, or a keyword that PNG doesn't allow.
        MetadataTooLong: more than `MAX_TEXT` bytes of text.
    """
    from io import BytesIO

    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    if pixels.dtype.name != "uint8" or not (
        pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    ):
        raise ValueError(
            f"pixels must be uint8 [H, W], [H, W, 3] or [H, W, 4], "
            f"not {pixels.dtype} {list(pixels.shape)}"
        )
    info = PngInfo()
    total = 0
    for keyword, value in text.items():
        _check_keyword(keyword)
        size = len(value.encode())
        total += size + 64
        if total > MAX_TEXT:
            raise MetadataTooLong(sum(len(v.encode()) for v in text.values()))
        info.add_text(keyword, value, zip=COMPRESS_OVER < size < MAX_INFLATED)
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG", pnginfo=info, compress_level=level)
    return out.getvalue()


def _check_keyword(keyword: str) -> None:
    if (
        not 1 <= len(keyword) <= 79
        or keyword != keyword.strip(" ")
        or not all(32 <= ord(c) <= 126 or 161 <= ord(c) <= 255 for c in keyword)
    ):
        raise ValueError(f"not a PNG text keyword: {keyword!r}")


def _text_chunk(kind: bytes, data: bytes) -> tuple[str, str]:
    """Keyword and text of one chunk."""
    raw_keyword, _, rest = data.partition(b"\0")
    keyword = raw_keyword.decode("latin-1")
    if kind == b"tEXt":
        return keyword, rest.decode("latin-1")
    if kind == b"zTXt":
        return keyword, _inflate(keyword, rest[1:]).decode("latin-1")
    compressed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    try:
        return keyword, (_inflate(keyword, rest) if compressed else rest).decode("utf-8")
    except UnicodeDecodeError:
        raise PngFault(f'its text "{keyword}" is not UTF-8') from None


def _inflate(keyword: str, data: bytes) -> bytes:
    """Inflate at most `MAX_INFLATED` bytes: 1 MB of file may hold 1 GB of zeros."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(data, MAX_INFLATED + 1)
    except zlib.error:
        raise PngFault(f'its text "{keyword}" can\'t be decompressed') from None
    if len(plain) > MAX_INFLATED:
        raise PngTextTooLong(f'its text "{keyword}" inflates to more than {MAX_INFLATED:,} bytes')
    if not inflater.eof:
        raise PngFault(f'its text "{keyword}" is cut short')
    return plain
