"""Latents of VQ models: snapped to a codebook (van den Oord et al., arXiv 1711.00937)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import embedding

if TYPE_CHECKING:
    from torch import Tensor

_CHUNK = 2**24
"""Distances at once: 64 MiB. Codebooks have up to 16384 entries, pictures many cells."""


def quantise(codebook: Tensor, z: Tensor) -> Tensor:
    """The nearest entry of the codebook for every cell.

    Args:
        codebook: [N, C].
        z: [B, C, h, w], on any device.

    Returns:
        float32 [B, C, h, w] on the device of `z`, equal to the library's to the bit. In float32
        throughout: in float16 near-ties between entries would fall otherwise.
    """
    entries = codebook.float()
    cells = z.to(entries.device, torch.float32).movedim(1, -1)
    flat = cells.reshape(-1, cells.shape[-1])
    chunks = torch.split(flat, max(_CHUNK // len(entries), 1))
    nearest = torch.cat([torch.cdist(chunk, entries).argmin(1) for chunk in chunks])
    found = embedding(nearest, entries).view(cells.shape)
    # For gradients the library adds the difference to `z`, and so rounds the last bit.
    return (cells + (found - cells)).movedim(-1, 1).contiguous().to(z.device)
