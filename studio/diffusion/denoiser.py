"""A denoiser that is in memory and ready to use.

Every family of models ends in one contract, `denoise(x, sigma) -> x0` in sigma space; this is the
one of UNets trained on a variance-preserving schedule (Stable Diffusion 1, 2, XL and the like, and
the latent-diffusion models of before).
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch

from studio.diffusion.attention import Memory
from studio.values import GuidanceOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from studio.diffusion.attention import Attention
    from studio.diffusion.sigmas import SigmaSpace
    from studio.values import LatentSpace

Prediction = Literal["epsilon", "v_prediction", "sample"]
_PLAIN = GuidanceOptions()


class UNet(Protocol):
    """What is needed of a UNet: to be called as diffusers' `UNet2DConditionModel`, or, where it
    takes no text, as its `UNet2DModel`."""

    def __call__(
        self,
        sample: Tensor,
        timestep: Tensor,
        *,
        return_dict: Literal[False],
        **conditions: Any,
    ) -> tuple[Tensor, ...]:
        """Predict for `sample` [N, C, h, w] at `timestep`.

        The conditions are `encoder_hidden_states`, `added_cond_kwargs`, `class_labels` and
        `timestep_cond`, each only where the model takes it.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Steering:
    """What a UNet is told beside the noisy latent: a batch on its device, None where it isn't told.

    Args:
        embeddings: [N, T, D] in the model's dtype, what its cross-attention looks at.
        pooled: [N, P] in the model's dtype, SDXL's pooled text.
        time_ids: float32 [N, 6] (the refiner: 5), SDXL's sizes, in pixels.
        labels: int64 [N], the noise level of the x4 upscaler's picture.
        concat: float32 [N, K, h, w], channels after those of the latent.
        scale: [N, W] in the model's dtype, the embedded guidance scale (LCM).
        memory: what cross-attention made of the embeddings, kept from step to step.
    """

    embeddings: Tensor | None = None
    pooled: Tensor | None = None
    time_ids: Tensor | None = None
    labels: Tensor | None = None
    concat: Tensor | None = None
    scale: Tensor | None = None
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True, eq=False)
class LiveModel:
    """A UNet on a device, with what is needed to use it.

    Args:
        unet: the network, its weights on `device` in `dtype`. What it wants to be told is read off
            its `config`; one without a config is taken for a plain UNet with cross-attention.
        sigmas: the noise levels it was trained on.
        space: the latents it was trained on.
        prediction: what it predicts: the noise ("epsilon"), the velocity ("v_prediction", Salimans
            and Ho 2022, arXiv 2202.00512) or the clean latent ("sample").
        device: where it lies.
        dtype: what it computes in; everything around it is float32.
        guidance: how its predictions are guided.
        attention: computes the attention of the UNet's transformers, where that is ours.
        together: asked in place of the UNet, with what `predict` takes: it may wait for others that
            use the same UNet, and have all of them computed in one call.
    """

    unet: UNet
    sigmas: SigmaSpace
    space: LatentSpace
    prediction: Prediction
    device: torch.device
    dtype: torch.dtype
    guidance: GuidanceOptions = _PLAIN
    attention: Attention | None = None
    together: Callable[[Tensor, Tensor, Steering], Tensor] | None = None

    @property
    def takes_text(self) -> bool:
        """Whether it has cross-attention; an unconditional model has none."""
        config = self._config
        return config is None or hasattr(config, "cross_attention_dim")

    @property
    def context_width(self) -> int | None:
        """Width D of the embeddings the UNet attends to; None where it doesn't say."""
        width = getattr(self._config, "cross_attention_dim", None)
        return width if isinstance(width, int) else None

    @property
    def extra_channels(self) -> int | None:
        """Channels it takes beside the latent's; None where it doesn't say."""
        channels = getattr(self._config, "in_channels", None)
        return channels - self.space.channels if isinstance(channels, int) else None

    @property
    def takes_sizes(self) -> bool:
        """Whether it is told pooled text and sizes, as SDXL."""
        return getattr(self._config, "addition_embed_type", None) == "text_time"

    @property
    def added_width(self) -> tuple[int, int]:
        """Of a model that `takes_sizes`: width of pooled text and sizes together, of one size."""
        config = self._config
        return config.projection_class_embeddings_input_dim, config.addition_time_embed_dim

    @property
    def takes_level(self) -> bool:
        """Whether it is told a noise level of its own, as the x4 upscaler."""
        config = self._config
        kinds = (getattr(config, "class_embed_type", None), getattr(config, "num_class_embeds", 0))
        return any(kinds)

    @property
    def scale_width(self) -> int:
        """Width of the embedded guidance scale that it is told, and then needs no unconditional
        half, as distilled models (LCM); 0 where it is told none."""
        return getattr(self._config, "time_cond_proj_dim", None) or 0

    @property
    def side_multiple(self) -> int:
        """What a latent's sides must be multiples of. UNets with text mend odd sizes themselves."""
        levels = getattr(self._config, "block_out_channels", ())
        return 1 if self.takes_text else 2 ** max(len(levels) - 1, 0)

    @property
    def base_width(self) -> int:
        """Channels of its first block, which take the most memory; Stable Diffusion has 320."""
        levels = getattr(self._config, "block_out_channels", ())
        return levels[0] if levels else 320

    @property
    def _config(self) -> Any:
        return getattr(self.unet, "config", None)

    def denoise(self, x: Tensor, sigma: float, steering: Steering) -> Tensor:
        """The clean latent that the model sees in x.

        Args:
            x: float32 [N, C, h, w] on the model's device: clean scaled latent + sigma * noise.
            sigma: noise level, above 0; the model is told the nearest training timestep.
            steering: what it is told beside; N of everything.

        Returns:
            x0, float32 [N, C, h, w].
        """
        shrink = (sigma * sigma + 1) ** -0.5
        # A tensor, not an int: a compiled UNet would compile again for every timestep.
        timestep = torch.tensor(self.sigmas.t(sigma), device=self.device)
        seen = x * shrink
        if steering.concat is not None:
            seen = torch.cat([seen, steering.concat], dim=1)
        ask = self.predict if self.together is None else self.together
        output = ask(seen.to(self.dtype), timestep, steering).float()
        match self.prediction:
            case "epsilon":
                return x.sub(output, alpha=sigma)
            case "v_prediction":
                kept: Tensor = x * (shrink * shrink)
                return kept.sub(output, alpha=sigma * shrink)
            case "sample":
                return output

    def predict(self, seen: Tensor, timestep: Tensor, steering: Steering) -> Tensor:
        """What the UNet itself says.

        Args:
            seen: [N, C, h, w] in the model's dtype, shrunk and with the channels beside.
            timestep: of no dimension, or [N].
            steering: what it is told beside; N of everything.

        Returns:
            [N, C, h, w] in the model's dtype.
        """
        conditions = self._conditions(steering)
        with self.attention.using(steering.memory) if self.attention else nullcontext():
            predicted = self.unet(seen, timestep, return_dict=False, **conditions)
        return predicted[0]

    def _conditions(self, steering: Steering) -> dict[str, Any]:
        """As the library names them, without those that this model has no parameter for."""
        conditions: dict[str, Any] = {}
        if self.takes_text:
            conditions["encoder_hidden_states"] = steering.embeddings
        if steering.pooled is not None:
            conditions["added_cond_kwargs"] = {
                "text_embeds": steering.pooled,
                "time_ids": steering.time_ids,
            }
        if steering.labels is not None:
            conditions["class_labels"] = steering.labels
        if steering.scale is not None:
            conditions["timestep_cond"] = steering.scale
        return conditions
