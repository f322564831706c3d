"""Batches: pictures a second fused and singly, the cost of a job, of writing, of a second worker.

Every figure is of whole batches by the driver that the command line uses, with its journal, keys,
events and files on the disk. Nothing comes from a cache of earlier runs.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import Figure, interleaved, log, medians, ratio
from studio import tuning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from studio.execution.events import Event

ROOT = Path(__file__).parents[1]
GRAPH = ROOT / "workflows" / "text_to_image.json"
SEEDS = 64
ROUNDS = 3
CHEAP_JOBS = 1000
WORKER_JOBS = 48

_numbers = itertools.count()


def measure() -> list[Figure]:
    """The figures of batches."""
    tuning.before_torch()
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as temporary:
        home = Path(temporary)
        with _environment({"LATENT_STUDIO_HOME": str(home)}):
            return [
                *_fused(home),
                *_gpu(home),
                *_overhead(home),
                *_writing(home),
                *_workers(home),
            ]


def _fused(home: Path) -> list[Figure]:
    log(f"{SEEDS} seeds of the pocket: fused, and one at a time")
    graph = _graph()

    def side(count: int, batch_size: int | None) -> float:
        options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "batch_size": batch_size}
        return _run(home, graph, _seeds(count), **options)

    sides = {"fused": lambda: side(SEEDS, None), "single": lambda: side(SEEDS, 1)}
    side(2, 1)  # what is read from the disk and imported for the first time
    runs = interleaved(sides, ROUNDS)
    found = medians(runs)
    what = f"{SEEDS} seeds of text_to_image on the pocket, CPU"
    return [
        Figure(f"{what}: pictures a second, fused", SEEDS / found["fused"], "1/s"),
        Figure(f"{what}: pictures a second, one at a time", SEEDS / found["single"], "1/s"),
        Figure(f"{what}: fused against one at a time", ratio(runs, "single", "fused"), "x",
               ">= 1.5"),
    ]  # fmt: skip


def _gpu(home: Path) -> list[Figure]:
    from studio.hardware import cuda_count

    what = "32 seeds of a random SD 1.5 at 512 x 512, GPU: fused against one at a time"
    if not cuda_count():
        log("no GPU: left out")
        return [Figure(what, 0.0, "x", ">= 2", applies=False)]
    from benchmarks.compvis import FULL, write_checkpoint

    log("writing a random Stable Diffusion 1.5")
    write_checkpoint(home / "models" / "checkpoints" / "random.safetensors", FULL["sd1"])
    graph = _graph(**{"checkpoint.name": "random", "latent.width": 512, "latent.height": 512})
    jobs = _seeds(32)

    def side(batch_size: int | None) -> Callable[[], float]:
        options: dict[str, Any] = {"device": "cuda", "batch_size": batch_size}
        return lambda: _run(home, graph, jobs, steady=16, **options)

    sides = {"fused": side(None), "single": side(1)}
    sides["fused"]()
    runs = interleaved(sides, ROUNDS)
    return [Figure(what, ratio(runs, "single", "fused"), "x", ">= 2")]


def _overhead(home: Path) -> list[Figure]:
    log(f"{CHEAP_JOBS} cheap jobs")
    graph = {
        "format": "latent-studio",
        "version": 1,
        "nodes": {
            "solid": {"type": "SolidImage", "params": {"width": 16, "height": 8}},
            "save": {"type": "SaveImage", "inputs": {"image": "solid"}},
        },
    }
    sets = [{"solid.colour": f"#{7919 * n % 2**24:06x}"} for n in range(CHEAP_JOBS)]
    runs = [_run(home, graph, sets, steady=100) for _ in range(ROUNDS)]
    with _without_disk():
        rest = [_run(home, graph, sets, steady=100) for _ in range(ROUNDS)]
    count = CHEAP_JOBS - 100
    return [
        Figure("a job of cheap nodes, its picture of 16 x 8 and all else included",
               1000 * sorted(runs)[ROUNDS // 2] / count, "ms", "<= 3"),
        Figure("the same without waiting for the disk (fsync)",
               1000 * sorted(rest)[ROUNDS // 2] / count, "ms"),
    ]  # fmt: skip


def _writing(home: Path) -> list[Figure]:
    """What a sweep would gain if encoding and writing its pictures cost nothing.

    The most that they can weigh: few steps for many pixels, and all cores at work on the steps
    while a side thread encodes. Rounds are short and many, as the share is small beside what other
    programs do to a single run.
    """
    log("with and without encoding and writing pictures")
    graph = _graph(**{"latent.width": 256, "latent.height": 256, "sampler.steps": 10})
    jobs = _seeds(10)

    def plain() -> float:
        return _run(home, graph, jobs, steady=2, device="cpu", dtype="float32", batch_size=1)

    def free() -> float:
        with _free_pictures(), _without_disk():
            return plain()

    plain()  # what is read from the disk and imported for the first time
    runs = interleaved({"plain": plain, "free": free}, 2 * ROUNDS + 1)
    share = 1 - 1 / ratio(runs, "plain", "free")
    return [
        Figure("share of a sweep's wall time that encoding and writing takes, pocket at 256 x 256",
               100 * max(share, 0.0), "%", "<= 5")
    ]  # fmt: skip


def _workers(home: Path) -> list[Figure]:
    log(f"{WORKER_JOBS} jobs by one worker and by two, a thread each")
    graph = _graph()
    jobs = _seeds(WORKER_JOBS)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

    def side(workers: int) -> Callable[[], float]:
        # Once all workers have their model: starting a process is no work of a job.
        options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "batch_size": 1}
        return lambda: _run(home, graph, jobs, workers=workers, steady=8, **options)

    with _environment({"OMP_NUM_THREADS": "1"}):
        runs = interleaved({"one": side(1), "two": side(2)}, ROUNDS)
    return [
        Figure("2 local workers against 1, one thread each", ratio(runs, "one", "two"), "x",
               ">= 1.7", applies=(cores or 1) >= 2)
    ]  # fmt: skip


def _graph(**sets: Any) -> dict[str, Any]:
    """The example graph with values of its own, plain JSON."""
    import json

    graph: dict[str, Any] = json.loads(GRAPH.read_text())
    for place, value in sets.items():
        node, _, param = place.partition(".")
        graph["nodes"][node].setdefault("params", {})[param] = value
    return graph


def _seeds(count: int) -> list[dict[str, Any]]:
    return [{"sampler.seed": seed} for seed in range(1, count + 1)]


def _run(
    home: Path,
    graph: dict[str, Any],
    sets: Sequence[dict[str, Any]],
    *,
    workers: int = 0,
    steady: int = 0,
    **options: Any,
) -> float:
    """Seconds of a batch in a folder of its own.

    Args:
        home: where.
        graph: plain JSON.
        sets: of the jobs.
        workers: local processes; 0 runs it in this one.
        steady: count from the end of so many jobs on, so that what happens once (starting a
            process, loading a model) is left out.
        options: of `Setup`.
    """
    from studio.batch.driver import run
    from studio.batch.folder import open_folder
    from studio.batch.model import JobEnded, ListedJobs, RunnerChoice, Setup

    jobs = ListedJobs(sets)
    setup = Setup(graph, GRAPH.parent, "bench", len(jobs), **{"use_cache": False, **options})
    choice = RunnerChoice("workers", workers) if workers else RunnerChoice()
    start = time.perf_counter()
    ended = 0

    def emit(event: Event) -> None:
        nonlocal start, ended
        if isinstance(event, JobEnded):
            ended += 1
            if ended == steady:
                start = time.perf_counter()

    with open_folder(home / f"run-{next(_numbers)}", resume=False) as folder:
        order = range(len(jobs))
        summary = run(folder, setup, jobs, order, choice, emit=emit, cancel=threading.Event())
        seconds = time.perf_counter() - start
        failures = [result.error for result in folder.journal.failures(1)]
    if summary.done != len(jobs):
        raise RuntimeError(f"{summary}: {failures}")
    log(f"  {seconds:.2f} s")
    return seconds


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_disk() -> Iterator[None]:
    """No waiting until a file is on the disk."""
    real = os.fsync
    os.fsync = lambda fd: None
    try:
        yield
    finally:
        os.fsync = real


@contextlib.contextmanager
def _free_pictures() -> Iterator[None]:
    """Encoding costs nothing: every picture is the same one."""
    import numpy as np

    from studio import png

    real = png.encode_png
    ready = real(np.zeros((8, 8, 3), np.uint8), {})
    png.encode_png = lambda *_, **__: ready
    try:
        yield
    finally:
        png.encode_png = real


if __name__ == "__main__":
    for figure in measure():
        print(figure.to_json())
