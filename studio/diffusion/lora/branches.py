"""Low-rank and Kronecker forms computed beside their layer: layer(x) + s · form(x).

The layer's own weight is neither read nor changed, and another strength is another number, so
putting such a LoRA on a model costs next to nothing. It is worth it where the form is thin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn
from torch.nn import functional

from studio.diffusion.lora.forms import Hadamard, Kronecker, LowRank

if TYPE_CHECKING:
    from torch import Tensor

    from studio.diffusion.lora.forms import Form

THIN = 0.5
"""The most work a form may be, as a share of its layer's, to be computed beside it. Forms that are
stored as a product of two are always: their weights are smaller than any patched copy."""

THIN_PRODUCT = 0.125
"""The same for Hadamard forms, whose factors have to be multiplied out to a rank of r²: that much
memory, as a share of the layer's, is taken whatever the budget."""


class Branch(Protocol):
    """What is added to a layer's output, before its strength."""

    @property
    def bytes(self) -> int:
        """Of its factors."""

    def __call__(self, x: Tensor, strength: float) -> Tensor:
        """From the layer's input to what is added to its output, times `strength`."""


@dataclass(frozen=True, eq=False)
class _LinearLowRank:
    down: Tensor
    up: Tensor

    @property
    def bytes(self) -> int:
        return _bytes(self.down, self.up)

    def __call__(self, x: Tensor, strength: float) -> Tensor:
        return functional.linear(functional.linear(x, self.down).mul_(strength), self.up)


@dataclass(frozen=True, eq=False)
class _ConvLowRank:
    layer: nn.Conv2d
    down: Tensor
    mid: Tensor | None
    up: Tensor

    @property
    def bytes(self) -> int:
        return _bytes(self.down, self.up, self.mid)

    def __call__(self, x: Tensor, strength: float) -> Tensor:
        if self.mid is None:
            thin = _like(self.layer, x, self.down)
        else:
            thin = _like(self.layer, functional.conv2d(x, self.down), self.mid)
        return functional.conv2d(thin.mul_(strength), self.up)


@dataclass(frozen=True, eq=False)
class _LinearKronecker:
    first: Tensor
    second: Tensor

    @property
    def bytes(self) -> int:
        return _bytes(self.first, self.second)

    def __call__(self, x: Tensor, strength: float) -> Tensor:
        # (w1 ⊗ w2) x is w1 X w2ᵀ with the input's axis as a matrix X [b, d].
        split = x.reshape(*x.shape[:-1], self.first.shape[1], self.second.shape[1])
        inner = functional.linear(split, self.second).mul_(strength)
        return torch.matmul(self.first, inner).flatten(-2)


@dataclass(frozen=True, eq=False)
class _ConvKronecker:
    layer: nn.Conv2d
    first: Tensor
    second: Tensor

    @property
    def bytes(self) -> int:
        return _bytes(self.first, self.second)

    def __call__(self, x: Tensor, strength: float) -> Tensor:
        b, d = self.first.shape[1], self.second.shape[1]
        inner = _like(self.layer, x.reshape(-1, d, *x.shape[2:]), self.second).mul_(strength)
        split = inner.reshape(x.shape[0], b, *inner.shape[1:])
        return torch.einsum("ab, nbchw -> nachw", self.first, split).flatten(1, 2)


def make_branch(layer: nn.Module, form: Form) -> Branch | None:
    """A branch for a layer, in the layer's dtype and on its device.

    Returns:
        None where the form or the layer has none, or where it would be too thick to be worth it.
    """
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        return None
    if isinstance(layer, nn.Conv2d) and (layer.groups != 1 or layer.padding_mode != "zeros"):
        return None
    weight = layer.weight
    match form:
        case LowRank():
            return _low_rank(layer, form)
        case Hadamard():
            rank = form.w1_b.shape[0] * form.w2_b.shape[0]
            work = rank * (weight.shape[0] + math.prod(weight.shape[1:]))
            low = form.low_rank() if work <= THIN_PRODUCT * weight.numel() else None
            return None if low is None else _low_rank(layer, low)
        case Kronecker():
            (a, b), (_, d) = form.first, form.second[:2]
            thin = 1 / a + (1 / d if weight.ndim == 2 else 0) <= THIN
            return _kronecker(layer, form) if thin and weight.shape[1] % b == 0 else None
    return None


def _low_rank(layer: nn.Linear | nn.Conv2d, form: LowRank) -> Branch:
    rank = form.down.shape[0]
    if isinstance(layer, nn.Linear):
        down, up = form.down.reshape(rank, -1), form.up.flatten(1)
        return _LinearLowRank(_to(layer, down), _to(layer, up))
    up = form.up.reshape(-1, rank, 1, 1)
    if form.mid is not None:
        down = form.down.reshape(rank, -1, 1, 1)
        return _ConvLowRank(layer, _to(layer, down), _to(layer, form.mid), _to(layer, up))
    down = form.down.reshape(rank, *layer.weight.shape[1:])
    return _ConvLowRank(layer, _to(layer, down), None, _to(layer, up))


def _kronecker(layer: nn.Linear | nn.Conv2d, form: Kronecker) -> Branch:
    first, second = form.factors(layer.weight.device)
    if isinstance(layer, nn.Linear):
        return _LinearKronecker(_to(layer, first), _to(layer, second.flatten(1)))
    wide = layer.weight.shape[1] // first.shape[1]
    second = second.reshape(second.shape[0], wide, *layer.weight.shape[2:])
    return _ConvKronecker(layer, _to(layer, first), _to(layer, second))


def _like(layer: nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """A convolution of `x` as `layer` does it, with another weight and no bias."""
    padding: Any = layer.padding
    return functional.conv2d(x, weight, None, layer.stride, padding, layer.dilation)


def _to(layer: nn.Linear | nn.Conv2d, tensor: Tensor) -> Tensor:
    return tensor.to(layer.weight.device, layer.weight.dtype).contiguous()


def _bytes(*tensors: Tensor | None) -> int:
    return sum(t.numel() * t.element_size() for t in tensors if t is not None)
