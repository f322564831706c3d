"""A random model of Stable Diffusion 1.5's proportions, as a diffusers folder in float16."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

POCKET = Path(__file__).parents[1] / "resources" / "pocket"

# Half of Stable Diffusion 1.5's widths, with its depths and heads: a denoising step of a picture
# of 256 x 256 with guidance takes about a second on two cores.
WIDTHS = (160, 320, 640, 640)
CONTEXT = 384
VAE_WIDTHS = (64, 128, 256, 256)


def write_random_model(folder: Path) -> None:
    """Write the model. Its pictures are noise; its costs are those of a real one.

    Args:
        folder: made; must not exist.
    """
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=32,
        block_out_channels=WIDTHS,
        cross_attention_dim=CONTEXT,
        attention_head_dim=8,
    )
    vae = AutoencoderKL(
        block_out_channels=VAE_WIDTHS,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
    )
    known = json.loads((POCKET / "text_encoder" / "config.json").read_text())
    text = CLIPTextModel(
        CLIPTextConfig(
            **{key: known[key] for key in ("vocab_size", "bos_token_id", "eos_token_id")},
            hidden_size=CONTEXT,
            intermediate_size=4 * CONTEXT,
            num_hidden_layers=12,
            num_attention_heads=6,
        )
    )
    for module, name in ((unet, "unet"), (vae, "vae"), (text, "text_encoder")):
        module.half().save_pretrained(folder / name)
    for name in ("tokenizer", "scheduler"):
        shutil.copytree(POCKET / name, folder / name)
    shutil.copy(POCKET / "model_index.json", folder)
