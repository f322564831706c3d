"""What an editor may ask of the worker: one class a request, a JSON line each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from studio.places import KINDS


class BadRequest(ValueError):
    """A line that is no request.

    Args:
        identity: the id it gave, if any.
        message: what is wrong with it.
    """

    def __init__(self, identity: Any, message: str) -> None:
        super().__init__(message)
        self.identity = identity
        self.message = message


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str = Field(max_length=200)


class OnGraph(_Request):
    """A request about a graph, given whole.

    Args:
        graph: as in a graph file.
        base: folder that relative paths in the graph start from.
        name: of the graph, for names of pictures.
        history: what the graph's history is kept under; its path, usually.
        only: nodes to run to; empty takes all that write something.
        sets: "node.param=value" overrides.
        out: output folder; None takes the user's.
    """

    graph: dict[str, Any]
    base: Path | None = None
    name: str = "graph"
    history: str = "worker"
    only: list[str] = Field(default_factory=list)
    sets: list[str] = Field(default_factory=list)
    out: Path | None = None


class Submit(OnGraph):
    request: Literal["submit"]


class PlanRequest(OnGraph):
    request: Literal["plan"]


class Inspect(OnGraph):
    """What a node's outputs are, where the cache holds them."""

    request: Literal["inspect"]
    node: str


class Picture(OnGraph):
    """The first picture of a node's output as a PNG file of 8 bits, where the cache holds it.

    Args:
        node: whose output.
        output: its name.
        path: of the file, in a folder that is there.
    """

    request: Literal["picture"]
    node: str
    output: str
    path: Path


class Cancel(_Request):
    """Stop a run, running or queued, by the id of its submit."""

    request: Literal["cancel"]
    run: str


class Nodes(_Request):
    request: Literal["nodes"]


class Models(_Request):
    """The model files that graphs can name.

    Args:
        kinds: only these; all by default.
    """

    request: Literal["models"]
    kinds: list[Literal[KINDS]] = Field(  # type: ignore[valid-type]
        default_factory=lambda: list(KINDS), min_length=1
    )


class Warm(_Request):
    """Import what a run will need, so that the first one starts sooner."""

    request: Literal["warm"]


class Shutdown(_Request):
    request: Literal["shutdown"]


Request = Submit | PlanRequest | Inspect | Picture | Cancel | Nodes | Models | Warm | Shutdown

_ADAPTER: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="request")])


def parse(line: bytes) -> Request:
    """The request in a line.

    Raises:
        BadRequest: it holds none.
    """
    identity = None
    try:
        raw = json.loads(line)
        identity = raw.get("id") if isinstance(raw, dict) else None
        return _ADAPTER.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        words = f"the request is wrong: {place}: {first['msg']}" if place else first["msg"]
        raise BadRequest(identity, words) from None
    except RecursionError:
        raise BadRequest(identity, "the line is nested too deeply") from None
    except ValueError as error:
        raise BadRequest(identity, f"the line isn't JSON: {error}") from None
