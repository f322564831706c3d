"""A denoiser that is in memory and ready to use.

Every family of models ends in one contract, `denoise(x, sigma) -> x0` in sigma space; this is the
one of UNets trained on a variance-preserving schedule (Stable Diffusion 1, 2, XL and the like).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.sigmas import SigmaSpace
    from studio.values import LatentSpace

Prediction = Literal["epsilon", "v_prediction", "sample"]


class UNet(Protocol):
    """What is needed of a UNet: to be called as diffusers' `UNet2DConditionModel`."""

    def __call__(
        self,
        sample: Tensor,
        timestep: Tensor,
        *,
        encoder_hidden_states: Tensor,
        return_dict: Literal[False],
    ) -> tuple[Tensor, ...]:
        """Predict for `sample` [N, C, h, w] at `timestep` under [N, T, D] embeddings."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveModel:
    """A UNet on a device, with what is needed to use it.

    Args:
        unet: the network, its weights on `device` in `dtype`.
        sigmas: the noise levels it was trained on.
        space: the latents it was trained on.
        prediction: what it predicts: the noise ("epsilon"), the velocity ("v_prediction", Salimans
            and Ho 2022, arXiv 2202.00512) or the clean latent ("sample").
        device: where it lies.
        dtype: what it computes in; everything around it is float32.
    """

    unet: UNet
    sigmas: SigmaSpace
    space: LatentSpace
    prediction: Prediction
    device: torch.device
    dtype: torch.dtype

    @property
    def context_width(self) -> int | None:
        """Width D of the embeddings the UNet attends to; None where it doesn't say."""
        width = getattr(getattr(self.unet, "config", None), "cross_attention_dim", None)
        return width if isinstance(width, int) else None

    def denoise(self, x: Tensor, sigma: float, embeddings: Tensor) -> Tensor:
        """The clean latent that the model sees in x.

        Args:
            x: float32 [N, C, h, w] on the model's device: clean scaled latent + sigma * noise.
            sigma: noise level, above 0; the model is told the nearest training timestep.
            embeddings: [N, T, D] on the model's device, in its dtype.

        Returns:
            x0, float32 [N, C, h, w].
        """
        shrink = (sigma * sigma + 1) ** -0.5
        # A tensor, not an int: a compiled UNet would compile again for every timestep.
        timestep = torch.tensor(self.sigmas.t(sigma), device=self.device)
        output = self.unet(
            (x * shrink).to(self.dtype),
            timestep,
            encoder_hidden_states=embeddings,
            return_dict=False,
        )[0].float()
        match self.prediction:
            case "epsilon":
                return x.sub(output, alpha=sigma)
            case "v_prediction":
                kept: Tensor = x * (shrink * shrink)
                return kept.sub(output, alpha=sigma * shrink)
            case "sample":
                return output
