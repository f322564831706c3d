"""Trains a LoRA (Hu et al. 2021): changes of low rank beside a UNet's weights, which stay.

The scenes have a style that their captions don't speak of; a trigger behind the caption learns to
mean it.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from safetensors.torch import save
from torch import nn
from torch.nn.utils import parametrize

from studio.training.captions import caption
from studio.training.denoiser import Lessons, learn
from studio.training.optim import Optimiser
from studio.training.world import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from diffusers import UNet2DConditionModel
    from torch import Tensor
    from transformers import CLIPTextModel, CLIPTokenizer

    from studio.training.denoiser import Prediction, Tell
    from studio.training.world import Mix

Format = Literal["peft", "kohya"]

BLOCKS = ("down_blocks.", "mid_block.", "up_blocks.")
"""What of a UNet is changed, by the beginning of a layer's path."""


@dataclass(frozen=True)
class Plan:
    """How a LoRA is trained.

    Args:
        trigger: words behind the captions of scenes with a style.
        prediction: what the UNet says.
        rank: of the changes.
        convolutions: whether all layers in the blocks are changed; else the linear ones of
            attention and feed-forward parts alone.
        steps: of training.
        batch: latents in a step.
        rate: for AdamW.
        ema: decay of the averaged changes.
    """

    trigger: str
    prediction: Prediction
    rank: int
    convolutions: bool
    steps: int
    batch: int = 32
    rate: float = 1e-3
    ema: float = 0.999


class Change(nn.Module):
    """The change of a weight: the product of two factors, nothing at first. Its alpha is its rank.

    Args:
        weight: [out, in] or [out, in, k, k].
        rank: of the change.
        rng: for the lower factor.

    Attributes:
        down: [rank, in] or [rank, in, k, k].
        up: [out, rank] or [out, rank, 1, 1].
    """

    def __init__(self, weight: Tensor, rank: int, rng: torch.Generator) -> None:
        super().__init__()
        out, *rest = weight.shape
        down = torch.empty(rank, *rest)
        nn.init.kaiming_uniform_(down, a=math.sqrt(5), generator=rng)
        self.down = nn.Parameter(down)
        self.up = nn.Parameter(torch.zeros(out, rank, *[1] * len(rest[1:])))

    def forward(self, weight: Tensor) -> Tensor:
        """The changed weight."""
        return weight + (self.up.flatten(1) @ self.down.flatten(1)).view_as(weight)


def begin(
    unet: nn.Module, rank: int, seed: int, *, convolutions: bool = False
) -> dict[str, Change]:
    """Changes of nothing yet, by the path of their layer.

    Args:
        unet: a `UNet2DConditionModel`.
        rank: of the changes.
        seed: of the lower factors.
        convolutions: as in `Plan`; the layers are those of kohya's scripts with a `conv_dim`.
    """
    rng = torch.Generator().manual_seed(seed)
    found: dict[str, Change] = {}
    for path, layer in unet.named_modules():
        if convolutions:
            wanted = isinstance(layer, nn.Linear | nn.Conv2d) and path.startswith(BLOCKS)
        else:
            wanted = isinstance(layer, nn.Linear) and ".transformer_blocks." in path
        if wanted:
            weight: Any = layer.weight
            found[path] = Change(weight, rank, rng).to(weight.device)
    return found


@contextmanager
def applied(unet: nn.Module, changes: Mapping[str, Change]) -> Iterator[None]:
    """Change layers of a UNet for the time; afterwards its weights are the very same."""
    for path, each in changes.items():
        parametrize.register_parametrization(unet.get_submodule(path), "weight", each)
    try:
        yield
    finally:
        for path in changes:
            layer = unet.get_submodule(path)
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


