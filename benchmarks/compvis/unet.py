"""The denoiser as `openaimodel.UNetModel` names it (Rombach et al. 2022, arXiv 2112.10752)."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.compvis.parts import Shapes, conv, conv1d, linear, norm


@dataclass(frozen=True)
class Unet:
    """What the yaml file beside a checkpoint says under `unet_config`.

    Attributes:
        in_channels: of the input: latents, and what is concatenated to them.
        out_channels: of the prediction.
        width: `model_channels`; must be a multiple of 32 (the groups of the normalisation).
        mult: `channel_mult`, the width of each level in units of `width`.
        depth: transformer blocks of each level's attention; 0: no attention on that level.
        middle: transformer blocks of the middle's attention.
        context: width of the conditioning; None: self-attention only (`AttentionBlock`).
        heads: number of heads on every level; None where `head_width` rules.
        head_width: channels of a head.
        blocks: `num_res_blocks`.
        linear: `use_linear_in_transformer`: the projections around a transformer are linear
            layers, not convolutions of 1 x 1.
        adm: width of the vector beside the text (SDXL's pooled text and sizes).
        classes: rows of the class embedding (x4-upscaler's noise levels).
        cross_only: levels whose first attention looks at the text as well
            (`disable_self_attentions`).
        scale_shift: `use_scale_shift_norm`.
        resample_blocks: `resblock_updown`: resolution changes in residual blocks.
    """

    in_channels: int
    out_channels: int
    width: int
    mult: tuple[int, ...]
    depth: tuple[int, ...]
    middle: int = 1
    context: int | None = None
    heads: int | None = None
    head_width: int | None = None
    blocks: int = 2
    linear: bool = False
    adm: int | None = None
    classes: int | None = None
    cross_only: tuple[int, ...] = ()
    scale_shift: bool = False
    resample_blocks: bool = False

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(self.width * mult for mult in self.mult)


def unet_shapes(unet: Unet) -> Shapes:
    """Names (below `model.diffusion_model.`) and shapes of every tensor of the denoiser."""
    time = 4 * unet.width
    last = len(unet.mult) - 1
    tensors: Shapes = {}
    for name in ("time_embed",) + (("label_emb.0",) if unet.adm else ()):
        into = unet.adm if name == "label_emb.0" and unet.adm else unet.width
        tensors |= linear(f"{name}.0", into, time) | linear(f"{name}.2", time, time)
    if unet.classes:
        tensors["label_emb.weight"] = (unet.classes, time)

    tensors |= conv("input_blocks.0.0", unet.in_channels, unet.width)
    kept = [unet.width]
    channels, index = unet.width, 1
    for level, width in enumerate(unet.widths):
        for _ in range(unet.blocks):
            tensors |= _residual(f"input_blocks.{index}.0", channels, width, unet)
            channels = width
            if unet.depth[level]:
                tensors |= _attention(f"input_blocks.{index}.1", width, unet, level)
            kept.append(channels)
            index += 1
        if level < last:
            name = f"input_blocks.{index}.0"
            tensors |= (
                _residual(name, channels, channels, unet)
                if unet.resample_blocks
                else conv(f"{name}.op", channels, channels)
            )
            kept.append(channels)
            index += 1

    tensors |= _residual("middle_block.0", channels, channels, unet)
    tensors |= _attention("middle_block.1", channels, unet, None)
    tensors |= _residual("middle_block.2", channels, channels, unet)

    index = 0
    for level in range(last, -1, -1):
        width = unet.widths[level]
        for block in range(unet.blocks + 1):
            name = f"output_blocks.{index}"
            tensors |= _residual(f"{name}.0", channels + kept.pop(), width, unet)
            channels = width
            if unet.depth[level]:
                tensors |= _attention(f"{name}.1", width, unet, level)
            if level and block == unet.blocks:
                after = f"{name}.{2 if unet.depth[level] else 1}"
                tensors |= (
                    _residual(after, channels, channels, unet)
                    if unet.resample_blocks
                    else conv(f"{after}.conv", channels, channels)
                )
            index += 1
    return tensors | norm("out.0", channels) | conv("out.2", channels, unet.out_channels)


def _residual(name: str, into: int, out: int, unet: Unet) -> Shapes:
    tensors = norm(f"{name}.in_layers.0", into) | conv(f"{name}.in_layers.2", into, out)
    tensors |= linear(f"{name}.emb_layers.1", 4 * unet.width, out * (2 if unet.scale_shift else 1))
    tensors |= norm(f"{name}.out_layers.0", out) | conv(f"{name}.out_layers.3", out, out)
    if into != out:
        tensors |= conv(f"{name}.skip_connection", into, out, 1)
    return tensors


def _attention(name: str, width: int, unet: Unet, level: int | None) -> Shapes:
    """The attention of one block; `level` is None in the middle."""
    tensors = norm(f"{name}.norm", width)
    if unet.context is None:
        tensors |= conv1d(f"{name}.qkv", width, 3 * width)
        return tensors | conv1d(f"{name}.proj_out", width, width)
    for side in ("proj_in", "proj_out"):
        tensors |= (
            linear(f"{name}.{side}", width, width)
            if unet.linear
            else conv(f"{name}.{side}", width, width, 1)
        )
    depth = unet.middle if level is None else unet.depth[level]
    for block in range(depth):
        inner = f"{name}.transformer_blocks.{block}"
        sources = {"attn1": unet.context if level in unet.cross_only else width}
        for attention, source in (sources | {"attn2": unet.context}).items():
            tensors |= linear(f"{inner}.{attention}.to_q", width, width, bias=False)
            tensors |= linear(f"{inner}.{attention}.to_k", source, width, bias=False)
            tensors |= linear(f"{inner}.{attention}.to_v", source, width, bias=False)
            tensors |= linear(f"{inner}.{attention}.to_out.0", width, width)
        tensors |= linear(f"{inner}.ff.net.0.proj", width, 8 * width)
        tensors |= linear(f"{inner}.ff.net.2", 4 * width, width)
        for number in (1, 2, 3):
            tensors |= norm(f"{inner}.norm{number}", width)
    return tensors
