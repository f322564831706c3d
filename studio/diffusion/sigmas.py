"""The noise levels a model was trained on, in sigma space.

A variance-preserving model sees `sqrt(a) x0 + sqrt(1 - a) noise`; divided by `sqrt(a)` that is
`x0 + sigma noise` with `sigma = sqrt((1 - a) / a)` (Karras et al. 2022, arXiv 2206.00364, C.3).
Samplers work on the latter only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from studio.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

# With zero terminal SNR the last alpha-bar is 0 and its sigma infinite; the peer's stand-in.
_LAST_ALPHA_BAR = 4.8973451890853435e-08


class UnknownNoiseSchedule(InputError):
    """A scheduler configuration that describes no discrete variance-preserving schedule."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(
            f"The scheduler configuration of this checkpoint can't be used: {what}.",
            hint="Supported: linear, scaled_linear and squaredcos_cap_v2 betas, or trained_betas.",
        )


@dataclass(frozen=True, eq=False)
class SigmaSpace:
    """A discrete training schedule.

    Args:
        sigmas: float32 [T] on the CPU, rising, all above 0; index = training timestep.
        logs: their logarithms, float32 [T], rounded once where more digits of the sigmas were
            known; None takes the logarithms of the rounded ones.
    """

    sigmas: Tensor
    logs: Tensor | None = None

    @cached_property
    def log_sigmas(self) -> Tensor:
        """float32 [T]."""
        return self.sigmas.log() if self.logs is None else self.logs

    @cached_property
    def sigma_min(self) -> float:
        """Noise level of timestep 0."""
        return float(self.sigmas[0])

    @cached_property
    def sigma_max(self) -> float:
        """Noise level of the last timestep."""
        return float(self.sigmas[-1])

    def t(self, sigma: float) -> int:
        """The timestep whose sigma is nearest in the logarithm; sigma > 0."""
        # In float32, as the peer does it: a level half-way between two timesteps (the "normal"
        # schedule makes such) must round to the same side.
        log_sigma = torch.tensor([sigma], dtype=torch.float32).log()
        return int((log_sigma - self.log_sigmas).abs().argmin())

    def sigma(self, t: float) -> float:
        """The noise level at a timestep, interpolated in its logarithm; t is clamped to 0..T-1."""
        # In float32, as the peer does it: see `t`.
        place = torch.tensor(t, dtype=torch.float32).clamp(0, len(self.sigmas) - 1)
        fraction = place.frac()
        log_low, log_high = self.log_sigmas[int(place)], self.log_sigmas[math.ceil(place)]
        return float(((1 - fraction) * log_low + fraction * log_high).exp())

    @classmethod
    def from_alpha_bars(cls, alpha_bars: Tensor) -> SigmaSpace:
        """From the cumulated products of 1 - beta: float64 [T], falling, in (0, 1)."""
        sigmas = ((1 - alpha_bars) / alpha_bars).sqrt()
        return cls(sigmas.float(), sigmas.log().float())

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> SigmaSpace:
        """From a diffusers `scheduler_config.json`, with that library's defaults.

        Raises:
            UnknownNoiseSchedule: not a schedule of betas, or one of an unknown kind.
        """
        try:
            betas = _betas(config)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            raise UnknownNoiseSchedule("its betas are no numbers") from None
        if not (betas.numel() and (betas > 0).all() and (betas < 1).all()):
            raise UnknownNoiseSchedule("its betas aren't all between 0 and 1")
        alpha_bars = torch.cumprod(1 - betas, dim=0)
        if config.get("rescale_betas_zero_snr"):
            alpha_bars = _zero_terminal_snr(alpha_bars)
        return cls.from_alpha_bars(alpha_bars)


def _betas(config: Mapping[str, Any]) -> Tensor:
    """Betas, float64 [T]."""
    kind = str(config.get("_class_name", ""))
    if kind.startswith("FlowMatch"):
        raise UnknownNoiseSchedule(f"{kind} is a flow-matching schedule")
    if config.get("trained_betas") is not None:
        return torch.tensor(config["trained_betas"], dtype=torch.float64)
    count = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 0.0001)), float(config.get("beta_end", 0.02))
    match config.get("beta_schedule", "linear"):
        case "linear":
            return torch.linspace(start, end, count, dtype=torch.float64)
        case "scaled_linear":
            return torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
        case "squaredcos_cap_v2":
            return _cosine_betas(count)
        case other:
            raise UnknownNoiseSchedule(f"beta_schedule is {other!r}")


def _cosine_betas(count: int) -> Tensor:
    """Nichol and Dhariwal 2021, arXiv 2102.09672, equation 17; betas capped at 0.999."""
    t = torch.arange(count + 1, dtype=torch.float64) / count
    alpha_bars = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
    return (1 - alpha_bars[1:] / alpha_bars[:-1]).clamp(max=0.999)


def _zero_terminal_snr(alpha_bars: Tensor) -> Tensor:
    """Lin et al. 2023, arXiv 2305.08891, algorithm 1, its infinite last sigma made finite."""
    roots = alpha_bars.sqrt()
    first, last = roots[0].clone(), roots[-1].clone()
    rescaled = ((roots - last) * (first / (first - last))) ** 2
    rescaled[-1] = _LAST_ALPHA_BAR
    return rescaled
