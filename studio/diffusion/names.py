"""What a user may choose by name: the samplers, their options and the schedules. Loads no torch.

Adding one is a function in `samplers` or `schedules` and a row here; nodes, command line and help
read the names from these tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from studio.diffusion import samplers, schedules
from studio.errors import InputError
from studio.values import Sampler
from studio.words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from studio.diffusion.sigmas import SigmaSpace


class BadSetting(InputError):
    """A setting of the sampler that makes no sense."""


@dataclass(frozen=True, slots=True)
class Option:
    """A number that a sampler may be given.

    Args:
        default: what it takes otherwise.
        low: the least allowed.
        high: the most allowed.
        help: what it does.
        kind: a whole number, any number, or a switch (0 = off, 1 = on).
    """

    default: float
    low: float
    high: float
    help: str
    kind: Literal["number", "integer", "switch"] = "number"

    def check(self, sampler: str, name: str, value: float) -> float | int | bool:
        """The value as its kind.

        Raises:
            BadSetting: out of range, or not of its kind.
        """
        words = {
            "number": f"a number from {self.low:g} to {self.high:g}",
            "integer": f"a whole number from {self.low:g} to {self.high:g}",
            "switch": "0 (off) or 1 (on)",
        }[self.kind]
        whole = self.kind == "number" or float(value).is_integer()
        if not (math.isfinite(value) and self.low <= value <= self.high and whole):
            what = f"{name} of the sampler {sampler} is {value:g}."
            raise BadSetting(what, hint=f"Give {words}.")
        if self.kind == "switch":
            return bool(value)
        return int(value) if self.kind == "integer" else float(value)


def _eta(default: float) -> Option:
    return Option(default, 0, 1, "share of fresh noise a step: 0 = none, an ODE; 1 = the full SDE")


def _order(default: int, low: int = 1, high: int = 4, help: str = "highest order") -> Option:
    return Option(default, low, high, help, "integer")


_HEUN = Option(0, 0, 1, "the exact weight of the last difference, not the midpoint's", "switch")
S_NOISE = Option(1, 0, 10, "multiplies the fresh noise")


@dataclass(frozen=True, slots=True)
class SamplerRow:
    """A sampler and what it needs.

    Args:
        run: `(denoise, x, sigmas, noise, callback) -> x`, and the options as keywords.
        options: what may be set, by name; `s_noise` is common to all that add noise, and not a
            keyword of `run`: it multiplies what `noise` gives.
        brownian: its noise is increments of one Brownian path, so steps may be split.
        own_mask_noise: what lies outside a noise mask gets noise of its own (seed + 1) and not
            the picture's, as the peer's `ddim` does.
        drops_penultimate: where a schedule of its steps is made, one step more is made and the
            last level above 0 left out, as the peer does for samplers that dislike it.
        windowed: it takes `window`, two levels, made from its options `start` and `end`, shares of
            the model's timesteps.
    """

    run: Callable[..., Tensor]
    options: Mapping[str, Option] = field(default_factory=dict)
    brownian: bool = False
    own_mask_noise: bool = False
    drops_penultimate: bool = False
    windowed: bool = False

    @property
    def eta(self) -> float | None:
        """Default share of fresh noise a step; None where the sampler adds none."""
        option = self.options.get("eta")
        return None if option is None else option.default


_ADAPTIVE = {
    "order": _order(3, 2, 3, "evaluations a step"),
    "rtol": Option(0.05, 1e-5, 10, "tolerance relative to the latent"),
    "atol": Option(0.0078, 1e-6, 10, "least tolerance"),
    "h_init": Option(0.05, 1e-4, 10, "length of the first step in log sigma"),
    "pcoeff": Option(0, 0, 10, "proportional part of the step control"),
    "icoeff": Option(1, 0, 10, "integral part of the step control"),
    "dcoeff": Option(0, 0, 10, "differential part of the step control"),
    "accept_safety": Option(0.81, 0.01, 1, "a step that it would shrink below this is tried again"),
    "eta": _eta(0),
    "s_noise": S_NOISE,
}
_STOCHASTIC_ADAMS = {
    "eta": _eta(1),
    "s_noise": S_NOISE,
    "start": Option(0.2, 0, 1, "share of the timesteps from which noise is added"),
    "end": Option(0.8, 0, 1, "share of the timesteps up to which noise is added"),
    "predictor_order": _order(3),
    "corrector_order": _order(4, 0, help="highest order of the corrector; 0 = none"),
    "pece": Option(0, 0, 1, "evaluate again after correcting", "switch"),
}
_ODE = {"eta": _eta(0), "s_noise": S_NOISE}
_SDE = {"eta": _eta(1), "s_noise": S_NOISE}

SAMPLER_TABLE: dict[str, SamplerRow] = {
    "euler": SamplerRow(samplers.euler),
    "euler_cfg_pp": SamplerRow(samplers.euler_cfg_pp),
    "euler_ancestral": SamplerRow(samplers.ancestral, _SDE),
    "euler_ancestral_cfg_pp": SamplerRow(samplers.euler_cfg_pp, _SDE),
    "heun": SamplerRow(samplers.heun),
    "dpm_2": SamplerRow(samplers.dpm_2, drops_penultimate=True),
    "dpm_2_ancestral": SamplerRow(samplers.dpm_2, _SDE, drops_penultimate=True),
    "lms": SamplerRow(samplers.lms, {"order": _order(4)}),
    "dpm_fast": SamplerRow(samplers.dpm_fast, _ODE),
    "dpm_adaptive": SamplerRow(samplers.dpm_adaptive, _ADAPTIVE),
    "dpmpp_2s_ancestral": SamplerRow(samplers.dpmpp_2s_ancestral, _SDE),
    "dpmpp_sde": SamplerRow(
        samplers.dpmpp_sde,
        {**_SDE, "r": Option(0.5, 0.05, 1, "where in the step the second evaluation lies")},
        brownian=True,
    ),
    "dpmpp_2m": SamplerRow(samplers.dpmpp_2m),
    "dpmpp_2m_cfg_pp": SamplerRow(samplers.dpmpp_2m_cfg_pp),
    "dpmpp_2m_sde": SamplerRow(samplers.dpmpp_2m_sde, {**_SDE, "heun": _HEUN}, brownian=True),
    "dpmpp_3m_sde": SamplerRow(samplers.dpmpp_3m_sde, _SDE, brownian=True),
    "ddpm": SamplerRow(samplers.ancestral, _SDE),
    "ddim": SamplerRow(samplers.ancestral, _ODE, own_mask_noise=True),
    "plms": SamplerRow(samplers.plms),
    "lcm": SamplerRow(samplers.lcm, {"s_noise": S_NOISE}),
    "ipndm": SamplerRow(samplers.ipndm, {"order": _order(4)}),
    "deis": SamplerRow(samplers.deis, {"order": _order(3)}),
    "uni_pc": SamplerRow(samplers.uni_pc, {"order": _order(3, 1, 3)}, drops_penultimate=True),
    "uni_pc_bh2": SamplerRow(
        samplers.uni_pc_bh2, {"order": _order(3, 1, 3)}, drops_penultimate=True
    ),
    "res_multistep": SamplerRow(samplers.res_multistep, _ODE),
    "er_sde": SamplerRow(
        samplers.er_sde, {"order": _order(3, 1, 3, "highest stage"), "s_noise": S_NOISE}
    ),
    "sa_solver": SamplerRow(samplers.sa_solver, _STOCHASTIC_ADAMS, windowed=True),
}

SCHEDULE_TABLE: dict[str, Callable[[int, SigmaSpace], list[float]]] = {
    "normal": schedules.normal,
    "simple": schedules.simple,
    "karras": schedules.karras,
    "exponential": schedules.exponential,
    "sgm_uniform": schedules.sgm_uniform,
    "ddim_uniform": schedules.ddim_uniform,
    "beta": schedules.beta,
    "linear_quadratic": schedules.linear_quadratic,
    "kl_optimal": schedules.kl_optimal,
}

SAMPLERS: tuple[str, ...] = tuple(SAMPLER_TABLE)
SCHEDULES: tuple[str, ...] = tuple(SCHEDULE_TABLE)


def sampler_row(name: str) -> SamplerRow:
    """The sampler of this name.

    Raises:
        BadSetting: there is none.
    """
    row = SAMPLER_TABLE.get(name)
    if row is None:
        raise BadSetting(f"There is no sampler {name!r}.", hint=f"Known: {', '.join(SAMPLERS)}.")
    return row


def sampler_recipe(name: str, options: Mapping[str, float | None]) -> Sampler:
    """A recipe from a name and the options that are set (None = not set), checked.

    Raises:
        BadSetting: an unknown sampler, an option that it doesn't have, or one out of range.
    """
    row = sampler_row(name)
    given = {option: value for option, value in options.items() if value is not None}
    for option, value in given.items():
        if option not in row.options:
            raise _no_option(name, row, option, value)
        row.options[option].check(name, option, value)
    return Sampler(name, tuple(sorted((option, float(value)) for option, value in given.items())))


def sampler_options(sampler: Sampler) -> dict[str, float | int | bool]:
    """All options of a recipe, defaults included, as the sampler wants them.

    Raises:
        BadSetting: as `sampler_recipe`.
    """
    recipe = sampler_recipe(sampler.name, dict(sampler.options))
    row, given = sampler_row(sampler.name), dict(recipe.options)
    return {
        name: option.check(sampler.name, name, given.get(name, option.default))
        for name, option in row.options.items()
    }


def _no_option(name: str, row: SamplerRow, option: str, value: float) -> BadSetting:
    takers = [other for other in SAMPLERS if option in SAMPLER_TABLE[other].options]
    if not takers:
        known = {key for other in SAMPLER_TABLE.values() for key in other.options}
        return BadSetting(
            f"No sampler has an option {option!r}.{nearest(option, sorted(known))}",
            hint=f"{name} has: {', '.join(row.options) or 'none'}.",
        )
    if option == "eta":
        what = f"The sampler {name} adds no noise, so eta {value:g} means nothing to it."
    else:
        what = f"The sampler {name} has no option {option}."
    return BadSetting(what, hint=f"Leave it out, or take one of {', '.join(takers)}.")
