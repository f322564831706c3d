"""Settings of the CPU, each alone against the default, for a denoising step.

The default is a process without any settings. The good ones are in `studio/tuning.py` and, for
the layout of weights, where they are loaded; the last row has them all, as the program runs.
Under 1 is faster.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.random_model import write_random_model
from benchmarks.report import Figure, log, medians, ratio
from benchmarks.sides import PLAIN, Side, Subject, pocket, random, running, steps

SETTINGS: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "default": ({}, {}),
    "1 thread": ({"threads": 1}, {}),
    "waiting threads sleep at once": ({}, {"GOMP_SPINCOUNT": "0"}),
    "waiting threads sleep after 1 ms": ({}, {"GOMP_SPINCOUNT": "100000"}),
    "freed memory is kept (mallopt)": ({"malloc": True}, {}),
    "huge pages (torch's allocator)": ({}, {"THP_MEM_ALLOC_ENABLE": "1"}),
    "channels last": ({"channels_last": True}, {}),
}
ALL = "all of the program's"
BUSY = ("default", "1 thread", "waiting threads sleep at once",
        "waiting threads sleep after 1 ms", ALL)  # fmt: skip
"""Those that say something where other programs want the cores."""


def measure() -> list[Figure]:
    """The figures of the settings."""
    small = pocket()
    figures = [*_bfloat16(small), *_settings(small, 7, 5)]
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as temporary:
        log("writing a random model")
        folder = Path(temporary) / "random"
        write_random_model(folder)
        return [*figures, *_settings(random(folder), 3, 3)]


def _settings(subject: Subject, idle_rounds: int, busy_rounds: int) -> list[Figure]:
    plain = {"tuned": False, "channels_last": False, **subject.options}
    sides = {
        name: Side("ours", {**plain, **options}, {**PLAIN, **environment})
        for name, (options, environment) in SETTINGS.items()
    }
    sides[ALL] = Side("ours", subject.options)
    figures = []
    with running(sides) as children:
        for busy in (False, True):
            chosen = {name: children[name] for name in (BUSY if busy else sides)}
            rounds = busy_rounds if busy else idle_rounds
            runs = steps(chosen, subject, "dpmpp_2m", rounds, busy=busy)
            where = f"{subject.name}, {'both cores busy' if busy else 'idle'}"
            figures.append(Figure(f"{where}: a step, default", medians(runs)["default"], "s"))
            figures += [
                Figure(f"{where}: {name}", ratio(runs, name, "default"), "x")
                for name in chosen
                if name != "default"
            ]
    return figures


def _bfloat16(subject: Subject) -> list[Figure]:
    sides = {
        dtype: Side("ours", {"dtype": dtype, **subject.options})
        for dtype in ("float32", "bfloat16")
    }
    with running(sides) as children:
        runs = steps(children, subject, "dpmpp_2m", 1, busy=False)
    return [
        Figure(f"{subject.name}, idle: bfloat16 against float32",
               ratio(runs, "bfloat16", "float32"), "x")
    ]  # fmt: skip
