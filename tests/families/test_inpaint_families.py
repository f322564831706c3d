"""The one-node Inpaint and the cropped way, against the library's pipelines on tiny models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from comparing import CFG, HEIGHT, SEED, STEPS, WIDTH, Both, texts
from pictures import save_picture
from test_inpainting import PICTURE, compare

if TYPE_CHECKING:
    from pathlib import Path

    from family_files import Family

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("modes"),
]

KINDS = ["sd1", "sd1_inpaint", "sdxl", "sdxl_inpaint"]


def pipeline_of(family: Family, name: str) -> Any:
    if name.startswith("sdxl"):
        return family[name].pipeline("StableDiffusionXLInpaintPipeline")
    return family[name].pipeline("StableDiffusionInpaintPipeline", requires_safety_checker=False)


@pytest.mark.parametrize("strength", [0.5, 0.8])
@pytest.mark.parametrize("name", KINDS)
def test_a_cropped_picture_is_sampled_as_the_library_does(
    both: Both, family: Family, tmp_path: Path, name: str, strength: float
) -> None:
    """The frame is the whole picture here, so that the library can be given the same."""
    pixels = save_picture(tmp_path / "picture.png", WIDTH, HEIGHT, hole=True)
    pair = {"image": "crop.image", "mask": "crop.mask"}
    nine = name.endswith("inpaint")
    document = {
        **texts(),
        **PICTURE,
        "crop": (
            "CropToMask",
            {"size": None, "context_share": 8.0},
            {"image": "picture.image", "mask": "picture.mask"},
        ),
        # The library keeps no noise mask for nine channels.
        "shown": (
            "InpaintModelConditioning",
            {"noise_mask": not nine},
            {"positive": "positive", "negative": "negative", "vae": "checkpoint.vae", **pair},
        ),
        "sampler": (
            "KSampler",
            {"seed": SEED, "steps": STEPS, "cfg": CFG, "sampler": "euler", "schedule": "simple",
             "denoise": strength},
            {"model": "checkpoint.model", "positive": "shown.positive",
             "negative": "shown.negative", "latent": "shown.latent"},
        ),
        "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    }  # fmt: skip
    found = both.run(document, {"checkpoint": name}, ["sampler", "decode"])
    compare(found, pipeline_of(family, name), pixels, strength)


@pytest.mark.parametrize("name", ["sd1", "sdxl"])
def test_the_one_node_paints_what_the_library_does(
    both: Both, family: Family, tmp_path: Path, name: str
) -> None:
    """With a mask along latent cells, neither grown nor feathered; the rest is the picture's."""
    pixels = save_picture(tmp_path / "picture.png", WIDTH, HEIGHT, hole=True)
    params = {
        "seed": SEED, "steps": STEPS, "cfg": CFG, "sampler": "euler", "schedule": "simple",
        "denoise": 0.5, "only_masked": False, "feather": 0.0, "match_colours": False,
    }  # fmt: skip
    whole = {"model": "checkpoint.model", "vae": "checkpoint.vae"}
    given = {"positive": "positive", "negative": "negative"}
    pair = {"image": "picture.image", "mask": "picture.mask"}
    masked = {"image": "picture.image", "vae": "checkpoint.vae"}
    document = {
        **texts(),
        **PICTURE,
        "one": ("Inpaint", params, {**whole, **given, **pair}),
        "encode": ("VAEEncode", {}, masked),
        "latent": ("SetNoiseMask", {}, {"latent": "encode", "mask": "picture.mask"}),
        "sampler": (
            "KSampler",
            dict(list(params.items())[:6]),
            {"model": "checkpoint.model", **given, "latent": "latent"},
        ),
        "decode": ("VAEDecode", {}, {"latent": "sampler", "vae": "checkpoint.vae"}),
    }
    found = both.run(document, {"checkpoint": name}, ["one", "sampler", "decode"])
    compare(found, pipeline_of(family, name), pixels, 0.5)
    hole = torch.zeros(1, 1, HEIGHT, WIDTH)
    hole[..., 16:72, 24:48] = 1
    wanted = torch.where(hole > 0, found["decode"].pixels, pixels)
    assert torch.equal(found["one"].pixels, wanted)
