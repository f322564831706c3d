"""Inpainting nodes in real graphs: what isn't masked keeps its bits, whatever the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil

from studio.diffusion.inpaint import NothingMasked, WrongPatch, WrongPicture, to_cells
from studio.pictures import read_picture, to_uint8
from studio.values import Mask

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WIDTH, HEIGHT = 90, 53  # neither is a multiple of 8
QUICK = {"steps": 2, "cfg": 3.0, "sampler": "euler", "seed": 3}
BLENDED = {"grow": 1.0, "feather": 4.0, "match_colours": True}


def hole() -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:40, 50:83] = True
    return mask


def reach() -> NDArray[np.bool_]:
    """What a blend may change: the hole, and `BLENDED`'s five pixels around it."""
    from scipy import ndimage

    return np.asarray(ndimage.distance_transform_edt(~hole()) < 5)


def save(path: Path, kind: str, width: int = WIDTH, height: int = HEIGHT) -> None:
    rng = np.random.default_rng(1)
    deep = rng.integers(0, 65536, (height, width, 4), dtype=np.uint16)
    small = (deep >> 8).astype(np.uint8)
    match kind:
        case "RGB":
            Pil.fromarray(small[..., :3]).save(path)
        case "RGBA":
            Pil.fromarray(small).save(path)
        case "grey":
            Pil.fromarray(small[..., 0]).save(path)
        case "grey16":
            Pil.fromarray(deep[..., 0]).save(path)
        case "RGB16":
            path.write_bytes(_png16(deep[..., :3]))


