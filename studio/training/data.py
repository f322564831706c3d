"""Pictures and captions of the world as tensors, in an order that follows from a seed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from studio.training.captions import caption
from studio.training.drawing import draw
from studio.training.world import scene

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from studio.training.world import Mix


class Pictures(Dataset[Any]):
    """Pictures of scenes, [3, SIZE, SIZE] of 8 bits, by number.

    Args:
        seed: of the scenes.
        mix: which come how often.
        start: the number of the first.
        count: of pictures.
    """

    def __init__(self, seed: int, mix: Mix, start: int, count: int) -> None:
        self._seed = seed
        self._mix = mix
        self._start = start
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> Tensor:
        if place >= self._count:
            raise IndexError(place)
        pixels = draw(scene(self._seed, self._start + place, self._mix))
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def batches(
    seed: int, mix: Mix, size: int, count: int, *, skip: int = 0, workers: int = 0
) -> Iterator[Tensor]:
    """Batches of pictures, each scene once, drawn ahead in processes of their own.

    Args:
        seed: of the scenes.
        mix: which come how often.
        size: of a batch.
        count: of batches, those skipped included.
        skip: batches to leave out at the beginning.
        workers: processes that draw; 0 draws here.

    Returns:
        [size, 3, SIZE, SIZE] in -1..1, float32.
    """
    pictures = Pictures(seed, mix, skip * size, (count - skip) * size)
    loader: DataLoader[Any] = DataLoader(
        pictures,
        batch_size=size,
        num_workers=workers,
        # What draws never touches torch's threads; forked, it starts in no time.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        prefetch_factor=4 if workers else None,
    )
    for pixels in loader:
        yield to_signed(pixels)


def to_signed(pixels: Tensor) -> Tensor:
    """From 8 bits to -1..1."""
    return pixels.float() / 127.5 - 1


def to_bytes(pictures: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """From [n, 3, h, w] in -1..1 to [n, h, w, 3] of 8 bits."""
    rounded = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round()
    return rounded.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()


def captions(seed: int, mix: Mix, numbers: Tensor, round_: int) -> list[str]:
    """What is said of scenes this time; another time it is said otherwise."""
    return [
        caption(scene(seed, int(n), mix), np.random.default_rng([seed, int(n), round_])).text
        for n in numbers
    ]
