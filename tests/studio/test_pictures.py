"""Reading and encoding pictures, on real files made on the fly."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio import pictures, png
from studio.pictures import encode_png, probe_picture, read_picture, read_png_text, to_uint8

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RNG = np.random.default_rng(7)
NOISE = RNG.integers(0, 256, (9, 13, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(NOISE).resize((52, 36), Image.Resampling.BICUBIC))


def saved(path: Path, pixels: np.ndarray | Image.Image, **options: Any) -> Path:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def raw_png(
    samples: np.ndarray, depth: int, colour: int, *extra: bytes, after: bytes = b""
) -> bytes:
    """A PNG built from the specification; each row takes the next filter type, 0 to 4."""
    height, width = samples.shape[:2]
    if depth < 8:
        bits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, -1), axis=1)
        step = 1
    else:
        big = samples.astype(">u2" if depth == 16 else np.uint8).reshape(height, -1)
        rows = np.frombuffer(big.tobytes(), np.uint8).reshape(height, -1)
        step = rows.shape[1] // width
    data, above = b"", np.zeros(rows.shape[1] + step, int)
    for y, row in enumerate(rows.astype(int)):
        line = np.concatenate([np.zeros(step, int), row])
        a, b, c = line[:-step], above[step:], above[:-step]
        p = a + b - c
        near = np.where(abs(p - b) <= abs(p - c), b, c)
        first = (abs(p - a) <= abs(p - b)) & (abs(p - a) <= abs(p - c))
        paeth = np.where(first, a, near)
        predicted = (np.zeros_like(row), a, b, (a + b) // 2, paeth)[y % 5]
        data += bytes([y % 5]) + ((row - predicted) % 256).astype(np.uint8).tobytes()
        above = line
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        png.SIGNATURE + chunk(b"IHDR", header) + b"".join(extra)
        + chunk(b"IDAT", zlib.compress(data)) + after + chunk(b"IEND", b"")
    )  # fmt: skip


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run as a user whom permissions bind (root may read everything)."""
    if not hasattr(os, "geteuid"):
        pytest.skip("no POSIX permissions here")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


