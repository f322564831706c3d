"""The algebra of each format: how a few small factors make the difference to a layer's weight.

Low rank: Hu et al., arXiv 2106.09685. Hadamard (LoHa): Hyeon-Woo et al., arXiv 2108.06098.
Kronecker (LoKr), Tucker-decomposed convolutions and all names of factors: LyCORIS, Yeh et al.,
arXiv 2309.14859. Every form has

    shape   of the difference, known without computing it
    scale   alpha / rank, or 1 where there is no alpha
    delta() the difference without `scale`, float32, in `shape`

and its factors are kept in the file's dtype.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from torch import Tensor


_BLOCK = 2**17
"""Elements of a weight to change at once: half a MiB."""


class Form(Protocol):
    """A difference to a weight, in factors."""

    @property
    def shape(self) -> tuple[int, ...]:
        """[out, in] or [out, in, height, width] of the difference, or its one axis."""

    @property
    def scale(self) -> float:
        """What the difference is multiplied by besides the user's strength."""

    def delta(self, device: torch.device) -> Tensor:
        """The difference, float32 on `device`."""


@dataclass(frozen=True, eq=False)
class LowRank:
    """up · down, for convolutions with `mid` between them (LoCon's Tucker form).

    Args:
        down: [r, in] or [r, in, kh, kw].
        up: [out, r] or [out, r, 1, 1].
        mid: [r, r, kh, kw]; `down` is 1x1 then.
        alpha: None for as much as the rank.
    """

    down: Tensor
    up: Tensor
    mid: Tensor | None = None
    alpha: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the difference."""
        kernel = self.down.shape[2:] if self.mid is None else self.mid.shape[2:]
        return (self.up.shape[0], self.down.shape[1], *kernel)

    @property
    def scale(self) -> float:
        """alpha / rank."""
        return _scale(self.alpha, self.down.shape[0])

    def delta(self, device: torch.device) -> Tensor:
        """The difference, float32 on `device`."""
        down, up = _wide(self.down, device).flatten(1), _wide(self.up, device).flatten(1)
        if self.mid is not None:
            mid = _wide(self.mid, device)
            return torch.einsum("or, rskl, si -> oikl", up, mid, down)
        return (up @ down).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Hadamard:
    """(w1_a · w1_b) ∘ (w2_a · w2_b), or of two Tucker products with the cores t1 and t2.

    Args:
        w1_a, w2_a: [out, r]; with cores [r, out].
        w1_b, w2_b: [r, in] (of a convolution [r, in·kh·kw]).
        t1, t2: cores [r, r, kh, kw], or both None.
        alpha: None for as much as the rank.
    """

    w1_a: Tensor
    w1_b: Tensor
    w2_a: Tensor
    w2_b: Tensor
    t1: Tensor | None = None
    t2: Tensor | None = None
    alpha: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the difference."""
        if self.t1 is not None:
            return (self.w1_a.shape[1], self.w1_b.shape[1], *self.t1.shape[2:])
        return (self.w1_a.shape[0], self.w1_b.shape[1])

    @property
    def scale(self) -> float:
        """alpha / rank."""
        return _scale(self.alpha, self.w1_b.shape[0])

    def delta(self, device: torch.device) -> Tensor:
        """The difference, float32 on `device`."""
        first = _product(self.w1_a, self.w1_b, self.t1, device)
        return first.mul_(_product(self.w2_a, self.w2_b, self.t2, device))

    def add_to(self, weight: Tensor, amount: float) -> None:
        """Add `amount` times the difference to a weight, in place, without ever making it whole.

        A few rows at a time stay in the processor's cache: several times as fast as the difference
        in memory of its own.
        """
        flat = weight.flatten(1)
        w1_a, w1_b, w2_a, w2_b = (
            _wide(factor, weight.device) for factor in (self.w1_a, self.w1_b, self.w2_a, self.w2_b)
        )
        rows = max(_BLOCK // max(flat.shape[1], 1), 1)
        for start in range(0, flat.shape[0], rows):
            part = slice(start, start + rows)
            product = (w1_a[part] @ w1_b).mul_(w2_a[part] @ w2_b)
            flat[part].add_(product, alpha=amount)

    def low_rank(self) -> LowRank | None:
        """The same as a low-rank form of rank r²; None with cores.

        (A·B) ∘ (C·D) is the sum over i, j of (A_i ∘ C_j) (B_i ∘ D_j)ᵀ.
        """
        if self.t1 is not None or self.t2 is not None:
            return None
        cpu = torch.device("cpu")
        a, c = _wide(self.w1_a, cpu), _wide(self.w2_a, cpu)
        b, d = _wide(self.w1_b, cpu), _wide(self.w2_b, cpu)
        up = (a.unsqueeze(2) * c.unsqueeze(1)).flatten(1)
        down = (b.unsqueeze(1) * d.unsqueeze(0)).flatten(0, 1)
        return LowRank(down, up, alpha=self.scale * down.shape[0])


@dataclass(frozen=True, eq=False)
class Kronecker:
    """w1 ⊗ w2, either of them itself a product.

    Args:
        w1: [a, b], or w1_a [a, r] and w1_b [r, b].
        w2: [c, d] or [c, d, kh, kw], or w2_a [c, r] and w2_b [r, d·…], or with the core t2
            [r, r, kh, kw]: w2_a [r, c] and w2_b [r, d].
        alpha: None for as much as the rank; without meaning where both factors are whole.
    """

    w1: Tensor | None = None
    w1_a: Tensor | None = None
    w1_b: Tensor | None = None
    w2: Tensor | None = None
    w2_a: Tensor | None = None
    w2_b: Tensor | None = None
    t2: Tensor | None = None
    alpha: float | None = None

    @property
    def first(self) -> tuple[int, int]:
        """(a, b)."""
        if self.w1 is not None:
            return self.w1.shape[0], self.w1.shape[1]
        assert self.w1_a is not None
        assert self.w1_b is not None
        return self.w1_a.shape[0], self.w1_b.shape[1]

    @property
    def second(self) -> tuple[int, ...]:
        """(c, d) or (c, d, kh, kw)."""
        if self.w2 is not None:
            return tuple(self.w2.shape)
        assert self.w2_a is not None
        assert self.w2_b is not None
        if self.t2 is not None:
            return (self.w2_a.shape[1], self.w2_b.shape[1], *self.t2.shape[2:])
        return self.w2_a.shape[0], self.w2_b.shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the difference."""
        (a, b), (c, d, *kernel) = self.first, self.second
        return (a * c, b * d, *kernel)

    @property
    def scale(self) -> float:
        """alpha / rank of what is a product, 1 where nothing is."""
        if self.w2_b is not None:
            return _scale(self.alpha, self.w2_b.shape[0])
        return 1.0 if self.w1_b is None else _scale(self.alpha, self.w1_b.shape[0])

    def factors(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """w1 and w2, float32 on `device`."""
        if self.w1 is not None:
            first = _wide(self.w1, device)
        else:
            assert self.w1_a is not None
            assert self.w1_b is not None
            first = _product(self.w1_a, self.w1_b, None, device)
        if self.w2 is not None:
            return first, _wide(self.w2, device)
        assert self.w2_a is not None
        assert self.w2_b is not None
        return first, _product(self.w2_a, self.w2_b, self.t2, device)

    def delta(self, device: torch.device) -> Tensor:
        """The difference, float32 on `device`."""
        first, second = self.factors(device)
        first = first.reshape(*first.shape, *[1] * (second.ndim - 2))
        return torch.kron(first, second.contiguous())


@dataclass(frozen=True, eq=False)
class Whole:
    """A difference as it is."""

    diff: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the difference."""
        return tuple(self.diff.shape)

    @property
    def scale(self) -> float:
        """Always 1: an alpha has no meaning here."""
        return 1.0

    def delta(self, device: torch.device) -> Tensor:
        """The difference, float32 on `device`."""
        return _wide(self.diff, device)


@dataclass(frozen=True, eq=False)
class Patch:
    """What a LoRA does to one layer.

    Args:
        key: the layer's name in the file.
        form: the difference to its weight; None where only the bias changes.
        magnitude: DoRA's (Liu et al., arXiv 2402.09353): the lengths of the weight's rows or
            columns after the change; [out, 1] or [1, in].
        bias: difference to the bias, [out].
    """

    key: str
    form: Form | None = None
    magnitude: Tensor | None = None
    bias: Tensor | None = None

    @property
    def idle(self) -> bool:
        """Whether it changes nothing, having an alpha of 0."""
        return (
            self.form is not None
            and self.form.scale == 0
            and self.magnitude is None
            and self.bias is None
        )

    @property
    def bytes(self) -> int:
        """Of its tensors."""
        held = [self.magnitude, self.bias]
        if self.form is not None:
            held += [getattr(self.form, item.name) for item in fields(self.form)]  # type: ignore[arg-type]
        return sum(t.numel() * t.element_size() for t in held if isinstance(t, torch.Tensor))

    def applied(self, weight: Tensor, strength: float) -> Tensor:
        """The weight with this patch on it.

        DoRA's result is mixed with the weight by `strength`, as ComfyUI does, so 0 is none.

        Args:
            weight: float32; it may be overwritten.
            strength: the user's.
        """
        if self.form is None:
            return weight
        if isinstance(self.form, Hadamard) and self.form.t1 is None and self.magnitude is None:
            if not weight.is_contiguous():
                weight = weight.contiguous()
            self.form.add_to(weight, strength * self.form.scale)
            return weight
        delta = self.form.delta(weight.device).reshape(weight.shape)
        if self.magnitude is None:
            return weight.add_(delta, alpha=strength * self.form.scale)
        changed = delta.mul_(self.form.scale).add_(weight)
        magnitude = _wide(self.magnitude, weight.device)
        magnitude = magnitude.reshape(*magnitude.shape, *[1] * (weight.ndim - 2))
        axes = [axis for axis in range(weight.ndim) if magnitude.shape[axis] == 1]
        length = torch.linalg.vector_norm(changed, dim=axes, keepdim=True)
        changed.mul_(magnitude / (length + torch.finfo(torch.float32).eps))
        return weight.lerp_(changed, strength)


def _product(a: Tensor, b: Tensor, core: Tensor | None, device: torch.device) -> Tensor:
    a, b = _wide(a, device), _wide(b, device)
    if core is None:
        return a @ b
    return torch.einsum("ro, rskl, si -> oikl", a, _wide(core, device), b)


def _wide(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.to(device, torch.float32)


def _scale(alpha: float | None, rank: int) -> float:
    return 1.0 if alpha is None else alpha / rank
