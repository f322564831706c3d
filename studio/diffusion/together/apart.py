"""Operations whose bits depend on the size of the batch, computed so that they don't.

The kernels behind torch choose how to sum by the shapes they are given. Most choose the same for a
batch as for a part of it; some don't (on the CPU: convolutions of one pixel, and matrices of few
rows), and then the last bits of a picture would depend on what it was computed with. Which do is
found out where they are used: an operation that is met for the first time with these shapes is
computed in every way, and from then on in the first one that gives each part its own bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from torch import Tensor

    Way = Callable[[Any, Sequence[Any], Mapping[str, Any], tuple[int, ...]], Tensor | None]

_GIVEN: dict[Callable[..., Any], int] = {
    functional.linear: 1,
    functional.conv1d: 1,
    functional.conv2d: 1,
    functional.conv3d: 1,
    functional.group_norm: 1,
    functional.layer_norm: 1,
    functional.scaled_dot_product_attention: 3,
}
"""Operations that may differ, and how many of their first arguments have the batch in front."""

_ALIGNED = 64
"""Bytes to which torch aligns what it allocates; a kernel may sum otherwise where it isn't so."""

_ONE_PIXEL = ((1, 1), (0, 0), (1, 1), 1)
"""Stride, padding, dilation and groups of a convolution that is a product of matrices."""

Key = tuple["Hashable", ...]


class Apart(TorchFunctionMode):
    """While it is on, a batch's parts get the bits they get alone.

    Args:
        sizes: of the parts, along the first dimension of the batch.
        known: how to compute which operations; added to. For one device and number of threads.
    """

    def __init__(self, sizes: Sequence[int], known: dict[Key, Way]) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        self.total = sum(sizes)
        self.known = known

    def __torch_function__(
        self,
        func: Any,
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called for every operation of torch while the mode is on."""
        kwargs = kwargs or {}
        if func not in _GIVEN or args[0].shape[0] != self.total:
            return func(*args, **kwargs)
        named = [(name, _mark(value)) for name, value in sorted(kwargs.items())]
        key = (func, self.sizes, *map(_mark, args), *named)
        if key in self.known:
            return self.known[key](func, args, kwargs, self.sizes)
        parts = _parts(func, args, kwargs, self.sizes)
        self.known[key] = _parts
        for way in (_whole, _matrices):
            found = way(func, args, kwargs, self.sizes)
            if found is not None and same_bits(found, parts):
                self.known[key] = way
                break
        return parts


def _whole(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], _: object) -> Tensor:
    result: Tensor = func(*args, **kwargs)
    return result


def _matrices(
    func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], sizes: tuple[int, ...]
) -> Tensor | None:
    """All products of matrices that the parts consist of, in one call; None for anything else."""
    x, weight, bias = (*args[:3], None)[:3]
    if bias is None or kwargs or len(set(sizes)) > 1:
        return None
    if func is functional.linear:
        rows = x.reshape(len(sizes), -1, x.shape[-1])
        weights = weight.t().expand(len(sizes), -1, -1)
        return torch.baddbmm(bias, rows, weights).view(*x.shape[:-1], -1)
    if func is functional.conv2d and weight.shape[2:] == (1, 1) and args[3:] == _ONE_PIXEL:
        weights = weight.flatten(1).expand(len(x), -1, -1)
        product = torch.baddbmm(bias[:, None], weights, x.flatten(2))
        return product.view(len(x), -1, *x.shape[2:])
    return None


def _parts(
    func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], sizes: tuple[int, ...]
) -> Tensor:
    """A call for each part."""
    count = _GIVEN[func]
    given = [each.split(sizes) for each in args[:count]]
    mask = kwargs.get("attn_mask")
    masks = None
    if mask is not None and mask.shape[0] == sum(sizes):
        masks = mask.split(sizes)
    results = []
    for index, own in enumerate(zip(*given, strict=True)):
        named = kwargs if masks is None else {**kwargs, "attn_mask": masks[index]}
        results.append(func(*map(_aligned, own), *args[count:], **named))
    return torch.cat(results)


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors are equal; what is no number equals what is none."""
    if torch.equal(first, second):
        return True
    return bool(((first == second) | (first.isnan() & second.isnan())).all())


def _aligned(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.data_ptr() % _ALIGNED else tensor


def _mark(value: Any) -> Hashable:
    if isinstance(value, torch.Tensor):
        return value.shape, value.stride(), value.dtype
    return tuple(value) if isinstance(value, list) else value
