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
        title: what people call it; empty takes the type's name.
        mode: "mute" takes it out, with all that depends on it; "bypass" hands its inputs on to
            the outputs of the same type (`studio.graph.modes`).
        cache: earlier results may stand for a run of it. False runs it, and what depends on it,
            every time; keys don't change by that.
        params: widget values by name; those left out have their defaults.
        inputs: socket or widget name to "node" or "node.output".
    """

    model_config = ConfigDict(extra="allow")

    type: str = Field(min_length=1, max_length=200)
    version: int = Field(default=1, ge=1, strict=True)
    title: str = Field(default="", max_length=1000)
    mode: Literal["normal", "mute", "bypass"] = "normal"
    cache: bool = Field(default=True, strict=True)
    params: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)


class Frame(BaseModel):
    """A titled box around nodes. It means nothing to a run.

    Args:
        title: for people.
        rect: left, top, width and height on the canvas, in pixels; drawn larger where its nodes
            need more.
        nodes: ids of the nodes that move with it.
        colour: "#rrggbb"; None takes the theme's.
    """

    model_config = ConfigDict(extra="allow")

    title: str = Field(default="", max_length=1000)
    rect: tuple[Finite, Finite, Finite, Finite] = (0.0, 0.0, 320.0, 200.0)
    nodes: tuple[str, ...] = ()
    colour: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")


class NodeView(BaseModel):
    """How an editor shows a node. It means nothing to a run.

    Args:
        collapsed: only its header is shown.
        width: in pixels; None takes the usual one.
        colour: of the header, "#rrggbb"; None takes the category's.
        sockets: widgets that are shown as sockets though no wire feeds them.
        seeds: what happens to a seed before each run, by widget; "fixed" where it isn't here.
    """

    model_config = ConfigDict(extra="allow")

    collapsed: bool = False
    width: Finite | None = Field(default=None, ge=100, le=4000)
    colour: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")
    sockets: tuple[str, ...] = ()
    seeds: dict[str, Literal["random", "increment", "decrement"]] = Field(default_factory=dict)


class Graph(BaseModel):
    """A whole graph.

    Args:
        title: for people.
        nodes: by id; an id is a word a person can type.
        layout: position of each node's top left corner on the canvas, in pixels.
        view: how an editor shows nodes, by id.
        frames: boxes around nodes, by id.
    """

    model_config = ConfigDict(extra="allow")

    format: Literal["latent-studio"] = "latent-studio"
    version: Literal[1] = 1
    title: str = Field(default="", max_length=1000)
    nodes: dict[NodeId, Node] = Field(default_factory=dict, max_length=MAX_NODES)
    layout: dict[str, tuple[Finite, Finite]] = Field(default_factory=dict)
    view: dict[str, NodeView] = Field(default_factory=dict)
    frames: dict[NodeId, Frame] = Field(default_factory=dict, max_length=MAX_NODES)


def parse_wire(text: str) -> tuple[str, str | None]:
    """ "node.output" as (node, output); the output is None where only the node is named.

    Raises:
        ValueError: it is neither.
    """
    node, dot, output = text.partition(".")
    if not re.match(ID_PATTERN, node) or (dot and not output.isidentifier()):
        raise ValueError(f'{text!r} is not a wire; write "node" or "node.output"')
    return node, output or None
