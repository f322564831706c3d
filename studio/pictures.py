"""Reading pictures from disk, and making bytes of pictures.

Pixels come out as float32 in 0..1, straight from the file's samples: no colour profile is
applied and no gamma undone, as in the peers. numpy and pillow are imported where they are used,
so importing this costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from studio.errors import StudioError
from studio.picturefiles import (
    DamagedPicture,
    EmptyPicture,
    NotAPicture,
    PictureError,
    PictureIsFolder,
    PictureMissing,
    PictureTextTooLarge,
    PictureTooLarge,
    UnreadablePicture,
    UnsupportedPicture,
    decoder_faults,
    open_file,
    open_picture,
    open_with_plugin,
    png_parts,
    sniff,
)
from studio.png import MetadataTooLong, encode_png

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from studio.picturefiles import OpenedPicture

__all__ = [
    "DamagedPicture",
    "EmptyPicture",
    "MetadataTooLong",
    "NotAPicture",
    "NotFinitePixels",
    "Picture",
    "PictureError",
    "PictureIsFolder",
    "PictureMissing",
    "PictureTextTooLarge",
    "PictureTooLarge",
    "UnreadablePicture",
    "UnsupportedPicture",
    "encode_jpeg",
    "encode_png",
    "probe_picture",
    "read_picture",
    "read_png_text",
    "read_rgb8",
    "to_uint8",
]

_CONVERTIBLE = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}


class NotFinitePixels(StudioError):
    """Pixels that are no numbers reached the end of a graph."""

    def __init__(self, bad: int, of: int) -> None:
        super().__init__(
            f"{bad:,} of the picture's {of:,} samples are not finite numbers.",
            hint="The model overflowed; run it with dtype float32.",
        )


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture.

    Args:
        rgb: float32 [H, W, 3] in 0..1; grey is repeated.
        alpha: float32 [H, W] in 0..1, 1 = opaque, not multiplied into `rgb`; None where the file
            has none.
        width: pixels, W.
        height: pixels, H.
        text: text chunks of a PNG; empty for other formats.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    width: int
    height: int
    text: dict[str, str]


def read_picture(path: str | Path) -> Picture:
    """Decode a picture (the first frame of an animation), turned upright by its EXIF.

    8- and 16-bit samples keep their full precision, except 16-bit colour TIFF and AVIF over 8
    bits, which pillow gives in 8. Greys of 16 bits are divided by 65535. Float TIFFs are clipped
    to 0..1. CMYK is converted naively; CMYK JPEGs are taken as Adobe's (inverted), as browsers do.

    Raises:
        PictureError: one class per fault, see above.
    """
    samples, text = _decoded(Path(path))
    return _picture(samples, text)


def read_rgb8(path: str | Path) -> NDArray[np.uint8]:
    """`to_uint8(read_picture(path).rgb)`, in a fraction of the time where the file has 8 bits.

    Returns:
        uint8 [H, W, 3].

    Raises:
        PictureError: as `read_picture`.
    """
    import numpy as np

    samples, text = _decoded(Path(path))
    if samples.dtype != np.uint8:
        return to_uint8(_picture(samples, text).rgb)
    # Rounding k / 255 gives k back.
    rgb = samples[..., :3] if samples.shape[2] >= 3 else np.repeat(samples[..., :1], 3, axis=2)
    return np.ascontiguousarray(rgb)


def _decoded(path: Path) -> tuple[NDArray[Any], dict[str, str]]:
    """A file's samples [H, W, channels], upright, and its text."""
    import numpy as np

    with open_file(path) as file:
        opened = open_picture(path, file)
        with decoder_faults(path):
            opened.image.load()
            deep = _deep_samples(opened, file)
        samples = _samples(path, opened) if deep is None else deep
    return np.ascontiguousarray(_upright(samples, opened.orientation)), opened.text


def _picture(samples: NDArray[Any], text: dict[str, str]) -> Picture:
    import numpy as np

    # Division, not multiplication by 1/255: the quotients equal the peers' to the last bit.
    steps = {"uint8": 255, "uint16": 65535}.get(samples.dtype.name)
    scaled = samples.astype(np.float32)
    if steps:
        scaled /= np.float32(steps)
    height, width, channels = scaled.shape
    rgb = scaled[..., :3] if channels >= 3 else np.repeat(scaled[..., :1], 3, axis=2)
    alpha = np.ascontiguousarray(scaled[..., -1]) if channels in (2, 4) else None
    return Picture(np.ascontiguousarray(rgb), alpha, width, height, text)


def probe_picture(path: str | Path) -> tuple[int, int, str, str]:
    """Read a picture's header only, for checks before a run.

    Returns:
        Width and height in pixels once upright, pillow's mode ("RGB", "L", "I;16" …), and the
        format ("PNG", "JPEG" …).

    Raises:
        PictureError: as `read_picture`, as far as the header tells; a PNG that is cut short is
            found here, other formats show it when they are decoded.
    """
    path = Path(path)
    with open_file(path) as file:
        opened = open_picture(path, file)
        width, height = opened.image.size
    if opened.orientation >= 5:
        width, height = height, width
    return width, height, opened.image.mode, opened.format


