"""How many pictures a UNet can take in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from studio.diffusion.denoiser import LiveModel

# Numbers that live at once in a call, for a cell and a channel of the first block: the peer's own
# estimate for Stable Diffusion (0.01 MiB a cell and byte of a number, with 320 channels), and its
# margin for what the allocator loses.
_LIVE_NUMBERS = 33
_MARGIN = 1.5


def free_memory(device: torch.device) -> int | None:
    """Bytes that a call may take on a device; None where nobody can say (a CPU swaps instead)."""
    if device.type != "cuda":
        return None
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


def needed(model: LiveModel, cells: int) -> int:
    """Bytes that a call takes for so many cells, those of all its pictures together."""
    return int(cells * model.base_width * _LIVE_NUMBERS * model.dtype.itemsize * _MARGIN)


def entries_a_call(model: LiveModel, cells: int) -> int | None:
    """How many entries, each of `cells` cells for its whole batch, fit in one call: at least one.

    None where memory doesn't limit them.
    """
    free = free_memory(model.device)
    return None if free is None else max(1, free // max(1, needed(model, cells)))
