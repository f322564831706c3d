"""Tiny checkpoints in both layouts for tests: the single file, and the diffusers folder beside it.

tiny_file(tmp_path / "a.safetensors", "sd1")                 # CompVis's layout
tiny_configs(tmp_path / "a", "sd1")                          # its diffusers configs
"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.compvis import FULL, TINY, Layout, write_checkpoint, write_configs

__all__ = ["FULL", "TINY", "Layout", "tiny_configs", "tiny_file"]

TOKENIZER = Path(__file__).resolve().parent.parent / "resources" / "pocket" / "tokenizer"


def tiny_file(path: Path, name: str, *, dtype: str = "float32", seed: int = 0) -> Path:
    """Write the tiny checkpoint `name` (one of `TINY`) in CompVis's layout; returns `path`."""
    return write_checkpoint(path, TINY[name], dtype=dtype, seed=seed)


def tiny_configs(folder: Path, name: str, *, tokenizer: Path = TOKENIZER) -> Path:
    """Write the configs of the tiny checkpoint `name`, with `tokenizer` for each text encoder.

    The folder then serves as `config` of the library's `from_single_file`.
    """
    write_configs(folder, TINY[name])
    for encoder, place in (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2")):
        if (folder / encoder).is_dir():
            shutil.copytree(tokenizer, folder / place, dirs_exist_ok=True)
    return folder
