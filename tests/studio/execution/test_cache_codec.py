"""Values come back from a file as they were, or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import struct
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from studio import values
from studio.execution.cache import codec
from studio.execution.cache.codec import DamagedEntry, NotStorable, decode, encode, nbytes
from studio.execution.cache.container import checksum, pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

DTYPES = [getattr(torch, name.removeprefix("torch.")) for name in sorted(codec.DTYPES)]


def same(one: Any, other: Any) -> bool:
    """Equal in types, structure, dtypes, shapes, and every bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return (
            one.dtype == other.dtype
            and one.shape == other.shape
            and one.device == other.device
            and bits(one) == bits(other)
        )
    if isinstance(one, float):
        return struct.pack(">d", one) == struct.pack(">d", other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if dataclasses.is_dataclass(one):
        return all(
            same(getattr(one, field.name), getattr(other, field.name))
            for field in dataclasses.fields(one)
        )
    return bool(one == other)


def bits(tensor: torch.Tensor) -> bytes:
    flat = tensor.clone(memory_format=torch.contiguous_format).reshape(-1)
    return bytes(flat.view(torch.uint8).numpy()) if flat.numel() else b""


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    count = math.prod(shape) * dtype.itemsize
    data = bytearray(draw(st.binary(min_size=count, max_size=count)))
    if dtype is torch.bool:
        data = bytearray(byte & 1 for byte in data)
    tensor = torch.empty(shape, dtype=dtype)
    if count:
        tensor = torch.frombuffer(data, dtype=dtype).reshape(shape).clone()
    tensor = tensor.permute(draw(st.permutations(range(tensor.dim()))))
    match draw(st.sampled_from(["whole", "part", "spread"])):
        case "part" if tensor.dim() and tensor.shape[0] > 1:
            return tensor[1:]
        case "spread":
            return tensor.unsqueeze(0).expand(2, *tensor.shape)
    return tensor


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.text(st.characters()),  # with lone surrogates, as a damaged file name may have
)
spaces = st.builds(
    values.LatentSpace,
    name=st.text(),
    channels=st.integers(1, 16),
    downscale=st.integers(1, 32),
    scaling_factor=st.floats(),
    shift=st.floats(),
    rgb=st.none() | st.tuples(st.tuples(st.floats(), st.floats(), st.floats())),
)
checkpoints = st.builds(values.CheckpointRef, st.text(), st.text(), st.text())
entries = st.builds(values.ConditioningEntry, tensors(), st.none() | tensors())
studio_values = st.one_of(
    st.builds(values.Model, checkpoints),
    st.builds(values.Clip, checkpoints),
    st.builds(values.Vae, checkpoints),
    st.builds(values.Image, tensors()),
    st.builds(values.Mask, tensors()),
    st.builds(
        values.Latent,
        samples=st.none() | tensors(),
        space=st.none() | spaces,
        width=st.integers(),
        height=st.integers(),
        batch=st.integers(),
        noise_mask=st.none() | tensors(),
    ),
    st.builds(values.Conditioning, st.lists(entries, max_size=3).map(tuple)),
)
anything = st.recursive(
    plain | tensors() | studio_values,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(), inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(outputs=st.dictionaries(st.text(), anything, max_size=4))
def test_everything_comes_back_as_it_was(
    outputs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert same(through_a_file(outputs, tmp_path_factory.getbasetemp()), outputs)


def through_a_file(outputs: dict[str, Any], folder: Path) -> dict[str, Any]:
    data = pack("key", *encode(outputs))
    path = folder / "entry.safetensors"
    path.write_bytes(data)
    return unpack("key", path, checksum(data))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype(dtype: torch.dtype, tmp_path: Path) -> None:
    data = bytearray(range(1, 65)) if dtype is not torch.bool else bytearray([0, 1] * 32)
    outputs = {"value": torch.frombuffer(data, dtype=dtype).reshape(2, -1).clone()}
    assert same(through_a_file(outputs, tmp_path), outputs)


def test_the_order_of_axes_in_memory_is_kept(tmp_path: Path) -> None:
    pictures = torch.randn(2, 3, 5, 7).to(memory_format=torch.channels_last)
    back = through_a_file({"image": values.Image(pictures)}, tmp_path)["image"].pixels
    assert back.stride() == pictures.stride()
    assert torch.equal(back, pictures)


def test_tensors_stand_apart_and_aligned(tmp_path: Path) -> None:
    tensor = torch.randn(3, 5)
    outputs = {"byte": torch.ones(3, dtype=torch.uint8), "one": tensor, "part": tensor[1:]}
    back = through_a_file(outputs, tmp_path)
    assert same(back, outputs)
    assert all(value.data_ptr() % 64 == 0 for value in back.values())
    back["one"].zero_()
    assert torch.equal(back["part"], tensor[1:])


def test_one_tensor_twice_is_stored_once(tmp_path: Path) -> None:
    tensor = torch.randn(100)
    text, stored = encode({"a": tensor, "b": (tensor, tensor)})
    assert len(stored) == 1
    back = decode(text, stored)
    assert back["a"] is back["b"][0]
    assert same(through_a_file({"a": tensor, "b": (tensor,)}, tmp_path)["b"], (tensor,))


class Named(NamedTuple):
    one: int


class Text(str):
    __slots__ = ()


class Kind(StrEnum):
    one = "one"


@dataclasses.dataclass(frozen=True)
class Unregistered:
    one: int = 1


class Derived(values.CheckpointRef):
    pass


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        object(),
        b"bytes",
        {1, 2},
        {1: 2},
        1j,
        10**400,
        Named(1),
        Text("a"),
        Kind.one,
        Unregistered(),
        Derived("a", "b", "c"),
        torch.nn.Parameter(torch.ones(1)),
        torch.ones(1, requires_grad=True),
        torch.ones(2).to_sparse(),
        torch.ones(2, device="meta"),
        torch.ones(2, dtype=torch.complex128),
        deep(1000),
        lambda: None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_not_come_back_is_refused(value: Any) -> None:
    with pytest.raises(NotStorable):
        encode({"value": value})
    with pytest.raises(NotStorable):
        encode({"values": [1, (value,)]})


def test_a_registered_type_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "TYPES", dict(codec.TYPES))
    codec.register(Unregistered)
    text, stored = encode({"value": Unregistered(2)})
    assert decode(text, stored) == {"value": Unregistered(2)}
    with pytest.raises(TypeError, match="not a dataclass"):
        codec.register(Kind)
    with pytest.raises(TypeError, match="Another type"):
        codec.register(dataclasses.make_dataclass("Unregistered", ["two"]))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '{"dict": []}',
        '{"dict": {"a": {}}}',
        '{"dict": {"a": {"tuple": {}}}}',
        '{"dict": {"a": {"tuple": [], "dict": {}}}}',
        '{"dict": {"a": {"float": "7ff8"}}}',
        '{"dict": {"a": {"float": "no hexadecimal"}}}',
        '{"dict": {"a": NaN}}',
        '{"dict": {"a": {"tensor": []}}}',
        '{"dict": {"a": {"tensor": ["7"]}}}',
        '{"dict": {"a": {"tensor": [0]}}}',
        '{"dict": {"a": {"tensor": ["0", 0, 0]}}}',
        '{"dict": {"a": {"tensor": ["0", 1, 2]}}}',
        '{"dict": {"a": {"tensor": ["0", true, false]}}}',
        '{"dict": {"a": {"value": ["Popen", {"args": "true"}]}}}',
        '{"dict": {"a": {"value": ["Image", {}]}}}',
        '{"dict": {"a": {"value": ["Image", {"pixels": null, "more": 1}]}}}',
        '{"dict": {"a": {"value": ["Image"]}}}',
        '{"dict": {"a": {"unknown": 1}}}',
        '{"dict": {"a": ' + "[" * 45 + "]" * 45 + "}}",
        '{"dict": {"a": ' + "[" * 100_000 + "]" * 100_000 + "}}",
        '{"dict": {"a": ' + '{"tuple": [' * 5000 + "]}" * 5000 + "}}",
        '{"dict": {"a": ' + "1" * 5000 + "}}",
        '{"dict": {"a": "' + "x" * codec.MAX_TEXT + '"}}',
    ],
    ids=range(27),
)
def test_malformed_json_is_damage(text: str) -> None:
    with pytest.raises(DamagedEntry):
        decode(text, {"0": torch.zeros(2, 3)})


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_json_of_any_kind_is_damage_or_a_value(data: st.DataObject) -> None:
    names = st.sampled_from(["tuple", "dict", "float", "tensor", "value", "Image", "0", "pixels"])
    leaves = plain | names
    tree = data.draw(
        st.recursive(
            leaves,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=2),
            max_leaves=10,
        )
    )
    with contextlib.suppress(DamagedEntry):
        assert isinstance(decode(json.dumps({"dict": {"a": tree}}), {"0": torch.zeros(2)}), dict)


