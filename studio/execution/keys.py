"""Keys: the identity of a node's outputs, by what they are computed from and nothing else.

A key is BLAKE3 over a signature: node type and version, validated parameters in canonical form
(those that can matter), the keys of what feeds it, a fingerprint of each file it names, and the
compute policy where that changes the numbers. Ids, titles and positions don't enter. Where a node
declares what each output is made from (LoadLora), what follows goes by that alone. No torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
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
    """A node's key and the signature it is the hash of (plain JSON).

    Args:
        key: of the node.
        signature: what it is the hash of.
        outputs: keys of the outputs that don't depend on everything the node is given.
    """

    key: str
    signature: Mapping[str, Any]
    outputs: Mapping[str, str] = field(default_factory=dict)

    def of(self, output: str) -> str:
        """What identifies one output."""
        return f"{self.outputs.get(output, self.key)}.{output}"


def sign(
    graph: CheckedGraph,
    environment: Environment,
    policy: Policy,
    known: tuple[CheckedGraph, Mapping[str, Signed]] | None = None,
) -> dict[str, Signed]:
    """The key of every needed node.

    Args:
        graph: checked.
        environment: where the files are that it names.
        policy: device and dtype.
        known: a graph that shares nodes (the same objects) with this one, and its keys by the
            same policy: shared nodes keep theirs, unless they name files, which may have changed.

    Raises:
        InputError: a file that is named can't be read.
    """
    signed: dict[str, Signed] = {}
    nodes, keys = (known[0].nodes, known[1]) if known else ({}, {})
    for name, node in graph.nodes.items():
        if (
            node is nodes.get(name)
            and "files" not in keys[name].signature
            and all(signed[w.node] is keys.get(w.node) for w in node.wires.values())
        ):
            signed[name] = keys[name]
            continue
        signature = _signature(node, signed, environment, policy)
        outputs = {
            output: _digest(_restricted(signature, names))
            for output, names in node.spec.made_from.items()
        }
        signed[name] = Signed(_digest(signature), signature, outputs)
    return signed


def _restricted(signature: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """A signature with these sockets and widgets alone."""
    return {
        part: {name: value for name, value in each.items() if name in names}
        if part in ("params", "inputs", "files")
        else each
        for part, each in signature.items()
    }


def _signature(
    node: CheckedNode,
    signed: Mapping[str, Signed],
    environment: Environment,
    policy: Policy,
) -> dict[str, Any]:
    signature: dict[str, Any] = {"type": node.spec.type, "version": node.spec.version}
    given = {**node.params, **node.constants}
    idle = {
        param.name
        for param in node.spec.params
        if type(param.marker).matters is not Marker.matters and not param.marker.matters(given)
    }
    if params := {name: value for name, value in given.items() if name not in idle}:
        signature["params"] = params
    if node.wires:
        signature["inputs"] = {
            port: signed[source.node].of(source.output) for port, source in node.wires.items()
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
