"""What tests of samplers make models and conditionings from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from studio.diffusion.denoiser import LiveModel, Prediction
from studio.values import Conditioning, ConditioningEntry, LatentSpace

if TYPE_CHECKING:
    from studio.diffusion.sigmas import SigmaSpace

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TINY_WIDTH = 24


def live(
    unet: Any, sigmas: SigmaSpace, space: LatentSpace, prediction: Prediction = "epsilon"
) -> LiveModel:
    return LiveModel(unet, sigmas, space, prediction, torch.device("cpu"), torch.float32)


def random_conditioning(seed: int, *lengths: int, width: int = TINY_WIDTH) -> Conditioning:
    """An entry of random embeddings for every length."""
    generator = torch.Generator().manual_seed(seed)
    return Conditioning(
        tuple(
            ConditioningEntry(torch.randn(1, length, width, generator=generator))
            for length in lengths
        )
    )


class SpyUNet:
    """Predicts `0.1 x`, and remembers the shapes, timesteps and embeddings of its calls."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.timesteps: list[int] = []
        self.embeddings: list[torch.Tensor] = []

    def __call__(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor,
        *,
        encoder_hidden_states: torch.Tensor,
        return_dict: bool,
    ) -> tuple[torch.Tensor, ...]:
        assert return_dict is False
        self.batches.append(len(sample))
        self.timesteps.append(int(timestep))
        self.embeddings.append(encoder_hidden_states)
        shift = encoder_hidden_states.float().mean((1, 2)).reshape(-1, 1, 1, 1)
        return (0.1 * sample + shift,)