# ------------------------------------------------------------------ what is read


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_lossless_rgb(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    picture = read_picture(saved(tmp_path / f"a.{suffix}", NOISE, **options))
    assert (picture.rgb == NOISE.astype(np.float32) / np.float32(255)).all()
    assert picture.rgb.dtype == np.float32
    assert picture.rgb.flags.c_contiguous
    assert (picture.width, picture.height, picture.alpha) == (13, 9, None)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_lossy_rgb(tmp_path: Path, suffix: str) -> None:
    picture = read_picture(saved(tmp_path / f"a.{suffix}", SMOOTH, quality=95))
    assert picture.rgb.shape == SMOOTH.shape
    assert abs(picture.rgb * 255 - SMOOTH).mean() < 12


def test_name_of_the_format_is_not_trusted(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", NOISE, format="PNG")
    assert probe_picture(path) == (13, 9, "RGB", "PNG")
    assert (to_uint8(read_picture(path).rgb) == NOISE).all()


def test_grey(tmp_path: Path) -> None:
    grey = NOISE[..., 0]
    picture = read_picture(saved(tmp_path / "a.png", grey))
    assert (to_uint8(picture.rgb) == grey[..., None]).all()
    assert picture.rgb.shape == (9, 13, 3)
    assert picture.alpha is None


def test_rgba_keeps_colours_under_transparency(tmp_path: Path) -> None:
    alpha = RNG.integers(0, 2, (9, 13, 1), dtype=np.uint8) * 255
    picture = read_picture(saved(tmp_path / "a.png", np.concatenate([NOISE, alpha], axis=2)))
    assert (to_uint8(picture.rgb) == NOISE).all()
    assert picture.alpha is not None
    assert (picture.alpha == alpha[..., 0] // 255).all()
    assert picture.alpha.shape == (9, 13)


def test_grey_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(NOISE[..., 0]).convert("LA")
    image.putalpha(Image.fromarray(NOISE[..., 1]))
    picture = read_picture(saved(tmp_path / "a.png", image))
    assert (to_uint8(picture.rgb) == NOISE[..., :1]).all()
    assert picture.alpha is not None
    assert (to_uint8(picture.alpha) == NOISE[..., 1]).all()


@pytest.mark.parametrize("table", [b"\0\x80\xff\x40", b"\xff\0"])
def test_palette_with_transparency(tmp_path: Path, table: bytes) -> None:
    indices = RNG.integers(0, 4, (5, 6), dtype=np.uint8)
    palette = RNG.integers(0, 256, (4, 3), dtype=np.uint8)
    path = written(
        tmp_path / "a.png",
        raw_png(indices, 8, 3, chunk(b"PLTE", palette.tobytes()), chunk(b"tRNS", table)),
    )
    picture = read_picture(path)
    assert (to_uint8(picture.rgb) == palette[indices]).all()
    alphas = np.frombuffer(table.ljust(4, b"\xff"), np.uint8)
    assert picture.alpha is not None
    assert (to_uint8(picture.alpha) == alphas[indices]).all()


@pytest.mark.parametrize("depth", [2, 4, 8, 16])
def test_grey_with_a_transparent_level(tmp_path: Path, depth: int) -> None:
    samples = RNG.integers(0, 2**depth, (6, 8))
    key = int(samples[2, 3])
    data = raw_png(samples, depth, 0, chunk(b"tRNS", struct.pack(">H", key)))
    picture = read_picture(written(tmp_path / "a.png", data))
    assert np.allclose(picture.rgb[..., 0], samples / (2**depth - 1), atol=1e-7)
    assert picture.alpha is not None
    assert (picture.alpha == (samples != key)).all()


def test_sixteen_bit_grey(tmp_path: Path) -> None:
    samples = RNG.integers(0, 65536, (6, 8)).astype(np.uint16)
    path = written(tmp_path / "a.png", raw_png(samples, 16, 0))
    picture = read_picture(path)
    assert probe_picture(path)[2] == "I;16"
    assert (picture.rgb == samples[..., None].astype(np.float32) / np.float32(65535)).all()
    assert (read_picture(saved(tmp_path / "a.tiff", samples)).rgb == picture.rgb).all()


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bit_colour_keeps_all_bits(tmp_path: Path, colour: int, channels: int) -> None:
    samples = RNG.integers(0, 65536, (6, 8, channels)).astype(np.uint16)
    picture = read_picture(written(tmp_path / "a.png", raw_png(samples, 16, colour)))
    expected = samples.astype(np.float32) / np.float32(65535)
    assert (picture.rgb == expected[..., : 3 if channels > 2 else 1]).all()
    if channels == 3:
        assert picture.alpha is None
    else:
        assert (picture.alpha == expected[..., -1]).all()


def test_sixteen_bit_colour_with_a_transparent_one(tmp_path: Path) -> None:
    samples = RNG.integers(0, 65536, (6, 8, 3)).astype(np.uint16)
    samples[0, 0] = samples[3, 4] ^ 1  # differs in the low bytes only
    key = chunk(b"tRNS", samples[3, 4].astype(">u2").tobytes())
    picture = read_picture(written(tmp_path / "a.png", raw_png(samples, 16, 2, key)))
    assert picture.alpha is not None
    assert picture.alpha[3, 4] == 0
    assert picture.alpha.sum() == 6 * 8 - 1


def test_one_bit_and_float_tiff(tmp_path: Path) -> None:
    bits = NOISE[..., 0] > 127
    assert (read_picture(saved(tmp_path / "a.png", bits)).rgb[..., 1] == bits).all()
    values = np.array([[0.25, 2.0, -1.0, np.nan]], np.float32)
    rgb = read_picture(saved(tmp_path / "a.tiff", values)).rgb
    assert rgb[0, :, 0].tolist() == [0.25, 1.0, 0.0, 0.0]


def test_cmyk_jpeg(tmp_path: Path) -> None:
    colours = np.zeros((16, 32, 3), np.uint8)
    colours[:, :16], colours[:, 16:] = (220, 30, 40), (245, 245, 240)
    path = saved(tmp_path / "a.jpg", Image.fromarray(colours).convert("CMYK"), quality=95)
    data = path.read_bytes()
    assert b"Adobe" in data
    assert probe_picture(path)[2] == "CMYK"
    assert abs(read_picture(path).rgb * 255 - colours).max() < 12
    # An Adobe file stores 255 - ink: white, no ink, is 255 in every channel.
    marker = data.index(b"\xff\xee")
    length = struct.unpack(">H", data[marker + 2 : marker + 4])[0]
    bare = written(tmp_path / "b.jpg", data[:marker] + data[marker + 2 + length :])
    assert abs(read_picture(bare).rgb * 255 - colours).max() < 12


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path: Path, suffix: str, orientation: int) -> None:
    """Eight ways to hold a camera; the oracle is the EXIF specification in words."""
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24], upright[:16, 24:] = (255, 0, 0), (0, 255, 0)  # top left, top right
    upright[16:, :24], upright[16:, 24:] = (0, 0, 255), (255, 255, 255)
    # Where the 0th row and the 0th column of the stored picture lie when it is upright.
    stored = {
        1: upright,  # top, left
        2: upright[:, ::-1],  # top, right
        3: upright[::-1, ::-1],  # bottom, right
        4: upright[::-1],  # bottom, left
        5: np.swapaxes(upright, 0, 1),  # left, top
        6: np.swapaxes(upright[:, ::-1], 0, 1),  # right, top
        7: np.swapaxes(upright[::-1, ::-1], 0, 1),  # right, bottom
        8: np.swapaxes(upright[::-1], 0, 1),  # left, bottom
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    path = saved(tmp_path / f"a.{suffix}", np.ascontiguousarray(stored), exif=exif)
    picture = read_picture(path)
    assert probe_picture(path)[:2] == (picture.width, picture.height) == (48, 32)
    centres = picture.rgb[8::16, 12::24].round().astype(int).tolist()
    assert centres == [[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 1, 1]]]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"MM\0*\0\0\0\x08\xff\xff", b"nonsense", b"MM"])