def read_png_text(path: str | Path) -> dict[str, str]:
    """The text chunks of a PNG, without decoding its pixels or importing pillow.

    Raises:
        PictureError: `NotAPicture` where it is no PNG, `PictureTextTooLarge` where the text is
            longer than a reader should accept, else as `read_picture`.
    """
    path = Path(path)
    with open_file(path) as file:
        if sniff(file) != "PNG":
            raise NotAPicture(path, "it is not a PNG")
        return png_parts(path, file)[1]


def to_uint8(rgb01: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pixels in 0..1 to bytes, rounded to nearest; what lies outside 0..1 is clipped.

    The peers truncate (`clip(255 * x, 0, 255).astype(uint8)`). That darkens a picture by half a
    step on average, and whatever rounds k / 255 down by a last bit (a blend, a resize) turns k
    into k - 1. Rounding gives an 8-bit picture back unchanged through all of that; the price is
    that a sample may be one step above the peers'.

    Args:
        rgb01: float32 [H, W, 3], or any other shape.

    Raises:
        NotFinitePixels: NaN or infinity among the values.
    """
    import numpy as np

    # One pass without a temporary; a finite sum means finite terms.
    if not np.isfinite(rgb01.sum(dtype=np.float64)):
        bad = int(rgb01.size - np.count_nonzero(np.isfinite(rgb01)))
        raise NotFinitePixels(bad, rgb01.size)
    scaled = np.clip(rgb01, 0, 1).astype(np.float32, copy=False)
    scaled *= 255
    scaled += 0.5
    return scaled.astype(np.uint8)


def encode_jpeg(pixels: NDArray[np.uint8], quality: int = 80) -> bytes:
    """A JPEG file, for previews.

    Args:
        pixels: uint8 [H, W, 3] or [H, W]; of [H, W, 4] the alpha is left out.
        quality: 1-95.
    """
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.fromarray(pixels[..., :3] if pixels.ndim == 3 else pixels).save(
        out, "JPEG", quality=quality
    )
    return out.getvalue()


def _samples(path: Path, opened: OpenedPicture) -> NDArray[np.generic]:
    """Decoded samples [H, W, C] of a loaded picture: grey, grey + alpha, RGB or RGBA."""
    import numpy as np

    image = opened.image
    if image.mode == "F":
        return np.clip(np.nan_to_num(np.asarray(image, np.float32)), 0, 1)[..., None]
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.uint16)[..., None]
        return _keyed(grey, image.info.get("transparency"))
    if image.mode not in _CONVERTIBLE:
        raise UnsupportedPicture(path, image.mode)
    if opened.png and image.mode == "L" and "transparency" in image.info:
        # pillow widens samples of 2 and 4 bits to 8, but not the one that is transparent.
        image.info["transparency"] *= 255 // (2**opened.png.depth - 1)
    return np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))


def _deep_samples(opened: OpenedPicture, file: IO[bytes]) -> NDArray[np.generic] | None:
    """uint16 samples [H, W, C] of a PNG with 16 bits and several channels, else None.

    pillow keeps the high byte of these. It has a reader for the other byte order too, which
    keeps what is our low byte, so decoding once with each gives both.
    """
    import numpy as np

    png = opened.png
    if png is None or png.depth != 16 or png.colour not in (2, 4, 6):
        return None
    if png.colour == 4:
        # Grey and alpha of 16 bits are 4 bytes a pixel: read as RGBA they come as they are.
        raw = _decode_as(opened.format, file, "RGBA")
        return raw[..., 0::2] * np.uint16(256) + raw[..., 1::2]
    layout = "RGB" if png.colour == 2 else "RGBA"
    high = np.asarray(opened.image).astype(np.uint16)
    samples = high * np.uint16(256) + _decode_as(opened.format, file, f"{layout};16L")
    return _keyed(samples, opened.image.info.get("transparency"))


def _decode_as(name: str, file: IO[bytes], raw_mode: str) -> NDArray[np.uint16]:
    """Decode again, with the samples taken for `raw_mode`."""
    import numpy as np

    image = open_with_plugin(name, file)
    image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
    image.load()
    return np.asarray(image).astype(np.uint16)


def _keyed(samples: NDArray[np.uint16], key: int | tuple[int, ...] | None) -> NDArray[np.uint16]:
    """Add an alpha channel, 0 where a pixel equals the transparent colour `key`."""
    import numpy as np

    if key is None:
        return samples
    opaque = (samples != np.asarray(key, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([samples, opaque * np.uint16(65535)], axis=2)


def _upright(samples: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """Apply an EXIF orientation (1-8) to [H, W, C]; a view."""
    if orientation in (2, 3, 7, 8):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 6, 7):
        samples = samples[::-1]
    return samples.swapaxes(0, 1) if orientation >= 5 else samples
