"""What tests of conditioning nodes make conditionings from, and how they compare them."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import torch

from studio.diffusion.noise import initial_noise
from studio.values import Area, Conditioning, ConditioningEntry

if TYPE_CHECKING:
    from torch import Tensor


class Warnings:
    """A context that only listens."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: str) -> None:
        self.said.append(message)


def entry(seed: int, tokens: int = 7, width: int = 6, pooled: int = 0) -> ConditioningEntry:
    return ConditioningEntry(
        initial_noise((1, tokens, width), seed),
        initial_noise((1, pooled), seed + 100) if pooled else None,
    )


def conditioning(*entries: ConditioningEntry) -> Conditioning:
    return Conditioning(entries)


PLACED = replace(entry(1, pooled=3), area=Area(0, 0, 0.5, 1), strength=1.5, start=0.25)
TWO = conditioning(PLACED, entry(2, tokens=14))
NOTHING = conditioning(ConditioningEntry(None))


def changed(before: Conditioning, after: Conditioning) -> list[dict[str, Any]]:
    """The fields in which entries differ, entry by entry."""
    assert len(before.entries) == len(after.entries)
    return [
        {
            item.name: getattr(new, item.name)
            for item in fields(old)
            if getattr(new, item.name) is not getattr(old, item.name)
            and not _equal(getattr(new, item.name), getattr(old, item.name))
        }
        for old, new in zip(before.entries, after.entries, strict=True)
    ]


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        return torch.equal(one, two)
    return bool(one == two)


def text(conditioning: Conditioning, index: int = 0) -> Tensor:
    embeddings = conditioning.entries[index].embeddings
    assert embeddings is not None
    return embeddings
