"""What flows on wires.

Light values (`Model`, `Clip`, `Vae`) are recipes: frozen, hashable, without weights. Heavy values
(`Latent`, `Image`, `Mask`, `Conditioning`) hold tensors on the CPU and are never mutated: a node
that changes one makes a new one. torch is imported for type checking alone, so a graph can be
read, checked and planned without it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A checkpoint on disk.

    Args:
        name: the name a user types ("pocket").
        path: absolute path of its folder or file.
        fingerprint: BLAKE3 over its contents, hexadecimal.
    """

    name: str
    path: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Model:
    """Recipe of a denoiser: which checkpoint's UNet. The model store makes it live."""

    checkpoint: CheckpointRef


@dataclass(frozen=True, slots=True)
class Clip:
    """Recipe of a text encoder with its tokenizer."""

    checkpoint: CheckpointRef


@dataclass(frozen=True, slots=True)
class Vae:
    """Recipe of a first stage (image to latent and back)."""

    checkpoint: CheckpointRef


@dataclass(frozen=True, slots=True)
class LatentSpace:
    """The coordinates a latent is written in.

    Args:
        name: identity; two latents mix only where it is equal.
        channels: C of [B, C, h, w].
        downscale: pixels a latent cell, along one side (8 for Stable Diffusion).
        scaling_factor: a denoiser sees `(latent - shift) * scaling_factor`.
        shift: see `scaling_factor`.
        rgb: linear preview: `channels` rows of (r, g, b) and a last row of offsets, taking the
            *scaled* latent to 0..1; None where no factors are known.
    """

    name: str
    channels: int
    downscale: int
    scaling_factor: float
    shift: float = 0.0
    rgb: tuple[tuple[float, float, float], ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """A batch of latents, as the first stage gives them (not yet scaled for the denoiser).

    An empty latent knows its size in pixels only: `samples` and `space` are None until a sampler
    or a decoder, which know the space, treat it as zeros of the right shape (`filled`).

    Args:
        samples: float32 [B, C, h, w] on the CPU, or None for an empty latent.
        space: the latent space, or None for an empty latent.
        width: pixels.
        height: pixels.
        batch: B.
        noise_mask: float32 [1 or B, 1, h', w'] in 0..1, 1 = repaint, any size (scaled to the
            latent where it is used); None repaints everything.
    """

    samples: Tensor | None
    space: LatentSpace | None
    width: int
    height: int
    batch: int = 1
    noise_mask: Tensor | None = None

    def filled(self, space: LatentSpace) -> Tensor:
        """The samples, or zeros [B, C, h, w] in `space` for an empty latent."""
        if self.samples is not None:
            return self.samples
        import torch

        height, width = self.height // space.downscale, self.width // space.downscale
        return torch.zeros(self.batch, space.channels, height, width)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Pictures: float32 [B, 3, H, W] in 0..1, RGB, on the CPU."""

    pixels: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Masks: float32 [B, 1, H, W] in 0..1, 1 = repaint, on the CPU."""

    pixels: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ConditioningEntry:
    """One piece of text conditioning.

    Args:
        embeddings: float32 [1, T, D], T tokens.
        pooled: float32 [1, P] where the family has one.
    """

    embeddings: Tensor
    pooled: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """What steers the denoiser: one entry, or several whose predictions are averaged."""

    entries: tuple[ConditioningEntry, ...]


RECIPES: tuple[type, ...] = (Model, Clip, Vae)
HEAVY: tuple[type, ...] = (Latent, Image, Mask, Conditioning)


def tensors_of(value: object) -> Iterator[Tensor]:
    """Every tensor inside a value, however nested in dataclasses, tuples and dicts."""
    if hasattr(value, "untyped_storage"):
        yield value  # type: ignore[misc]
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            yield from tensors_of(getattr(value, item.name))
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from tensors_of(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_of(part)
