"""`batch.toml`: all that a batch was asked for, so that it can be run again.

    graph = "text_to_image.json"     # relative paths start at the folder of this file
    csv = "prompts.csv"              # or jsonl = "prompts.jsonl"

    [set]
    sampler.steps = 8

    [sweep]
    sampler.seed = "1..100"
    sampler.cfg = [3, 5, 7]

    [run]
    on = "workers"
    workers = 2

Keys of [set] and [sweep] may be quoted ("sampler.seed") or not. The later sweep changes faster.
What a run writes into its folder is in canonical form: the same request gives the same bytes.
"""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import InputError
from studio.words import nearest, plain, short

FORMAT = "latent-studio-batch"
VERSION = 1
FILE_NAME = "batch.toml"
MAX_BYTES = 64 * 2**20

On = Literal["here", "workers", "ray"]
Count = Annotated[int, Field(ge=1, le=1024, strict=True)]


class BadJobFile(InputError):
    """A job file that can't be read, or says what makes no sense."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{plain(str(path))}: {reason}")


class FrozenValues(BaseModel):
    """Values of a sweep in a file beside the job file, a JSON value a line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: str = Field(min_length=1)


class RunOptions(BaseModel):
    """How a batch is run; what is None is left to the command line, the settings, the machine.

    Args:
        on: "here", "workers" or "ray".
        workers: how many.
        batch_size: jobs that may run as one.
        device: as `--device`.
        dtype: as `--dtype`.
        cache: use and keep results.
        texts_first: encode all texts before anything else; None where memory is short.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: On | None = None
    workers: Count | Literal["auto"] | None = None
    batch_size: Count | Literal["auto"] | None = None
    device: str | None = None
    dtype: str | None = None
    cache: bool | None = Field(default=None, strict=True)
    texts_first: bool | None = Field(default=None, strict=True)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["latent-studio-batch"] = "latent-studio-batch"
    version: Literal[1] = 1
    graph: str = Field(min_length=1)
    base: str | None = None
    name: str | None = None
    out: str | None = None
    csv: str | None = None
    jsonl: str | None = None
    zip: bool = Field(default=False, strict=True)
    only: tuple[str, ...] = ()
    set: dict[str, Any] = Field(default_factory=dict)
    sweep: dict[str, Any] = Field(default_factory=dict)
    run: RunOptions = RunOptions()


_COUNT = 'a number from 1 to 1024, or "auto"'
_SWITCH = "true or false"
_TABLE = "its lines under a heading in brackets"
_WANTED = {
    "version": str(VERSION),
    "only": 'a list, as ["save"]',
    "zip": _SWITCH,
    "set": _TABLE,
    "sweep": _TABLE,
    "run": _TABLE,
    "on": '"here", "workers" or "ray"',
    "workers": _COUNT,
    "batch_size": _COUNT,
    "cache": _SWITCH,
    "texts_first": _SWITCH,
}
"""What a key takes that isn't a text."""

Sweep = str | list[Any] | FrozenValues
DEFAULTS = RunOptions()


class Asked(NamedTuple):
    """A sweep as it was asked for.

    Args:
        place: "node.param".
        spec: text, list, or a file of values beside the job file.
        where: for messages.
        base: folder that paths in it start from.
    """

    place: str
    spec: Sweep
    where: str
    base: Path


@dataclass(frozen=True)
class Request:
    """What a batch is asked for, by a job file, the command line or both.

    Args:
        graph: the graph's file.
        out: the run's folder; None asks for one.
        csv: a table with a job a row.
        jsonl: the same as JSON Lines.
        sets: constants: "node.param=value" texts, or (place, value) pairs of a job file.
        sweeps: in order; the later changes faster.
        zip: pair the sweeps instead of multiplying them.
        only: ids of nodes to run to.
        base: folder that paths in the graph start from; None takes the graph's own.
        name: of the graph, for names of pictures; None takes the file's.
        run: how.
        source: the job file; None for the command line alone.
    """

    graph: Path
    out: Path | None = None
    csv: Path | None = None
    jsonl: Path | None = None
    sets: tuple[str | tuple[str, Any], ...] = ()
    sweeps: tuple[Asked, ...] = ()
    zip: bool = False
    only: tuple[str, ...] = ()
    base: Path | None = None
    name: str | None = None
    run: RunOptions = DEFAULTS
    source: Path | None = None


