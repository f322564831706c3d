"""Headers of safetensors files: read as the format's own library reads them, and never trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from studio.diffusion.weights.header import MAX_BRACKETS, BadWeights, read_header

ROOT = Path(__file__).resolve().parents[4]
GIB = 2**30


def put(path: Path, header: Any, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(shape: list[Any], start: Any, end: Any, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_what_the_format_s_own_library_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    tensors = {
        "a.weight": torch.zeros(3, 4), "b": torch.zeros((), dtype=torch.float16),
        "none": torch.zeros(0, 5), "ids": torch.arange(7), "flag": torch.tensor([True]),
        "tiny": torch.zeros(9, dtype=torch.float8_e4m3fn),
        "c": torch.zeros(2, dtype=torch.bfloat16),
    }  # fmt: skip
    save_file(tensors, path, {"format": "pt", "né": "ü"})
    header = read_header(path)
    assert header.metadata == {"format": "pt", "né": "ü"}
    with safe_open(path, "pt") as file:
        assert set(header.tensors) == set(file.keys())
        for name, info in header.tensors.items():
            stored = file.get_slice(name)
            assert (info.dtype, list(info.shape)) == (stored.get_dtype(), stored.get_shape())
            assert info.bytes == info.end - info.start
            assert info.bytes == tensors[name].numel() * tensors[name].element_size()


@pytest.mark.parametrize(
    ("header", "data", "words"),
    [
        ({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, 12, '"b" overlaps another tensor'),
        ({"a": entry([2], 0, 8), "b": entry([2], 9, 17)}, 17, '"b" comes after a gap'),
        ({"a": entry([2], 4, 12)}, 12, '"a" comes after a gap'),
        ({"a": entry([2], 0, 12)}, 12, "12 bytes, which don't make its shape"),
        ({"a": entry([10**12, ["x"]], 0, 4)}, 4, "header is damaged"),
        ({"a": entry([10**12, "x"], 0, 4)}, 4, "header is damaged"),
        ({"a": entry([-2, -2], 0, 16)}, 16, "no proper shape"),
        ({"a": entry([True], 0, 4)}, 4, "no proper shape"),
        ({"a": entry([2.0], 0, 8)}, 8, "no proper shape"),
        ({"a": entry([0, 2**70], 0, 0)}, 0, "no proper shape"),
        ({"a": entry([1] * 17, 0, 4)}, 4, "no proper shape"),
        ({"a": entry([1], -4, 0)}, 0, "no proper shape"),
        ({"a": entry([1], 0, 4, "Q4")}, 4, "unknown dtype"),
        ({"a": entry([2**40], 0, 2**42)}, 4, "it isn't whole"),
        ({"a": entry([1], 0, 4)}, 5, "it isn't whole"),
        ({"a": [1]}, 0, "header is damaged"),
        ({"__metadata__": [1]}, 0, "its metadata is no object"),
        (b'{"a": NaN}', 0, "header is damaged"),
        (b"{" * 1000, 0, "header is damaged"),
        (b"\xff\xfe{}", 0, "header is damaged"),
        (b"[" * MAX_BRACKETS + b"[", 0, "more tensors than any model has"),
        (b"[1]", 0, "not an object"),
    ],
)
def test_headers_that_contradict_themselves(
    header: Any, data: int, words: str, tmp_path: Path
) -> None:
    path = put(tmp_path / "a.safetensors", header, bytes(data))
    with pytest.raises(BadWeights) as caught:
        read_header(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_metadata_of_other_types_is_kept_as_text(tmp_path: Path) -> None:
    path = put(tmp_path / "a.safetensors", {"__metadata__": {"a": 1, "b": {"c": []}, "d": "e"}})
    assert read_header(path).metadata == {"a": "1", "b": '{"c": []}', "d": "e"}
    assert read_header(put(path, {"__metadata__": None})).metadata == {}


FUZZ = """
import json, os, random, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from benchmarks.compvis.layouts import TINY, shapes
from studio.diffusion.checkpoints import read_checkpoint, read_vae
from studio.diffusion.weights.header import read_header
from studio.errors import InputError
from studio.modelfacts import facts_of
from studio.modelfiles import ModelFile

rng = random.Random(11)
NAMES = {kind: list(shapes(layout, schedule=False).items()) for kind, layout in TINY.items()}
path = Path(sys.argv[1])
if hasattr(os, "memfd_create"):  # a disk would take most of the time
    path = Path(f"/proc/self/fd/{os.memfd_create('fuzz')}")
