"""The families of checkpoints, and how one is told from another by its header alone.

`FAMILIES` is the table: a row a family. What decides is how the text is encoded, how many
channels the denoiser sees beside the latent, and whether it is told a class. Widths decide
nothing, so a smaller or larger network of a family is still of that family. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Text = Literal["clip", "open_clip", "clip + open_clip", "open_clip_g", "bert", "class", "none"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file's names and shapes say.

    Args:
        text: kind of its text encoder; "class" embeds a class in place of text.
        extra: channels that its denoiser sees beside those of the latent.
        noise_levels: it is told how noisy those extra channels are.
    """

    text: Text
    extra: int
    noise_levels: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """A family of checkpoints.

    Args:
        id: short name, as in `models` and in graphs.
        title: what people call it.
        facts: what tells it from the others.
        config: folder under `resources/configs` with a published config of each part.
        paper: where it is described.
        known: files of it.
        predicts: what its denoiser predicts, unless a file says otherwise.
    """

    id: str
    title: str
    facts: Facts
    config: str
    paper: str
    known: str
    predicts: Literal["epsilon", "v_prediction", "sample"] = "epsilon"

    @property
    def takes_text(self) -> bool:
        """Whether it has a text encoder."""
        return self.facts.text not in ("class", "none")


_LDM = "arXiv 2112.10752"

FAMILIES: tuple[Family, ...] = (
    Family("sd1", "Stable Diffusion 1", Facts("clip", 0), "sd1", _LDM,
           "SD 1.1 to 1.5 and what was trained from them, LCM and turbo versions"),
    Family("sd1_inpaint", "Stable Diffusion 1 inpainting", Facts("clip", 5), "sd1_inpaint",
           _LDM, "sd-v1-5-inpainting and what was trained from it"),
    Family("sd2", "Stable Diffusion 2", Facts("open_clip", 0), "sd2", _LDM,
           "2.0-base, 2.1-base (epsilon), 2.0, 2.1 (768, v-prediction), SD-Turbo"),
    Family("sd2_inpaint", "Stable Diffusion 2 inpainting", Facts("open_clip", 5), "sd2_inpaint",
           _LDM, "512-inpainting-ema"),
    Family("sd2_upscale", "Stable Diffusion x4 upscaler",
           Facts("open_clip", 3, noise_levels=True), "sd2_upscale", _LDM, "x4-upscaler-ema",
           "v_prediction"),
    Family("sdxl", "Stable Diffusion XL", Facts("clip + open_clip", 0), "sdxl",
           "arXiv 2307.01952", "sd_xl_base_1.0, SDXL-Turbo, Lightning, LCM, Pony, Illustrious"),
    Family("sdxl_inpaint", "Stable Diffusion XL inpainting", Facts("clip + open_clip", 5),
           "sdxl_inpaint", "arXiv 2307.01952", "stable-diffusion-xl-1.0-inpainting-0.1"),
    Family("sdxl_refiner", "Stable Diffusion XL refiner", Facts("open_clip_g", 0),
           "sdxl_refiner", "arXiv 2307.01952", "sd_xl_refiner_1.0"),
    Family("ldm_text", "LDM text-to-image", Facts("bert", 0), "ldm_text", _LDM,
           "text2img-large, ldm-text2im-large-256"),
    Family("ldm_class", "LDM class-conditional", Facts("class", 0), "ldm_class", _LDM,
           "cin256, cin256-v2"),
    Family("ldm_sr", "LDM super-resolution", Facts("none", 3), "ldm_sr", _LDM,
           "bsr_sr, ldm-super-resolution-4x-openimages"),
    Family("ldm_uncond", "LDM unconditional", Facts("none", 0), "ldm_uncond", _LDM,
           "celeba256, ffhq256, lsun_churches256, lsun_beds256"),
)  # fmt: skip

# Recognised, so that the error can say what a file is; none of them can be run.
OTHERS: tuple[tuple[Facts, str], ...] = (
    (Facts("clip", 4), "InstructPix2Pix (Stable Diffusion 1)"),
    (Facts("clip + open_clip", 4), "InstructPix2Pix (Stable Diffusion XL)"),
    (Facts("open_clip", 1), "Stable Diffusion 2 depth"),
)

_LORA = "a LoRA: put it into the folder loras, and use LoadLora"
_VAE = "a first stage: put it into the folder vae, and use LoadVae"
_EMBEDDING = "an embedding: put it into the folder embeddings, and write embedding:NAME in a prompt"
_CONTROL = "a ControlNet: put it into the folder controlnet (it can't be used yet)"
_UPSCALER = "an upscaler: put it into the folder upscalers (it can't be used yet)"
_TEXT = "a text encoder alone: put it into the folder text_encoders (it can't be used yet)"
_DENOISER = "a denoiser alone, without the rest of a checkpoint"

OTHER_KEYS: tuple[tuple[str, str], ...] = (
    ("model.diffusion_model.joint_blocks.", "Stable Diffusion 3, which can't be used yet"),
    ("joint_blocks.", "Stable Diffusion 3 (the denoiser alone), which can't be used yet"),
    ("model.diffusion_model.double_blocks.", "Flux, which can't be used yet"),
    ("double_blocks.", "Flux (the denoiser alone), which can't be used yet"),
    ("*lora_A.", _LORA),
    ("*lora_up.", _LORA),
    ("*lora.up.", _LORA),
    ("*hada_w1", _LORA),
    ("*lokr_w1", _LORA),
    ("lora_unet_", _LORA),
    ("lora_te", _LORA),
    ("control_model.", _CONTROL),
    ("input_hint_block.", _CONTROL),
    ("controlnet_cond_embedding.", _CONTROL),
    ("encoder.down.", _VAE),
    ("encoder.down_blocks.", _VAE),
    ("first_stage_model.", _VAE),
    ("down_blocks.", _DENOISER),
    ("unet.", _DENOISER),
    ("input_blocks.", _DENOISER),
    ("diffusion_model.input_blocks.", _DENOISER),
    ("text_model.", _TEXT),
    ("transformer.resblocks.", _TEXT),
    ("cond_stage_model.", _TEXT),
    ("conditioner.", _TEXT),
    ("conv_first.", _UPSCALER),
    ("model.0.weight", _UPSCALER),
    ("string_to_param", _EMBEDDING),
    ("emb_params", _EMBEDDING),
    ("clip_l", _EMBEDDING),
    ("clip_g", _EMBEDDING),
)
"""First letters of tensors' names (anywhere in a name after a star), and what a file with them is.
"""

MARKS: tuple[tuple[str, str], ...] = (
    ("edm_mean", "was trained with the preconditioning of EDM (arXiv 2206.00364)"),
    ("edm_vpred.sigma_max", "was trained with the preconditioning of EDM (arXiv 2206.00364)"),
    ("scaled_fp8", "holds 8-bit weights with scales of their own"),
)  # fmt: skip
"""Tensors in files that look like a known family and aren't used like it."""


def family_of(facts: Facts) -> Family | None:
    """The family with these facts, or None."""
    return next((family for family in FAMILIES if family.facts == facts), None)


def other_of(facts: Facts) -> str | None:
    """What is known of facts that no family has."""
    return next((title for known, title in OTHERS if known == facts), None)
