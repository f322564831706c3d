"""What tests of fused batches share: graphs on the tiny model, and running them as one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from batch_kit import POCKET

from studio.batch.fused import prepare
from studio.graph.files import from_json
from studio.values import tensors_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from graph_bench import Bench

    from studio.execution.executor import Executor
    from studio.execution.plan import Plan
    from studio.graph.document import Graph

TINY = {"checkpoint.name": "tiny", "sampler.steps": 3, "sampler.cfg": 4.0}


def with_sets(sets: Mapping[str, Any]) -> Graph:
    """The graph `POCKET` on the tiny model, with values of its own."""
    data = copy.deepcopy(POCKET)
    for place, value in {**TINY, **sets}.items():
        name, key = place.split(".")
        data["nodes"][name]["params"][key] = value
    return from_json(data)


def fuse(bench: Bench, graphs: list[Graph], executor: Executor, **options: Any) -> int:
    plans = [bench.plan(graph) for graph in graphs]
    environment = bench.session.environment(bench.folder / "graph.json")
    return prepare(executor, plans, environment, bench.events.append, **options)


def held(bench: Bench, plan: Plan, node: str = "sampler") -> list[torch.Tensor]:
    found = bench.session.cache.get(plan.signed[node].key)
    assert found is not None
    return list(tensors_of(list(found[0].values())))
