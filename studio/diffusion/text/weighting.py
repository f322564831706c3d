"""Weights applied to what an encoder gave: two interpretations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def towards_empty(states: Tensor, empty: Tensor, weights: Tensor) -> Tensor:
    """Each token moved along the line from the empty prompt's token in its place, as ComfyUI does.

    Args:
        states: [N, T, D], a row a chunk.
        empty: [T, D], of the prompt without a word.
        weights: [N, T]; 1 leaves a token to the bit, 0 gives the empty prompt's.

    Returns:
        [N, T, D].
    """
    weights = weights[..., None]
    return torch.where(weights == 1, states, (states - empty) * weights + empty)


def mean_restored(states: Tensor, weights: Tensor) -> Tensor:
    """Each token multiplied, then each chunk scaled back to its mean, as Automatic's web UI does.

    Args:
        states: [N, T, D], a row a chunk.
        weights: [N, T]; a chunk of ones stays to the bit.

    Returns:
        [N, T, D].
    """
    weighed = states * weights[..., None]
    before, after = (x.mean((1, 2), keepdim=True) for x in (states, weighed))
    # A mean of 0 can't be scaled to another.
    scaled = torch.where(after == 0, weighed, weighed * (before / after))
    return torch.where((weights == 1).all(1)[:, None, None], states, scaled)
