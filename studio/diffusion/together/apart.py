"""Operations whose bits depend on the size of the batch, computed apart for each of its parts.

The kernels behind torch choose how to sum by the shapes they are given. Most choose the same for a
batch as for a part of it; some don't (on the CPU: convolutions of one pixel, and matrices of few
rows), and then the last bits of a picture would depend on what it was computed with. Which do is
found out where they are used: an operation that is met for the first time with these shapes is
computed both ways and compared, bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from torch import Tensor

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

Key = tuple["Hashable", ...]


class Apart(TorchFunctionMode):
    """While it is on, a batch's parts get the bits they get alone.

    Args:
        sizes: of the parts, along the first dimension of the batch.
        known: which operations differ; added to. For one device and number of threads.
    """

    def __init__(self, sizes: Sequence[int], known: dict[Key, bool]) -> None:
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
        count = _GIVEN.get(func)
        if count is None or args[0].shape[0] != self.total:
            return func(*args, **kwargs)
        named = tuple((name, _mark(value)) for name, value in sorted(kwargs.items()))
        key = (func, tuple(map(_mark, args)), named, self.sizes)
        differs = self.known.get(key)
        if differs:
            return self._parts(func, count, args, kwargs)
        whole = func(*args, **kwargs)
        if differs is None:
            parts = self._parts(func, count, args, kwargs)
            self.known[key] = not same_bits(whole, parts)
            return parts
        return whole

    def _parts(
        self, func: Any, count: int, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Tensor:
        given = [each.split(self.sizes) for each in args[:count]]
        mask = kwargs.get("attn_mask")
        masks = None
        if mask is not None and mask.shape[0] == self.total:
            masks = mask.split(self.sizes)
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
    return repr(value)
