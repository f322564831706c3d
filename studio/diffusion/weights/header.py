"""The header of a safetensors file: names, dtypes, shapes and metadata. No torch, no weights read.

The format: 8 bytes with the header's length (little endian), the header (JSON), the data.
Nothing in the header is trusted: a file is refused unless the tensors fill its data exactly.
"""

from __future__ import annotations

import json
import math
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from studio.collector import held_back
from studio.errors import InputError
from studio.words import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAX_HEADER = 24 * 2**20
"""Bytes. The largest seen are of LoRAs with their training tags, some megabytes."""

MAX_BRACKETS = 2**19
"""Opening brackets in a header, of which a tensor has three. Each may cost 200 bytes of memory
once it is read, so a header of the longest kind could otherwise take most of a gigabyte."""

MAX_SIDE, MAX_SIDES = 2**40, 16

AGAIN = "Copy or download the file again."

PICKLES = (".ckpt", ".pt", ".pth", ".bin")
"""Endings of files that torch pickled."""

ITEM_BYTES: Mapping[str, int] = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2,
    "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
"""Bytes an element takes, by the format's names of dtypes."""

Format = Literal["safetensors", "zip", "pickle"]

# First letters of files that people mistake for weights, and what those files are.
_MISTAKEN: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file: fetch the file itself"),
    (b"<", "a web page, not the file: it was downloaded from a page that wanted something first"),
    (b"GGUF", "a GGUF file, a format that can't be read yet"),
    (b"\x80", "a pickle, not a safetensors file"),
    (b"{", "JSON, not a safetensors file"),
)


class BadWeights(InputError):
    """A file of weights that can't be used."""

    def __init__(self, path: Path, reason: str, hint: str = AGAIN) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}.", hint=hint)


class TensorInfo(NamedTuple):
    """A tensor in a file.

    Args:
        dtype: as the safetensors format names it ("F16", "BF16", "F32" …).
        shape: its sides.
        start: first byte, counted from the beginning of the file; 0 in a pickled file.
        end: the byte after its last; 0 in a pickled file.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def bytes(self) -> int:
        """How many it takes."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class Header:
    """What a file of weights says of itself.

    Args:
        path: the file.
        tensors: by name.
        metadata: what the writer noted, text by text.
    """

    path: Path
    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]


def format_of(path: Path) -> Format:
    """The format of a file of weights, by what is in it; its name decides nothing.

    Raises:
        BadWeights: it is missing or can't be read.
    """
    try:
        _check_regular(path)
        with open(path, "rb") as file:
            head = file.read(9)
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise BadWeights(path, "the file is missing") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    # As lengths of a header, both marks would be far beyond the limit or lead to no JSON.
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    fits = head[8:] == b"{" and int.from_bytes(head[:8], "little") <= size - 8
    return "pickle" if head[:1] == b"\x80" and not fits else "safetensors"


