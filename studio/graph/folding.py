"""Folding: passthroughs and constants vanish, so that they can't change a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from studio.graph.checked import CheckedNode, Source
from studio.graph.errors import Fault
from studio.params import Marker
from studio.spec import SCALARS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from studio.environment import Environment
    from studio.spec import NodeSpec


class Unfolded(NamedTuple):
    """A sound node before folding."""

    spec: NodeSpec
    params: Mapping[str, Any]
    wires: Mapping[str, Source]


def fold(
    order: Sequence[str],
    sound: Mapping[str, Unfolded],
    targets: Sequence[str],
    environment: Environment,
) -> tuple[dict[str, CheckedNode], dict[str, str], list[Fault]]:
    """Replace passthroughs by what feeds them and constants by their value.

    Args:
        order: ids in run order.
        sound: nodes by id.
        targets: ids that stay, whatever they are.
        environment: for the checks of values that come from constants.

    Returns:
        what is left; the ids that vanished, with a word for each; constants that don't fit where
        they are wired.
    """
    nodes: dict[str, CheckedNode] = {}
    folded: dict[str, str] = {}
    faults: list[Fault] = []
    constants: dict[Source, Any] = {}
    renamed: dict[Source, Source] = {}
    for name in order:
        spec, given, drawn = sound[name]
        wires = {port: renamed.get(source, source) for port, source in drawn.items()}
        if spec.passthrough and name not in targets:
            renamed[Source(name, spec.outputs[0].name)] = wires[spec.inputs[0].name]
            folded[name] = "passes its input on"
            continue
        params = dict(given)
        sockets: dict[str, Any] = {}
        before = len(faults)
        for port in [port for port, source in wires.items() if source in constants]:
            value = constants[wires.pop(port)]
            param = spec.param_by_name.get(port)
            if param is None:
                sockets[port] = value
                continue
            try:
                params[port] = param.check(value)
                trouble = param.marker.fault(value, environment)
            except ValueError as error:
                trouble = f"{error}."
            if trouble:
                faults.append(Fault(f"nodes.{name}.inputs.{port}", trouble, name, port))
        if len(params) > len(given) and len(faults) == before:
            faults += _misfits(name, spec, params, environment)
        if _is_constant(spec) and not wires and not sockets and name not in targets:
            # Such a body takes no context; it is handed none.
            values = spec.call({}, params, None)
            constants.update({Source(name, port): value for port, value in values.items()})
            folded[name] = "a constant"
            continue
        nodes[name] = CheckedNode(name, spec, params, wires, sockets)
    return nodes, folded, faults


def _misfits(
    name: str, spec: NodeSpec, params: Mapping[str, Any], environment: Environment
) -> list[Fault]:
    """What is wrong with widgets beside the others, now that constants are known."""
    found = []
    for param in spec.params:
        value = params.get(param.name)
        if value is not None and type(param.marker).misfit is not Marker.misfit:
            trouble = param.marker.misfit(value, params, environment)
            if trouble:
                found.append(Fault(f"nodes.{name}.params.{param.name}", trouble, name, param.name))
    return found


def _is_constant(spec: NodeSpec) -> bool:
    """A node without sockets and context that gives plain values of its widgets alone."""
    plain = set(SCALARS.values())
    return (
        spec.light
        and not spec.inputs
        and spec.context_name is None
        and all(port.type in plain for port in spec.outputs)
        and all(type(p.marker).fingerprint is Marker.fingerprint for p in spec.params)
    )
