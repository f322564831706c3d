"""Latents in safetensors files, under the tensor name that ComfyUI's latent files use."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.values import Latent, LatentSpace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

MAX_CELLS = 2**30


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

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about = json.loads((file.metadata() or {})["latent"])
            names = set(file.keys())
            for name in names & {"latent_tensor", "noise_mask"}:
                shape = file.get_slice(name).get_shape()
                if len(shape) != 4 or _product(shape) > MAX_CELLS:
                    raise NotALatent(path, f"{name} has the shape {shape}")
            samples = file.get_tensor("latent_tensor") if "latent_tensor" in names else None
            mask = file.get_tensor("noise_mask") if "noise_mask" in names else None
        space = about["space"]
        if space is not None:
            rgb = space["rgb"]
            space = LatentSpace(
                **{**space, "rgb": None if rgb is None else tuple(tuple(row) for row in rgb)}
            )
        latent = Latent(
            None if samples is None else samples.to(torch.float32, copy=True),
            space,
            int(about["width"]),
            int(about["height"]),
            int(about["batch"]),
            None if mask is None else mask.to(torch.float32, copy=True),
        )
    except (SafetensorError, OSError) as error:
        raise NotALatent(path, f"isn't a whole safetensors file ({error})") from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise NotALatent(path, "holds no latent of Latent Studio") from None
    if (samples is None) != (space is None):
        raise NotALatent(path, "has samples without a latent space, or the reverse")
    if samples is not None and space is not None:
        expected = (
            latent.batch,
            space.channels,
            latent.height // space.downscale,
            latent.width // space.downscale,
        )
        if tuple(samples.shape) != expected:
            raise NotALatent(path, f"its samples are {tuple(samples.shape)}, not {expected}")
    return latent


def _product(shape: list[int]) -> int:
    result = 1
    for side in shape:
        result *= side
    return result
