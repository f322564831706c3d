"""Noise masks: keeping a part of the latent while the rest is denoised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class Guided(Protocol):
    """What samplers call."""

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """x0 for x float32 [B, C, h, w] at noise level sigma."""

    def both(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """x0, and the x0 of the negative conditioning alone, which CFG++ samplers step with."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskedDenoise:
    """Keeps a latent where a mask is 0, at every step: what the peers call a noise mask.

    Args:
        denoise: the denoiser inside.
        mask: [1 or B, 1, h, w] in 0..1, 1 = repaint.
        latent: [B, C, h, w], scaled, what to keep.
        noise: [B, C, h, w], the noise that the kept part shows at sigma 1.
        thresholds: makes of a soft mask a threshold on the steps; None blends by it.
    """

    denoise: Guided
    mask: Tensor
    latent: Tensor
    noise: Tensor
    thresholds: Thresholds | None = None

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """x0, equal to the latent where the mask is 0."""
        mask = self._mask(sigma)
        return self.latent.lerp(self.denoise(self._seen(x, sigma, mask), sigma), mask)

    def both(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """x0, equal to the latent where the mask is 0, and the unguided x0.

        The latter is left as the model gives it, as in the peer: only its difference to x is used,
        and what a step makes of it under the mask is replaced before the model looks again.
        """
        mask = self._mask(sigma)
        guided, unguided = self.denoise.both(self._seen(x, sigma, mask), sigma)
        return self.latent.lerp(guided, mask), unguided

    def _mask(self, sigma: float) -> Tensor:
        return self.mask if self.thresholds is None else self.thresholds(self.mask, sigma)

    def _seen(self, x: Tensor, sigma: float, mask: Tensor) -> Tensor:
        return self.latent.add(self.noise, alpha=sigma).lerp(x, mask)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Differential diffusion: how strongly a pixel is masked says when it is let go.

    Levin and Fried, arXiv 2306.00950, as the main peer has it: a pixel is kept until the share of
    the timesteps that is still to come has fallen to its mask's value, then it is repainted. Where
    the mask is 0 it is kept to the end (at the very last level the peer lets go of that too).

    Args:
        first, last: timesteps at which sampling begins and ends.
        strength: 1 = so; below, the soft mask is mixed in, as far as 0.
        timestep: of a noise level.
    """

    first: float
    last: float
    strength: float
    timestep: Callable[[float], float]

    def __call__(self, mask: Tensor, sigma: float) -> Tensor:
        """The mask [B, 1, h, w] at a noise level."""
        span = self.first - self.last
        left = (self.timestep(sigma) - self.last) / span if span > 0 else 1.0
        free = ((mask >= left) & (mask > 0)).to(mask.dtype)
        return mask.lerp(free, self.strength)


def fit_mask(mask: Tensor, batch: int, height: int, width: int) -> Tensor:
    """A mask for a latent: bilinear (as the peer), repeated over the batch.

    Args:
        mask: float [b, 1, h', w'] in 0..1.
        batch: B; b masks are repeated in turn.
        height: h of the latent.
        width: w of the latent.

    Returns:
        float32 [B, 1, h, w].
    """
    return repeated(interpolate(mask.float(), size=(height, width), mode="bilinear"), batch)


def repeated(tensor: Tensor, batch: int) -> Tensor:
    """[b, ...] as [B, ...]: b of them in turn, or the first B."""
    if len(tensor) == 1:
        return tensor.expand(batch, *tensor.shape[1:])
    return tensor.repeat(math.ceil(batch / len(tensor)), *(1,) * (tensor.ndim - 1))[:batch]
