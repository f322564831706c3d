"""Dragging a number sideways: what value it has after so many pixels. Pure."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt

from ui.editor.inline.kinds import limits

if TYPE_CHECKING:
    from studio.spec import Param

PIXELS = 4.0
"""Pixels for one step."""
FAR = 200.0
"""Pixels after which a number of a wide range moves twice as fast."""
_WIDE = 200
"""Steps of a range from which on a long drag speeds up."""
_TEN = Decimal(10)


def scrub(param: Param, start: Any, dx: float, modifiers: Qt.KeyboardModifier) -> Any:
    """The value after a drag; always one that `param` takes.

    Args:
        param: of kind "int" or "float".
        start: the value when the drag began; None where it was open.
        dx: pixels to the right of where it began, at a zoom of 1.
        modifiers: Shift goes ten times finer, Ctrl ten times coarser.
    """
    fine = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
    coarse = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
    distance = abs(dx) / PIXELS
    if not fine and _is_wide(param):
        distance *= 1 + abs(dx) / FAR
    step = step_of(param, start)
    if fine and param.kind == "float":
        step /= 10
    elif fine:
        distance /= 10
    if coarse:
        step *= 10
    count = math.floor(distance + 1e-9)
    return stepped(param, start, count if dx >= 0 else -count, step)


def nudge(param: Param, start: Any, count: int) -> Any:
    """The value `count` steps on: arrow keys and the wheel."""
    return stepped(param, start, count, step_of(param, start))


def stepped(param: Param, start: Any, count: int, step: Decimal) -> Any:
    """`start` and `count` times `step`, within the limits; `start` itself where count is 0."""
    if count == 0:
        return start
    value = Decimal(repr(_number(param, start))) + count * step
    if multiple := param.limits.get("multiple_of"):
        grid = Decimal(str(multiple))
        rounded = math.floor if count > 0 else math.ceil
        value = rounded(value / grid) * grid
    return _within(param, value, step)


def step_of(param: Param, value: Any) -> Decimal:
    """One step: the grid that the parameter demands, else one that suits its range or size."""
    if multiple := param.limits.get("multiple_of"):
        return Decimal(str(multiple))
    if param.kind == "int":
        return Decimal(1)
    low, high = limits(param)
    if low is not None and high is not None:
        if high - low <= 1:
            return Decimal("0.01")
        if high - low <= 10:
            return Decimal("0.05")
        if high - low <= 200:
            return Decimal("0.1")
    size = abs(float(_number(param, value)))
    if not math.isfinite(size) or size == 0:
        return Decimal("0.01")
    # Two digits below the first: 14.6 goes by 0.1, 0.029 by 0.0001.
    return _TEN ** max(-6, math.floor(math.log10(size)) - 2)


def _number(param: Param, value: Any) -> int | float:
    # Neither what is infinite nor a whole number that no float can hold.
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max
    ):
        return value
    default = param.default
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        return default
    low, _ = limits(param)
    return (low or 0) if param.kind == "float" else math.ceil(low or 0)


def _within(param: Param, value: Decimal, step: Decimal) -> int | float:
    low, high = limits(param)
    grid = Decimal(str(param.limits.get("multiple_of") or (1 if param.kind == "int" else step)))
    if low is not None:
        least = Decimal(str(low))
        if "ge" not in param.limits:
            least += grid
        elif "multiple_of" in param.limits:
            least = math.ceil(least / grid) * grid
        value = max(value, least)
    if high is not None:
        most = Decimal(str(high))
        if "le" not in param.limits:
            most -= grid
        elif "multiple_of" in param.limits:
            most = math.floor(most / grid) * grid
        value = min(value, most)
    return int(value) if param.kind == "int" else float(value)


def _is_wide(param: Param) -> bool:
    low, high = limits(param)
    if low is None or high is None:
        return True
    return (high - low) / float(step_of(param, low)) > _WIDE
