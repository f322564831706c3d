"""What every benchmark shares: figures, their goals, medians of interleaved runs, the report."""

from __future__ import annotations

import gc
import operator
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Args:
        what: was measured, in words.
        value: the number.
        unit: of it; "x" for a ratio.
        reach: the goal, as "<= 0.2"; empty for a figure that only informs.
        applies: False where this machine can't show the goal; `holds` is then None.
    """

    what: str
    value: float
    unit: str
    reach: str = ""
    applies: bool = True

    @property
    def holds(self) -> bool | None:
        """Whether the goal is reached; None where there is none or it doesn't apply."""
        if not self.reach or not self.applies:
            return None
        sign, _, number = self.reach.partition(" ")
        return bool(_COMPARE[sign](self.value, float(number)))

    def to_json(self) -> dict[str, Any]:
        """A row of the report; four significant digits."""
        return {
            "what": self.what,
            "value": float(f"{self.value:.4g}"),
            "unit": self.unit,
            "reach": self.reach,
            "holds": self.holds,
        }


def report(name: str, figures: list[Figure]) -> dict[str, Any]:
    """The whole answer of one benchmark."""
    return {
        "benchmark": name,
        "machine": machine(),
        "figures": [figure.to_json() for figure in figures],
    }


def machine() -> dict[str, Any]:
    """The machine and how busy it was; the load is that of others and of the benchmark itself."""
    import os

    from studio import hardware

    info = hardware.machine()
    info["cpu"] = {key: info["cpu"][key] for key in asdict(hardware.cpu_info())}
    info["load_average"] = [round(load, 2) for load in os.getloadavg()]
    return info


def log(message: str) -> None:
    """A line for the person who waits."""
    print(message, file=sys.stderr, flush=True)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call, without garbage of what ran before."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(works: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call each of `works` `rounds` times, in turn, so that a slow spell hits all alike.

    Every second round runs backwards: whatever one leaves behind then meets another.

    Args:
        works: by name; each returns its own measurement.
        rounds: how often.

    Returns:
        the measurements by name, in the order of the rounds.
    """
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name in list(works)[:: -1 if number % 2 else 1]:
            found[name].append(works[name]())
    return found


def medians(runs: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each list."""
    return {name: statistics.median(values) for name, values in runs.items()}


def ratio(runs: Mapping[str, list[float]], name: str, against: str) -> float:
    """The median of the ratios within each round: what slows a round slows both sides."""
    pairs = zip(runs[name], runs[against], strict=True)
    return statistics.median(mine / other for mine, other in pairs)
