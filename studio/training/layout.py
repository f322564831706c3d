"""Models of the family as folders in the layout of diffusers: begun from another, written."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import diffusers
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging

from studio.training.bases import KIND, MASKED_KIND
from studio.training.denoiser import NOISE
from studio.training.previews import NOTE
from studio.training.world import SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from studio.diffusion.preview import Factors
    from studio.training.denoiser import Prediction
    from studio.training.recipe import Denoiser

MASKED = 5
"""Channels beside a latent that an inpainting model sees: a mask, and what it leaves."""


def prediction_of(base: Path) -> Prediction:
    """What a model's UNet says, by its folder."""
    found = DDIMScheduler.load_config(base, subfolder="scheduler")["prediction_type"]
    return "v_prediction" if found == "v_prediction" else "epsilon"


def load_first_stage(base: Path) -> AutoencoderKL:
    """The first stage of a model, float32, to be used as it is."""
    return AutoencoderKL.from_pretrained(base, subfolder="vae").float().eval()


def load_text(base: Path) -> tuple[CLIPTokenizer, CLIPTextModel]:
    """The tokenizer and text encoder of a model, float32."""
    tokenizer = CLIPTokenizer.from_pretrained(base, subfolder="tokenizer")
    return tokenizer, CLIPTextModel.from_pretrained(base, subfolder="text_encoder").float()


def load_unet(base: Path, *, masks: bool = False) -> UNet2DConditionModel:
    """The UNet of a model, float32.

    Args:
        base: the model's folder.
        masks: give one of four channels five more, with weights of 0, so that it begins by
            doing what it did: as Stable Diffusion's inpainting models did.
    """
    unet = UNet2DConditionModel.from_pretrained(base, subfolder="unet").float()
    if masks and unet.config["in_channels"] == 4:
        first = unet.conv_in
        wider = torch.nn.Conv2d(4 + MASKED, first.out_channels, 3, padding=1)
        with torch.no_grad():
            wider.weight.zero_()
            wider.weight[:, :4] = first.weight
            wider.load_state_dict({"weight": wider.weight, "bias": first.bias})
        unet.conv_in = wider
        unet.register_to_config(in_channels=4 + MASKED)
    return unet


def new_unet(wanted: Denoiser, width: int) -> UNet2DConditionModel:
    """A UNet that hasn't learnt yet.

    Args:
        wanted: its shape.
        width: of what the text encoder says.
    """
    down = ["CrossAttnDownBlock2D" if yes else "DownBlock2D" for yes in wanted.attention]
    up = ["CrossAttnUpBlock2D" if yes else "UpBlock2D" for yes in reversed(wanted.attention)]
    return UNet2DConditionModel(
        sample_size=SIZE // 8,
        in_channels=4 + MASKED if wanted.masks else 4,
        block_out_channels=wanted.widths,
        down_block_types=down,
        up_block_types=up,
        layers_per_block=wanted.layers,
        attention_head_dim=wanted.heads,
        norm_num_groups=wanted.groups,
        cross_attention_dim=width,
    )


def scheduler(prediction: str) -> DDIMScheduler:
    """Stable Diffusion's, as its folders have it.

    Args:
        prediction: "epsilon" or "v_prediction".
    """
    return DDIMScheduler(
        **NOISE,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction,
    )


def write_model(
    out: Path,
    vae: AutoencoderKL,
    tokenizer: CLIPTokenizer,
    text: CLIPTextModel,
    unet: UNet2DConditionModel,
    prediction: Prediction,
) -> None:
    """Write a model in float16; the modules are in float16 afterwards.

    Args:
        out: its folder. Each part replaces the one that is there once all are written.
        vae, tokenizer, text, unet: its parts.
        prediction: what the UNet says.
    """
    unfinished = out / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    parts = {
        "vae": vae.half(), "text_encoder": text.half(), "unet": unet.half(),
        "tokenizer": tokenizer, "scheduler": scheduler(prediction),
    }  # fmt: skip
    with _no_bar():
        for name, part in parts.items():
            part.save_pretrained(unfinished / name)
    _write_index(unfinished, parts, masked=unet.config["in_channels"] == 4 + MASKED)
    for new in unfinished.iterdir():
        place = out / new.name
        if place.is_dir():
            shutil.rmtree(place)
        new.replace(place)
    unfinished.rmdir()


@contextmanager
def _no_bar() -> Iterator[None]:
    """Without the library's progress bar, for files that are written in no time."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _write_index(folder: Path, parts: Mapping[str, object], *, masked: bool) -> None:
    """Say which classes load a model: what a pipeline of diffusers would write.

    The pipelines themselves bring in all that any of them needs, and warn of what isn't there.
    """
    libraries = {name: type(part).__module__.split(".")[0] for name, part in parts.items()}
    classes = {name: [libraries[name], type(part).__name__] for name, part in parts.items()}
    missing = {
        name: [None, None] for name in ("feature_extractor", "image_encoder", "safety_checker")
    }
    index = {
        "_class_name": MASKED_KIND if masked else KIND,
        "_diffusers_version": diffusers.__version__,
        "requires_safety_checker": False,
        **dict(sorted((classes | missing).items())),
    }
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def write_preview(out: Path, factors: Factors, r2: float) -> None:
    """Write what small pictures of the latent space are made with, and how well they fit."""
    rows = ",\n    ".join(json.dumps([round(each, 5) for each in row]) for row in factors)
    text = (
        f'{{\n  "rgb": [\n    {rows}\n  ],\n  "r2": {r2:.3f},\n  "note": {json.dumps(NOTE)}\n}}\n'
    )
    (out / "latent_preview.json").write_text(text, encoding="utf-8")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the weights in a model's folder, by their path in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("**/*.safetensors"))
        if "training" not in path.relative_to(folder).parts
    }
