"""Tiny random models, made on the fly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from tiny_models import BETAS, TINY_WIDTH, live

from studio.diffusion.sigmas import SigmaSpace
from studio.values import LatentSpace

if TYPE_CHECKING:
    from studio.diffusion.denoiser import LiveModel


@pytest.fixture(scope="session")
def sd_sigmas() -> SigmaSpace:
    """The noise levels of Stable Diffusion."""
    return SigmaSpace.from_config(BETAS)


@pytest.fixture(scope="session")
def tiny_space() -> LatentSpace:
    """A latent space with an odd scaling and a shift, so that mixing them up shows."""
    return LatentSpace("tiny", channels=4, downscale=8, scaling_factor=0.3, shift=0.1)


@pytest.fixture(scope="session")
def tiny_unet() -> torch.nn.Module:
    """A random UNet2DConditionModel of 0.1 M parameters, cross-attention width 24."""
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=4,
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=TINY_WIDTH,
            attention_head_dim=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )
    return unet.eval()


@pytest.fixture(scope="session")
def tiny_model(tiny_unet: Any, sd_sigmas: SigmaSpace, tiny_space: LatentSpace) -> LiveModel:
    """The tiny UNet as an epsilon model on the CPU in float32."""
    return live(tiny_unet, sd_sigmas, tiny_space)
