"""Node types as plain JSON: for `nodes --json`, the editor and the JSON Schema of graph files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from studio.graph.document import Graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studio.spec import NodeSpec, Param, Port


def describe(spec: NodeSpec) -> dict[str, Any]:
    """All of a node type that an editor needs to draw it and a person to use it."""
    return {
        "type": spec.type,
        "version": spec.version,
        "category": spec.category,
        "summary": spec.help.summary,
        "description": spec.help.description,
        "returns": spec.help.returns,
        "effects": spec.effects,
        "light": spec.light,
        "passthrough": spec.passthrough,
        "inputs": [_port(port, spec) for port in spec.inputs],
        "params": [_param(param, spec) for param in spec.params],
        "outputs": [{"name": port.name, "type": port.type} for port in spec.outputs],
    }


def _port(port: Port, spec: NodeSpec) -> dict[str, Any]:
    return {
        "name": port.name,
        "type": port.type,
        "optional": port.optional,
        "help": spec.help.args.get(port.name, ""),
    }


def _param(param: Param, spec: NodeSpec) -> dict[str, Any]:
    return {
        "name": param.name,
        "kind": param.kind,
        "required": param.required,
        "default": param.default,
        "nullable": param.nullable,
        "limits": dict(param.limits),
        "help": spec.help.args.get(param.name, ""),
        **param.marker.describe(),
    }


def json_schema(specs: Mapping[str, NodeSpec]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of graph files, with the parameters of every known node type.

    Unknown node types are allowed, as in the program: they are kept, and can't run.
    """
    schema = Graph.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Latent Studio graph"
    schema["required"] = ["format", "version", "nodes"]
    node = schema["$defs"]["Node"]
    node["allOf"] = [
        {
            "if": {"properties": {"type": {"const": spec.type}}, "required": ["type"]},
            "then": {"properties": _node_properties(spec)},
        }
        for spec in sorted(specs.values(), key=lambda spec: spec.type)
    ]
    return schema


def _node_properties(spec: NodeSpec) -> dict[str, Any]:
    params = {}
    for param in spec.params:
        entry = param.adapter.json_schema()
        about = param.marker.describe()
        if "choices" in about:
            entry["enum"] = [*about["choices"], *([None] if param.nullable else [])]
        if text := spec.help.args.get(param.name):
            entry["description"] = text
        if not param.required:
            entry["default"] = param.default
        params[param.name] = entry
    names = [*spec.input_by_name, *spec.param_by_name]
    ports = {name: {"type": "string"} for name in names}
    return {
        "params": {"type": "object", "properties": params, "additionalProperties": False},
        "inputs": {"type": "object", "properties": ports, "additionalProperties": False},
    }
