"""The graph document, format 1: nodes by id, wires by name, layout apart.

The classes mirror the file. Keys that this version doesn't know are kept and written back.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

FORMAT = "latent-studio"
VERSION = 1
MAX_NODES = 100_000

ID_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
NodeId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Node(BaseModel):
    """One node as the file has it.

    Args:
        type: node type; an unknown one is kept and can't run.
        version: of the node type when the file was written.
        params: widget values by name; those left out have their defaults.
        inputs: socket or widget name to "node" or "node.output".
    """

    model_config = ConfigDict(extra="allow")

    type: str = Field(min_length=1, max_length=200)
    version: int = Field(default=1, ge=1, strict=True)
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)


class Graph(BaseModel):
    """A whole graph.

    Args:
        title: for people.
        nodes: by id; an id is a word a person can type.
        layout: position of each node's top left corner on the canvas, in pixels.
    """

    model_config = ConfigDict(extra="allow")

    format: Literal["latent-studio"] = "latent-studio"
    version: Literal[1] = 1
    title: str = Field(default="", max_length=1000)
    nodes: dict[NodeId, Node] = Field(default_factory=dict, max_length=MAX_NODES)
    layout: dict[str, tuple[Finite, Finite]] = Field(default_factory=dict)


def parse_wire(text: str) -> tuple[str, str | None]:
    """ "node.output" as (node, output); the output is None where only the node is named.

    Raises:
        ValueError: it is neither.
    """
    node, dot, output = text.partition(".")
    if not re.match(ID_PATTERN, node) or (dot and not output.isidentifier()):
        raise ValueError(f'{text!r} is not a wire; write "node" or "node.output"')
    return node, output or None
