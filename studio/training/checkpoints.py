"""What a training goes on from after a kill: one file, written whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Stateful(Protocol):
    """A module, an optimiser, an average."""

    def state_dict(self) -> Mapping[str, Any]: ...

    def load_state_dict(self, state: Any, /) -> object: ...


def save(path: Path, step: int, parts: Mapping[str, Stateful]) -> None:
    """Write the state of a training.

    Args:
        path: of the file.
        step: steps done.
        parts: by names of their own.
    """
    state = {name: part.state_dict() for name, part in parts.items()}
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        torch.save({"step": step, "parts": state}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def load(path: Path, parts: Mapping[str, Stateful]) -> int:
    """Give parts the state they were saved with; the steps done then, 0 where there is no file."""
    if not path.exists():
        return 0
    found = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(found["parts"][name])
    return int(found["step"])
