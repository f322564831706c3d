"""A denoising step and the peak in memory against the library's pipeline.

Both sides are warm processes of their own that compute in turn: ours with the settings of
`studio/tuning.py`, the library's as its documentation has it, in the environment that a user
starts with. They load the same weights and take the same steps in as many threads. The models are
the pocket and a random one of Stable Diffusion 1.5's proportions (`models.py`).
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.random_model import write_random_model
from benchmarks.report import Figure, interleaved, log, medians, ratio
from benchmarks.sides import PLAIN, Child, Side, Subject, pocket, random, running, steps

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY_ROUNDS = 2


def measure() -> list[Figure]:
    """The figures of sampling."""
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as temporary:
        home = Path(temporary)
        log("writing a random model")
        folder = home / "models" / "checkpoints" / "random"
        write_random_model(folder)
        small, large = pocket(), random(folder)
        return [
            *_steps(small, 7, euler=True),
            *_steps(large, 11),
            *_memory(home, small),
            *_memory(home, large),
        ]


def _steps(subject: Subject, rounds: int, *, euler: bool = False) -> list[Figure]:
    untuned = {"tuned": False, "channels_last": False, **subject.options}
    sides = {
        "ours": Side("ours", subject.options),
        "library": Side("library", subject.options),
        "untuned": Side("ours", untuned),
    }
    figures = []
    with running(sides) as children:
        pair = {name: children[name] for name in ("ours", "library")}
        idle = steps(children, subject, "dpmpp_2m", rounds, busy=False)
        busy = steps(pair, subject, "dpmpp_2m", min(rounds, 5), busy=True)
        for load, runs in (("idle", idle), ("both cores busy", busy)):
            found = medians(runs)
            where = f"{subject.name}, dpmpp_2m, {load}"
            figures += [
                Figure(f"{where}: a step, ours", found["ours"], "s"),
                Figure(f"{where}: a step, the library's", found["library"], "s"),
                Figure(f"{where}: ours against the library's", ratio(runs, "ours", "library"),
                       "x", "<= 1.0"),
            ]  # fmt: skip
        figures.append(
            Figure(f"{subject.name}, dpmpp_2m, idle: ours without any settings of the CPU against "
                   "the library's", ratio(idle, "untuned", "library"), "x")
        )  # fmt: skip
        if euler:
            runs = steps(pair, subject, "euler", rounds, busy=False)
            figures.append(
                Figure(f"{subject.name}, euler, idle: ours against the library's",
                       ratio(runs, "ours", "library"), "x", "<= 1.0")
            )  # fmt: skip
    return figures


def _memory(home: Path, subject: Subject) -> list[Figure]:
    log(f"{subject.name}: peak memory")
    numbers = itertools.count(1)

    def peak(role: str) -> Callable[[], float]:
        def work() -> float:
            own = home / f"{subject.size}-{next(numbers)}"
            own.mkdir()
            (own / "settings.toml").write_text(f"model_folders = ['{home / 'models'}']\n")
            options = {**subject.options, "steps": 4, "out": str(own / "out")}
            child = Child(Side(role, options, {**PLAIN, "LATENT_STUDIO_HOME": str(own)}))
            try:
                log(f"  {role}: {child.ready}")
                return float(child.ready["peak"])
            finally:
                child.close()

        return work

    roles = {"ours": peak("memory-ours"), "library": peak("memory-library")}
    runs = interleaved(roles, MEMORY_ROUNDS)
    found = medians(runs)
    what = f"{subject.name}: peak of a whole text-to-image beyond the imports"
    return [
        Figure(f"{what}, ours", found["ours"] / 2**20, "MiB"),
        Figure(f"{what}, the library's", found["library"] / 2**20, "MiB"),
        Figure(f"{what}, ours against the library's", ratio(runs, "ours", "library"), "x",
               "<= 1.05"),
    ]  # fmt: skip
