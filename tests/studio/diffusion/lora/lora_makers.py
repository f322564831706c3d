"""LoRA files made on the fly, tiny models to put them on, and the algebra computed another way.

The expected differences are computed in numpy, index by index or by another route than the
program's: nothing here is shared with what is tested but the names in the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from studio.values import FileRef, LoraRef

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CPU = torch.device("cpu")


def write(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> FileRef:
    """A LoRA file; its path stands for its fingerprint."""
    save_file(
        {name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path, metadata
    )
    return FileRef(path.stem, str(path), str(path))


def ref(file: FileRef, strength: float = 1.0) -> LoraRef:
    return LoraRef(file, strength)


class Toy(nn.Module):
    """A layer of each kind that LoRAs change, under the names of a UNet's."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.mid_block = nn.Module()
            self.mid_block.line = nn.Linear(24, 20)
            self.mid_block.bare = nn.Linear(24, 20, bias=False)
            self.mid_block.conv3 = nn.Conv2d(8, 6, 3, stride=2, padding=1)
            self.mid_block.conv1 = nn.Conv2d(8, 6, 1)
            self.mid_block.norm = nn.GroupNorm(2, 8)
            self.mid_block.words = nn.Embedding(10, 12)
        self.eval().requires_grad_(False)

    def forward(self) -> dict[str, Tensor]:
        """Every layer's output for a fixed input."""
        generator = torch.Generator().manual_seed(1)
        flat = torch.randn(2, 5, 24, generator=generator)
        picture = torch.randn(2, 8, 7, 9, generator=generator)
        block: Any = self.mid_block
        return {
            "line": block.line(flat),
            "bare": block.bare(flat),
            "conv3": block.conv3(picture),
            "conv1": block.conv1(picture),
            "norm": block.norm(picture),
            "words": block.words(torch.arange(10)),
        }


LAYERS = ("line", "bare", "conv3", "conv1", "norm", "words")


def shape_of(layer: str) -> tuple[int, ...]:
    return tuple(getattr(Toy().mid_block, layer).weight.shape)


# ------------------------------------------------------------------ formats


@dataclass(frozen=True)
class Made:
    """A LoRA on one layer.

    Args:
        tensors: for the file, by the ending of their names.
        weight: from the base weight and the strength to the changed one, in float64.
        bias: difference to the bias.
    """

    tensors: dict[str, Tensor]
    weight: Callable[[np.ndarray, float], np.ndarray]
    bias: np.ndarray | None = None


def added(tensors: dict[str, Tensor], delta: np.ndarray) -> Made:
    return Made(tensors, lambda base, strength: base + strength * delta.reshape(base.shape))


def draw(seed: int, *shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) * 0.5 for shape in shapes]


def array(tensor: Tensor) -> np.ndarray:
    return tensor.double().numpy()


def low_rank(
    shape: tuple[int, ...], alpha: float | None = 3.0, rank: int = 4, seed: int = 0
) -> Made:
    """LoRA and LoCon: the columns' outer products, one rank after the other."""
    out, *rest = shape
    up_shape = (out, rank) if len(shape) == 2 else (out, rank, 1, 1)
    down, up = draw(seed, (rank, *rest), up_shape)
    total = np.zeros(shape)
    for r in range(rank):
        total += np.multiply.outer(array(up).reshape(out, rank)[:, r], array(down)[r])
    tensors = {"lora_down.weight": down, "lora_up.weight": up}
    if alpha is not None:
        tensors["alpha"] = torch.tensor(alpha)
        total = total * alpha / rank
    return added(tensors, total)


def tucker_low_rank(
    shape: tuple[int, ...], alpha: float = 2.0, rank: int = 3, seed: int = 1
) -> Made:
    out, wide, *kernel = shape
    down, mid, up = draw(seed, (rank, wide, 1, 1), (rank, rank, *kernel), (out, rank, 1, 1))
    total = tucker(array(mid), array(up)[:, :, 0, 0].T, array(down)[:, :, 0, 0])
    tensors = {
        "lora_down.weight": down,
        "lora_mid.weight": mid,
        "lora_up.weight": up,
        "alpha": torch.tensor(alpha),
    }
    return added(tensors, total * alpha / rank)


