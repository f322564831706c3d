"""Noise from a seed: drawn on the CPU in float32, so a seed means the same on every device.

Nothing here touches the global random state.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from studio.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.samplers import Noise

MAX_SEED = 2**64 - 1


class BadSeed(InputError):
    """A seed that the generator can't take."""

    def __init__(self, seed: int) -> None:
        super().__init__(f"Seed {seed} is out of range.", hint="Give a whole number 0 to 2^64-1.")


def _generator(seed: int) -> torch.Generator:
    if not 0 <= seed <= MAX_SEED:
        raise BadSeed(seed)
    return torch.Generator("cpu").manual_seed(seed)


def initial_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Standard normal noise, float32 on the CPU, the whole batch in one draw.

    Equal to the peers' for equal shape and seed. torch's CPU generator looks at the lower 32 bits
    of a seed only, so seeds that differ by 2^32 give the same noise, here as there.

    Raises:
        BadSeed: seed outside 0..2^64-1.
    """
    return torch.randn(shape, generator=_generator(seed), dtype=torch.float32)


def gaussian_noise(shape: tuple[int, ...], seed: int, device: torch.device) -> Noise:
    """Independent noise for every step, from a fresh generator.

    Its first draw equals `initial_noise`, as in the peer.
    """
    generator = _generator(seed)

    def draw(sigma: float, sigma_next: float) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float32).to(device)

    return draw


def brownian_noise(
    shape: tuple[int, ...], seed: int, sigma_min: float, sigma_max: float, device: torch.device
) -> Noise:
    """Noise for SDE samplers: scaled increments of one Brownian path over sigma.

    What a step gets depends on its two levels only, not on the steps before; so another number
    of steps follows the same path and gives a similar picture (Li et al., arXiv 2001.01328; used
    so by k-diffusion). The path's noise differs from `initial_noise`'s.

    Args:
        shape: of x.
        seed: 0..2^64-1.
        sigma_min: the lowest level above 0 that will be asked for.
        sigma_max: the highest.
        device: where the noise is wanted.
    """
    if not 0 <= seed <= MAX_SEED:
        raise BadSeed(seed)
    tree: Any = None  # made at the first draw: torchsde is slow to import

    def draw(sigma: float, sigma_next: float) -> Tensor:
        nonlocal tree
        if tree is None:
            import torchsde

            tree = torchsde.BrownianTree(sigma_min, torch.zeros(shape), sigma_max, entropy=seed)
        # The tree knows its own levels to six decimals, and warns of any outside. Time runs from
        # high to low sigma, hence the sign; the peer has it so.
        path: Tensor = tree(round(sigma_next, 6), round(sigma, 6))
        increment = path * (-1 / math.sqrt(sigma - sigma_next))
        return increment.to(device)

    return draw


def scaled_noise(noise: Noise, factor: float) -> Noise:
    """The same draws, times `factor` (the samplers' option s_noise)."""
    if factor == 1:
        return noise
    return lambda sigma, sigma_next: noise(sigma, sigma_next) * factor
