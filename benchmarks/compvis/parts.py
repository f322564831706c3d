"""Names and shapes of the layers that every part is made of."""

from __future__ import annotations

Shape = tuple[int, ...]
Shapes = dict[str, Shape]


def conv(name: str, into: int, out: int, kernel: int = 3) -> Shapes:
    """A convolution of `kernel` x `kernel`, with bias."""
    return {f"{name}.weight": (out, into, kernel, kernel), f"{name}.bias": (out,)}


def conv1d(name: str, into: int, out: int) -> Shapes:
    """A convolution over a sequence with a kernel of 1, as LDM's AttentionBlock has."""
    return {f"{name}.weight": (out, into, 1), f"{name}.bias": (out,)}


def linear(name: str, into: int, out: int, *, bias: bool = True) -> Shapes:
    """A linear layer."""
    return {f"{name}.weight": (out, into)} | ({f"{name}.bias": (out,)} if bias else {})


def norm(name: str, width: int) -> Shapes:
    """A group or layer normalisation."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def prefixed(prefix: str, tensors: Shapes) -> Shapes:
    """`tensors` with `prefix` before every name."""
    return {prefix + name: shape for name, shape in tensors.items()}