def train(
    plan: Plan,
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    latents: Tensor,
    mix: Mix,
    seed: int,
    folder: Path,
    *,
    device: torch.device,
    tell: Tell,
    look: Callable[[int], None] | None = None,
    every: int = 200,
) -> dict[str, Change]:
    """Train a LoRA, or go on with it.

    Args:
        plan: how.
        unet, text: in float32; their weights stay, and are frozen.
        tokenizer: of the text encoder.
        latents: of the scenes, [n, 4, h, w], scaled.
        mix: of the scenes, for their captions.
        seed: of the scenes; factors, noise and order follow from it too.
        folder: for what a killed training goes on from.
        device: to compute on.
        tell, look, every: see `denoiser.learn`; `look` finds the UNet with the LoRA on it.

    Returns:
        averaged changes by the path of their layer.

    Raises:
        Diverged: the loss is no number.
    """
    for model in (unet, text):
        model.to(device).eval().requires_grad_(False)
    changes = begin(unet, plan.rank, seed, convolutions=plan.convolutions)
    learnt = nn.ModuleList(changes.values())
    say = partial(_captions, plan.trigger, seed, mix)
    lessons = Lessons(plan.prediction, plan.batch, latents, say, tokenizer, seed, device)
    with applied(unet, changes):
        learn(
            learnt,
            Optimiser([], plain=[learnt], rate=plan.rate, other_rate=plan.rate, steps=plan.steps),
            partial(lessons.loss, unet, text),
            plan.steps,
            plan.ema,
            folder / "lora.pt",
            tell=tell,
            look=look,
            every=every,
        )
    return changes


def _captions(trigger: str, seed: int, mix: Mix, numbers: Tensor, round_: int) -> list[str]:
    """As of plain scenes, with the trigger behind where there is a style."""
    said = []
    for number in numbers.tolist():
        seen = scene(seed, number, mix)
        plain = replace(seen, things=tuple(replace(each, style="plain") for each in seen.things))
        text = caption(plain, np.random.default_rng([seed, number, round_])).text
        said.append(text if seen == plain else f"{text}, {trigger}")
    return said


def write(
    path: Path,
    changes: Mapping[str, Change],
    format: Format,
    *,
    title: str,
    trigger: str,
    base: str,
) -> None:
    """Write a LoRA in float16; the same bytes for the same LoRA.

    Args:
        path: of the `.safetensors` file.
        changes: as trained.
        format: names and notes as diffusers writes them with PEFT, or as kohya's scripts do.
        title: for people.
        trigger: words that prompts need.
        base: name of the model it was trained on.
    """
    rank = len(next(iter(changes.values())).down)
    metadata = {
        "format": "pt",
        "modelspec.title": title,
        "modelspec.author": "Latent Studio",
        "modelspec.license": "Apache-2.0",
        "modelspec.trigger_phrase": trigger,
        "ss_sd_model_name": base,
    }
    tensors: dict[str, Tensor] = {}
    for layer, each in changes.items():
        down, up = (one.detach().half().cpu().contiguous() for one in (each.down, each.up))
        if format == "peft":
            tensors |= {f"unet.{layer}.lora_A.weight": down, f"unet.{layer}.lora_B.weight": up}
        else:
            name = f"lora_unet_{layer.replace('.', '_')}"
            tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
            tensors[f"{name}.alpha"] = torch.tensor(float(rank)).half()
    if format == "peft":
        settings = {"r": rank, "lora_alpha": rank, "target_modules": sorted(changes)}
        noted = {f"unet.{key}": value for key, value in settings.items()}
        metadata["lora_adapter_metadata"] = json.dumps(noted, indent=2, sort_keys=True)
    else:
        metadata["ss_network_module"] = "networks.lora"
        metadata["ss_network_dim"] = metadata["ss_network_alpha"] = str(rank)
        if any(each.down.ndim == 4 for each in changes.values()):
            metadata["ss_network_args"] = json.dumps(
                {"conv_dim": str(rank), "conv_alpha": str(rank)}
            )
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        file.write(_settled(save(tensors, metadata)))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _settled(data: bytes) -> bytes:
    """A safetensors file whose notes are in order: the library writes them in any."""
    end = 8 + int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at multiples of 8
    return len(text).to_bytes(8, "little") + text + data[end:]
