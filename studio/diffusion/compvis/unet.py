"""UNets of the single-file layout (openaimodel.UNetModel): architecture and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from studio.diffusion.compvis.names import Names, UnknownArchitecture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studio.diffusion.weights.deferred import Deferred

PREFIX = "model.diffusion_model."


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution of a UNet.

    Args:
        channels: of its residual blocks.
        resnets: residual blocks on the way down; one more on the way up.
        depth: transformer blocks after each; 0 = none.
        attends: it has attention without text (`AttentionBlock`).
    """

    channels: int
    resnets: int
    depth: int
    attends: bool


@dataclass(frozen=True, slots=True)
class UNetShape:
    """What can be read off a UNet's names and shapes.

    Args:
        in_channels, out_channels: of the convolutions at both ends.
        levels: from the finest to the coarsest.
        middle_depth: transformer blocks in the middle; 0 = none.
        middle_attends: the middle has attention without text.
        context: width of the text embeddings; None where it attends to none.
        attention: name of the tensor that says so; empty without.
        linear: its transformers' projections are linear layers, not 1x1 convolutions.
        added: width of the vector that is added to the time embedding (SDXL); None = none.
        classes: rows of the class embedding (the x4 upscaler's noise levels); None = none.
        scale: width of the embedded guidance scale that it is told (LCM); None = it isn't.
        by_resnets: residual blocks change the resolution, not plain convolutions.
        scale_shift: the time embedding scales and shifts, and isn't just added.
    """

    in_channels: int
    out_channels: int
    levels: tuple[Level, ...]
    middle_depth: int
    middle_attends: bool
    context: int | None
    attention: str
    linear: bool
    added: int | None
    classes: int | None
    scale: int | None
    by_resnets: bool
    scale_shift: bool


_SCALE = "time_embed.cond_proj.weight"


def read_shape(names: Names) -> UNetShape:
    """The architecture of the UNet whose tensors (without `PREFIX`) are given.

    Raises:
        UnknownArchitecture: the names fit no such UNet.
    """
    levels, by_resnets = _levels(names)
    attention = min((n for n in names if n.endswith(".0.attn2.to_k.weight")), default="")
    projection = f"{attention.partition('.transformer_blocks.')[0]}.proj_in.weight"
    return UNetShape(
        in_channels=names.side("input_blocks.0.0.weight", 1),
        out_channels=names.side("out.2.weight", 0),
        levels=levels,
        middle_depth=names.count("middle_block.1.transformer_blocks."),
        middle_attends="middle_block.1.qkv.weight" in names,
        context=names.side(attention, 1) if attention else None,
        attention=attention,
        linear=bool(attention) and len(names[projection]) == 2,
        added=names.side("label_emb.0.0.weight", 1) if names.has("label_emb.0.0.") else None,
        classes=names.side("label_emb.weight", 0) if "label_emb.weight" in names else None,
        scale=names.side(_SCALE, 1) if _SCALE in names else None,
        by_resnets=by_resnets,
        scale_shift=names.side("input_blocks.1.0.emb_layers.1.weight", 0)
        == 2 * levels[0].channels,
    )


def _levels(names: Names) -> tuple[tuple[Level, ...], bool]:
    """The levels, and whether residual blocks change the resolution (`resblock_updown`)."""
    ups = [i for i in range(names.count("output_blocks.")) if _upsampler(names, i)]
    count, blocks = len(ups) + 1, names.count("output_blocks.")
    if blocks % count or blocks != names.count("input_blocks.") or blocks < 2 * count:
        raise UnknownArchitecture(
            f"its {names.count('input_blocks.')} blocks on the way down and {blocks} on the way "
            f"up don't make {count} levels"
        )
    per_level = blocks // count
    levels = []
    for i in range(count):
        first = 1 + i * per_level
        level = [_block(names, "input_blocks", first + j) for j in range(per_level - 1)]
        mirrored = blocks - (i + 1) * per_level
        level += [_block(names, "output_blocks", mirrored + j) for j in range(per_level)]
        if len(set(level)) != 1:
            raise UnknownArchitecture(f"the residual blocks of level {i} differ")
        channels, depth, attends = level[0]
        levels.append(Level(channels, per_level - 1, depth, attends))
    return tuple(levels), bool(ups) and not _upsampler(names, ups[0]).endswith(".conv")


def _block(names: Names, side: str, i: int) -> tuple[int, int, bool]:
    """Channels, transformer depth, and whether it has attention without text."""
    return (
        names.side(f"{side}.{i}.0.out_layers.3.weight", 0),
        names.count(f"{side}.{i}.1.transformer_blocks."),
        f"{side}.{i}.1.qkv.weight" in names,
    )


def _upsampler(names: Names, i: int) -> str:
    """What doubles the resolution at the end of a block on the way up; empty = nothing."""
    for j in (1, 2):
        if names.has(f"output_blocks.{i}.{j}.conv."):
            return f"output_blocks.{i}.{j}.conv"
        if names.has(f"output_blocks.{i}.{j}.in_layers."):
            return f"output_blocks.{i}.{j}"
    return ""


