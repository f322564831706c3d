"""Large graphs for the editor's benchmarks: real node types on a grid, 1.5 wires a node."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from studio.graph.files import from_json

if TYPE_CHECKING:
    from studio.graph.document import Graph

STEP = (300.0, 420.0)
"""From one node to the next, in pixels: they don't overlap."""


def grid(count: int) -> Graph:
    """`count` nodes in rows, each a sampler or what goes before or after one."""
    return from_json(grid_json(count))


def grid_json(count: int) -> dict[str, Any]:
    """The same as a file has it."""
    columns = max(1, round(math.sqrt(count * STEP[1] / STEP[0])))
    nodes: dict[str, dict[str, Any]] = {}
    layout: dict[str, list[float]] = {}
    last: dict[str, str] = {}
    for number in range(count):
        name = f"node_{number}"
        nodes[name] = _node(number, last)
        layout[name] = [STEP[0] * (number % columns), STEP[1] * (number // columns)]
        for output in _OUTPUTS[number % len(_TYPES)]:
            last[output] = name
    return {"format": "latent-studio", "version": 1, "title": f"{count} nodes",
            "nodes": nodes, "layout": layout}  # fmt: skip


_TYPES = (
    "LoadCheckpoint", "TextEncode", "TextEncode", "EmptyLatent", "KSampler", "VAEDecode",
    "ScaleImage", "PreviewImage",
)  # fmt: skip
_OUTPUTS: tuple[tuple[str, ...], ...] = (
    ("model", "clip", "vae"), ("conditioning",), ("conditioning2",), ("latent",), ("latent",),
    ("image",), ("image",), (),
)  # fmt: skip


def _node(number: int, last: dict[str, str]) -> dict[str, Any]:
    kind = _TYPES[number % len(_TYPES)]
    node: dict[str, Any] = {"type": kind}
    if kind == "TextEncode":
        node["params"] = {"text": f"a red circle on a blue background, number {number}"}
        node["inputs"] = {"clip": f"{last['clip']}.clip"}
    elif kind == "KSampler":
        node["params"] = {"seed": number, "steps": 20}
        node["inputs"] = {
            "model": f"{last['model']}.model", "positive": last["conditioning"],
            "negative": last["conditioning2"], "latent": last["latent"],
        }  # fmt: skip
    elif kind == "VAEDecode":
        node["inputs"] = {"latent": last["latent"], "vae": f"{last['vae']}.vae"}
    elif kind in ("ScaleImage", "PreviewImage"):
        node["inputs"] = {"image": last["image"]}
    return node
