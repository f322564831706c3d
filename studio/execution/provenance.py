"""What a picture carries so that it can be made again: graph, versions, model hashes, timings."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import studio
from studio.graph.files import to_json
from studio.hardware import cpu_info, cuda_names
from studio.params import Seed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from studio.execution.plan import Plan
    from studio.hardware import Policy

LIBRARIES = ("torch", "diffusers", "transformers", "numpy", "PIL")


def provenance(
    plan: Plan, node: str, policy: Policy, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Plain JSON data for the metadata of what `node` writes.

    Args:
        plan: of the run under way.
        node: the node that writes.
        policy: device and dtype.
        seconds: of each node that ran so far in this run.
    """
    upstream = _upstream(plan, node)
    nodes = plan.graph.nodes
    return {
        "program": "Latent Studio",
        "version": studio.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "node": node,
        "key": plan.signed[node].key,
        "seeds": _seeds(plan, upstream),
        "files": {
            f"{name}.{param}": {"value": nodes[name].params.get(param), "blake3": fingerprint}
            for name in upstream
            for param, fingerprint in plan.signed[name].signature.get("files", {}).items()
        },
        "policy": {"device": policy.kind, "dtype": policy.dtype},
        "machine": _machine(policy),
        "libraries": _libraries(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "seconds": {name: round(seconds[name], 4) for name in upstream if name in seconds},
        "graph": to_json(plan.graph.document),
    }


def _libraries() -> dict[str, str]:
    """Versions of what is loaded. What another thread is loading has none yet."""
    versions = ((name, getattr(sys.modules.get(name), "__version__", None)) for name in LIBRARIES)
    return {name: str(version) for name, version in versions if version is not None}


def _machine(policy: Policy) -> dict[str, Any]:
    """What computed: other models of a processor, and other numbers of threads, round otherwise."""
    torch = sys.modules.get("torch")
    if policy.kind == "cuda":
        index = int(policy.device.partition(":")[2] or 0)
        return {"device": dict(enumerate(cuda_names())).get(index, policy.device)}
    found: dict[str, Any] = {"device": cpu_info().model}
    if torch is not None:
        found["threads"] = torch.get_num_threads()
    return found


def _seeds(plan: Plan, names: Iterable[str]) -> dict[str, int]:
    """The seeds that count: a prompt without alternatives chooses nothing by its own."""
    found = {}
    for name in names:
        params = plan.signed[name].signature.get("params", {})
        for param in plan.graph.nodes[name].spec.params:
            if isinstance(param.marker, Seed) and params.get(param.name) is not None:
                found[name] = params[param.name]
    return found


def _upstream(plan: Plan, node: str) -> list[str]:
    """The node and all above it, in run order."""
    seen: set[str] = set()
    stack = [node]
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            stack.extend(source.node for source in plan.graph.nodes[name].wires.values())
    return [name for name in plan.graph.nodes if name in seen]
