"""Keys: the identity of a node's outputs, by what they are computed from and nothing else.

A key is BLAKE3 over a signature: node type and version, validated parameters in canonical form,
the keys of what feeds it, a fingerprint of each file it names, and the compute policy where that
changes the numbers. Ids, titles and positions don't enter. No torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from studio.params import Marker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.environment import Environment
    from studio.graph.checked import CheckedGraph, CheckedNode
    from studio.hardware import Policy

NUMERICS = 1
"""Raised when the engine's own arithmetic changes, so that older cached tensors aren't served."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A node's key and the signature it is the hash of (plain JSON)."""

    key: str
    signature: Mapping[str, Any]


def sign(graph: CheckedGraph, environment: Environment, policy: Policy) -> dict[str, Signed]:
    """The key of every needed node.

    Raises:
        InputError: a file that is named can't be read.
    """
    signed: dict[str, Signed] = {}
    for name, node in graph.nodes.items():
        signature = _signature(node, signed, environment, policy)
        signed[name] = Signed(_digest(signature), signature)
    return signed


def _signature(
    node: CheckedNode,
    signed: Mapping[str, Signed],
    environment: Environment,
    policy: Policy,
) -> dict[str, Any]:
    signature: dict[str, Any] = {"type": node.spec.type, "version": node.spec.version}
    if node.params or node.constants:
        signature["params"] = {**node.params, **node.constants}
    if node.wires:
        signature["inputs"] = {
            port: f"{signed[source.node].key}.{source.output}"
            for port, source in node.wires.items()
        }
    files = {
        param.name: print_
        for param in node.spec.params
        if type(param.marker) is not Marker
        and (value := node.params.get(param.name)) is not None
        and (print_ := param.marker.fingerprint(value, environment)) is not None
    }
    if files:
        signature["files"] = files
    if node.spec.uses_models:
        signature["policy"] = f"{policy.kind} {policy.dtype}"
    return signature


_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def _digest(signature: Mapping[str, Any]) -> str:
    return blake3(f"{NUMERICS}:{_encode(signature)}".encode()).hexdigest(length=20)
