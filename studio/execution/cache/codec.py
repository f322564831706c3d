"""Node outputs to and from (JSON text, tensors).

What can be kept on disk: tensors on the CPU, the values of `studio/values.py`, and plain JSON
with tuples. Everything comes back as it was: types, dtypes, shapes, order of the axes in memory
(kernels round differently on another order), bits of a float. Anything else is `NotStorable`
and stays in memory. No type is looked up by a name that a file gives, except in `TYPES`.

JSON's own types stand for themselves; the rest are objects with one member: `{"tuple": [...]}`,
`{"dict": {...}}`, `{"float": "<IEEE 754 bits>"}` for what is not finite, `{"tensor": ["0"]}`,
`{"value": ["Latent", {...}]}`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
import sys
from typing import TYPE_CHECKING, Any

from studio import values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

MAX_DEPTH = 40
"""Values inside values; a conditioning needs six."""

MAX_TEXT = 16 * 2**20
"""Characters of JSON. What is larger belongs into a tensor."""

MAX_INT_BITS = 1024  # Python refuses to print or read integers of more than 4300 digits

DTYPES = frozenset(
    f"torch.{name}"
    for name in (
        *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
        *("float16", "bfloat16", "float32", "float64", "complex64"),
        *("float8_e4m3fn", "float8_e5m2"),
    )
)

TYPES: dict[str, type] = {}
"""The dataclasses that can be stored, by name; see `register`."""


class NotStorable(Exception):
    """These outputs cannot be kept on disk. Not an error: they are kept in memory."""


class DamagedEntry(Exception):
    """A stored entry is not what was written."""


class MissingEntry(DamagedEntry):
    """A stored entry's file isn't there."""


def register(cls: type) -> type:
    """Let instances of a dataclass be stored; returns `cls`, so it serves as a decorator.

    All fields must be arguments of its `__init__`. Fields may change: an entry that was written
    with other fields is dropped.

    Raises:
        TypeError: not a dataclass, a field that `__init__` does not take, or the name is taken.
    """
    if not dataclasses.is_dataclass(cls) or not all(f.init for f in dataclasses.fields(cls)):
        raise TypeError(f"{cls.__name__} is not a dataclass with plain fields.")
    if TYPES.setdefault(cls.__name__, cls) is not cls:
        raise TypeError(f"Another type is registered as {cls.__name__}.")
    return cls


for _value in list(vars(values).values()):
    if isinstance(_value, type) and dataclasses.is_dataclass(_value):
        register(_value)


def encode(outputs: Mapping[str, Any]) -> tuple[str, dict[str, Tensor]]:
    """(JSON text in ASCII, contiguous tensors by the names it uses).

    Raises:
        NotStorable: a value of a type that cannot be kept, or nested too deep.
    """
    encoder = _Encoder()
    tree = encoder.value(dict(outputs), 0)
    text = json.dumps(tree, allow_nan=False, separators=(",", ":"))
    if len(text) > MAX_TEXT:
        raise NotStorable(f"{len(text)} characters beside its tensors")
    return text, encoder.tensors


class _Encoder:
    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._names: dict[int, dict[str, Any]] = {}
        self._storages: set[int] = set()
        self._torch = sys.modules.get("torch")  # where nobody imported it, there are no tensors

    def value(self, value: Any, depth: int) -> Any:
        """The JSON tree of one value."""
        if depth > MAX_DEPTH:
            raise NotStorable(f"nested deeper than {MAX_DEPTH}")
        kind = type(value)  # exactly: a subclass would come back as its base
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            if value.bit_length() > MAX_INT_BITS:
                raise NotStorable(f"an integer of {value.bit_length()} bits")
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
        if kind is list:
            return [self.value(item, depth + 1) for item in value]
        if kind is tuple:
            return {"tuple": [self.value(item, depth + 1) for item in value]}
        if kind is dict:
            return {"dict": self._members(value.items(), depth)}
        if TYPES.get(kind.__name__) is kind:
            names = (field.name for field in dataclasses.fields(kind))
            members = self._members(((name, getattr(value, name)) for name in names), depth)
            return {"value": [kind.__name__, members]}
        if self._torch is not None and kind is self._torch.Tensor:
            return self._tensor(value)
        raise NotStorable(f"a value of type {kind.__module__}.{kind.__qualname__}")

    def _members(self, items: Iterable[tuple[Any, Any]], depth: int) -> dict[str, Any]:
        members = {}
        for name, item in items:
            if type(name) is not str:
                raise NotStorable(f"a dict with a key of type {type(name).__qualname__}")
            members[name] = self.value(item, depth + 1)
        return members

    def _tensor(self, tensor: Tensor) -> dict[str, Any]:
        known = self._names.get(id(tensor))
        if known is not None:
            return known
        if tensor.device.type != "cpu" or str(tensor.layout) != "torch.strided":
            raise NotStorable(f"a tensor on {tensor.device}, {tensor.layout}")
        if str(tensor.dtype) not in DTYPES or tensor.requires_grad:
            raise NotStorable(f"a tensor of {tensor.dtype}, requires_grad={tensor.requires_grad}")
        plain = tensor.resolve_conj().resolve_neg()
        strides = plain.stride()
        order = sorted(range(plain.dim()), key=lambda axis: -strides[axis])
        if plain.is_contiguous() or not plain.permute(order).is_contiguous():
            order, plain = [], plain.contiguous()
        else:
            plain = plain.permute(order)
        pointer = plain.untyped_storage().data_ptr()
        if pointer in self._storages:  # safetensors refuses tensors that overlap in memory
            plain = plain.clone()
        self._storages.add(pointer)
        name = str(len(self.tensors))
        self.tensors[name] = plain
        tree: dict[str, Any] = {"tensor": [name, *order]}
        self._names[id(tensor)] = tree
        return tree


def decode(text: str, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What `encode` was given.

    Raises:
        DamagedEntry: malformed, nested too deep, an unknown type or tensor, other fields.
    """
    if len(text) > MAX_TEXT:
        raise DamagedEntry(f"{len(text)} characters of JSON")
    try:
        outputs = _decoded(json.loads(text, parse_constant=_no_constant), tensors, 0)
    except (ValueError, TypeError, KeyError, RecursionError, struct.error) as error:
        raise DamagedEntry(f"malformed: {error}") from error
    if not isinstance(outputs, dict):
        raise DamagedEntry("its outputs are not a dict")
    return outputs


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _decoded(tree: Any, tensors: Mapping[str, Tensor], depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise DamagedEntry("nested too deep")
    if isinstance(tree, list):
        return [_decoded(item, tensors, depth + 1) for item in tree]
    if not isinstance(tree, dict):
        return tree
    match tree:
        case {"tuple": list(items), **rest} if not rest:
            return tuple(_decoded(item, tensors, depth + 1) for item in items)
        case {"dict": dict(members), **rest} if not rest:
            return {name: _decoded(item, tensors, depth + 1) for name, item in members.items()}
        case {"float": str(bits), **rest} if not rest:
            return struct.unpack(">d", bytes.fromhex(bits))[0]
        case {"tensor": [str(name), *order], **rest} if not rest:
            return _reordered(tensors[name], order)
        case {"value": [str(name), dict(members)], **rest} if not rest:
            cls = TYPES.get(name)
            if cls is None or {field.name for field in dataclasses.fields(cls)} != set(members):
                raise DamagedEntry(f"{name}: unknown, or its fields have changed")
            fields = {key: _decoded(item, tensors, depth + 1) for key, item in members.items()}
            return cls(**fields)
    raise DamagedEntry(f"malformed: an object of {sorted(tree)[:5]}")


def _reordered(tensor: Tensor, order: list[Any]) -> Tensor:
    if not order:
        return tensor
    if any(type(axis) is not int for axis in order) or sorted(order) != list(range(tensor.dim())):
        raise DamagedEntry(f"axes {order} of a tensor of {tensor.dim()} axes")
    return tensor.permute([order.index(axis) for axis in range(len(order))])


def nbytes(value: Any) -> dict[str, int]:
    """Bytes that the tensors in `value` occupy, by kind of device ("cpu", "cuda", "mps").

    A tensor that shows a part of a larger storage counts as the whole of it, once. Arrays of
    other libraries count as "cpu". Imports nothing.
    """
    torch = sys.modules.get("torch")
    totals: dict[str, int] = {}
    seen: set[Any] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, (str, bytes, int, float)) or item is None or id(item) in seen:
            continue
        seen.add(id(item))
        if torch is not None and isinstance(item, torch.Tensor):
            device, identity, occupied = _storage(item)
            if identity not in seen:
                seen.add(identity)
                totals[device] = totals.get(device, 0) + occupied
        elif isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, (list, tuple, set, frozenset)):
            pending.extend(item)
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            pending.extend(getattr(item, field.name) for field in dataclasses.fields(item))
        elif isinstance(size := getattr(item, "nbytes", None), int):
            totals["cpu"] = totals.get("cpu", 0) + size
    return totals


def _storage(tensor: Tensor) -> tuple[str, tuple[str, int], int]:
    device = tensor.device.type
    try:
        storage = tensor.untyped_storage()
        return device, (device, storage.data_ptr()), storage.nbytes()
    except (NotImplementedError, RuntimeError):  # sparse, or without memory of its own
        return device, (device, -id(tensor)), tensor.numel() * tensor.element_size()