def test_broken_exif_is_no_rotation(tmp_path: Path, exif: bytes) -> None:
    data = raw_png(NOISE, 8, 2, chunk(b"eXIf", exif))
    path = written(tmp_path / "a.png", data)
    assert read_picture(path).width == probe_picture(path)[0] == 13


def test_bmp_from_the_top_down(tmp_path: Path) -> None:
    data = bytearray(saved(tmp_path / "a.bmp", NOISE).read_bytes())
    data[22:26] = struct.pack("<i", -9)
    picture = read_picture(written(tmp_path / "b.bmp", bytes(data)))
    assert (to_uint8(picture.rgb) == NOISE[::-1]).all()


def test_gif_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 6), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert (to_uint8(read_picture(path).rgb) == (255, 0, 0)).all()


def test_gif_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    picture = read_picture(saved(tmp_path / "a.gif", image, transparency=1))
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[1, 0]]


def test_text_comes_along(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", encode_png(NOISE, {"graph": "grün", "prompt": "円"}))
    assert read_picture(path).text == {"graph": "grün", "prompt": "円"} == read_png_text(path)
    assert read_picture(saved(tmp_path / "a.bmp", NOISE)).text == {}


# ------------------------------------------------------------------ what is refused


def test_missing_file_offers_near_names(tmp_path: Path) -> None:
    saved(tmp_path / "portrait.png", NOISE)
    with pytest.raises(pictures.PictureMissing, match=r"portrait\.png\?") as caught:
        read_picture(tmp_path / "portrat.png")
    assert str(tmp_path / "portrat.png") in caught.value.message
    with pytest.raises(pictures.PictureMissing, match=r"The folder .*nowhere doesn't exist"):
        probe_picture(tmp_path / "nowhere" / "a.png")
    with pytest.raises(pictures.PictureMissing):
        probe_picture(tmp_path / "portrait.png" / "a.png")
    with pytest.raises(pictures.PictureMissing):
        read_png_text("nul\0in the name")


def test_folder_and_pipe(tmp_path: Path) -> None:
    with pytest.raises(pictures.PictureIsFolder, match="is a folder"):
        read_picture(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(pictures.NotAPicture, match="pipe"):
        read_picture(tmp_path / "pipe.png")


@pytest.mark.parametrize(
    ("data", "seems"),
    [
        (b"Dear diary,\nBM is not a bitmap.\n", "a text file"),
        (b"BM starts this text file too", "a text file"),
        ("Grüße, 円".encode() * 200, "a text file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a text file"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (bytes(range(256)), "isn't known"),
        (b"\0" * 100, "isn't known"),
    ],
)
def test_not_a_picture(tmp_path: Path, data: bytes, seems: str) -> None:
    path = written(tmp_path / "a.png", data)
    for read in (read_picture, probe_picture):
        with pytest.raises(pictures.NotAPicture, match=seems) as caught:
            read(path)
        assert "PNG, JPEG, WebP" in caught.value.hint
    with pytest.raises(pictures.NotAPicture, match="not a PNG"):
        read_png_text(path)


def test_postscript_is_never_run(tmp_path: Path) -> None:
    with pytest.raises(pictures.NotAPicture):
        read_picture(saved(tmp_path / "a.eps", NOISE))


def test_no_bytes_and_no_pixels(tmp_path: Path) -> None:
    with pytest.raises(pictures.EmptyPicture, match="0 bytes"):
        probe_picture(written(tmp_path / "a.png", b""))
    empty = bytearray(raw_png(NOISE, 8, 2))
    empty[16:20] = b"\0\0\0\0"
    empty[29:33] = struct.pack(">I", zlib.crc32(empty[12:29]))
    with pytest.raises(pictures.EmptyPicture, match="0 x 9 pixels"):
        probe_picture(written(tmp_path / "b.png", bytes(empty)))
    for suffix, offset in (("gif", 6), ("bmp", 18)):
        data = bytearray(saved(tmp_path / f"c.{suffix}", NOISE).read_bytes())
        data[offset : offset + 2] = b"\0\0"
        with pytest.raises(pictures.EmptyPicture, match="0 x 9 pixels"):
            read_picture(written(tmp_path / f"d.{suffix}", bytes(data)))


FORMATS = ["png", "jpg", "webp", "avif", "tiff", "bmp", "gif"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated(tmp_path: Path, suffix: str) -> None:
    """Cut anywhere before its last tenth a picture is refused, never half shown."""
    data = saved(tmp_path / f"a.{suffix}", SMOOTH).read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    for share in (0.3, 0.6, 0.9):
        cut.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(pictures.DamagedPicture, match="cut short or damaged") as caught:
            read_picture(cut)
        assert str(cut) in caught.value.message
    if suffix == "png":
        with pytest.raises(pictures.DamagedPicture, match="middle of a chunk"):
            probe_picture(cut)
        with pytest.raises(pictures.DamagedPicture):
            read_png_text(cut)


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_bytes_never_escape_as_another_error(
    tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Asks for `caplog` because pillow logs what is odd in some of these files."""
    data = saved(tmp_path / f"a.{suffix}", SMOOTH).read_bytes()
    rng = np.random.default_rng(3)
    path = tmp_path / f"b.{suffix}"
    refused = 0
    for round_ in range(60):
        broken = bytearray(data)
        span = min(len(data), 200) if round_ % 2 else len(data)
        for place in rng.integers(0, span, 1 + round_ // 6):
            broken[place] = rng.integers(0, 256)
        path.write_bytes(broken)
        try:
            read_picture(path)
        except pictures.PictureError:
            refused += 1
        except UserWarning:  # pillow warns of odd metadata; the test suite makes that an error
            continue
    assert refused


def test_bomb_by_header(tmp_path: Path) -> None:
    """Refused before anything of that size is allocated."""
    bomb = bytearray(raw_png(NOISE, 8, 2))
    bomb[16:24] = struct.pack(">II", 60_000, 60_000)
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    path = written(tmp_path / "a.png", bytes(bomb))
    for read in (read_picture, probe_picture):
        with pytest.raises(pictures.PictureTooLarge, match=r"60000 x 60000.*256 megapixels"):
            read(path)
    gif = bytearray(saved(tmp_path / "a.gif", NOISE).read_bytes())
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    with pytest.raises(pictures.PictureTooLarge):
        probe_picture(written(tmp_path / "b.gif", bytes(gif)))
    tiff = saved(tmp_path / "a.tiff", NOISE).read_bytes()
    for tag, size in ((256, 13), (257, 9)):
        tiff = tiff.replace(
            struct.pack("<HHII", tag, 4, 1, size), struct.pack("<HHII", tag, 4, 1, 50_000)
        )
        tiff = tiff.replace(
            struct.pack("<HHIHH", tag, 3, 1, size, 0), struct.pack("<HHIHH", tag, 3, 1, 50_000, 0)
        )
    with pytest.raises(pictures.PictureTooLarge):
        probe_picture(written(tmp_path / "b.tiff", tiff))


def test_large_pictures_under_the_limit_pass_without_a_warning(tmp_path: Path) -> None:
    """pillow's Image.open refuses these 200 megapixels; and its global limit stays as it is."""
    before = Image.MAX_IMAGE_PIXELS
    path = saved(tmp_path / "a.png", Image.new("1", (20_000, 10_000)))
    assert probe_picture(path) == (20_000, 10_000, "1", "PNG")
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_text_bomb(tmp_path: Path, kind: bytes, place: str) -> None:
    head = b"a\0\0" if kind == b"zTXt" else b"a\0\1\0\0\0"
    bomb = chunk(kind, head + zlib.compress(b"0" * 200_000_000, 1))
    assert len(bomb) < 1_000_000
    data = raw_png(NOISE, 8, 2, bomb) if place == "before" else raw_png(NOISE, 8, 2, after=bomb)
    path = written(tmp_path / "a.png", data)
    for read in (read_picture, probe_picture, read_png_text):
        tracemalloc.start()
        with pytest.raises(pictures.PictureTextTooLarge, match="inflates to more than 1,048,576"):
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10_000_000


def test_many_texts_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "MAX_TEXT", 10_000)
    path = written(tmp_path / "a.png", raw_png(NOISE, 8, 2, chunk(b"tEXt", b"a\0b") * 200))
    with pytest.raises(pictures.PictureTextTooLarge, match="10,000"):
        read_png_text(path)
    with pytest.raises(pictures.MetadataTooLong, match="12,000"):
        encode_png(NOISE, {"a": "x" * 6000, "b": "x" * 6000})


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (chunk(b"zTXt", b"a\0\0no zlib"), "can't be decompressed"),
        (chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(99))[:-6]), "cut short"),
        (chunk(b"iTXt", b"a\0\0\0\0\0\xff\xfe"), "not UTF-8"),
        (chunk(b"tEXt", b"a\0graph")[:-1] + b"!", "checksum"),
        (struct.pack(">I4s", 2**31 - 1, b"tEXt"), "middle of a chunk"),
    ],
)
def test_damaged_text(tmp_path: Path, bad: bytes, why: str) -> None:
    path = written(tmp_path / "a.png", raw_png(NOISE, 8, 2, bad))
    with pytest.raises(pictures.DamagedPicture, match=why):
        read_png_text(path)


