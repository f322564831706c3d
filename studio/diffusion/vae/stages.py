"""A first stage taken apart into its layers: what runs whole, and what may run in tiles.

Most of the memory goes into the layers near the picture, where a feature map is as large as the
picture. Those are convolutions, which look a few pixels around, and group norms. Layers at a
quarter of the picture's side and below take an eighth of the memory and see the furthest
(attention sees everything), so they run on the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.diffusion.vae.errors import BadTiling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

WHOLE_FROM = 4
"""Layers run whole where the feature map's side is the picture's divided by this, or less."""


@dataclass(frozen=True)
class Layer:
    """One layer, on maps of one size or between two sizes.

    Args:
        module: the library's.
        shrink_in: pixels of the picture, along a side, that a cell of its input covers.
        shrink_out: the same of its output.
    """

    module: nn.Module
    shrink_in: int
    shrink_out: int

    @property
    def kind(self) -> str:
        """The name of the library's class."""
        return type(self.module).__name__


@dataclass(frozen=True)
class Segment:
    """Layers that may run in tiles, one after the other; the map changes size at most once.

    Args:
        layers: at least one.
        reach: how many cells beyond its own a tile has to see, on every side; see `unit`.
    """

    layers: tuple[Layer, ...]
    reach: int

    @property
    def unit(self) -> int:
        """Pixels, along a side, of a cell of its smaller map."""
        return max(self.layers[0].shrink_in, self.layers[-1].shrink_out)


@dataclass(frozen=True)
class Halves:
    """A decoder or an encoder in two.

    Args:
        whole: layers that run on the whole picture; first in a decoder, last in an encoder.
        tiled: the others, in the order they run in.
    """

    whole: tuple[Layer, ...]
    tiled: tuple[Segment, ...]

    @property
    def tiled_layers(self) -> tuple[Layer, ...]:
        return tuple(layer for segment in self.tiled for layer in segment.layers)


def decoder_halves(module: Any, downscale: int) -> Halves:
    """The layers from a latent (after quantising) to a picture.

    Raises:
        BadTiling: it has layers that can't be told apart.
    """
    decoder = module.decoder
    _check(decoder.up_blocks, ("UpDecoderBlock2D", "AttnUpDecoderBlock2D"))
    if module.config.get("norm_type", "group") != "group":
        raise _cannot("its norms look at the latent")
    layers = [Layer(decoder.conv_in, downscale, downscale)]
    if module.post_quant_conv is not None:
        layers.insert(0, Layer(module.post_quant_conv, downscale, downscale))
    layers.append(Layer(decoder.mid_block, downscale, downscale))
    shrink = downscale
    for block in decoder.up_blocks:
        layers += [Layer(part, shrink, shrink) for part in _resnets(block)]
        for upsampler in block.upsamplers or ():
            layers.append(Layer(upsampler, shrink, shrink // 2))
            shrink //= 2
    ends = (decoder.conv_norm_out, decoder.conv_act, decoder.conv_out)
    layers += [Layer(part, shrink, shrink) for part in ends]
    cut = _cut([(layer.shrink_out, layer.kind) for layer in layers])
    return Halves(tuple(layers[:cut]), _segments(layers[cut:]))


def encoder_halves(module: Any, downscale: int) -> Halves:
    """The layers from a picture to the moments of a posterior, or to latents before quantising.

    Raises:
        BadTiling: it has layers that can't be told apart.
    """
    encoder = module.encoder
    _check(encoder.down_blocks, ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"))
    layers = [Layer(encoder.conv_in, 1, 1)]
    shrink = 1
    for block in encoder.down_blocks:
        layers += [Layer(part, shrink, shrink) for part in _resnets(block)]
        for downsampler in block.downsamplers or ():
            layers.append(Layer(downsampler, shrink, shrink * 2))
            shrink *= 2
    ends = [encoder.mid_block, encoder.conv_norm_out, encoder.conv_act, encoder.conv_out]
    if module.quant_conv is not None:
        ends.append(module.quant_conv)
    layers += [Layer(part, shrink, shrink) for part in ends]
    cut = len(layers) - _cut([(layer.shrink_in, layer.kind) for layer in reversed(layers)])
    return Halves(tuple(layers[cut:]), _segments(layers[:cut]))


def run(layers: Sequence[Layer], x: Tensor) -> Tensor:
    """What the layers make of `x`, one after the other."""
    for layer in layers:
        x = layer.module(x, None) if layer.kind in _TAKE_TIME else layer.module(x)
    return x


_TAKE_TIME = ("ResnetBlock2D", "UNetMidBlock2D")
"""The library's blocks that ask for a time embedding, which a first stage has none of."""


def _check(blocks: Sequence[nn.Module], known: tuple[str, ...]) -> None:
    kinds = {type(block).__name__ for block in blocks}
    if unknown := sorted(kinds - set(known)):
        raise _cannot(f"it is built of {unknown[0]}")


def _cannot(reason: str) -> BadTiling:
    return BadTiling(
        f"this VAE can't work in tiles: {reason}.",
        hint="Use VAEDecode or VAEEncode, with a picture that fits into memory at once.",
    )


def _resnets(block: Any) -> list[nn.Module]:
    """The layers of a block in order, its change of size left out."""
    attentions = getattr(block, "attentions", None)
    if not attentions:
        return list(block.resnets)
    pairs = zip(block.resnets, attentions, strict=True)
    return [part for pair in pairs for part in pair if part is not None]


def _cut(layers: Sequence[tuple[int, str]]) -> int:
    """How many layers run whole, counted from the latent: (shrink at the picture's side, kind)."""
    small = [i for i, (shrink, _) in enumerate(layers) if shrink >= WHOLE_FROM]
    # Attention sees the whole map, wherever it stands.
    global_ = [i for i, (_, kind) in enumerate(layers) if kind in ("Attention", "UNetMidBlock2D")]
    return max(small + global_) + 1


def _segments(layers: Sequence[Layer]) -> tuple[Segment, ...]:
    """Parted where the map is smallest: what is held whole between two segments is least there."""
    parts: list[list[Layer]] = [[]]
    for layer in layers:
        if layer.kind == "Upsample2D" and parts[-1]:
            parts.append([])
        parts[-1].append(layer)
        if layer.kind == "Downsample2D":
            parts.append([])
    return tuple(Segment(tuple(part), _reach(part)) for part in parts if part)


def _reach(layers: Sequence[Layer]) -> int:
    """How far a cell of the result looks beyond its own, to the further side, in cells of the
    segment's smaller map."""
    reach = 0
    for layer in reversed(layers):
        match layer.kind:
            case "ResnetBlock2D":  # two convolutions of 3 x 3
                reach += 2
            case "Conv2d":
                reach += 1
            case "Upsample2D":  # a 3 x 3 convolution on the doubled map
                reach = -(-(reach + 1) // 2)
            case "Downsample2D":  # 3 x 3 with stride 2, one cell further on one side
                reach = 2 * reach + 1
    # So far in cells of the input, which may be the larger map.
    return -(-reach * layers[0].shrink_in // max(layers[0].shrink_in, layers[-1].shrink_out))
