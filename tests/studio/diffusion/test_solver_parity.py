"""Solvers against diffusers' schedulers, driven by hand: a bent denoiser, the scheduler's levels.

`test_sampler_parity` goes through the library's pipeline and a UNet; here are the schedulers that
ask for levels between a UNet's timesteps, and variants that the pipeline has no use for. Left out
are those that define something else under the same name: DEIS and IPNDM (other times), SA-Solver
(other weights at order 2). `test_sampler_formulas` has those.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from tiny_models import BETAS

from studio.diffusion.names import SAMPLER_TABLE

# The library's own code under numpy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")

SHAPE = (2, 4, 6, 6)
SCALES = torch.linspace(0.3, 2, 36).reshape(6, 6)


def denoise(x: torch.Tensor, sigma: float) -> torch.Tensor:
    line = x / (1 + sigma * sigma)
    return line + torch.tanh(SCALES.to(x.dtype) * line + 0.2 * math.cos(sigma))


@dataclass(frozen=True)
class Case:
    """A scheduler of the library with its settings, and the sampler that should equal it."""

    sampler: str
    scheduler: str
    library: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    steps: int = 12
    tolerance: float = 1e-4


SMALLEST = {"final_sigmas_type": "sigma_min"}
WHOLE = {"lower_order_final": False}
CASES = [
    Case("dpm_2", "KDPM2DiscreteScheduler"),
    Case("dpm_2_ancestral", "KDPM2AncestralDiscreteScheduler", {}, {"eta": 1.0}),
    Case("dpmpp_2m", "DPMSolverMultistepScheduler", {**SMALLEST, **WHOLE}),
    Case(
        "dpmpp_2m_sde",
        "DPMSolverMultistepScheduler",
        {**SMALLEST, **WHOLE, "algorithm_type": "sde-dpmsolver++", "solver_type": "heun"},
        {"eta": 1.0, "heun": True},
    ),
    Case(
        "res_multistep",
        "DPMSolverMultistepScheduler",
        {**SMALLEST, **WHOLE, "solver_type": "heun"},
        {"eta": 0.0},
    ),
    Case(
        "dpmpp_3m_sde",
        "DPMSolverMultistepScheduler",
        {**SMALLEST, **WHOLE, "solver_order": 3, "solver_type": "heun"},
        {"eta": 0.0},
    ),
    # At eta 1 the library has the last weight of order 3 with another sign, and it diverges.
    Case("uni_pc", "UniPCMultistepScheduler", {**SMALLEST, "solver_type": "bh1"}, {"order": 2}),
    Case(
        "uni_pc_bh2",
        "UniPCMultistepScheduler",
        {**SMALLEST, "solver_order": 3, "solver_type": "bh2"},
    ),
    # The library mixes a little of x into the guess at low noise.
    Case("lcm", "LCMScheduler", {}, steps=6, tolerance=1e-3),
]


def level(scheduler: Any, position: int, timestep: Any) -> float:
    """The noise level that the scheduler will ask the model about next."""
    if hasattr(scheduler, "sigmas_interpol") and not scheduler.state_in_first_order:
        ancestral = "Ancestral" in type(scheduler).__name__
        index = scheduler.step_index - 1 if ancestral else scheduler.step_index
        return float(scheduler.sigmas_interpol[index])
    if hasattr(scheduler, "sigmas"):
        index = scheduler.step_index if scheduler.step_index is not None else position
        return float(scheduler.sigmas[index])
    alpha_bar = float(scheduler.alphas_cumprod.double()[int(timestep)])
    return math.sqrt((1 - alpha_bar) / alpha_bar)


def by_the_library(
    scheduler: Any, start: torch.Tensor, vp: bool
) -> tuple[torch.Tensor, list[float]]:
    """The last sample, in sigma space, and the levels at which the model was asked."""
    generator = torch.Generator().manual_seed(5)
    first = level(scheduler, 0, scheduler.timesteps[0])
    x, levels = start * (math.hypot(1, first) if not vp else 1.0), list[float]()
    for i, timestep in enumerate(scheduler.timesteps):
        sigma = level(scheduler, i, timestep)
        levels.append(sigma)
        seen = x * math.hypot(1, sigma) if vp else x
        noise = (seen - denoise(seen, sigma)) / sigma
        random = {} if type(scheduler).__name__.startswith("KDPM2D") else {"generator": generator}
        if "UniPC" in type(scheduler).__name__:
            random = {}
        x = scheduler.step(noise, timestep, x, **random).prev_sample
    return x, levels


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join([case.sampler, *map(str, case.options.values())])
)
def test_equals_the_librarys_scheduler(case: Case) -> None:
    import diffusers

    scheduler = getattr(diffusers, case.scheduler)(**BETAS, **case.library)
    scheduler.set_timesteps(case.steps)
    vp = not case.scheduler.startswith("KDPM2")
    start = torch.randn(SHAPE, generator=torch.Generator().manual_seed(3))
    theirs, asked = by_the_library(scheduler, start, vp)

    if case.scheduler == "LCMScheduler":
        sigmas = [*asked, 0.0]
    else:
        sigmas = list(dict.fromkeys(scheduler.sigmas.double().tolist()))
    last = sigmas[-1] if vp else 0.0
    levels: list[float] = []
    generator = torch.Generator().manual_seed(5)

    def remember(x: torch.Tensor, sigma: float) -> torch.Tensor:
        levels.append(sigma)
        return denoise(x, sigma)

    ours = SAMPLER_TABLE[case.sampler].run(
        remember,
        start * math.hypot(1, sigmas[0]),
        torch.tensor(sigmas, dtype=torch.float64),
        lambda sigma, sigma_next: torch.randn(SHAPE, generator=generator),
        lambda *_: None,
        **case.options,
    )
    torch.testing.assert_close(
        ours / math.hypot(1, last), theirs.to(ours.dtype), atol=case.tolerance, rtol=0
    )
    assert levels == pytest.approx(asked, rel=1e-5)
