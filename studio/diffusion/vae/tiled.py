"""Decoding and encoding in tiles: the whole picture's result, but for rounding.

Tiles by themselves differ from the whole in two ways. Their convolutions lack the neighbours at
the rim: so tiles overlap by what the convolutions reach, and only what is right is taken of each.
Their group norms lack the statistics of the rest: these are counted over all tiles, norm by norm
(`norms`). That takes a pass over the tiles for every norm, where "Tiled VAE" (2023) estimates them
on a small copy and other programs do without; in return there is no seam to be hidden and no
change of contrast, so it makes no difference to a picture how much memory was free.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from studio.diffusion.vae.norms import Counted, Own, Tile, shared_norms, with_shared_norms
from studio.diffusion.vae.stages import run
from studio.diffusion.vae.tiles import Span, spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from studio.diffusion.vae.stages import Halves, Layer, Segment

    Tick = Callable[[int, int], None]
    """Called after every tile of every pass with how many are done, of how many; may raise."""


@dataclass(frozen=True)
class Grid:
    """The tiles of a segment, in cells of its smaller map.

    Args:
        rows, columns: along each side.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]

    @property
    def count(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[tuple[Span, Span]]:
        return ((row, column) for row in self.rows for column in self.columns)


def grid_for(segment: Segment, tile: int, height: int, width: int) -> Grid:
    """The tiles of a picture of `height` x `width` pixels.

    Args:
        segment: what is to run.
        tile: the most pixels that a tile may see along a side; raised so far that at least half
            of it is its own.
        height, width: multiples of `segment.unit`.
    """
    size = max(tile // segment.unit, 4 * segment.reach, 1)
    rows, columns = (
        spans(side // segment.unit, size, segment.reach) for side in (height, width)
    )
    return Grid(rows, columns)


def decode_tiled(halves: Halves, z: Tensor, tile: int, tick: Tick) -> Tensor:
    """A picture [1, 3, H, W] in -1..1, float32 on the CPU, from a latent [1, C, h, w].

    Args:
        halves: of the decoder.
        z: the latent, quantised where the first stage does that.
        tile: pixels along a side of a tile.
        tick: progress.
    """
    shrink = halves.whole[0].shrink_in
    height, width = (side * shrink for side in z.shape[-2:])
    return _tiled(halves, run(halves.whole, z), tile, (height, width), tick).float().cpu()


def encode_tiled(halves: Halves, x: Tensor, tile: int, tick: Tick) -> Tensor:
    """What the encoder makes of a picture [1, 3, H, W] in -1..1; else as `decode_tiled`."""
    height, width = x.shape[-2:]
    return run(halves.whole, _tiled(halves, x, tile, (height, width), tick)).float().cpu()


def _tiled(halves: Halves, x: Tensor, tile: int, size: tuple[int, int], tick: Tick) -> Tensor:
    grids = [grid_for(segment, tile, *size) for segment in halves.tiled]
    each = [_passes(s, grid) * grid.count for s, grid in zip(halves.tiled, grids, strict=True)]
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        tick(done, sum(each))

    for segment, grid in zip(halves.tiled, grids, strict=True):
        if grid.count == 1:
            x = run(segment.layers, x)
            count()
        else:
            x = _segment(segment, grid, x, count)
    return x


def _passes(segment: Segment, grid: Grid) -> int:
    norms = sum(_is_norm(m) for layer in segment.layers for m in layer.module.modules())
    return norms + 1 if grid.count > 1 else 1


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, torch.nn.GroupNorm)


def _segment(segment: Segment, grid: Grid, x: Tensor, count: Callable[[], None]) -> Tensor:
    """A segment over a whole map [1, C, h, w], tile by tile."""
    tile = Tile()
    layers = with_shared_norms(segment.layers, tile)
    norms = shared_norms(layers)
    into = segment.unit // segment.layers[0].shrink_in
    out = segment.unit // segment.layers[-1].shrink_out
    for _ in norms:
        for row, column in grid:
            tile.own = _own(row, column)
            with suppress(Counted):
                run(layers, _crop(x, row.times(into), column.times(into)))
            count()
        for norm in norms:
            norm.settled = norm.moments is not None
    return _assembled(layers, grid, x, into, out, count)


def _assembled(
    layers: Sequence[Layer],
    grid: Grid,
    x: Tensor,
    into: int,
    out: int,
    count: Callable[[], None],
) -> Tensor:
    """The results of all tiles beside each other, each with what is its own."""
    whole: Tensor | None = None
    for row, column in grid:
        part = run(layers, _crop(x, row.times(into), column.times(into)))
        if whole is None:
            sides = (grid.rows[-1].last * out, grid.columns[-1].last * out)
            whole = part.new_empty(1, part.shape[1], *sides)
        height, width = (slice(span.first * out, span.last * out) for span in (row, column))
        whole[..., height, width] = _own(row, column).of(part)
        count()
    assert whole is not None
    return whole


def _crop(x: Tensor, row: Span, column: Span) -> Tensor:
    return x[..., row.start : row.stop, column.start : column.stop]


def _own(row: Span, column: Span) -> Own:
    return Own(
        row.stop - row.start,
        column.stop - column.start,
        row.first - row.start,
        row.last - row.start,
        column.first - column.start,
        column.last - column.start,
    )
