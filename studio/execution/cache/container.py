"""The bytes of one entry's file: a safetensors file that any tool can open.

Its metadata holds the format's version, the key and the outputs' JSON (`codec.py`). A BLAKE3
checksum over the whole file, which stands in its name and in the index, tells a file that was
cut short or changed. An entry without tensors is written and read without torch. Written with
the safetensors library, read without it, as that would copy every tensor twice.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from studio.execution.cache.codec import MAX_TEXT, DamagedEntry, MissingEntry, NotStorable, decode

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from torch import Tensor

FORMAT = "latent-studio-cache 1"
MAX_HEADER = 4 * MAX_TEXT
CHECKSUM_BYTES = 16

_DTYPES = {
    "BOOL": "bool",
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BF16": "bfloat16",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}


def checksum(data: bytes) -> str:
    """BLAKE3 of `data`, 128 bits, hexadecimal: against damage, not against malice."""
    return blake3(data).hexdigest(length=CHECKSUM_BYTES)


def pack(key: str, text: str, tensors: dict[str, Tensor]) -> bytes:
    """The file of the entry `key`, from what `codec.encode` gave.

    Raises:
        NotStorable: safetensors refuses the tensors.
    """
    metadata = {"format": FORMAT, "key": key, "outputs": text}
    if not tensors:
        from safetensors import serialize

        return bytes(serialize({}, metadata=metadata))
    from safetensors.torch import save

    try:
        packed: bytes = save(tensors, metadata=metadata)
    except (ValueError, RuntimeError, TypeError, KeyError) as error:
        raise NotStorable(f"safetensors: {error}") from error
    return packed


def unpack(key: str, path: Path, expected: str) -> dict[str, Any]:
    """The outputs in the file of the entry `key`, whose checksum was `expected`.

    Raises:
        DamagedEntry: missing, not readable, not the bytes that were written, or not an entry of
            this key and format.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            head, body = _read(file)
    except FileNotFoundError:
        raise MissingEntry("its file is missing") from None
    except OSError as error:
        raise DamagedEntry(f"its file cannot be read ({error.strerror})") from error
    digest = blake3(head)
    if body is not None:
        digest.update(body.numpy().data)
    if digest.hexdigest(length=CHECKSUM_BYTES) != expected:
        raise DamagedEntry("its checksum is wrong")
    header = _parsed(head[8:])
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict):
        raise DamagedEntry("no metadata")
    if metadata.get("format") != FORMAT or metadata.get("key") != key:
        raise DamagedEntry("another format, or the entry of another key")
    text = metadata.get("outputs")
    if not isinstance(text, str):
        raise DamagedEntry("no outputs")
    return decode(text, _tensors(header, body) if header else {})


def _read(file: FileIO) -> tuple[bytes, Tensor | None]:
    """A file's header with its length before it, and the rest, None where there is nothing."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(8)
    length = int.from_bytes(head, "little")
    if len(head) < 8 or length > min(MAX_HEADER, size - 8):
        raise DamagedEntry("cut short")
    head += file.read(length)
    rest = size - 8 - length
    if rest == 0:
        return head, None
    import torch

    # Straight into a tensor: every further copy of a large one costs more than hashing it.
    body = torch.empty(rest, dtype=torch.uint8)
    view = body.numpy().data
    done = 0
    while done < rest:  # the system reads 2 GiB at most at a time
        count = file.readinto(view[done:])
        if not count:
            raise DamagedEntry("cut short")
        done += count
    return head, body


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedEntry(f"malformed header: {error}") from error
    if not isinstance(header, dict):
        raise DamagedEntry("malformed header")
    return header


def _tensors(header: dict[str, Any], body: Tensor | None) -> dict[str, Tensor]:
    import torch

    if body is None:  # all of them are empty
        body = torch.empty(0, dtype=torch.uint8)
    tensors = {}
    try:
        for name, spec in header.items():
            start, end = spec["data_offsets"]
            if not 0 <= start <= end <= len(body):
                raise ValueError(f"{name} lies outside of the file")
            dtype = getattr(torch, _DTYPES[spec["dtype"]])
            tensor = body[start:end].view(dtype).reshape(spec["shape"])
            # By itself in memory, and aligned as torch aligns: kernels may take another path,
            # and round otherwise, where it is not.
            tensors[name] = tensor if len(header) == 1 else tensor.clone()
    except (LookupError, TypeError, ValueError, RuntimeError) as error:
        raise DamagedEntry(f"malformed tensors: {error}") from error
    return tensors
