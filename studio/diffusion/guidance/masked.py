"""Noise masks: keeping a part of the latent while the rest is denoised."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch.nn.functional import interpolate

if TYPE_CHECKING:
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
    """

    denoise: Guided
    mask: Tensor
    latent: Tensor
    noise: Tensor

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """x0, equal to the latent where the mask is 0."""
        return self.latent.lerp(self.denoise(self._seen(x, sigma), sigma), self.mask)

    def both(self, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """x0, equal to the latent where the mask is 0, and the unguided x0.

        The latter is left as the model gives it, as in the peer: only its difference to x is used,
        and what a step makes of it under the mask is replaced before the model looks again.
        """
        guided, unguided = self.denoise.both(self._seen(x, sigma), sigma)
        return self.latent.lerp(guided, self.mask), unguided

    def _seen(self, x: Tensor, sigma: float) -> Tensor:
        return self.latent.add(self.noise, alpha=sigma).lerp(x, self.mask)


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