def _file(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


OUTPUTS = '{"dict":{"a":{"tensor":["0"]}}}'
METADATA = {"format": "latent-studio-cache 1", "key": "key", "outputs": OUTPUTS}


def _one(**spec: Any) -> dict[str, Any]:
    good = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    return {"__metadata__": METADATA, "0": {**good, **spec}}


def test_the_hand_made_file_is_right_before_it_is_wrong(tmp_path: Path) -> None:
    data = _file(_one(), b"\0\0\x80\x3f")
    (tmp_path / "entry").write_bytes(data)
    back = unpack("key", tmp_path / "entry", checksum(data))
    assert same(back, {"a": torch.ones(1)})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        _file({}),
        _file([]),
        _file(b"{"),
        _file(b"[" * 200_000),
        _file(_one(), b"1234", length=2**63),
        _file({"__metadata__": {**METADATA, "key": "other"}}),
        _file({"__metadata__": {**METADATA, "format": "latent-studio-cache 2"}}),
        _file({"__metadata__": {**METADATA, "outputs": 1}}),
        _file({"__metadata__": METADATA}),
        _file(_one(dtype="F7"), b"1234"),
        _file(_one(dtype=[]), b"1234"),
        _file(_one(shape=[2]), b"1234"),
        _file(_one(shape=[-1, 2**62]), b"1234"),
        _file(_one(shape="1"), b"1234"),
        _file(_one(data_offsets=[0, 5]), b"1234"),
        _file(_one(data_offsets=[-4, 0]), b"1234"),
        _file(_one(data_offsets=[1]), b"1234"),
        _file(_one(data_offsets=[1, 5]), b"12345"),
        _file({"__metadata__": METADATA, "0": 7}, b"1234"),
    ],
    ids=range(21),
)
def test_a_malformed_file_with_a_right_checksum_is_damage(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "entry"
    path.write_bytes(data)
    with pytest.raises(DamagedEntry):
        unpack("key", path, checksum(data))


def test_no_flipped_byte_goes_unnoticed(tmp_path: Path) -> None:
    data = pack("key", *encode({"image": values.Image(torch.randn(1, 3, 4, 4)), "n": 1}))
    expected, path = checksum(data), tmp_path / "entry"
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(DamagedEntry):
            unpack("key", path, expected)
    for length in range(0, len(data), 13):
        path.write_bytes(data[:length])
        with pytest.raises(DamagedEntry):
            unpack("key", path, expected)
    path.write_bytes(data + b"\0")
    with pytest.raises(DamagedEntry):
        unpack("key", path, expected)


def test_the_checksum_is_blake3() -> None:
    assert checksum(b"abc") == blake3(b"abc").hexdigest()[:32]


def test_nbytes_counts_storages_once_by_device() -> None:
    tensor = torch.zeros(1000)
    entry = values.ConditioningEntry(tensor, pooled=tensor[10:20])
    outputs = {"a": values.Conditioning((entry, entry)), "b": [torch.zeros(3, dtype=torch.int8)]}
    assert nbytes(outputs) == {"cpu": 4003}
    assert nbytes({"a": 1, "b": "text", "c": None}) == {}
    assert nbytes([torch.zeros(8, device="meta")]).keys() == {"meta"}
    loop: list[Any] = [tensor]
    loop.append(loop)
    assert nbytes(loop) == {"cpu": 4000}
