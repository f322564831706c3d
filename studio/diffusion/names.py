"""What a user may choose by name: the samplers and the schedules. Loads no torch.

Adding one is a function in `samplers` or `schedules` and a row here; nodes, command line and help
read the names from these tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from studio.diffusion import samplers, schedules

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from studio.diffusion.sigmas import SigmaSpace


@dataclass(frozen=True, slots=True)
class Sampler:
    """A sampler and what it needs.

    Args:
        run: `(denoise, x, sigmas, noise, callback) -> x`, and a keyword `eta` where `eta` below
            is a number.
        eta: default share of fresh noise a step, 0 (an ODE) to 1 (the full SDE); None where the
            sampler adds none.
        brownian: its noise is increments of one Brownian path, so steps may be split.
        own_mask_noise: what lies outside a noise mask gets noise of its own (seed + 1) and not
            the picture's, as the peer's `ddim` does.
    """

    run: Callable[..., Tensor]
    eta: float | None = None
    brownian: bool = False
    own_mask_noise: bool = False


SAMPLER_TABLE: dict[str, Sampler] = {
    "euler": Sampler(samplers.euler),
    "euler_ancestral": Sampler(samplers.ancestral, eta=1.0),
    "heun": Sampler(samplers.heun),
    "dpmpp_2m": Sampler(samplers.dpmpp_2m),
    "dpmpp_2m_sde": Sampler(samplers.dpmpp_2m_sde, eta=1.0, brownian=True),
    "dpmpp_sde": Sampler(samplers.dpmpp_sde, eta=1.0, brownian=True),
    "ddim": Sampler(samplers.ancestral, eta=0.0, own_mask_noise=True),
    "ddpm": Sampler(samplers.ancestral, eta=1.0),
    "plms": Sampler(samplers.plms),
    "lms": Sampler(samplers.lms),
}

SCHEDULE_TABLE: dict[str, Callable[[int, SigmaSpace], list[float]]] = {
    "normal": schedules.normal,
    "simple": schedules.simple,
    "karras": schedules.karras,
    "exponential": schedules.exponential,
    "sgm_uniform": schedules.sgm_uniform,
    "ddim_uniform": schedules.ddim_uniform,
    "beta": schedules.beta,
}

SAMPLERS: tuple[str, ...] = tuple(SAMPLER_TABLE)
SCHEDULES: tuple[str, ...] = tuple(SCHEDULE_TABLE)
