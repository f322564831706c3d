"""How much memory a decode or an encode takes, and how much there is.

The estimate counts the feature maps that the library's layers hold at once, layer by layer, and
two copies that convolutions make on the CPU to lay the channels side by side. `docs/vae.md` has
what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from studio.hardware import memory_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studio.diffusion.vae.stages import Halves, Layer, Segment

TILES = (2048, 1536, 1024, 768, 512, 384, 256, 192, 128)
"""Sides of tiles to choose from, in pixels."""

_SHARE = 0.9
"""Of the free memory; the rest is for what the estimate doesn't see."""


@dataclass(frozen=True)
class Need:
    """Values held at once, a pixel of the picture.

    Args:
        tiled: in the layers that may run in tiles.
        whole: in the others.
        held: in the maps that are held whole while tiles run.
    """

    tiled: float
    whole: float
    held: float

    def bytes(self, pixels: int, itemsize: int) -> int:
        """Without tiles, for a picture of `pixels`."""
        return int(max(self.tiled, self.whole) * pixels * itemsize)

    def tiled_bytes(self, pixels: int, tile: int, itemsize: int) -> int:
        """In tiles of `tile` x `tile` pixels."""
        in_tiles = self.held * pixels + self.tiled * min(tile * tile, pixels)
        return int(max(in_tiles, self.whole * pixels) * itemsize)


def need_of(halves: Halves, *, copies: bool = True) -> Need:
    """What a decoder or an encoder needs.

    Args:
        halves: its layers.
        copies: count those that convolutions make.
    """
    tiled, whole = (
        max(layer_values(layer, copies=copies) for layer in half)
        for half in (halves.tiled_layers, halves.whole)
    )
    return Need(tiled, whole, max(_ends(segment) for segment in halves.tiled))


def _ends(segment: Segment) -> float:
    """What goes into a segment and what comes out."""
    first, last = segment.layers[0], segment.layers[-1]
    return channels_in(first) / first.shrink_in**2 + channels_out(last) / last.shrink_out**2


def layer_values(layer: Layer, *, copies: bool) -> float:
    """The most values that the library's layer holds at once, a pixel of the picture.

    What comes in is held to the end by whoever called the layer.
    """
    inside, outside = 1 / layer.shrink_in**2, 1 / layer.shrink_out**2
    into, out = channels_in(layer) * inside, channels_out(layer) * outside
    copied = 1 if copies else 0
    match layer.kind:
        case "ResnetBlock2D":
            # Norm and activation of the input; convolutions; the sum beside both its terms,
            # before it is scaled.
            shortcut = out if getattr(layer.module, "conv_shortcut", None) is not None else 0
            convolution = max(2 * into + out + copied * (into + out), into + (2 + 2 * copied) * out)
            return max(3 * into, convolution, into + 3 * out + shortcut)
        case "UNetMidBlock2D":
            # Attention: the input, normalised, as queries, keys and values, and the result.
            return (8 + copied) * into
        case "Attention":
            return (8 + copied) * into
        case "Upsample2D":
            doubled = channels_in(layer) * outside
            return into + doubled + out + copied * (doubled + out)
        case "Downsample2D":
            return 2 * into + out + copied * (into + out)
        case "Conv2d":
            return into + out + copied * (into + out)
        case _:
            return 2 * into


def channels_in(layer: Layer) -> int:
    """Channels of a layer's input."""
    return _channels(layer.module, ("in_channels", "channels", "num_channels", "query_dim"))


def channels_out(layer: Layer) -> int:
    """Channels of a layer's output."""
    return _channels(layer.module, ("out_channels", "channels", "num_channels", "query_dim"))


def _channels(module: Any, names: Sequence[str]) -> int:
    for name in names:
        if isinstance(value := getattr(module, name, None), int):
            return value
    if hasattr(module, "resnets"):
        return _channels(module.resnets[0], names)
    return 0  # an activation, in place of its neighbours


def free_memory(device: torch.device) -> int:
    """Bytes that can be taken on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch holds ready is free to us as well.
        ready = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + ready)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return int(memory_info().available)


def fits_whole(need: Need, pixels: int, itemsize: int, free: int) -> bool:
    """Whether a picture goes through without tiles."""
    return need.bytes(pixels, itemsize) <= _SHARE * free


def tile_that_fits(need: Need, pixels: int, itemsize: int, free: int) -> int:
    """The largest tile that the free memory has room for, or the smallest there is."""
    for tile in TILES:
        if need.tiled_bytes(pixels, tile, itemsize) <= _SHARE * free:
            return tile
    return TILES[-1]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; on the CPU and on MPS it has no class."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    words = str(error)
    return isinstance(error, RuntimeError) and any(
        phrase in words for phrase in ("DefaultCPUAllocator", "out of memory")
    )


def release(device: torch.device) -> None:
    """Give back what torch holds ready, so that other sizes can be had."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