def test_permission(tmp_path: Path) -> None:
    saved(tmp_path / "warm.png", NOISE)
    read_picture(tmp_path / "warm.png")  # what is imported late is imported now, as ourselves
    path = saved(tmp_path / "a.png", NOISE)
    path.chmod(0)
    with as_nobody():
        for read in (read_picture, probe_picture, read_png_text):
            with pytest.raises(pictures.UnreadablePicture, match="Permission denied"):
                read(path)


def test_unsupported_samples(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tiff", NOISE[..., 0].astype(np.int32))
    with pytest.raises(pictures.UnsupportedPicture, match="I"):
        read_picture(path)


# ------------------------------------------------------------------ what is written


def test_every_level_survives() -> None:
    levels = np.arange(256, dtype=np.uint8)
    values = levels.astype(np.float32) / np.float32(255)
    assert (to_uint8(values) == levels).all()
    for nudged in (np.nextafter(values, np.float32(-1)), np.nextafter(values, np.float32(2))):
        assert (to_uint8(nudged) == levels).all()  # truncation fails here
    assert to_uint8(np.array([-3, 0.49 / 255, 0.51 / 255, 7], np.float32)).tolist() == [
        0,
        0,
        1,
        255,
    ]


def test_to_uint8_keeps_its_input_and_half_precision() -> None:
    values = (np.arange(256) / 255).astype(np.float16)
    before = values.copy()
    assert (to_uint8(values) == np.arange(256)).all()
    assert (values == before).all()
    fine = np.linspace(0, 1, 5000).astype(np.float16)
    assert (to_uint8(fine) == to_uint8(fine.astype(np.float32))).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_to_uint8_refuses_what_is_no_number(bad: float) -> None:
    values = np.zeros((2, 3, 3), np.float32)
    values[1, 1, 1] = bad
    with pytest.raises(pictures.NotFinitePixels, match="1 of the picture's 18"):
        to_uint8(values)


@pytest.mark.parametrize("shape", [(9, 13), (9, 13, 3), (9, 13, 4)])
def test_encode_png_pixels(shape: tuple[int, ...]) -> None:
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    for level in (0, png.COMPRESS_LEVEL, 9):
        assert (np.asarray(Image.open(io.BytesIO(encode_png(pixels, {}, level)))) == pixels).all()
    strided = np.ascontiguousarray(pixels[::-1])[::-1]
    assert encode_png(strided, {}) == encode_png(pixels, {})


def test_encode_png_refuses() -> None:
    for bad in (NOISE.astype(np.float32), NOISE[..., :2], NOISE[None]):
        with pytest.raises(ValueError, match="pixels must be uint8"):
            encode_png(bad, {})
    for keyword in ("", " a", "a\n", "円", "a" * 80):
        with pytest.raises(ValueError, match="keyword"):
            encode_png(NOISE, {keyword: "x"})


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.text(st.sampled_from("abcXYZ _-é"), min_size=1, max_size=20).filter(
            lambda k: k == k.strip()
        ),
        st.one_of(
            st.text(max_size=200),
            st.text(min_size=1, max_size=9).map(lambda s: s * 900),
            st.text(st.characters(max_codepoint=255), max_size=50),
        ),
        max_size=4,
    )
)
def test_text_round_trip(text: dict[str, str]) -> None:
    data = encode_png(NOISE, text)
    assert png.read_header_and_text(io.BytesIO(data))[1] == text
    theirs = Image.open(io.BytesIO(data))
    assert isinstance(theirs.info, dict)
    assert {k: str(v) for k, v in theirs.text.items()} == text  # type: ignore[attr-defined]


