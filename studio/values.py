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
class FileRef:
    """A model file on disk: a LoRA, an embedding, a first stage.

    Args:
        name: the name a user types.
        path: absolute path of its file or folder.
        fingerprint: BLAKE3 over its contents, hexadecimal.
    """

    name: str
    path: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """A checkpoint on disk, and what the user says of it.

    Args:
        name: the name a user types ("pocket").
        path: absolute path of its folder or file.
        fingerprint: BLAKE3 over its contents, hexadecimal, and over what a small file
            beside it says of the model.
        prediction: what its denoiser predicts ("epsilon", "v_prediction", "sample"); "auto" takes
            what its files say.
        ema: True takes the averaged weights, False the trained ones, where a file has both; None
            prefers the averaged ones.
    """

    name: str
    path: str
    fingerprint: str
    prediction: str = "auto"
    ema: bool | None = None


@dataclass(frozen=True, slots=True)
class LoraRef:
    """A LoRA file and how strongly it is applied; 1 = as trained, 0 = not at all."""

    file: FileRef
    strength: float


@dataclass(frozen=True, slots=True)
class GuidanceOptions:
    """How a model's guidance differs from plain classifier-free guidance.

    Args:
        rescale: share of the guided prediction whose contrast is brought back to the positive
            one's (Lin et al., arXiv 2305.08891, section 3.4); 0 = none.
        threshold: percentile, 0 to 1, of |x0| that dynamic thresholding keeps (Saharia et al.,
            arXiv 2205.11487); 0 = none.
        mimic_cfg: guidance scale whose contrast dynamic thresholding imitates.
        start: share of the steps, 0 to 1, from which guidance is on; before it cfg is 1.
        end: share of the steps up to which guidance is on; after it cfg is 1.
        separate: run the positive and the negative half in calls of their own, for less memory.
        curve: cfg over the steps, the first value at the first step, the last at the last, linear
            between; empty for the sampler's own cfg throughout.
    """

    rescale: float = 0.0
    threshold: float = 0.0
    mimic_cfg: float = 7.0
    start: float = 0.0
    end: float = 1.0
    separate: bool = False
    curve: tuple[float, ...] = ()
    differential: float = 0.0


@dataclass(frozen=True, slots=True)
class Model:
    """Recipe of a denoiser: which checkpoint's UNet, with what on top.

    Args:
        checkpoint: where the weights are.
        loras: applied to the UNet, in this order.
        guidance: how its predictions are guided.
    """

    checkpoint: CheckpointRef
    loras: tuple[LoraRef, ...] = ()
    guidance: GuidanceOptions = GuidanceOptions()


@dataclass(frozen=True, slots=True)
class Clip:
    """Recipe of a text encoder (or two, as SDXL has) with its tokenizer.

    Args:
        checkpoint: where the weights are.
        loras: applied to the text encoder, in this order.
        skip: layers left out at the end, counted as users do: 1 = none, 2 = the last one left
            out; None = what the family was trained with.
    """

    checkpoint: CheckpointRef
    loras: tuple[LoraRef, ...] = ()
    skip: int | None = None


@dataclass(frozen=True, slots=True)
class Vae:
    """Recipe of a first stage (image to latent and back).

    Args:
        checkpoint: the checkpoint whose first stage it is, or a first stage of its own (a file
            or folder of the kind "vae").
        alone: True where `checkpoint` is a first stage of its own.
    """

    checkpoint: CheckpointRef
    alone: bool = False


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


@dataclass(frozen=True, slots=True)
class CropFrame:
    """A part of a picture that is worked on by itself: where it is, and how it was scaled.

    Args:
        x, y, width, height: in pixels of the picture, all of it within.
        scaled_width, scaled_height: of the part as it is worked on. It may have more to the right
            and at the bottom, to fill up the first stage's step; that doesn't count.
        picture_width, picture_height: of the picture.
    """

    x: int
    y: int
    width: int
    height: int
    scaled_width: int
    scaled_height: int
    picture_width: int
    picture_height: int


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the picture, as shares of its sides, 0 to 1."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PixelArea:
    """A rectangle of the picture in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SizeHints:
    """What SDXL is told about the picture's size (Podell et al., arXiv 2307.01952), in pixels.

    Args:
        width, height: of the picture before it was cropped and scaled.
        crop_x, crop_y: where the crop began.
        target_width, target_height: of the picture to make.
        aesthetic_score: for the refiner, which takes it in place of the target size.
    """

    width: int
    height: int
    crop_x: int
    crop_y: int
    target_width: int
    target_height: int
    aesthetic_score: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Concat:
    """Channels that a denoiser sees beside the noisy latent (inpainting, upscaling).

    Args:
        samples: float32 [b, K, h', w'], as the denoiser wants them but for `latent`; fitted to the
            latent's size and batch where they are used.
        noise_level: of the noise in `samples`, an index into the model's own levels (the
            x4 upscaler); None where the model isn't told.
        latent: the last so many channels are a latent, unscaled as on all wires: the model that
            is shown it knows the scale.
    """

    samples: Tensor
    noise_level: int | None = None
    latent: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class ConditioningEntry:
    """One piece of conditioning: what to show, where, when and how strongly.

    Args:
        embeddings: float32 [1, T, D], T tokens; None for models that take no text.
        pooled: float32 [1, P] where the family has one.
        sizes: SDXL's size hints; None takes those of the latent.
        area: where it counts; None = everywhere.
        mask: float32 [b, 1, h', w'] in 0..1, how much it counts where; None = everywhere.
        mask_strength: multiplies the mask.
        strength: weight among the entries that overlap.
        start: share of the sampling, 0 to 1, from which it counts.
        end: share of the sampling up to which it counts.
        concat: channels beside the latent.
        mask_bounds: look at the rectangle around the mask only, in place of `area`.
    """

    embeddings: Tensor | None
    pooled: Tensor | None = None
    sizes: SizeHints | None = None
    area: Area | PixelArea | None = None
    mask: Tensor | None = None
    mask_strength: float = 1.0
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    concat: Concat | None = None
    mask_bounds: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """What steers the denoiser: one entry, or several whose predictions are averaged."""

    entries: tuple[ConditioningEntry, ...]


@dataclass(frozen=True, slots=True)
class Sampler:
    """Recipe of a sampler: its name and its options.

    Args:
        name: one of `studio.diffusion.names.SAMPLERS`.
        options: pairs of option and value, by the sampler's own names (eta, order, …).
    """

    name: str
    options: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Sigmas:
    """Noise levels to visit: float32 [n + 1] on the CPU, falling; the last may be 0."""

    levels: Tensor


RECIPES: tuple[type, ...] = (Model, Clip, Vae, Sampler)
HEAVY: tuple[type, ...] = (Latent, Image, Mask, Conditioning, Sigmas)


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
