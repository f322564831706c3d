"""Weights are read by several threads: the same bits, and nothing of it stays behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from compvis_files import tiny_file

from studio.diffusion.checkpoints import BadCheckpoint, Checkpoint, read_checkpoint
from studio.diffusion.unets import load_unet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from studio.diffusion.weights.deferred import Deferred


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    path = tiny_file(tmp_path / "a.safetensors", "sd1", dtype="float16")
    return read_checkpoint(path, "a")


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    _, module = load_unet(checkpoint, torch.device("cpu"), torch.float32)
    return dict(module.named_parameters())


@pytest.mark.usefixtures("two_threads")
def test_the_same_bits_by_several_threads_as_by_one(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: set[str] = set()
    unet = checkpoint.unet

    def tensors() -> dict[str, Deferred]:
        found = unet.tensors()
        read = type(next(iter(found.values()))).read

        def noted(self: Deferred, dtype: torch.dtype | None = None) -> torch.Tensor:
            readers.add(threading.current_thread().name.partition("_")[0])
            return read(self, dtype)

        monkeypatch.setattr(type(next(iter(found.values()))), "read", noted)
        return found

    several = weights(replace(checkpoint, unet=replace(unet, tensors=tensors)))
    assert readers == {"weights"}
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    one = weights(checkpoint)
    assert several.keys() == one.keys()
    assert all(torch.equal(several[name], one[name]) for name in one)


@pytest.mark.usefixtures("two_threads")
def test_a_file_cut_meanwhile_is_an_error_of_ours(checkpoint: Checkpoint) -> None:
    unet = checkpoint.unet

    def tensors() -> dict[str, Deferred]:
        found = unet.tensors()
        with open(checkpoint.path, "r+b") as file:
            file.truncate(file.seek(0, 2) // 2)
        return found

    with pytest.raises(BadCheckpoint, match="it was cut meanwhile"):
        weights(replace(checkpoint, unet=replace(unet, tensors=tensors)))
    assert torch.get_num_threads() == 2