def read_job_file(path: Path) -> Request:
    """Read a `batch.toml`.

    Raises:
        BadJobFile: it isn't there, isn't TOML, or a key or value is wrong, the nearest named.
    """
    table = _table(path)
    if table.get("format", FORMAT) != FORMAT:
        raise BadJobFile(path, f'format is "{table["format"]}"; a batch has "{FORMAT}".')
    version = table.get("version", VERSION)
    if isinstance(version, int) and version > VERSION:
        raise BadJobFile(
            path,
            f"it has version {version}; this program knows {VERSION}. Update Latent Studio.",
        )
    try:
        file = _File.model_validate(table)
    except ValidationError as error:
        raise BadJobFile(path, _words(error)) from None
    folder = path.resolve().parent

    def beside(text: str | None) -> Path | None:
        return None if text is None else folder / Path(text).expanduser()

    sweeps = [
        Asked(place, _sweep(path, place, given), f"{path}, sweep {place}", folder)
        for place, given in _flat(file.sweep)
    ]
    return Request(
        graph=folder / Path(file.graph).expanduser(),
        out=beside(file.out),
        csv=beside(file.csv),
        jsonl=beside(file.jsonl),
        sets=tuple(_flat(file.set)),
        sweeps=tuple(sweeps),
        zip=file.zip,
        only=file.only,
        base=beside(file.base),
        name=file.name,
        run=file.run,
        source=path,
    )


def _table(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        try:
            names = [entry.name for entry in path.parent.iterdir()]
        except OSError:
            names = []
        raise BadJobFile(path, f"there is no such file.{nearest(path.name, names)}") from None
    except OSError as error:
        raise BadJobFile(path, f"it can't be read: {error.strerror or error}.") from None
    if len(data) > MAX_BYTES:
        raise BadJobFile(path, f"it is larger than {MAX_BYTES >> 20} MiB; put rows into a CSV.")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadJobFile(path, "it isn't text in UTF-8.") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadJobFile(path, f"it isn't TOML: {str(error) or 'nested too deep'}.") from None


def _flat(table: dict[str, Any]) -> list[tuple[str, Any]]:
    """{"sampler": {"seed": 1}} as well as {"sampler.seed": 1}, in order."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict) and "." not in key:
            found += [(f"{key}.{inner}", own) for inner, own in value.items()]
        else:
            found.append((key, value))
    return found


def _sweep(path: Path, place: str, given: Any) -> Sweep:
    if isinstance(given, str | list):
        return given
    if isinstance(given, dict):
        try:
            return FrozenValues.model_validate(given)
        except ValidationError:
            pass
    if isinstance(given, int | float):
        return [given]
    raise BadJobFile(path, f'sweep {place}: write a text as "1..4", or a list as [3, 5, 7].')


def _words(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False)
    # A key that isn't known is likely the one that is missing, misspelt.
    first = min(found, key=lambda item: item["type"] != "extra_forbidden")
    in_run = first["loc"][0] == "run"
    key = str(first["loc"][1 if in_run and len(first["loc"]) > 1 else 0])
    place = f"run.{key}" if in_run and key != "run" else key
    if first["type"] == "extra_forbidden":
        known = RunOptions.model_fields if in_run else _File.model_fields
        return f"there is no key {place}.{nearest(key, known)} There are: {', '.join(known)}."
    if first["type"] == "missing":
        return f'the key {place} is missing; write {place} = "…".'
    return f"{place} is {short(first['input'])}; write {_WANTED.get(key, 'a text')}."


# Writing


def to_toml(request: Request) -> str:
    """A request as the text of a job file, paths as they are given, in canonical form."""
    lines = [f"format = {_value(FORMAT)}", f"version = {VERSION}"]
    top = {
        "graph": str(request.graph),
        "base": _text(request.base),
        "name": request.name,
        "out": _text(request.out),
        "csv": _text(request.csv),
        "jsonl": _text(request.jsonl),
        "zip": request.zip or None,
        "only": list(request.only) or None,
    }
    lines += [f"{key} = {_value(value)}" for key, value in top.items() if value is not None]
    sets = [item if isinstance(item, tuple) else _pair(item) for item in request.sets]
    run = {key: value for key, value in request.run.model_dump().items() if value is not None}
    sweeps = [(asked.place, asked.spec) for asked in request.sweeps]
    for title, pairs in (("set", sets), ("sweep", sweeps), ("run", list(run.items()))):
        if pairs:
            lines += ["", f"[{title}]"]
            lines += [f"{_key(key)} = {_value(value)}" for key, value in pairs]
    return "\n".join(lines) + "\n"


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _pair(text: str) -> tuple[str, str]:
    place, _, value = text.partition("=")
    return place.strip(), value


def _key(key: str) -> str:
    # "sampler.seed" stays quoted: as a bare key it would lose its place among other nodes'.
    return key if key.isascii() and key.replace("_", "").isalnum() else _value(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            if not math.isfinite(value):
                return {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
            return repr(value)
        case str():
            # JSON's strings are TOML's, but for one character that TOML wants escaped.
            return json.dumps(plain(value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(_value(item) for item in value)}]"
        case FrozenValues():
            return f"{{values = {_value(value.values)}}}"
        case dict():
            pairs = (f"{_value(key)} = {_value(item)}" for key, item in value.items())
            return f"{{{', '.join(pairs)}}}"
        case _:
            raise TypeError(f"TOML can't hold {value!r}")
