"""Imported masks: kept by content, embedded, missing, changed."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from blake3 import blake3
from PIL import Image as Pil

from studio.masks import imported
from studio.masks.imported import (
    ImportedMaskChanged,
    ImportedMaskMissing,
    ImportedMaskNotWritten,
    ImportedMaskUnreadable,
    channel_of,
    decode,
    embed,
    encode,
    extract,
    keep,
    load,
    mask_path,
    moved,
)
from studio.masks.strokes import Fill, Raster, Strokes, StrokesFault

if TYPE_CHECKING:
    from pathlib import Path

MASK = np.random.default_rng(4).integers(0, 256, (5, 7), np.uint8)


def test_a_kept_mask_is_named_by_its_contents(tmp_path: Path) -> None:
    item = keep(MASK, tmp_path)
    path = mask_path(tmp_path, item.hash)
    assert path == tmp_path / "masks" / f"{item.hash}.png"
    assert blake3(path.read_bytes()).hexdigest() == item.hash
    assert np.array_equal(np.asarray(Pil.open(path)), MASK)
    before = path.stat().st_mtime_ns
    assert keep(MASK.copy(), tmp_path) == item
    assert path.stat().st_mtime_ns == before
    strokes = Strokes((Fill(), item, item))
    assert list(load(strokes, tmp_path)) == [item.hash]
    assert np.array_equal(load(strokes, tmp_path)[item.hash], MASK)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_embedding_and_back(tmp_path: Path) -> None:
    item = keep(MASK, tmp_path / "a")
    strokes = Strokes((Fill(), replace(item, erase=True, opacity=40)))
    carried = embed(strokes, tmp_path / "a")
    (raster,) = (i for i in carried if isinstance(i, Raster))
    assert (raster.erase, raster.opacity, raster.hash) == (True, 40, item.hash)
    assert not carried.hashes
    assert embed(carried, tmp_path / "nowhere") == carried
    assert extract(carried, tmp_path / "b") == strokes
    assert np.array_equal(load(strokes, tmp_path / "b")[item.hash], MASK)
    moved(strokes, tmp_path / "b", tmp_path / "c")
    assert mask_path(tmp_path / "c", item.hash).exists()


def test_one_that_is_missing_or_changed_is_named(tmp_path: Path) -> None:
    item = keep(MASK, tmp_path)
    strokes = Strokes((item,))
    path = mask_path(tmp_path, item.hash)
    path.write_bytes(encode(255 - MASK))
    for call in (load, embed, lambda s, b: moved(s, b, b / "x")):
        with pytest.raises(ImportedMaskChanged, match=r"has changed since it was imported\. Put"):
            call(strokes, tmp_path)
    path.unlink()
    path.mkdir()
    for call in (load, embed, lambda s, b: moved(s, b, b / "x")):
        with pytest.raises(ImportedMaskUnreadable, match="can't be read: Is a directory"):
            call(strokes, tmp_path)
    path.rmdir()
    with pytest.raises(ImportedMaskMissing, match=f"The imported mask {path} is missing"):
        load(strokes, tmp_path)


def test_what_can_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", refuse)
        with pytest.raises(ImportedMaskNotWritten, match="No space left"):
            keep(MASK, tmp_path)
    assert not list((tmp_path / "masks").iterdir())
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "masks").write_text("a file")
    with pytest.raises(ImportedMaskNotWritten, match="can't be written to"):
        keep(MASK, tmp_path / "other")


def test_too_large_to_embed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = keep(MASK, tmp_path)
    monkeypatch.setattr(imported, "MAX_DATA", 10)
    with pytest.raises(StrokesFault, match="10 can be embedded"):
        embed(Strokes((item,)), tmp_path)


def png(pixels: Any) -> bytes:
    out = io.BytesIO()
    Pil.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


WHOLE = encode(MASK)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no PNG that can be read"),
        (b"GIF89a", "no PNG that can be read"),
        (WHOLE[:40], "no PNG that can be read"),
        (WHOLE[:16] + (60000).to_bytes(4, "big") * 2 + WHOLE[24:], "no PNG that can be read"),
        (png(np.zeros((2, 2, 3), np.uint8)), "no grey PNG of 8 bits"),
        (png(np.zeros((2, 2), np.uint16)), "no grey PNG of 8 bits"),
        (png(np.zeros((2, 2), bool)), "no grey PNG of 8 bits"),
    ],
    ids=["empty", "gif", "cut", "bomb", "colour", "deep", "flat"],
)
def test_what_is_no_mask(data: bytes, words: str) -> None:
    with pytest.raises(StrokesFault, match=words):
        decode(data)


def test_masks_of_no_shape_are_not_encoded() -> None:
    for mask in (np.zeros((2, 2, 3), np.uint8), np.zeros((0, 3), np.uint8)):
        with pytest.raises(ValueError, match="must be"):
            encode(mask)


def test_channels_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    rgba = np.random.default_rng(3).integers(0, 256, (6, 10, 4), np.uint8)
    Pil.fromarray(rgba).save(path)
    scaled = rgba / np.float32(255)
    for number, name in enumerate(("red", "green", "blue")):
        assert np.array_equal(channel_of(path, name), scaled[..., number])
    assert np.array_equal(channel_of(path, "alpha"), 1 - scaled[..., 3])
    weights = np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(channel_of(path, "luminance") - scaled[..., :3] @ weights).max() < 1e-6
    Pil.fromarray(rgba[..., 0]).save(path)
    assert np.array_equal(channel_of(path, "luminance"), scaled[..., 0])
    assert not channel_of(path, "alpha").any()
    with pytest.raises(ValueError, match="channel must be one of"):
        channel_of(path, "cyan")