def _png16(pixels: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits, which pillow can't write."""
    import struct
    import zlib

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def base() -> dict[str, Any]:
    return {
        "checkpoint": ("LoadCheckpoint", {"name": "tiny"}),
        "words": ("TextEncode", {"text": "a red circle"}, {"clip": "checkpoint.clip"}),
        "picture": ("LoadImage", {"path": "picture.png"}),
        "holes": ("LoadImage", {"path": "hole.png"}),
    }


PAIR = {"image": "picture.image", "mask": "holes.mask"}
TEXTS = {"positive": "words", "negative": "words"}


def ending(latent: str, given: dict[str, str]) -> dict[str, Any]:
    wires = {"model": "checkpoint.model", **given, "latent": latent}
    return {
        "sampler": ("KSampler", QUICK, wires),
        "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    }


def ways() -> dict[str, dict[str, Any]]:
    """Every way to inpaint, each ending in `end`."""
    vae = {"vae": "checkpoint.vae"}
    whole = {"model": "checkpoint.model", **vae, **TEXTS, **PAIR}
    shown = {"positive": "shown.positive", "negative": "shown.negative"}
    over = {"image": "picture.image", "over": "decode", "mask": "holes.mask"}
    composite = {"end": ("CompositeImages", BLENDED, over)}
    cropped = {"image": "crop.image", "mask": "crop.mask"}
    back = {
        "image": "picture.image", "patch": "decode", "frame": "crop.frame", "mask": "holes.mask",
    }  # fmt: skip
    return {
        "one node": {"end": ("Inpaint", {**QUICK, **BLENDED}, whole)},
        "one node, whole picture": {
            "end": ("Inpaint", {**QUICK, **BLENDED, "only_masked": False}, whole)
        },
        "one node, half": {
            "end": ("Inpaint", {**QUICK, **BLENDED, "denoise": 0.5, "fill": "telea"}, whole)
        },
        "conditioning": {
            "shown": ("InpaintModelConditioning", {}, {**vae, **TEXTS, **PAIR}),
            **ending("shown.latent", shown),
            **composite,
        },
        "conditioning, free": {
            "shown": ("InpaintModelConditioning", {"noise_mask": False}, {**vae, **TEXTS, **PAIR}),
            **ending("shown.latent", shown),
            **composite,
        },
        "grey": {
            "encode": ("VAEEncodeForInpaint", {}, {**vae, **PAIR}),
            **ending("encode", TEXTS),
            **composite,
        },
        "cropped": {
            "crop": ("CropToMask", {"size": 64, "context_share": 0.3}, PAIR),
            "shown": ("InpaintModelConditioning", {}, {**vae, **TEXTS, **cropped}),
            **ending("shown.latent", shown),
            "end": ("Stitch", BLENDED, back),
        },
        "cropped, as it is": {
            "crop": ("CropToMask", {"size": None, "context_share": 0.3}, PAIR),
            "shown": ("InpaintModelConditioning", {}, {**vae, **TEXTS, **cropped}),
            **ending("shown.latent", shown),
            "end": ("Stitch", BLENDED, back),
        },
    }


@pytest.fixture
def files(tmp_path: Path) -> Path:
    alpha = np.where(hole(), 0, 255).astype(np.uint8)
    Pil.fromarray(np.dstack([alpha, alpha, alpha, alpha])).save(tmp_path / "hole.png")
    save(tmp_path / "picture.png", "RGB")
    return tmp_path


def written(bench: Bench, document: dict[str, Any]) -> Any:
    """A graph's picture as its file has it, uint8 [H, W, 3]."""
    ends = {"file": ("SaveImage", {"name": "made"}, {"image": "end"})}
    result = bench.run(graph(**base(), **document, **ends), ["file"])
    assert result.error is None, result.error
    with Pil.open(result.outputs[0].path) as opened:
        return np.asarray(opened)


@pytest.mark.usefixtures("tiny", "files")
@pytest.mark.parametrize("way", ways())
def test_outside_the_mask_nothing_changes(bench: Bench, tmp_path: Path, way: str) -> None:
    made = written(bench, ways()[way])
    given = to_uint8(read_picture(tmp_path / "picture.png").rgb)
    assert made.shape == given.shape == (HEIGHT, WIDTH, 3)
    assert np.array_equal(made[~reach()], given[~reach()])
    assert (made != given)[hole()].mean() > 0.5, "nothing was painted"
    assert not bench.warned


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("kind", ["RGBA", "grey", "grey16", "RGB16"])
@pytest.mark.parametrize("way", ["one node", "conditioning", "grey"])
def test_whatever_the_file_is(bench: Bench, files: Path, way: str, kind: str) -> None:
    save(files / "picture.png", kind)
    given = to_uint8(read_picture(files / "picture.png").rgb)
    made = written(bench, ways()[way])
    assert np.array_equal(made[~reach()], given[~reach()])
    assert (made != given)[hole()].mean() > 0.5, "nothing was painted"


@pytest.mark.usefixtures("tiny", "files")
def test_a_frame_is_cut_scaled_and_put_back(bench: Bench) -> None:
    document = graph(
        **base(),
        crop=("CropToMask", {"size": None, "context_share": 0.3}, PAIR),
        end=(
            "Stitch",
            {"feather": 0.0, "match_colours": False},
            {"image": "picture.image", "patch": "crop.image", "frame": "crop.frame",
             "mask": "holes.mask"},
        ),
    )  # fmt: skip
    values = bench.run(document, ["crop", "end", "picture"]).values
    frame, pixels = values["crop"]["frame"], values["picture"]["image"].pixels
    assert (frame.picture_width, frame.picture_height) == (WIDTH, HEIGHT)
    assert (frame.x + frame.width, frame.y, frame.height) == (WIDTH, 0, 53)
    part = values["crop"]["image"].pixels
    assert part.shape[-2:] == (56, -(-frame.width // 8) * 8)
    cut = pixels[..., : frame.height, frame.x :]
    assert torch.equal(part[..., : frame.height, : frame.width], cut)
    # Nothing was repainted, so everything is as it was.
    assert torch.equal(values["end"]["image"].pixels, pixels)


@pytest.mark.usefixtures("tiny", "files")
def test_a_frame_is_enlarged_to_the_models_size(bench: Bench) -> None:
    document = graph(**base(), crop=("CropToMask", {"size": 128, "context_share": 0.0}, PAIR))
    made = bench.run(document, ["crop"]).values["crop"]
    frame = made["frame"]
    assert abs(frame.scaled_width * frame.scaled_height - 128 * 128) < 300
    assert made["image"].pixels.shape[-2:] == made["mask"].pixels.shape[-2:]
    assert all(side % 8 == 0 for side in made["image"].pixels.shape[-2:])


@pytest.mark.usefixtures("files")
def test_an_empty_mask_is_said_in_words(bench: Bench) -> None:
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        end=("CropToMask", {}, {"image": "picture.image", "mask": "picture.mask"}),
    )
    error = bench.run(document, ["end"]).error
    assert isinstance(error, NothingMasked) or isinstance(error.__cause__, NothingMasked)
    assert "The mask is empty" in str(error)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("image", "patch", "fault"),
    [("small", "crop.image", WrongPicture), ("picture.image", "small", WrongPatch)],
)
def test_what_does_not_fit_the_frame(
    bench: Bench, image: str, patch: str, fault: type[Exception]
) -> None:
    wires = {"image": image, "patch": patch, "frame": "crop.frame", "mask": "holes.mask"}
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        holes=("LoadImage", {"path": "hole.png"}),
        small=("SolidImage", {"width": 16, "height": 16}),
        crop=("CropToMask", {"size": 64}, PAIR),
        end=("Stitch", {}, wires),
    )
    error = bench.run(document, ["end"]).error
    assert isinstance(error, fault) or isinstance(error.__cause__, fault)


# ------------------------------------------------------------------ laying pictures over others


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("at", "box"),
    [((4, 6), (4, 6, 24, 16)), ((-5, -3), (0, 0, 15, 7)), ((80, 50), (80, 50, 90, 53)),
     ((200, 0), None), ((-50, -50), None)],
)  # fmt: skip
def test_a_picture_on_another(bench: Bench, at: tuple[int, int], box: Any) -> None:
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        top=("SolidImage", {"width": 20, "height": 10, "colour": "#ff0000"}),
        end=(
            "CompositeImages",
            {"x": at[0], "y": at[1]},
            {"image": "picture.image", "over": "top"},
        ),
    )
    values = bench.run(document, ["end", "picture"]).values
    made, given = values["end"]["image"].pixels, values["picture"]["image"].pixels
    wanted = given.clone()
    if box is not None:
        left, top, right, bottom = box
        wanted[..., top:bottom, left:right] = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    assert torch.equal(made, wanted)


