"""A whole Stable Diffusion checkpoint, tiny and random, made and saved by the library itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 24
"""Of the text embeddings."""
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def pipelines() -> Any:
    """The module `diffusers`, its pipelines imported; the library's word about torchvision, which
    it warns of on the way, is kept out of the log."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import diffusers
        from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline  # noqa: F401
    finally:
        logger.setLevel(before)
    return diffusers


def make_pipeline(
    *,
    prediction: str = "epsilon",
    seed: int = 0,
    channels: int = 4,
    width: int = WIDTH,
    vae_levels: Sequence[int] = (8, 8, 8, 16),
) -> Any:
    """The library's pipeline of random modules in float32, about 0.3 M parameters.

    Args:
        prediction: of the denoiser.
        seed: of the weights.
        channels: of the latents.
        width: of the text embeddings.
        vae_levels: widths of the first stage; it scales by 2 between two levels.
    """
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    diffusers = pipelines()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = diffusers.UNet2DConditionModel(
            sample_size=8,
            in_channels=channels,
            out_channels=channels,
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=width,
            attention_head_dim=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )
        vae = diffusers.AutoencoderKL(
            block_out_channels=tuple(vae_levels),
            down_block_types=("DownEncoderBlock2D",) * len(vae_levels),
            up_block_types=("UpDecoderBlock2D",) * len(vae_levels),
            latent_channels=channels,
            layers_per_block=1,
            norm_num_groups=4,
            sample_size=64,
            # Odd, so that a missing or doubled scaling shows.
            scaling_factor=0.3,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=676,
                hidden_size=width,
                intermediate_size=2 * width,
                num_hidden_layers=2,
                num_attention_heads=4,
                projection_dim=width,
                bos_token_id=674,
                eos_token_id=675,
                pad_token_id=675,
            )
        )
    scheduler = diffusers.DDIMScheduler(
        **BETAS,
        prediction_type=prediction,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    pipeline = diffusers.StableDiffusionPipeline(
        vae=vae.eval(),
        text_encoder=text_encoder.eval(),
        tokenizer=CLIPTokenizer.from_pretrained(ROOT / "resources" / "pocket" / "tokenizer"),
        unet=unet.eval(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
