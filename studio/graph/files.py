"""Reading and writing graph files.

Reading reports every fault at once, each with its place in the file. Writing is atomic and gives
the same bytes for the same graph: keys sorted, layout apart, so a diff shows what changed.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from studio import strictjson
from studio.errors import InputError
from studio.graph.document import FORMAT, VERSION, Frame, Graph, Node, NodeView
from studio.graph.errors import Fault, GraphFileError
from studio.words import short

MAX_BYTES = 64 * 2**20



class GraphNotWritten(InputError):
    """A graph file could not be written; the file that was there is untouched."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: the graph could not be written: {reason}.",
            hint="What was there before is untouched; choose another place.",
        )


def load(path: Path | str) -> Graph:
    """The graph in a file, or on standard input for "-".

    Raises:
        GraphFileError: with every fault found.
    """
    if str(path) == "-":
        return loads(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input")
    source = str(path)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise GraphFileError(
            source, [Fault("", "this is a folder; name a graph file in it")]
        ) from None
    except FileNotFoundError:
        raise GraphFileError(source, [Fault("", _missing(Path(path)))]) from None
    except OSError as error:
        raise GraphFileError(source, [Fault("", f"can't be read: {error.strerror}")]) from None
    return loads(data, source)


def loads(data: bytes | str, source: str = "graph") -> Graph:
    """The graph in JSON text.

    Args:
        data: UTF-8, with or without a byte order mark.
        source: its name in messages.

    Raises:
        GraphFileError: with every fault found.
    """
    return from_json(parse(data, source), source)


def parse(data: bytes | str, source: str) -> Any:
    """JSON text as plain data, and only such data as can be written again.

    Args:
        data: UTF-8, with or without a byte order mark.
        source: its name in messages.

    Raises:
        GraphFileError: what is wrong, and where.
    """
    if len(data) > MAX_BYTES:
        raise GraphFileError(source, [Fault("", f"is larger than {MAX_BYTES >> 20} MiB")])
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        return strictjson.loads(text)
    except UnicodeDecodeError:
        raise GraphFileError(
            source, [Fault("", "isn't text in UTF-8, so it is no graph")]
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise GraphFileError(source, [Fault("", f"isn't JSON: {error.msg} at {where}")]) from None
    except ValueError as error:
        raise GraphFileError(source, [Fault("", str(error))]) from None


def from_json(raw: Any, source: str = "graph") -> Graph:
    """A graph from what `parse` gave.

    Raises:
        GraphFileError: with every fault found.
    """
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise GraphFileError(source, [Fault("", _other_shape(raw))])
    version = raw.get("version")
    if isinstance(version, int) and version > VERSION:
        message = (
            f"has format version {version}; this program knows {VERSION}. "
            "Update Latent Studio (the file is untouched)."
        )
        raise GraphFileError(source, [Fault("version", message)])
    try:
        return Graph.model_validate(raw)
    except ValidationError as error:
        faults = [_fault(item) for item in error.errors(include_url=False)]
        raise GraphFileError(source, faults) from None


def to_json(graph: Graph) -> dict[str, Any]:
    """The graph as plain JSON data, in the order of the file."""
    data = graph.model_dump(mode="json")
    head = ("format", "version", "title", "nodes", "layout", "view", "frames")
    ordered = {key: data[key] for key in head if key in data}
    ordered.update({key: _sorted(data[key]) for key in sorted(data) if key not in head})
    ordered["nodes"] = {
        name: {"type": item["type"], "version": item["version"], **_tidy(item)}
        for name, item in sorted(data["nodes"].items())
    }
    ordered["layout"] = {
        name: [_whole(x), _whole(y)] for name, (x, y) in sorted(data["layout"].items())
    }
    views = {name: _changed(item, _PLAIN_VIEW) for name, item in sorted(data["view"].items())}
    ordered["view"] = {name: item for name, item in views.items() if item}
    ordered["frames"] = {
        name: _changed(item, _PLAIN_FRAME) for name, item in sorted(data["frames"].items())
    }
    for frame in ordered["frames"].values():
        if "rect" in frame:
            frame["rect"] = [_whole(number) for number in frame["rect"]]
    for key in ("view", "frames"):
        if not ordered[key]:
            del ordered[key]
    return ordered


def dumps(graph: Graph) -> str:
    """The text of the graph's file; equal graphs give equal text."""
    data = to_json(graph)
    top = []
    for key, value in data.items():
        if key in ("nodes", "layout", "view", "frames"):
            # A line a node: a diff then shows whole nodes, and the file stays readable.
            lines = ",\n".join(f"  {_compact(k)}: {_compact(v)}" for k, v in value.items())
            top.append(f"{_compact(key)}: {{\n{lines}\n }}" if lines else f"{_compact(key)}: {{}}")
        else:
            top.append(f"{_compact(key)}: {_compact(value)}")
    return "{" + ",\n ".join(top) + "}\n"


def save(graph: Graph, path: Path | str) -> None:
    """Write the graph's file, whole or not at all.

    Raises:
        GraphNotWritten: the file that was there is untouched.
    """
    path = Path(path)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = file.name
            file.write(dumps(graph))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, file_mode(path))
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise GraphNotWritten(path, error.strerror or str(error)) from None


def file_mode(path: Path) -> int:
    """Who may read and write the file: as before, or as any new file."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        # The mask can only be read by setting it.
        mask = os.umask(0o022)
        os.umask(mask)
        return 0o666 & ~mask


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def _tidy(item: dict[str, Any]) -> dict[str, Any]:
    """The rest of a node's keys: those that say something, then what else there is."""
    known = {key: item[key] for key in _SAID if item[key] != _PLAIN_NODE[key]}
    known |= {key: _sorted(item[key]) for key in ("params", "inputs") if item[key]}
    others = sorted(item.keys() - {"type", "version", *_SAID, "params", "inputs"})
    return {**known, **{key: _sorted(item[key]) for key in others}}


def _changed(item: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    """What differs from the defaults, in their order, then what else there is."""
    known = {key: _sorted(item[key]) for key in plain if item[key] != plain[key]}
    return known | {key: _sorted(item[key]) for key in sorted(item.keys() - plain.keys())}


_SAID = ("title", "mode", "cache")
"""Keys of a node that are left out where they say nothing."""
_PLAIN_NODE = Node(type="-").model_dump(mode="json")
_PLAIN_VIEW = NodeView().model_dump(mode="json")
_PLAIN_FRAME = {**Frame().model_dump(mode="json"), "rect": None}


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _other_shape(raw: Any) -> str:
    message = 'is JSON, but no Latent Studio graph (it has no "format": "latent-studio")'
    if isinstance(raw, dict):
        values = list(raw.values())
        if "last_node_id" in raw or (
            values and all(isinstance(v, dict) and "class_type" in v for v in values)
        ):
            message += ". It looks like a ComfyUI workflow; those can't be opened yet"
    return message


def _fault(item: Any) -> Fault:
    loc = [part for part in item["loc"] if part != "[key]"]
    node = str(loc[1]) if len(loc) > 1 and loc[0] == "nodes" else None
    message = item["msg"]
    if item["loc"] and item["loc"][-1] == "[key]":
        message = (
            "a node's id is a word of letters, digits, _ and -, starting with a letter, "
            "at most 64 characters"
        )
    elif item["type"] != "missing":
        message += f" (it is {short(item['input'])})"
    return Fault(".".join(str(part) for part in loc), message, node=node)


def _missing(path: Path) -> str:
    from studio.places import resources
    from studio.words import nearest

    if path.is_symlink():
        return f"leads to {os.readlink(path)}, which isn't there"
    try:
        names = [p.name for p in path.parent.iterdir() if p.suffix == ".json"]
    except OSError:
        return f"the folder {path.parent} isn't there"
    if path.parent == Path():
        # The names of graphs that ship will do too (`studio.session.locate`).
        names += [p.stem for p in (resources().parent / "workflows").glob("*.json")]
    return "there is no such file." + nearest(path.name, names)
