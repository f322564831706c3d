"""What a batch will take, said before it starts: jobs, time, disk.

Time and bytes a job come from the last batch of the same kind on this machine: same node types
and wires, same widgets but for texts, seeds and what is swept, same device. They are kept in
`batch-times.json` in the user's folder; a damaged file is forgotten, and nothing depends on it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from studio.params import Seed
from studio.words import seconds, size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from studio.batch.planning import BatchPlan

FILE = "batch-times.json"
KEPT = 300
"""Kinds of batches remembered, the latest."""

ENOUGH = 3
"""Jobs that say how long one takes."""

LOOKED_AT = 100
"""Jobs from which the size of pictures is taken."""

JOURNAL_BYTES = 400
"""Of one job in the journal, about."""

PNG_SHARE = 0.7
"""Of its raw bytes, a PNG's size, where nothing better is known."""


@dataclass(frozen=True)
class Forecast:
    """What a batch will take.

    Args:
        jobs: to run.
        seconds: of wall time; None where no such batch ran before.
        bytes: on disk; None where nobody knows.
        measured: the bytes come from an earlier batch.
        free: bytes free where it will be written.
    """

    jobs: int
    seconds: float | None
    bytes: int | None
    measured: bool
    free: int

    @property
    def short(self) -> bool:
        """The disk won't do."""
        return self.bytes is not None and self.bytes > self.free

    def __str__(self) -> str:
        if not self.jobs:
            return "no jobs left to run"
        words = [f"{self.jobs:,} job{'s' * (self.jobs != 1)}"]
        if self.seconds is not None:
            words.append(f"about {seconds(self.seconds)}")
        else:
            words.append("time not known yet")
        if self.bytes is not None:
            words.append(f"about {size(self.bytes)} of {size(self.free)} free disk")
        else:
            words.append(f"{size(self.free)} of disk free")
        return ", ".join(words)


def forecast(plan: BatchPlan, folder: Path, home: Path, left: int | None = None) -> Forecast:
    """What a batch will take.

    Args:
        plan: the batch.
        folder: where it will be written; needn't exist.
        home: the user's folder.
        left: jobs to run; None takes all.
    """
    jobs = len(plan.space) if left is None else left
    known = _read(home / FILE).get(kind_of(plan))
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = 0
    each = known["bytes"] if known else _guess(plan)
    return Forecast(
        jobs=jobs,
        seconds=known["seconds"] * jobs if known else None,
        bytes=None if each is None else int((each + JOURNAL_BYTES) * jobs),
        measured=known is not None,
        free=free,
    )


def remember(
    plan: BatchPlan, home: Path, jobs: int, wall: float, written: int, reused: int = 0
) -> None:
    """Note what a batch took, for the next forecast.

    Args:
        plan: the batch.
        home: the user's folder.
        jobs: that ended in this run; too few say nothing.
        wall: seconds it took, all workers together.
        written: bytes of their pictures.
        reused: jobs among them whose pictures came from the cache, which takes no time to speak of.
    """
    if jobs - reused < ENOUGH:
        return
    path = home / FILE
    times = _read(path)
    times[kind_of(plan)] = {
        "seconds": wall / (jobs - reused),
        "bytes": written / jobs,
        "at": round(time.time()),
    }
    latest = sorted(times.items(), key=lambda item: item[1]["at"])[-KEPT:]
    with contextlib.suppress(OSError):  # a forecast less
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=home, prefix=f".{FILE}.", delete=False
        ) as file:
            json.dump(dict(latest), file, indent=1)
        os.replace(file.name, path)


def kind_of(plan: BatchPlan) -> str:
    """What batches have in common that take as long a job: a hash."""
    from blake3 import blake3

    swept = {target.place for target in plan.space.targets}
    nodes: dict[str, Any] = {}
    for name, node in plan.checked.nodes.items():
        nodes[name] = [
            node.spec.type,
            {port: f"{source.node}.{source.output}" for port, source in node.wires.items()},
            {
                param.name: node.params[param.name]
                for param in node.spec.params
                if param.name in node.params
                and f"{name}.{param.name}" not in swept
                and not isinstance(param.marker, Seed)
                and not _is_prose(param.name)
            },
        ]
    run = plan.request.run
    about = [nodes, sorted(swept), run.on, run.workers, run.batch_size, run.device, run.dtype]
    text = json.dumps(about, sort_keys=True, default=str)
    return blake3(text.encode()).hexdigest(length=12)


def _is_prose(name: str) -> bool:
    """Texts and names of pictures change nothing about time."""
    return name in ("text", "name_pattern", "title")


def _guess(plan: BatchPlan) -> float | None:
    """Bytes a job, from the largest size that the graph names: the mean of some jobs."""
    writers = sum(node.spec.effects for node in plan.checked.nodes.values())
    count = len(plan.space)
    # Drawn, as every hundredth job may be the same along an axis; the same ones each time.
    places = random.Random(0).sample(range(count), min(count, LOOKED_AT))
    pixels = mean(_pixels(plan, plan.space[place].sets) for place in places)
    return writers * pixels * 3 * PNG_SHARE if pixels or not writers else None


def _pixels(plan: BatchPlan, sets: Mapping[str, Any]) -> int:
    """The largest number of pixels that a node of a job names; 0 where none does."""
    most = 0
    for name, node in plan.checked.nodes.items():
        size = [
            sets.get(f"{name}.{key}", node.params.get(key, default))
            for key, default in (("width", 0), ("height", 0), ("batch", 1))
        ]
        if all(type(number) is int for number in size):
            most = max(most, math.prod(size))
    return most


def _read(path: Path) -> dict[str, dict[str, float]]:
    try:
        data = json.loads(path.read_bytes())
        return {
            str(key): {name: float(entry[name]) for name in ("seconds", "bytes", "at")}
            for key, entry in data.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