def tucker(core: np.ndarray, out: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """[r, s, kh, kw] with [r, out] and [s, in], summed term by term."""
    total = np.zeros((out.shape[1], wide.shape[1], *core.shape[2:]))
    for r in range(core.shape[0]):
        for s in range(core.shape[1]):
            plane = np.multiply.outer(out[r], wide[s])
            total += plane[:, :, None, None] * core[r, s]
    return total


def hadamard(shape: tuple[int, ...], alpha: float = 2.0, rank: int = 3, seed: int = 2) -> Made:
    out, wide = shape[0], int(np.prod(shape[1:]))
    a, b, c, d = draw(seed, (out, rank), (rank, wide), (out, rank), (rank, wide))
    total = np.zeros((out, wide))
    for o in range(out):
        for i in range(wide):
            total[o, i] = (array(a)[o] @ array(b)[:, i]) * (array(c)[o] @ array(d)[:, i])
    tensors = {"hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d}
    return added({**tensors, "alpha": torch.tensor(alpha)}, total * alpha / rank)


def tucker_hadamard(
    shape: tuple[int, ...], alpha: float = 1.0, rank: int = 3, seed: int = 3
) -> Made:
    out, wide, *kernel = shape
    a, b, c, d = draw(seed, (rank, out), (rank, wide), (rank, out), (rank, wide))
    t1, t2 = draw(seed + 100, (rank, rank, *kernel), (rank, rank, *kernel))
    total = tucker(array(t1), array(a), array(b)) * tucker(array(t2), array(c), array(d))
    tensors = {
        "hada_w1_a": a, "hada_w1_b": b, "hada_w2_a": c, "hada_w2_b": d, "hada_t1": t1,
        "hada_t2": t2, "alpha": torch.tensor(alpha),
    }  # fmt: skip
    return added(tensors, total * alpha / rank)


def kronecker(
    shape: tuple[int, ...],
    first: tuple[int, int] = (2, 2),
    split: str = "",
    alpha: float | None = 5.0,
    seed: int = 4,
) -> Made:
    """LoKr; `split` names what is a product: "1", "2", "12", or "t" for a core."""
    (a, b), (out, wide, *kernel) = first, shape
    c, d, rank = out // a, wide // b, 2
    tensors: dict[str, Tensor] = {}
    if "1" in split:
        left, right = draw(seed, (a, rank), (rank, b))
        tensors |= {"lokr_w1_a": left, "lokr_w1_b": right}
        w1 = array(left) @ array(right)
    else:
        (whole,) = draw(seed, (a, b))
        tensors["lokr_w1"] = whole
        w1 = array(whole)
    if "t" in split:
        left, right, core = draw(seed + 1, (rank, c), (rank, d), (rank, rank, *kernel))
        tensors |= {"lokr_w2_a": left, "lokr_w2_b": right, "lokr_t2": core}
        w2 = tucker(array(core), array(left), array(right))
    elif "2" in split:
        left, right = draw(seed + 1, (c, rank), (rank, d * int(np.prod(kernel))))
        tensors |= {"lokr_w2_a": left, "lokr_w2_b": right}
        w2 = (array(left) @ array(right)).reshape(c, d, *kernel)
    else:
        (whole,) = draw(seed + 1, (c, d, *kernel))
        tensors["lokr_w2"] = whole
        w2 = array(whole)
    total = np.zeros(shape)
    for o in range(out):
        for i in range(wide):
            total[o, i] = w1[o // c, i // d] * w2[o % c, i % d]
    if alpha is not None:
        tensors["alpha"] = torch.tensor(alpha)
        # An alpha counts only where there is a rank to divide it by.
        total = total * (alpha / rank if split else 1.0)
    return added(tensors, total)


def dora(shape: tuple[int, ...], by: str, rank: int = 4, alpha: float = 2.0, seed: int = 5) -> Made:
    """DoRA by "output" or "input": direction of the sum, length of its own."""
    made = low_rank(shape, alpha, rank, seed)
    out, wide, *kernel = shape
    sides = (out, 1, *[1] * len(kernel)) if by == "output" else (1, wide, *[1] * len(kernel))
    (lengths,) = draw(seed + 50, sides)
    lengths = lengths.abs() + 0.5

    def weight(base: np.ndarray, strength: float) -> np.ndarray:
        merged = made.weight(base, 1.0)
        result = np.empty_like(merged)
        if by == "output":
            for o in range(out):
                result[o] = merged[o] * array(lengths).ravel()[o] / np.linalg.norm(merged[o])
        else:
            for i in range(wide):
                norm = np.linalg.norm(merged[:, i])
                result[:, i] = merged[:, i] * array(lengths).ravel()[i] / norm
        return base + strength * (result - base)

    return Made({**made.tensors, "dora_scale": lengths}, weight)


def whole(shape: tuple[int, ...], seed: int = 6, name: str = "diff") -> Made:
    (diff,) = draw(seed, shape)
    return added({name: diff}, array(diff))


def biased(made: Made, rows: int, seed: int = 7, name: str = "diff_b") -> Made:
    (diff,) = draw(seed, (rows,))
    return Made({**made.tensors, name: diff}, made.weight, array(diff))


def named(layer: str, made: Made, prefix: str = "lora_unet_mid_block_") -> dict[str, Tensor]:
    return {f"{prefix}{layer}.{ending}": tensor for ending, tensor in made.tensors.items()}


def expected(stack: list[tuple[str, Made, float]], seed: int = 0) -> dict[str, Tensor]:
    """The outputs of a toy whose weights were changed one LoRA after the other, in float64."""
    toy = Toy(seed)
    for layer in LAYERS:
        module: Any = getattr(toy.mid_block, layer)
        weight = array(module.weight)
        bias = None if getattr(module, "bias", None) is None else array(module.bias)
        for name, made, strength in stack:
            if name == layer:
                weight = made.weight(weight, strength)
                if made.bias is not None:
                    zero = np.zeros(weight.shape[0]) if bias is None else bias
                    bias = zero + strength * made.bias
        module.weight = nn.Parameter(torch.from_numpy(weight).float(), requires_grad=False)
        if bias is not None:
            module.bias = nn.Parameter(torch.from_numpy(bias).float(), requires_grad=False)
    return toy()  # type: ignore[no-any-return]


# ------------------------------------------------------------------ models


def tiny_unet(kind: str, seed: int = 0) -> Any:
    """A random UNet with the blocks of "sd1", "sd2" or "sdxl", a hundredth as wide."""
    from diffusers import UNet2DConditionModel

    plain = {
        "norm_num_groups": 4,
        "sample_size": 8,
        "layers_per_block": 2,
        "cross_attention_dim": 24,
    }
    four = {
        "block_out_channels": (8, 16, 16, 16),
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        "attention_head_dim": 4,
    }
    configs: dict[str, dict[str, Any]] = {
        "sd1": four,
        "sd2": {**four, "use_linear_projection": True, "cross_attention_dim": 32},
        "sdxl": {
            "block_out_channels": (8, 16, 32),
            "down_block_types": ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
            "up_block_types": ("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",),
            "transformer_layers_per_block": (1, 2, 3),
            "attention_head_dim": (2, 4, 8),
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 8 * 6 + 16,
        },
    }
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(**{**plain, **configs[kind]})
    return unet.eval().requires_grad_(False)


def run_unet(unet: Any) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    extra = {}
    if unet.config.addition_embed_type:
        pooled = torch.randn(1, 16, generator=generator)
        extra["added_cond_kwargs"] = {"text_embeds": pooled, "time_ids": torch.ones(1, 6)}
    sample = torch.randn(1, 4, 8, 8, generator=generator)
    words = torch.randn(1, 7, unet.config.cross_attention_dim, generator=generator)
    return unet(sample, torch.tensor(500), words, return_dict=False, **extra)[0]  # type: ignore[no-any-return]


def tiny_text(width: int = 16, *, projected: bool = False, seed: int = 0) -> Any:
    """A random CLIP text encoder of two layers."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=50, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, projection_dim=width, bos_token_id=48, eos_token_id=49,
        pad_token_id=49,
    )  # fmt: skip
    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config)
    return model.eval().requires_grad_(False)


def run_text(encoder: Any) -> Tensor:
    return encoder(input_ids=torch.tensor([[48, 3, 7, 11, 49]])).last_hidden_state  # type: ignore[no-any-return]
