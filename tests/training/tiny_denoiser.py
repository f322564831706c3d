"""Models of a few thousand weights, and latents, to train in seconds."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from studio.training import words
from studio.training.world import Mix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

CPU = torch.device("cpu")


@cache
def tokenizer() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return words.learn(words.sentences(1, Mix(), 100), 600, Path(folder))


def models(channels: int = 4) -> tuple[Any, Any]:
    """A UNet of one level and a text encoder of one layer, both random."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        text = words.encoder(tokenizer(), 16, 1, 2)
    return unet((16,), in_channels=channels, mid_block_type=None), text


def unet(widths: tuple[int, ...], **config: Any) -> Any:
    """A random one, with cross-attention in all levels."""
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(4)
        return UNet2DConditionModel(
            sample_size=8,
            block_out_channels=widths,
            down_block_types=("CrossAttnDownBlock2D",) * len(widths),
            up_block_types=("CrossAttnUpBlock2D",) * len(widths),
            layers_per_block=1,
            attention_head_dim=2,
            norm_num_groups=4,
            cross_attention_dim=16,
            **config,
        )


def latents(count: int) -> Tensor:
    """Of no picture: noise, smooth enough to learn, [count, 4, 8, 8]."""
    coarse = torch.randn(count, 4, 2, 2, generator=torch.Generator().manual_seed(5))
    return torch.nn.functional.interpolate(coarse, scale_factor=4).half()


def snapshot(*modules: nn.Module) -> list[Tensor]:
    """Copies of all that modules hold, by name."""
    return [v.clone() for module in modules for _, v in sorted(module.state_dict().items())]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    """Whether they are equal to the last bit."""
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Killed(Exception):
    """What ends a training from outside."""


class Log:
    """Is told of the steps done; may kill the training after one of them."""

    def __init__(self, kill: int | None = None) -> None:
        self.figures: dict[int, Mapping[str, float]] = {}
        self._kill = kill

    def __call__(self, done: int, figures: Mapping[str, float]) -> None:
        self.figures[done] = figures
        if done == self._kill:
            raise Killed
