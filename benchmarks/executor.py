"""The executor's own cost: a chain of nodes that do next to nothing.

SolidImage 64 x 64, then InvertImage many times over, then SaveImage. From the seconds of a run
those of the same torch operations in a plain loop are taken off, and the rest is shared among the
nodes. A run is counted whole: validation, keys, plan, execution, the picture on disk and the
cache's background thread drained. Imports are not counted; `startup` has them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Figure, interleaved, log, medians, timed
from studio.execution.cache import Cache
from studio.execution.executor import Executor
from studio.execution.keys import sign
from studio.execution.plan import Plan, make_plan
from studio.graph.check import check
from studio.graph.files import from_json
from studio.hardware import resolve_policy
from studio.outputs import OutputFolder
from studio.places import Places
from studio.registry import Registry
from studio.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.environment import Environment
    from studio.graph.document import Graph

LENGTH = 1_000
LONG = 10_000
SIDE = 64
ROUNDS = 7
LONG_ROUNDS = 3


def chain(length: int) -> Graph:
    """SolidImage -> `length` InvertImage -> SaveImage."""
    nodes = {
        "solid": {"type": "SolidImage", "params": {"width": SIDE, "height": SIDE}},
        "save": {"type": "SaveImage", "inputs": {"image": f"invert{length - 1}"}},
    }
    for number in range(length):
        before = f"invert{number - 1}" if number else "solid"
        nodes[f"invert{number}"] = {"type": "InvertImage", "inputs": {"image": before}}
    return from_json({"format": "latent-studio", "version": 1, "nodes": nodes})


@dataclass
class Bench:
    """A session in a folder of its own, and the times of the last run's parts.

    Args:
        folder: for cache and pictures; empty.
        memory: keep results in memory, as the worker does; the command line doesn't.
    """

    folder: Path
    memory: bool
    parts: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        places = Places.load()
        self.session = Session(
            places=places,
            registry=Registry.load(),
            cache=Cache(self.folder / "cache", memory_budget={"cpu": 2**31 if self.memory else 0}),
            policy=resolve_policy("cpu", "float32"),
            output=OutputFolder(self.folder / "out"),
        )
        self.executor = Executor(self.session.cache, self.session.policy, self.session.models)

    def plan(self, graph: Graph, only: Sequence[str] = ()) -> tuple[Plan, Environment]:
        """Validate, sign and plan."""
        # A name for each length, or they would share a history.
        path = self.folder / f"chain{len(graph.nodes)}.json"
        session = self.session
        start = time.perf_counter()
        environment = session.environment(path)
        checked = check(graph, session.registry, environment, only=only)
        checked_at = time.perf_counter()
        signed = sign(checked, environment, session.policy)
        signed_at = time.perf_counter()
        plan = make_plan(checked, signed, session.cache, environment, str(path))
        end = time.perf_counter()
        self.parts = {
            "check": checked_at - start, "sign": signed_at - checked_at,
            "make_plan": end - signed_at, "plan": end - start,
        }  # fmt: skip
        return plan, environment

    def run(self, graph: Graph, only: Sequence[str] = ()) -> float:
        """Seconds of a whole run."""

        def work() -> None:
            plan, environment = self.plan(graph, only)
            start = time.perf_counter()
            result = self.executor.run(plan, environment, lambda event: None)
            run_at = time.perf_counter()
            self.session.cache.flush()
            self.parts |= {"run": run_at - start, "flush": time.perf_counter() - run_at}
            if result.status != "ok":
                raise RuntimeError(f"the chain failed: {result.error}")

        return timed(work)

    def cold(self, graph: Graph) -> float:
        """Seconds of a run that finds nothing."""
        self.session.cache.clear()
        return self.run(graph)


def tensor_work(length: int) -> float:
    """Seconds of the chain's torch operations alone."""
    import torch

    def work() -> None:
        picture = torch.full((1, 3, SIDE, SIDE), 0.5)
        for _ in range(length):
            picture = 1 - picture

    return timed(work)


