"""The first stage as CompVis's `AutoencoderKL` and `VQModelInterface` name it."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.compvis.parts import Shapes, conv, norm, prefixed


@dataclass(frozen=True)
class FirstStage:
    """What the yaml file beside a checkpoint says under `first_stage_config`.

    Attributes:
        width: `ch`; must be a multiple of 32 (the groups of the normalisation).
        mult: `ch_mult`; two levels differ by a factor 2 in resolution.
        channels: `z_channels`, of the latents.
        embed: `embed_dim`, of the latents as the denoiser sees them.
        codes: rows of the codebook (`n_embed`); None: the KL kind, whose encoder gives a mean and
            a log variance.
        attention: levels with attention (`attn_resolutions`, as levels).
        blocks: `num_res_blocks`.
    """

    width: int
    mult: tuple[int, ...]
    channels: int
    embed: int
    codes: int | None = None
    attention: tuple[int, ...] = ()
    blocks: int = 2

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(self.width * mult for mult in self.mult)


def first_stage_shapes(stage: FirstStage) -> Shapes:
    """Names (below `first_stage_model.`) and shapes of every tensor of the first stage."""
    parts = 1 if stage.codes else 2
    tensors = prefixed("encoder.", _encoder(stage, parts)) | prefixed("decoder.", _decoder(stage))
    if stage.codes:
        tensors["quantize.embedding.weight"] = (stage.codes, stage.embed)
    tensors |= conv("quant_conv", parts * stage.channels, parts * stage.embed, 1)
    return tensors | conv("post_quant_conv", stage.embed, stage.channels, 1)


def _encoder(stage: FirstStage, parts: int) -> Shapes:
    tensors = conv("conv_in", 3, stage.width)
    channels = stage.width
    for level, width in enumerate(stage.widths):
        for block in range(stage.blocks):
            tensors |= _residual(f"down.{level}.block.{block}", channels, width)
            channels = width
            if level in stage.attention:
                tensors |= _attention(f"down.{level}.attn.{block}", width)
        if level < len(stage.mult) - 1:
            tensors |= conv(f"down.{level}.downsample.conv", channels, channels)
    tensors |= _middle(channels) | norm("norm_out", channels)
    return tensors | conv("conv_out", channels, parts * stage.channels)


def _decoder(stage: FirstStage) -> Shapes:
    channels = stage.widths[-1]
    tensors = conv("conv_in", stage.channels, channels) | _middle(channels)
    for level in range(len(stage.mult) - 1, -1, -1):
        width = stage.widths[level]
        for block in range(stage.blocks + 1):
            tensors |= _residual(f"up.{level}.block.{block}", channels, width)
            channels = width
            if level in stage.attention:
                tensors |= _attention(f"up.{level}.attn.{block}", width)
        if level:
            tensors |= conv(f"up.{level}.upsample.conv", channels, channels)
    return tensors | norm("norm_out", channels) | conv("conv_out", channels, 3)


def _middle(width: int) -> Shapes:
    tensors = _residual("mid.block_1", width, width) | _attention("mid.attn_1", width)
    return tensors | _residual("mid.block_2", width, width)


def _residual(name: str, into: int, out: int) -> Shapes:
    tensors = norm(f"{name}.norm1", into) | conv(f"{name}.conv1", into, out)
    tensors |= norm(f"{name}.norm2", out) | conv(f"{name}.conv2", out, out)
    return tensors | (conv(f"{name}.nin_shortcut", into, out, 1) if into != out else {})


def _attention(name: str, width: int) -> Shapes:
    tensors = norm(f"{name}.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        tensors |= conv(f"{name}.{part}", width, width, 1)
    return tensors
