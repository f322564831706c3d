"""The levels that a run visits: made from a schedule, typed by hand, or cut from others."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import torch

from studio.diffusion.names import SCHEDULE_TABLE, SCHEDULES, BadSetting
from studio.diffusion.schedules import even_logs, even_roots

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.sigmas import SigmaSpace

# Longest whole schedule where denoise < 1: 1,000 steps at denoise 0.01.
_MAX_STEPS = 100_000


def make_sigmas(
    space: SigmaSpace,
    schedule: str,
    steps: int,
    denoise: float = 1.0,
    *,
    start_step: int | None = None,
    end_step: int | None = None,
    leftover_noise: bool = False,
    drop_penultimate: bool = False,
) -> Tensor:
    """The levels of a schedule, or of a part of it.

    Args:
        space: the levels the model was trained on.
        schedule: one of `names.SCHEDULES`.
        steps: at least 1.
        denoise: 0..1; below 1, the last `steps` of a schedule of `steps / denoise`.
        start_step: steps to leave out at the beginning.
        end_step: the step to stop before.
        leftover_noise: with `end_step`, end at that step's level; else the last step goes to 0.
        drop_penultimate: make one step more and leave out the last level above 0 (see
            `names.SamplerRow`).

    Returns:
        float32 [n + 1] on the CPU, falling; fewer than two where there is nothing to do.

    Raises:
        BadSetting: a setting out of range, or an unknown schedule.
    """
    make = SCHEDULE_TABLE.get(schedule)
    if make is None:
        raise BadSetting(
            f"There is no schedule {schedule!r}.", hint=f"Known: {', '.join(SCHEDULES)}."
        )
    if steps < 1:
        raise BadSetting(f"steps is {steps}.", hint="Give at least 1.")
    if not 0 <= denoise <= 1:
        raise BadSetting(f"denoise is {denoise}.", hint="Give 0 to 1.")
    start = 0 if start_step is None else start_step
    end = steps if end_step is None else min(end_step, steps)
    if not 0 <= start < end:
        raise BadSetting(
            f"Nothing to do from start_step {start} to end_step {end} of {steps} steps.",
            hint="Give 0 <= start_step < end_step, and start_step < steps.",
        )
    if denoise == 0:
        return torch.empty(0)
    if steps / denoise > _MAX_STEPS:
        raise BadSetting(
            f"denoise {denoise} makes a schedule of {steps / denoise:.0f} steps.",
            hint=f"Give 0, or at least {steps / _MAX_STEPS:g}.",
        )
    whole = steps if denoise > 0.9999 else int(steps / denoise)
    levels = make(whole + 1, space) if drop_penultimate else make(whole, space)
    if drop_penultimate and len(levels) > 2:
        del levels[-2]
    if denoise <= 0.9999:
        levels = levels[-(steps + 1) :]
    if end_step is not None and end_step < len(levels) - 1:
        levels = levels[: end_step + 1]
        if not leftover_noise:
            levels[-1] = 0.0
    sigmas = torch.tensor(levels[start:], dtype=torch.float32)
    # A schedule of more steps than the model has levels visits some twice: a step to itself
    # does nothing, but its length 0 would be divided by.
    different = sigmas[1:] != sigmas[:-1]
    return torch.cat([sigmas[:1], sigmas[1:][different]])


def check_sigmas(sigmas: Tensor) -> None:
    """See that levels can be sampled over; fewer than two are fine, and do nothing.

    Raises:
        BadSetting: no falling numbers, or one below 0.
    """
    levels = sigmas.tolist()
    for i, level in enumerate(levels):
        if not math.isfinite(level) or level < 0:
            raise BadSetting(
                f"Noise level {i} of {len(levels)} is {level:g}.", hint="Give numbers from 0 up."
            )
        if i and level >= levels[i - 1]:
            raise BadSetting(
                f"Noise level {i} of {len(levels)} is {level:g}, after {levels[i - 1]:g}.",
                hint="Levels fall from step to step; only the last may be 0.",
            )


def parse_sigmas(text: str) -> Tensor:
    """Levels as typed: numbers between commas, spaces or lines.

    Returns:
        float32 [n + 1] on the CPU, n >= 1.

    Raises:
        BadSetting: not at least two falling numbers from 0 up.
    """
    if re.search(r"\d,\d", text) and re.search(r"\d\s+\d", text):
        # 14,6 4,2 may be two numbers or four.
        raise BadSetting(
            f"{text!r} has commas within numbers, or some between them and some not.",
            hint="Write fractions with a point and part numbers alike: 14.6, 4.2, 0.",
        )
    words = [word for word in re.split(r"[\s,;\[\]]+", text) if word]
    numbers = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            raise BadSetting(
                f"{word!r} is not a number.", hint="Type levels like 14.6, 4, 1.2, 0.3, 0."
            ) from None
    if len(numbers) < 2:
        raise BadSetting(
            f"{len(numbers)} noise levels make no step.", hint="Type two or more, falling."
        )
    sigmas = torch.tensor(numbers, dtype=torch.float32)
    check_sigmas(sigmas)
    return sigmas


def spaced_sigmas(steps: int, high: float, low: float, rho: float) -> Tensor:
    """`steps` levels from high to low, even in the rho-th root, or in the logarithm; then 0.

    Karras et al. 2022, arXiv 2206.00364, equation 5. rho 0 stands for the logarithm, its limit
    at infinity.

    Returns:
        float32 [steps + 1] on the CPU.

    Raises:
        BadSetting: high isn't above low, or low not above 0.
    """
    if not 0 < low < high:
        raise BadSetting(
            f"Levels can't fall from sigma_max {high:g} to sigma_min {low:g}.",
            hint="Give sigma_max above sigma_min, and both above 0.",
        )
    levels = even_roots(steps, high, low, rho) if rho else even_logs(steps, high, low)
    return torch.tensor(levels, dtype=torch.float32)


def split_sigmas(sigmas: Tensor, step: int) -> tuple[Tensor, Tensor]:
    """The levels of the first `step` steps, and of the rest; the level between is in both.

    Raises:
        BadSetting: there is no such step.
    """
    steps = max(len(sigmas) - 1, 0)
    if not 0 <= step <= steps:
        raise BadSetting(
            f"{steps} steps can't be split at step {step}.", hint=f"Give 0 to {steps}."
        )
    return sigmas[: step + 1].clone(), sigmas[step:].clone()
