"""Group norms that take their statistics from the whole picture, though they see one tile.

A group norm (Wu and He, arXiv 1803.08494) divides by the standard deviation over the whole map.
In a tile by itself it would divide by the tile's: an even patch of sky would come out with the
contrast of a crowd, and tiles would differ where they meet.

What a norm sees depends on the norms before it, so they are counted one after the other: each in
a pass over all tiles that ends where the tile reaches it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.diffusion.vae.stages import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Moments:
    """Of every group of a norm, float64 [G] on the CPU.

    Args:
        count: values counted.
        mean: theirs.
        square: sum of the squared distances from the mean.
    """

    count: int
    mean: Tensor
    square: Tensor

    def add(self, other: Moments) -> Moments:
        """Of both together (Chan, Golub and LeVeque, 1979), which loses no digits."""
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        square = self.square + other.square + apart.square() * (self.count * other.count / count)
        return Moments(count, mean, square)

    @property
    def variance(self) -> Tensor:
        return self.square / self.count


@dataclass(frozen=True)
class Own:
    """What of a tile is its own, in cells of a map of `height` x `width`; of maps of other sizes
    it is the same share. Tiles overlap, and every value is counted once."""

    height: int
    width: int
    top: int
    bottom: int
    left: int
    right: int

    def of(self, x: Tensor) -> Tensor:
        """That part of a map [1, C, h, w]."""
        rows, columns = x.shape[-2:]
        top, bottom = (value * rows // self.height for value in (self.top, self.bottom))
        left, right = (value * columns // self.width for value in (self.left, self.right))
        return x[..., top:bottom, left:right]


class Counted(Exception):
    """A norm has counted its tile; what comes after it would be wrong as yet."""


class Tile:
    """Which tile runs; shared by the norms."""

    own: Own


class SharedNorm(nn.Module):
    """A group norm that counts what it sees tile by tile, and then applies what it has counted."""

    def __init__(self, norm: nn.GroupNorm, tile: Tile) -> None:
        super().__init__()
        self.norm = norm
        self.tile = tile
        self.moments: Moments | None = None
        self.settled = False

    def forward(self, x: Tensor) -> Tensor:
        """The map normalised, once `settled`.

        Raises:
            Counted: until then.
        """
        if not self.settled:
            found = _moments(self.tile.own.of(x)[0], self.norm.num_groups)
            self.moments = found if self.moments is None else self.moments.add(found)
            raise Counted
        assert self.moments is not None
        each = x.shape[1] // self.norm.num_groups
        # A batch norm in evaluation takes statistics from outside and scales in one go.
        return functional.batch_norm(
            x,
            self.moments.mean.float().repeat_interleave(each).to(x.device),
            self.moments.variance.float().repeat_interleave(each).to(x.device),
            _float(self.norm.weight),
            _float(self.norm.bias),
            training=False,
            eps=self.norm.eps,
        )


def _moments(x: Tensor, groups: int) -> Moments:
    values = x.float().reshape(groups, -1)
    variance, mean = torch.var_mean(values, dim=1, correction=0)
    count = values.shape[1]
    return Moments(count, mean.double().cpu(), variance.double().cpu() * count)


def with_shared_norms(layers: Sequence[Layer], tile: Tile) -> tuple[Layer, ...]:
    """The layers with other norms; the weights are the same tensors."""
    modules = nn.ModuleList(layer.module for layer in layers)
    # Copied is the structure alone: to the copier every tensor is its own copy.
    kept = {id(tensor): tensor for tensor in (*modules.parameters(), *modules.buffers())}
    copied = copy.deepcopy(modules, kept)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.GroupNorm):
                setattr(parent, name, SharedNorm(child, tile))
    pairs = zip(layers, copied, strict=True)
    return tuple(Layer(module, old.shrink_in, old.shrink_out) for old, module in pairs)


def shared_norms(layers: Sequence[Layer]) -> list[SharedNorm]:
    """The norms in layers from `with_shared_norms`."""
    modules = (module for layer in layers for module in layer.module.modules())
    return [module for module in modules if isinstance(module, SharedNorm)]


def _float(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.float()