def _check_regular(path: Path) -> None:
    """Opening a pipe waits for whoever writes to it, perhaps for ever."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise BadWeights(path, "is a pipe or a device, and no file")


def read_header(path: Path) -> Header:
    """Read and check the header of a safetensors file.

    Raises:
        BadWeights: the file is missing, can't be read, is none of this format, is truncated, or
            its header contradicts itself.
    """
    try:
        _check_regular(path)
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise BadWeights(path, "the file is empty")
            head = file.read(32)
            length = int.from_bytes(head[:8], "little")
            if len(head) < 8 or length < 2 or length > size - 8:
                raise BadWeights(path, _not_safetensors(path, head, length, size))
            if length > MAX_HEADER:
                raise BadWeights(
                    path,
                    f"its header claims {length:,} bytes, and {MAX_HEADER:,} are the most that "
                    "is read",
                )
            file.seek(8)
            text = file.read(length)
    except FileNotFoundError:
        raise BadWeights(path, "the file is missing") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    return parse_header(path, text, size)


@held_back()
def parse_header(path: Path, text: bytes, size: int) -> Header:
    """The header `text` of a file of `size` bytes.

    Raises:
        BadWeights: as `read_header`.
    """
    import pydantic_core  # its parser takes two thirds of the time of Python's

    if text.count(b"{") + text.count(b"[") > MAX_BRACKETS:
        raise BadWeights(path, "its header names more tensors than any model has")
    start = 8 + len(text)
    try:
        tree = pydantic_core.from_json(text, allow_inf_nan=False)
        if not isinstance(tree, dict):
            raise ValueError("not an object")
        metadata = tree.pop("__metadata__", None) or {}
        if not isinstance(metadata, dict):
            raise ValueError("its metadata is no object")
        tensors = _tensors(tree, start)
        # Two negative sides make a proper product, and Python takes true for 1.
        if b"-" in text or b"true" in text:
            for name, info in tensors.items():
                _check_sides(name, info.shape)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise BadWeights(
            path, f"isn't a whole safetensors file (its header is damaged: {short(str(error), 80)})"
        ) from None
    end = _end(path, tensors, start)
    if end != size:
        raise BadWeights(
            path, f"is {size:,} bytes long where its header says {end:,}: it isn't whole"
        )
    plain = {k: v if isinstance(v, str) else json.dumps(v) for k, v in metadata.items()}
    return Header(path, tensors, plain)


def _tensors(tree: dict[str, Any], offset: int) -> dict[str, TensorInfo]:
    """Each tensor, its sides not yet looked at one by one.

    Written for speed: a checkpoint has thousands of tensors, and a folder hundreds of checkpoints.
    """
    found = {}
    make, product = tuple.__new__, math.prod
    for name, item in tree.items():
        dtype, shape, (start, end) = item["dtype"], item["shape"], item["data_offsets"]
        if type(shape) is not list or len(shape) > MAX_SIDES:
            raise ValueError(f"{name} has no proper shape")
        # Numbers only: a sum of anything else fails, and a product would repeat a list or a text
        # a billion times. A product is a whole number where every side is one.
        sum(shape)
        count = product(shape)
        if not (type(count) is type(start) is type(end) is int and start >= 0):
            raise ValueError(f"{name} has no proper shape")
        width = ITEM_BYTES.get(dtype)
        if width is None:
            raise ValueError(f"{name} has the unknown dtype {short(dtype)}")
        if count * width != end - start:
            raise ValueError(f"{name} has {end - start} bytes, which don't make its shape")
        if count == 0:
            _check_sides(name, shape)
        found[name] = make(TensorInfo, (dtype, tuple(shape), offset + start, offset + end))
    return found


def _check_sides(name: str, shape: Iterable[Any]) -> None:
    if not all(type(side) is int and 0 <= side <= MAX_SIDE for side in shape):
        raise ValueError(f"{name} has no proper shape")


def _end(path: Path, tensors: Mapping[str, TensorInfo], start: int) -> int:
    """Where the data ends; the tensors follow each other without a gap.

    Raises:
        BadWeights: they don't.
    """
    end = start
    for _, _, first, last in tensors.values():
        if first != end:
            break
        end = last
    else:
        return end  # most files are written in order
    end = start
    for name, info in sorted(tensors.items(), key=lambda item: item[1][2:]):
        if info.start != end:
            what = "overlaps another tensor" if info.start < end else "comes after a gap"
            raise BadWeights(path, f"its header is damaged: {short(name)} {what}")
        end = info.end
    return end


def _unreadable(path: Path, error: OSError) -> BadWeights:
    return BadWeights(path, f"can't be read: {error.strerror or error}", "Check its permissions.")


def _not_safetensors(path: Path, head: bytes, length: int, size: int) -> str:
    for mark, words in _MISTAKEN:
        if head.startswith(mark):
            return f"is {words}"
    if path.suffix.lower() in PICKLES:
        return f"is neither a file of torch nor a safetensors file ({size:,} bytes)"
    if len(head) >= 8 and length >= 2**48:
        return f"isn't a whole safetensors file (its header would take {length:,} bytes)"
    return f"isn't a whole safetensors file ({size:,} bytes, header of {length:,})"