def measure() -> list[Figure]:
    """The figures of the executor."""
    with tempfile.TemporaryDirectory(prefix="latent-studio-bench-") as folder:
        kept = Bench(Path(folder) / "kept", memory=True)
        plain = Bench(Path(folder) / "plain", memory=False)
        try:
            return [*_cold(kept, plain), *_cached(kept), *_long(kept), *_planned(kept)]
        finally:
            kept.session.close()
            plain.session.close()


def _cold(kept: Bench, plain: Bench) -> list[Figure]:
    graph, short = chain(LENGTH), chain(10)
    for bench in (kept, plain):
        bench.cold(short)  # imports torch and PIL
    log(f"cold: {ROUNDS} rounds of {LENGTH} nodes, with and without the memory tier")
    parts: list[dict[str, float]] = []

    def plainly() -> float:
        seconds = plain.cold(graph)
        parts.append(plain.parts)
        return seconds

    found = medians(
        interleaved(
            {
                "tensors": lambda: tensor_work(LENGTH),
                "kept": lambda: kept.cold(graph),
                "plain": plainly,
            },
            ROUNDS,
        )
    )
    count = len(graph.nodes)
    each = {name: 1000 * seconds / count for name, seconds in found.items()}
    figures = [
        Figure("cold, overhead a node, as `run` does it", each["plain"] - each["tensors"], "ms",
               "<= 0.2"),
        Figure("cold, overhead a node, results kept in memory as in the worker",
               each["kept"] - each["tensors"], "ms", "<= 0.2"),
        Figure("the tensor work alone, a node (taken off)", each["tensors"], "ms"),
    ]  # fmt: skip
    for part in ("plan", "run", "flush"):
        value = statistics.median(entry[part] for entry in parts)
        figures.append(Figure(f"cold, part: {part}, a node", 1000 * value / count, "ms"))
    return figures


def _cached(bench: Bench) -> list[Figure]:
    graph = chain(LENGTH)
    count = len(graph.nodes)
    last = f"invert{LENGTH - 1}"
    bench.run(graph)
    log(f"cached: {ROUNDS} rounds")
    found = medians(
        interleaved(
            {"saved": lambda: bench.run(graph), "memory": lambda: bench.run(graph, [last])}, ROUNDS
        )
    )
    return [
        Figure("all cached, a node: the picture is there already",
               1000 * found["saved"] / count, "ms", "<= 0.05"),
        Figure("all cached, a node: the last result comes from memory",
               1000 * found["memory"] / count, "ms", "<= 0.05"),
    ]  # fmt: skip


def _long(bench: Bench) -> list[Figure]:
    short, long = chain(LENGTH), chain(LONG)
    log(f"linear: {LONG_ROUNDS} rounds of {LENGTH} and {LONG} nodes")
    cold = medians(
        interleaved(
            {"short": lambda: bench.cold(short), "long": lambda: bench.cold(long)}, LONG_ROUNDS
        )
    )
    cached = medians(
        interleaved(
            {"long": lambda: bench.run(long), "short": lambda: bench.run(short)}, LONG_ROUNDS
        )
    )
    per_node = len(short.nodes) / len(long.nodes)
    return [
        Figure(f"cold, a node of {LONG} against a node of {LENGTH}",
               cold["long"] / cold["short"] * per_node, "x", "<= 1.25"),
        Figure(f"all cached, a node of {LONG} against a node of {LENGTH}",
               cached["long"] / cached["short"] * per_node, "x", "<= 1.25"),
        Figure(f"cold, {LONG} nodes, a run", cold["long"], "s"),
    ]  # fmt: skip


def _planned(bench: Bench) -> list[Figure]:
    graph = chain(LENGTH)
    log("plans")
    runs: dict[str, list[float]] = {}
    for number in range(2 * ROUNDS):
        if number == 0:
            bench.session.cache.clear()  # nothing is cached: every node is looked up and explained
        timed(lambda: bench.plan(graph))
        for part, seconds in bench.parts.items():
            runs.setdefault(part, []).append(seconds)
    found = medians(runs)
    return [
        Figure(f"plan of {LENGTH} nodes, nothing cached", 1000 * found["plan"], "ms", "<= 50"),
        *(
            Figure(f"plan, part: {part}", 1000 * found[part], "ms")
            for part in ("check", "sign", "make_plan")
        ),
    ]
