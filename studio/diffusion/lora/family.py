"""Which family of models a LoRA was made for, from names, shapes and metadata. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.diffusion.lora.keys import read_key

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = {
    "sd1": "Stable Diffusion 1",
    "sd2": "Stable Diffusion 2",
    "sdxl": "SDXL",
    "sdxl_refiner": "the SDXL refiner",
    "ldm": "a latent-diffusion model of before Stable Diffusion",
    "sd3": "Stable Diffusion 3",
    "flux": "Flux",
    "cascade": "Stable Cascade",
}
"""Families by their ids, coarsely: what LoRAs are exchanged within."""

# The width of the text that cross-attention sees tells the families apart.
_WIDTHS = {768: "sd1", 1024: "sd2", 2048: "sdxl"}

_OTHERS = (
    ("lora_unet_double_blocks", "flux"),
    ("lora_unet_single_blocks", "flux"),
    ("lora_transformer_single_transformer_blocks", "flux"),
    ("transformer.single_transformer_blocks", "flux"),
    ("diffusion_model.double_blocks", "flux"),
    ("lora_unet_joint_blocks", "sd3"),
    ("diffusion_model.joint_blocks", "sd3"),
    ("lora_prior_unet", "cascade"),
)

# The beginnings of what trainers write into `ss_base_model_version` and `modelspec.architecture`.
_NOTES = (
    ("sdxl_refiner", "sdxl_refiner"),
    ("stable-diffusion-xl-v1-refiner", "sdxl_refiner"),
    ("sdxl", "sdxl"),
    ("stable-diffusion-xl", "sdxl"),
    ("sd_v1", "sd1"),
    ("sd_1", "sd1"),
    ("stable-diffusion-v1", "sd1"),
    ("sd_v2", "sd2"),
    ("sd_2", "sd2"),
    ("stable-diffusion-v2", "sd2"),
    ("sd3", "sd3"),
    ("stable-diffusion-v3", "sd3"),
    ("stable-diffusion-3", "sd3"),
    ("flux", "flux"),
)


def by_tensors(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """The family that names and shapes speak of, a key of `WORDS`; None where they don't.

    Args:
        shapes: of the file's tensors, by name.
    """
    for name, shape in shapes.items():
        for start, family in _OTHERS:
            if name.startswith(start):
                return family
        key = read_key(name)
        wide = key.field in ("down", "hada_w1_b", "diff") and len(shape) >= 2
        if wide and key.part == "unet" and key.flat.endswith(("attn2_to_k", "attn2_to_v")):
            family_of_width = _WIDTHS.get(shape[1])
            if family_of_width is not None:
                return family_of_width
    return None


def by_metadata(metadata: Mapping[str, str]) -> str | None:
    """The family that the trainer noted; None where it didn't."""
    for field in ("modelspec.architecture", "ss_base_model_version"):
        noted = metadata.get(field, "").strip().lower()
        for start, family in _NOTES:
            if noted.startswith(start):
                return family
    return None


def coarse(family: str) -> str:
    """What a checkpoint's family counts as here: inpainting and upscaling versions with theirs."""
    if family in WORDS:
        return family
    return family.partition("_")[0]
