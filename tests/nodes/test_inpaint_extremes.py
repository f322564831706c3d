"""Inpainting at its ends: tiny and very wide pictures, batches, masks of other sizes, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil

from studio.diffusion.inpaint import NothingMasked, composite, crop, outpaint, stitch
from studio.inpaint import FILLS
from studio.values import Image, Mask

if TYPE_CHECKING:
    from pathlib import Path

    from studio.graph.document import Graph

QUICK = {"steps": 1, "cfg": 1.0, "sampler": "euler", "seed": 3}
SIZES = [(1, 1), (1, 40), (40, 1), (9, 7), (16384, 2)]


def picture(path: Path, width: int, height: int, *boxes: tuple[int, int, int, int]) -> None:
    """Noise with rectangles (left, top, right, bottom) of transparency."""
    rng = np.random.default_rng(width + 7 * height)
    rgba = rng.integers(0, 256, (height, width, 4), np.uint8)
    rgba[..., 3] = 255
    for left, top, right, bottom in boxes:
        rgba[top:bottom, left:right, 3] = 0
    Pil.fromarray(rgba).save(path)


def nodes(**more: Any) -> Graph:
    return graph(
        checkpoint=("LoadCheckpoint", {"name": "tiny"}),
        words=("TextEncode", {"text": "a"}, {"clip": "checkpoint.clip"}),
        picture=("LoadImage", {"path": "picture.png"}),
        **more,
    )


PAIR = {"image": "picture.image", "mask": "picture.mask"}
VAE = {"vae": "checkpoint.vae"}
TEXTS = {"positive": "words", "negative": "words"}
WHOLE = {"model": "checkpoint.model", **VAE, **TEXTS}


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("only_masked", [True, False])
def test_one_node_on_pictures_of_any_size(
    bench: Bench, tmp_path: Path, size: tuple[int, int], only_masked: bool
) -> None:
    picture(tmp_path / "picture.png", *size, (0, 0, max(size[0] // 2, 1), 1))
    params = {**QUICK, "only_masked": only_masked, "feather": 1.0, "size": 64}
    document = nodes(end=("Inpaint", params, {**WHOLE, **PAIR}))
    values = bench.run(document, ["end", "picture"]).values
    made, given = values["end"]["image"].pixels, values["picture"]["image"].pixels
    assert made.shape == given.shape
    assert torch.isfinite(made).all()
    kept = values["picture"]["mask"].pixels.expand_as(given) == 0
    kept[..., : size[0] // 2 + 2] = False
    assert torch.equal(made[kept], given[kept])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (9, 1)], ids=str)
@pytest.mark.parametrize("fill", FILLS)
def test_room_around_a_tiny_picture(
    bench: Bench, tmp_path: Path, size: tuple[int, int], fill: str
) -> None:
    picture(tmp_path / "picture.png", *size)
    width, height = size
    sides = {"left": 5, "top": 1, "right": 0, "bottom": 30, "overlap": 512}
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        end=("PadForOutpaint", {**sides, "fill": fill}, PAIR),
    )
    values = bench.run(document, ["end", "picture"]).values
    made, given = values["end"]["image"].pixels, values["picture"]["image"].pixels
    assert made.shape == (1, 3, height + 31, width + 5)
    assert torch.equal(made[..., 1 : 1 + height, 5:], given)
    assert made.min() >= 0
    assert made.max() <= 1
    mask = values["end"]["mask"].pixels
    assert mask.shape == (1, 1, height + 31, width + 5)
    assert (mask[..., :5] == 1).all()
    assert (mask > 0).all(), "the overlap is wider than the picture"


# ------------------------------------------------------------------ where frames lie

CORNERS = [(0, 0), (87, 0), (0, 50), (87, 50), (40, 0), (0, 25), (87, 25), (40, 50)]


@pytest.mark.parametrize("corner", CORNERS, ids=str)
@pytest.mark.parametrize("size", [None, 64])
def test_a_mask_in_a_corner_is_cut_and_put_back(
    bench: Bench, tmp_path: Path, corner: tuple[int, int], size: int | None
) -> None:
    left, top = corner
    picture(tmp_path / "picture.png", 90, 53, (left, top, left + 3, top + 3))
    back = {"image": "picture.image", "frame": "crop.frame", "mask": "picture.mask"}
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        crop=("CropToMask", {"size": size, "context_share": 1.0}, PAIR),
        end=("Stitch", {"feather": 2.0, "match_colours": False}, {**back, "patch": "crop.image"}),
    )
    values = bench.run(document, ["crop", "end", "picture"]).values
    frame = values["crop"]["frame"]
    assert 0 <= frame.x <= left
    assert left + 3 <= frame.x + frame.width <= 90
    assert 0 <= frame.y <= top
    assert top + 3 <= frame.y + frame.height <= 53
    made, given = values["end"]["image"].pixels, values["picture"]["image"].pixels
    away = torch.ones_like(given, dtype=torch.bool)
    away[..., max(top - 2, 0) : top + 5, max(left - 2, 0) : left + 5] = False
    assert torch.equal(made[away], given[away])
    if size is None:
        assert torch.equal(made, given)


@pytest.mark.parametrize(("width", "height"), [(15, 16), (16, 15), (144, 16), (16, 144)])
def test_a_patch_of_another_size_is_refused(
    bench: Bench, tmp_path: Path, width: int, height: int
) -> None:
    picture(tmp_path / "picture.png", 16, 16, (0, 0, 16, 16))
    back = {"image": "picture.image", "frame": "crop.frame", "mask": "picture.mask"}
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        crop=("CropToMask", {"size": None}, PAIR),
        patch=("SolidImage", {"width": width, "height": height}),
        end=("Stitch", {}, {**back, "patch": "patch"}),
    )
    result = bench.run(document, ["end"])
    assert result.exit_code == 2
    words = f"end (Stitch): The repainted picture is {width}x{height} pixels, and the frame needs"
    assert words in str(result.error)


@pytest.mark.parametrize(("grow", "feather", "cut"), [(0.0, 2.0, False), (40.0, 2.0, True)])
def test_a_blend_that_the_frame_cuts_off_is_told(
    bench: Bench, tmp_path: Path, grow: float, feather: float, cut: bool
) -> None:
    picture(tmp_path / "picture.png", 90, 53, (30, 20, 40, 30))
    back = {"image": "picture.image", "frame": "crop.frame", "mask": "picture.mask"}
    params = {"grow": grow, "feather": feather}
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        crop=("CropToMask", {"size": None, "context_share": 0.2}, PAIR),
        end=("Stitch", params, {**back, "patch": "crop.image"}),
    )
    assert bench.run(document, ["end"]).status == "ok"
    assert any("reaches beyond the frame" in words for words in bench.warned) == cut


def test_what_a_smaller_picture_leaves_free_says_nothing_about_colours(
    bench: Bench, tmp_path: Path
) -> None:
    """As where VAEEncode has cropped what was no multiple of its step."""
    Pil.fromarray(np.full((53, 90, 3), 26, np.uint8)).save(tmp_path / "picture.png")
    params = {"match_colours": True, "feather": 0.0}
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        over=("SolidImage", {"width": 88, "height": 48, "colour": "#1a1a1a"}),
        end=("CompositeImages", params, {"image": "picture.image", "over": "over", "mask": "hole"}),
        strokes=(
            "InpaintMask",
            {"strokes": {"items": [{"t": "rect", "b": [50_000, 10_000, 65_536, 38_000]}]}},
            {"image": "picture.image"},
        ),
        hole=("GrowMask", {"pixels": 0.0}, {"mask": "strokes.mask"}),
    )
    made = bench.value(document, "end", "image").pixels
    assert (made - 26 / 255).abs().max() < 0.5 / 255


# ------------------------------------------------------------------ batches, other sizes, nothing


def nothing(*_: Any) -> None:
    """No cancelling, no warning."""


def many(count: int, height: int = 21, width: int = 30) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(count))


def masks(count: int) -> torch.Tensor:
    """A rectangle in each, of another size than the pictures; the second of them is empty."""
    found = torch.zeros(count, 1, 42, 60)
    for index in range(count):
        found[index, :, 4 + index : 20, 30 : 40 + index] = 1
    found[1:2] = 0
    return found


@pytest.mark.parametrize(("pictures", "holes"), [(1, 3), (3, 1), (3, 2), (2, 3), (4, 4)])
def test_batches_are_cut_repainted_and_put_back(pictures: int, holes: int) -> None:
    image, mask = Image(many(pictures)), Mask(masks(holes))
    job = crop(
        image, mask, grow=0, soften=0, feather=1.0, context=0.5, size=None, step=8
    )
    count = max(pictures, holes)
    assert len(job.image.pixels) == len(job.mask.pixels) == len(job.alpha) == count
    made = stitch(
        image, Image(1 - job.image.pixels), job.frame, job.alpha, match=False, check=nothing
    ).pixels
    over = composite(
        image, Image(1 - many(pictures)), mask, at=(0, 0), grow=0, feather=1.0, match=False,
        check=nothing,
    ).pixels  # fmt: skip
    assert len(made) == len(over) == count
    for index in range(count):
        given = image.pixels[index % pictures]
        kept = job.alpha[index].expand_as(given) == 0
        opaque = job.alpha[index].expand_as(given) == 1
        assert opaque.any() != (index % holes == 1)
        for result in (made[index], over[index]):
            assert torch.equal(result[kept], given[kept])
            assert torch.allclose(result[opaque], 1 - given[opaque])
    larger, new = outpaint(image, mask, (3, 0, 0, 5), "edge", 4, nothing)
    assert len(larger.pixels) == pictures
    assert len(new.pixels) == holes


@pytest.mark.parametrize("holes", [1, 3])
def test_a_batch_without_any_mask_is_said_in_words(holes: int) -> None:
    empty = Mask(torch.zeros(holes, 1, 5, 5))
    with pytest.raises(NothingMasked, match="nothing to repaint"):
        crop(
            Image(many(2)), empty, grow=4, soften=0, feather=None, context=0.5, size=64, step=8
        )


NODES = {
    "GrowMask": {"pixels": -9.5},
    "FeatherMask": {"pixels": 30.0},
    "InvertMask": {},
    "ThresholdMask": {"at": 0.0},
    "FillHoles": {},
    "MaskToImage": {},
}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("node", NODES)
def test_an_empty_mask_goes_through_every_node(
    bench: Bench, tmp_path: Path, node: str, size: tuple[int, int]
) -> None:
    picture(tmp_path / "picture.png", *size)
    document = graph(
        picture=("LoadImage", {"path": "picture.png"}),
        mask=("InpaintMask", {}, {"image": "picture.image"}),
        made=(node, NODES[node], {"mask": "mask.mask"}),
        both=("CombineMasks", {"how": "exclude"}, {"first": "mask.mask", "second": "mask.mask"}),
        end=(
            "CompositeImages",
            {"feather": 9.0, "grow": 3.0, "match_colours": True},
            {"image": "picture.image", "over": "mask.image", "mask": "both"},
        ),
    )
    values = bench.run(document, ["made", "end", "picture"]).values
    (made,) = values["made"].values()
    assert made.pixels.shape[-2:] == (size[1], size[0])
    assert (made.pixels == float(node in ("InvertMask", "ThresholdMask"))).all()
    assert torch.equal(values["end"]["image"].pixels, values["picture"]["image"].pixels)


@pytest.mark.usefixtures("tiny")
def test_an_empty_mask_leaves_the_picture_alone(bench: Bench, tmp_path: Path) -> None:
    picture(tmp_path / "picture.png", 21, 30)
    shown = ("InpaintModelConditioning", {}, {**VAE, **TEXTS, **PAIR})
    given = {"positive": "shown.positive", "negative": "shown.negative", "latent": "shown.latent"}
    over = {"image": "picture.image", "over": "decode", "mask": "picture.mask"}
    document = nodes(
        shown=shown,
        grey=("VAEEncodeForInpaint", {}, {**VAE, **PAIR}),
        sampler=("KSampler", QUICK, {"model": "checkpoint.model", **given}),
        decode=("VAEDecode", {}, {"latent": "sampler", **VAE}),
        end=("CompositeImages", {"feather": 8.0, "match_colours": True}, over),
        one=("Inpaint", QUICK, {**WHOLE, **PAIR}),
    )
    values = bench.run(document, ["end", "grey", "picture"]).values
    assert torch.equal(values["end"]["image"].pixels, values["picture"]["image"].pixels)
    assert not values["grey"]["latent"].noise_mask.any()
    result = bench.run(document, ["one"])
    assert result.exit_code == 2
    assert "one (Inpaint): The mask is empty" in str(result.error)
