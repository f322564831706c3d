"""The parts of a checkpoint, in whatever layout its files are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from studio.errors import InputError
from studio.values import LatentSpace
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from studio.diffusion.denoiser import Prediction
    from studio.diffusion.families import Family
    from studio.diffusion.weights.deferred import Deferred

AGAIN = "Copy or download the model again."

MAX_LEVELS = 8
"""Of a first stage; each halves the resolution, and 4 is the most that any has."""

USUAL = "as usual for its family"
BY_SCHEDULER = "by its scheduler's config"
"""How the prediction of a checkpoint is known where nothing says otherwise: in a single file, and
in a folder."""


class BadCheckpoint(InputError):
    """A checkpoint with a part that is missing, damaged or of a kind that isn't known."""

    def __init__(self, name: str, path: Path, reason: str, hint: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"the checkpoint {name!r}: {path}: {reason}.", hint=hint)


@dataclass(frozen=True)
class Part:
    """One module of a checkpoint.

    Args:
        folder: its folder, or the single file it is in; for messages.
        class_name: the library's class.
        config: as the library's config.json.
        tensors: gives its tensors by the module's names, none of them read yet.
    """

    folder: Path
    class_name: str
    config: Mapping[str, Any]
    tensors: Callable[[], dict[str, Deferred]]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, read and checked.

    Args:
        name: as the user calls it.
        path: its file or folder.
        family: which family it is of.
        unet: the denoiser.
        vae: the first stage; None where the files have none.
        text_encoders: none, one or two; a class embedder stands here too.
        tokenizers: folders of their vocabularies.
        scheduler: the scheduler's config: the betas.
        prediction: what the denoiser predicts.
        prediction_source: how that is known, in words.
        space: of its latents.
        dtype: of most weights, as the safetensors format names it.
        averaged: the weights used are averages of training ("EMA") that the file has beside the
            trained ones.
        metadata: what the file's writer noted.
    """

    name: str
    path: Path
    family: Family
    unet: Part
    vae: Part | None
    text_encoders: tuple[Part, ...]
    tokenizers: tuple[Path, ...]
    scheduler: Mapping[str, Any]
    prediction: Prediction
    prediction_source: str
    space: LatentSpace
    dtype: str
    averaged: bool
    metadata: Mapping[str, str]

    @property
    def prediction_is_usual(self) -> bool:
        """Whether nothing but the kind of model had to say what it predicts."""
        return self.prediction_source in (USUAL, BY_SCHEDULER) and (
            self.prediction == self.family.predicts
        )


def space_of(
    config: Mapping[str, Any], rgb: tuple[tuple[float, float, float], ...] | None = None
) -> LatentSpace:
    """The latent space of a first stage, by its config.

    Args:
        config: of an AutoencoderKL or a VQModel.
        rgb: factors of a linear preview.

    Raises:
        ValueError: a value makes no sense; the message says which.
    """
    # Of a VQ model, a code is what the denoiser sees.
    channels = _whole(config, "vq_embed_dim") or _whole(config, "latent_channels") or 4
    levels = config.get("block_out_channels") or (0,) * 4
    if not isinstance(levels, (list, tuple)) or len(levels) > MAX_LEVELS:
        raise ValueError(f"its block_out_channels is {short(levels)}")
    downscale = 2 ** (len(levels) - 1)
    factor = _number(config, "scaling_factor") or 0.18215
    shift = _number(config, "shift_factor")
    kind = "vq" if "num_vq_embeddings" in config else "kl"
    space = LatentSpace(f"{kind}-f{downscale}-c{channels}", channels, downscale, 1.0, shift, rgb)
    return with_scale(space, factor)


def with_scale(space: LatentSpace, factor: float) -> LatentSpace:
    """A space whose denoiser sees latents times `factor`."""
    # The numbers name the space: two checkpoints with the same first stage share it.
    build = "-".join(space.name.split("-")[:3])
    return replace(space, name=f"{build}-{factor:.5g}", scaling_factor=factor)


def _whole(config: Mapping[str, Any], key: str) -> int:
    value = config.get(key) or 0
    if type(value) is int and 0 <= value <= 4096:
        return value
    raise ValueError(f"its {key} is {short(value)}")


def _number(config: Mapping[str, Any], key: str) -> float:
    value = config.get(key) or 0
    if type(value) in (int, float) and abs(value) < 1e6:
        return float(value)
    raise ValueError(f"its {key} is {short(value)}")
