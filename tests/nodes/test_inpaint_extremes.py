"""Inpainting at its ends: tiny and very wide pictures, batches, masks of other sizes, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from graph_bench import Bench, graph
from PIL import Image as Pil

from studio.inpaint import FILLS

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
