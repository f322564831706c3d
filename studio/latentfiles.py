"""Latents in safetensors files, under the tensor name that ComfyUI's latent files use."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from studio.errors import InputError
from studio.resize import MAX_SIDE
from studio.values import Latent, LatentSpace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

MAX_CELLS = 2**30
MAX_BATCH = 4096


class NotALatent(InputError):
    """A file that LoadLatent can't use."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}.", hint="Use a file that SaveLatent wrote.")


def encode_latent(latent: Latent, provenance: Mapping[str, Any]) -> bytes:
    """A safetensors file's bytes: `latent_tensor`, `noise_mask`, and the space as metadata."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    if latent.samples is not None:
        tensors["latent_tensor"] = latent.samples.contiguous()
    if latent.noise_mask is not None:
        tensors["noise_mask"] = latent.noise_mask.contiguous()
    about = {
        "space": None if latent.space is None else asdict(latent.space),
        "width": latent.width,
        "height": latent.height,
        "batch": latent.batch,
    }
    metadata = {"latent": json.dumps(about), "latent_studio": json.dumps(dict(provenance))}
    data: bytes = save(tensors, metadata)
    return data


def read_latent(path: Path) -> Latent:
    """The latent in a file of `encode_latent`.

    Raises:
        NotALatent: damaged, or of another shape.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about = _About.model_validate_json((file.metadata() or {})["latent"])
            for name in {"latent_tensor", "noise_mask"} & set(file.keys()):
                shape = file.get_slice(name).get_shape()
                if len(shape) != 4 or not 0 < math.prod(shape) <= MAX_CELLS:
                    raise NotALatent(path, f"{name} has the shape {shape}")
                # The copy lets go of the mapped file, which could change under us.
                tensors[name] = file.get_tensor(name).to(torch.float32, copy=True)
    except (SafetensorError, OSError) as error:
        raise NotALatent(path, f"isn't a whole safetensors file ({error})") from None
    except (KeyError, ValueError):
        raise NotALatent(path, "holds no latent of Latent Studio") from None
    latent = Latent(
        tensors.get("latent_tensor"),
        about.space,
        about.width,
        about.height,
        about.batch,
        tensors.get("noise_mask"),
    )
    if fault := _fault(latent):
        raise NotALatent(path, fault)
    return latent


class _About(BaseModel):
    """What a file says of its tensors."""

    space: LatentSpace | None
    width: int = Field(ge=1, le=MAX_SIDE)
    height: int = Field(ge=1, le=MAX_SIDE)
    batch: int = Field(ge=1, le=MAX_BATCH)


def _fault(latent: Latent) -> str | None:
    """Where the parts of a latent don't fit together."""
    samples, space, mask = latent.samples, latent.space, latent.noise_mask
    if samples is None or space is None:
        if samples is not None or space is not None:
            return "has samples without a latent space, or the reverse"
    else:
        if not (space.downscale >= 1 and math.isfinite(space.shift)):
            return "has a latent space that can't be"
        if not (math.isfinite(space.scaling_factor) and space.scaling_factor):
            return f"its scaling factor is {space.scaling_factor}"
        cells = (latent.height // space.downscale, latent.width // space.downscale)
        expected = (latent.batch, space.channels, *cells)
        if tuple(samples.shape) != expected:
            return f"its samples are {tuple(samples.shape)}, not {expected}"
    if mask is not None:
        if mask.shape[0] not in (1, latent.batch) or mask.shape[1] != 1:
            return f"its noise mask has the shape {tuple(mask.shape)}"
        if not (mask.min() >= 0 and mask.max() <= 1):
            return "its noise mask has values outside 0 to 1"
    return None
