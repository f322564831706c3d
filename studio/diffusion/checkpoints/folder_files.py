"""Which files of a part's folder hold its weights, in diffusers' layout."""

from __future__ import annotations

from pathlib import Path

from studio.diffusion.checkpoints.files import read_json
from studio.diffusion.checkpoints.parts import AGAIN, BadCheckpoint

TRAINED = ".non_ema"
"""Variant of a denoiser's weights as they were trained, beside their averages."""

VARIANTS = ("", ".fp16", ".bf16", ".fp32")
"""Other precisions of the same weights, the first that is there counts."""

# Safetensors first: a pickle beside them isn't looked at.
_STEMS = (
    ("diffusion_pytorch_model", "safetensors"), ("model", "safetensors"),
    ("diffusion_pytorch_model", "bin"), ("pytorch_model", "bin"),
)  # fmt: skip


def weight_files(folder: Path, name: str, variants: tuple[str, ...] = VARIANTS) -> tuple[Path, ...]:
    """The files with a part's weights.

    Args:
        folder: of the part.
        name: of the checkpoint, for messages.
        variants: what stands before the ending; the first that is there counts.

    Raises:
        BadCheckpoint: there are none, or an index names none.
    """
    for stem, ending in _STEMS:
        for variant in variants:
            index = folder / f"{stem}.{ending}.index{variant}.json"
            if index.is_file():
                return tuple(_shards(index, name))
            single = folder / f"{stem}{variant}.{ending}"
            if single.is_file():
                return (single,)
    raise BadCheckpoint(
        name, folder, "the weights (a .safetensors or .bin file) are missing", AGAIN
    )


def has_averages(folder: Path) -> bool:
    """Whether a denoiser's folder holds trained weights beside their averages."""
    return any((folder / f"{stem}{TRAINED}.{ending}").is_file() for stem, ending in _STEMS)


def _shards(index: Path, name: str) -> list[Path]:
    """The files that hold the weights, by their index; beside it, whatever it says."""
    found = read_json(index, name).get("weight_map")
    names = list(found.values()) if isinstance(found, dict) else []
    if not names or not all(isinstance(name, str) and Path(name).name for name in names):
        raise BadCheckpoint(name, index, "names no files", AGAIN)
    return [index.parent / Path(name).name for name in sorted(set(names))]