def test_long_text_is_compressed_and_readable_by_pillow() -> None:
    for value, kind in (
        ("a" * 100, b"tEXt"),
        ("ü" * 100, b"tEXt"),
        ("円" * 100, b"iTXt"),
        ("a" * 5000, b"zTXt"),
        ("円" * 5000, b"iTXt"),
        ("a" * 3_000_000, b"tEXt"),  # more than pillow inflates, so it stands plain
    ):
        data = encode_png(NOISE, {"graph": value})
        assert kind in data
        assert (len(data) < len(value.encode())) == (4096 < len(value.encode()) < 2**20)
        assert Image.open(io.BytesIO(data)).info["graph"] == value
        assert png.read_header_and_text(io.BytesIO(data))[1] == {"graph": value}


def test_pillows_own_text_is_read(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("a", "x" * 9, zip=True)
    info.add_itxt("b", "円", lang="ja", tkey="鍵", zip=True)
    info.add_itxt("c", "円", lang="ja", tkey="鍵")
    path = saved(tmp_path / "a.png", NOISE, pnginfo=info)
    assert read_png_text(path) == {"a": "x" * 9, "b": "円", "c": "円"}


def test_encode_jpeg() -> None:
    for pixels in (SMOOTH, SMOOTH[..., 0], np.dstack([SMOOTH, SMOOTH[..., 0]])):
        data = pictures.encode_jpeg(np.ascontiguousarray(pixels))
        back = np.asarray(Image.open(io.BytesIO(data))).astype(float)
        reference = pixels[..., :3] if pixels.ndim == 3 else pixels
        assert abs(back - reference).mean() < 20
    assert len(pictures.encode_jpeg(SMOOTH, 10)) < len(pictures.encode_jpeg(SMOOTH, 95))


def test_import_is_free() -> None:
    code = (
        "import sys, studio.pictures\n"
        "print([m for m in ('numpy', 'PIL', 'pydantic', 'torch', 'rapidfuzz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_png_text_needs_no_pillow(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", encode_png(NOISE, {"graph": "{}"}))
    code = (
        "import sys; from studio.pictures import read_png_text\n"
        f"print(read_png_text({str(path)!r}), 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'graph': '{}'} False"
