"""Reading a checkpoint or a first stage, in whatever layout it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.diffusion.checkpoints.folder import read_folder, read_vae_folder
from studio.diffusion.checkpoints.single import read_single
from studio.diffusion.checkpoints.vaefile import read_vae_file

if TYPE_CHECKING:
    from pathlib import Path

    from studio.diffusion.checkpoints.parts import Checkpoint, Part
    from studio.values import LatentSpace


def read_checkpoint(
    path: Path, name: str, prediction: str = "auto", ema: bool | None = None
) -> Checkpoint:
    """Read a checkpoint's configs and headers, and check its files.

    Args:
        path: a diffusers folder or a single file.
        name: for messages.
        prediction: what its denoiser predicts; "auto" takes what its files say.
        ema: see `CheckpointRef`.

    Raises:
        BadCheckpoint: a file is missing, truncated, damaged, or of a kind that isn't known.
    """
    if path.is_dir():
        return read_folder(path, name, prediction, ema)
    return read_single(path, name, prediction, ema)


def read_vae(path: Path, name: str) -> tuple[Part, LatentSpace]:
    """Read a first stage of its own: a folder or a file.

    Raises:
        BadCheckpoint: as `read_checkpoint`.
    """
    return read_vae_folder(path, name) if path.is_dir() else read_vae_file(path, name)
