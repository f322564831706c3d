"""What LoRAs do to one layer of a live model: branches beside it, or another weight in its place.

The layer's own parameters are never written to. Where a form needs the whole difference, the layer
is given a new parameter and the slot keeps the old one; taking the LoRA off puts the very same
object back, so it is equal to the last bit. Where memory is short the new parameter lives only for
the length of a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from studio.diffusion.lora.branches import Branch, make_branch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.utils.hooks import RemovableHandle

    from studio.diffusion.lora.forms import Patch


class Item(NamedTuple):
    """A patch in a stack.

    Args:
        patch: for this layer.
        strength: the user's.
    """

    patch: Patch
    strength: float


class _Way(NamedTuple):
    """How a stack of patches takes effect, by places in it.

    Args:
        branches: computed beside the layer.
        weights: added to a copy of the weight, in this order.
        biases: added to a copy of the bias.
    """

    branches: tuple[tuple[int, Branch], ...] = ()
    weights: tuple[int, ...] = ()
    biases: tuple[int, ...] = ()


class Slot:
    """One layer.

    Args:
        layer: with a `weight`, and perhaps a `bias`.
    """

    def __init__(self, layer: nn.Module) -> None:
        self._layer = layer
        self._items: tuple[Item, ...] = ()
        self._way = _Way()
        self._keep: bool | None = None
        self._bases: dict[str, nn.Parameter | None] = {}
        self._handles: list[RemovableHandle] = []

    @property
    def bytes(self) -> int:
        """That the LoRAs on this layer hold besides its own parameters."""
        held = sum(branch.bytes for _, branch in self._way.branches)
        return held + (self._dense_bytes() if self._keep else 0)

    def prepare(self, items: Sequence[Item]) -> int:
        """Sort out how a stack is to take effect; where it can't stay, take the old one off.

        Returns:
            bytes of the changed parameters, were they kept.
        """
        fixed = {*self._way.weights, *self._way.biases}
        stays = len(items) == len(self._items) and all(
            new.patch is old.patch and (place not in fixed or new.strength == old.strength)
            for place, (new, old) in enumerate(zip(items, self._items, strict=True))
        )
        if not stays:
            self.clear()
            self._way = _way(self._layer, items)
        self._items = tuple(items)
        return self._dense_bytes()

    def commit(self, *, keep: bool) -> None:
        """Make what was prepared take effect.

        Args:
            keep: whether memory allows to keep changed parameters between calls.
        """
        if self._handles or self._bases:
            if self._keep in (None, keep):
                return
            self._off()
        way = self._way
        if way.branches:
            self._handles.append(self._layer.register_forward_hook(self._add, with_kwargs=True))
        if not (way.weights or way.biases):
            return
        self._keep = keep
        if keep:
            self._exchange()
        else:
            # `always_call`: the base parameters come back also where the layer's call fails.
            self._handles += [
                self._layer.register_forward_pre_hook(self._before),
                self._layer.register_forward_hook(self._after, always_call=True),
            ]

    def clear(self) -> None:
        """Take everything off."""
        self._off()
        self._items, self._way = (), _Way()

    def _off(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self._keep = [], None
        self._restore()

    def _add(
        self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor
    ) -> Tensor:
        x = args[0] if args else kwargs["input"]
        for place, branch in self._way.branches:
            patch, strength = self._items[place]
            assert patch.form is not None
            output.add_(branch(x, strength * patch.form.scale))
        return output

    def _before(self, layer: nn.Module, args: object) -> None:
        self._exchange()

    def _after(self, layer: nn.Module, args: object, output: object) -> None:
        self._restore()

    def _exchange(self) -> None:
        """Give the layer its changed parameters, and keep its own."""
        changed = {}
        if self._way.weights:
            changed["weight"] = self._changed_weight()
        if self._way.biases:
            changed["bias"] = self._changed_bias()
        for name, tensor in changed.items():
            self._bases[name] = getattr(self._layer, name)
            setattr(self._layer, name, nn.Parameter(tensor, requires_grad=False))

    def _restore(self) -> None:
        for name, base in self._bases.items():
            setattr(self._layer, name, base)
        self._bases = {}

    @torch.no_grad()
    def _changed_weight(self) -> Tensor:
        base: Any = self._layer.weight
        weight: Tensor = base.detach().to(torch.float32, copy=True)
        for place in self._way.weights:
            patch, strength = self._items[place]
            weight = patch.applied(weight, strength)
        return weight.to(base.dtype)

    @torch.no_grad()
    def _changed_bias(self) -> Tensor:
        weight: Any = self._layer.weight
        base: Any = self._layer.bias
        if base is None:
            total = torch.zeros(weight.shape[0], device=weight.device)
        else:
            total = base.detach().to(torch.float32, copy=True)
        for place in self._way.biases:
            patch, strength = self._items[place]
            assert patch.bias is not None
            total.add_(patch.bias.to(total), alpha=strength)
        return total.to(weight.dtype)

    def _dense_bytes(self) -> int:
        weight: Any = self._layer.weight
        bias = weight.shape[0] * weight.element_size() if self._way.biases else 0
        return bias + (weight.nbytes if self._way.weights else 0)


def _way(layer: nn.Module, items: Sequence[Item]) -> _Way:
    """Branches where they serve. What comes before a DoRA can't be one: DoRA rescales it too."""
    last = max((i for i, item in enumerate(items) if item.patch.magnitude is not None), default=-1)
    branches: list[tuple[int, Branch]] = []
    weights: list[int] = []
    for place, (patch, _) in enumerate(items):
        if patch.form is None:
            continue
        branch = make_branch(layer, patch.form) if place > last else None
        if branch is None:
            weights.append(place)
        else:
            branches.append((place, branch))
    biases = [place for place, item in enumerate(items) if item.patch.bias is not None]
    return _Way(tuple(branches), tuple(weights), tuple(biases))