TOKENS = [b'"shape":', b'"dtype":"F32"', b'"data_offsets":', b"[]", b"{}", b"-1", b"1e309",
          b"[0,18446744073709551616]", b"null", b"true", b'"__metadata__":{}', b"[" * 3000,
          b'"\\\\ud800"', b"9" * 400]

def tree_of(names):
    tree, end = {}, 0
    for name, shape in names.items():
        size = 2
        for side in shape:
            size *= side
        tree[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return tree

def part(kind):
    # The first of each block, so that a header is short and yet gets far.
    names = NAMES[kind]
    return tree_of(dict(names if rng.random() < 0.01 else rng.sample(names, 12)))

def value():
    return rng.choice([0, -1, 1, 3, 2**31, 2**62, 2**64, 2**80, 0.5, True, None, "x", [], {}, [1],
                       "F16", "F8_E4M3", "Q8"])

def own_peak():
    # What getrusage says begins with the memory of the process that started this one.
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if "VmHWM" in line)
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def sides():
    return [rng.choice([1, 2, 3, 4, 64]) for _ in range(rng.randint(0, 4))]

def is_sound(item):
    shape = item.get("shape") if isinstance(item, dict) else None
    return isinstance(shape, list) and all(type(s) is int and 0 <= s < 10**6 for s in shape)

def change(tree):
    for _ in range(rng.randint(1, 3)):
        name = rng.choice(sorted(tree))
        item = tree[name]
        kind = rng.randrange(7)
        if not isinstance(item, dict) or not all(k in item for k in ("shape", "data_offsets")):
            continue
        if kind == 0:
            item[rng.choice(["dtype", "shape", "data_offsets", "more"])] = value()
        elif kind == 1 and isinstance(item["shape"], list) and item["shape"]:
            item["shape"][rng.randrange(len(item["shape"]))] = value()
        elif kind == 2 and isinstance(item["data_offsets"], list):
            item["data_offsets"] = [value(), value()][: rng.randint(0, 2)]
        elif kind == 3:
            tree[rng.choice(sorted(tree)) + rng.choice([".", "x", ".0", "\\0"])] = tree.pop(name)
        elif kind == 4:
            tree["__metadata__"] = rng.choice([value(), {"a": value()}, {"modelspec.title": "x"}])
        elif kind == 5:
            tree.pop(name)
            if not tree:
                tree["a"] = item
        else:
            # Other shapes that agree with the data: these get as far as the family.
            wide = tree_of({n: sides() if rng.random() < 0.2 else i["shape"]
                            for n, i in tree.items() if is_sound(i)})
            tree.clear()
            tree.update(wide or {"a": item})
    return tree

def end_of(tree):
    ends = [0]
    for item in tree.values():
        if isinstance(item, dict) and isinstance(item.get("data_offsets"), list):
            ends += [e for e in item["data_offsets"] if type(e) is int and 0 <= e < 10**12]
    return max(ends)

def scramble(data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0: data[min(at, len(data) - 1)] = rng.randrange(256)
            case 1: del data[at : at + rng.randint(1, 40)]
            case 2: data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 20)))
            case 3: data[at:at] = rng.choice(TOKENS)
            case 4: data = data[:at] or bytearray(b"x")
    return bytes(data)

refused = taken = told = 0
for i in range(int(sys.argv[2])):
    tree = change(part(rng.choice(list(NAMES))))
    text = json.dumps(tree).encode()
    size = end_of(tree)
    if i % 3 == 0:
        text = scramble(text)
    length = rng.choice([2**60, 0, 7, 2**63, len(text) + 1]) if i % 50 == 0 else len(text)
    with open(path, "wb") as file:
        file.write(length.to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + (size if size < 10**8 else 4))
    try:
        read_header(path)
        taken += 1
    except InputError as error:
        assert str(path) in str(error), error
        refused += 1
    for read in (read_checkpoint, read_vae):
        try:
            read(path, "it")
            told += 1
        except InputError as error:
            assert str(path) in str(error), error
    kind = rng.choice(["checkpoints", "loras", "vae", "embeddings", "controlnet"])
    facts_of(ModelFile("it", kind, path, "single file", 9))
peak = own_peak()
print(json.dumps({"refused": refused, "taken": taken, "told": told, "peak": peak}))
"""


def test_ten_thousand_mutated_headers(tmp_path: Path) -> None:
    """In a process that may take a gigabyte of addresses: an error of ours or an answer."""
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(tmp_path / "a.safetensors"), "10000"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert not done.stderr
    found = json.loads(done.stdout)
    assert found["refused"] + found["taken"] == 10_000
    assert min(found["refused"], found["taken"]) > 1000, found
    assert found["told"] > 10, found
    assert found["peak"] < GIB