def config(shape: UNetShape, base: dict[str, Any]) -> dict[str, Any]:
    """The library's config of a UNet.

    Args:
        shape: what the tensors say.
        base: the family's published config, for what they don't say: how many heads, which
            activations. Its list of widths decides nothing.
    """
    levels = shape.levels
    found: dict[str, Any] = {
        **base,
        "in_channels": shape.in_channels,
        "out_channels": shape.out_channels,
        "block_out_channels": [level.channels for level in levels],
        "layers_per_block": levels[0].resnets,
        "attention_head_dim": _heads(shape, base),
    }
    found["resnet_time_scale_shift"] = "scale_shift" if shape.scale_shift else "default"
    if shape.context is None:
        down, up = ["DownBlock2D", "AttnDownBlock2D"], ["UpBlock2D", "AttnUpBlock2D"]
        kinds = [level.attends for level in levels]
        if shape.by_resnets:
            down[0], up[0] = "ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"
            found["downsample_type"] = found["upsample_type"] = "resnet"
        found["add_attention"] = shape.middle_attends
    else:
        down, up = ["DownBlock2D", "CrossAttnDownBlock2D"], ["UpBlock2D", "CrossAttnUpBlock2D"]
        kinds = [level.depth > 0 for level in levels]
        depths = [max(level.depth, 1) for level in levels]
        depths[-1] = max(levels[-1].depth, shape.middle_depth, 1)
        if levels[-1].depth not in (0, depths[-1]):
            raise UnknownArchitecture("its middle isn't as deep as its last level")
        found["cross_attention_dim"] = shape.context
        found["transformer_layers_per_block"] = depths
        found["use_linear_projection"] = shape.linear
        found["mid_block_type"] = "UNetMidBlock2DCrossAttn" if shape.middle_depth else None
    found["down_block_types"] = [down[kind] for kind in kinds]
    found["up_block_types"] = [up[kind] for kind in reversed(kinds)]
    if shape.added is not None:
        found["addition_embed_type"] = "text_time"
        found["projection_class_embeddings_input_dim"] = shape.added
    if shape.classes is not None:
        found["num_class_embeds"] = shape.classes
    if shape.scale is not None:
        found["time_cond_proj_dim"] = shape.scale
    return found


def _heads(shape: UNetShape, base: dict[str, Any]) -> Any:
    """The library's `attention_head_dim`, which counts heads in UNets with text.

    Written as a list, it follows the widths: each of 64 in Stable Diffusion 2 and XL.
    """
    published = base.get("attention_head_dim", 8)
    if isinstance(published, list) and shape.context is not None:
        widths = base.get("block_out_channels", [])
        width = widths[0] // published[0] if widths and published[0] else 64
        return [max(level.channels // width, 1) for level in shape.levels]
    return published


_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_ENDS = {
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "time_embed.cond_proj": "time_embedding.cond_proj",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
}


def modules(shape: UNetShape) -> Iterator[tuple[str, str]]:
    """(the file's prefix of a block, the library's), both without a last dot."""
    per_level = shape.levels[0].resnets
    last = len(shape.levels) - 1
    i = 1
    for level in range(last + 1):
        for j in range(per_level):
            yield f"input_blocks.{i}.0", f"down_blocks.{level}.resnets.{j}"
            yield f"input_blocks.{i}.1", f"down_blocks.{level}.attentions.{j}"
            i += 1
        if level < last:
            down = f"down_blocks.{level}.downsamplers.0"
            if shape.by_resnets:
                yield f"input_blocks.{i}.0", down
            else:
                yield f"input_blocks.{i}.0.op", f"{down}.conv"
            i += 1
    has_attention = shape.middle_depth or shape.middle_attends
    yield "middle_block.0", "mid_block.resnets.0"
    yield "middle_block.2" if has_attention else "middle_block.1", "mid_block.resnets.1"
    if has_attention:
        yield "middle_block.1", "mid_block.attentions.0"
    for level in range(last + 1):
        mirrored = shape.levels[last - level]
        for j in range(per_level + 1):
            i = level * (per_level + 1) + j
            yield f"output_blocks.{i}.0", f"up_blocks.{level}.resnets.{j}"
            if mirrored.depth or mirrored.attends:
                yield f"output_blocks.{i}.1", f"up_blocks.{level}.attentions.{j}"
            if j == per_level and level < last:
                where = 2 if mirrored.depth or mirrored.attends else 1
                up = f"up_blocks.{level}.upsamplers.0"
                if shape.by_resnets:
                    yield f"output_blocks.{i}.{where}", up
                else:
                    yield f"output_blocks.{i}.{where}.conv", f"{up}.conv"


def convert(
    tensors: dict[str, Deferred], shape: UNetShape, head_width: int | None, heads: int | None
) -> dict[str, Deferred]:
    """The tensors of a UNet (without `PREFIX`) by the library's names.

    Args:
        tensors: as the file names them.
        shape: its architecture.
        head_width: channels a head of `AttentionBlock`s; None where `heads` says how many.
        heads: heads of each `AttentionBlock`.
    """
    blocks = dict(modules(shape))
    found: dict[str, Deferred] = {}
    for name, tensor in tensors.items():
        if name == "label_emb.weight":
            found["class_embedding.weight"] = tensor
            continue
        stem, _, leaf = name.rpartition(".")
        if stem in _ENDS:
            found[f"{_ENDS[stem]}.{leaf}"] = tensor
            continue
        block = next((b for b in _parents(name) if b in blocks), None)
        if block is None:
            continue
        target, rest = blocks[block], name[len(block) + 1 :]
        if ".attentions." in target and rest.startswith("qkv."):
            count = heads or tensor.shape[0] // 3 // (head_width or tensor.shape[0] // 3)
            for part, to in enumerate(("to_q", "to_k", "to_v")):
                found[f"{target}.{to}.{leaf}"] = tensor.heads(part, count).flat()
        elif ".attentions." in target and shape.context is None:
            renamed = rest.replace("norm.", "group_norm.").replace("proj_out.", "to_out.0.")
            found[f"{target}.{renamed}"] = tensor.flat()
        else:
            for old, new in _RESNET.items():
                if rest.startswith(f"{old}."):
                    rest = new + rest[len(old) :]
                    break
            found[f"{target}.{rest}"] = tensor
    return found


def _parents(name: str) -> Iterator[str]:
    """The prefixes of a dotted name, the longest first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name