# ------------------------------------------------------------------ outpainting


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("fill", ["none", "neutral", "edge", "blur", "telea", "navier_stokes"])
def test_room_around_a_picture(bench: Bench, fill: str) -> None:
    sides = {"left": 3, "top": 5, "right": 10, "bottom": 0}
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        end=("PadForOutpaint", {**sides, "fill": fill, "overlap": 4}, {"image": "picture.image"}),
    )
    values = bench.run(document, ["end", "picture"]).values
    given, (made, mask) = values["picture"]["image"].pixels, (
        values["end"]["image"].pixels, values["end"]["mask"].pixels,
    )  # fmt: skip
    assert made.shape == (1, 3, HEIGHT + 5, WIDTH + 13)
    assert mask.shape == (1, 1, HEIGHT + 5, WIDTH + 13)
    assert torch.equal(made[..., 5:, 3 : 3 + WIDTH], given)
    assert (mask[..., :5, :] == 1).all()
    assert (mask[..., :3] == 1).all()
    assert (mask[..., 9:, 7 : 3 + WIDTH - 4] == 0).all()
    assert 0 < float(mask[0, 0, 30, 4]) < 1
    if fill in ("none", "neutral"):
        assert (made[..., :5, :] == {"none": 0, "neutral": 0.5}[fill]).all()
    else:
        assert made[..., :5, 20:60].std() > 0.01


@pytest.mark.usefixtures("tiny", "files")
def test_outpainting_keeps_the_picture(bench: Bench, tmp_path: Path) -> None:
    pad = ("PadForOutpaint", {"right": 21, "top": 9}, {"image": "picture.image"})
    wires = {"model": "checkpoint.model", "vae": "checkpoint.vae", **TEXTS}
    given = {"image": "pad.image", "mask": "pad.mask"}
    params = {**QUICK, "only_masked": False, "feather": 0.0}
    made = written(bench, {"pad": pad, "end": ("Inpaint", params, {**wires, **given})})
    source = to_uint8(read_picture(tmp_path / "picture.png").rgb)
    assert made.shape == (HEIGHT + 9, WIDTH + 21, 3)
    assert np.array_equal(made[9 + 8 :, : WIDTH - 8], source[8:, : WIDTH - 8])


@pytest.mark.usefixtures("files")
def test_room_for_nothing(bench: Bench) -> None:
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        end=("PadForOutpaint", {}, {"image": "picture.image"}),
    )
    assert "Nothing is added" in str(bench.run(document, ["end"]).error)


# ------------------------------------------------------------------ latent cells


def test_cells_have_the_share_that_is_masked() -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8:24, 8:20] = 1
    cells = to_cells(Mask(mask), 8).pixels
    assert cells[0, 0, 9, 9] == 1
    assert cells[0, 0, 9, 17] == 0.5
    assert not cells[..., :8, :].any()


def test_a_thin_stroke_is_not_lost() -> None:
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 31, 4:60] = 1
    cells = to_cells(Mask(mask), 8).pixels
    assert (cells[0, 0, 24:32, 8:56] > 0.99).all()
    assert not cells[..., 32:, :].any()
