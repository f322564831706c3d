"""Small files of a checkpoint, headers in one form for every format, and tensors to be read."""

from __future__ import annotations

import json
import struct
from collections import Counter
from typing import TYPE_CHECKING, Any

from studio.diffusion.checkpoints.parts import AGAIN, BadCheckpoint
from studio.diffusion.weights.header import AGAIN as FILE_AGAIN
from studio.diffusion.weights.header import BadWeights, Header, format_of, read_header

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from studio.diffusion.weights.deferred import Deferred

MAX_JSON = 16 * 2**20

MAX_NUMBERS = 4096
"""Numbers that are read from a tensor for what they say (betas, a scale, a bias)."""


def read_json(path: Path, name: str) -> dict[str, Any]:
    """A JSON object from a file of the checkpoint `name`.

    Raises:
        BadCheckpoint: the file is missing, can't be read or is no JSON object.
    """
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read(MAX_JSON))
    except FileNotFoundError:
        raise BadCheckpoint(name, path, "the file is missing", AGAIN) from None
    except OSError as error:
        raise BadCheckpoint(
            name, path, f"can't be read: {error.strerror}", "Check its permissions."
        ) from None
    except (ValueError, RecursionError):
        raise BadCheckpoint(name, path, "isn't JSON", AGAIN) from None
    if not isinstance(data, dict):
        raise BadCheckpoint(name, path, "isn't a JSON object", AGAIN)
    return data


def header_of(path: Path, name: str) -> Header:
    """The header of a file of the checkpoint `name`; of a pickle, which torch must open, the same.

    Raises:
        BadCheckpoint: the file can't be read, is damaged, or needs code to run.
    """
    try:
        if format_of(path) == "safetensors":
            return read_header(path)
        from studio.diffusion.weights.files import open_weights

        file = open_weights(path)
        return Header(path, file.tensors, file.metadata)
    except BadWeights as error:
        raise as_checkpoint(error, name) from None


def as_checkpoint(error: BadWeights, name: str) -> BadCheckpoint:
    """The fault of a file as a fault of the checkpoint `name`."""
    hint = AGAIN if error.hint == FILE_AGAIN else error.hint
    return BadCheckpoint(name, error.path, error.reason, hint)


def open_all(paths: tuple[Path, ...]) -> dict[str, Deferred]:
    """Every tensor of some files, by the files' own names.

    Raises:
        BadWeights: a file can't be opened.
    """
    from studio.diffusion.weights.deferred import Deferred
    from studio.diffusion.weights.files import open_weights

    found = {}
    for path in paths:
        file = open_weights(path)
        found.update({name: Deferred(file, name) for name in file.tensors})
    return found


def under(path: Path, prefix: str, convert: Any) -> dict[str, Deferred]:
    """The tensors of a file under a prefix, by the module's names."""
    inside = {
        name[len(prefix) :]: tensor
        for name, tensor in open_all((path,)).items()
        if name.startswith(prefix)
    }
    converted: dict[str, Deferred] = convert(inside) if convert else inside
    return converted


def main_dtype(headers: Iterable[Header]) -> str:
    """The dtype of most bytes."""
    count: Counter[str] = Counter()
    for header in headers:
        for info in header.tensors.values():
            # Of a pickled tensor there is no place; this is much shorter for the others.
            count[info[0]] += info[3] - info[2] or info.bytes
    return count.most_common(1)[0][0] if count else "F32"


def numbers(header: Header, tensor: str) -> list[float] | None:
    """The values of a small tensor; None where the file has none of that name, or it is too long.

    Raises:
        BadWeights: the file can't be read any more.
    """
    info = header.tensors.get(tensor)
    if info is None or not 0 < info.bytes <= 8 * MAX_NUMBERS:
        return None
    code = {"F16": "e", "F32": "f", "F64": "d"}.get(info.dtype)
    if not info.end or code is None:  # pickled, or of a kind that Python can't unpack
        from studio.diffusion.weights.files import open_weights

        values: list[float] = open_weights(header.path).read(tensor).double().reshape(-1).tolist()
        return values
    try:
        with open(header.path, "rb") as file:
            file.seek(info.start)
            data = file.read(info.end - info.start)
        return list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))
    except (OSError, struct.error) as error:
        raise BadWeights(header.path, f"can't be read: {error}") from None
