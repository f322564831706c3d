"""Random values for named shapes, and the files that hold them."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.compvis.layouts import SCHEDULE, Layout, shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.compvis.parts import Shape, Shapes

_DTYPES = {
    "float32": (torch.float32, "F32"),
    "float16": (torch.float16, "F16"),
    "bfloat16": (torch.bfloat16, "BF16"),
    "float8_e4m3fn": (torch.float8_e4m3fn, "F8_E4M3"),
    "float8_e5m2": (torch.float8_e5m2, "F8_E5M2"),
    "int64": (torch.int64, "I64"),
    "int32": (torch.int32, "I32"),
}


def write_checkpoint(
    path: Path,
    layout: Layout,
    *,
    dtype: str = "float16",
    seed: int = 0,
    ema: bool = False,
    schedule: bool = True,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a random checkpoint; of equal arguments equal bytes.

    Args:
        path: `.safetensors`, written tensor by tensor, or `.ckpt`/`.pt`, torch's own format with
            the tensors under `state_dict`; its folder is made.
        layout: one of `FULL` and `TINY`, or an own one.
        dtype: of the weights; the schedule stays float32 and position numbers int64, as in the
            public files.
        seed: of the weights; a tensor depends on it, its name and its shape only.
        ema: with averaged weights of the denoiser, other than its plain ones.
        schedule: with the buffers of the schedule, where the layout has them.
        metadata: of the safetensors header.

    Returns:
        `path`.
    """
    fixed = _fixed(layout)
    return write_tensors(
        path,
        shapes(layout, ema=ema, schedule=schedule),
        dtype=dtype,
        seed=seed,
        fixed=fixed,
        metadata=metadata,
    )


def write_tensors(
    path: Path,
    tensors: Shapes,
    *,
    dtype: str = "float16",
    seed: int = 0,
    fixed: Mapping[str, torch.Tensor] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write random tensors of the names and shapes given: any file of weights, such as a VAE's.

    Args:
        path: as for `write_checkpoint`.
        tensors: names and shapes.
        dtype: of every tensor that its name does not settle.
        seed: of the values.
        fixed: values of some, with the type they are saved in.
        metadata: of the safetensors header.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    given = fixed or {}

    def value(name: str) -> torch.Tensor:
        if name in given:
            return given[name]
        return random_tensor(name, tensors[name], seed=seed, dtype=dtype)

    if path.suffix != ".safetensors":
        torch.save({"state_dict": {name: value(name) for name in tensors}, "global_step": 1}, path)
        return path
    kinds = {
        name: _kind(given[name].dtype) if name in given else _kind_of(name, dtype)
        for name in tensors
    }
    # As the format's own writer orders them: widest types first, so that each lies aligned.
    order = sorted(tensors, key=lambda name: (-_DTYPES[kinds[name]][0].itemsize, name))
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name in order:
        start, kind = end, _DTYPES[kinds[name]]
        end += math.prod(tensors[name]) * kind[0].itemsize
        header[name] = {
            "dtype": kind[1],
            "shape": list(tensors[name]),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            flat = value(name).reshape(-1)
            file.write(memoryview(flat.view(torch.uint8).numpy()))
    return path


def random_tensor(
    name: str, shape: Shape, *, seed: int = 0, dtype: str = "float32"
) -> torch.Tensor:
    """A plausible value for a weight: activations keep their size through the network.

    Args:
        name: settles the kind: normalisations lie around 1, biases are small, other weights have
            a deviation of 1 / sqrt(inputs).
        shape: of the tensor.
        seed: with `name`, of the values.
        dtype: of the tensor, unless its name settles it.
    """
    kind = _DTYPES[_kind_of(name, dtype)][0]
    if name.endswith("position_ids"):
        return torch.arange(shape[-1], dtype=kind).expand(shape).contiguous()
    if name.endswith("num_updates"):
        return torch.tensor(1000, dtype=kind)
    if name == "model_ema.decay":
        return torch.tensor(0.9999, dtype=kind)
    if name.endswith("logit_scale"):
        return torch.tensor(math.log(100.0)).to(kind)
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    # Below 2^63, as torch's generator takes it.
    generator = torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
    values = torch.randn(shape, generator=generator)
    if len(shape) > 1:
        values /= math.sqrt(math.prod(shape[1:]))
    else:
        values *= 0.02
        if name.endswith("weight"):
            values += 1
    return values.to(kind)


def schedule_buffers(betas: tuple[float, float]) -> dict[str, torch.Tensor]:
    """What `LatentDiffusion.register_schedule` saves, each float32 of 1000.

    Args:
        betas: first and last; between them the square root rises evenly (Rombach et al. 2022).
    """
    beta = torch.linspace(betas[0] ** 0.5, betas[1] ** 0.5, 1000, dtype=torch.float64) ** 2
    kept = (1 - beta).cumprod(0)
    before = torch.cat([torch.ones(1, dtype=torch.float64), kept[:-1]])
    posterior = beta * (1 - before) / (1 - kept)
    values = (
        beta,
        kept,
        before,
        kept.sqrt(),
        (1 - kept).sqrt(),
        (1 - kept).log(),
        (1 / kept).sqrt(),
        (1 / kept - 1).sqrt(),
        posterior,
        posterior.clamp(min=1e-20).log(),
        beta * before.sqrt() / (1 - kept),
        (1 - before) * (1 - beta).sqrt() / (1 - kept),
    )
    return {name: value.float() for name, value in zip(SCHEDULE, values, strict=True)}


def _fixed(layout: Layout) -> dict[str, torch.Tensor]:
    values: dict[str, torch.Tensor] = {}
    if layout.betas:
        buffers = schedule_buffers(layout.betas)
        values |= buffers
        if layout.low_scale:
            values |= {f"low_scale_model.{name}": buffers[name] for name in SCHEDULE[:8]}
    if layout.scale_factor is not None:
        values["scale_factor"] = torch.tensor(layout.scale_factor)
    return values


def _kind_of(name: str, dtype: str) -> str:
    if name.endswith("position_ids"):
        return "int64"
    if name.endswith("num_updates"):
        return "int32"
    return "float32" if name == "model_ema.decay" else dtype


def _kind(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
