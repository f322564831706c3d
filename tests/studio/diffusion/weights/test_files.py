"""Files of weights, opened: tensors read one by one, changed in type on the way, never mapped."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.diffusion.weights import files
from studio.diffusion.weights.deferred import Deferred
from studio.diffusion.weights.files import open_weights
from studio.diffusion.weights.header import BadWeights

if TYPE_CHECKING:
    from pathlib import Path

TYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn,
         torch.float8_e5m2, torch.int64, torch.uint8, torch.bool]  # fmt: skip


def numbers(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(shape, generator=generator) * 9).to(dtype)


def equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal to the bit; torch compares no 8-bit floats."""
    same = one.dtype == other.dtype and one.shape == other.shape
    return same and torch.equal(
        one.contiguous().reshape(-1).view(torch.uint8),
        other.contiguous().reshape(-1).view(torch.uint8),
    )


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_every_type_is_read_and_converted_as_torch_does(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    stored = {str(dtype): numbers(dtype, 7, 5) for dtype in TYPES}
    stored |= {"none": torch.zeros(0, 3), "one": torch.tensor(2.5)}
    save_file(stored, path) if ending == ".safetensors" else torch.save(stored, path)
    file = open_weights(path)
    assert file.tensors.keys() == stored.keys()
    for name, tensor in stored.items():
        assert file.tensors[name].shape == tuple(tensor.shape)
        assert equal(file.read(name), tensor), name
        for dtype in (torch.float32, torch.float16):
            assert equal(file.read_as(name, dtype), tensor.to(dtype)), (name, dtype)
        own = file.read(name)
        if own.numel():
            own.zero_()  # memory of its own: nothing else sees it
            assert equal(file.read(name), tensor)


def test_long_tensors_are_converted_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIECE", 100)
    monkeypatch.setattr(files, "MOST", 64)
    stored = {"a": numbers(torch.float16, 37, 11)}
    save_file(stored, tmp_path / "a.safetensors")
    file = open_weights(tmp_path / "a.safetensors")
    assert equal(file.read_as("a", torch.float32), stored["a"].float())
    assert equal(file.read("a"), stored["a"])


def test_a_file_that_is_cut_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": numbers(torch.float32, 50)}, path)
    file = open_weights(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadWeights, match="ended in the middle of a: it was cut meanwhile"):
        file.read("a")
    path.unlink()
    with pytest.raises(BadWeights, match=r"can't be read|is missing"):
        file.read("a")


@pytest.mark.parametrize("key", ["state_dict", "params_ema", "params", "model", ""])
def test_where_a_pickled_file_keeps_its_tensors(key: str, tmp_path: Path) -> None:
    tensors = {"a.weight": torch.ones(3), "step": 3, 4: torch.ones(1)}
    torch.save({key: tensors, "epoch": 1} if key else tensors, tmp_path / "a.ckpt")
    assert list(open_weights(tmp_path / "a.ckpt").tensors) == ["a.weight"]


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"a": 1}, "holds no tensors by name"),
        ([torch.zeros(3)], "holds no tensors by name"),
        ({"a": torch.zeros(1).expand(10**12)}, 'holds less of "a" than its shape says'),
    ],
)
def test_pickled_files_that_are_no_models(tree: object, words: str, tmp_path: Path) -> None:
    torch.save(tree, tmp_path / "a.pt")
    with pytest.raises(BadWeights, match=words):
        open_weights(tmp_path / "a.pt")


def test_a_compressed_zip_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(10**6)}, tmp_path / "a.pt")
    bomb = tmp_path / "b.pt"
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as whole,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    with pytest.raises(BadWeights, match="is a compressed zip file, which torch doesn't write"):
        open_weights(bomb)


def test_views_of_a_tensor_that_is_not_read_yet(tmp_path: Path) -> None:
    stored = {"a": numbers(torch.float32, 12, 4), "c": numbers(torch.float32, 6, 4, 1, 1)}
    save_file(stored, tmp_path / "a.safetensors")
    file = open_weights(tmp_path / "a.safetensors")
    a, c = Deferred(file, "a"), Deferred(file, "c")
    heads = stored["a"].reshape(2, 3, 2, 4)[:, 1].reshape(4, 4)  # [heads, q k v, width]
    cases = [
        (a.rows(4, 8), stored["a"][4:8]),
        (a.transposed(), stored["a"].T),
        (a.rows(2, 5).transposed(), stored["a"][2:5].T),
        (a.heads(1, 2), heads),
        (c.flat(), stored["c"][:, :, 0, 0]),
        (a.flat(), stored["a"]),
    ]
    for view, wanted in cases:
        assert view.shape == tuple(wanted.shape)
        assert torch.equal(view.read(), wanted)
        assert torch.equal(view.read(torch.float64), wanted.double())
    assert load_file(tmp_path / "a.safetensors")["a"].shape == (12, 4)
